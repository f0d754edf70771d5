"""Scalar functions that compiled rows share: accurate far out in the tails, and finite there.

Each is compiled with the row function that calls it.
"""

from __future__ import annotations

import math

import numba as nb

from shoal.priors.compiled import OPTIONS

LARGEST = 700.0  # exp(±700) is a finite, normal number
LOG_ROOT_2_PI = 0.5 * math.log(2 * math.pi)


@nb.njit(**OPTIONS)
def bounded_exp(x: float) -> float:
    """Return ``exp(x)``, kept between ``exp(-700)`` and ``exp(700)``."""
    return math.exp(min(max(x, -LARGEST), LARGEST))


@nb.njit(**OPTIONS)
def above_zero(curvature: float) -> float:
    """Return a curvature that may have underflowed, or overflowed, as a positive number."""
    return min(max(curvature, 1e-300), 1e300)


@nb.njit(**OPTIONS)
def log1p_small(q: float) -> float:
    """Return ``log(1 + q)`` for 0 <= q <= 1, in half the time of `math.log1p`.

    What rounding 1 + q to u has lost enters by the slope of the logarithm at u: ``log u + (q - (u - 1)) / u``.
    """
    u = 1.0 + q
    return math.log(u) - ((u - 1.0) - q) / u


@nb.njit(**OPTIONS)
def logistic(x: float) -> tuple[float, float, float]:
    """Return ``p = 1 / (1 + exp(-x))``, ``1 - p`` and ``l = log(1 + exp(-|x|))``: log p = min(x, 0) - l."""
    q = math.exp(-abs(x))
    r = 1.0 / (1.0 + q)
    small = q * r
    p = r if x > 0 else small
    other = small if x > 0 else r
    return p, other, log1p_small(q)
