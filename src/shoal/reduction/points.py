"""Few rows with the same number, means, squares and products as many.

A group of n rows of d numbers, of means m and centred products ``S = U diag(l) U'``, has the same sums as
r + 1 points that count n / (r + 1) each, r the rank of S: ``m + sqrt((r + 1) / n) h_i diag(sqrt(l)) U'``,
where the h_i are the rows of a matrix of r orthonormal columns that sum to zero (Helmert's). Whatever is
quadratic in a row's numbers has the same sum over these points as over the rows: the log density of normal
rows, hence their normal equations, and the averages and variances that default priors are scaled by.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

NOISE = 64 * np.finfo(float).eps  # of the sum of squares that centred ones were made from


class Sums(NamedTuple):
    """Sums over the rows of G groups, of d numbers measured from a center.

    Attributes
    ----------
    rows, weight : (G,) array
        Rows, and the sum of what they count.
    first : (G, d) array
        Weighted sums.
    second : (G, d, d) array
        Weighted sums of products.
    """

    rows: np.ndarray
    weight: np.ndarray
    first: np.ndarray
    second: np.ndarray


class Points(NamedTuple):
    """Points that stand for groups.

    Attributes
    ----------
    group : (M,) int array
    values : (M, d) array
        Measured from the same center.
    rows, weight : (M,) array
        Rows, and their weight, that a point stands for.
    """

    group: np.ndarray
    values: np.ndarray
    rows: np.ndarray
    weight: np.ndarray


def points_of(sums: Sums) -> Points:
    """Return at most d + 1 points for each group, and no more than it has rows."""
    groups, d = sums.first.shape
    mean = sums.first / np.where(sums.weight > 0, sums.weight, 1.0)[:, None]
    unit = np.sqrt(np.einsum("gii->i", sums.second))
    unit[unit == 0] = 1.0
    raw = sums.second / np.outer(unit, unit)
    own = mean / unit
    inside = raw - sums.weight[:, None, None] * own[:, :, None] * own[:, None, :]
    values, vectors = np.linalg.eigh(inside) if d else (np.zeros((groups, 0)), np.zeros((groups, 0, 0)))
    least = NOISE * np.einsum("gii->g", raw) if d else np.zeros(groups)
    # n rows span at most n - 1 directions around their mean; the largest stand last.
    rank = np.minimum((values > least[:, None]).sum(axis=1), np.maximum(sums.rows - 1, 0)).astype(int)
    parts = [
        _of_rank(r, np.flatnonzero(rank == r), mean, unit, values, vectors, sums) for r in np.unique(rank)
    ]
    group, points, count, weight = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    order = np.argsort(group, kind="stable")
    return Points(group[order], points[order], count[order], weight[order])


def _of_rank(
    rank: int,
    where: np.ndarray,
    mean: np.ndarray,
    unit: np.ndarray,
    values: np.ndarray,
    vectors: np.ndarray,
    sums: Sums,
) -> tuple[np.ndarray, ...]:
    """Return the points of the groups of one rank: their group, values, counts and weights."""
    size, d = rank + 1, mean.shape[1]
    largest = slice(d - rank, d)
    heavy = np.where(sums.weight[where] > 0, sums.weight[where], 1.0)
    length = np.sqrt(values[where, largest] * size / heavy[:, None])
    root = length[:, :, None] * np.swapaxes(vectors[where][:, :, largest], 1, 2)
    away = helmert(size) @ root if rank else np.zeros((len(where), 1, d))
    points = mean[where][:, None, :] + away * unit
    each = np.repeat(where, size)
    return each, points.reshape(len(each), d), sums.rows[each] / size, sums.weight[each] / size


def helmert(size: int) -> np.ndarray:
    """Return a matrix of orthonormal columns that sum to zero, (size, size - 1)."""
    out = np.zeros((size, size - 1))
    for k in range(1, size):
        out[:k, k - 1], out[k, k - 1] = 1.0, -k
        out[:, k - 1] /= np.sqrt(k * (k + 1))
    return out
