"""Tables in files: CSV, Parquet, Arrow, Feather."""

from __future__ import annotations

import csv
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shoal.errors import DataError, listing
from shoal.tables.datasets import describe
from shoal.tables.table import check_names, known

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


def read_file(path: Path, columns: list[str] | None) -> tuple[Any, list[str]]:
    """Read some columns of a file.

    Parameters
    ----------
    path : pathlib.Path
        Ends in ``.csv``, ``.parquet``, ``.arrow`` or ``.feather``, in any case.
    columns : list of str or None
        None reads all.

    Returns
    -------
    frame : pandas.DataFrame or pyarrow.Table
        The columns that were asked for.
    names : list of str
        All columns of the file.

    Raises
    ------
    DataError
        The file is missing, of another kind, or cannot be read.
    """
    if not os.path.isfile(path):  # False of names that no file can have, at which Path.is_file() fails
        shown = str(path) if len(str(path)) <= SHOWN else f"{str(path)[:SHOWN]}…"
        found = f"{shown!r} is a folder." if os.path.isdir(path) else f"There is no file {shown!r}."
        if path.name in {dataset.name for dataset in describe()}:
            raise DataError(
                "no-data-file",
                found,
                f"{path.name!r} is a data set that comes with Shoal.",
                f"Write shoal.load_dataset({path.name!r}) in place of the name.",
            )
        raise DataError(
            "no-data-file", found, remedy=f"Paths start from the working folder, {str(Path.cwd())!r}."
        )
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise DataError(
            "data-file-ending",
            f"The file {path.name!r} ends in {path.suffix!r}.",
            f"Shoal reads {listing(_READERS)}.",
            "Read it with pandas or polars, and pass the table.",
        )
    try:
        return reader(path, columns)
    # What the three readers raise for a broken file (pandas warns of ragged rows, as an error here); a
    # DataError passes.
    except (OSError, ValueError, NotImplementedError, csv.Error, Warning) as error:
        raise DataError(
            "data-file-unreadable",
            f"The file {path.name!r} cannot be read: {_said(error)}",
            f"It must be a whole {path.suffix.lower()} file{_NEEDS.get(path.suffix.lower(), '')}.",
            "Write it again, or read it with pandas or polars and pass the table.",
        ) from error


def _said(error: Exception) -> str:
    """Return what a reader said, in one sentence without the name of its part that said it."""
    words = " ".join(str(error).split()).removeprefix("Error tokenizing data. ").removeprefix("C error: ")
    return f"{words.rstrip('.')}."


def _read_csv(path: Path, columns: list[str] | None) -> tuple[pd.DataFrame, list[str]]:
    import pandas as pd

    separator, header = _header(path)
    # pandas would rename copies to x.1, x.2; an empty name is common (row names, trailing separators).
    names = check_names(name or f"Unnamed: {i}" for i, name in enumerate(header))
    with warnings.catch_warnings():
        # A row with more fields than names would lose the last ones. pandas only says so when it reads every
        # column, so all are read, and the others left behind.
        warnings.simplefilter("error", pd.errors.ParserWarning)
        frame = pd.read_csv(
            path,
            sep=separator,
            names=names,
            header=0,
            index_col=False,
            encoding="utf-8-sig",
            low_memory=False,
            **_exactly(pd.__version__),
        )
    if columns is not None:
        frame = frame[known(columns, names)]
    if separator == ";":
        _refuse_decimal_commas(frame)
    return frame, names


def _header(path: Path) -> tuple[str, list[str]]:
    """Return the separator that splits the first line into most names, and the names."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        line = next((line for line in file if line.strip()), "")
    if not line:
        raise DataError(
            "data-file-empty",
            f"The file {path.name!r} is empty.",
            "It must start with a line of column names.",
        )
    headers = {separator: next(csv.reader([line], delimiter=separator)) for separator in ",;\t"}
    separator = max(headers, key=lambda separator: len(headers[separator]))
    return separator, headers[separator]


def _refuse_decimal_commas(frame: pd.DataFrame) -> None:
    """Refuse 1,5 for 1.5: as text, it would become a factor with one level per number."""
    for name in frame.columns:
        values = frame[name].dropna()
        # Only columns that pandas left as text can hold commas.
        if len(values) and isinstance(values.iloc[0], str) and values.str.fullmatch(r"\s*-?\d+,\d+\s*").all():
            raise DataError(
                "decimal-comma",
                f"Column {name!r} holds numbers with a decimal comma, such as {values.iloc[0]!r}.",
                "Numbers need a decimal point.",
                "Read the file with pandas.read_csv(path, sep=';', decimal=',') and pass the table.",
            )


def _exactly(version: str) -> dict[str, Any]:
    """Return what makes pandas read numbers to the last digit: of itself from 3.1 on, where asking warns."""
    major, minor, *_ = version.split(".")
    return {"float_precision": "round_trip"} if (int(major), int(minor)) < (3, 1) else {}


def _read_parquet(path: Path, columns: list[str] | None) -> tuple[pa.Table, list[str]]:
    import pyarrow.parquet

    with pyarrow.parquet.ParquetFile(path) as file:
        names = check_names(file.schema_arrow.names)
        return file.read(columns=None if columns is None else known(columns, names)), names


def _read_arrow(path: Path, columns: list[str] | None) -> tuple[pa.Table, list[str]]:
    """Read an Arrow file (Feather is one), or a stream that was saved under that name."""
    import pyarrow.ipc

    with pyarrow.OSFile(str(path)) as file:
        try:
            table = pyarrow.ipc.open_file(file).read_all()
        except pyarrow.ArrowInvalid:
            file.seek(0)
            table = pyarrow.ipc.open_stream(file).read_all()
    names = check_names(table.column_names)
    return table if columns is None else table.select(known(columns, names)), names


_READERS: dict[str, Callable[[Path, list[str] | None], tuple[Any, list[str]]]] = {
    ".csv": _read_csv,
    ".parquet": _read_parquet,
    ".arrow": _read_arrow,
    ".feather": _read_arrow,
}
SHOWN = 200  # characters of a name
_NEEDS = {".csv": " in UTF-8, with as many fields in each row as there are names in the first"}
