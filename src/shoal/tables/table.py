"""The table behind a model, and the checks of its names and values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from shoal.errors import DataError, listing, nearest
from shoal.tables.reduction import Reduction

if TYPE_CHECKING:
    import pandas as pd

LARGEST = 1e50  # of a number: computations square it, and divide it by another's reciprocal


@dataclass(frozen=True)
class Dropped:
    """Rows of a source that were left out because values were missing.

    Parameters
    ----------
    rows : tuple of int
        Their places in the source, from 0.
    of : int
        Rows of the source.
    columns : tuple of (str, int)
        Each column with missing values, and in how many rows; a row may lack several.
    unnumbered : int
        How many rows there are where the source does not number its rows, and `rows` is empty.
    """

    rows: tuple[int, ...]
    of: int
    columns: tuple[tuple[str, int], ...]
    unnumbered: int = 0

    @property
    def count(self) -> int:
        """How many rows were dropped."""
        return len(self.rows) or self.unnumbered

    def __str__(self) -> str:
        """Return how many rows were dropped, and for which columns, as a clause."""
        which = listing((f"{name!r} ({count:,})" for name, count in self.columns), 8)
        return f"{self.count:,} of {self.of:,} rows dropped, for missing values of {which}"


@dataclass(frozen=True, eq=False)
class Table:
    """The columns that a model needs, and the names of those it could have had.

    Parameters
    ----------
    frame : pandas.DataFrame
        Columns of the kinds that `shoal.tables` lists, rows labelled 0, 1, ….
    column_names : tuple of str
        All columns of the source, read or not.
    dropped : Dropped, optional
        Rows of the source that are not among those of `frame`.
    reduction : Reduction, optional
        Of a table that is not in memory: what the rows of `frame` stand for.
    """

    frame: pd.DataFrame
    column_names: tuple[str, ...]
    dropped: Dropped | None = None
    reduction: Reduction | None = None

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.frame)

    def select(self, names: Iterable[str]) -> Table:
        """Keep some columns.

        Parameters
        ----------
        names : iterable of str
            Columns to keep, in this order; a repeated name counts once.

        Returns
        -------
        Table

        Raises
        ------
        DataError
            A name is not a column, or is one that was not read.
        """
        names = known(names, self.column_names)
        if self.reduction is not None:
            return self  # it holds what its formula needs, under the names of terms
        unread = [name for name in names if name not in self.frame.columns]
        if unread:
            raise DataError(
                "column-not-read",
                f"Not read from the source: {listing(map(repr, unread))}.",
                remedy="Name every column that is needed when the table is read.",
            )
        return replace(self, frame=self.frame[names])

    def without_missing(self, names: Iterable[str]) -> Table:
        """Drop the rows in which one of some columns is missing; the others are numbered anew.

        Raises
        ------
        DataError
            If no row would be left.
        """
        missing = self.select(names).frame.isna()
        incomplete = missing.any(axis=1).to_numpy()
        if not incomplete.any():
            return self
        counts = tuple((str(name), int(count)) for name, count in missing.sum().items() if count)
        dropped = Dropped(tuple(np.flatnonzero(incomplete).tolist()), len(incomplete), counts)
        if incomplete.all():
            raise DataError("no-row-left", f"No row is left: {dropped}.", "Rows without missing values.")
        return replace(self, frame=self.frame[~incomplete].reset_index(drop=True), dropped=dropped)

    def check_complete(self, names: Iterable[str] | None = None) -> None:
        """Refuse missing and infinite values, numbers whose squares are none, and what no file can hold.

        Parameters
        ----------
        names : iterable of str, optional
            Columns to check; all that were read by default.

        Raises
        ------
        DataError
            Columns hold missing or infinite values; the message counts them for each, with the first rows.
        """
        frame = self.frame if names is None else self.select(names).frame
        check_storable(frame)
        check_sizes(frame)
        found = []
        for name, column in frame.items():
            missing = column.isna().to_numpy()
            infinite = np.isinf(column.to_numpy()) if column.dtype == np.float64 else np.zeros_like(missing)
            found += [f"Column {name!r}: {_count(missing, 'missing')}."] if missing.any() else []
            found += [f"Column {name!r}: {_count(infinite, 'infinite')}."] if infinite.any() else []
        if found:
            raise DataError(
                "missing-values",
                "\n".join(found),
                "Every value that the model uses must be present and finite.",
                "Impute them first, or leave these rows out by missing='drop' (no row is dropped unasked). "
                "Rows are counted from 0.",
            )


def check_sizes(frame: pd.DataFrame) -> None:
    """Raise `DataError` if a number of a column is so large that squares and products are no numbers."""
    for name, column in frame.items():
        values = column.to_numpy()
        if values.dtype != np.float64:
            continue
        bad = np.flatnonzero(np.isfinite(values) & (np.abs(values) > LARGEST))
        if bad.size:
            raise too_large(f"Column {name!r}", values, bad)


def too_large(what: str, values: np.ndarray, rows: np.ndarray) -> DataError:
    """Return the error for numbers beyond `LARGEST` in some rows."""
    shown = listing(f"row {i}: {values[i]:.3g}" for i in rows)
    return DataError(
        "numbers-too-large",
        f"{what} holds numbers beyond {LARGEST:g} in {len(rows)} of {len(values)} rows ({shown}).",
        "Numbers whose squares and products are numbers too.",
        "Measure it in another unit.",
    )


def check_names(names: Iterable[Any]) -> list[str]:
    """Return `names` as a list, or say which are not text or not unique."""
    names = list(names)
    strange = [name for name in names if not isinstance(name, str)]
    if strange:
        raise DataError(
            "column-name-not-text",
            f"Column names that are not text: {listing(map(repr, strange))}.",
            "A formula can only name columns by text.",
            "Rename them, for instance with frame.columns = [...].",
        )
    repeated = [name for name, times in Counter(names).items() if times > 1]
    if repeated:
        raise DataError(
            "repeated-column-name",
            f"Column names that stand for several columns: {listing(map(repr, repeated))}.",
            "Each name must be unique.",
            "Rename or drop the copies.",
        )
    return names


def check_storable(frame: pd.DataFrame) -> None:
    """Raise `DataError` if a column's name or its text cannot be written to a file."""
    import pandas as pd

    for name, column in frame.items():
        name = str(name)
        if name in (".", ".."):
            raise DataError(
                "column-name-with-slash",
                f"The column {name!r} is named like a folder, as no variable of a result file can be.",
                "Another name.",
                f"Rename it: data = data.rename(columns={{{name!r}: 'other'}}).",
            )
        labels = column.cat.categories if isinstance(column.dtype, pd.CategoricalDtype) else column.unique()
        check_text(name, [name, *labels.tolist()])


