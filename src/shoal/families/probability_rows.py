"""Rows of successes out of trials, ``y log F(eta) + (trials - y) log(1 - F(eta))``: a row function a link.

Shared by families of binary responses and of successes. All are log-concave, and their curvature is exact.
"""

from __future__ import annotations

import math

from shoal.families.row_functions import RowFunction, row_function
from shoal.families.special import (
    LOG_ROOT_2_PI,
    above_zero,
    bounded_exp,
    excess_series,
    log1p_fast,
    normal_tail,
)
from shoal.families.vector_loops import logistic_rows


@row_function
def logit_rows(y, trials, weight, se, eta, phi, order, value, score, curvature, slope, information):
    """``F(eta) = 1 / (1 + exp(-eta))``: log density ``y eta - trials log(1 + exp(eta))``."""
    logistic_rows(y, trials, weight, eta[0], order, value, score[0], curvature[0])


@row_function
def probit_rows(y, trials, weight, se, eta, phi, order, value, score, curvature, slope, information):
    """``F(eta) = Φ(eta)``, with slopes from the tails' ratios of Mills."""
    for i in range(y.shape[0]):
        w, e = weight[i], eta[0, i]
        # With t = |eta|: `rare` outcomes had the probability 1 - Φ(t), `usual` ones Φ(t).
        t = abs(e)
        rare = trials[i] - y[i] if e > 0 else y[i]
        usual = trials[i] - rare
        r, excess = normal_tail(t)
        log_density = -0.5 * t * t - LOG_ROOT_2_PI
        small = math.exp(log_density) / r
        value[i] = w * (rare * (log_density - math.log(r)) + usual * log1p_fast(-small))
        if order > 0:
            h = r * small / (1.0 - small)
            away = w * (usual * h - rare * r)
            score[0, i] = away if e > 0 else -away
            if order > 1:
                curvature[0, i] = above_zero(w * (usual * h * (h + t) + rare * r * excess))


@row_function
def cloglog_rows(y, trials, weight, se, eta, phi, order, value, score, curvature, slope, information):
    """``F(eta) = 1 - exp(-u)`` with ``u = exp(eta)``.

    The slope of log F is ``g = u / (exp(u) - 1)``; since ``u g'(u) = g (1 - u - g)`` its curvature is
    ``g (u + g - 1)``, for small u by its series (Bernoulli numbers), where the difference would cancel.
    """
    for i in range(y.shape[0]):
        w, e, failures = weight[i], eta[0, i], trials[i] - y[i]
        u = bounded_exp(e)
        log_success, g, excess = 0.0, 0.0, 0.0
        if y[i] > 0:
            if u < 0.6931471805599453:
                p = -math.expm1(-u)
                # log(1 - exp(-u)) is log u - u / 2 + …, and log u to rounding below -37.
                log_success = e if e < -37.0 else math.log(p)
                g = u * (1.0 - p) / p
            else:
                q = math.exp(-u)
                log_success = log1p_fast(-q)
                g = u * q / (1.0 - q)
            excess = excess_series(u) if u < 0.1 else u + g - 1.0
        value[i] = w * (y[i] * log_success - failures * u)
        if order > 0:
            score[0, i] = w * (y[i] * g - failures * u)
        if order > 1:
            curvature[0, i] = above_zero(w * (y[i] * g * excess + failures * u))


PROBABILITY_ROWS: dict[str, RowFunction] = {
    "logit": logit_rows,
    "probit": probit_rows,
    "cloglog": cloglog_rows,
}
