"""Weighted cross-products of rows, by level, by pair of levels, and overall: the only pass over the rows.

Written once for two kinds of arrays: NumPy, where gaussian rows are read a single time, and JAX, where the
weights follow a linear predictor inside a compiled program.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from shoal.posterior.data import RowData, Sums
from shoal.posterior.structure import Structure

Add = Callable[[Any, Any, int], Any]


def add_numpy(values: np.ndarray, index: np.ndarray, size: int) -> np.ndarray:
    """Return sums of `values` (M,) or (M, A) by `index`, (size,) or (size, A)."""
    if values.ndim == 1:
        return np.bincount(index, values, size)
    columns = [np.bincount(index, column, size) for column in values.T]
    return np.stack(columns, axis=1) if columns else np.zeros((size, 0))


def add_jax(values: Any, index: Any, size: int) -> Any:
    """Return sums of `values` (M,) or (M, A) by `index`, (size,) or (size, A)."""
    return jax.ops.segment_sum(values, index, num_segments=size)


def cross_products(
    s: Structure, rows: RowData, w: Any, wy: Any, entries: int, reference: Any, live: bool
) -> Sums:
    """Return the `Sums` of rows with weights `w` and weighted responses `wy`, both (M,).

    Parameters
    ----------
    entries : int
        Entries between the main factor and the border, E.
    reference : (p,) array
        Coefficients that are taken out of the response.
    live : bool
        Keep the sum of squares of the response, which only exactly gaussian rows need.
    """
    traced = isinstance(w, jax.Array)
    add: Add = add_jax if traced else add_numpy
    xp: Any = jnp if traced else np
    a = xp.concatenate([rows.x, rows.xc], axis=1)
    left = wy - w * (rows.x @ reference)
    wa = xp.concatenate([w[:, None] * a, left[:, None]], axis=1)
    # A row that was left out has weight 0 and no square.
    square = (left**2 / xp.where(w > 0, w, 1.0)).sum() if live else xp.zeros(())
    dense = xp.concatenate([a.T @ wa, xp.append(wa[:, -1] @ a, square)[None]])
    zz, ze, za = _main(s, rows, w, wa, entries, add, xp)
    return Sums(zz, ze, za, _with_border(s, rows, w, wa, dense, add, xp), w.sum())


def _main(s: Structure, rows: RowData, w: Any, wa: Any, entries: int, add: Add, xp: Any) -> Any:
    """Return `zz`, `ze`, `za` of `Sums`."""
    if s.main is None:
        return xp.zeros((0, 0, 0)), xp.zeros((0, entries)), xp.zeros((0, s.n_dense + wa.shape[1], 0))
    levels, z, index = s.main.levels, rows.z[0], rows.index[0]
    size = range(s.main.columns)
    wz = [w * z[:, j] for j in size]
    zz = [[add(wz[max(i, j)] * z[:, min(i, j)], index, levels) for j in size] for i in size]
    za = [
        xp.concatenate([_grid(s, rows, wz[i], add, xp), add(z[:, i, None] * wa, index, levels).T])
        for i in size
    ]
    ze = [_entries(s, rows, wz[i], entries, add, xp) for i in size]
    return xp.stack([xp.stack(row) for row in zz]), xp.stack(ze), xp.stack(za)


def _entries(s: Structure, rows: RowData, wz: Any, entries: int, add: Add, xp: Any) -> Any:
    """Return sums for each pair of a level of the main factor and a column of a sparse one, (E,)."""
    total = xp.zeros(entries)
    for number, factor in enumerate(s.border):
        if not factor.dense:
            for j in range(factor.columns):
                total = total + add(wz * rows.z[number + 1][:, j], rows.entry[number] + j, entries)
    return total


def _grid(s: Structure, rows: RowData, wz: Any, add: Add, xp: Any) -> Any:
    """Return sums for each column of the dense factors and level of the main one, (D, G)."""
    assert s.main is not None
    parts, levels = [xp.zeros((0, s.main.levels))], s.main.levels
    for number, factor in enumerate(s.border):
        if factor.dense:
            at = rows.index[number + 1] * levels + rows.index[0]
            for j in range(factor.columns):
                sums = add(wz * rows.z[number + 1][:, j], at, factor.levels * levels)
                parts.append(sums.reshape(factor.levels, levels))
    return xp.concatenate(parts)


def _with_border(s: Structure, rows: RowData, w: Any, wa: Any, dense: Any, add: Add, xp: Any) -> Any:
    """Return `aa` of `Sums`: `dense` with the border factors' columns before it."""
    if not s.border:
        return dense
    columns, size = [], 0
    first = 1 if s.main else 0
    for number, factor in enumerate(s.border):
        z, index = rows.z[first + number], rows.index[first + number]
        for j in range(factor.columns):
            columns.append((size + j * factor.levels + index, z[:, j]))
        size += factor.columns * factor.levels
    corner = xp.zeros(size * size)
    mixed = xp.zeros((size, wa.shape[1]))
    for i, (at, z) in enumerate(columns):
        mixed = mixed + add(z[:, None] * wa, at, size)
        for other, z_other in columns[: i + 1]:
            product = w * z * z_other
            cell = at.astype("int64") * size + other
            corner = corner + add(product, cell, size * size)
            if other is not at:
                corner = corner + add(product, other.astype("int64") * size + at, size * size)
    top = xp.concatenate([corner.reshape(size, size), mixed], axis=1)
    return xp.concatenate([top, xp.concatenate([mixed.T, dense], axis=1)])
