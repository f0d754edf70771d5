"""Counts without an upper limit: ``y ~ Poisson(exp(eta))``.

Link: log. No parameters of its own; eta is the log of the expected count. An exposure enters as
``offset(log(exposure))``. The log density is ``y eta - exp(eta)``, so rows that share every predictor are
merged: ``(sum of w y) eta - (sum of w) exp(eta)``, the second sum kept as `trials`. McCullagh and Nelder
(1989), Generalized Linear Models, 2nd ed., chapter 6.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
from scipy.special import gammaln

from shoal.families.base import Family, Rows
from shoal.families.incomplete import ALWAYS, FARTHEST, FEW, NEVER, gamma_tails, of_ends
from shoal.families.numerics import exp
from shoal.families.row_functions import RowFunction, row_function
from shoal.families.special import above_zero, bounded_exp
from shoal.families.support import log_mean, poisson_draws, refuse_all_but_counts
from shoal.priors.compiled import inner


@row_function
def poisson_rows(y, trials, weight, se, eta, phi, order, value, score, curvature, slope, information):
    """Rows of log density ``y eta - trials exp(eta)``; the link is canonical, the curvature exact."""
    for i in range(y.shape[0]):
        mean = trials[i] * bounded_exp(eta[0, i])
        value[i] = weight[i] * (y[i] * eta[0, i] - mean)
        if order > 0:
            score[0, i] = weight[i] * (y[i] - mean)
        if order > 1:
            curvature[0, i] = above_zero(weight[i] * mean)  # exact, and expected too: the link is canonical


@inner
def poisson_end(k: float, eta: float) -> tuple[float, float, float, float, float, float, float]:
    """Return what `of_ends` needs of a count: ``P(y <= k) = P(X > exp(eta))``, X gamma of shape k + 1."""
    if k < 0.0:
        return NEVER
    if k == math.inf:
        return ALWAYS
    a = k + 1.0
    r = min(eta, 590.0) - math.log(a)  # so that the mean is the same number at both ends
    up, low, density, _, _ = gamma_tails(a, r)
    of_low, of_up = -math.exp(min(density - low, FARTHEST)), math.exp(min(density - up, FARTHEST))
    return low, up, of_low, of_up, 0.0, 0.0, -a * math.expm1(min(r, FARTHEST))


@inner
def poisson_few(low: float, high: float, eta: float) -> tuple[float, float, float, float]:
    """Return what `of_ends` does of few counts above `low` and up to `high`, added up."""
    mean = bounded_exp(eta)
    term, total, counts, squares = 1.0, 0.0, 0.0, 0.0
    middle = math.floor(min(max(mean, low + 1.0), high))
    for up in (True, False):
        term, k = 1.0, middle
        while low < k <= high:
            if up or k < middle:
                total += term
                counts += term * (k - middle)
                squares += term * (k - middle) ** 2
            term *= mean / (k + 1.0) if up else k / mean
            k += 1.0 if up else -1.0
    shift = counts / total
    value = middle * eta - mean - math.lgamma(middle + 1.0) + math.log(total)
    return value, middle - mean + shift, mean - (squares / total - shift * shift), 0.0


@row_function
def poisson_intervals(y, trials, weight, se, eta, phi, order, value, score, curvature, slope, information):
    """``log P(trials < y' <= y)``, with exact curvature."""
    for i in range(y.shape[0]):
        w, low, high, e = weight[i], max(trials[i], -1.0), y[i], eta[0, i]
        found = (0.0, 0.0, 0.0, 0.0)
        if w != 0:
            if high - low <= FEW:
                found = poisson_few(low, high, e)
            else:
                found = of_ends(poisson_end(low, e), poisson_end(high, e))
        value[i] = w * found[0]
        if order > 0:
            score[0, i] = w * found[1]
        if order > 1:
            curvature[0, i] = w * above_zero(found[2])


class Poisson(Family):
    """Poisson rows with mean ``exp(eta)``."""

    name: ClassVar[str] = "poisson"
    wider: ClassVar[str] = (
        "family='negbinomial' lets counts vary more; where it is zeros that are too many, "
        "'zero_inflated_poisson' has room for them."
    )
    links: ClassVar[tuple[str, ...]] = ("log",)
    log_concave: ClassVar[bool] = True
    discrete: ClassVar[bool] = True
    # From log(y + 1/2) a level of single rare events is reached by steps of one; each costs little.
    newton_steps: ClassVar[int] = 8
    row_functions: ClassVar[dict[str, RowFunction]] = {"log": poisson_rows}
    interval_functions: ClassVar[dict[str, RowFunction]] = {"log": poisson_intervals}

    def distribution(self, known_se: bool, se_sigma: bool) -> str:
        return "Poisson(exp(eta))"

    def check(self, rows: Rows, name: str) -> None:
        refuse_all_but_counts(rows, name)

    def scale(self, rows: Rows) -> tuple[float, float]:
        # One on the log scale: a factor of e between rows one standard deviation apart.
        return log_mean(rows), 1.0

    def no_pooling_sd(self, rows: Rows) -> float:
        return 2.5

    def log_constant(self, rows: Rows) -> np.ndarray:
        return -np.asarray(rows.weight) * gammaln(np.asarray(rows.y) + 1)

    def start(self, rows: Rows) -> np.ndarray:
        return np.log(rows.y + 0.5) - np.log(np.where(rows.trials > 0, rows.trials, 1.0))

    def draw(self, rng: np.random.Generator, rows: Rows, eta: np.ndarray, phi: dict[str, Any]) -> np.ndarray:
        return poisson_draws(rng, exp(eta))

    def mean(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        return exp(eta)

    def mean_between(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        return exp(eta) + self.log_probability(rows, eta, phi, 1).score

    def in_scipy(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        from scipy import stats

        return stats.poisson(exp(eta))

    def variance(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        return exp(eta)

    def residual_variance(self, rows: Rows, phi: dict[str, Any]) -> Any:
        return None

    def merge(self, rows: Rows, index: np.ndarray, size: int) -> Rows | None:
        counts = np.bincount(index, weights=rows.weight * rows.y, minlength=size)
        trials = np.bincount(index, weights=rows.weight * rows.trials, minlength=size)
        return Rows(counts, trials, np.ones(size), np.zeros(size))

    def edges(self, rows: Rows) -> tuple[np.ndarray, np.ndarray]:
        return rows.y == 0, np.zeros(len(rows.y), bool)
