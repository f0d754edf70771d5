"""Proportions from 0 to 1 whose ends are the far categories of an ordered response, beta between them.

With ``F = expit``: ``P(y = 0) = F(cutzero - eta)``, ``P(y = 1) = F(eta - cutzero - cutgap)``, and between
them a beta density of mean ``F(eta)`` and precision `phi`. Link: logit. A predictor moves the ends and what
is between with one coefficient, where `zero_one_inflated_beta` has probabilities of its own for the ends.

Parameters: `phi` > 0; `cutzero`, the lower cutpoint, and `cutgap` > 0, by how much the upper one lies above
it, both on the scale of eta. Kubinec (2023), Political Analysis 31, 519-536.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
from scipy.special import expit, logit

from shoal.families.base import Rows
from shoal.families.beta import beta_constants, beta_row
from shoal.families.ends import BETWEEN, ProportionsWithEnds
from shoal.families.row_functions import RowFunction, row_function
from shoal.families.special import LARGEST, above_zero, log1mexp, logistic
from shoal.families.support import share_of_successes
from shoal.priors import Gamma, Normal, Prior


@row_function
def ordered_beta_rows(y, trials, weight, se, eta, phi, order, value, score, curvature, slope, information):
    """Rows by the category, and between the ends by a beta density too.

    Between, ``F(eta - k) - F(eta - k - g) = F(eta - k) F(k + g - eta) (1 - exp(-g))``, with k the lower
    cutpoint and g the gap: nothing cancels. The category is log-concave, with exact curvatures; those of the
    beta density are the expected ones.
    """
    several = phi.shape[1]
    each = y.shape[0] // several
    for j in range(several):
        precision, cut, gap = phi[0, j], phi[1, j], max(phi[2, j], 1e-150)
        constants = beta_constants(precision, order)
        log_apart = log1mexp(gap)
        apart_slope = 1 / math.expm1(min(gap, LARGEST))
        for i in range(j * each, (j + 1) * each):
            w, low, high = weight[i], eta[0, i] - cut, eta[0, i] - cut - gap
            above, zero, low_rest = logistic(low)  # P(y > 0), P(y = 0)
            one, below, high_rest = logistic(high)  # P(y = 1), P(y < 1)
            # Of the category: score and curvature in eta, slope and curvature in the gap.
            if y[i] == 0:
                log_density = min(-low, 0.0) - low_rest
                pull, bend, per_gap, of_gap = -above, zero * above, 0.0, 0.0
            elif y[i] == 1:
                log_density = min(high, 0.0) - high_rest
                pull, bend, per_gap, of_gap = below, one * below, -below, one * below
            else:
                log_density = min(low, 0.0) - low_rest + min(-high, 0.0) - high_rest + log_apart
                pull, bend = zero - one, zero * above + one * below
                per_gap, of_gap = one + apart_slope, one * below + apart_slope * (1 + apart_slope)
            rise, between, per_phi, of_phi = 0.0, 0.0, 0.0, 0.0
            if 0 < y[i] < 1:
                share, rise, between, per_phi, of_phi = beta_row(y[i], eta[0, i], precision, constants, order)
                log_density += share
            value[i] = w * log_density
            if order > 0:
                score[0, i] = w * (pull + rise)
                slope[0, j] += w * per_phi
                slope[1, j] -= w * pull
                slope[2, j] += w * per_gap
            if order > 1:
                curvature[0, i] = above_zero(w * (bend + between))
                information[0, j] += w * of_phi
                information[1, j] += w * bend
                information[2, j] += w * of_gap


class OrderedBeta(ProportionsWithEnds):
    """Ordered beta rows with mean ``P(y = 1) + P(0 < y < 1) expit(eta)``."""

    name: ClassVar[str] = "ordered_beta"
    row_functions: ClassVar[dict[str, RowFunction]] = {"logit": ordered_beta_rows}

    def parameters(self, known_se: bool, se_sigma: bool) -> tuple[str, ...]:
        return "phi", "cutzero", "cutgap"

    def parameter_prior(self, name: str, rows: Rows) -> Prior:
        if name == "phi":
            return BETWEEN.parameter_prior(name, rows)
        # At a mean like the data's: P(y = 0) has 95% from below 1% to above 90%, and of rows not at 0 or 1
        # there are, with the cutpoints 0.5 to 11 apart, from 12% to 99%.
        return Normal(self.scale(rows)[0] - 1.0, 2.0) if name == "cutzero" else Gamma(2.0, 0.5)

    def distribution(self, known_se: bool, se_sigma: bool) -> str:
        return "OrderedBeta(mean between = expit(eta), precision phi, cutpoints cutzero, cutzero + cutgap)"

    def scale(self, rows: Rows) -> tuple[float, float]:
        # Half a row at each end, so that the mean is inside.
        return float(logit(share_of_successes(rows))), 1.0

    def draw(self, rng: np.random.Generator, rows: Rows, eta: np.ndarray, phi: dict[str, Any]) -> np.ndarray:
        # The latent variable of ordered categories.
        latent = eta + rng.logistic(size=np.shape(eta)) - phi["cutzero"]
        between = BETWEEN.draw(rng, rows, eta, phi)
        return np.where(latent < 0, 0.0, np.where(latent > phi["cutgap"], 1.0, between))

    def mean(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        low = eta - phi["cutzero"]
        one = expit(low - phi["cutgap"])
        return one + (expit(low) - one) * expit(eta)

    def variance(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        low = eta - phi["cutzero"]
        one = expit(low - phi["cutgap"])
        square = BETWEEN.variance(rows, eta, phi) + np.square(expit(eta))
        return one + (expit(low) - one) * square - np.square(self.mean(rows, eta, phi))

    def edges(self, rows: Rows) -> tuple[np.ndarray, np.ndarray]:
        return rows.y == 0, rows.y == 1
