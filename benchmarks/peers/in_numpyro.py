"""A case in NumPyro, on the CPU in double precision, a chain a device."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import arviz as az
import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pandas as pd
from numpyro.infer import MCMC, NUTS

from peers.case import Case, Prior
from peers.formulas import Group

numpyro.set_platform("cpu")
numpyro.set_host_device_count(4)
numpyro.enable_x64()

KINDS: dict[str, Callable[..., dist.Distribution]] = {
    "Normal": dist.Normal,
    "HalfNormal": dist.HalfNormal,
    "HalfCauchy": dist.HalfCauchy,
    "Exponential": dist.Exponential,
    "Gamma": lambda mu, sigma: dist.Gamma((mu / sigma) ** 2, mu / sigma**2),
}


def prior(given: Prior, size: int | None = None) -> dist.Distribution:
    one = KINDS[given[0]](*map(float, given[1:]))
    return one if size is None else one.expand([size]).to_event(1)


def standard(*shape: int) -> dist.Distribution:
    return dist.Normal(0.0, 1.0).expand(list(shape)).to_event(len(shape))


def levels(case: Case, group: Group, count: int, population: dict[str, Any]) -> Any:
    """Return the effects, (levels, effects), with the population coefficients that they carry."""
    f, e = group.factor, len(group.effects)
    sd = numpyro.sample(f"sd_{f}", prior(case.priors["sd"], e))
    if group.correlated:
        root = numpyro.sample(f"root_{f}", dist.LKJCholesky(e, case.priors["cor"][1]))
        numpyro.deterministic(f"cor_{f}", (root @ root.T)[np.tril_indices(e, -1)])
        r = numpyro.sample(f"z_{f}", standard(count, e)) @ (sd[:, None] * root).T
    elif group.zero_sum and f in case.centered and e == 1:
        r = numpyro.sample(f"s_{f}", dist.ZeroSumNormal(sd[0], (count,)))[:, None]
    elif group.zero_sum:
        r = numpyro.sample(f"z_{f}", dist.ZeroSumNormal(1.0, (count,)).expand([e]).to_event(1)).T * sd
    elif f not in case.centered:
        r = numpyro.sample(f"z_{f}", standard(count, e)) * sd
    else:
        carried = case.carried(group)
        mean = jnp.stack([population[c] if c in carried else jnp.zeros(()) for c in group.effects])
        level = numpyro.sample(f"level_{f}", dist.Normal(mean, sd).expand([count, e]).to_event(2))
        numpyro.deterministic(f"r_{f}", level - mean)
        return level
    return numpyro.deterministic(f"r_{f}", r)


def program(case: Case, table: pd.DataFrame) -> Callable[[], None]:
    """Return the model as NumPyro takes it; what is known of the rows is computed once."""
    parts = case.parts
    y, trials, se = (
        table[name].to_numpy() if name else None for name in (parts.response, parts.trials, parts.se)
    )
    coded = {g.factor: np.unique(table[g.factor], return_inverse=True) for g in parts.groups}
    values = {name: table[name].to_numpy(float) for name in parts.data if name not in coded}
    values["1"] = np.ones(len(table))
    categories, ordered = np.unique(y, return_inverse=True) if case.family == "cumulative" else (y, y)

    def stacked(names: tuple[str, ...]) -> np.ndarray:
        return np.column_stack([values[name] for name in names])

    def model() -> None:
        population = {}
        if "1" in parts.columns:
            population["1"] = numpyro.sample("Intercept", prior(case.priors["Intercept"]))
        if parts.slopes:
            b = numpyro.sample("b", prior(case.priors["b"], len(parts.slopes)))
            population |= {name: b[k] for k, name in enumerate(parts.slopes)}
        eta: Any = 0.0
        for group in parts.groups:
            labels, code = coded[group.factor]
            own = levels(case, group, len(labels), population)
            for name in case.carried(group):
                del population[name]
            if group.effects == ("1",):
                eta = eta + own[code, 0]
            else:
                eta = eta + (own[code] * stacked(group.effects)).sum(1)
        if population:
            eta = eta + stacked(tuple(population)) @ jnp.stack(list(population.values()))
        numpyro.sample("y", rows(eta), obs=ordered)

    def rows(eta: Any) -> dist.Distribution:
        if case.family == "gaussian":
            sigma = numpyro.sample("sigma", prior(case.priors["sigma"])) if se is None else se
            return dist.Normal(eta, sigma)
        if case.family == "poisson":
            return dist.Poisson(jnp.exp(eta))
        if case.family == "binomial":
            return dist.Binomial(trials, logits=eta)
        if case.family == "bernoulli":
            return dist.Bernoulli(logits=eta)
        size, given = len(categories) - 1, case.priors["cutpoints"]
        ascending = dist.constraints.ordered_vector
        cut = numpyro.sample("cutpoints", dist.ImproperUniform(ascending, (), (size,)))
        numpyro.factor("cutpoints_prior", KINDS[given[0]](*given[1:]).log_prob(cut).sum())
        return dist.OrderedLogistic(eta, cut)

    return model


def fit(case: Case, path: str, draws: int, seed: int) -> MCMC:
    kernel = NUTS(program(case, pd.read_parquet(path)))
    run = MCMC(kernel, num_warmup=1000, num_samples=draws, num_chains=4, progress_bar=False)
    run.run(jax.random.PRNGKey(seed))
    drawn = az.from_numpyro(run, log_likelihood=False)
    az.summary(drawn, var_names=list(case.parameters))
    return run


def divergences(fit: MCMC) -> int:
    return int(fit.get_extra_fields()["diverging"].sum())


def quantities(case: Case, table: pd.DataFrame, fit: MCMC) -> dict[str, np.ndarray]:
    drawn = fit.get_samples(group_by_chain=True)
    return {name: np.asarray(drawn[name]) for name in [*case.parameters, *case.effects]}
