"""Sets of cutpoints of an ordered response: one of all rows, or one for each item, ``thres(gr=item)``.

Items may have different numbers of categories, of which the lowest is the same. In the posterior and in
NumPy, where all sets stand in one array, an item of few categories has cutpoints `NEVER` in place of those
that it lacks: in every family its rows stop below them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from shoal.families import Family

NEVER = 1e10  # a cutpoint that no linear predictor reaches, and whose square is a number


@dataclass(frozen=True)
class Thresholds:
    """Which cutpoints the rows of an ordered response have.

    Attributes
    ----------
    counts : tuple of int
        Cutpoints of each of G sets, one less than its categories.
    index : (N,) int array
        The set of each row.
    column : str
        Whose labels name the sets; empty where there is one set, of all rows.
    labels : (G,) array
        Of the items.
    """

    counts: tuple[int, ...]
    index: np.ndarray
    column: str = ""
    labels: np.ndarray | None = None

    @property
    def factor(self) -> tuple[str, ...]:
        """The column whose labels name the sets, if there are several."""
        return (self.column,) if self.labels is not None else ()

    @property
    def names(self) -> tuple[str, ...]:
        """What stands behind the name of each set's prior."""
        return ("",) if self.labels is None else tuple(f"[{label}]" for label in self.labels.tolist())

    def at(self, rows: slice | np.ndarray) -> Thresholds:
        """Return the sets of some rows."""
        return replace(self, index=self.index[rows])

    def alone(self, number: int) -> Thresholds:
        """Return the sets of one row, which has this one."""
        return replace(self, index=np.array([number]))

    def columns(self, rows: slice | np.ndarray = slice(None)) -> np.ndarray:
        """Return for each set a column that is 1 in its rows, (M, G)."""
        return (self.index[rows][:, None] == np.arange(len(self.counts))).astype(float)

    def split(self, rows: np.ndarray) -> list[np.ndarray]:
        """Return for each set the positions, among some rows of the table, of those that have it."""
        return [np.flatnonzero(self.index[rows] == number) for number in range(len(self.counts))]

    def family(self, whole: Family, number: int) -> Family:
        """Return the family of a set's rows."""
        return whole.with_categories(range(self.counts[number] + 1))

    def joined(self, sets: Sequence[np.ndarray]) -> np.ndarray:
        """Return cutpoints of all sets, (..., C) each, as one array: (..., C) of one set, else (..., G, C).

        What a set lacks is `NEVER`.
        """
        if self.labels is None:
            return sets[0]
        out = np.full((*sets[0].shape[:-1], len(sets), max(self.counts)), NEVER)
        for number, own in enumerate(sets):
            out[..., number, : self.counts[number]] = own
        return out

    def parted(self, cutpoints: np.ndarray) -> list[np.ndarray]:
        """Return the cutpoints of each set: undo `joined`."""
        if self.labels is None:
            return [cutpoints]
        return [cutpoints[..., number, :count] for number, count in enumerate(self.counts)]

    def of_rows(self, cutpoints: np.ndarray) -> np.ndarray:
        """Return each row's cutpoints, (..., N, C), or (..., 1, C) where all rows share theirs.

        Parameters
        ----------
        cutpoints : (..., G, C) or, of one set, (..., C) array
        """
        values = np.asarray(cutpoints)
        return values[..., None, :] if self.labels is None else values[..., self.index, :]
