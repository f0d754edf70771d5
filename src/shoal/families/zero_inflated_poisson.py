"""Counts with more zeros than Poisson: 0 with probability `zi`, otherwise ``Poisson(exp(eta))``.

Link: log; eta is the log of the expected count of a row that is not a structural zero. Parameter: `zi` in
(0, 1), the share of structural zeros. Lambert (1992), Technometrics 34, 1-14.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
from scipy.special import gammaln

from shoal.errors import DataError
from shoal.families.base import Family, Rows
from shoal.families.numerics import exp
from shoal.families.row_functions import RowFunction, row_function
from shoal.families.special import above_zero, bounded_exp, log1p_fast
from shoal.families.support import LARGEST_COUNT, refuse_all_but_counts
from shoal.priors import Beta, Prior


@row_function
def zero_inflated_poisson_rows(
    y, trials, weight, se, eta, phi, order, value, score, curvature, slope, information
):
    """Rows of 0 with probability ``zi + (1 - zi) exp(-mu)``.

    At a zero, with q = P(not structural | y = 0), the negative second derivative in eta is
    ``q mu (1 - (1 - q) mu)``, which may be negative. The curvature here is q mu, the expectation of the
    complete data's given y (Louis 1982, J. Roy. Statist. Soc. B 44, 226-233); of other counts mu, exact.
    """
    several = phi.shape[1]
    each = y.shape[0] // several
    for j in range(several):
        zi = min(max(phi[0, j], 1e-300), 1 - 1e-16)  # off the ends, where rounding may put it
        rest = 1 - zi
        log_rest = log1p_fast(-zi)
        for i in range(j * each, (j + 1) * each):
            w, mean = weight[i], bounded_exp(eta[0, i])
            structural = y[i] == 0
            empty = math.exp(-mean) if structural or order > 1 else 0.0  # probability of no event
            some = -math.expm1(-mean) if structural or order > 1 else 1.0
            zero = zi + rest * empty
            share = 1.0  # probability that this row is not a structural zero, given y
            per_weight = -1 / rest
            if structural:
                value[i] = w * (log1p_fast(-rest * some) if rest * some < 0.5 else math.log(zero))
                share = rest * empty / zero
                per_weight = some / zero
            else:
                value[i] = w * (log_rest + y[i] * eta[0, i] - mean)
            if order > 0:
                score[0, i] = w * (y[i] - share * mean)
                slope[0, j] += w * per_weight
            if order > 1:
                curvature[0, i] = above_zero(w * share * mean)
                information[0, j] += w * some / (zero * rest)  # expected


class ZeroInflatedPoisson(Family):
    """Zero-inflated Poisson rows with mean ``(1 - zi) exp(eta)``."""

    name: ClassVar[str] = "zero_inflated_poisson"
    wider: ClassVar[str] = "family='negbinomial' lets counts vary more."
    links: ClassVar[tuple[str, ...]] = ("log",)
    discrete: ClassVar[bool] = True
    newton_steps: ClassVar[int] = 8
    row_functions: ClassVar[dict[str, RowFunction]] = {"log": zero_inflated_poisson_rows}

    def parameters(self, known_se: bool, se_sigma: bool) -> tuple[str, ...]:
        return ("zi",)

    def parameter_prior(self, name: str, rows: Rows) -> Prior:
        return Beta(1.0, 1.0)

    def distribution(self, known_se: bool, se_sigma: bool) -> str:
        return "ZeroInflatedPoisson(exp(eta), zi)"

    def check(self, rows: Rows, name: str) -> None:
        refuse_all_but_counts(rows, name)
        if not (rows.y == 0).any():
            raise DataError(
                f"{name!r} has no zero in {len(rows.y)} rows.",
                "Zeros, or there is nothing to inflate.",
                "Use family='poisson' (or 'negbinomial').",
            )

    def scale(self, rows: Rows) -> tuple[float, float]:
        # The zeros may be structural: the mean of the other counts. One on the log scale, as for Poisson.
        there = rows.y > 0
        if not there.any():
            return math.log(0.5), 1.0
        return math.log(float(np.average(rows.y[there], weights=rows.weight[there]))), 1.0

    def no_pooling_sd(self, rows: Rows) -> float:
        return 2.5

    def log_constant(self, rows: Rows) -> np.ndarray:
        return -np.asarray(rows.weight) * gammaln(np.asarray(rows.y) + 1)

    def start(self, rows: Rows) -> np.ndarray:
        return np.log(rows.y + 0.5)

    def draw(self, rng: np.random.Generator, rows: Rows, eta: np.ndarray, phi: dict[str, Any]) -> np.ndarray:
        counts = rng.poisson(np.minimum(exp(eta), LARGEST_COUNT)).astype(float)
        return np.where(rng.random(np.shape(eta)) < phi["zi"], 0.0, counts)

    def mean(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        return (1 - phi["zi"]) * exp(eta)

    def residual_variance(self, rows: Rows, phi: dict[str, Any]) -> Any:
        return None

    def edges(self, rows: Rows) -> tuple[np.ndarray, np.ndarray]:
        return rows.y == 0, np.zeros(len(rows.y), bool)
