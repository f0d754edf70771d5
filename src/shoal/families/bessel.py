"""The modified Bessel function I0, without overflow or cancellation where its argument is large.

Series are those of Abramowitz and Stegun (1964), 9.6.10 and 9.7.1.
"""

from __future__ import annotations

import math

from shoal.families.special import LOG_ROOT_2_PI, log1p_fast
from shoal.priors.compiled import inner

MANY = 30.0  # from here on the terms of the asymptotic series fall to rounding
TERMS = 16  # of it


@inner
def log_bessel(x: float) -> tuple[float, float, float]:
    """Return ``x - log I0(x)``, its derivative ``1 - I1(x) / I0(x)`` and ``(I1 / I0)'(x)``, for x >= 0."""
    if x > MANY:
        return _asymptotic(x)
    # I0 = f(q) with q = x^2 / 4 and f' its derivative; by Bessel's equation I0'' = I0 - I0' / x.
    q = 0.25 * x * x
    f, f_slope, k, term, term_slope = 1.0, 1.0, 1.0, 1.0, 1.0
    while term_slope > 1e-17 * f_slope:
        term *= q / (k * k)
        f += term
        k += 1.0
        term_slope *= q / (k * (k - 1.0))
        f_slope += term_slope
    ratio = 0.5 * x * f_slope / f
    return x - math.log(f), 1.0 - ratio, 1.0 - 0.5 * f_slope / f - ratio * ratio


@inner
def _asymptotic(x: float) -> tuple[float, float, float]:
    """Return the same by ``I0(x) = exp(x) (1 + r) / sqrt(2 π x)``, r a series in ``t = 1 / x``."""
    t = 1.0 / x
    r, r_slope, r_bend = 0.0, 0.0, 0.0  # in t
    for k in range(TERMS, 0, -1):
        c = (2.0 * k - 1.0) ** 2 / (8.0 * k)  # of a term to the one before
        # With r = c t (1 + r_before), from the last factor outwards.
        r_bend = c * (2.0 * r_slope + t * r_bend)
        r_slope = c * (1.0 + r + t * r_slope)
        r = c * t * (1.0 + r)
    log_slope = r_slope / (1.0 + r)
    log_bend = r_bend / (1.0 + r) - log_slope * log_slope
    rest = 0.5 * t + t * t * log_slope
    bent = t * t * (0.5 + 2.0 * t * log_slope + t * t * log_bend)
    return 0.5 * math.log(x) + LOG_ROOT_2_PI - log1p_fast(r), rest, bent
