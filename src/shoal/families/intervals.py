"""Rows of which an interval is all that is known, or whose response was cut off at bounds.

A censored row has ``log P(a < y <= b)`` where an observed one has its log density, and a truncated row has
that of its bounds taken from it:

    log f(y)  or  log P(a < y <= b),     less  log P(least < y <= most).

Each is one more pass over the rows of a response, of a function with the signature of a row function, by
weights that are 0 in rows without it and negative where it is taken away: the rows stay one block, whatever
is known of each.
"""

from __future__ import annotations

import math

import numpy as np

from shoal.families.special import LOG_ROOT_2_PI, excess_series, log1mexp, log1p_fast, normal_distribution
from shoal.priors.compiled import inner

LEFT = 0.05  # share of a curvature that truncation leaves at least: it shapes proposals, never the posterior
NARROW = 3e-3  # width of normal intervals, in sds and relative to the slope, below which a series serves
LOG_2 = math.log(2.0)


@inner
def evaluate_kinds(
    function,
    interval,
    y,
    trials,
    weight,
    se,
    intervals,
    eta,
    phi,
    order,
    value,
    score,
    curvature,
    slope,
    information,
):
    """Evaluate M rows, as `row_functions` says, with what intervals add to their log density.

    Parameters
    ----------
    function, interval
        The row function and the interval function of a family of one linear predictor; of others, only the
        first is called.
    weight : (M,) array
        0 where a row has no density.
    intervals : (3 P, M or more) array
        As `Rows.intervals`.
    """
    function(y, trials, weight, se, eta, phi, order, value, score, curvature, slope, information)
    if intervals.shape[0] == 0:
        return
    count = weight.size
    own_value = np.empty(count)
    own_score, own_curvature = np.empty(score.shape), np.empty(curvature.shape)
    for p in range(0, intervals.shape[0], 3):
        low, high, of_pass = intervals[p, :count], intervals[p + 1, :count], intervals[p + 2, :count]
        own_information = np.zeros(information.shape)
        interval(
            *(high, low, of_pass, se, eta, phi, order, own_value, own_score, own_curvature),
            *(slope, own_information),
        )
        for i in range(count):
            value[i] += own_value[i]
        if order > 0:
            for i in range(count):
                score[0, i] += own_score[0, i]
        if order > 1:
            for i in range(count):
                curvature[0, i] = max(curvature[0, i] + own_curvature[0, i], LEFT * curvature[0, i])
            for k in range(information.shape[0]):
                for i in range(information.shape[1]):
                    most = information[k, i]
                    information[k, i] = max(most + own_information[k, i], LEFT * most)


@inner
def log_between(low_a: float, up_a: float, low_b: float, up_b: float) -> float:
    """Return ``log(F(b) - F(a))`` from the logs of both tails, F and 1 - F, at each end."""
    if up_b == -math.inf:
        return up_a
    if low_a == -math.inf:
        return low_b
    if low_b < -LOG_2:
        return low_b + log1mexp(low_b - low_a)
    if up_a < -LOG_2:
        return up_a + log1mexp(up_a - up_b)
    return log1p_fast(-(math.exp(low_a) + math.exp(up_b)))


@inner
def normal_interval(a: float, b: float) -> tuple[float, float, float, float]:
    """Return ``log(Φ(b) - Φ(a))`` and its derivatives as both ends move, and as both are stretched.

    Returns
    -------
    tuple
        The value; its derivative in t of ends a + t and b + t; minus the second one, which is positive; its
        derivative in s of ends a e^s and b e^s, at 0.
    """
    if a == -math.inf:
        if b == math.inf:
            return 0.0, 0.0, 0.0, 0.0
        value, r, excess = normal_distribution(b)
        return value, r, r * excess, r * b
    if b == math.inf:
        value, r, excess = normal_distribution(-a)
        return value, -r, r * excess, -r * a
    middle, width = 0.5 * (a + b), b - a
    if width * (1.0 + abs(middle)) < NARROW:
        # ∫φ = φ(m) h (1 + h² (m² - 1) / 24), to h⁴ m⁴ / 1920
        part = width * width / 24
        more = 1.0 + part * (middle * middle - 1.0)
        rise = -middle + 2.0 * part * middle / more
        value = -0.5 * middle * middle - LOG_ROOT_2_PI + math.log(width) + math.log(more)
        stretch = middle * rise + 1.0 + 2.0 * part * (middle * middle - 1.0) / more
        return value, rise, 1.0 - 2.0 * part, stretch
    value = log_between(
        normal_distribution(a)[0],
        normal_distribution(-a)[0],
        normal_distribution(b)[0],
        normal_distribution(-b)[0],
    )
    of_a = math.exp(-0.5 * a * a - LOG_ROOT_2_PI - value)
    of_b = math.exp(-0.5 * b * b - LOG_ROOT_2_PI - value)
    rise, stretch = of_b - of_a, b * of_b - a * of_a
    return value, rise, stretch + rise * rise, stretch


@inner
def gumbel_interval(a: float, b: float) -> tuple[float, float, float, float]:
    """Return what `normal_interval` does for ``F(z) = 1 - exp(-exp(z))``, the log of an exponential variable.

    With A and B the exponentials of the ends and D = B - A it is ``-A + log(1 - exp(-D))``.
    """
    if b == math.inf:
        near = math.exp(min(a, 650.0))
        return -near, -near, near, -near * a if near > 0.0 else 0.0
    b = min(b, 650.0)
    a = min(a, b)
    near, far = math.exp(a), math.exp(b)
    gap = near * math.expm1(min(b - a, 1400.0)) if near > 0.0 else far
    if gap == 0.0:
        gap = 1e-300
    fall = 1.0 / math.expm1(gap) if gap < 700.0 else 0.0
    share = gap * fall if gap > 1e-12 else 1.0
    excess = excess_series(gap) if gap < 0.1 else gap / -math.expm1(-gap) - 1.0
    rise = share - near
    stretch = b * far * fall if near == 0.0 else a * rise + (b - a) * far * fall
    return log1mexp(gap) - near, rise, near + share * excess, stretch
