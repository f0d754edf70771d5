"""Covariance of a level's effects: from partial correlations to correlation matrices.

A level's effects are ``r = Λ u`` with u standard normal, ``Λ = diag(sd) L`` and ``L L'`` the correlation
matrix, block-diagonal where the formula says so.
"""

from __future__ import annotations

import numpy as np


def partial_positions(blocks: tuple[tuple[int, ...], ...]) -> tuple[tuple[int, int, int, int], ...]:
    """Return ``(row, column, size, column_in_block)`` of every free partial correlation, block by block."""
    return tuple(
        (block[i], block[j], len(block), j)
        for block in blocks
        for i in range(1, len(block))
        for j in range(i)
    )


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
