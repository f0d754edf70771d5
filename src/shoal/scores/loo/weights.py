"""Weights of models that are compared."""

from __future__ import annotations

import inspect
from collections.abc import Mapping

import numpy as np

from shoal.errors import ModelError, check_choice
from shoal.scores.loo.result import Loo, elpd_data

METHODS = ("stacking", "bb-pseudo-bma", "pseudo-bma")


def weights(scores: Mapping[str, Loo], method: str) -> dict[str, float]:
    """Return the models' weights, by arviz-stats' ``compare``.

    Of single trials or observations, which that would have one by one, by the same stacking of those that are
    alike.

    Parameters
    ----------
    method : {"stacking", "bb-pseudo-bma", "pseudo-bma"}
        Of these: stacking.

    Raises
    ------
    ModelError
        Another method.

    References
    ----------
    Yao, Vehtari, Simpson and Gelman (2018), Bayesian Analysis 13, 917-1007.
    """
    from arviz_stats import compare

    check_choice("method", method, METHODS)
    # What all models share of a unit moves no weight, and taking it away keeps densities from underflowing.
    elpd = np.array([score.pointwise["elpd"].to_numpy() for score in scores.values()])
    best = elpd.max(axis=0)
    first = next(iter(scores.values()))
    if (first.alike > 1).any():
        if method != "stacking":
            raise ModelError(
                "method-of-alike", f"method={method!r} of units that stand for several alike.", "'stacking'."
            )
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
