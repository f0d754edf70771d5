"""Probability of an interval of a latent variable: log, slope and curvature in the variable's location.

An interval runs from `lower` to `upper`, both relative to the location eta, with ``gap = upper - lower``;
in `first` rows it has no lower end, in `last` rows no upper end. Slopes are with respect to eta.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from shoal.families.numerics import LOG_ROOT_2_PI, inverse_mills, log1mexp, log_normal_cdf, log_sigmoid


class Interval(NamedTuple):
    """Ends of each row's interval; an end that does not exist holds any finite number."""

    lower: Any
    upper: Any
    gap: Any
    first: Any
    last: Any


def log_logistic(i: Interval) -> Any:
    """Return the log probability of a logistic variable.

    From ``σ(u) - σ(l) = σ(u) σ(-l) (1 - exp(l - u))``: the last factor does not depend on eta.
    """
    inner = ~(i.first | i.last)
    log_p = jnp.where(inner, log1mexp(jnp.where(inner, i.gap, 1.0)), 0.0)
    log_p = log_p + jnp.where(i.last, 0.0, log_sigmoid(i.upper))
    return log_p + jnp.where(i.first, 0.0, log_sigmoid(-i.lower))


def logistic_slopes(i: Interval) -> tuple[Any, Any]:
    """Return the first and the (exact) negative second derivative of `log_logistic` in eta."""
    above, below = jax.nn.sigmoid(-i.upper), jax.nn.sigmoid(i.lower)
    slope = jnp.where(i.first, 0.0, below) - jnp.where(i.last, 0.0, above)
    curvature = jnp.where(i.first, 0.0, below * jax.nn.sigmoid(-i.lower))
    return slope, curvature + jnp.where(i.last, 0.0, above * jax.nn.sigmoid(i.upper))


def log_normal(i: Interval) -> Any:
    """Return the log probability of a normal variable."""
    edge = jnp.where(i.first, i.upper, -i.lower)
    inner = _log_inner(*_inner(i))
    return jnp.where(i.first | i.last, log_normal_cdf(edge), inner)


def _inner(i: Interval) -> tuple[Any, Any]:
    """Return the ends of the rows with two ends; -1 and 1 for the others."""
    edge = i.first | i.last
    return jnp.where(edge, -1.0, i.lower), jnp.where(edge, 1.0, i.upper)


def _log_inner(lower: Any, upper: Any) -> Any:
    # Intervals above zero are mirrored: log Φ is accurate in the lower tail.
    mirrored = lower + upper > 0
    a, b = jnp.where(mirrored, -upper, lower), jnp.where(mirrored, -lower, upper)
    log_b = log_normal_cdf(b)
    return log_b + log1mexp(log_b - log_normal_cdf(a))


def normal_slopes(i: Interval) -> tuple[Any, Any]:
    """Return the first and the (exact) negative second derivative of `log_normal` in eta.

    With two ends and probability p: slope ``s = (φ(l) - φ(u)) / p`` and curvature
    ``s^2 + (u φ(u) - l φ(l)) / p``, which is one less the variance of the truncated variable.
    """
    mills, excess = inverse_mills(jnp.where(i.first, i.upper, -i.lower))
    lower, upper = _inner(i)
    log_p = _log_inner(lower, upper)
    at_lower = jnp.exp(-0.5 * lower**2 - LOG_ROOT_2_PI - log_p)
    at_upper = jnp.exp(-0.5 * upper**2 - LOG_ROOT_2_PI - log_p)
    inner = at_lower - at_upper
    curvature = jnp.minimum(inner**2 + upper * at_upper - lower * at_lower, 1.0)
    slope = jnp.where(i.first, -mills, jnp.where(i.last, mills, inner))
    return slope, jnp.where(i.first | i.last, mills * excess, curvature)
