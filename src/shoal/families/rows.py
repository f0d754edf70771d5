"""Rows of a response as the density reads them."""

from __future__ import annotations

from typing import Any, NamedTuple

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
    known : (2, ...) array, optional
        Ends of the interval (a, b] that a censored response is known to lie in; equal where it is observed.
        Without it all responses are.
    bounds : (2, ...) array, optional
        Ends of the interval (a, b] that a response is truncated to. Without it none is.
    columns : (C, ...) array, optional
        What a row has beside `y`: further columns of the response, or those of ``vint`` and ``vreal``.
    """

    y: Any
    trials: Any
    weight: Any
    se: Any
    known: Any = None
    bounds: Any = None
    columns: Any = None

    def at(self, where: Any) -> Rows:
        """Return some of the rows."""
        first = (np.asarray(part)[where] for part in self[:4])
        return Rows(*first, *(None if part is None else part[:, where] for part in self[4:]))

    @property
    def observed(self) -> np.ndarray:
        """Whether the response itself is known, not only an interval around it."""
        if self.known is None:
            return np.ones(np.shape(self.y), bool)
        return self.known[0] == self.known[1]

    @property
    def exact(self) -> Rows:
        """The rows as their density counts: of weight 0 where an interval is all that is known."""
        weight = np.where(self.observed, self.weight, 0.0)
        return Rows(self.y, self.trials, weight, self.se, columns=self.columns)

    @property
    def width(self) -> int:
        """How many numbers a row function is given in `y` of each row."""
        return 1 if self.columns is None else 1 + len(self.columns)

    def read(self, count: int) -> tuple[np.ndarray, ...]:
        """Return `y`, `trials`, `weight` and `se` of `count` rows as a row function reads them.

        Further columns of a row stand in `y` behind the first one.
        """
        y, *others = (np.broadcast_to(np.asarray(part, float), count) for part in self.exact[:4])
        if self.columns is not None:
            y = np.column_stack([y, *(np.broadcast_to(column, count) for column in self.columns)]).ravel()
        return y, *others

    @property
    def intervals(self) -> np.ndarray:
        """What intervals add to the log density, (3 P, ...): of each of P, lower ends, upper ends, weights.

        A censored row has ``log P(a < y <= b)`` in place of its log density; a truncated one has that of its
        bounds taken from it.
        """
        weight = np.broadcast_to(self.weight, np.shape(self.y))
        parts = [] if self.known is None else [*self.known, np.where(self.observed, 0.0, weight)]
        parts += [] if self.bounds is None else [*self.bounds, -weight]
        return np.array(parts, float).reshape(len(parts), *np.shape(self.y))
