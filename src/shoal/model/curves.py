"""Curves as arrays: columns of a basis in each row, and what replays them on another table."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from shoal.errors import ShoalWarning
from shoal.formula.categories import numeric_column, to_categorical
from shoal.formula.evaluate import lookup
from shoal.formula.terms import CurveTerm
from shoal.model.bases.basis import Basis


@dataclass(frozen=True)
class Curve:
    """A function of predictors, or one for each level of a category, in the rows of one response.

    Attributes
    ----------
    term : CurveTerm
    basis : Basis
        Learnt once.
    levels : tuple
        Of the category after ``by=``; empty where there is none.
    x : (N, d) array
        The predictors.
    index : (N,) int array
        Level of each row; 0 where there are none.
    times : (N,) array
        What multiplies the curve: the numbers after ``by=``, or 1.
    prefix : str
        ``<response>_`` where a model has several responses.
    """

    term: CurveTerm
    basis: Basis
    levels: tuple[object, ...]
    x: np.ndarray
    index: np.ndarray
    times: np.ndarray
    prefix: str = ""

    @property
    def name(self) -> str:
        """As it is written, without options."""
        return self.term.name

    @property
    def copies(self) -> int:
        """Number of curves: one, or one for each level."""
        return max(len(self.levels), 1)

    @property
    def columns(self) -> np.ndarray:
        """Columns of the basis, times what multiplies them, (N, K); coefficients are a level's own."""
        return self.basis.columns(self.x) * self.times[:, None]

    @property
    def keys(self) -> tuple[np.ndarray, ...]:
        """Columns in which rows with the same value of the curve are alike."""
        return (*self.x.T, self.times, self.index)

    @property
    def population(self) -> np.ndarray:
        """Columns with coefficients of the population, (N, levels × P), level by level."""
        own = self.basis.population(self.x) * self.times[:, None]
        there = self.index[:, None] == np.arange(self.copies)
        return (there[:, :, None] * own[:, None, :]).reshape(len(own), -1)

    @property
    def population_names(self) -> tuple[str, ...]:
        """Names of these columns."""
        return tuple(f"{self.name}[{label}]" for label in self.labels(self.basis.linear))

    def labels(self, own: tuple[str, ...]) -> tuple[str, ...]:
        """Return labels of something that each level's curve has: the level's, then its own."""
        names = [str(level) for level in self.levels] or [""]
        return tuple(":".join(filter(None, (level, label))) for level in names for label in own)

    def at(self, rows: slice | np.ndarray) -> Curve:
        """Return the curve in some rows."""
        return replace(self, x=self.x[rows], index=self.index[rows], times=self.times[rows])

    def read(self, frame: pd.DataFrame, quiet: bool = False) -> Curve:
        """Return the curve in the rows of another table.

        Raises
        ------
        DataError
            Values that the basis or the levels do not know.
        """
        x = self.basis.read(self.term, frame)
        index, times = read_by(self.term, frame, self.levels)
        for words in {} if quiet else self.basis.outside(x).values():
            warnings.warn(f"{self.name}: {words}", ShoalWarning, stacklevel=2)
        return replace(self, x=x, index=index, times=times)


def read_by(
    term: CurveTerm, frame: pd.DataFrame, levels: tuple[object, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the level of each row, and what multiplies the curve there."""
    zero, one = np.zeros(len(frame), np.int64), np.ones(len(frame))
    if term.by is None:
        return zero, one
    series = lookup(frame, term.by)
    if not levels:
        return zero, numeric_column(series, term.by)
    return to_categorical(series, levels, term.by).codes.astype(np.int64), one
