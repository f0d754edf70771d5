"""Ordered categories by their neighbours: ``log(P(y = j + 1) / P(y = j)) = eta - cutpoint[j]``.

The adjacent category model, a partial credit model where eta is a person's ability. Link: logit. Parameters:
J - 1 cutpoints, in any order, in log odds of neighbouring categories; no scalar ones. A larger eta makes
higher categories likelier. There is no Intercept: it would only move the cutpoints. Agresti (2010), Analysis
of Ordinal Categorical Data, 2nd ed., section 4.1; Masters (1982), Psychometrika 47, 149-174.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
from scipy.special import softmax

from shoal.families.base import Rows
from shoal.families.category_specific import begin_specific, predictor_at
from shoal.families.ordinal import Ordinal
from shoal.families.row_functions import RowFunction, row_function
from shoal.families.special import above_zero
from shoal.priors.compiled import inner


@row_function
def acat_rows(y, trials, weight, se, eta, phi, order, value, score, curvature, slope, information):
    """Rows by ``a_y - log sum(exp(a))`` with ``a_m = sum over k < m of eta - cutpoint[k]``.

    The score is y less its mean, the curvature its variance; of a cutpoint P(y > k) less whether it is so.
    """
    last = phi.shape[0]
    several = phi.shape[1]
    each = y.shape[0] // several
    begin_specific(order, score, curvature)
    for j in range(several):
        for i in range(j * each, (j + 1) * each):
            w, code = weight[i], int(y[i])
            a, own, highest = 0.0, 0.0, 0.0
            for k in range(last):
                a += predictor_at(eta, k, i) - phi[k, j]
                own = a if k + 1 == code else own
                highest = max(highest, a)
            a, total, away, square = 0.0, 0.0, 0.0, 0.0
            for m in range(last + 1):
                p = math.exp(a - highest)
                total += p
                away += (code - m) * p
                square += (code - m) * (code - m) * p
                a += predictor_at(eta, m, i) - phi[m, j] if m < last else 0.0
            value[i] = w * (own - highest - math.log(total))
            if order > 0:
                away /= total
                score[0, i] = w * away
            if order > 1:
                curvature[0, i] = above_zero(w * (square / total - away * away))
            if order > 0:
                a, at_most = 0.0, 0.0
                for k in range(last):
                    at_most += math.exp(a - highest) / total
                    a += predictor_at(eta, k, i) - phi[k, j]
                    slope[k, j] += w * (-at_most if code > k else 1.0 - at_most)
                    if order > 1:
                        information[k, j] += w * at_most * max(1.0 - at_most, 0.0)
                    if eta.shape[0] > 1:
                        score[1 + k, i] = at_most  # until the curvature has been made of it
                if eta.shape[0] > 1:
                    write_covariances(i, last, w, code, order, score, curvature)


@inner
def write_covariances(i, last, w, code, order, score, curvature):
    """Write what a row says of what each cutpoint adds to eta, ``P(y <= k)`` standing in the score.

    The score is whether y > k, less its probability; the curvature is the covariances of ``y > k`` with
    ``y > l``, which are ``P(y > k) P(y <= l)`` for l <= k, and with their sum y.
    """
    for k in range(last if order > 1 else 0):
        first, above = (1 + k) * (2 + k) // 2, w * max(1.0 - score[1 + k, i], 0.0)
        for m in range(k + 1):
            both = above * score[1 + m, i]
            curvature[first, i] += both
            curvature[first + 1 + m, i] = both if m < k else above_zero(both)
            if m < k:
                curvature[(1 + m) * (2 + m) // 2, i] += both
    for k in range(last):
        score[1 + k, i] = w * (score[1 + k, i] - (0.0 if code > k else 1.0))


class AdjacentCategory(Ordinal):
    """Ordered categories whose neighbours have log odds that move with eta."""

    name: ClassVar[str] = "acat"
    links: ClassVar[tuple[str, ...]] = ("logit",)
    row_functions: ClassVar[dict[str, RowFunction]] = {"logit": acat_rows}

    def distribution(self, known_se: bool, se_sigma: bool) -> str:
        return f"AdjacentCategory, P(y = j + 1 | y = j or y = j + 1) = expit(eta{self.adds} - cutpoint[j])"

    def quantiles(self, rows: Rows) -> np.ndarray:
        return -np.diff(np.log(self.counts(rows)))

    def mean(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        steps = np.cumsum(np.asarray(eta)[..., None] - phi["cutpoints"], axis=-1)
        return softmax(np.concatenate([np.zeros((*steps.shape[:-1], 1)), steps], axis=-1), axis=-1)
