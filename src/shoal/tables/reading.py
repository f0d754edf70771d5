"""From any source to a `Table`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from shoal.errors import DataError, listing
from shoal.tables.columns import convert
from shoal.tables.files import read_file
from shoal.tables.table import Table, check_names, check_text, known

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw
    import pandas as pd


def read(source: Any, columns: Iterable[str] | None = None) -> Table:
    """Read a table from memory or from a file.

    Parameters
    ----------
    source : data frame, dict or path
        pandas, polars, Arrow or any other eager frame that narwhals knows; a dict of one-dimensional arrays
        of one length; or the path of a ``.csv`` file (comma, semicolon or tab), ``.parquet``, ``.arrow`` or
        ``.feather``.
    columns : iterable of str, optional
        Columns to read, in this order; all by default.

    Returns
    -------
    Table
        A copy: later changes to `source` do not reach it.

    Raises
    ------
    DataError
        The source cannot be read, is lazy, is empty, repeats a column name, lacks one of `columns`, or one of
        `columns` holds values of no single supported kind.
    """
    import pandas as pd

    names = None
    wanted = None if columns is None else list(columns)
    if isinstance(source, str | os.PathLike):
        if "://" in str(source):
            raise DataError(
                "no-data-file",
                f"{str(source)!r} is an address.",
                "A file on this machine, or a table.",
                f"Read it first: pandas.read_csv({str(source)!r}).",
            )
        # No column at all would lose the number of rows.
        source, names = read_file(Path(source), wanted or None)
    elif isinstance(source, Mapping):
        source = _from_mapping(source)
    frame = _eager(source)
    names = check_names(frame.columns if names is None else names)
    if not names or not len(frame):
        raise DataError(
            "empty-table",
            f"The table has {len(frame)} rows and {len(names)} columns.",
            "A model needs at least one of each.",
            "Check what was read or filtered before.",
        )
    chosen = names if wanted is None else known(wanted, names)
    converted = {name: _converted(name, frame[name]) for name in chosen}
    return Table(pd.DataFrame(converted, index=pd.RangeIndex(len(frame)), columns=chosen), tuple(names))


def _converted(name: str, column: nw.Series[Any]) -> pd.Series:
    try:
        return convert(name, column)
    except UnicodeEncodeError:  # pandas 2 asks categories for their bytes
        check_text(name, column.to_native().unique().tolist())
        raise


def _eager(source: Any) -> nw.DataFrame[Any]:
    import narwhals.stable.v2 as nw
    from narwhals.exceptions import DuplicateError

    try:
        frame = nw.from_native(source, pass_through=True)
    except DuplicateError as error:
        # pandas and Arrow, the two that allow it, list the names under different attributes.
        check_names(source.column_names if hasattr(source, "column_names") else source.columns)
        raise DataError("repeated-column-name", str(error)) from error
    if isinstance(frame, nw.LazyFrame):
        raise DataError(
            "lazy-table",
            f"The data are a lazy frame ({type(source).__module__}.{type(source).__qualname__}).",
            "The rows must be in memory, but for those of a `Model`.",
            "Collect it first: .collect() in polars, .df() in DuckDB, .compute() in Dask.",
        )
    if not isinstance(frame, nw.DataFrame):
        raise DataError(
            "not-a-table",
            f"The data are of type {type(source).__module__}.{type(source).__qualname__}.",
            "Needed: a pandas, polars or Arrow table, a dict of arrays, or the path of a file.",
            "pandas.DataFrame(data) makes a table of most things.",
        )
    return frame


def _from_mapping(source: Mapping[Any, Any]) -> pd.DataFrame:
    """Make a frame by position: pandas alone would align series by their labels and repeat single values."""
    import pandas as pd

    check_text("", [name for name in source if isinstance(name, str)])  # which pandas cannot hold
    flat = {name: value for name, value in source.items() if _is_column(value)}
    if len(flat) < len(source):
        raise DataError(
            "not-one-dimensional",
            f"Not one-dimensional: {listing(repr(name) for name in source if name not in flat)}.",
            "Every entry of a dict must be an array or list with one value per row.",
        )
    if len({len(value) for value in flat.values()}) > 1:
        lengths = listing(f"{name!r} has {len(value)}" for name, value in flat.items())
        raise DataError(
            "column-lengths",
            f"Columns of different lengths: {lengths}.",
            "Every column needs one value per row.",
        )
    return pd.DataFrame({name: _series(str(name), value) for name, value in flat.items()})


def _is_column(value: Any) -> bool:
    """Say whether a value of a mapping is one-dimensional; a ragged list, which NumPy refuses, is not."""
    try:
        return np.ndim(value) == 1
    except ValueError:
        return False


def _series(name: str, value: Any) -> pd.Series:
    import pandas as pd

    try:
        return pd.Series(value).reset_index(drop=True)
    except UnicodeEncodeError:
        check_text(name, value)
        raise
