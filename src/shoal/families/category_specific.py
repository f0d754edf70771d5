"""Effects that differ between cutpoints, ``cs(x)``: a linear predictor for each beside the common one.

Where an ordered response has such effects, its row function is given 1 + C predictors: the common one, and
what each of C cutpoints adds to it, ``eta[0] + eta[1 + k]`` in place of ``eta[0]``. Else it is given one.
Peterson and Harrell (1990), Applied Statistics 39, 205-217; Bürkner and Vuorre (2019), Adv. Meth. Pract.
Psych. Sci. 2, 77-101.
"""

from __future__ import annotations

from typing import ClassVar

from shoal.families.base import Family, Rows
from shoal.families.parameter import Parameter
from shoal.families.special import above_zero
from shoal.priors import Normal
from shoal.priors.compiled import inner


@inner
def predictor_at(eta, k, i):
    """Return the linear predictor of row i at cutpoint k."""
    return eta[0, i] + eta[1 + k, i] if eta.shape[0] > 1 else eta[0, i]


@inner
def begin_specific(order, score, curvature):
    """Say nothing yet of what each cutpoint adds: rows speak of those alone that they come to."""
    if order > 0:
        for a in range(1, score.shape[0]):
            score[a] = 0.0
    if order > 1:
        for pair in range(1, curvature.shape[0]):
            curvature[pair] = 0.0
        for a in range(1, score.shape[0]):
            curvature[a * (a + 3) // 2] = above_zero(0.0)


@inner
def write_specific(k, i, order, rise, bend, score, curvature):
    """Write what a row says of its predictor at cutpoint k, where its density is a product over cutpoints."""
    if score.shape[0] == 1:
        return
    score[1 + k, i] = rise
    if order > 1:
        pair = (1 + k) * (2 + k) // 2
        curvature[pair, i] = bend  # with the common predictor, which enters alike
        curvature[pair + 1 + k, i] = above_zero(bend)


class AtCutpoint(Parameter):
    """What a cutpoint adds to the linear predictor: it has the scale of the response's own, and no Intercept.

    Parameters
    ----------
    number : int
        Of the cutpoint, from 1.
    of : Family
        The response's.
    """

    cut: ClassVar[bool] = True

    def __init__(self, number: int, of: Family):
        super().__init__(f"cs_{number}", Normal(0.0, 1.0), general=True)
        self.of = of

    def scale(self, rows: Rows) -> tuple[float, float]:
        return 0.0, self.of.scale(rows)[1]
