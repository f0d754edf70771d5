"""Block-arrow algebra: factor, solve and log determinant of the precision of all effects.

The effects x are K numbers for each level of the main grouping factor and a border of R numbers (other
factors' effects, population coefficients), so their precision is ::

    H = [ D   B  ]      D: block-diagonal, G blocks of K x K
        [ B'  C  ]      C: R x R

and ``H = F F'`` with ``F = [[L, 0], [W', Q]]``, ``L L' = D``, ``L W = B``, ``Q Q' = C - W' W``.
The K x K work is unrolled and runs elementwise over levels (the last axis): no batched LAPACK calls. Of a
sparse border factor (S columns), only levels that meet the main factor's in some row have an entry in B
(`data.Pattern`), so ``W' W`` is a sum over pairs of entries; dense factors (D columns) and population
coefficients (p) have whole rows. C is dense. Nothing is levels x levels of the main factor.
Bates, Alday and Kokandakar (2025), MixedModels.jl, use the same elimination.

The border's columns are kept as the rows have them (*raw*), and brought to the scale of the standardised
effects (``T``: Λ, and known covariances between levels) after the elimination.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from shoal.posterior.data import Pattern
from shoal.posterior.structure import Structure

LARGEST_UNROLLED = 24


class Arrow(NamedTuple):
    """A block-arrow symmetric matrix, the border raw.

    Attributes
    ----------
    d : (K, K, G) array
        Blocks of the main factor, standardised, prior included.
    e : (K, E) array
        Entries with sparse factors of the border; main side standardised.
    b : (K, D + p, G) array
        With the columns of dense factors, and the population coefficients.
    c : (S + D + p, S + D + p) array
        The border, without its prior.
    tight : (R,) array
        Prior precision of the standardised border.
    """

    d: Any
    e: Any
    b: Any
    c: Any
    tight: Any


class Effects(NamedTuple):
    """A vector over all standardised effects: `u` (K, G) of the main factor and `b` (R,) of the border."""

    u: Any
    b: Any


class Scales(NamedTuple):
    """What turns the standardised border into the raw one.

    Λ (J, K) and root (G, G) or empty, by factor; relative scales of the population coefficients (p,).
    """

    lam: tuple[Any, ...]
    root: tuple[Any, ...]
    population: Any


class Factor(NamedTuple):
    """Triangular factor F of an `Arrow`.

    Attributes
    ----------
    lower : nested tuples of (G,) arrays
    we : tuple of (E,) arrays
    w : tuple of (D + p, G) arrays
        The sparse and the dense part of W, raw on the border's side.
    q : (R, R) array
    scales : Scales
    pattern : Pattern
    """

    lower: Any
    we: Any
    w: Any
    q: Any
    scales: Scales
    pattern: Pattern


def factorize(s: Structure, h: Arrow, scales: Scales, pattern: Pattern) -> Factor:
    """Return F with ``F F' = h``; NaN where `h` is not positive definite."""
    size = h.d.shape[0]
    lower: list[list[Any]] = [[None] * size for _ in range(size)]
    w: list[Any] = []
    we: list[Any] = []
    for i in range(size):
        for j in range(i + 1):
            rest = h.d[i, j] - sum(lower[i][k] * lower[j][k] for k in range(j))
            lower[i][j] = jnp.sqrt(rest) if i == j else rest / lower[j][j]
        w.append((h.b[i] - sum(lower[i][k] * w[k] for k in range(i))) / lower[i][i])
        at = [lower[i][k][pattern.level] for k in range(i + 1)]
        we.append((h.e[i] - sum(at[k] * we[k] for k in range(i))) / at[i])
    schur = h.c - _eliminated(s, h, pattern, we, w)
    q = cholesky(_scaled(s, scales, schur) + jnp.diag(h.tight))
    return Factor(tuple(map(tuple, lower)), tuple(we), tuple(w), q, scales, pattern)


def _eliminated(s: Structure, h: Arrow, pattern: Pattern, we: list[Any], w: list[Any]) -> Any:
    """Return ``W' W`` on the raw border."""
    if not w:
        return jnp.zeros_like(h.c)
    corner = sum(wi @ wi.T for wi in w)
    if not s.n_sparse:
        return corner
    pairs = sum(wei[pattern.first] * wei[pattern.second] for wei in we)
    half = jax.ops.segment_sum(pairs, pattern.cell, num_segments=s.n_sparse**2, indices_are_sorted=True)
    half = half.reshape(s.n_sparse, s.n_sparse)
    # Both triangles: the derivative of a Cholesky factor is that at a symmetric matrix.
    gram = half + half.T - jnp.diag(jnp.diagonal(half))
    product = sum(wei[:, None] * wi.T[pattern.level] for wei, wi in zip(we, w, strict=True))
    mixed = jax.ops.segment_sum(product, pattern.column, num_segments=s.n_sparse)
    return jnp.block([[gram, mixed], [mixed.T, corner]])


