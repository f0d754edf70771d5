"""Ordered categories reached one after the other: ``P(y = j | y >= j) = F(cutpoint[j] - eta)``.

The stopping ratio: a row goes through the categories from the lowest, and stops at each with a probability.
Links: logit, probit. Parameters: J - 1 cutpoints on the link's scale, in any order; no scalar ones. A larger
eta makes it likelier to go on. There is no Intercept: it would only move the cutpoints. Tutz (1990), Br. J.
Math. Statist. Psych. 43, 39-55; Bürkner and Vuorre (2019), Adv. Meth. Pract. Psych. Sci. 2, 77-101.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from shoal.families.base import Rows
from shoal.families.cumulative import INVERSE
from shoal.families.links import LINKS
from shoal.families.ordinal import Ordinal
from shoal.families.row_functions import RowFunction
from shoal.families.sequential_rows import SEQUENTIAL_ROWS


class StoppingRatio(Ordinal):
    """Ordered categories at each of which a row may stop."""

    name: ClassVar[str] = "sratio"
    links: ClassVar[tuple[str, ...]] = ("logit", "probit")
    row_functions: ClassVar[dict[str, RowFunction]] = SEQUENTIAL_ROWS

    def distribution(self, known_se: bool, se_sigma: bool) -> str:
        less = " - cs[i, j]" if self.specific else ""
        return f"StoppingRatio, P(y = j | y >= j) = {INVERSE[self.link]}(cutpoint[j] - eta{less})"

    def quantiles(self, rows: Rows) -> np.ndarray:
        counts = self.counts(rows)
        at_least = np.cumsum(counts[::-1])[::-1]
        return np.asarray(LINKS[self.link].apply((counts / at_least)[:-1]))

    def mean(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        # F(-x) = 1 - F(x) for both links.
        away = phi["cutpoints"] - np.asarray(eta)[..., None]
        stops, goes_on = (LINKS[self.link].inverse(side) for side in (away, -away))
        one = np.ones((*away.shape[:-1], 1))
        reached = np.concatenate([one, np.cumprod(goes_on, axis=-1)], axis=-1)
        return reached * np.concatenate([stops, one], axis=-1)
