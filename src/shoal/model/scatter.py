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
SETTLED = 1e-7
LEAST = 0.25  # share by which the farthest rows count: rare categories keep a scale
ROUNDING = 16 * np.finfo(float).eps
CONSTANT = 1e-8  # of a column that is said to be one
DEPENDENT = 1e-13  # smallest by largest eigenvalue of a correlation matrix without an inverse


# Given the inverse of a covariance matrix (P, P), and a distance: whether any row is farther out, and the
# covariance matrix about the centers in which such rows count less (`less_far_out`).
FarOut = Callable[[np.ndarray, float], tuple[bool, np.ndarray]]


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

    def here(inverse: np.ndarray, far: float) -> tuple[bool, np.ndarray]:
        squares = (z @ inverse * z).sum(1)
        return bool(squares.max() > far**2), z.T @ ((share * less_far_out(squares, far))[:, None] * z)

    def elsewhere(inverse: np.ndarray, far: float) -> tuple[bool, np.ndarray]:
        assert far_out is not None
        there = np.zeros_like(out)
        there[np.ix_(varies, varies)] = inverse / np.outer(unit[varies], unit[varies])
        beyond, moments = far_out(there, far)
        return beyond, moments[np.ix_(varies, varies)] / np.outer(unit[varies], unit[varies])

    weighed = here if far_out is None else elsewhere
    for _ in range(MOST_ROUNDS):
        beyond, less = weighed(np.linalg.pinv(found, DEPENDENT, hermitian=True), far)
        if not beyond:
            break
        before, found = found, less
        if np.abs(found - before).max() <= SETTLED * np.abs(found).max():
            break
    with np.errstate(over="ignore"):  # columns that are too large for their squares are refused later
        out[np.ix_(varies, varies)] = found * np.outer(unit[varies], unit[varies])
    return out


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
