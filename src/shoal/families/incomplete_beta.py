"""Scalar distribution functions of beta variables that compiled rows share, with derivatives in both shapes.

The smaller tail by its continued fraction (NIST Digital Library of Mathematical Functions, 8.17.22, evaluated
as in `incomplete`); derivatives in the shapes are those of the same recurrence (Boik and Robison-Cox 1998,
J. Statistical Software 3, 1).
"""

from __future__ import annotations

import math

from shoal.families.gamma_functions import gamma_pair, log_gamma_ratio
from shoal.families.incomplete import ROUNDING, TINY
from shoal.families.special import log1mexp
from shoal.priors.compiled import inner

SMALL = 1e-5  # a shape below which a tail is not taken from 1
MOST, FEWER = (
    3e4,
    200.0,
)  # convergents: about the root of the larger shape, or all that `SMALL` ones are given


@inner
def _step(
    part: float,
    part_a: float,
    part_b: float,
    c: tuple[float, float, float],
    d: tuple[float, float, float],
) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Return c and d of the next convergent, with their derivatives in a and b."""
    next_c = (
        1.0 + part / c[0],
        (part_a - part * c[1] / c[0]) / c[0],
        (part_b - part * c[2] / c[0]) / c[0],
    )
    if abs(next_c[0]) < TINY:
        next_c = (TINY, next_c[1], next_c[2])
    below = 1.0 + part * d[0]
    if abs(below) < TINY:
        below = TINY
    inverse = 1.0 / below
    next_d = (
        inverse,
        -(part_a * d[0] + part * d[1]) * inverse * inverse,
        -(part_b * d[0] + part * d[2]) * inverse * inverse,
    )
    return next_c, next_d


@inner
def _log_fraction(a: float, b: float, x: float) -> tuple[float, float, float]:
    """Return the log of the continued fraction, and its derivatives in a and b."""
    c, d = (1.0, 0.0, 0.0), (0.0, 0.0, 0.0)
    part = -(a + b) * x / (a + 1.0)
    c, d = _step(0.0, 0.0, 0.0, c, (1.0, 0.0, 0.0))
    _, d = _step(part, -x * (1.0 - b) / (a + 1.0) ** 2, -x / (a + 1.0), c, d)
    value, of_a, of_b = math.log(abs(d[0])), d[1] / d[0], d[2] / d[0]
    m, most = 0.0, FEWER if min(a, b) < SMALL else MOST
    while m < most:
        m += 1.0
        first, second = a + 2.0 * m - 1.0, a + 2.0 * m
        factor = m * x / (first * second)
        part = factor * (b - m)
        c, d = _step(part, -part * (1.0 / first + 1.0 / second), factor, c, d)
        value += math.log(abs(c[0] * d[0]))
        of_a += c[1] / c[0] + d[1] / d[0]
        of_b += c[2] / c[0] + d[2] / d[0]
        third = second + 1.0
        factor = -(a + m) * x / (second * third)
        part = factor * (a + b + m)
        part_a = part * (1.0 / (a + m) + 1.0 / (a + b + m) - 1.0 / second - 1.0 / third)
        c, d = _step(part, part_a, factor, c, d)
        change = math.log(abs(c[0] * d[0]))
        moved_a, moved_b = c[1] / c[0] + d[1] / d[0], c[2] / c[0] + d[2] / d[0]
        value, of_a, of_b = value + change, of_a + moved_a, of_b + moved_b
        moved = abs(moved_a) / (1.0 + abs(of_a)) + abs(moved_b) / (1.0 + abs(of_b))
        if abs(change) < 4 * ROUNDING and moved < 1e-14:
            break
    return value, of_a, of_b


@inner
def beta_tails(
    a: float, b: float, log_x: float, log_other: float
) -> tuple[float, float, float, float, float, float, float]:
    """Return the logs of both tails of a beta variable at x, and of its density.

    Parameters
    ----------
    a, b : float
        Its shapes.
    log_x, log_other : float
        The logs of x and of 1 - x.

    Returns
    -------
    tuple
        ``log P(X <= x)``, ``log P(X > x)``, the log density of the log odds of X at x, and the derivatives of
        the logs of both tails: of the lower in a and in b, of the upper in a and in b.
    """
    ratio_b, of_a = log_gamma_ratio(b, a)  # ψ(a + b) - ψ(a)
    _, of_b = log_gamma_ratio(a, b)
    density = a * log_x + b * log_other + ratio_b - gamma_pair(b)[0]
    at_a, at_b = log_x + of_a, log_other + of_b
    x = math.exp(log_x)
    lower = x < (a + 1.0) / (a + b + 2.0)
    if min(a, b) < SMALL:  # nearly all is at one end: the other tail has no digits as a difference
        lower = b < a
    if lower:
        fraction, in_a, in_b = _log_fraction(a, b, x)
        low = min(density - math.log(a) + fraction, -1e-300)
        low_a, low_b = at_a - 1.0 / a + in_a, at_b + in_b
        up = log1mexp(-low)
        share = -math.exp(low - up)
        return low, up, density, low_a, low_b, share * low_a, share * low_b
    fraction, in_b, in_a = _log_fraction(b, a, math.exp(log_other))
    up = min(density - math.log(b) + fraction, -1e-300)
    up_a, up_b = at_a + in_a, at_b - 1.0 / b + in_b
    low = log1mexp(-up)
    share = -math.exp(up - low)
    return low, up, density, share * up_a, share * up_b, up_a, up_b
