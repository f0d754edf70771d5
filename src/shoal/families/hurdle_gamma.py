"""Positive responses and zeros, such as amounts of rain or of spending: 0 with probability `hu`, else gamma.

Link: log; eta is the log of the mean of a row that is not 0. Parameters: `shape` > 0, as that of gamma
responses, and `hu` in (0, 1), the probability of 0. Duan, Manning, Morris and Newhouse (1983), J. Business
Econ. Statist. 1, 115-126, with a gamma density in place of the lognormal one.
"""

from __future__ import annotations

import math
from typing import ClassVar

from shoal.families.base import Family, Rows
from shoal.families.gamma import Gamma, gamma_row
from shoal.families.gamma_functions import log_gamma_at_mode, trigamma_excess
from shoal.families.hurdle import Hurdle, two_sides
from shoal.families.row_functions import RowFunction, row_function
from shoal.families.special import above_zero, bounded_exp
from shoal.families.support import refuse_negative


@row_function
def hurdle_gamma_rows(y, trials, weight, se, eta, phi, order, value, score, curvature, slope, information):
    """Rows of 0 by ``log hu``, of others by ``log(1 - hu)`` and a gamma density: concave in eta."""
    several = phi.shape[1]
    each = y.shape[0] // several
    for j in range(several):
        a = phi[0, j]
        log_zero, zero_slope, log_rest, rest_slope, of_hu = two_sides(phi[1, j])
        constants = log_gamma_at_mode(a)
        of_shape = trigamma_excess(a) if order > 1 else 0.0
        for i in range(j * each, (j + 1) * each):
            w, positive = weight[i], y[i] > 0
            log_density, rise, per_shape, r = log_zero, 0.0, 0.0, 0.0
            if positive:
                r = math.log(y[i]) - eta[0, i]
                log_density, rise, per_shape = gamma_row(r, a, constants)
                log_density += log_rest
            value[i] = w * log_density
            if order > 0:
                score[0, i] = w * rise
                slope[0, j] += w * per_shape
                slope[1, j] += w * (rest_slope if positive else zero_slope)
            if order > 1:
                curvature[0, i] = above_zero(w * a * bounded_exp(r) if positive else 0.0)
                information[0, j] += w * of_shape if positive else 0.0
                information[1, j] += w * of_hu


class HurdleGamma(Hurdle):
    """Hurdle gamma rows with mean ``(1 - hu) exp(eta)``."""

    name: ClassVar[str] = "hurdle_gamma"
    links: ClassVar[tuple[str, ...]] = ("log",)
    log_concave: ClassVar[bool] = True
    newton_steps: ClassVar[int] = 8
    row_functions: ClassVar[dict[str, RowFunction]] = {"log": hurdle_gamma_rows}
    beyond: ClassVar[Family] = Gamma()

    def distribution(self, known_se: bool, se_sigma: bool) -> str:
        return "HurdleGamma(mean beyond 0 = exp(eta), shape, hu)"

    def check(self, rows: Rows, name: str) -> None:
        refuse_negative(rows, name, self.name)
        super().check(rows, name)
