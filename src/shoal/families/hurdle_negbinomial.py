"""Overdispersed counts whose zeros are apart: 0 with probability `hu`, otherwise negative binomial beyond 0.

Link: log; eta is the log of the mean before zeros are cut off. Parameters: `shape` > 0, as that of negative
binomial counts, and `hu` in (0, 1), the probability of 0. Mullahy (1986), J. Econometrics 33, 341-365.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from shoal.families.base import Family, Rows
from shoal.families.gamma_functions import log_gamma_ratio
from shoal.families.hurdle import two_sides
from shoal.families.negbinomial import NegBinomial
from shoal.families.numerics import exp
from shoal.families.row_functions import RowFunction, row_function
from shoal.families.special import above_zero, excess_series, logistic
from shoal.families.support import poisson_draws
from shoal.families.truncation import TruncatedCounts, first_event
from shoal.priors.compiled import inner


@inner
def truncated_negbinomial_row(
    y: float, e: float, a: float, log_a: float
) -> tuple[float, float, float, float]:
    """Return value, score, expected curvature, and slope in the shape a, of one count y >= 1.

    With ``p = mu / (mu + a)``, ``q = 1 - p`` and ``P(y > 0) = 1 - exp(-t)``, ``t = -a log q``: the score is
    ``y q - r`` with ``r = a p / (1 - exp(-t))``, q times the mean, and its variance ``r (1 + a p - r)``. The
    density is not concave where the shape is below 1 and mu is large.
    """
    d = e - log_a
    p, q, rest = logistic(d)
    p = max(p, 1e-290)
    log_p, log_q = min(d, 0.0) - rest, -max(max(d, 0.0) + rest, 1e-290)
    t = -a * log_q
    some = -math.expm1(-t)
    ratio, ratio_slope = log_gamma_ratio(y, a)
    value = ratio + (y - 1) * log_p - t - math.log(some / p)
    r = a * p / some
    if t < 0.1 and d < 0:
        # r - q = q (x / log(1 + x) t / (1 - exp(-t)) - 1), x = mu / a, where the difference would cancel.
        growth, series = _log_growth(math.exp(d)), excess_series(t)
        excess = q * (growth + (1 + growth) * series)
        variance = r * (p * (a + 1) - excess)
    else:
        excess = r - q
        variance = r * (1 - r * math.exp(-t))
    slope = ratio_slope - y * q / a + (log_q + p) / some
    return value, (y - 1) * q - excess, variance, slope


@inner
def _log_growth(x: float) -> float:
    """Return ``x / log(1 + x) - 1``, for small x by Gregory's coefficients."""
    if x > 0.01:
        return x / math.log1p(x) - 1
    return x * (1 / 2 - x * (1 / 12 - x * (1 / 24 - x * (19 / 720 - x * (3 / 160 - x * 863 / 60480)))))


@row_function
def hurdle_negbinomial_rows(
    y, trials, weight, se, eta, phi, order, value, score, curvature, slope, information
):
    """Rows of 0 by ``log hu``, of others by ``log(1 - hu)`` and the truncated density."""
    several = phi.shape[1]
    each = y.shape[0] // several
    for j in range(several):
        a = phi[0, j]
        log_a = math.log(a)
        log_zero, zero_slope, log_rest, rest_slope, of_hu = two_sides(phi[1, j])
        for i in range(j * each, (j + 1) * each):
            w = weight[i]
            log_density, rise, bend, per_shape, per_hu = log_zero, 0.0, 0.0, 0.0, zero_slope
            if y[i] > 0:
                log_density, rise, bend, per_shape = truncated_negbinomial_row(y[i], eta[0, i], a, log_a)
                log_density, per_hu = log_density + log_rest, rest_slope
            value[i] = w * log_density
            if order > 0:
                score[0, i] = w * rise
                slope[0, j] += w * per_shape
                slope[1, j] += w * per_hu
            if order > 1:
                curvature[0, i] = above_zero(w * bend)
                information[0, j] += w * per_shape * per_shape  # of this row: no closed expectation
                information[1, j] += w * of_hu


class HurdleNegBinomial(TruncatedCounts):
    """Hurdle negative binomial rows with mean ``(1 - hu) mu / P(y > 0)``, ``mu = exp(eta)``."""

    name: ClassVar[str] = "hurdle_negbinomial"
    links: ClassVar[tuple[str, ...]] = ("log",)
    newton_steps: ClassVar[int] = 8
    row_functions: ClassVar[dict[str, RowFunction]] = {"log": hurdle_negbinomial_rows}
    beyond: ClassVar[Family] = NegBinomial()

    def distribution(self, known_se: bool, se_sigma: bool) -> str:
        return "HurdleNegativeBinomial(mean before truncation = exp(eta), shape, hu)"

    def draw_beyond(
        self, rng: np.random.Generator, rows: Rows, eta: np.ndarray, phi: dict[str, Any]
    ) -> np.ndarray:
        # Clusters of logarithmic sizes arrive at rate 1 until t (Quenouille 1949, Biometrics 5, 162-164): the
        # first of them, and a negative binomial count for what is left of t.
        ratio, shape, t = _clusters(eta, phi["shape"])
        first = rng.logseries(np.minimum(ratio / (1 + ratio), 1 - 1e-16))
        left = np.maximum(1 - first_event(rng, t) / t, 0.0)
        rate = rng.gamma(shape * left) * ratio
        return first + poisson_draws(rng, rate)

    def mean_beyond(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        return exp(eta) / -np.expm1(-_clusters(eta, phi["shape"])[2])


def _clusters(eta: Any, shape: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return ``mu / shape``, the shape, and ``t = shape log(1 + mu / shape)``, each shaped like eta."""
    shape = np.broadcast_to(shape, np.shape(eta))
    ratio = exp(eta - np.log(shape))
    return ratio, shape, shape * np.log1p(ratio)
