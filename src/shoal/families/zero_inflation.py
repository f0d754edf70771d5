"""What zero-inflated counts share: 0 with probability `zi`, else as another family, which may be 0, too."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from shoal.errors import DataError
from shoal.families.base import Family, Rows
from shoal.families.special import log1p_fast
from shoal.families.support import only
from shoal.priors import Beta, Prior
from shoal.priors.compiled import inner


@inner
def inflated_zero(zi: float, log_empty: float) -> tuple[float, float, float]:
    """Return what a zero says, where ``f(0) = exp(log_empty)`` is its probability in the other family.

    The log of ``zi + (1 - zi) f(0)``; the probability that a zero is not structural, by which the scores and
    slopes of log f(0) are multiplied; and the slope in zi, ``(1 - f(0)) / (zi + (1 - zi) f(0))``. The Fisher
    information in zi is that slope over ``1 - zi``.
    """
    rest = 1 - zi
    some = -math.expm1(log_empty)
    likely = rest * math.exp(log_empty)
    zero = zi + likely
    # From its complement where that is small: nothing cancels.
    value = log1p_fast(-rest * some) if rest * some < 0.5 else math.log(zero)
    return value, likely / zero, some / zero


class ZeroInflated(Family):
    """Base of zero-inflated families: the family of the other counts, and the share `zi` of structural zeros.

    Attributes
    ----------
    counts : Family
        Of rows that are not structural zeros.
    """

    counts: ClassVar[Family]

    def parameters(self, known_se: bool, se_sigma: bool) -> tuple[str, ...]:
        return (*self.counts.parameters(known_se, se_sigma), "zi")

    def parameter_prior(self, name: str, rows: Rows) -> Prior:
        return Beta(1.0, 1.0) if name == "zi" else self.counts.parameter_prior(name, rows)

    def check(self, rows: Rows, name: str) -> None:
        self.counts.check(rows, name)
        if not (rows.y == 0).any():
            raise DataError(
                "response-without-zeros",
                f"{name!r} has no zero in {len(rows.y)} rows.",
                "Zeros, or there is nothing to inflate.",
                f"Use family={self.counts.name!r}.",
            )

    def scale(self, rows: Rows) -> tuple[float, float]:
        # The zeros may be structural: of the other counts.
        there = (rows.y > 0) & (rows.weight > 0)
        return self.counts.scale(only(rows, there) if there.any() else rows)

    def no_pooling_sd(self, rows: Rows) -> float:
        return self.counts.no_pooling_sd(rows)

    def log_constant(self, rows: Rows) -> np.ndarray:
        return self.counts.log_constant(rows)

    def start(self, rows: Rows) -> np.ndarray:
        return self.counts.start(rows)

    def draw(self, rng: np.random.Generator, rows: Rows, eta: np.ndarray, phi: dict[str, Any]) -> np.ndarray:
        counts = self.counts.draw(rng, rows, eta, phi)
        return np.where(rng.random(np.shape(eta)) < phi["zi"], 0.0, counts)

    def mean(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        return (1 - phi["zi"]) * self.counts.mean(rows, eta, phi)

    def variance(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        mean, zi = self.counts.mean(rows, eta, phi), phi["zi"]
        return (1 - zi) * (self.counts.variance(rows, eta, phi) + zi * np.square(mean))

    def residual_variance(self, rows: Rows, phi: dict[str, Any]) -> Any:
        return None

    def edges(self, rows: Rows) -> tuple[np.ndarray, np.ndarray]:
        return self.counts.edges(rows)
