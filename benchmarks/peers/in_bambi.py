"""A case in Bambi, by its default sampler and in its default coordinates, which are non-centred."""

from __future__ import annotations

from typing import Any

import arviz as az
import bambi as bmb
import numpy as np
import pandas as pd
import pymc as pm

from peers.case import Case, Prior
from peers.in_pymc import numbers


def prior(given: Prior, **more: Any) -> bmb.Prior:
    return bmb.Prior(given[0], **numbers(given), **more)


def priors(case: Case, table: pd.DataFrame) -> dict[str, Any]:
    parts = case.parts
    out: dict[str, Any] = {name: prior(case.priors["b"]) for name in parts.slopes}
    if "1" in parts.columns:
        out["Intercept"] = prior(case.priors["Intercept"])
    for group in parts.groups:
        scale = prior(case.priors["sd"])
        out |= {f"{c}|{group.factor}": bmb.Prior("Normal", mu=0, sigma=scale) for c in group.effects}
    if case.family == "gaussian":
        out["sigma"] = prior(case.priors["sigma"])
    if case.family == "cumulative":
        places = np.linspace(-2, 2, table[parts.response].nunique() - 1)
        transform = pm.distributions.transforms.ordered
        out["threshold"] = prior(case.priors["cutpoints"], initval=places, transform=transform)
    return out


def model(case: Case, table: pd.DataFrame) -> bmb.Model:
    factors = {group.factor: pd.Categorical(table[group.factor]) for group in case.parts.groups}
    if case.family == "cumulative":
        factors[case.parts.response] = pd.Categorical(table[case.parts.response], ordered=True)
    # Priors are of the intercept where the columns are 0, as they are everywhere else.
    return bmb.Model(
        case.parts.in_bambi(),
        table.assign(**factors),
        family=case.family,
        priors=priors(case, table),
        center_predictors=False,
    )


def fit(case: Case, path: str, draws: int, seed: int) -> Any:
    built = model(case, pd.read_parquet(path))
    drawn = built.fit(draws=draws, tune=1000, chains=4, random_seed=seed, progressbar=False)
    az.summary(drawn, var_names=[name for name in drawn.posterior if "|" not in name or "_sigma" in name])
    return drawn


def divergences(fit: Any) -> int:
    return int(fit.sample_stats["diverging"].sum())


def quantities(case: Case, table: pd.DataFrame, fit: Any) -> dict[str, np.ndarray]:
    parts, posterior = case.parts, fit.posterior
    out = {name: posterior[name].values for name in ("Intercept", "sigma") if name in posterior}
    if parts.slopes:
        out["b"] = np.stack([posterior[name].values for name in parts.slopes], axis=-1)
    if "threshold" in posterior:
        out["cutpoints"] = posterior["threshold"].values
    for group in parts.groups:
        names = [f"{c}|{group.factor}" for c in group.effects]
        dim = f"{group.factor}__factor_dim"
        place = {str(label): k for k, label in enumerate(posterior[dim].values)}
        order = [place[str(label)] for label in np.unique(table[group.factor])]
        out[f"sd_{group.factor}"] = np.stack([posterior[f"{n}_sigma"].values for n in names], axis=-1)
        out[f"r_{group.factor}"] = np.stack([posterior[n].values[..., order] for n in names], axis=-1)
    return out
