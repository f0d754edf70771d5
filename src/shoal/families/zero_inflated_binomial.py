"""Successes out of known trials, with rows that could have none: 0 with probability `zi`, else binomial.

Link: logit; eta is the log odds of success of a row that is not a structural zero. Parameter: `zi` in
(0, 1), the share of structural zeros; rows of one trial cannot tell it from failures. Hall (2000),
Biometrics 56, 1030-1039.
"""

from __future__ import annotations

from typing import ClassVar

from shoal.errors import DataError
from shoal.families.base import Family, Rows
from shoal.families.binomial import Binomial
from shoal.families.row_functions import RowFunction, row_function
from shoal.families.special import above_zero, inside_unit, log1p_fast, logistic
from shoal.families.zero_inflation import ZeroInflated, inflated_zero


@row_function
def zero_inflated_binomial_rows(
    y, trials, weight, se, eta, phi, order, value, score, curvature, slope, information
):
    """Rows of 0 with probability ``zi + (1 - zi) (1 - p)^n``, ``p = expit(eta)``.

    Curvature of a zero: the expectation of the complete data's given y (Louis 1982), as of zero-inflated
    Poisson rows; of other counts n p (1 - p), exact.
    """
    several = phi.shape[1]
    each = y.shape[0] // several
    for j in range(several):
        zi = inside_unit(phi[0, j])
        log_rest = log1p_fast(-zi)
        for i in range(j * each, (j + 1) * each):
            w, n, e = weight[i], trials[i], eta[0, i]
            p, other, rest = logistic(e)
            share, per_zi, of_zero = 1.0, -1 / (1 - zi), 0.0
            if y[i] == 0 or order > 1:
                zero, not_structural, of_zero = inflated_zero(zi, n * (min(-e, 0.0) - rest))
            if y[i] == 0:
                value[i], share, per_zi = w * zero, not_structural, of_zero
            else:
                value[i] = w * (log_rest + (y[i] - n if e > 0 else y[i]) * e - n * rest)
            if order > 0:
                score[0, i] = w * share * (y[i] * other - (n - y[i]) * p)
                slope[0, j] += w * per_zi
            if order > 1:
                curvature[0, i] = above_zero(w * share * n * p * other)
                information[0, j] += w * of_zero / (1 - zi)  # expected


class ZeroInflatedBinomial(ZeroInflated):
    """Zero-inflated binomial rows with mean ``(1 - zi) trials expit(eta)``."""

    name: ClassVar[str] = "zero_inflated_binomial"
    links: ClassVar[tuple[str, ...]] = ("logit",)
    discrete: ClassVar[bool] = True
    takes: ClassVar[frozenset[str]] = frozenset({"trials"})
    requires: ClassVar[frozenset[str]] = frozenset({"trials"})
    newton_steps: ClassVar[int] = 8
    row_functions: ClassVar[dict[str, RowFunction]] = {"logit": zero_inflated_binomial_rows}
    counts: ClassVar[Family] = Binomial()

    def distribution(self, known_se: bool, se_sigma: bool) -> str:
        return "ZeroInflatedBinomial(trials, expit(eta), zi)"

    def check(self, rows: Rows, name: str) -> None:
        super().check(rows, name)
        if (rows.trials == 1).all():
            raise DataError(
                "one-trial-a-row",
                f"All {len(rows.y)} rows of {name!r} have one trial.",
                "Several trials a row: of single ones, structural zeros cannot be told from failures.",
                "Use family='bernoulli'.",
            )
