"""What holds the rows: lazy frames of several engines, folders and patterns of Parquet files."""

from __future__ import annotations

import glob
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from shoal.errors import DataError, ModelError

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw

LARGE = 2_000_000  # rows of one Parquet file from which on it is not read into memory, if sums are enough
PATTERN = "*?["
TABLE_AS_TEXT = (
    '{"\n'  # signs of a table that was pasted, which is answered where tables are read, as addresses are
)
NAMES = {"duckdb": "DuckDB", "polars": "polars", "dask": "Dask", "pyspark": "Spark", "ibis": "Ibis"}


class Source(NamedTuple):
    """A table that is not in memory, the name of what holds it, and its Parquet files if there are any."""

    frame: nw.LazyFrame[Any]
    engine: str
    files: tuple[str, ...] = ()


def source_of(data: Any, summable: bool) -> Source | None:
    """Return the source behind what `Model` was given, or None if it is a table for memory.

    Parameters
    ----------
    data : object
        A lazy frame that narwhals knows, a pyarrow dataset, or a path: of a folder of Parquet files, a
        pattern such as ``rows/*.parquet``, or one large file.
    summable : bool
        Whether sums are all that the model needs of the rows. One file, however large, is read into memory
        otherwise.

    Raises
    ------
    DataError
        No file fits the pattern.
    ModelError
        DuckDB, which reads files, is not installed.
    """
    if isinstance(data, str | os.PathLike):
        files = _files(os.fspath(data), summable)
        if files is None:
            return None
        whole = tuple(str(Path(name).resolve()) for name in files)
        return Source(_lazy(_duckdb().read_parquet(files)), "DuckDB", whole)
    if type(data).__module__.startswith("pyarrow") and hasattr(data, "get_fragments"):
        return Source(_lazy(_duckdb().from_arrow(data)), "DuckDB")
    import narwhals.stable.v2 as nw

    module = type(data).__module__.split(".")[0].lstrip("_")
    if module not in NAMES and not isinstance(data, nw.LazyFrame):
        return None
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Dask support is moving", FutureWarning)  # narwhals is below 3 here
        frame = nw.from_native(data, pass_through=True)
    return Source(frame, NAMES.get(module, "a lazy frame")) if isinstance(frame, nw.LazyFrame) else None


def _files(path: str, summable: bool) -> list[str] | None:
    """Return the Parquet files that a path stands for, or None if it is a table for memory."""
    if os.path.isfile(path):  # False of texts that no file can be called
        large = summable and path.lower().endswith(".parquet") and _rows(path) > LARGE
        return [path] if large and _has_duckdb() else None
    folder = os.path.isdir(path)
    text = "://" in path or set(path) & set(TABLE_AS_TEXT)
    if not folder and (text or not any(sign in path for sign in PATTERN)):
        return None
    pattern = str(Path(glob.escape(path)) / "**" / "*.parquet") if folder else path
    files = sorted(name for name in glob.glob(pattern, recursive=True) if Path(name).is_file())
    others = [name for name in files if not name.lower().endswith(".parquet")]
    if folder and not files:
        found = f"{path!r} is a folder without Parquet files."
        raise DataError("no-data-file", found, "A file, or a folder of Parquet files.")
    if others:
        raise DataError(
            "not-parquet",
            f"{others[0]!r} is among the files of {path!r}.",
            "Parquet files, for tables that are not in memory.",
            "Write a pattern that ends in .parquet.",
        )
    if not files:
        raise DataError(
            "no-data-file",
            f"{path!r} fits no file.",
            "Parquet files, for tables that are not in memory.",
            f"Paths start from the working folder, {str(Path.cwd())!r}.",
        )
    return files


def _rows(path: str) -> int:
    import pyarrow.parquet

    try:
        return int(pyarrow.parquet.read_metadata(path).num_rows)
    except (OSError, ValueError):
        return 0  # it is read into memory, which says what is wrong with it


def _has_duckdb() -> bool:
    from importlib.util import find_spec

    return find_spec("duckdb") is not None


def _duckdb() -> Any:
    """Return a connection to an embedded DuckDB of its own."""
    if not _has_duckdb():
        raise ModelError(
            "package-missing",
            "DuckDB is not installed, which reads tables that are not in memory from their files.",
            "The extra `duckdb`.",
            "pip install 'shoal[duckdb]'; or pass a polars LazyFrame or a Dask DataFrame.",
        )
    import duckdb

    return duckdb.connect()


def _lazy(relation: Any) -> nw.LazyFrame[Any]:
    import narwhals.stable.v2 as nw

    return nw.from_native(relation)
