"""Counts with more zeros than Poisson: 0 with probability `zi`, otherwise ``Poisson(exp(eta))``.

Link: log; eta is the log of the expected count of a row that is not a structural zero. Parameter: `zi` in
(0, 1), the share of structural zeros. Lambert (1992), Technometrics 34, 1-14.
"""

from __future__ import annotations

from typing import ClassVar

from shoal.families.base import Family
from shoal.families.poisson import Poisson
from shoal.families.row_functions import RowFunction, row_function
from shoal.families.special import above_zero, bounded_exp, inside_unit, log1p_fast
from shoal.families.zero_inflation import ZeroInflated, inflated_zero


@row_function
def zero_inflated_poisson_rows(
    y, trials, weight, se, eta, phi, order, value, score, curvature, slope, information
):
    """Rows of 0 with probability ``zi + (1 - zi) exp(-mu)``.

    At a zero, with q = P(not structural | y = 0), the negative second derivative in eta is
    ``q mu (1 - (1 - q) mu)``, which may be negative. The curvature here is q mu, the expectation of the
    complete data's given y (Louis 1982, J. Roy. Statist. Soc. B 44, 226-233); of other counts mu, exact.
    """
    several = phi.shape[1]
    each = y.shape[0] // several
    for j in range(several):
        zi = inside_unit(phi[0, j])
        log_rest = log1p_fast(-zi)
        for i in range(j * each, (j + 1) * each):
            w, mean = weight[i], bounded_exp(eta[0, i])
            share, per_weight, of_zero = 1.0, -1 / (1 - zi), 0.0
            if y[i] == 0 or order > 1:
                zero, not_structural, of_zero = inflated_zero(zi, -mean)
            if y[i] == 0:
                value[i], share, per_weight = w * zero, not_structural, of_zero
            else:
                value[i] = w * (log_rest + y[i] * eta[0, i] - mean)
            if order > 0:
                score[0, i] = w * (y[i] - share * mean)
                slope[0, j] += w * per_weight
            if order > 1:
                curvature[0, i] = above_zero(w * share * mean)
                information[0, j] += w * of_zero / (1 - zi)  # expected


class ZeroInflatedPoisson(ZeroInflated):
    """Zero-inflated Poisson rows with mean ``(1 - zi) exp(eta)``."""

    name: ClassVar[str] = "zero_inflated_poisson"
    wider: ClassVar[str] = "family='zero_inflated_negbinomial' lets counts vary more."
    links: ClassVar[tuple[str, ...]] = ("log",)
    discrete: ClassVar[bool] = True
    newton_steps: ClassVar[int] = 8
    row_functions: ClassVar[dict[str, RowFunction]] = {"log": zero_inflated_poisson_rows}
    counts: ClassVar[Family] = Poisson()

    def distribution(self, known_se: bool, se_sigma: bool) -> str:
        return "ZeroInflatedPoisson(exp(eta), zi)"
