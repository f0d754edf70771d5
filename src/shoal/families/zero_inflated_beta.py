"""Proportions of which some are exactly 0: 0 with probability `zi`, otherwise beta, strictly between 0 and 1.

Link: logit; eta is the log odds of the mean of a row that is not 0. Parameters: `phi` > 0, the precision of
those rows, as of beta ones, and `zi` in (0, 1), the probability of 0: beta rows have no zeros of their own.
Ospina and Ferrari (2012), Computational Statistics and Data Analysis 56, 1609-1623.
"""

from __future__ import annotations

from typing import ClassVar

from shoal.families.base import Family, Rows
from shoal.families.beta import Beta, beta_constants, beta_row
from shoal.families.hurdle import Hurdle, two_sides
from shoal.families.row_functions import RowFunction, row_function
from shoal.families.special import above_zero
from shoal.families.support import refuse, refuse_all_but_shares


@row_function
def zero_inflated_beta_rows(
    y, trials, weight, se, eta, phi, order, value, score, curvature, slope, information
):
    """Rows of 0 by ``log zi``, of others by ``log(1 - zi)`` and a beta density of expected curvature."""
    several = phi.shape[1]
    each = y.shape[0] // several
    for j in range(several):
        constants = beta_constants(phi[0, j], order)
        log_zero, zero_slope, log_rest, rest_slope, of_zi = two_sides(phi[1, j])
        for i in range(j * each, (j + 1) * each):
            w = weight[i]
            log_density, rise, bend, per_phi, of_phi, per_zi = log_zero, 0.0, 0.0, 0.0, 0.0, zero_slope
            if y[i] > 0:
                log_density, rise, bend, per_phi, of_phi = beta_row(
                    y[i], eta[0, i], phi[0, j], constants, order
                )
                log_density, per_zi = log_density + log_rest, rest_slope
            value[i] = w * log_density
            if order > 0:
                score[0, i] = w * rise
                slope[0, j] += w * per_phi
                slope[1, j] += w * per_zi
            if order > 1:
                curvature[0, i] = above_zero(w * bend)
                information[0, j] += w * of_phi
                information[1, j] += w * of_zi


class ZeroInflatedBeta(Hurdle):
    """Zero-inflated beta rows with mean ``(1 - zi) expit(eta)``."""

    name: ClassVar[str] = "zero_inflated_beta"
    links: ClassVar[tuple[str, ...]] = ("logit",)
    newton_steps: ClassVar[int] = 8
    row_functions: ClassVar[dict[str, RowFunction]] = {"logit": zero_inflated_beta_rows}
    beyond: ClassVar[Family] = Beta()
    probability: ClassVar[str] = "zi"

    def distribution(self, known_se: bool, se_sigma: bool) -> str:
        return "ZeroInflatedBeta(mean beyond 0 = expit(eta), precision phi, zi)"

    def check(self, rows: Rows, name: str) -> None:
        needed = "A zero_inflated_beta response is a proportion from 0 to below 1."
        refuse_all_but_shares(rows, name, needed)
        remedy = "Ones have a probability in family='zero_one_inflated_beta' and 'ordered_beta'."
        refuse(rows, name, rows.y == 1, "values of exactly 1", needed, remedy)
        super().check(rows, name)
