"""Mode m(theta) and precision factor F(theta) of all effects given the hyperparameters.

The rows stand for a quadratic in the effects: their own one where they are gaussian, else the one with their
score and (expected) curvature at an *anchor*, the same point at every theta. Its normal equations give m and
F without looking at a row. Newton steps from the rows may refine them; without any, m and F follow theta
through the scales of the effects only, which is enough where rows inform about their levels and the anchor is
the mode at a typical theta.

Whatever m and F are, ``x = m + F'^-1 z`` is a change of variables with known determinant: sampling (theta, z)
is exact, and easy when the conditional posterior of x is near normal. Osmundsen, Kleppe and Liesenfeld
(2021), J. Comp. Graph. Stat. 30, 906-919; Margossian et al. (2020), arXiv:2004.12550.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from shoal.posterior import constraint, gaussian, rows
from shoal.posterior.blocks import (
    Effects,
    Factor,
    add,
    backward,
    dot,
    factorize,
    forward,
    gather,
    log_det,
    split,
)
from shoal.posterior.constraint import Constraint
from shoal.posterior.data import Data, Hyper, Quadratic
from shoal.posterior.structure import Structure

FROZEN = -1  # in place of a number of refinements: one map for all theta
LONGEST_STEP = 4.0  # in the linear predictor; longer Newton steps are shortened smoothly


class Conditional(NamedTuple):
    """Normal approximation of the effects given theta.

    `value` is the log marginal density of the rows where everything is quadratic (None otherwise).
    """

    mode: Effects
    factor: Factor
    constraint: Constraint | None
    value: Any


class Frozen(NamedTuple):
    """The map at one theta, its mode moved along with theta to first order.

    Nothing is factored at each theta: for borders so large that this would cost most of the time.

    Attributes
    ----------
    theta : (d,) array
    conditional : Conditional
    slope : Effects
        Derivative of the mode, the first axis over theta.
    """

    theta: Any
    conditional: Conditional
    slope: Effects

    def at(self, theta: Any) -> Conditional:
        """Return the map at another theta."""
        away = theta - self.theta
        x = self.conditional.mode
        u = x.u + jnp.tensordot(away, self.slope.u, 1)
        return self.conditional._replace(mode=Effects(u, x.b + away @ self.slope.b))


def conditional(s: Structure, data: Data, hyper: Hyper, refinements: int) -> Conditional:
    """Return the normal approximation at `hyper`; exact where everything is quadratic.

    Parameters
    ----------
    refinements : int
        Newton steps from the rows, after the anchor's. Only the last is differentiated: at the mode that is
        the implicit-function derivative (Bolte, Pauwels and Vaiter 2023, arXiv:2305.13768). An inexact
        gradient costs acceptance, never exactness: the sampler's proposals stay reversible and
        volume-preserving, and are judged by the density itself.
    """
    first = _solved(s, data, data.anchor, hyper)
    if s.quadratic or not refinements:
        return first
    x = first.mode
    if refinements > 1:
        frozen = jax.lax.stop_gradient(hyper)
        x = jax.lax.fori_loop(
            0, refinements - 1, lambda _, at: _newton(s, data, frozen, at), jax.lax.stop_gradient(x)
        )
        x = jax.lax.stop_gradient(x)
    x = _newton(s, data, hyper, x)
    # F from the curvature at the mode itself
    last = _solved(s, data, rows.linearized(s, data, hyper, x), hyper)
    return last._replace(mode=x)


def _solved(s: Structure, data: Data, q: Quadratic, hyper: Hyper) -> Conditional:
    """Return mode and factor of a quadratic log density."""
    scaling = gaussian.scales(s, data, hyper)
    arrow, right, level = gaussian.normal_equations(s, q, hyper, scaling)
    factor = factorize(s, arrow, scaling, data.pattern)
    w = forward(s, factor, right)
    x, limits = _measured(s, backward(s, factor, w), q.reference / hyper.scale_b), None
    value = level + 0.5 * dot(w, w) - log_det(factor) if s.quadratic else None
    if s.zero_sum:
        limits = constraint.zero_sum(s, factor)
        if value is not None:
            value = value + constraint.log_density_at_zero(s, limits, constraint.sums(s, x))
        x = _to_zero_sum(s, factor, limits, x)
    return Conditional(x, factor, limits, value)


def _measured(s: Structure, x: Effects, reference: Any) -> Effects:
    """Add the reference back to the population part."""
    return Effects(x.u, x.b.at[x.b.shape[0] - s.n_normal :].add(reference))


def _to_zero_sum(s: Structure, factor: Factor, limits: Constraint, x: Effects) -> Effects:
    off = constraint.sums_in_root(s, limits, x)
    nothing = Effects(jnp.zeros_like(x.u), jnp.zeros_like(x.b))
    return add(x, backward(s, factor, constraint.remove(limits, nothing, off)))


def _newton(s: Structure, data: Data, hyper: Hyper, x: Effects) -> Effects:
    """Return the next iterate, long steps shortened."""
    full = _solved(s, data, rows.linearized(s, data, hyper, x), hyper)
    step = Effects(full.mode.u - x.u, full.mode.b - x.b)
    nearer = add(x, _limited(s, data, hyper, step))
    # Shortening level by level leaves the constrained space: project back.
    return _to_zero_sum(s, full.factor, full.constraint, nearer) if full.constraint is not None else nearer


def _limited(s: Structure, data: Data, hyper: Hyper, step: Effects) -> Effects:
    """Shorten long steps level by level, smoothly, so that m(theta) stays differentiable.

    Lengths are those of the change in the linear predictor of a typical row.
    """
    parts, population = split(s, step)
    short = []
    for lam, u, size in zip(hyper.lam, parts, data.size, strict=False):
        change = size[:, None] * (lam @ u)
        short.append(u / jnp.sqrt(1 + (change**2).sum(0) / LONGEST_STEP**2))
    change = data.size[-1] * hyper.scale_b * population
    return gather(s, tuple(short), population / jnp.sqrt(1 + (change**2).sum() / LONGEST_STEP**2))


def transport(s: Structure, c: Conditional, z: Effects) -> tuple[Effects, Any]:
    """Return ``x = m + F'^-1 z`` and the log determinant of the map, up to a constant.

    With constraints, the fixed directions of z do not reach x, and their standard normal log density is
    part of the second value, so that the joint density of (theta, z) is proper.
    """
    if c.constraint is None:
        return add(c.mode, backward(s, c.factor, z)), -log_det(c.factor)
    free = constraint.along(c.constraint, z)
    x = add(c.mode, backward(s, c.factor, constraint.remove(c.constraint, z, free)))
    log_volume = 0.5 * constraint.log_levels(s) - log_det(c.factor)
    log_volume -= jnp.log(jnp.diagonal(c.constraint.root)).sum()
    return x, log_volume - 0.5 * free @ free
