"""Predictors with unknown values, as the rows of a response have them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from shoal.formula.terms import ImputedTerm


@dataclass(frozen=True)
class Imputed:
    """A predictor ``mi(x)`` in the rows of one linear predictor.

    Attributes
    ----------
    term : ImputedTerm
    values : (N,) array
        Those that are known, 0 for others.
    index : (N,) int array
        Place of each row among those whose value is unknown, -1 where it is known.
    prefix : str
        Of the linear predictor.
    of : str
        Prefix of the response that x is.
    """

    term: ImputedTerm
    values: np.ndarray
    index: np.ndarray
    prefix: str
    of: str

    @property
    def name(self) -> str:
        """Posterior name of the coefficient."""
        return f"{self.prefix}{self.term.name}"

    @property
    def unknown(self) -> str:
        """Posterior name of the unknown values."""
        return f"{self.of}unknown"

    @property
    def spread(self) -> float:
        """Standard deviation of the known values; 1 of fewer than two."""
        known = self.values[self.index < 0]
        return float(np.std(known)) or 1.0 if len(known) > 1 else 1.0

    def at(self, rows: slice | np.ndarray) -> Imputed:
        """Return the predictor in some rows."""
        return replace(self, values=self.values[rows], index=self.index[rows])

    def read(self, frame: pd.DataFrame) -> Imputed:
        """Return the predictor in the rows of another table, where all of its values are known."""
        values = frame[self.term.column].to_numpy(float)
        return replace(self, values=values, index=np.full(len(values), -1))
