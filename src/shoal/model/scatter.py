"""How a design's columns spread together: what default priors of coefficients are scaled by.

The default speaks of what the columns span, not of the columns: a change of the linear predictor by one
standard deviation over the rows is as likely in every direction. Coefficients of any basis of the same span,
centred or not, then say the same of the rows (Zellner 1986, in Goel and Zellner, eds, Bayesian Inference and
Decision Techniques, 233-243, with the number of rows left out).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import chdtri

ORDINARY = 0.9973  # probability of a normal column within what counts in full: three sds of one column
MOST_ROUNDS = 200
DEPTH = 3  # rounds before the last from which the next is extrapolated
SETTLED = 1e-7
ROUNDED = 1e-8  # of the changes of some rounds together: a direction of no more than this is rounding
LEAST = 0.25  # share by which the farthest rows count: rare categories keep a scale
ROUNDING = 16 * np.finfo(float).eps
CONSTANT = 1e-8  # of a column that is said to be one
DEPENDENT = 1e-13  # smallest by largest eigenvalue of a correlation matrix without an inverse


# Given the inverse of a covariance matrix (P, P), and a distance: the covariance matrix about the centers in
# which rows that are farther out count less (`less_far_out`).
FarOut = Callable[[np.ndarray, float], np.ndarray]


def scatter(
    x: np.ndarray, center: np.ndarray, weight: np.ndarray, far_out: FarOut | None = None
) -> np.ndarray:
    """Return a robust covariance matrix of columns, (P, P).

    Rows further out than nearly all of normal columns would be count less, so that a few of them do not set
    the scale for all: Huber's estimate about known centers (Maronna 1976, Annals of Statistics 4, 51-67). It
    is equivariant: columns that are recoded have the recoded matrix. Where no row is far out, it is the plain
    covariance; it is never less than a quarter of that.

    Parameters
    ----------
    x : (N, P) array
    center : (P,) array
    weight : (N,) array
        Observations that a row stands for.
    far_out : function, optional
        Where the rows are elsewhere, and those of `x` only have the same sums.
    """
    away, share = x - center, weight / weight.sum()
    largest = np.abs(away).max(axis=0, initial=np.finfo(float).tiny)  # squares of huge numbers overflow
    unit = largest * np.sqrt(share @ (away / largest) ** 2)
    varies = unit > ROUNDING * np.abs(center)  # weights may leave the average of a constant next to it
    out = np.zeros((x.shape[1],) * 2)
    if not varies.any():
        return out
    z = away[:, varies] / unit[varies]
    found = z.T @ (share[:, None] * z)
    rank = np.linalg.matrix_rank(found, DEPENDENT * np.abs(found).max(), hermitian=True)
    far = float(np.sqrt(chdtri(rank, 1 - ORDINARY)))  # of a chi-squared with as many degrees of freedom

    def here(inverse: np.ndarray, far: float) -> np.ndarray:
        squares = (z @ inverse * z).sum(1)
        return z.T @ ((share * less_far_out(squares, far))[:, None] * z)

    def elsewhere(inverse: np.ndarray, far: float) -> np.ndarray:
        assert far_out is not None
        there = np.zeros_like(out)
        there[np.ix_(varies, varies)] = inverse / np.outer(unit[varies], unit[varies])
        return far_out(there, far)[np.ix_(varies, varies)] / np.outer(unit[varies], unit[varies])

    found = _settled(here if far_out is None else elsewhere, found, far)
    with np.errstate(over="ignore"):  # columns that are too large for their squares are refused later
        out[np.ix_(varies, varies)] = found * np.outer(unit[varies], unit[varies])
    return out


def _settled(weighed: FarOut, found: np.ndarray, far: float) -> np.ndarray:
    """Return the covariance matrix that weighing the rows by it leaves as it is, beginning at `found`.

    A round is a pass over the rows. Each is extrapolated from those before (Anderson 1965, Journal of the ACM
    12, 547-560), unless that would take more than half of the spread in any direction.
    """
    matrices: list[np.ndarray] = []  # of the last rounds, as weighed, and what that changed
    changes: list[np.ndarray] = []
    for _ in range(MOST_ROUNDS):
        less = weighed(np.linalg.pinv(found, DEPENDENT, hermitian=True), far)
        if np.abs(less - found).max() <= SETTLED * np.abs(less).max():
            return less
        matrices, changes = [*matrices[-DEPTH:], less], [*changes[-DEPTH:], less - found]
        found = less
        if len(changes) > 1:
            steps = np.diff(np.reshape(changes, (len(changes), -1)), axis=0).T
            along = np.linalg.lstsq(steps, changes[-1].ravel(), rcond=ROUNDED)[0]
            ahead = less - np.tensordot(along, np.diff(matrices, axis=0), 1)
            if np.linalg.eigvalsh(ahead - 0.5 * less)[0] >= -ROUNDING * np.abs(less).max():
                found = ahead
    return found


def less_far_out(squares: np.ndarray, far: float) -> np.ndarray:
    """Return by which share rows count, from their squared distances."""
    return np.maximum(far / np.sqrt(np.maximum(squares, far**2)), LEAST)


def constant_in(x: np.ndarray) -> np.ndarray | None:
    """Return coefficients (P,) whose linear predictor is 1 in every row, or None if there are none."""
    if not x.shape[1]:
        return None
    ones = np.ones(len(x))
    found = np.linalg.lstsq(x, ones, rcond=None)[0]
    return found if np.abs(x @ found - ones).max() < CONSTANT else None


def inverse(matrix: np.ndarray) -> np.ndarray:
    """Return the inverse of a scatter matrix; where it has none, that of each column by itself.

    That is so of more columns than rows: what the rows do not tell apart has no spread.
    """
    unit = np.sqrt(np.diagonal(matrix))
    values, vectors = np.linalg.eigh(matrix / np.outer(unit, unit))
    if len(unit) and values[0] <= DEPENDENT * values[-1]:
        return np.diag(unit**-2.0)
    return (vectors / values) @ vectors.T / np.outer(unit, unit)
