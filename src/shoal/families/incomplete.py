"""Scalar distribution functions of gamma variables that compiled rows share, with derivatives in the shape.

The lower tail by its series, the upper one by its continued fraction (Abramowitz and Stegun 1964, 6.5.29 and
6.5.31), each where it converges fast; derivatives in the shape are those of the same recurrences, term by
term (Moore 1982, Applied Statistics 31, 330-335). The fraction by the method of Lentz as modified by Thompson
and Barnett (1986), J. Comput. Phys. 64, 490-509.
"""

from __future__ import annotations

import math

import numpy as np

from shoal.families.gamma_functions import log_gamma_at_mode
from shoal.families.intervals import log_between
from shoal.families.special import log1mexp
from shoal.priors.compiled import inner

TINY = 1e-300
STEEPEST = 1e150  # a slope whose square is a finite number
ROUNDING = 1e-16
FARTHEST = 600.0  # |log| of a ratio, beyond which its exponential stays as it is: a finite number
FEW = 32.0  # counts of an interval that are added up
MOST = 40.0  # log of how often an interval goes into its tail, beyond which nothing but rounding is left
SLIVER = math.log(0.05)  # an interval of a smaller share of its tail is integrated, not a difference
NODES = tuple(float(x) for x in np.polynomial.legendre.leggauss(8)[0])
WEIGHTS = tuple(float(w) for w in np.polynomial.legendre.leggauss(8)[1])


@inner
def gamma_tails(a: float, r: float) -> tuple[float, float, float, float, float]:
    """Return the logs of both tails of a gamma variable at ``x = a exp(r)``, and of its density.

    Returns
    -------
    tuple
        ``log P(X <= x)``, ``log P(X > x)``, the log density of log X at x, and the derivatives in the
        shape a, at this x, of the logs of both tails.
    """
    near = min(max(r, -FARTHEST), FARTHEST)
    x = a * math.exp(near)
    at_mode, at_mode_slope = log_gamma_at_mode(a)
    density = a * (r - math.expm1(near)) + at_mode
    density_slope = r + at_mode_slope
    if x < a + 1.0:
        term, total, harmonic, slope, n = 1.0, 1.0, 0.0, 0.0, 0.0
        while term > ROUNDING * total:
            n += 1.0
            term *= x / (a + n)
            harmonic += 1.0 / (a + n)
            total += term
            slope -= term * harmonic
        low = min(density - math.log(a) + math.log(total), -1e-300)
        low_slope = density_slope - 1.0 / a + slope / total
        up = log1mexp(-low)
        return low, up, density, low_slope, -math.exp(low - up) * low_slope
    b = x + 1.0 - a
    c, c_slope = 1.0 / TINY, 0.0
    d = 1.0 / b
    d_slope = d * d
    log_f, f_slope = math.log(d), d
    n = 0.0
    while True:
        n += 1.0
        b += 2.0
        part = -n * (n - a)
        c_slope = n / c - part * c_slope / (c * c) - 1.0
        c = b + part / c
        d_slope = n * d + part * d_slope - 1.0
        d = 1.0 / (b + part * d)
        d_slope *= -d * d
        change = c * d
        log_f += math.log(abs(change))
        moved = c_slope / c + d_slope / d
        f_slope += moved
        if abs(change - 1.0) < 4 * ROUNDING and abs(moved) < 1e-13 * (1.0 + abs(f_slope)) or n > 1e6:
            break
    up = min(density + log_f, -1e-300)
    up_slope = density_slope + f_slope
    low = log1mexp(-up)
    return low, up, density, -math.exp(up - low) * up_slope, up_slope


@inner
def of_ends(
    a: tuple[float, float, float, float, float, float, float],
    b: tuple[float, float, float, float, float, float, float],
) -> tuple[float, float, float, float]:
    """Return ``log(F(b) - F(a))`` with derivatives, from what is known of each end.

    Parameters
    ----------
    a, b : tuple
        The logs of F and 1 - F; derivatives of each in eta, and in a parameter; and the derivative in eta of
        the log of F's own derivative in eta.

    Returns
    -------
    tuple
        The value, its derivative in eta, minus the second one, and its derivative in the parameter.
    """
    value = log_between(a[0], a[1], b[0], b[1])
    rise_a, rise_b = change(a[0], a[1], a[2], a[3], value), change(b[0], b[1], b[2], b[3], value)
    rise = rise_b - rise_a
    slope = change(b[0], b[1], b[4], b[5], value) - change(a[0], a[1], a[4], a[5], value)
    if abs(rise) > STEEPEST:
        return value, rise, STEEPEST * STEEPEST, slope
    return value, rise, rise * rise - (rise_b * b[6] - rise_a * a[6]), slope


@inner
def change(low: float, up: float, of_low: float, of_up: float, value: float) -> float:
    """Return the derivative of F, relative to exp(value), from that of the log of its smaller tail."""
    if low < up:
        return math.exp(min(low - value, MOST)) * of_low
    return -math.exp(min(up - value, MOST)) * of_up


@inner
def is_sliver(low_a: float, up_a: float, low_b: float, up_b: float) -> bool:
    """Return whether an interval holds so little of both tails around it that a difference has few digits."""
    if low_a == -math.inf or up_b == -math.inf:
        return False
    return log_between(low_a, up_a, low_b, up_b) < min(low_b, up_a) + SLIVER


NEVER = (-math.inf, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)  # the lower end of the support
ALWAYS = (0.0, -math.inf, 0.0, 0.0, 0.0, 0.0, 0.0)