def _scaled(s: Structure, scales: Scales, schur: Any) -> Any:
    """Return ``T' schur T``."""
    if all((f.columns, f.effects) == (1, 1) and not f.known for f in s.border):
        pairs = zip(s.border, scales.lam, strict=True)
        by_column = [jnp.broadcast_to(lam[0, 0], f.levels) for f, lam in pairs]
        t = jnp.concatenate([*by_column, scales.population])
        return t[:, None] * schur * t
    return contract(s, scales, contract(s, scales, schur).T)


def expand(s: Structure, scales: Scales, b: Any) -> Any:
    """Return the raw border ``T b`` of standardised effects `b` (R, ...), (S + D + p, ...)."""
    return _mapped(s, scales, b, transpose=False)


def contract(s: Structure, scales: Scales, raw: Any) -> Any:
    """Return ``T' raw`` for a raw border (S + D + p, ...), (R, ...)."""
    return _mapped(s, scales, raw, transpose=True)


def _mapped(s: Structure, scales: Scales, v: Any, transpose: bool) -> Any:
    parts, at = [], 0
    for f, lam, root in zip(s.border, scales.lam, scales.root, strict=True):
        size = f.columns if transpose else f.effects
        part = v[at : at + size * f.levels].reshape(size, f.levels, *v.shape[1:])
        at += size * f.levels
        part = _mix(lam.T if transpose else lam, part)
        if f.known:
            part = jnp.einsum("hg,jh...->jg..." if transpose else "gh,jh...->jg...", root, part)
        parts.append(part.reshape(-1, *v.shape[1:]))
    scale = scales.population.reshape(-1, *[1] * (v.ndim - 1))
    return jnp.concatenate([*parts, scale * v[at:]])


def _mix(matrix: Any, v: Any) -> Any:
    return matrix[0, 0] * v if matrix.shape == (1, 1) else jnp.einsum("jk,k...->j...", matrix, v)


def cholesky(matrix: Any) -> Any:
    """Return the lower Cholesky factor of a dense matrix.

    Up to `LARGEST_UNROLLED` columns in plain array operations: LAPACK's batched kernels share one pool of
    threads with the programs that call them, and two such programs at once can wait for each other forever.
    """
    size = matrix.shape[0]
    if size > LARGEST_UNROLLED:
        return jax.lax.linalg.cholesky(matrix, symmetrize_input=False)
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


def forward(s: Structure, f: Factor, v: Effects) -> Effects:
    """Return ``F^-1 v``."""
    u: list[Any] = []
    for i in range(len(f.w)):
        u.append((v.u[i] - sum(f.lower[i][k] * u[k] for k in range(i))) / f.lower[i][i])
    raw = sum((wi @ ui for wi, ui in zip(f.w, u, strict=True)), jnp.zeros(s.n_dense + s.n_normal))
    if s.n_sparse and u:
        products = sum(wei * ui[f.pattern.level] for wei, ui in zip(f.we, u, strict=True))
        met = jax.ops.segment_sum(products, f.pattern.column, num_segments=s.n_sparse)
        raw = jnp.concatenate([met, raw])
    b = solve_lower(f.q, v.b - contract(s, f.scales, raw))
    return Effects(jnp.stack(u) if u else v.u, b)


def backward(s: Structure, f: Factor, v: Effects) -> Effects:
    """Return ``F'^-1 v``: turns independent standard normals into draws with precision H."""
    b = solve_lower(f.q, v.b, transpose=True)
    size = len(f.w)
    if not size:
        return Effects(v.u, b)
    raw = expand(s, f.scales, b)
    u: list[Any] = [None] * size
    for i in reversed(range(size)):
        rest = v.u[i] - raw[s.n_sparse :] @ f.w[i]
        if s.n_sparse:
            product = f.we[i] * raw[f.pattern.column]
            rest = rest - jax.ops.segment_sum(product, f.pattern.level, num_segments=v.u.shape[1])
        u[i] = (rest - sum(f.lower[k][i] * u[k] for k in range(i + 1, size))) / f.lower[i][i]
    return Effects(jnp.stack(u), b)


def log_det(f: Factor) -> Any:
    """Return ``log det F``, half the log determinant of H."""
    total = sum(jnp.log(f.lower[i][i]).sum() for i in range(len(f.w)))
    return total + jnp.log(jnp.diagonal(f.q)).sum()


def dot(v: Effects, w: Effects) -> Any:
    """Return the inner product of two vectors of effects."""
    return (v.u * w.u).sum() + v.b @ w.b


def add(v: Effects, w: Effects) -> Effects:
    """Return the sum of two vectors of effects."""
    return Effects(v.u + w.u, v.b + w.b)


def split(s: Structure, x: Effects) -> tuple[tuple[Any, ...], Any]:
    """Return the standardised effects of each factor (K, G), the main one first, and of the population."""
    parts, at = [x.u] if s.main else [], 0
    for f in s.border:
        size = f.effects * f.levels
        parts.append(x.b[at : at + size].reshape(f.effects, f.levels))
        at += size
    return tuple(parts), x.b[at:]


def gather(s: Structure, parts: tuple[Any, ...], population: Any) -> Effects:
    """Return effects from their parts; the inverse of `split`."""
    border = parts[1:] if s.main else parts
    u = parts[0] if s.main else jnp.zeros((0, 0))
    return Effects(u, jnp.concatenate([*(part.ravel() for part in border), population]))
