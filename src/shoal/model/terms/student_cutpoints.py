"""Student-t cutpoints, as one row whose predictor is their mean."""

from __future__ import annotations

import math

from shoal.families.row_functions import row_function
from shoal.families.special import LOG_ROOT_2_PI, above_zero

WIDER = 4.0  # than the scale of the Student-t, the sd of the normal in which the engine has cutpoints


@row_function
def student_cutpoints(y, trials, weight, se, eta, phi, order, value, score, curvature, slope, information):
    """Write the densities of cutpoints ``eta + phi[j]`` less those of normal ones, which the engine has.

    `y`, `se` and `trials` hold location, scale and degrees of freedom.
    """
    mu, sd, nu = y[0], se[0], trials[0]
    constant = math.lgamma(0.5 * (nu + 1.0)) - math.lgamma(0.5 * nu) - 0.5 * math.log(math.pi * nu)
    constant += LOG_ROOT_2_PI + math.log(WIDER)
    square = (WIDER * sd) ** 2
    value[0] = phi.shape[0] * constant
    rise, bend = 0.0, 0.0
    for j in range(phi.shape[0]):
        away = eta[0, 0] + phi[j, 0] - mu
        heavy = (nu + 1.0) / (nu * sd * sd + away * away)
        value[0] += 0.5 * away * away / square - 0.5 * (nu + 1.0) * math.log1p(away * away / (nu * sd * sd))
        rise += away * (1.0 / square - heavy)
        bend += heavy - 1.0 / square
        if order > 0:
            slope[j, 0] += away * (1.0 / square - heavy)
        if order > 1:
            information[j, 0] += above_zero(heavy - 1.0 / square)
    if order > 0:
        score[0, 0] = rise
    if order > 1:
        curvature[0, 0] = above_zero(bend)
