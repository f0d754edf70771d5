"""Rows of successes out of trials, ``y log F(eta) + (trials - y) log(1 - F(eta))``: a row function a link.

Shared by families of binary responses and of successes. All are log-concave, and their curvature is exact.
"""

from __future__ import annotations

import numpy as np

from shoal.families.row_functions import RowFunction, row_function
from shoal.families.special import above_zero, logistic


@row_function
def logit_rows(
    y: np.ndarray,
    trials: np.ndarray,
    weight: np.ndarray,
    se: np.ndarray,
    eta: np.ndarray,
    phi: np.ndarray,
    order: int,
    value: np.ndarray,
    score: np.ndarray,
    curvature: np.ndarray,
    slope: np.ndarray,
    information: np.ndarray,
) -> None:
    """``F(eta) = 1 / (1 + exp(-eta))``: log density ``y eta - trials log(1 + exp(eta))``."""
    for i in range(y.shape[0]):
        w, n, e = weight[i], trials[i], eta[0, i]
        p, other, rest = logistic(e)
        # log p = min(eta, 0) - rest, log(1 - p) = min(-eta, 0) - rest: nothing cancels where y is 0 or n.
        value[i] = w * ((y[i] - n if e > 0 else y[i]) * e - n * rest)
        if order > 0:
            score[0, i] = w * (y[i] * other - (n - y[i]) * p)
        if order > 1:
            curvature[0, i] = above_zero(w * n * p * other)


PROBABILITY_ROWS: dict[str, RowFunction] = {"logit": logit_rows}
