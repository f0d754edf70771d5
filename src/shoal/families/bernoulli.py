"""Binary responses, logit link: a binomial with one trial a row."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from shoal.errors import DataError, listing
from shoal.families.base import Rows
from shoal.families.binomial import Binomial


class Bernoulli(Binomial):
    """Rows of 0 and 1 with ``P(y = 1) = expit(eta)``."""

    name: ClassVar[str] = "bernoulli"
    takes: ClassVar[frozenset[str]] = frozenset()
    requires: ClassVar[frozenset[str]] = frozenset()

    def distribution(self, known_se: bool, se_sigma: bool) -> str:
        return "Bernoulli(expit(eta))"

    def check(self, rows: Rows, name: str) -> None:
        bad = np.flatnonzero((rows.y != 0) & (rows.y != 1))
        if bad.size:
            shown = listing(f"row {i}: {rows.y[i]:g}" for i in bad)
            raise DataError(
                f"{name!r} has values other than 0 and 1 in {bad.size} of {len(rows.y)} rows ({shown}).",
                "A bernoulli response is 0 or 1 (or True and False).",
                "For counts of successes write `y | trials(n)` with family='binomial'.",
            )
