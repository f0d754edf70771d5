"""The compiled row function of a family: log density, score and curvature of a block of rows.

``f(y, trials, weight, se, eta, phi, order, value, score, curvature, slope, information)`` reads M rows and
writes in place, everything float64 and C-contiguous:

====================== ================ =====================================================================
y, trials, weight, se  (M,)             as in `Rows`; of C further columns y is (M (1 + C),), row after row
eta                    (q, M)           linear predictors
phi                    (k, 1) or (k, M) the family's parameters in the order of `Family.pack`, the same for
                                        all rows or each row's own
order                  int              0: value; 1: and score, slope; 2: and curvature, information
value                  (M,)             weighted log density up to `Family.log_constant`
score                  (q, M)           its derivatives in eta
curvature              (q(q+1)/2, M)    positive; the lower triangle, row after row
slope                  as phi           *added to*: derivatives in phi, summed over the rows that share it
information            as phi           *added to*: positive curvatures in phi
====================== ================ =====================================================================

What the order does not ask for is not touched and may be empty.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import numba as nb
import numpy as np

from shoal.families.intervals import evaluate_kinds
from shoal.priors.compiled import VECTOR, Compiled, compiled_as

if TYPE_CHECKING:
    from shoal.families.rows import Rows

MATRIX = nb.float64[:, ::1]
STACK = nb.float64[:, :, ::1]

SIGNATURE = nb.void(
    *(VECTOR, VECTOR, VECTOR, VECTOR, MATRIX, MATRIX, nb.int64, VECTOR, MATRIX, MATRIX, MATRIX, MATRIX)
)
FUNCTION_TYPE = nb.types.FunctionType(SIGNATURE)


class RowFunction(Compiled):
    """The row function of a family and link: Python, and compiled once asked for."""

    def __init__(self, function: Callable[..., Any]):
        super().__init__(function, SIGNATURE)


row_function = RowFunction  # the decorator


class RowValues(NamedTuple):
    """What a family says of rows; empty arrays where the order did not ask.

    Attributes
    ----------
    value : (..., N) array
        Weighted log densities, up to `Family.log_constant`.
    score : (..., N) array
        Derivatives in the linear predictor; (..., q, N) for families of q > 1 predictors.
    curvature : (..., N) array
        Positive curvatures; (..., q(q+1)/2, N) for q > 1, the lower triangle row after row.
    slope : (..., N, k) array
        Each row's derivatives in the k parameters.
    """

    value: np.ndarray
    score: np.ndarray
    curvature: np.ndarray
    slope: np.ndarray


@compiled_as(
    nb.void(
        *(FUNCTION_TYPE, FUNCTION_TYPE, VECTOR, VECTOR, VECTOR, VECTOR, MATRIX, STACK, STACK, nb.int64),
        *(MATRIX, STACK, STACK, STACK),
    )
)
def _each_draw(
    rows: RowFunction,
    interval: RowFunction,
    y: np.ndarray,
    trials: np.ndarray,
    weight: np.ndarray,
    se: np.ndarray,
    intervals: np.ndarray,
    eta: np.ndarray,
    phi: np.ndarray,
    order: int,
    value: np.ndarray,
    score: np.ndarray,
    curvature: np.ndarray,
    slope: np.ndarray,
) -> None:
    unused = np.zeros((phi.shape[1], phi.shape[2]))
    for d in range(eta.shape[0]):
        # No tuples of arguments: one that begins with a function is experimental to numba.
        evaluate_kinds(
            rows,
            interval,
            y,
            trials,
            weight,
            se,
            intervals,
            eta[d],
            phi[d % phi.shape[0]],
            order,
            value[d],
            score[d],
            curvature[d],
            slope[d],
            unused,
        )


def evaluate_rows(
    functions: tuple[RowFunction, RowFunction],
    rows: Rows,
    eta: np.ndarray,
    phi: np.ndarray,
    order: int,
) -> RowValues:
    """Evaluate a row function, and an interval function, at many linear predictors.

    Parameters
    ----------
    functions : tuple of RowFunction
        The second is called for rows that are censored or truncated.
    rows : Rows
        Of N entries each, or numbers.
    eta : (..., q, N) array
    phi : (..., k, 1) or (..., k, N) array
        Its leading axes broadcast against those of `eta`.
    order : {0, 1, 2}

    Returns
    -------
    RowValues
        With the axis of the q predictors.
    """
    lead = np.broadcast_shapes(eta.shape[:-2], phi.shape[:-2])
    (q, n), k, draws = eta.shape[-2:], phi.shape[-2], int(np.prod(lead))
    eta = _owned(np.broadcast_to(eta, (*lead, q, n))).reshape(draws, q, n)
    if order > 0:  # slopes of each row: a parameter each
        phi = np.broadcast_to(phi, (*phi.shape[:-1], n))
    if any(size > 1 for size in phi.shape[:-2]):
        phi = np.broadcast_to(phi, (*lead, *phi.shape[-2:]))
    phi = _owned(phi).reshape(int(np.prod(phi.shape[:-2])), *phi.shape[-2:])
    value = np.empty((draws, n))
    score = np.empty((draws, q, n if order > 0 else 0))
    curvature = np.empty((draws, q * (q + 1) // 2, n if order > 1 else 0))
    slope = np.zeros((draws, k, n if order > 0 else 0))
    parts = map(_owned, rows.read(n))
    row, interval = functions
    intervals = _owned(rows.intervals)
    intervals = _owned(np.broadcast_to(intervals, (len(intervals), n)))
    _each_draw.compiled(
        *(row.compiled, interval.compiled, *parts, intervals, eta, phi),
        *(order, value, score, curvature, slope),
    )
    return RowValues(
        value.reshape(*lead, n),
        score.reshape(*lead, *score.shape[1:]),
        curvature.reshape(*lead, *curvature.shape[1:]),
        np.swapaxes(slope.reshape(*lead, *slope.shape[1:]), -1, -2),
    )


def _owned(x: Any) -> np.ndarray:
    """Return `x` as float64 that is contiguous and may be written to, as compiled signatures demand."""
    return np.require(x, float, ["C", "W"])


def row_list(functions: Iterable[RowFunction]) -> Any:
    """Return row functions as compiled code takes several: a typed list of their compiled forms."""
    out = _empty_list.compiled()
    for function in functions:
        _append.compiled(out, function.compiled)
    return out


# Made in compiled code: made in Python, a typed list would compile its methods in every process.
@compiled_as(nb.types.ListType(FUNCTION_TYPE)())
def _empty_list() -> Any:
    return nb.typed.List.empty_list(FUNCTION_TYPE)


@compiled_as(nb.void(nb.types.ListType(FUNCTION_TYPE), FUNCTION_TYPE))
def _append(functions: Any, function: RowFunction) -> None:
    functions.append(function)
