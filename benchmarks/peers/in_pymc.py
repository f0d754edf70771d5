"""A case in PyMC, sampled by nutpie: as someone writes it who knows when to centre effects."""

from __future__ import annotations

from typing import Any

import arviz as az
import numpy as np
import nutpie
import pandas as pd
import pymc as pm
import pytensor.tensor as pt

from peers.case import Case, Prior
from peers.formulas import Group

NUMBERS = {
    "Normal": ("mu", "sigma"),
    "HalfNormal": ("sigma",),
    "HalfCauchy": ("beta",),
    "Exponential": ("lam",),
    "Gamma": ("mu", "sigma"),
}


def numbers(given: Prior) -> dict[str, float]:
    """Return a prior's numbers by PyMC's names."""
    return dict(zip(NUMBERS[given[0]], given[1:], strict=True))


def variable(name: str, given: Prior, **shape: Any) -> Any:
    return getattr(pm, given[0])(name, **numbers(given), **shape)


def levels(case: Case, group: Group, count: int, population: dict[str, Any]) -> Any:
    """Return the effects, (levels, effects), with the population coefficients that they carry."""
    f, e, given = group.factor, len(group.effects), case.priors["sd"]
    if group.correlated:
        scale = getattr(pm, given[0]).dist(**numbers(given), shape=e)
        root, correlation, _ = pm.LKJCholeskyCov(f"root_{f}", n=e, eta=case.priors["cor"][1], sd_dist=scale)
        pm.Deterministic(f"sd_{f}", pt.sqrt((root**2).sum(axis=1)))
        pm.Deterministic(f"cor_{f}", correlation[np.tril_indices(e, -1)])
        return pm.Deterministic(f"r_{f}", pm.Normal(f"z_{f}", shape=(count, e)) @ root.T)
    sd = variable(f"sd_{f}", given, shape=e)
    if group.zero_sum:
        # The scale of ZeroSumNormal is one number: several effects are standardised.
        if f in case.centered and e == 1:
            r = pm.ZeroSumNormal(f"s_{f}", sigma=sd[0], shape=count)[:, None]
        else:
            r = pm.ZeroSumNormal(f"z_{f}", shape=(e, count)).T * sd
        return pm.Deterministic(f"r_{f}", r)
    if f not in case.centered:
        return pm.Deterministic(f"r_{f}", pm.Normal(f"z_{f}", shape=(count, e)) * sd)
    carried = case.carried(group)
    mean = pt.stack([population[c] if c in carried else pt.zeros(()) for c in group.effects])
    level = pm.Normal(f"level_{f}", mean, sd, shape=(count, e))
    pm.Deterministic(f"r_{f}", level - mean)
    return level


def predictor(case: Case, table: pd.DataFrame) -> Any:
    """Return the linear predictor of the rows."""
    parts = case.parts
    population = {"1": variable("Intercept", case.priors["Intercept"])} if "1" in parts.columns else {}
    if parts.slopes:
        b = variable("b", case.priors["b"], shape=len(parts.slopes))
        population |= {name: b[k] for k, name in enumerate(parts.slopes)}
    eta: Any = 0.0
    for group in parts.groups:
        labels, code = np.unique(table[group.factor], return_inverse=True)
        own = levels(case, group, len(labels), population)
        for name in case.carried(group):
            del population[name]
        if group.effects == ("1",):
            eta = eta + own[:, 0][code]
        else:
            eta = eta + (own[code] * columns(table, group.effects)).sum(axis=1)
    if population:
        eta = eta + pt.dot(columns(table, tuple(population)), pt.stack(list(population.values())))
    return eta


def columns(table: pd.DataFrame, names: tuple[str, ...]) -> np.ndarray:
    """Return columns as floats, "1" as ones."""
    return np.column_stack([np.ones(len(table)) if c == "1" else table[c].astype(float) for c in names])


def build(case: Case, table: pd.DataFrame) -> pm.Model:
    y = table[case.parts.response].to_numpy()
    with pm.Model() as model:
        eta = predictor(case, table)
        if case.family == "gaussian":
            known = case.parts.se
            sigma = table[known].to_numpy() if known else variable("sigma", case.priors["sigma"])
            pm.Normal("y", eta, sigma, observed=y)
        elif case.family == "poisson":
            pm.Poisson("y", pt.exp(eta), observed=y)
        elif case.family == "cumulative":
            labels, code = np.unique(y, return_inverse=True)
            cut = variable(
                "cutpoints",
                case.priors["cutpoints"],
                transform=pm.distributions.transforms.ordered,
                initval=np.linspace(-2, 2, len(labels) - 1),
                shape=len(labels) - 1,
            )
            pm.OrderedLogistic("y", eta=eta, cutpoints=cut, observed=code, compute_p=False)
        elif case.family == "binomial":
            pm.Binomial("y", n=table[case.parts.trials].to_numpy(), logit_p=eta, observed=y)
        else:
            pm.Bernoulli("y", logit_p=eta, observed=y)
    return model


def fit(case: Case, path: str, draws: int, seed: int) -> Any:
    compiled = nutpie.compile_pymc_model(build(case, pd.read_parquet(path)))
    drawn = nutpie.sample(compiled, draws=draws, tune=1000, chains=4, seed=seed, progress_bar=False)
    az.summary(drawn, var_names=list(case.parameters))
    return drawn


def divergences(fit: Any) -> int:
    return int(fit.sample_stats["diverging"].sum())


def quantities(case: Case, table: pd.DataFrame, fit: Any) -> dict[str, np.ndarray]:
    return {name: fit.posterior[name].values for name in [*case.parameters, *case.effects]}
