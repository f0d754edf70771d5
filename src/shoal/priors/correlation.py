"""Priors of correlations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from shoal.errors import PriorError
from shoal.priors.base import Prior
from shoal.priors.compiled import PriorFunction
from shoal.priors.densities import partial_correlation_density


@dataclass(frozen=True)
class LKJ(Prior):
    """LKJ over correlation matrices, density proportional to ``det(R) ** (eta - 1)``.

    ``eta = 1`` is uniform; larger values favour small correlations. Lewandowski, Kurowicka and Joe
    (2009), J. Multivariate Analysis 100, 1989-2001: the canonical partial correlations of a C-vine are
    independent, which is how Shoal samples them (`PartialCorrelation`).
    """

    support: ClassVar[str] = "correlation"
    eta: float = 2.0

    def partial(self, size: int, column: int) -> PartialCorrelation:
        """Return the prior of a partial correlation in `column` (0-based) of a `size` × `size` factor."""
        return PartialCorrelation(self.eta + (size - 2 - column) / 2)

    @classmethod
    def log_density(cls, x: Any, *params: Any) -> np.ndarray:
        raise PriorError(
            "prior-of-several-numbers",
            "LKJ is a density over matrices.",
            "Use LKJ.partial for its scalar parts.",
        )

    def draw(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> np.ndarray:
        raise PriorError(
            "prior-of-several-numbers",
            "LKJ is a density over matrices.",
            "Use LKJ.partial for its scalar parts.",
        )


@dataclass(frozen=True)
class PartialCorrelation(Prior):
    """Beta(alpha, alpha) stretched to (-1, 1): one canonical partial correlation under LKJ."""

    support: ClassVar[str] = "correlation"
    density: ClassVar[PriorFunction] = partial_correlation_density
    alpha: float

    def draw(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> np.ndarray:
        return 2 * rng.beta(self.alpha, self.alpha, size) - 1
