"""Scalar gamma functions that compiled rows share, without cancellation where arguments are large.

Series are those of Stirling: Abramowitz and Stegun (1964), 6.1.41, 6.3.18 and 6.4.12.
"""

from __future__ import annotations

import math

from scipy.special import zeta

from shoal.families.special import LOG_ROOT_2_PI, log1p_fast
from shoal.priors.compiled import inner

MANY = 30.0  # from here on four terms of the series are exact to rounding
# Coefficients of x, x^2, ... in log Γ(1 + x): minus Euler's constant, and (-1)^n ζ(n) / n.
TAYLOR = (-0.5772156649015329, *(float((-1) ** n * zeta(n) / n) for n in range(2, 12)))
FEW = 16.0  # products of fewer factors than this are faster than two gamma functions


@inner
def stirling(x: float) -> float:
    """Return ``log Γ(x) - (x - 1/2) log x + x - log(2 π) / 2`` for x >= 9."""
    i = 1 / x
    s = i * i
    tail = 1 / 1680 - s * (1 / 1188 - s * (691 / 360360 - s / 156))
    return i * (1 / 12 - s * (1 / 360 - s * (1 / 1260 - s * tail)))


@inner
def digamma_remainder(x: float) -> float:
    """Return ``log x - 1 / (2 x) - ψ(x)`` for x >= 9."""
    s = 1 / (x * x)
    tail = 1 / 240 - s * (1 / 132 - s * (691 / 32760 - s / 12))
    return s * (1 / 12 - s * (1 / 120 - s * (1 / 252 - s * tail)))


@inner
def gamma_pair(x: float) -> tuple[float, float]:
    """Return ``log Γ(x)`` and its derivative ψ(x) for x > 0.

    Below `MANY` from x + 9, as ``Γ(x) = Γ(x + 9) / p`` with the product ``p = x (x + 1) … (x + 8)``.
    """
    p, slope = 1.0, 0.0  # of p in x
    if x < MANY:
        for _ in range(9):
            slope = slope * x + p
            p *= x
            x += 1.0
    log_x = math.log(x)
    log_gamma = (x - 0.5) * log_x - x + LOG_ROOT_2_PI + stirling(x) - math.log(p)
    return log_gamma, log_x - 0.5 / x - digamma_remainder(x) - slope / p


@inner
def log_gamma_above_one(x: float) -> tuple[float, float]:
    """Return ``log Γ(1 + x)`` and ψ(1 + x) for x > 0, with all digits of the first where x is small.

    There by Taylor's series (Abramowitz and Stegun 1964, 6.1.33).
    """
    log_gamma, digamma = gamma_pair(1.0 + x)
    if x < 0.05:
        log_gamma = 0.0
        for n in range(len(TAYLOR) - 1, -1, -1):
            log_gamma = (log_gamma + TAYLOR[n]) * x
    return log_gamma, digamma


@inner
def trigamma_above_one(x: float) -> float:
    """Return ψ'(x) for x >= 1, by ``ψ'(x) = ψ'(x + 1) + 1 / x^2``."""
    shifted = 0.0
    for _ in range(9):
        shifted += 1 / (x * x)
        x += 1.0
    return shifted + 1 / x + trigamma_excess_series(x)


@inner
def trigamma_excess_series(x: float) -> float:
    """Return ``ψ'(x) - 1 / x`` for x >= 9."""
    i = 1 / x
    s = i * i
    tail = 1 / 30 - s * (5 / 66 - s * (691 / 2730 - s * 7 / 6))
    return s * (0.5 + i * (1 / 6 - s * (1 / 30 - s * (1 / 42 - s * tail))))


@inner
def trigamma_excess(x: float) -> float:
    """Return ``ψ'(x) - 1 / x``, which is positive, for x > 0."""
    if x > MANY:
        return trigamma_excess_series(x)
    return trigamma_above_one(1 + x) + (1 / x - 1) / x


@inner
def log_gamma_ratio(y: float, a: float) -> tuple[float, float]:
    """Return ``log(Γ(y + a) / Γ(a))`` and its derivative in a, for y >= 0, a > 0.

    For large a, from Stirling's series of both: ``y log a + (y + a - 1/2) log(1 + y / a) - y`` and the
    difference of the remainders. For few counts from the product ``a (a + 1) … (a + y - 1)``.
    """
    if a > MANY:
        b = y + a
        rise = log1p_fast(y / a)
        value = y * math.log(a) + (b - 0.5) * rise - y + stirling(b) - stirling(a)
        return value, rise + 0.5 * y / (a * b) - digamma_remainder(b) + digamma_remainder(a)
    if y < FEW and y == math.floor(y):
        p, slope = 1.0, 0.0
        for k in range(int(y)):
            slope = slope * (a + k) + p
            p *= a + k
        return math.log(p), slope / p
    upper, upper_slope = gamma_pair(y + a)
    lower, lower_slope = gamma_pair(a)
    return upper - lower, upper_slope - lower_slope


@inner
def log_gamma_at_mode(a: float) -> tuple[float, float]:
    """Return ``a log a - a - log Γ(a)`` and its derivative ``log a - ψ(a)``, for a > 0."""
    log_a = math.log(a)
    if a > MANY:
        return 0.5 * log_a - LOG_ROOT_2_PI - stirling(a), 0.5 / a + digamma_remainder(a)
    log_gamma, digamma = gamma_pair(a)
    return a * log_a - a - log_gamma, log_a - digamma
