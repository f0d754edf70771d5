"""Counts whose zeros are apart: 0 with probability `hu`, otherwise ``Poisson(exp(eta))`` beyond 0.

Link: log; eta is the log of the mean before zeros are cut off, the expected count beyond 0 is
``mu / (1 - exp(-mu))``. Parameter: `hu` in (0, 1), the probability of 0, whether larger or smaller than that
of a Poisson count. Mullahy (1986), J. Econometrics 33, 341-365.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from shoal.families.base import Family, Rows
from shoal.families.hurdle import two_sides
from shoal.families.numerics import exp
from shoal.families.poisson import Poisson
from shoal.families.row_functions import RowFunction, row_function
from shoal.families.special import above_zero, bounded_exp, log1p_fast
from shoal.families.support import poisson_draws
from shoal.families.truncation import TruncatedCounts, first_event, truncated_mean_excess


@row_function
def hurdle_poisson_rows(y, trials, weight, se, eta, phi, order, value, score, curvature, slope, information):
    """Rows of 0 by ``log hu``, of others by ``log(1 - hu) + y eta - log(exp(mu) - 1)``: concave in eta.

    The score is ``y - m`` and the curvature ``m (mu - (m - 1))``, the variance, with the mean
    ``m = mu / (1 - exp(-mu))``; both are exact.
    """
    several = phi.shape[1]
    each = y.shape[0] // several
    for j in range(several):
        log_zero, zero_slope, log_rest, rest_slope, of_hu = two_sides(phi[0, j])
        for i in range(j * each, (j + 1) * each):
            w, e = weight[i], eta[0, i]
            positive = y[i] > 0
            log_density, rise, bend = log_zero, 0.0, 0.0
            if positive:
                mu = bounded_exp(e)
                excess, less = truncated_mean_excess(mu)
                # log((exp(mu) - 1) / mu)
                above = math.log(math.expm1(mu) / mu) if mu < 1 else mu + log1p_fast(-math.exp(-mu)) - e
                log_density = log_rest + (y[i] - 1) * e - above
                rise, bend = (y[i] - 1) - excess, (1 + excess) * less
            value[i] = w * log_density
            if order > 0:
                score[0, i] = w * rise
                slope[0, j] += w * (rest_slope if positive else zero_slope)
            if order > 1:
                curvature[0, i] = above_zero(w * bend)
                information[0, j] += w * of_hu


class HurdlePoisson(TruncatedCounts):
    """Hurdle Poisson rows with mean ``(1 - hu) mu / (1 - exp(-mu))``, ``mu = exp(eta)``."""

    name: ClassVar[str] = "hurdle_poisson"
    wider: ClassVar[str] = "family='hurdle_negbinomial' lets counts vary more."
    links: ClassVar[tuple[str, ...]] = ("log",)
    log_concave: ClassVar[bool] = True
    newton_steps: ClassVar[int] = 8
    row_functions: ClassVar[dict[str, RowFunction]] = {"log": hurdle_poisson_rows}
    beyond: ClassVar[Family] = Poisson()

    def distribution(self, known_se: bool, se_sigma: bool) -> str:
        return "HurdlePoisson(exp(eta), hu)"

    def draw_beyond(
        self, rng: np.random.Generator, rows: Rows, eta: np.ndarray, phi: dict[str, Any]
    ) -> np.ndarray:
        # The first event, and what follows it.
        mu = exp(eta)
        return 1.0 + poisson_draws(rng, np.maximum(mu - first_event(rng, mu), 0.0))

    def mean_beyond(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        mu = exp(eta)
        return mu / -np.expm1(-mu)
