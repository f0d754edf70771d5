"""Effects that sum to zero over the levels, by conditioning.

A zero-sum term is iid normal effects conditioned on ``sum_g u_g = 0`` for each of its effects: linear
constraints ``S x = 0`` on a Gaussian. With ``T = F^-1 S'`` and ``V = T' T``, conditioning is an orthogonal
projection of the standardised effects z, where ``x = m + F'^-1 z`` (Rue and Held 2005, Gaussian Markov
Random Fields, section 2.3.3). The directions of z along T leave x unchanged and keep their standard normal
distribution, so z stays a full-length, unconstrained vector.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from shoal.posterior.blocks import Effects, Factor, cholesky, forward, gather, solve_lower, split
from shoal.posterior.structure import Structure


class Constraint(NamedTuple):
    """Orthonormal directions of z fixed by the constraints: `u` (C, K, G), `b` (C, R).

    `root` is the Cholesky factor of V.
    """

    u: Any
    b: Any
    root: Any


def zero_sum(s: Structure, f: Factor) -> Constraint:
    """Return the constraints of `s` in coordinates of `f`."""
    columns = [forward(s, f, unit) for unit in _sums(s)]
    tu = jnp.stack([c.u for c in columns])
    tb = jnp.stack([c.b for c in columns])
    v = jnp.einsum("aig,big->ab", tu, tu) + tb @ tb.T
    root = cholesky(v)
    u = solve_lower(root, tu.reshape(len(columns), -1)).reshape(tu.shape)
    return Constraint(u, solve_lower(root, tb), root)


def _sums(s: Structure) -> list[Effects]:
    """Return the rows of S: ones at one effect of every level."""
    out = []
    for number, factor in enumerate(s.factors):
        for k, constrained in enumerate(factor.zero_sum):
            if constrained:
                parts = [np.zeros((f.effects, f.levels)) for f in s.factors]
                parts[number][k] = 1.0
                out.append(gather(s, tuple(parts), np.zeros(s.n_normal)))
    return out


def sums(s: Structure, x: Effects) -> Any:
    """Return ``S x``, (C,)."""
    parts, _ = split(s, x)
    return jnp.stack(
        [
            part[k].sum()
            for factor, part in zip(s.factors, parts, strict=True)
            for k, constrained in enumerate(factor.zero_sum)
            if constrained
        ]
    )


def log_levels(s: Structure) -> float:
    """Return the sum over constraints of the logarithm of the number of levels."""
    return float(sum(sum(f.zero_sum) * np.log(f.levels) for f in s.factors))


def along(c: Constraint, z: Effects) -> Any:
    """Return the coordinates of `z` in the fixed directions, (C,)."""
    return jnp.einsum("aig,ig->a", c.u, z.u) + c.b @ z.b


def remove(c: Constraint, z: Effects, amount: Any) -> Effects:
    """Return `z` less `amount` (C,) in the fixed directions."""
    return Effects(z.u - jnp.einsum("aig,a->ig", c.u, amount), z.b - amount @ c.b)


def log_density_at_zero(s: Structure, c: Constraint, mean: Any) -> Any:
    """Return ``log N(0; S m, V) - log N(0; 0, diag(levels))`` for the constrained sums S m = `mean` (C,).

    The correction of a marginal density when the effects are conditioned on zero sums.
    """
    w = solve_lower(c.root, mean)
    return -0.5 * w @ w - jnp.log(jnp.diagonal(c.root)).sum() + 0.5 * log_levels(s)


def sums_in_root(s: Structure, c: Constraint, x: Effects) -> Any:
    """Return ``V^-1/2 S x``: how far `x` is from zero sums, in units of the fixed directions."""
    return solve_lower(c.root, sums(s, x))


def centered(s: Structure, x: Effects) -> Effects:
    """Return `x` with the constrained effects less their mean over the levels."""
    parts, population = split(s, x)
    flags = [np.array([*f.zero_sum, *[False] * f.latents], bool) for f in s.factors]
    parts = tuple(
        jnp.where(flag[:, None], part - part.mean(1, keepdims=True), part)
        for part, flag in zip(parts, flags, strict=True)
    )
    return gather(s, parts, population)
