"""What families of proportions with both ends share: 0 and 1 have probabilities, shares between are beta."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from shoal.errors import DataError
from shoal.families.base import Family, Rows
from shoal.families.beta import Beta
from shoal.families.support import article, only, refuse_all_but_shares

BETWEEN = Beta()


class ProportionsWithEnds(Family):
    """Base of families of responses from 0 to 1, both included."""

    links: ClassVar[tuple[str, ...]] = ("logit",)
    newton_steps: ClassVar[int] = 8

    def check(self, rows: Rows, name: str) -> None:
        refuse_all_but_shares(rows, name, f"{article(self.name)} response is a proportion from 0 to 1.")
        ends = at_an_end(rows)
        if ends.all():
            raise DataError(
                "response-all-ends",
                f"{name!r} is 0 or 1 in all {len(rows.y)} rows.",
                "Some responses between them, or phi has no data.",
                "Use family='bernoulli'.",
            )
        if not ends.any():
            raise DataError(
                "response-without-ends",
                f"{name!r} is neither 0 nor 1 in any of {len(rows.y)} rows.",
                "Responses at the ends, or their probabilities have no data.",
                "Use family='beta'.",
            )

    def no_pooling_sd(self, rows: Rows) -> float:
        return BETWEEN.no_pooling_sd(rows)

    def log_constant(self, rows: Rows) -> np.ndarray:
        out = np.zeros(len(rows.y))
        there = ~at_an_end(rows)
        out[there] = BETWEEN.log_constant(only(rows, there))
        return out

    def start(self, rows: Rows) -> np.ndarray:
        return BETWEEN.start(rows)

    def residual_variance(self, rows: Rows, phi: dict[str, Any]) -> Any:
        return None


def at_an_end(rows: Rows) -> np.ndarray:
    """Return which rows are exactly 0 or 1."""
    return (rows.y == 0) | (rows.y == 1)
