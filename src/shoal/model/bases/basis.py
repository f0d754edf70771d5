"""What every basis has: columns at any values of its predictors, learnt once from a table."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import numpy as np

from shoal.errors import DataError, counted, listing

if TYPE_CHECKING:
    import pandas as pd

    from shoal.formula.terms import CurveTerm


class Basis(ABC):
    """Columns of a curve, as functions of d predictors.

    Attributes
    ----------
    linear : tuple of str
        Names of the columns that are population columns.
    size : int
        Number of the other columns, K.
    """

    @property
    @abstractmethod
    def size(self) -> int:
        """Number of columns whose coefficients are the curve's own."""

    @property
    def linear(self) -> tuple[str, ...]:
        """Names of the columns whose coefficients are the population's."""
        return ()

    @abstractmethod
    def read(self, term: CurveTerm, frame: pd.DataFrame) -> np.ndarray:
        """Return the predictors of a table's rows as numbers, (N, d)."""

    @abstractmethod
    def columns(self, x: np.ndarray) -> np.ndarray:
        """Return the columns at some values (N, d) of the predictors, (N, K)."""

    def population(self, x: np.ndarray) -> np.ndarray:
        """Return the population's columns, (N, P)."""
        return np.zeros((len(x), 0))

    def outside(self, x: np.ndarray) -> dict[int, str]:
        """Return, by predictor, what is to be said of values (N, d) beyond those that were learnt."""
        return {}


def beyond(name: str, x: np.ndarray, low: float, high: float) -> str:
    """Return how many values lie outside a range, and where; empty if none does."""
    outside = np.flatnonzero((x < low) | (x > high))
    if not outside.size:
        return ""
    where = listing(f"row {i}: {x[i]:.6g}" for i in outside)
    return (
        f"{name} was fitted from {low:.6g} to {high:.6g}; {outside.size:,} of {counted(len(x), 'row')} "
        f"{'is' if outside.size == 1 else 'are'} outside ({where})"
    )


def require_distinct(curve: str, name: str, x: np.ndarray, least: int, option: str, remedy: str) -> None:
    """Raise if a predictor has fewer distinct values than a basis needs.

    Raises
    ------
    DataError
    """
    distinct = len(np.unique(x))
    if distinct < least:
        raise DataError(
            "basis-size",
            f"{curve} has {option}, and {name} {counted(distinct, 'distinct value')}.",
            "At least as many distinct values as basis functions.",
            remedy,
        )
