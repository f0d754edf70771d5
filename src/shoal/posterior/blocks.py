"""Block-arrow algebra: factor, solve and log determinant of the precision of all effects.

The effects x are one block of K per level of the grouping factor and a border of p population
coefficients, so their precision is ::

    H = [ D   B  ]      D: block-diagonal, G blocks of K x K
        [ B'  C  ]      C: p x p

and ``H = F F'`` with ``F = [[L, 0], [W', R]]``, ``L L' = D``, ``L W = B``, ``R R' = C - W' W``.
The K x K work is unrolled and runs elementwise over levels (the last axis): no batched LAPACK calls, no
cost beyond the G blocks. Bates, Alday and Kokandakar (2025), MixedModels.jl, use the same elimination.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

LARGEST_UNROLLED = 24


class Arrow(NamedTuple):
    """A block-arrow symmetric matrix: `d` (K, K, G), `b` (K, p, G), `c` (p, p)."""

    d: Any
    b: Any
    c: Any


class Effects(NamedTuple):
    """A vector over all effects: `u` (K, G) of the levels and `b` (p,) of the population."""

    u: Any
    b: Any


class Factor(NamedTuple):
    """Triangular factor F of an `Arrow`: `lower` nested tuples of (G,), `w` tuple of (p, G), `r` (p, p)."""

    lower: Any
    w: Any
    r: Any


def factorize(h: Arrow) -> Factor:
    """Return F with ``F F' = h``; NaN where `h` is not positive definite."""
    size = h.d.shape[0]
    lower: list[list[Any]] = [[None] * size for _ in range(size)]
    w: list[Any] = []
    for i in range(size):
        for j in range(i + 1):
            s = h.d[i, j] - sum(lower[i][k] * lower[j][k] for k in range(j))
            lower[i][j] = jnp.sqrt(s) if i == j else s / lower[j][j]
        w.append((h.b[i] - sum(lower[i][k] * w[k] for k in range(i))) / lower[i][i])
    schur = h.c - sum(jnp.einsum("pg,qg->pq", wi, wi) for wi in w)
    return Factor(tuple(map(tuple, lower)), tuple(w), cholesky(schur))


def cholesky(matrix: Any) -> Any:
    """Return the lower Cholesky factor of a small dense matrix, column by column.

    Up to `LARGEST_UNROLLED` columns in plain array operations: LAPACK's batched kernels share one pool of
    threads with the programs that call them, and two such programs at once can wait for each other forever.
    """
    size = matrix.shape[0]
    if size > LARGEST_UNROLLED:
        return jnp.linalg.cholesky(matrix)
    columns, rest = [], matrix
    for j in range(size):
        column = rest[:, 0] / jnp.sqrt(rest[0, 0])
        columns.append(jnp.concatenate([jnp.zeros(j), column]))
        rest = rest[1:, 1:] - jnp.outer(column[1:], column[1:])
    return jnp.stack(columns, axis=1) if columns else matrix


def solve_lower(r: Any, v: Any, transpose: bool = False) -> Any:
    """Return ``r^-1 v``, or ``r'^-1 v``, for lower triangular `r` (p, p) and `v` (p,) or (p, m)."""
    size = r.shape[0]
    if size > LARGEST_UNROLLED:
        return jax.scipy.linalg.solve_triangular(r, v, lower=True, trans=1 if transpose else 0)
    lower = r.T if transpose else r
    order = range(size)[::-1] if transpose else range(size)
    out: list[Any] = [None] * size
    rest = v
    for i in order:
        out[i] = rest[i] / r[i, i]
        rest = rest - (lower[:, i] * out[i] if v.ndim == 1 else jnp.outer(lower[:, i], out[i]))
    return jnp.stack(out) if size else v


def forward(f: Factor, v: Effects) -> Effects:
    """Return ``F^-1 v``."""
    u: list[Any] = []
    for i in range(len(f.w)):
        u.append((v.u[i] - sum(f.lower[i][k] * u[k] for k in range(i))) / f.lower[i][i])
    b = v.b - sum(wi @ ui for wi, ui in zip(f.w, u, strict=True))
    return Effects(jnp.stack(u) if u else v.u, solve_lower(f.r, b))


def backward(f: Factor, v: Effects) -> Effects:
    """Return ``F'^-1 v``: turns independent standard normals into draws with precision H."""
    b = solve_lower(f.r, v.b, transpose=True)
    size = len(f.w)
    u: list[Any] = [None] * size
    for i in reversed(range(size)):
        s = v.u[i] - b @ f.w[i]
        u[i] = (s - sum(f.lower[k][i] * u[k] for k in range(i + 1, size))) / f.lower[i][i]
    return Effects(jnp.stack(u) if size else v.u, b)


def log_det(f: Factor) -> Any:
    """Return ``log det F``, half the log determinant of H."""
    total = sum(jnp.log(f.lower[i][i]).sum() for i in range(len(f.w)))
    return total + jnp.log(jnp.diagonal(f.r)).sum()


def dot(v: Effects, w: Effects) -> Any:
    """Return the inner product of two vectors of effects."""
    return (v.u * w.u).sum() + v.b @ w.b


def add(v: Effects, w: Effects) -> Effects:
    """Return the sum of two vectors of effects."""
    return Effects(v.u + w.u, v.b + w.b)
