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
from shoal.families.ordinal import Ordinal
from shoal.families.row_functions import RowFunction, row_function
from shoal.families.special import above_zero


@row_function
def acat_rows(y, trials, weight, se, eta, phi, order, value, score, curvature, slope, information):
    """Rows by ``a_y - log sum(exp(a))`` with ``a_m = sum over k < m of eta - cutpoint[k]``.

    The score is y less its mean, the curvature its variance; of a cutpoint P(y > k) less whether it is so.
    """
    last = phi.shape[0]
    several = phi.shape[1]
    each = y.shape[0] // several
    for j in range(several):
        for i in range(j * each, (j + 1) * each):
            w, code, e = weight[i], int(y[i]), eta[0, i]
            a, own, highest = 0.0, 0.0, 0.0
            for k in range(last):
                a += e - phi[k, j]
                own = a if k + 1 == code else own
                highest = max(highest, a)
            a, total, away, square = 0.0, 0.0, 0.0, 0.0
            for m in range(last + 1):
                p = math.exp(a - highest)
                total += p
                away += (code - m) * p
                square += (code - m) * (code - m) * p
                a += e - phi[m, j] if m < last else 0.0
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
                    a += e - phi[k, j]
                    slope[k, j] += w * (-at_most if code > k else 1.0 - at_most)
                    if order > 1:
                        information[k, j] += w * at_most * max(1.0 - at_most, 0.0)


class AdjacentCategory(Ordinal):
    """Ordered categories whose neighbours have log odds that move with eta."""

    name: ClassVar[str] = "acat"
    links: ClassVar[tuple[str, ...]] = ("logit",)
    row_functions: ClassVar[dict[str, RowFunction]] = {"logit": acat_rows}

    def distribution(self, known_se: bool, se_sigma: bool) -> str:
        return "AdjacentCategory, P(y = j + 1 | y = j or y = j + 1) = expit(eta - cutpoint[j])"

    def quantiles(self, rows: Rows) -> np.ndarray:
        return -np.diff(np.log(self.counts(rows)))

    def mean(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        steps = np.cumsum(np.asarray(eta)[..., None] - phi["cutpoints"], axis=-1)
        return softmax(np.concatenate([np.zeros((*steps.shape[:-1], 1)), steps], axis=-1), axis=-1)
