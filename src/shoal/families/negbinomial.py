"""Overdispersed counts: negative binomial, mean ``mu = exp(eta)`` and variance ``mu + mu^2 / shape``.

Link: log; eta is the log of the expected count. Parameter: `shape` > 0, a pure number: counts are Poisson
with means that vary by a gamma factor of coefficient of variation ``1 / sqrt(shape)``, and tend to
Poisson as it grows. Lawless (1987), Canadian J. Statistics 15, 209-225.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
from scipy.special import expit, gammaln

from shoal.families.base import Family, Rows
from shoal.families.gamma_functions import log_gamma_ratio
from shoal.families.incomplete import ALWAYS, FARTHEST, FEW, NEVER, of_ends
from shoal.families.incomplete_beta import beta_tails
from shoal.families.numerics import exp
from shoal.families.row_functions import RowFunction, row_function
from shoal.families.special import above_zero, logistic
from shoal.families.support import log_mean, poisson_draws, refuse_all_but_counts
from shoal.priors import InverseGamma, Prior
from shoal.priors.compiled import inner


@inner
def negbinomial_row(y: float, e: float, a: float, log_a: float) -> tuple[float, float, float, float, float]:
    """Return value, score, curvature, slope in the shape a, and ``log P(y = 0)``, of one row at e."""
    d = e - log_a
    p, other, rest = logistic(d)
    ratio, ratio_slope = log_gamma_ratio(y, a)
    log_other = min(-d, 0.0) - rest
    log_empty = a * log_other
    return (
        ratio + y * (min(d, 0.0) - rest) + log_empty,
        y * other - a * p,
        (y + a) * p * other,
        ratio_slope - y * other / a + log_other + p,
        log_empty,
    )


@row_function
def negbinomial_rows(y, trials, weight, se, eta, phi, order, value, score, curvature, slope, information):
    """Rows by ``log Γ(y + a) / Γ(a) + y log p + a log(1 - p)``, ``p = mu / (mu + a)``: concave in eta."""
    several = phi.shape[1]
    each = y.shape[0] // several
    for j in range(several):
        a = phi[0, j]
        log_a = math.log(a)
        for i in range(j * each, (j + 1) * each):
            w = weight[i]
            log_density, rise, bend, per_weight, _ = negbinomial_row(y[i], eta[0, i], a, log_a)
            value[i] = w * log_density
            if order > 0:
                score[0, i] = w * rise
                slope[0, j] += w * per_weight
                if order > 1:
                    curvature[0, i] = above_zero(w * bend)  # exact: log-concave in eta
                    information[0, j] += w * per_weight * per_weight  # of this row: no closed expectation


@inner
def negbinomial_end(k: float, e: float, a: float) -> tuple[float, float, float, float, float, float, float]:
    """Return what `of_ends` needs of a count: ``P(y <= k) = P(X <= a / (a + mu))``, X beta of a and k + 1."""
    if k < 0.0:
        return NEVER
    if k == math.inf:
        return ALWAYS
    d = e - math.log(a)
    p, other, rest = logistic(d)
    tails = beta_tails(a, k + 1.0, min(-d, 0.0) - rest, min(d, 0.0) - rest)
    low, up, density = tails[0], tails[1], tails[2]
    of_low, of_up = math.exp(min(density - low, FARTHEST)), -math.exp(min(density - up, FARTHEST))
    turn = (k + 1.0) * other - a * p
    return low, up, -of_low, -of_up, tails[3] + of_low / a, tails[5] + of_up / a, turn


@inner
def negbinomial_few(low: float, high: float, e: float, a: float) -> tuple[float, float, float, float]:
    """Return what `of_ends` does of few counts above `low` and up to `high`, added up."""
    log_a, largest, k = math.log(a), -math.inf, low + 1.0
    total, rises, squares, bends, slopes = 0.0, 0.0, 0.0, 0.0, 0.0
    while k <= high:
        log_p, rise, bend, slope, _ = negbinomial_row(k, e, a, log_a)
        log_p -= math.lgamma(k + 1.0)
        if log_p > largest:
            less = math.exp(largest - log_p)
            total, rises, squares = total * less, rises * less, squares * less
            bends, slopes, largest = bends * less, slopes * less, log_p
        w = math.exp(log_p - largest)
        total += w
        rises += w * rise
        squares += w * rise * rise
        bends += w * bend
        slopes += w * slope
        k += 1.0
    rises /= total
    return largest + math.log(total), rises, (bends - squares) / total + rises * rises, slopes / total


@row_function
def negbinomial_intervals(
    y, trials, weight, se, eta, phi, order, value, score, curvature, slope, information
):
    """``log P(trials < y' <= y)``, curvature exact in eta; in the shape it is the squared slope."""
    several = phi.shape[1]
    each = y.shape[0] // several
    for j in range(several):
        a = phi[0, j]
        for i in range(j * each, (j + 1) * each):
            w, low, high, e = weight[i], max(trials[i], -1.0), y[i], eta[0, i]
            found = (0.0, 0.0, 0.0, 0.0)
            if w != 0:
                if high - low <= FEW:
                    found = negbinomial_few(low, high, e, a)
                else:
                    found = of_ends(negbinomial_end(low, e, a), negbinomial_end(high, e, a))
            value[i] = w * found[0]
            if order > 0:
                score[0, i] = w * found[1]
                slope[0, j] += w * found[3]
            if order > 1:
                curvature[0, i] = w * above_zero(found[2])
                information[0, j] += w * found[3] * found[3]


class NegBinomial(Family):
    """Negative binomial rows with mean ``exp(eta)``."""

    name: ClassVar[str] = "negbinomial"
    links: ClassVar[tuple[str, ...]] = ("log",)
    log_concave: ClassVar[bool] = True
    discrete: ClassVar[bool] = True
    newton_steps: ClassVar[int] = 8
    row_functions: ClassVar[dict[str, RowFunction]] = {"log": negbinomial_rows}
    interval_functions: ClassVar[dict[str, RowFunction]] = {"log": negbinomial_intervals}

    def parameters(self, known_se: bool, se_sigma: bool) -> tuple[str, ...]:
        return ("shape",)

    def parameter_prior(self, name: str, rows: Rows) -> Prior:
        # HalfNormal(1) on 1 / sqrt(shape), the coefficient of variation of large counts: down to Poisson
        # counts, whatever their size, and hardly beyond three times the mean.
        return InverseGamma(0.5, 0.5)

    def distribution(self, known_se: bool, se_sigma: bool) -> str:
        return "NegativeBinomial(mean = exp(eta), shape)"

    def check(self, rows: Rows, name: str) -> None:
        refuse_all_but_counts(rows, name)

    def scale(self, rows: Rows) -> tuple[float, float]:
        # One on the log scale, as for Poisson counts.
        return log_mean(rows), 1.0

    def no_pooling_sd(self, rows: Rows) -> float:
        return 2.5

    def log_constant(self, rows: Rows) -> np.ndarray:
        return -np.asarray(rows.weight) * gammaln(np.asarray(rows.y) + 1)

    def start(self, rows: Rows) -> np.ndarray:
        return np.log(rows.y + 0.5)

    def draw(self, rng: np.random.Generator, rows: Rows, eta: np.ndarray, phi: dict[str, Any]) -> np.ndarray:
        shape = np.broadcast_to(phi["shape"], np.shape(eta))
        rate = rng.gamma(shape) / shape * exp(eta)
        return poisson_draws(rng, rate)

    def mean(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        return exp(eta)

    def mean_between(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        # The score is (y - mu) / (1 + mu / shape).
        mean = exp(eta)
        return mean + (1 + mean / phi["shape"]) * self.log_probability(rows, eta, phi, 1).score

    def in_scipy(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        from scipy import stats

        return stats.nbinom(phi["shape"], expit(np.log(phi["shape"]) - eta))

    def variance(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        return exp(eta) + exp(2 * eta) / phi["shape"]

    def residual_variance(self, rows: Rows, phi: dict[str, Any]) -> Any:
        return None

    def edges(self, rows: Rows) -> tuple[np.ndarray, np.ndarray]:
        return rows.y == 0, np.zeros(len(rows.y), bool)
