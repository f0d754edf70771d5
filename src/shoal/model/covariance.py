"""Covariance of a level's effects: from standard deviations and partial correlations to Λ.

A level's effects are ``r = Λ u`` with u standard normal, ``Λ = diag(sd) L`` and ``L L'`` the correlation
matrix, block-diagonal where the formula says so.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np


def partial_positions(blocks: tuple[tuple[int, ...], ...]) -> tuple[tuple[int, int, int, int], ...]:
    """Return ``(row, column, size, column_in_block)`` of every free partial correlation, block by block."""
    return tuple(
        (block[i], block[j], len(block), j)
        for block in blocks
        for i in range(1, len(block))
        for j in range(i)
    )


def factor(sd: Any, partial: Any, blocks: tuple[tuple[int, ...], ...]) -> Any:
    """Return the lower-triangular Λ (K, K).

    Parameters
    ----------
    sd : (K,) array
    partial : sequence of scalars
        Canonical partial correlations in the order of `partial_positions`.
    blocks : tuple of tuple of int
        Correlated sets of effects, each in ascending order.

    Notes
    -----
    Row i of the correlation factor is ``L[i, j] = p_ij sqrt(1 - sum_{k<j} L[i, k]^2)`` (Lewandowski,
    Kurowicka and Joe 2009).
    """
    size = sd.shape[0]
    entries: list[list[Any]] = [[0.0] * size for _ in range(size)]
    given = iter(partial)
    for block in blocks:
        for i in block:
            left: Any = 1.0
            for j in block:
                if j == i:
                    break
                entries[i][j] = next(given) * jnp.sqrt(left)
                left = jnp.maximum(left - entries[i][j] ** 2, 1e-30)
            entries[i][i] = jnp.sqrt(left)
    return jnp.stack([jnp.stack([sd[i] * e for e in row]) for i, row in enumerate(entries)])


def correlations(partial: np.ndarray, blocks: tuple[tuple[int, ...], ...], size: int) -> np.ndarray:
    """Return correlation matrices (..., K, K) from partial correlations (..., C); zero across blocks."""
    lower = np.zeros((*partial.shape[:-1], size, size))
    given = iter(range(partial.shape[-1]))
    for block in blocks:
        for i in block:
            left = np.ones(partial.shape[:-1])
            for j in block:
                if j == i:
                    break
                lower[..., i, j] = partial[..., next(given)] * np.sqrt(left)
                left = left - lower[..., i, j] ** 2
            lower[..., i, i] = np.sqrt(left)
    matrix = lower @ np.swapaxes(lower, -1, -2)
    matrix[..., range(size), range(size)] = 1.0  # but for rounding, it is
    return matrix
