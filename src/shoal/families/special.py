"""Scalar functions that compiled rows share: accurate far out in the tails, and finite there.

Each is compiled with the row function that calls it.
"""

from __future__ import annotations

import math

from shoal.priors.compiled import inner

LARGEST = 700.0  # exp(±700) is a finite, normal number
LOG_ROOT_2_PI = 0.5 * math.log(2 * math.pi)
ROOT_PI = math.sqrt(math.pi)
ROOT_HALF = math.sqrt(0.5)
ROOT_2_OVER_PI = math.sqrt(2 / math.pi)


@inner
def bounded_exp(x: float) -> float:
    """Return ``exp(x)``, kept between ``exp(-700)`` and ``exp(700)``."""
    return math.exp(min(max(x, -LARGEST), LARGEST))


@inner
def above_zero(curvature: float) -> float:
    """Return a curvature that may have underflowed, or overflowed, as a positive number."""
    return min(max(curvature, 1e-300), 1e300)


@inner
def log_or_least(x: float) -> float:
    """Return ``log(x)``, and minus infinity of what is not above zero."""
    return math.log(x) if x > 0.0 else -math.inf


@inner
def inside_unit(p: float) -> float:
    """Return a probability off 0 and 1, where rounding may have put it."""
    return min(max(p, 1e-300), 1 - 1e-16)


@inner
def log1p_fast(q: float) -> float:
    """Return ``log(1 + q)`` for q > -1, in half the time of `math.log1p`.

    What rounding 1 + q to u has lost enters by the slope of the logarithm at u, ``(q - (u - 1)) / u``.
    """
    u = 1.0 + q
    return math.log(u) - ((u - 1.0) - q) / u


@inner
def excess_series(u: float) -> float:
    """Return ``u / (1 - exp(-u)) - 1``, which would cancel, for 0 <= u < 0.1 by Bernoulli numbers."""
    square = u * u
    return u / 2 + square * (1 / 12 - square * (1 / 720 - square / 30240))


@inner
def log1mexp(x: float) -> float:
    """Return ``log(1 - exp(-x))`` for x > 0 (Maechler 2012, vignette of the R package Rmpfr)."""
    x = max(x, 1e-300)
    return math.log(-math.expm1(-x)) if x < 0.6931471805599453 else log1p_fast(-math.exp(-x))


@inner
def logistic(x: float) -> tuple[float, float, float]:
    """Return ``p = 1 / (1 + exp(-x))``, ``1 - p`` and ``l = log(1 + exp(-|x|))``: log p = min(x, 0) - l."""
    q = math.exp(-abs(x))
    r = 1.0 / (1.0 + q)
    small = q * r
    p = r if x > 0 else small
    other = small if x > 0 else r
    return p, other, log1p_fast(q)


@inner
def normal_tail(t: float) -> tuple[float, float]:
    """Return ``r = φ(t) / (1 - Φ(t))``, the reciprocal of Mills' ratio, and ``r - t``, for t >= 0.

    From ``exp(x^2) erfc(x) = sqrt(2 / π) / r`` at ``x = t / sqrt(2)``, by the rational approximations of Cody
    (1969), Mathematics of Computation 23, 631-637, with his coefficients: relative error 1e-16 for all t.
    """
    x = t * ROOT_HALF
    if x > 4.0:
        # sqrt(π) x exp(x^2) erfc(x) = 1 - sqrt(π) s, from whose smallness s the excess is t s' / (1 - s').
        z = 1.0 / (x * x)
        num = 1.63153871373020978e-2 * z + 3.05326634961232344e-1
        num = (num * z + 3.60344899949804439e-1) * z + 1.25781726111229246e-1
        num = (num * z + 1.60837851487422766e-2) * z + 6.58749161529837803e-4
        den = (z + 2.56852019228982242) * z + 1.87295284992346725
        den = (den * z + 5.27905102951428412e-1) * z + 6.05183413124413191e-2
        den = den * z + 2.33520497626869185e-3
        small = ROOT_PI * z * num / den
        return t / (1.0 - small), t * small / (1.0 - small)
    if x > 0.46875:
        num = 2.15311535474403846e-8 * x + 5.64188496988670089e-1
        num = (num * x + 8.88314979438837594) * x + 6.61191906371416295e1
        num = (num * x + 2.98635138197400131e2) * x + 8.81952221241769090e2
        num = (num * x + 1.71204761263407058e3) * x + 2.05107837782607147e3
        num = num * x + 1.23033935479799725e3
        den = (x + 1.57449261107098347e1) * x + 1.17693950891312499e2
        den = (den * x + 5.37181101862009858e2) * x + 1.62138957456669019e3
        den = (den * x + 3.29079923573345963e3) * x + 4.36261909014324716e3
        den = (den * x + 3.43936767414372164e3) * x + 1.23033935480374942e3
        r = ROOT_2_OVER_PI * den / num
        return r, r - t
    z = x * x
    num = (1.85777706184603153e-1 * z + 3.16112374387056560) * z + 1.13864154151050156e2
    num = (num * z + 3.77485237685302021e2) * z + 3.20937758913846947e3
    den = (z + 2.36012909523441209e1) * z + 2.44024637934444173e2
    den = (den * z + 1.28261652607737228e3) * z + 2.84423683343917062e3
    r = ROOT_2_OVER_PI * math.exp(-z) / (1.0 - x * num / den)
    return r, r - t


@inner
def normal_distribution(x: float) -> tuple[float, float, float]:
    """Return ``log Φ(x)``, its derivative ``r = φ(x) / Φ(x)`` and ``r + x``: its curvature is r (r + x)."""
    t = abs(x)
    r, excess = normal_tail(t)
    half = 0.5 * t * t
    if x < 0:
        return -half - LOG_ROOT_2_PI - math.log(r), r, excess
    density = math.exp(-half - LOG_ROOT_2_PI)
    below = 1.0 - density / r
    return log1p_fast(-density / r), density / below, density / below + x
