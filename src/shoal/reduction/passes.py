"""Passes over rows that stay where they are: sums over all of them, or by group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from shoal.tables.columns import convert

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw
    import pandas as pd

COUNT, WEIGHT = "n", "w"


class Totals(NamedTuple):
    """What a pass found of all rows: their number, sums, and the least and greatest of others."""

    rows: int
    sums: dict[Any, float]
    ends: dict[Any, tuple[float, float]]


@dataclass
class Passes:
    """The rows of a source, and what was asked of them so far.

    Attributes
    ----------
    frame : narwhals.stable.v2.LazyFrame
    engine : str
        Name of what holds the rows.
    made : int
        Passes.
    received : int
        Bytes that came here.
    """

    frame: nw.LazyFrame[Any]
    engine: str
    made: int = 0
    received: int = 0

    def total(self, sums: Mapping[Any, nw.Expr], ends: Mapping[Any, nw.Expr] | None = None) -> Totals:
        """Return the number of rows, sums of expressions, and the ends of others, NaN where there are none.

        What is summed is made first: sums of products inside an aggregation fail in Dask and pyarrow.
        """
        import narwhals.stable.v2 as nw

        ends = ends or {}
        made = {f"s{i}": value for i, value in enumerate(sums.values())}
        made |= {f"e{i}": value for i, value in enumerate(ends.values())}
        wanted = [nw.len().alias(COUNT), *(nw.col(f"s{i}").sum() for i in range(len(sums)))]
        for i in range(len(ends)):
            wanted += [nw.col(f"e{i}").min().alias(f"l{i}"), nw.col(f"e{i}").max().alias(f"u{i}")]
        found = self._collected(self.frame.select(**made).select(*wanted))
        return Totals(
            int(_number(found[COUNT])),
            {name: _number(found[f"s{i}"]) for i, name in enumerate(sums)},
            {name: (_number(found[f"l{i}"]), _number(found[f"u{i}"])) for i, name in enumerate(ends)},
        )

    def distinct(self, keys: Sequence[str]) -> int:
        """Return how many combinations of some columns there are."""
        import narwhals.stable.v2 as nw

        found = self._collected(self.frame.select(*keys).unique().select(nw.len().alias(COUNT)))
        return int(_number(found[COUNT]))

    def grouped(
        self,
        keys: Sequence[str],
        numbers: Mapping[str, nw.Expr],
        steps: Sequence[Mapping[str, nw.Expr]],
        sums: Sequence[str],
    ) -> nw.DataFrame[Any]:
        """Return the number of rows (the column ``n``) and sums by combination of columns.

        Parameters
        ----------
        keys : sequence of str
            Columns of the source, called ``k0``, ``k1``, … from here on.
        numbers : mapping
            Expressions of columns of the source.
        steps : sequence of mapping
            Expressions of what the steps before have made; each is computed once.
        sums : sequence of str
            What is summed, of `numbers` and of `steps`.
        """
        import narwhals.stable.v2 as nw

        named = {f"k{i}": nw.col(name) for i, name in enumerate(keys)} or {"k0": nw.lit(0)}
        frame = self.frame.select(**named, **numbers)
        for step in steps:
            frame = frame.with_columns(**step)
        wanted = [nw.len().alias(COUNT), *(nw.col(name).sum() for name in sums)]
        found = self._collected(frame.group_by(*named).agg(*wanted))
        # Of categories that pandas knows, Dask may list combinations that no row has.
        return found.filter(nw.col(COUNT) > 0)

    def keys_of(self, found: nw.DataFrame[Any], keys: Sequence[str]) -> pd.DataFrame:
        """Return the keys of groups as columns of their kinds in a table."""
        import pandas as pd

        columns = {name: convert(name, found[f"k{i}"]) for i, name in enumerate(keys)}
        return pd.DataFrame(columns, index=pd.RangeIndex(len(found)))

    def first(self, columns: Sequence[str], rows: int) -> nw.DataFrame[Any]:
        """Return the first rows."""
        found = self.frame.select(*columns).head(rows).collect()
        self.received += int(found.estimated_size())
        return found

    def _collected(self, frame: nw.LazyFrame[Any]) -> nw.DataFrame[Any]:
        found = frame.collect()
        self.made += 1
        self.received += int(found.estimated_size())
        return found


def _number(column: nw.Series[Any]) -> float:
    """Return the only number of a column, NaN if it is missing."""
    (value,) = column.to_list()
    return float("nan") if value is None else float(value)
