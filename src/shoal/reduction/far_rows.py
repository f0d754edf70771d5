"""Rows that stay where they are, read part by part."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from shoal.tables.columns import convert

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw

ROWS_AT_ONCE = 500_000  # that are read here in one pass


@dataclass(frozen=True, eq=False)
class FarRows:
    """Rows of a source, in parts of whole levels.

    Attributes
    ----------
    frame : narwhals.stable.v2.LazyFrame
        The complete rows.
    engine : str
        Name of what holds them.
    files : tuple of str
        Parquet files that hold them; empty if others do.
    columns : tuple of str
        Those of the formula.
    levels : DataFrame
        Combinations of the columns that name levels, part after part.
    rows : (combinations,) array
    part : (combinations,) int array
    by : str
        The column whose range tells where the rows of a part are.
    """

    frame: nw.LazyFrame[Any]
    engine: str
    files: tuple[str, ...]
    columns: tuple[str, ...]
    levels: pd.DataFrame
    rows: np.ndarray
    part: np.ndarray
    by: str

    def __reduce__(self) -> tuple[Any, ...]:
        # Connections and files are of a process: what is sent elsewhere says that there were rows.
        return type(None), ()

    @property
    def sizes(self) -> np.ndarray:
        """Rows of each part."""
        return np.bincount(self.part, self.rows).astype(np.int64)

    def read(self) -> Iterator[tuple[int, pd.DataFrame]]:
        """Yield the rows of each part, read in passes of whole parts."""
        lookup, first, ends = Lookup(self.levels, self.part), 0, np.cumsum(self.sizes)
        while first < len(ends):
            before = ends[first - 1] if first else 0
            last = max(int(np.searchsorted(ends, before + ROWS_AT_ONCE, "right")), first + 1)
            found = lookup.split(self._read(first, last))
            yield from ((k, found[k]) for k in range(first, last))
            first = last

    def _read(self, first: int, last: int) -> pd.DataFrame:
        """Return the rows of parts `first` to `last`, and others in the range of their column."""
        import narwhals.stable.v2 as nw

        frame, own = self.frame.select(*self.columns), self.levels[self.by]
        if last - first <= self.part[-1]:
            here = own[(self.part >= first) & (self.part < last)]
            column = nw.col(self.by)
            if own.dtype.kind in "iuf" or own.dtype == object:
                frame = frame.filter((column >= here.min()) & (column <= here.max()))
            else:
                values = here.unique().tolist()
                if isinstance(own.dtype, pd.CategoricalDtype):
                    column, values = column.cast(nw.String), [str(value) for value in values]
                frame = frame.filter(column.is_in(values))
        return converted(frame.collect(), self.columns)


def converted(found: nw.DataFrame[Any], columns: tuple[str, ...]) -> pd.DataFrame:
    """Return columns that an engine gave, of the kinds of a table."""
    return pd.DataFrame({name: convert(name, found[name]) for name in columns})


class Lookup:
    """Which part a row is in.

    Parameters
    ----------
    levels : DataFrame
    part : array
    """

    def __init__(self, levels: pd.DataFrame, part: np.ndarray):
        self.names, self.part, self.known = list(levels), part, _index(levels)

    def split(self, frame: pd.DataFrame) -> Mapping[int, pd.DataFrame]:
        """Return the rows of each part, those of none left out."""
        where = self.known.get_indexer(_index(frame[self.names]))
        frame, part = frame[where >= 0], self.part[where[where >= 0]]
        order = np.argsort(part, kind="stable")
        own, starts = np.unique(part[order], return_index=True)
        pieces = np.split(order, starts[1:])
        return {int(k): frame.iloc[rows] for k, rows in zip(own, pieces, strict=True)} if len(own) else {}


def _index(levels: pd.DataFrame) -> pd.Index:
    """Return rows as labels, categories as what they are called."""
    columns = [
        column.astype(object) if isinstance(column.dtype, pd.CategoricalDtype) else column
        for _, column in levels.items()
    ]
    return pd.Index(columns[0]) if len(columns) == 1 else pd.MultiIndex.from_arrays(columns)
