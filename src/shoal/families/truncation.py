"""Counts of at least one: distributions truncated at zero, for what is beyond a hurdle."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from shoal.families.base import Rows
from shoal.families.hurdle import Hurdle
from shoal.families.special import excess_series
from shoal.families.support import refuse_all_but_counts
from shoal.priors.compiled import inner


@inner
def truncated_mean_excess(mu: float) -> tuple[float, float]:
    """Return ``m - 1`` and ``mu - (m - 1)``, where m is the mean of Poisson counts above 0.

    It is ``mu / (1 - exp(-mu))``; neither cancels, however small or large mu is.
    """
    if mu < 0.1:
        excess = excess_series(mu)
        return excess, mu - excess
    g = mu * math.exp(-mu) / -math.expm1(-mu)
    return mu + g - 1, 1 - g


class TruncatedCounts(Hurdle):
    """Base of hurdle families of counts, whose rows beyond 0 are truncated at 0."""

    discrete: ClassVar[bool] = True

    def check(self, rows: Rows, name: str) -> None:
        refuse_all_but_counts(rows, name)
        super().check(rows, name)

    def start(self, rows: Rows) -> np.ndarray:
        # Near what makes the count the mean of those above 0; zeros say nothing of eta.
        return np.log(np.maximum(rows.y, 1) - 0.5)

    def variance_beyond(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        # With mean m and variance v of all counts, E(y^2 | y > 0) = (v + m^2) / P(y > 0).
        mean, beyond = self.beyond.mean(rows, eta, phi), self.mean_beyond(rows, eta, phi)
        return beyond * np.maximum(self.beyond.variance(rows, eta, phi) / mean + mean - beyond, 0.0)

    def edges(self, rows: Rows) -> tuple[np.ndarray, np.ndarray]:
        return rows.y == 1, np.zeros(len(rows.y), bool)


def first_event(rng: np.random.Generator, mu: np.ndarray) -> np.ndarray:
    """Return when the first event of a Poisson process of rate 1 happens, given that it does before mu."""
    return -np.log1p(rng.random(np.shape(mu)) * np.expm1(-mu))
