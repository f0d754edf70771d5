"""What a response family must say about itself; nothing else in Shoal knows a family by name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, NamedTuple

import numpy as np


class Rows(NamedTuple):
    """Response rows as the density reads them; all arrays have one entry per (merged) row.

    Attributes
    ----------
    y : array
        Response; for counts of successes, their (weighted) sum.
    trials : array
        Number of trials, 1 where the family has none.
    weight : array
        Factor of the row's log density.
    se : array
        Known standard error, 0 where there is none.
    """

    y: Any
    trials: Any
    weight: Any
    se: Any


class Family(ABC):
    """Base of all families. Instances are stateless, hashable and compared by class.

    Attributes
    ----------
    name, link : str
        As the user writes and as printed.
    takes : frozenset of {"trials", "se"}
        Additions to the response that the family understands.
    requires : frozenset of str
        Those of them that it cannot do without.
    newton_steps : int
        Newton steps from `start` after which the conditional mode is close enough for efficient
        sampling (exactness never depends on it).
    linear_gaussian : bool
        The log density of a row is quadratic in the linear predictor: effects integrate out exactly.
    """

    name: ClassVar[str]
    link: ClassVar[str]
    takes: ClassVar[frozenset[str]] = frozenset()
    requires: ClassVar[frozenset[str]] = frozenset()
    newton_steps: ClassVar[int] = 5
    linear_gaussian: ClassVar[bool] = False

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    def __hash__(self) -> int:
        return hash(type(self))

    @abstractmethod
    def distribution(self, known_se: bool, se_sigma: bool) -> str:
        """Return the distribution of a row as printed, e.g. ``Normal(eta, sigma)``."""

    def parameters(self, known_se: bool, se_sigma: bool) -> tuple[str, ...]:
        """Names of the family's own parameters; all positive."""
        return ()

    @abstractmethod
    def check(self, rows: Rows, name: str) -> None:
        """Raise `DataError` if the response column `name` is outside the family's support."""

    @abstractmethod
    def scale(self, rows: Rows) -> tuple[float, float]:
        """Return a location and a scale of the response on the link's scale, for default priors."""

    @abstractmethod
    def no_pooling_sd(self, rows: Rows) -> float:
        """Return the sd of the fixed wide prior of level intercepts fitted without pooling."""

    @abstractmethod
    def log_density(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        """Return the log density of each row, weights included, up to `log_constant`."""

    @abstractmethod
    def score_curvature(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> tuple[Any, Any]:
        """Return the first derivative of `log_density` in `eta` and its (expected) negative second."""

    @abstractmethod
    def start(self, rows: Rows) -> Any:
        """Return a linear predictor near each row's own estimate, free of all parameters."""

    @abstractmethod
    def draw(self, rng: np.random.Generator, rows: Rows, eta: np.ndarray, phi: dict[str, Any]) -> np.ndarray:
        """Return simulated responses."""

    @abstractmethod
    def mean(self, eta: Any) -> Any:
        """Return the inverse link: the mean of one observation (of one trial)."""

    @abstractmethod
    def residual_variance(self, rows: Rows, phi: dict[str, Any]) -> Any:
        """Return the variance of a row around its linear predictor, on the link's scale."""

    def log_constant(self, rows: Rows) -> np.ndarray:
        """Return the part of each row's log density free of all parameters."""
        return np.zeros(len(rows.y))

    def merge(self, rows: Rows, index: np.ndarray, size: int) -> Rows | None:
        """Return the sufficient statistics of rows that share every predictor, or None if there are none.

        Parameters
        ----------
        index : (N,) int array
            Merged row of each row.
        size : int
            Number of merged rows.
        """
        return None

    def edges(self, rows: Rows) -> tuple[np.ndarray, np.ndarray]:
        """Return which rows sit at the lower and at the upper end of the response's range.

        At such a row the log density keeps rising as the linear predictor goes to minus or plus infinity.
        """
        nowhere = np.zeros(len(rows.y), bool)
        return nowhere, nowhere