def check_text(name: str, labels: Iterable[Any]) -> None:
    """Raise `DataError` if text among the labels of a column is such as no file can hold."""
    texts = (label for label in labels if isinstance(label, str))
    bad = [
        text
        for text in dict.fromkeys(texts)
        if "\0" in text or any("\ud800" <= sign <= "\udfff" for sign in text)
    ]
    if bad:
        where = f"Column {name!r} has" if name else "Names of columns have"
        raise DataError(
            "text-not-storable",
            f"{where} null or halved characters in text: {listing(map(ascii, bad))}.",
            "Text in Unicode, as files hold it.",
            "Was the file read in another encoding than its own? Replace these characters.",
        )


class UnknownColumn(DataError):
    """Columns that a table does not have, by their names: who asked for them may show where."""

    def __init__(self, names: list[str], remedy: str):
        self.names = names
        found = f"The table has no column {listing(map(repr, names))}."
        super().__init__("unknown-column", found, remedy=remedy)

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.names, self.remedy), self.__dict__


def assigned(frame: pd.DataFrame, columns: Mapping[str, Any]) -> pd.DataFrame:
    """Return a table with some columns set, whatever their names: `DataFrame.assign` takes no ``self``."""
    out = frame.copy()
    for name, values in columns.items():
        out[name] = values
    return out


def known(wanted: Iterable[str], names: Iterable[str]) -> list[str]:
    """Return `wanted` without repetitions, or say which of `names` the unknown ones may mean."""
    wanted, names = list(dict.fromkeys(wanted)), list(names)
    if "." in wanted and "." not in names:
        raise _point(wanted, names)
    unknown = [name for name in wanted if name not in names]
    if unknown:
        remedies = [
            "An intercept is written 1, and is there unless 0 stands in its place."
            if name == "Intercept"
            else nearest(str(name), names)
            for name in unknown[:3]
        ]
        raise UnknownColumn(unknown, " ".join(dict.fromkeys(remedies)))
    return wanted


def _point(wanted: list[str], names: list[str]) -> DataError:
    """Return the error for ``y ~ .``, with what the point stands for in R."""
    others = [name if name.isidentifier() else f"`{name}`" for name in names if name not in wanted]
    return DataError(
        "point",
        "The formula has a point, which stands for all other columns in R.",
        "Columns were needed by their names: whether one is a predictor or a grouping factor is a choice.",
        f"In place of the point write this, without what is no predictor:\n    {' + '.join(others)}"
        if others
        else "There are no other columns: leave it out.",
    )


def _count(flags: np.ndarray, what: str) -> str:
    rows = np.flatnonzero(flags)
    return f"{len(rows)} {what} of {len(flags)} (row {listing(rows)})"
