"""Sparse Cholesky factors of matrices of one fixed pattern: ordered and analysed once, factored many times.

The factorisation goes row by row (up-looking: Davis 2006, Direct Methods for Sparse Linear Systems, chapter
4). Its row structure is kept, so that a numerical factorisation touches nothing but numbers, and its
derivative is the same loop run backwards: as cheap as the factor itself. Where the last columns of the
factor are full (as those of crossed grouping factors are), LAPACK factors what is left of them as one dense
block, from which long columns are taken together, by a product of matrices.
"""

from __future__ import annotations

from typing import NamedTuple

import numba as nb
import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as spla

from shoal.engine.dense_block import factor_block, subtract_products
from shoal.engine.kinds import INT64S, UINT32S, Ints, UInt32s
from shoal.engine.vectors import between, copy, fill
from shoal.priors.compiled import compiled_as, inner

LONG = 0.25  # share of the block's rows from which on a column is worth a product with all of them
SMALLEST_BLOCK = 48  # columns from which on a call of LAPACK is faster than the loop


class Pattern(NamedTuple):
    """Where a symmetric (n, n) matrix and its factor have entries, in the order of elimination.

    Attributes
    ----------
    order : (n,) int array
        New place of each row of the original matrix.
    start, row : (n + 1,), (nnz,) int arrays
        Upper triangle of the matrix by columns, the diagonal last in each.
    l_start, l_row : (n + 1,), (lnz,) int arrays
        Lower triangle of the factor by columns, the diagonal first in each.
    r_start, r_column, r_place : (n + 1,), (lnz - n,), (lnz - n,) int arrays
        The same entries below the diagonal by rows: their columns, ascending, and their places in `l_row`.
    dense : int
        First column of the full trailing block; n if there is none.
    long : (n,) int array
        Columns before the block that meet many of its rows are numbered; -1 of others.
    """

    order: Ints
    start: Ints
    row: UInt32s
    l_start: Ints
    l_row: UInt32s
    r_start: Ints
    r_column: UInt32s
    r_place: UInt32s
    dense: int
    long: Ints


def analyse(row: np.ndarray, column: np.ndarray, size: int) -> Pattern:
    """Return the pattern of a symmetric matrix with entries (row, column); the diagonal is always there."""
    here = np.arange(size)
    matrix = sp.csc_matrix(
        (np.ones(2 * len(row) + size), (np.r_[row, column, here], np.r_[column, row, here])), (size, size)
    )
    order = _ordering(matrix)
    full = matrix.tocoo()
    upper = sp.csc_matrix((full.data, (order[full.row], order[full.col])), (size, size))
    upper = sp.triu(upper, format="csc")
    upper.sort_indices()
    start, rows = upper.indptr.astype(np.int64), upper.indices.astype(np.uint32)
    l_start, l_row, r_start, r_column, r_place = _analyse(start, rows)
    full_columns = np.flatnonzero(np.diff(l_start) != size - here)
    dense = int(full_columns[-1]) + 1 if full_columns.size else 0
    if size - dense < SMALLEST_BLOCK:
        dense = size
    inside = np.add.reduceat(l_row >= dense, l_start[:-1]) if size else here
    is_long = (here < dense) & (inside > LONG * (size - dense)) & (dense < size)
    long = np.where(is_long, np.cumsum(is_long) - 1, -1)
    return Pattern(order, start, rows, l_start, l_row, r_start, r_column, r_place, dense, long)


def _ordering(matrix: sp.csc_matrix) -> np.ndarray:
    """Return the new place of each row by minimum degree, as SuperLU computes it."""
    size = matrix.shape[0]
    if size < 2:
        return np.arange(size)
    dominant = sp.csc_matrix(
        (np.ones(matrix.nnz), matrix.indices.copy(), matrix.indptr.copy()), matrix.shape
    ) + sp.eye_array(size, format="csc") * (2.0 * size)
    options = {"SymmetricMode": True}
    factor = spla.splu(dominant, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options=options)
    return factor.perm_c.astype(np.int64)


@compiled_as(nb.types.Tuple((INT64S, UINT32S, INT64S, UINT32S, UINT32S))(INT64S, UINT32S))
def _analyse(start, row):
    """Return the structure of the factor of a matrix's upper triangle: see `Pattern`."""
    parent = _elimination_tree(start, row)
    counts = _column_counts(start, row, parent)
    l_start = np.zeros(counts.size + 1, np.int64)
    for k in range(counts.size):
        l_start[k + 1] = l_start[k] + counts[k]
    l_row, r_start, r_column, r_place = _structure(start, row, parent, l_start)
    return l_start, l_row, r_start, r_column, r_place


@inner
def _elimination_tree(start, row):
    n = start.size - 1
    parent = np.full(n, -1, np.int64)
    ancestor = np.full(n, -1, np.int64)
    for k in range(n):
        for p in range(start[k], start[k + 1]):
            i = np.int64(row[p])
            while i != -1 and i < k:
                up = ancestor[i]
                ancestor[i] = k
                if up == -1:
                    parent[i] = k
                i = up
    return parent


@inner
def _row_of_factor(start, row, k, parent, mark, out):
    """Write the columns of row k of the factor, in no order; return how many there are."""
    count = 0
    mark[k] = k
    for p in range(start[k], start[k + 1]):
        i = np.int64(row[p])
        while i < k and mark[i] != k:
            mark[i] = k
            out[count] = i
            count += 1
            i = parent[i]
    return count


