"""Overdispersed counts with more zeros still: 0 with probability `zi`, otherwise negative binomial.

Link: log; eta is the log of the expected count of a row that is not a structural zero. Parameters: `shape`
> 0, as that of negative binomial counts, and `zi` in (0, 1), the share of structural zeros. Greene (1994),
Working Paper EC-94-10, Stern School of Business, New York University. A small shape makes zeros, too: where
counts are few, the two parameters are told apart by the upper tail alone.
"""

from __future__ import annotations

import math
from typing import ClassVar

from shoal.families.base import Family
from shoal.families.negbinomial import NegBinomial, negbinomial_row
from shoal.families.row_functions import RowFunction, row_function
from shoal.families.special import above_zero, inside_unit, log1p_fast
from shoal.families.zero_inflation import ZeroInflated, inflated_zero


@row_function
def zero_inflated_negbinomial_rows(
    y, trials, weight, se, eta, phi, order, value, score, curvature, slope, information
):
    """Rows of 0 with probability ``zi + (1 - zi) f(0)``, of other counts with ``(1 - zi) f(y)``.

    Curvature of a zero: the expectation of the complete data's given y (Louis 1982), as of zero-inflated
    Poisson rows.
    """
    several = phi.shape[1]
    each = y.shape[0] // several
    for j in range(several):
        a, zi = phi[0, j], inside_unit(phi[1, j])
        log_a, log_rest = math.log(a), log1p_fast(-zi)
        for i in range(j * each, (j + 1) * each):
            w = weight[i]
            log_density, rise, bend, per_shape, log_empty = negbinomial_row(y[i], eta[0, i], a, log_a)
            share, per_zi, of_zero = 1.0, -1 / (1 - zi), 0.0
            if y[i] == 0 or order > 1:
                zero, not_structural, of_zero = inflated_zero(zi, log_empty)
            if y[i] == 0:
                value[i], share, per_zi = w * zero, not_structural, of_zero
            else:
                value[i] = w * (log_rest + log_density)
            if order > 0:
                score[0, i] = w * share * rise
                slope[0, j] += w * share * per_shape
                slope[1, j] += w * per_zi
            if order > 1:
                curvature[0, i] = above_zero(w * share * bend)
                # Of the shape this row's own: there is no closed expectation.
                information[0, j] += w * (share * per_shape) * (share * per_shape)
                information[1, j] += w * of_zero / (1 - zi)  # expected


class ZeroInflatedNegBinomial(ZeroInflated):
    """Zero-inflated negative binomial rows with mean ``(1 - zi) exp(eta)``."""

    name: ClassVar[str] = "zero_inflated_negbinomial"
    links: ClassVar[tuple[str, ...]] = ("log",)
    discrete: ClassVar[bool] = True
    newton_steps: ClassVar[int] = 8
    row_functions: ClassVar[dict[str, RowFunction]] = {"log": zero_inflated_negbinomial_rows}
    counts: ClassVar[Family] = NegBinomial()

    def distribution(self, known_se: bool, se_sigma: bool) -> str:
        return "ZeroInflatedNegativeBinomial(mean = exp(eta), shape, zi)"
