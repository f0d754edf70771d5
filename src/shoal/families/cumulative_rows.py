"""Rows of ordered categories, ``P(y <= j) = F(cutpoint[j] - eta)``: a row function a link.

A row of category j has the probability of an interval, from ``low = cutpoint[j-1] - eta`` to ``high =
cutpoint[j] - eta``. With every link its log is concave in both ends, and all curvatures are exact.
"""

from __future__ import annotations

import math

from shoal.families.row_functions import RowFunction, row_function
from shoal.families.special import (
    LOG_ROOT_2_PI,
    above_zero,
    log1mexp,
    log1p_fast,
    normal_distribution,
    normal_tail,
)
from shoal.priors.compiled import inner

NO_END = 1e300


@row_function
def logit_rows(y, trials, weight, se, eta, phi, order, value, score, curvature, slope, information):
    """By ``F(high) - F(low) = F(high) F(-low) (1 - exp(low - high))``; the last factor is free of eta."""
    last = phi.shape[0]
    several = phi.shape[1]
    each = y.shape[0] // several
    for j in range(several):
        for i in range(j * each, (j + 1) * each):
            w, code = weight[i], int(y[i])
            high = phi[code, j] - eta[0, i] if code < last else NO_END
            low = phi[code - 1, j] - eta[0, i] if code > 0 else -NO_END
            gap = max(phi[code, j] - phi[code - 1, j], 1e-300) if 0 < code < last else NO_END
            at_high, at_low = math.exp(-abs(high)), math.exp(-abs(low))
            log_p = min(high, 0.0) - max(low, 0.0) - log1p_fast(at_high + at_low + at_high * at_low)
            value[i] = w * (log_p + log1mexp(gap) if gap < NO_END else log_p)
            if order > 0:
                r = 1.0 / (1.0 + at_high)
                above, not_above = (at_high * r, r) if high > 0 else (r, at_high * r)  # 1 - F(high), F(high)
                r = 1.0 / (1.0 + at_low)
                below, not_below = (r, at_low * r) if low > 0 else (at_low * r, r)  # F(low), 1 - F(low)
                score[0, i] = w * (below - above)
                g = 1.0 / math.expm1(min(gap, 700.0)) if gap < NO_END else 0.0  # slope of log(1 - exp(-gap))
                if code < last:
                    slope[code, j] += w * (above + g)
                if code > 0:
                    slope[code - 1, j] -= w * (below + g)
                if order > 1:
                    of_high, of_low, of_gap = above * not_above, below * not_below, min(g * (1.0 + g), 1e300)
                    curvature[0, i] = above_zero(w * (of_high + of_low))
                    if code < last:
                        information[code, j] += w * (of_high + of_gap)
                    if code > 0:
                        information[code - 1, j] += w * (of_low + of_gap)


@inner
def normal_interval(low: float, high: float, gap: float) -> tuple[float, float, float]:
    """Return ``log p``, ``φ(low) / p`` and ``φ(high) / p``, p the probability of a standard normal variable.

    `gap` is ``high - low``, which may have fewer digits. Intervals that lie above zero are mirrored. With
    ``δ = log Φ(b) - log Φ(a)`` and r = φ / Φ the quotients are ``r(a) / (exp(δ) - 1)`` and
    ``r(b) / (1 - exp(-δ))``.
    """
    mirrored = low + high > 0
    a, b = (-high, -low) if mirrored else (low, high)
    r_a, excess_a = normal_tail(-a)
    if b < 0:
        # Both in the tail: 2 δ = a^2 - b^2 + 2 log(r(a) / r(b)), as exact as the difference of the ends.
        r_b, excess_b = normal_tail(-b)
        log_b = -0.5 * b * b - LOG_ROOT_2_PI - math.log(r_b)
        delta = -0.5 * gap * (a + b) + log1p_fast((gap + (excess_a - excess_b)) / r_b)
    else:
        log_b, r_b, _ = normal_distribution(b)
        delta = log_b + 0.5 * a * a + LOG_ROOT_2_PI + math.log(r_a)
    delta = max(delta, 1e-300)
    at_a = r_a / math.expm1(min(delta, 700.0))
    at_b = r_b / -math.expm1(-delta)
    log_p = log_b + log1mexp(delta)
    return (log_p, at_b, at_a) if mirrored else (log_p, at_a, at_b)


@row_function
def probit_rows(y, trials, weight, se, eta, phi, order, value, score, curvature, slope, information):
    """With p the row's probability the slope in eta is ``s = (φ(low) - φ(high)) / p``.

    The curvature, ``s^2 + (high φ(high) - low φ(low)) / p``, is one less the variance of the truncated
    variable.
    """
    last = phi.shape[0]
    several = phi.shape[1]
    each = y.shape[0] // several
    for j in range(several):
        for i in range(j * each, (j + 1) * each):
            w, code, e = weight[i], int(y[i]), eta[0, i]
            if 0 < code < last:
                high, low = phi[code, j] - e, phi[code - 1, j] - e
                gap = phi[code, j] - phi[code - 1, j]
                log_p, at_low, at_high = normal_interval(low, high, gap)
                value[i] = w * log_p
                if order > 0:
                    s = at_low - at_high
                    score[0, i] = w * s
                    slope[code, j] += w * at_high
                    slope[code - 1, j] -= w * at_low
                    if order > 1:
                        curvature[0, i] = above_zero(w * min(s * s + high * at_high - low * at_low, 1.0))
                        information[code, j] += above_zero(w * at_high * (at_high + high))
                        information[code - 1, j] += above_zero(w * at_low * (at_low - low))
            else:
                # One end: P = Φ(high), or Φ(-low).
                k = 0 if code == 0 else last - 1
                side = 1.0 if code == 0 else -1.0
                log_p, r, excess = normal_distribution(side * (phi[k, j] - e))
                value[i] = w * log_p
                if order > 0:
                    score[0, i] = -side * w * r
                    slope[k, j] += side * w * r
                    if order > 1:
                        curvature[0, i] = above_zero(w * r * excess)
                        information[k, j] += w * r * excess


CUMULATIVE_ROWS: dict[str, RowFunction] = {"logit": logit_rows, "probit": probit_rows}
