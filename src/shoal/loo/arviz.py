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

    Parameters
    ----------
    method : {"stacking", "bb-pseudo-bma", "pseudo-bma"}

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
    best = np.max([score.pointwise["elpd"].to_numpy() for score in scores.values()], axis=0)
    given = {name: elpd_data(score, best) for name, score in scores.items()}
    exactly = {"round_to": "none"} if "round_to" in inspect.signature(compare).parameters else {}
    table = compare(given, method=method, **exactly)
    return {name: float(table.loc[name, "weight"]) for name in scores}
