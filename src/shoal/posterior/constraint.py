"""Effects that sum to zero over the levels, by conditioning.

A zero-sum term is iid normal effects conditioned on ``sum_g u_g = 0`` for each of the K effects: K
linear constraints ``S x = 0`` on a Gaussian. With ``T = F^-1 S'`` and ``V = T' T``, conditioning is an
orthogonal projection of the standardised effects z, where ``x = m + F'^-1 z`` (Rue and Held 2005,
Gaussian Markov Random Fields, section 2.3.3). The K directions of z along T leave x unchanged and keep
their standard normal distribution, so z stays a full-length, unconstrained vector.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp

from shoal.posterior.blocks import Effects, Factor, cholesky, solve_lower


class Constraint(NamedTuple):
    """Orthonormal directions of z fixed by the constraints: `u` (K, K, G), `b` (K, p); first axis counts.

    `root` is the Cholesky factor of V.
    """

    u: Any
    b: Any
    root: Any


def zero_sum(f: Factor, levels: int) -> Constraint:
    """Return the constraint that each effect sums to zero over `levels` levels, in coordinates of `f`."""
    size = len(f.w)
    columns = [_forward_unit(f, k, levels) for k in range(size)]
    tu = jnp.stack([c.u for c in columns])
    tb = jnp.stack([c.b for c in columns])
    v = jnp.einsum("aig,big->ab", tu, tu) + tb @ tb.T
    root = cholesky(v)
    u = solve_lower(root, tu.reshape(size, -1)).reshape(tu.shape)
    return Constraint(u, solve_lower(root, tb), root)


def _forward_unit(f: Factor, k: int, levels: int) -> Effects:
    """Return ``F^-1 s_k`` for the vector s_k with a one at effect k of every level."""
    u: list[Any] = []
    for i in range(len(f.w)):
        right = (1.0 if i == k else 0.0) - sum(f.lower[i][j] * u[j] for j in range(i))
        u.append(jnp.broadcast_to(right / f.lower[i][i], (levels,)))
    b = -sum(wi @ ui for wi, ui in zip(f.w, u, strict=True))
    return Effects(jnp.stack(u), solve_lower(f.r, b))


def along(c: Constraint, z: Effects) -> Any:
    """Return the K coordinates of `z` in the fixed directions."""
    return jnp.einsum("aig,ig->a", c.u, z.u) + c.b @ z.b


def remove(c: Constraint, z: Effects, amount: Any) -> Effects:
    """Return `z` less `amount` (K,) in the fixed directions."""
    return Effects(z.u - jnp.einsum("aig,a->ig", c.u, amount), z.b - amount @ c.b)


def log_density_at_zero(c: Constraint, mean: Any, levels: int) -> Any:
    """Return ``log N(0; S m, V) - log N(0; 0, levels * I)`` for the constrained sums S m = `mean` (K,).

    The correction of a marginal density when the effects are conditioned on zero sums.
    """
    w = solve_lower(c.root, mean)
    size = c.root.shape[0]
    return -0.5 * w @ w - jnp.log(jnp.diagonal(c.root)).sum() + 0.5 * size * jnp.log(float(levels))


def sums_in_root(c: Constraint, x: Effects) -> Any:
    """Return ``V^-1/2 S x``: how far `x` is from zero sums, in units of the fixed directions."""
    return solve_lower(c.root, x.u.sum(1))


