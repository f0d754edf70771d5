"""Binary responses: a binomial with one trial a row, ``P(y = 1) = F(eta)``.

Links: logit, probit, cloglog. No parameters of its own. McCullagh and Nelder (1989), chapter 4.
"""

from __future__ import annotations

from typing import ClassVar

from shoal.families.base import Rows
from shoal.families.binomial import Binomial
from shoal.families.links import LINKS
from shoal.families.support import refuse


class Bernoulli(Binomial):
    """Rows of 0 and 1 with ``P(y = 1) = F(eta)``."""

    name: ClassVar[str] = "bernoulli"
    wider: ClassVar[str] = ""  # of one trial a row there is no scatter to be wider
    independent_trials: ClassVar[bool] = False  # there is one
    takes: ClassVar[frozenset[str]] = frozenset()
    requires: ClassVar[frozenset[str]] = frozenset()

    def distribution(self, known_se: bool, se_sigma: bool) -> str:
        return f"Bernoulli({LINKS[self.link].inverse_text})"

    def check(self, rows: Rows, name: str) -> None:
        refuse(
            rows,
            name,
            (rows.y != 0) & (rows.y != 1),
            "values other than 0 and 1",
            "A bernoulli response is 0 or 1 (or True and False).",
            "For counts of successes write `y | trials(n)` with family='binomial'.",
        )
