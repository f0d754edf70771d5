"""Scores as arviz-stats has them, in both of its shapes: one class (0.8), or one for each kind (1.x)."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from shoal.errors import ModelError, nearest

if TYPE_CHECKING:
    from shoal.loo.result import Loo

METHODS = ("stacking", "bb-pseudo-bma", "pseudo-bma")


def elpd_data(score: Loo, offset: np.ndarray | float = 0.0) -> Any:
    """Return the ``ELPDData`` of a score.

    Parameters
    ----------
    offset : (U,) array
        Taken from the log density of each unit.
    """
    import xarray as xr
    from arviz_stats import utils

    alike, table = score.alike, score.pointwise
    labels = np.repeat(table.index.to_numpy(), alike)

    def along(values: np.ndarray) -> xr.DataArray:
        return xr.DataArray(np.repeat(values, alike), {score.unit: labels}, (score.unit,))

    elpd = table["elpd"].to_numpy() - offset
    common: dict[str, Any] = {
        "elpd": float(alike @ elpd),
        "se": score.se,
        "p": score.p,
        "n_samples": score.draws,
        "n_data_points": int(alike.sum()),
        "scale": "log",
        "warning": not score.ok,
        "good_k": score.good_k,
        "elpd_i": along(elpd),
        "pareto_k": None if score.folds else along(table["pareto_k"].to_numpy()),
    }
    if score.folds:
        common["n_folds"] = score.folds
    kind = getattr(utils, "ELPDDataLOOKFold" if score.folds else "ELPDDataLOO", None)
    if kind is None:
        return utils.ELPDData(kind="loo_kfold" if score.folds else "loo", **common)
    return kind(**common)


def weights(scores: Mapping[str, Loo], method: str) -> dict[str, float]:
    """Return the models' weights, by arviz-stats' ``compare``.

    Of single trials, which that would have one by one, by the same stacking of those that are alike.

    Parameters
    ----------
    method : {"stacking", "bb-pseudo-bma", "pseudo-bma"}
        Of trials: stacking.

    Raises
    ------
    ModelError
        Another method.

    References
    ----------
    Yao, Vehtari, Simpson and Gelman (2018), Bayesian Analysis 13, 917-1007.
    """
    from arviz_stats import compare

    if method not in METHODS:
        raise ModelError(
            f"method={method!r}.", f"One of {', '.join(METHODS)}.", nearest(str(method), METHODS)
        )
    # What all models share of a unit moves no weight, and taking it away keeps densities from underflowing.
    elpd = np.array([score.pointwise["elpd"].to_numpy() for score in scores.values()])
    best = elpd.max(axis=0)
    if (first := next(iter(scores.values()))).single:
        if method != "stacking":
            raise ModelError(f"method={method!r} of single trials.", "'stacking'.")
        return dict(zip(scores, _stacked(np.exp(elpd - best), first.alike), strict=True))
    given = {name: elpd_data(score, best) for name, score in scores.items()}
    exactly = {"round_to": "none"} if "round_to" in inspect.signature(compare).parameters else {}
    table = compare(given, method=method, **exactly)
    return {name: float(table.loc[name, "weight"]) for name in scores}


def _stacked(density: np.ndarray, alike: np.ndarray) -> list[float]:
    """Return the weights w (M,) that maximise ``sum_u n_u log(w . p_u)``, of densities (M, U)."""
    from scipy.optimize import minimize

    share = alike / alike.sum()

    def score(w: np.ndarray) -> tuple[float, np.ndarray]:
        mixed = w @ density
        return -float(share @ np.log(mixed)), -(density / mixed) @ share

    count = len(density)
    found = minimize(
        score,
        np.full(count, 1 / count),
        jac=True,
        bounds=[(1e-12, 1.0)] * count,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1.0},
        options={"ftol": 1e-12},
    )
    return [float(w) for w in found.x / found.x.sum()]
