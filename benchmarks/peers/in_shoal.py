"""A case in Shoal."""

from __future__ import annotations

import numpy as np
import pandas as pd

import shoal as sl
from peers.case import Case, Prior

NUMBERS = {
    "Normal": ("mu", "sigma"),
    "HalfNormal": ("sigma",),
    "HalfCauchy": ("beta",),
    "Exponential": ("rate",),
    "Gamma": ("mu", "sigma"),
    "LKJ": ("eta",),
}


def prior(given: Prior) -> sl.priors.Prior:
    numbers = dict(zip(NUMBERS[given[0]], given[1:], strict=True))
    return getattr(sl.priors, given[0])(**numbers)


def model(case: Case, path: str) -> sl.Model:
    """Return the model; Shoal itself decides whether rows of a file are summed where they are."""
    priors = {name: prior(case.priors[name]) for name in set(case.parameters.values())}
    return sl.Model(case.formula, path, case.family, priors)


def fit(case: Case, path: str, draws: int, seed: int) -> sl.Fit:
    out = model(case, path).fit(draws, seed=seed, progress=False)
    out.summary()
    return out


def divergences(fit: sl.Fit) -> int:
    return int(fit.tree["sample_stats"]["diverging"].sum())


def quantities(case: Case, table: pd.DataFrame, fit: sl.Fit) -> dict[str, np.ndarray]:
    posterior = fit.tree["posterior"].to_dataset()
    out: dict[str, np.ndarray] = {}
    for name in case.parameters:
        if name == "b":
            out[name] = np.stack([posterior[column].values for column in case.parts.slopes], axis=-1)
        elif name.startswith("cor_"):
            row, column = np.tril_indices(posterior[name].shape[-1], -1)
            out[name] = posterior[name].values[..., row, column]
        else:
            out[name] = posterior[name].values
    for group in case.parts.groups:
        labels = np.unique(table[group.factor])
        out[f"r_{group.factor}"] = posterior[f"r_{group.factor}"].sel({group.factor: labels}).values
    return out
