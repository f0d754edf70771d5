"""Ordered categories reached one after the other: ``P(y > j | y >= j) = F(eta - cutpoint[j])``.

The continuation ratio. With both of its links, logit and probit, which are symmetric, it is the same model as
the stopping ratio (`sratio`): going on is not stopping. Tutz (1990), Br. J. Math. Statist. Psych. 43, 39-55.
"""

from __future__ import annotations

from typing import ClassVar

from shoal.families.cumulative import INVERSE
from shoal.families.sratio import StoppingRatio


class ContinuationRatio(StoppingRatio):
    """Ordered categories from each of which a row may go on."""

    name: ClassVar[str] = "cratio"

    def distribution(self, known_se: bool, se_sigma: bool) -> str:
        return f"ContinuationRatio, P(y > j | y >= j) = {INVERSE[self.link]}(eta{self.adds} - cutpoint[j])"
