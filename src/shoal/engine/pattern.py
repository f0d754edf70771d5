"""Which columns meet in the rows, and which effects in H: worked out once from the declared entries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numba as nb
import numpy as np
import scipy.sparse as sp

from shoal.engine import problem as arrays
from shoal.engine.kinds import INT64S, UINT32S
from shoal.engine.lines import Lines, stack
from shoal.engine.sparse import Pattern, analyse
from shoal.priors.compiled import compiled_as


class GaussianRows(NamedTuple):
    """Rows ``response ~ Normal(J v, 1 / sqrt(weight tau))``, of which only sums are kept.

    Attributes
    ----------
    lines : Lines
    response, weight : (M,) arrays
    number : float
        Sum of weights that multiply ``log tau / 2``.
    precision : int
        Place in h of tau.
    """

    lines: Lines
    response: np.ndarray
    weight: np.ndarray
    number: float
    precision: int


def products_of_columns(
    columns: arrays.Columns,
    counts: Sequence[int],
    predictors: Sequence[int],
    gaussian: Sequence[GaussianRows],
    size: int,
) -> tuple[arrays.Gram, arrays.Quadratics]:
    """Return A's pattern with places for the rows' products, and the gaussian rows' sums.

    `counts` and `predictors` are the rows and the predictors a row of each block, `size` the columns of J.
    """
    keys, starts = _row_keys(
        columns.start, columns.column, np.array(counts, np.int64), np.array(predictors, np.int64), size
    )
    own = []
    for rows in gaussian:
        part = stack([rows.lines], [len(rows.response)])
        own.append(_products(part, rows.weight, size))
    found = np.unique(np.concatenate([np.unique(keys), *(k for k, _ in own)]))
    gram = arrays.Gram(
        (found // max(size, 1)).astype(np.uint32),
        (found % max(size, 1)).astype(np.uint32),
        starts,
        np.searchsorted(found, keys).astype(np.uint32),
    )
    a, b = np.zeros((len(gaussian), len(found))), np.zeros((len(gaussian), size))
    for r, rows in enumerate(gaussian):
        lines, scaled = rows.lines, rows.weight * rows.response
        a[r, np.searchsorted(found, own[r][0])] = own[r][1]
        b[r] = np.bincount(lines.column, lines.value * scaled[lines.line], size)
    squares = np.array([rows.weight @ rows.response**2 for rows in gaussian], float)
    numbers = np.array([rows.number for rows in gaussian], float)
    tau = np.array([rows.precision for rows in gaussian], np.int64)
    return gram, arrays.Quadratics(a, b, squares, numbers, tau)


def pattern_of_effects(
    gram: arrays.Gram, scales: arrays.Scales, row: np.ndarray, column: np.ndarray, size: int
) -> tuple[arrays.Terms, Pattern]:
    """Return ``S'AS`` as a sum of products, and the pattern of H; (row, column) are the entries of Q."""
    a, e, f = _pairs_of_scales(gram.row, gram.column, scales.start)
    one, two = scales.effect[e].astype(np.int64), scales.effect[f].astype(np.int64)
    twice = (gram.row[a] != gram.column[a]) & (one == two)
    keep = (gram.row[a] != gram.column[a]) | (one <= two)  # of a square, each product of two once
    a, e, f, one, two, twice = (part[keep] for part in (a, e, f, one, two, twice))
    width = max(size, 1)
    met = np.unique(np.minimum(one, two) * width + np.maximum(one, two))
    pattern = analyse(np.concatenate([met // width, row]), np.concatenate([met % width, column]), size)
    place = places(pattern, pattern.order[one], pattern.order[two])
    sort = np.argsort(place, kind="stable")
    terms = arrays.Terms(
        place[sort].astype(np.uint32),
        a[sort].astype(np.uint32),
        scales.place[e][sort].astype(np.uint32),
        scales.place[f][sort].astype(np.uint32),
        np.where(twice, 2.0, 1.0)[sort],
    )
    return terms, pattern


def places(pattern: Pattern, one: np.ndarray, two: np.ndarray) -> np.ndarray:
    """Return where entries (one, two) of a symmetric matrix stand in its pattern."""
    size = len(pattern.order)
    keys = np.repeat(np.arange(size), np.diff(pattern.start)) * size + pattern.row
    return np.searchsorted(keys, np.maximum(one, two) * size + np.minimum(one, two))


@compiled_as(nb.types.UniTuple(INT64S, 2)(INT64S, UINT32S, INT64S, INT64S, nb.int64))
def _row_keys(start, column, counts, predictors, size):
    """Return keys of all rows' products as `rows.linearize` goes through them; where each pair begins."""
    cells, total = 0, 0
    for turn in range(2):
        if turn:
            keys, starts = np.empty(total, np.int64), np.empty(cells + 1, np.int64)
        cells, total, line = 0, 0, 0
        for block in range(counts.size):
            count, q = counts[block], predictors[block]
            for i in range(count):
                for a in range(q):
                    for b in range(a + 1):
                        one, two = line + a * count + i, line + b * count + i
                        if turn:
                            starts[cells] = total
                        cells += 1
                        for e in range(start[one], start[one + 1]):
                            for f in range(e if a == b else start[two], start[two + 1]):
                                if turn:
                                    left, right = np.int64(column[e]), np.int64(column[f])
                                    keys[total] = min(left, right) * size + max(left, right)
                                total += 1
            line += q * count
    starts[cells] = total
    return keys, starts


def _products(lines: arrays.Columns, weight: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return keys of the entries of ``J' diag(weight) J``, the upper triangle in order, and their values.

    SciPy leaves out what cancels. Which entries there are must not depend on values: a product of ones says.
    """
    each = np.repeat(weight, np.diff(lines.start))
    there, _ = _upper(lines, np.ones(len(each)), np.ones(len(each)), size)
    keys, values = _upper(lines, lines.value * each, lines.value, size)
    out = np.zeros(len(there))
    out[np.searchsorted(there, keys)] = values
    return there, out


def _upper(
    lines: arrays.Columns, left: np.ndarray, right: np.ndarray, size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return keys and values of the upper triangle of ``L' R``, two matrices of one pattern."""
    shape, places = (len(lines.start) - 1, size), (lines.column.astype(np.int64), lines.start)
    one, other = (sp.csr_array((values, *places), shape=shape) for values in (left, right))
    upper = sp.triu(one.T @ other, format="csr")
    upper.sort_indices()
    found = upper.tocoo()
    return found.row.astype(np.int64) * size + found.col, found.data


@compiled_as(nb.types.UniTuple(INT64S, 3)(UINT32S, UINT32S, INT64S))
def _pairs_of_scales(row, column, start):
    """Return every (entry of A, entry of S in its row, entry of S in its column)."""
    total = 0
    for t in range(row.size):
        total += (start[row[t] + 1] - start[row[t]]) * (start[column[t] + 1] - start[column[t]])
    a, e, f = np.empty(total, np.int64), np.empty(total, np.int64), np.empty(total, np.int64)
    at = 0
    for t in range(row.size):
        for one in range(start[row[t]], start[row[t] + 1]):
            for two in range(start[column[t]], start[column[t] + 1]):
                a[at], e[at], f[at] = t, one, two
                at += 1
    return a, e, f
