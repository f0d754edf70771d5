"""Proportions of which some are exactly 0 or 1: at an end with probability `zoi`, otherwise beta.

Link: logit; eta is the log odds of the mean of a row between the ends. Parameters: `phi` > 0, the precision
of those rows, `zoi` in (0, 1), the probability of an end, and `coi` in (0, 1), that an end is 1. Ospina and
Ferrari (2010), Statistical Papers 51, 111-126. The ends do not depend on eta; in `ordered_beta` they do.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from scipy.special import expit

from shoal.families.base import Rows
from shoal.families.beta import beta_constants, beta_row
from shoal.families.ends import BETWEEN, ProportionsWithEnds, at_an_end
from shoal.families.hurdle import two_sides
from shoal.families.row_functions import RowFunction, row_function
from shoal.families.special import above_zero
from shoal.families.support import only
from shoal.priors import Beta, Prior


@row_function
def zero_one_inflated_beta_rows(
    y, trials, weight, se, eta, phi, order, value, score, curvature, slope, information
):
    """Rows of 1 by ``log(zoi coi)``, of 0 by ``log(zoi (1 - coi))``, of others by ``log(1 - zoi)`` and beta.

    The curvature in eta is the expected one of a beta row, and 0 at the ends.
    """
    several = phi.shape[1]
    each = y.shape[0] // several
    for j in range(several):
        constants = beta_constants(phi[0, j], order)
        log_end, end_slope, log_between, between_slope, of_zoi = two_sides(phi[1, j])
        log_one, one_slope, log_zero, zero_slope, of_coi = two_sides(phi[2, j])
        for i in range(j * each, (j + 1) * each):
            w = weight[i]
            if 0 < y[i] < 1:
                log_density, rise, bend, per_phi, of_phi = beta_row(
                    y[i], eta[0, i], phi[0, j], constants, order
                )
                value[i] = w * (log_between + log_density)
                if order > 0:
                    score[0, i] = w * rise
                    slope[0, j] += w * per_phi
                    slope[1, j] += w * between_slope
                if order > 1:
                    curvature[0, i] = above_zero(w * bend)
                    information[0, j] += w * of_phi
            else:
                one = y[i] == 1
                value[i] = w * (log_end + (log_one if one else log_zero))
                if order > 0:
                    score[0, i] = 0.0
                    slope[1, j] += w * end_slope
                    slope[2, j] += w * (one_slope if one else zero_slope)
                if order > 1:
                    curvature[0, i] = above_zero(0.0)
                    information[2, j] += w * of_coi
            if order > 1:
                information[1, j] += w * of_zoi


class ZeroOneInflatedBeta(ProportionsWithEnds):
    """Zero-one-inflated beta rows with mean ``zoi coi + (1 - zoi) expit(eta)``."""

    name: ClassVar[str] = "zero_one_inflated_beta"
    row_functions: ClassVar[dict[str, RowFunction]] = {"logit": zero_one_inflated_beta_rows}

    def parameters(self, known_se: bool, se_sigma: bool) -> tuple[str, ...]:
        return "phi", "zoi", "coi"

    def parameter_prior(self, name: str, rows: Rows) -> Prior:
        return BETWEEN.parameter_prior(name, rows) if name == "phi" else Beta(1.0, 1.0)

    def distribution(self, known_se: bool, se_sigma: bool) -> str:
        return "ZeroOneInflatedBeta(mean between = expit(eta), precision phi, zoi, coi)"

    def scale(self, rows: Rows) -> tuple[float, float]:
        # Of the rows between the ends; a model has some.
        there = ~at_an_end(rows) & (rows.weight > 0)
        return BETWEEN.scale(only(rows, there)) if there.any() else (0.0, 1.0)

    def draw(self, rng: np.random.Generator, rows: Rows, eta: np.ndarray, phi: dict[str, Any]) -> np.ndarray:
        ends, ones = rng.random((2, *np.shape(eta)))
        between = BETWEEN.draw(rng, rows, eta, phi)
        return np.where(ends < phi["zoi"], (ones < phi["coi"]).astype(float), between)

    def mean(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        return phi["zoi"] * phi["coi"] + (1 - phi["zoi"]) * expit(eta)

    def variance(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        zoi, ones = phi["zoi"], phi["zoi"] * phi["coi"]
        square = BETWEEN.variance(rows, eta, phi) + np.square(expit(eta))
        return ones + (1 - zoi) * square - np.square(self.mean(rows, eta, phi))
