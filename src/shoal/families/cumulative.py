"""Ordered categories 0 to J - 1: ``P(y <= j) = F(cutpoint[j] - eta)``.

Links: logit (proportional odds), probit. Parameters: the J - 1 increasing cutpoints, on the latent scale,
where one residual standard deviation is ``pi / sqrt(3)`` (logit) or 1 (probit); no scalar ones. A larger
eta makes higher categories likelier. There is no Intercept: it would only move the cutpoints. McCullagh
(1980), J. Roy. Statist. Soc. B 42, 109-142; with every link the log density is concave in eta.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from shoal.families.base import Rows
from shoal.families.cumulative_rows import CUMULATIVE_ROWS
from shoal.families.links import LINKS
from shoal.families.ordinal import Ordinal
from shoal.families.row_functions import RowFunction

INVERSE = {"logit": "expit", "probit": "Phi"}


class Cumulative(Ordinal):
    """Ordered categories cut from a latent variable around eta."""

    name: ClassVar[str] = "cumulative"
    links: ClassVar[tuple[str, ...]] = ("logit", "probit")
    ordered_cutpoints: ClassVar[bool] = True
    takes_specific: ClassVar[bool] = False
    row_functions: ClassVar[dict[str, RowFunction]] = CUMULATIVE_ROWS

    def distribution(self, known_se: bool, se_sigma: bool) -> str:
        return f"Cumulative, P(y <= j) = {INVERSE[self.link]}(cutpoint[j] - eta)"

    def quantiles(self, rows: Rows) -> np.ndarray:
        counts = self.counts(rows)
        return np.asarray(LINKS[self.link].apply(np.cumsum(counts)[:-1] / counts.sum()))

    def draw(self, rng: np.random.Generator, rows: Rows, eta: np.ndarray, phi: dict[str, Any]) -> np.ndarray:
        noise = rng.logistic if self.link == "logit" else rng.normal
        latent = np.asarray(eta) + noise(size=np.shape(eta))
        return (latent[..., None] > phi["cutpoints"]).sum(-1).astype(float)

    def mean(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        at_most = LINKS[self.link].inverse(phi["cutpoints"] - np.asarray(eta)[..., None])
        ends = (*at_most.shape[:-1], 1)
        return np.diff(np.concatenate([np.zeros(ends), at_most, np.ones(ends)], axis=-1), axis=-1)

    def residual_variance(self, rows: Rows, phi: dict[str, Any]) -> Any:
        # Of the latent variable: pi^2 / 3 (logit) or 1 (probit).
        return LINKS[self.link].variance
