"""The full trailing block of a sparse factor, by BLAS and LAPACK."""

from __future__ import annotations

import numba as nb
import numpy as np

from shoal.priors.compiled import inner

STRIP = 256  # rows of the block taken at a time, of which nothing above the diagonal is needed

# LAPACK's Cholesky factorisation in place, as `numpy.linalg.cholesky` calls it in compiled code: that one
# would raise, and leak its copy of the block, where a matrix is not positive definite.
_potrf = nb.types.ExternalFunction(
    "numba_xxpotrf",
    nb.intc(nb.types.char, nb.types.char, nb.intp, nb.types.CPointer(nb.float64), nb.intp),
)
# The product of matrices of BLAS, into a part of the block.
_POINTER = nb.types.CPointer(nb.float64)
_gemm = nb.types.ExternalFunction(
    "numba_xxgemm",
    nb.intc(
        *(nb.types.char, nb.types.char, nb.types.char, nb.intp, nb.intp, nb.intp),
        *(_POINTER, _POINTER, nb.intp, _POINTER, nb.intp, _POINTER, _POINTER, nb.intp),
    ),
)
_DOUBLE, _UPPER, _PLAIN, _TRANSPOSED = ord("d"), ord("U"), ord("n"), ord("t")


@inner
def subtract_products(block, panel):
    """Subtract ``panel panel'`` from the lower triangle of the block, and some of what is above it."""
    size, count = panel.shape
    if count == 0:
        return
    minus, one = np.full(1, -1.0), np.ones(1)
    for first in range(0, size, STRIP):
        last = min(first + STRIP, size)
        # Rows are columns to BLAS: it computes the transposed product.
        _gemm(
            *(_DOUBLE, _TRANSPOSED, _PLAIN, last, last - first, count, minus.ctypes, panel.ctypes, count),
            *(panel[first:].ctypes, count, one.ctypes, block[first:].ctypes, size),
        )


@inner
def factor_block(pattern, block, factor):
    """Factor the block into the factor's last columns; return the log determinant of what it is there."""
    n = pattern.start.size - 1
    dense = pattern.dense
    size = n - dense
    if not np.isfinite(block.sum()):
        return np.nan
    # Columns are rows to LAPACK: its upper triangle is the lower one here.
    if _potrf(_DOUBLE, _UPPER, size, block.ctypes, size) != 0:
        return np.nan
    total = 0.0
    for j in range(size):
        first = pattern.l_start[dense + j]
        for i in range(j, size):
            factor[first + i - j] = block[i, j]
        total += np.log(block[j, j])
    return total
