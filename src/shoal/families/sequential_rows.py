"""Rows of categories reached one after the other, ``P(y = j | y >= j) = F(cutpoint[j] - eta)``.

A row of category j has gone on at every category below, and stopped there unless it is the last: its log
density is a sum of ``log F(x)`` and ``log F(-x)``, each with a cutpoint of its own. All are concave, and all
curvatures exact, those together with what each cutpoint adds to eta too (`families.category_specific`).
"""

from __future__ import annotations

from shoal.families.category_specific import begin_specific, predictor_at, write_specific
from shoal.families.row_functions import RowFunction, row_function
from shoal.families.special import above_zero, logistic, normal_distribution


@row_function
def logit_rows(y, trials, weight, se, eta, phi, order, value, score, curvature, slope, information):
    """``F(x) = 1 / (1 + exp(-x))``."""
    last = phi.shape[0]
    several = phi.shape[1]
    each = y.shape[0] // several
    begin_specific(order, score, curvature)
    for j in range(several):
        for i in range(j * each, (j + 1) * each):
            w, code = weight[i], int(y[i])
            log_p, rise, bend = 0.0, 0.0, 0.0
            for k in range(min(code + 1, last)):
                side = 1.0 if k == code else -1.0
                x = side * (phi[k, j] - predictor_at(eta, k, i))
                p, other, rest = logistic(x)
                log_p += min(x, 0.0) - rest
                rise -= side * other
                bend += p * other
                if order > 0:
                    slope[k, j] += w * side * other
                    write_specific(k, i, order, -w * side * other, w * p * other, score, curvature)
                if order > 1:
                    information[k, j] += w * p * other
            value[i] = w * log_p
            if order > 0:
                score[0, i] = w * rise
            if order > 1:
                curvature[0, i] = above_zero(w * bend)


@row_function
def probit_rows(y, trials, weight, se, eta, phi, order, value, score, curvature, slope, information):
    """``F(x) = Φ(x)``."""
    last = phi.shape[0]
    several = phi.shape[1]
    each = y.shape[0] // several
    begin_specific(order, score, curvature)
    for j in range(several):
        for i in range(j * each, (j + 1) * each):
            w, code = weight[i], int(y[i])
            log_p, rise, bend = 0.0, 0.0, 0.0
            for k in range(min(code + 1, last)):
                side = 1.0 if k == code else -1.0
                own, r, excess = normal_distribution(side * (phi[k, j] - predictor_at(eta, k, i)))
                log_p += own
                rise -= side * r
                bend += r * excess
                if order > 0:
                    slope[k, j] += w * side * r
                    write_specific(k, i, order, -w * side * r, w * r * excess, score, curvature)
                if order > 1:
                    information[k, j] += w * r * excess
            value[i] = w * log_p
            if order > 0:
                score[0, i] = w * rise
            if order > 1:
                curvature[0, i] = above_zero(w * bend)


SEQUENTIAL_ROWS: dict[str, RowFunction] = {"logit": logit_rows, "probit": probit_rows}