@inner
def _column_counts(start, row, parent):
    n = parent.size
    counts = np.ones(n, np.int64)
    mark = np.full(n, -1, np.int64)
    out = np.empty(n, np.int64)
    for k in range(n):
        for t in range(_row_of_factor(start, row, k, parent, mark, out)):
            counts[out[t]] += 1
    return counts


@inner
def _structure(start, row, parent, l_start):
    n = parent.size
    lnz = l_start[n]
    l_row = np.empty(lnz, np.uint32)
    r_start = np.zeros(n + 1, np.int64)
    r_column = np.empty(lnz - n, np.uint32)
    r_place = np.empty(lnz - n, np.uint32)
    filled = l_start[:n].copy()
    mark = np.full(n, -1, np.int64)
    out = np.empty(n, np.int64)
    for k in range(n):
        l_row[filled[k]] = k
        filled[k] += 1
        count = _row_of_factor(start, row, k, parent, mark, out)
        r_start[k + 1] = r_start[k] + count
        for t in range(count):
            l_row[filled[out[t]]] = k
            filled[out[t]] += 1
    copy(r_start[:n], filled)
    for i in range(n):  # column by column: the columns of each row come in order
        for p in range(l_start[i] + 1, l_start[i + 1]):
            k = l_row[p]
            r_column[filled[k]] = i
            r_place[filled[k]] = p
            filled[k] += 1
    return l_row, r_start, r_column, r_place


@inner
def factorize(pattern, h, factor, work):
    """Write L with ``L L' = H`` into `factor` (lnz,); return ``log |L|``, nan unless H is positive definite.

    Parameters
    ----------
    h : (nnz,) array
        Entries of the upper triangle.
    work : (n,) array
    """
    n = pattern.start.size - 1
    total = 0.0
    dense = pattern.dense
    block = np.zeros((n - dense, n - dense))
    panel = np.zeros((n - dense, pattern.long.max() + 1 if dense < n else 0))
    fill(work, 0.0)
    for k in range(n):
        for p in between(pattern.start[k], pattern.start[k + 1]):
            work[pattern.row[p]] = h[p]
        d = work[k]
        work[k] = 0.0
        for t in between(pattern.r_start[k], pattern.r_start[k + 1]):
            i = pattern.r_column[t]
            if i >= dense:
                break
            first = pattern.l_start[i]
            entry = work[i] / factor[first]
            work[i] = 0.0
            factor[pattern.r_place[t]] = entry
            last = pattern.r_place[t]
            if k >= dense and pattern.long[i] >= 0:
                panel[k - dense, pattern.long[i]] = entry
                for p in range(first + 1, last):
                    if pattern.l_row[p] >= dense:
                        break
                    work[pattern.l_row[p]] -= factor[p] * entry
                continue
            for p in between(first + 1, last):
                work[pattern.l_row[p]] -= factor[p] * entry
            d -= entry * entry
        if k >= dense:
            for j in range(dense, k):
                block[k - dense, j - dense] = work[j]
                work[j] = 0.0
            block[k - dense, k - dense] = d
            continue
        if not d > 0:
            return np.nan
        root = np.sqrt(d)
        factor[pattern.l_start[k]] = root
        total += np.log(root)
    if dense == n:
        return total
    subtract_products(block, panel)
    return total + factor_block(pattern, block, factor)


@inner
def forward(pattern, factor, b):
    """Solve ``L x = b`` in place."""
    for j in range(b.size):
        first = pattern.l_start[j]
        value = b[j] / factor[first]
        b[j] = value
        for p in between(first + 1, pattern.l_start[j + 1]):
            b[pattern.l_row[p]] -= factor[p] * value


@inner
def backward(pattern, factor, b):
    """Solve ``L' x = b`` in place."""
    for j in range(b.size - 1, -1, -1):
        first = pattern.l_start[j]
        value = b[j]
        for p in between(first + 1, pattern.l_start[j + 1]):
            value -= factor[p] * b[pattern.l_row[p]]
        b[j] = value / factor[first]


@inner
def adjoint(pattern, factor, bar, h_bar, work):
    """Turn the derivative in the entries of L into that in the upper triangle of H.

    The rows of `factorize`, last to first, each statement transposed.

    Parameters
    ----------
    factor : (lnz,) array
    bar : (lnz,) array
        Derivative of some number in each entry of L; overwritten.
    h_bar : (nnz,) array
        The result: how that number changes with each entry of the upper triangle of H.
    work : (n,) array
    """
    n = pattern.start.size - 1
    fill(work, 0.0)
    for k in range(n - 1, -1, -1):
        diagonal = pattern.l_start[k]
        d_bar = 0.5 * bar[diagonal] / factor[diagonal]
        for t in range(pattern.r_start[k + 1] - 1, pattern.r_start[k] - 1, -1):
            i = pattern.r_column[t]
            place = pattern.r_place[t]
            entry = factor[place]
            first = pattern.l_start[i]
            entry_bar = bar[place] - 2.0 * entry * d_bar
            for p in between(first + 1, place):
                r = pattern.l_row[p]
                entry_bar -= factor[p] * work[r]
                bar[p] -= entry * work[r]
            work[i] = entry_bar / factor[first]
            bar[first] -= entry * work[i]
        work[k] = d_bar
        for p in between(pattern.start[k], pattern.start[k + 1]):
            h_bar[p] = work[pattern.row[p]]
        for t in between(pattern.r_start[k], pattern.r_start[k + 1]):
            work[pattern.r_column[t]] = 0.0
        work[k] = 0.0
