"""Functions that stay accurate, and whose derivatives stay numbers, far out in the tails.

Where two formulas share a `where`, each is given arguments at which it is finite: the derivative of a
`where` is a sum over both branches, and 0 * inf is no number.
"""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy.special
from jax.scipy.special import gammaln, log_ndtr

LARGEST = 700.0  # exp(±700) is a finite, normal number
LOG_ROOT_2_PI = 0.5 * math.log(2 * math.pi)
MANY = 30.0  # from here on Stirling's series, of four terms, is exact to rounding


def arrays(x: Any) -> Any:
    """Return the array module of `x`: `jax.numpy` or `numpy`."""
    return jnp if isinstance(x, jax.Array) else np


def special(x: Any) -> Any:
    """Return the module of special functions of `x`: that of JAX or of SciPy."""
    return jax.scipy.special if isinstance(x, jax.Array) else scipy.special


def exp(x: Any) -> Any:
    """Return ``exp(x)``, kept between ``exp(-700)`` and ``exp(700)``; NumPy or JAX."""
    xp = arrays(x)
    return xp.exp(xp.clip(x, -LARGEST, LARGEST))


def positive(curvature: Any) -> Any:
    """Return a curvature that may have underflowed, or overflowed, as a positive number."""
    return jnp.clip(curvature, 1e-300, 1e300)


def log_sigmoid(x: Any) -> Any:
    """Return ``log(1 / (1 + exp(-x)))``."""
    return -jnp.logaddexp(0.0, -x)


def log1mexp(x: Any) -> Any:
    """Return ``log(1 - exp(-x))`` for x > 0 (Maechler 2012, vignette of the R package Rmpfr)."""
    x = jnp.maximum(x, 1e-300)
    near = x < math.log(2)
    close, away = jnp.where(near, x, 1.0), jnp.where(near, 1.0, x)
    return jnp.where(near, jnp.log(-jnp.expm1(-close)), jnp.log1p(-jnp.exp(-away)))


def stirling(x: Any) -> Any:
    """Return ``log Γ(x) - (x - 1/2) log x + x - log(2 π) / 2`` for large x.

    Abramowitz and Stegun (1964), 6.1.41.
    """
    i = 1 / x
    square = i * i
    return i * (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square / 1680)))


def trigamma_above_one(x: Any) -> Any:
    """Return ψ'(x), the derivative of the digamma function, for x >= 1.

    By ``ψ'(x) = ψ'(x + 1) + 1 / x^2`` and the asymptotic series (Abramowitz and Stegun 1964, 6.4.6, 6.4.12);
    many times faster than `jax.scipy.special.polygamma`.
    """
    shifted = sum(1 / (x + k) ** 2 for k in range(9))
    i = 1 / (x + 9)
    square = i * i
    series = 1 / 6 - square * (1 / 30 - square * (1 / 42 - square * (1 / 30 - square * 5 / 66)))
    return shifted + i * (1 + i * (0.5 + i * series))


def log_gamma_ratio(y: Any, a: Any) -> Any:
    """Return ``log(Γ(y + a) / Γ(a))`` for y >= 0, without cancellation as a grows.

    For large a, from Stirling's series of both: ``y log a + (y + a - 1/2) log(1 + y / a) - y`` and the
    difference of the remainders.
    """
    many = a > MANY
    few, large = jnp.where(many, 1.0, a), jnp.where(many, a, MANY)
    series = y * jnp.log(large) + (y + large - 0.5) * jnp.log1p(y / large) - y
    series = series + stirling(y + large) - stirling(large)
    return jnp.where(many, series, gammaln(y + few) - gammaln(few))


def log_gamma_at_mode(a: Any) -> Any:
    """Return ``a log a - a - log Γ(a)`` without cancellation as a grows."""
    many = a > MANY
    few, large = jnp.where(many, 1.0, a), jnp.where(many, a, MANY)
    series = 0.5 * jnp.log(large) - LOG_ROOT_2_PI - stirling(large)
    return jnp.where(many, series, few * jnp.log(few) - few - gammaln(few))


def log_normal_cdf(x: Any) -> Any:
    """Return ``log Φ(x)``; the tail's series with enough terms for double precision."""
    return log_ndtr(x, 8)


def inverse_mills(x: Any) -> tuple[Any, Any]:
    """Return ``r = φ(x) / Φ(x)`` and ``r + x``: the slope of log Φ, and ``r (r + x)`` is its curvature.

    Below -20 from the asymptotic series of the reciprocal of Mills' ratio, ``r + x = 1/t - 2/t^3 + 10/t^5 -
    74/t^7 + …`` with t = -x (from Abramowitz and Stegun 1964, 26.2.12), where the difference would cancel.
    """
    tail = x < -20.0
    near, t = jnp.where(tail, 0.0, x), jnp.where(tail, -x, 20.0)
    direct = jnp.exp(-0.5 * near**2 - LOG_ROOT_2_PI - log_normal_cdf(near))
    i = 1 / t**2
    excess = (1 - i * (2 - i * (10 - i * (74 - i * (706 - i * (8162 - i * 110410)))))) / t
    return jnp.where(tail, t + excess, direct), jnp.where(tail, excess, direct + near)
