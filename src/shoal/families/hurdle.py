"""What families with a hurdle share: 0 has a probability of its own, other values are as in another family.

A row says on which side it is, so the two parts have parameters apart: those of a Bernoulli variable, and
those of the rows beyond. Mullahy (1986), J. Econometrics 33, 341-365.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from shoal.errors import DataError
from shoal.families.base import Family, Rows
from shoal.families.special import inside_unit, log1p_fast
from shoal.families.support import only
from shoal.priors import Beta, Prior
from shoal.priors.compiled import inner


@inner
def two_sides(p: float) -> tuple[float, float, float, float, float]:
    """Return ``log p`` and its slope, ``log(1 - p)`` and its slope, and the Fisher information in p."""
    p = inside_unit(p)
    return math.log(p), 1 / p, log1p_fast(-p), -1 / (1 - p), 1 / (p * (1 - p))


class Hurdle(Family):
    """Base of families of 0 with a probability of its own, and otherwise of positive responses.

    Attributes
    ----------
    beyond : Family
        Of rows that are not 0, which it has none of or, for counts, is truncated at.
    probability : str
        The parameter that is the probability of 0.
    """

    beyond: ClassVar[Family]
    probability: ClassVar[str] = "hu"

    def parameters(self, known_se: bool, se_sigma: bool) -> tuple[str, ...]:
        return (*self.beyond.parameters(known_se, se_sigma), self.probability)

    def parameter_prior(self, name: str, rows: Rows) -> Prior:
        return (
            Beta(1.0, 1.0) if name == self.probability else self.beyond.parameter_prior(name, _beyond(rows))
        )

    def check(self, rows: Rows, name: str) -> None:
        zero = rows.y == 0
        if zero.all():
            raise DataError(
                "response-all-zero",
                f"{name!r} is 0 in all {len(rows.y)} rows.",
                "Some responses beyond 0, or eta has no data.",
            )
        if not zero.any():
            raise DataError(
                "response-without-zeros",
                f"{name!r} has no zero in {len(rows.y)} rows.",
                f"Zeros, or there is nothing that {self.probability} could be learnt from.",
                f"Use family={self.beyond.name!r}.",
            )

    def scale(self, rows: Rows) -> tuple[float, float]:
        return self.beyond.scale(_beyond(rows))

    def no_pooling_sd(self, rows: Rows) -> float:
        return self.beyond.no_pooling_sd(_beyond(rows))

    def log_constant(self, rows: Rows) -> np.ndarray:
        out = np.zeros(len(rows.y))
        there = np.asarray(rows.y) != 0
        out[there] = self.beyond.log_constant(only(rows, there))
        return out

    def start(self, rows: Rows) -> np.ndarray:
        # Zeros say nothing of eta.
        out = np.full(len(rows.y), self.scale(rows)[0])
        there = rows.y != 0
        out[there] = self.beyond.start(only(rows, there))
        return out

    def draw(self, rng: np.random.Generator, rows: Rows, eta: np.ndarray, phi: dict[str, Any]) -> np.ndarray:
        positive = self.draw_beyond(rng, rows, eta, phi)
        return np.where(rng.random(np.shape(eta)) < phi[self.probability], 0.0, positive)

    def draw_beyond(
        self, rng: np.random.Generator, rows: Rows, eta: np.ndarray, phi: dict[str, Any]
    ) -> np.ndarray:
        """Return simulated responses given that they are not 0."""
        return self.beyond.draw(rng, rows, eta, phi)

    def mean(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        return (1 - phi[self.probability]) * self.mean_beyond(rows, eta, phi)

    def mean_beyond(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        """Return the expected response given that it is not 0."""
        return self.beyond.mean(rows, eta, phi)

    def variance(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        some, mean = 1 - phi[self.probability], self.mean_beyond(rows, eta, phi)
        return some * (self.variance_beyond(rows, eta, phi) + (1 - some) * np.square(mean))

    def variance_beyond(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        """Return the variance of the response given that it is not 0."""
        return self.beyond.variance(rows, eta, phi)

    def residual_variance(self, rows: Rows, phi: dict[str, Any]) -> Any:
        return None


def _beyond(rows: Rows) -> Rows:
    """Return the rows beyond the hurdle; one half in all where there are none."""
    there = (rows.y != 0) & (rows.weight > 0)
    return only(rows, there) if there.any() else rows._replace(y=np.full(len(rows.y), 0.5))
