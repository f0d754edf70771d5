"""Positive responses and zeros: 0 with probability `hu`, otherwise of a normal logarithm.

Link: identity, on log y; eta is the mean logarithm of a row that is not 0. Parameters: `sigma` > 0, the
standard deviation of that logarithm, and `hu` in (0, 1), the probability of 0. The two-part model of Duan,
Manning, Morris and Newhouse (1983), J. Business Econ. Statist. 1, 115-126.
"""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from shoal.families.base import Family, Rows
from shoal.families.hurdle import Hurdle, two_sides
from shoal.families.lognormal import LogNormal, lognormal_row
from shoal.families.row_functions import RowFunction, row_function
from shoal.families.special import above_zero
from shoal.families.support import only, refuse_constant, refuse_negative


@row_function
def hurdle_lognormal_rows(
    y, trials, weight, se, eta, phi, order, value, score, curvature, slope, information
):
    """Rows of 0 by ``log hu``, of others by ``log(1 - hu)`` and a lognormal density: concave in eta."""
    several = phi.shape[1]
    each = y.shape[0] // several
    for j in range(several):
        sigma = phi[0, j]
        precision, log_sigma = 1 / (sigma * sigma), math.log(sigma)
        log_zero, zero_slope, log_rest, rest_slope, of_hu = two_sides(phi[1, j])
        for i in range(j * each, (j + 1) * each):
            w, positive = weight[i], y[i] > 0
            log_density, rise, per_sigma = log_zero, 0.0, 0.0
            if positive:
                r = math.log(y[i]) - eta[0, i]
                log_density, rise, per_sigma = lognormal_row(r, sigma, log_sigma)
                log_density += log_rest
            value[i] = w * log_density
            if order > 0:
                score[0, i] = w * rise
                slope[0, j] += w * per_sigma
                slope[1, j] += w * (rest_slope if positive else zero_slope)
            if order > 1:
                curvature[0, i] = above_zero(w * precision if positive else 0.0)
                information[0, j] += 2 * w * precision if positive else 0.0
                information[1, j] += w * of_hu


class HurdleLogNormal(Hurdle):
    """Hurdle lognormal rows with mean ``(1 - hu) exp(eta + sigma^2 / 2)``."""

    name: ClassVar[str] = "hurdle_lognormal"
    links: ClassVar[tuple[str, ...]] = ("identity",)
    log_concave: ClassVar[bool] = True
    newton_steps: ClassVar[int] = 1
    row_functions: ClassVar[dict[str, RowFunction]] = {"identity": hurdle_lognormal_rows}
    beyond: ClassVar[Family] = LogNormal()

    def distribution(self, known_se: bool, se_sigma: bool) -> str:
        return "HurdleLogNormal(eta, sigma, hu)"

    def normal_response(self, rows: Rows) -> np.ndarray:
        # Zeros have none.
        return np.log(np.where(rows.y > 0, rows.y, 1.0))

    def check(self, rows: Rows, name: str) -> None:
        refuse_negative(rows, name, self.name)
        super().check(rows, name)
        refuse_constant(only(rows, rows.y > 0), name, self.name)
