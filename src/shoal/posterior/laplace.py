"""Mode m(theta) and precision factor F(theta) of all effects given the hyperparameters.

For gaussian rows both are exact. For other rows m(theta) is a fixed number of Newton steps from a point
made of the data alone, so it is a deterministic, smooth function of theta, and F F' is the (expected)
curvature there. Whatever m and F are, ``x = m + F'^-1 z`` is a change of variables with known determinant:
sampling (theta, z) is exact, and easy when the conditional posterior of x is near normal. Osmundsen,
Kleppe and Liesenfeld (2021), J. Comp. Graph. Stat. 30, 906-919; Margossian et al. (2020), arXiv:2004.12550.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from shoal.posterior import constraint, gaussian, rows
from shoal.posterior.blocks import Effects, Factor, add, backward, dot, factorize, forward, log_det
from shoal.posterior.constraint import Constraint
from shoal.posterior.structure import Data, Hyper, RowData, Structure

LONGEST_STEP = 4.0  # in the linear predictor; longer Newton steps are shortened smoothly


class Conditional(NamedTuple):
    """Normal approximation of the effects given theta.

    `quadratic` is the log marginal density of gaussian rows (None for other rows).
    """

    mode: Effects
    factor: Factor
    constraint: Constraint | None
    quadratic: Any


def conditional(structure: Structure, data: Data, hyper: Hyper) -> Conditional:
    """Return the normal approximation at `hyper`; exact for gaussian rows."""
    if data.sums is not None:
        return _finish(structure, *gaussian.normal_equations(structure, data.sums, hyper))
    assert data.rows is not None
    x = _mode(structure, data.rows, hyper)
    factor = _curvature(structure, data.rows, hyper, x)
    limits = constraint.zero_sum(factor, structure.n_levels) if structure.zero_sum else None
    return Conditional(x, factor, limits, None)


def _finish(structure: Structure, arrow: Any, right: Effects, reference: Effects, level: Any) -> Conditional:
    factor = factorize(arrow)
    w = forward(factor, right)
    mode = backward(factor, w)
    value = level + 0.5 * dot(w, w) - log_det(factor)
    x, limits = add(mode, reference), None
    if structure.zero_sum:
        limits = constraint.zero_sum(factor, structure.n_levels)
        value = value + constraint.log_density_at_zero(limits, x.u.sum(1), structure.n_levels)
        x = _to_zero_sum(factor, limits, x)
    return Conditional(x, factor, limits, value)


def _to_zero_sum(factor: Factor, limits: Constraint, x: Effects) -> Effects:
    off = constraint.sums_in_root(limits, x)
    nothing = Effects(jnp.zeros_like(x.u), jnp.zeros_like(x.b))
    return add(x, backward(factor, constraint.remove(limits, nothing, off)))


def _mode(structure: Structure, data: RowData, hyper: Hyper) -> Effects:
    """Newton steps from the data's own point; only the last one is differentiated.

    At the mode the derivative of one Newton step is the implicit-function derivative of the mode (Bolte,
    Pauwels and Vaiter 2023, arXiv:2305.13768). An inexact gradient costs acceptance, never exactness: the
    sampler's proposals stay reversible and volume-preserving, and are judged by the density itself.
    """
    frozen = jax.lax.stop_gradient(hyper)
    nowhere = Effects(jnp.zeros((structure.n_effects, structure.n_levels)), jnp.zeros(structure.n_normal))

    def step(i: Any, carry: tuple[Effects, Any]) -> tuple[Effects, Any]:
        # The first step starts from each row's own estimate, not from an x: it is taken whole.
        x = _newton(structure, data, frozen, *carry, whole=i == 0)
        return x, rows.linear_predictor(data, frozen, x)

    start = structure.family.start(data.rows)
    x, eta = jax.lax.fori_loop(0, structure.family.newton_steps, step, (nowhere, start))
    if structure.family.linear_gaussian:  # one step was exact, and so is its derivative
        return _newton(structure, data, hyper, x, eta, whole=True)
    x = jax.lax.stop_gradient(x)
    return _newton(structure, data, hyper, x, rows.linear_predictor(data, hyper, x), whole=False)


def _newton(structure: Structure, data: RowData, hyper: Hyper, x: Effects, eta: Any, whole: Any) -> Effects:
    """Return the next iterate: reweighted least squares at `eta`, approached from `x`.

    Solving ``H x' = A' (w (eta - base) + score)`` is Newton's step where eta is the linear predictor of x.
    """
    score, w = structure.family.score_curvature(data.rows, eta, hyper.phi)
    right = rows.transposed(structure, data, hyper, w * (eta - rows.base(data, hyper)) + score)
    factor = factorize(rows.precision(structure, data, hyper, w))
    # Projected before it is shortened: the step must lead to the constrained mode.
    full = _project(structure, factor, backward(factor, forward(factor, right)))
    short = _limited(hyper, Effects(full.u - x.u, full.b - x.b))
    chosen = jax.tree.map(lambda a, b: jnp.where(whole, a, b), full, add(x, short))
    return _project(structure, factor, chosen)


def _limited(hyper: Hyper, step: Effects) -> Effects:
    """Shorten long steps level by level, smoothly, so that m(theta) stays differentiable."""
    r = hyper.lam @ step.u
    short = 1 / jnp.sqrt(1 + (r**2).sum(0) / LONGEST_STEP**2)
    return Effects(step.u * short, step.b / jnp.sqrt(1 + (step.b**2).sum() / LONGEST_STEP**2))


def _project(structure: Structure, factor: Factor, x: Effects) -> Effects:
    if not structure.zero_sum:
        return x
    return _to_zero_sum(factor, constraint.zero_sum(factor, structure.n_levels), x)


def _curvature(structure: Structure, data: RowData, hyper: Hyper, x: Effects) -> Factor:
    eta = rows.linear_predictor(data, hyper, x)
    _, w = structure.family.score_curvature(data.rows, eta, hyper.phi)
    return factorize(rows.precision(structure, data, hyper, w))


def transport(c: Conditional, z: Effects) -> tuple[Effects, Any]:
    """Return ``x = m + F'^-1 z`` and the log determinant of the map, up to a constant.

    With constraints, the fixed directions of z do not reach x, and their standard normal log density is
    part of the second value, so that the joint density of (theta, z) is proper.
    """
    if c.constraint is None:
        return add(c.mode, backward(c.factor, z)), -log_det(c.factor)
    free = constraint.along(c.constraint, z)
    x = add(c.mode, backward(c.factor, constraint.remove(c.constraint, z, free)))
    size, levels = z.u.shape
    log_volume = 0.5 * size * jnp.log(float(levels)) - log_det(c.factor)
    log_volume -= jnp.log(jnp.diagonal(c.constraint.root)).sum()
    return x, log_volume - 0.5 * free @ free
