"""One column of any frame to one of the few kinds that `shoal.tables` lists."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from shoal.errors import DataError, listing
from shoal.tables.table import check_text

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw
    import pandas as pd

CATEGORIES = {"string", "integer", "floating", "boolean", "empty"}  # as pandas' infer_dtype calls them

EXACT = 2**53  # integers up to which floats tell all apart


def convert(name: str, column: nw.Series[Any]) -> pd.Series:
    """Copy a column into pandas.

    Parameters
    ----------
    name : str
        Its name, for messages.
    column : narwhals.stable.v2.Series

    Returns
    -------
    pandas.Series
        With row labels 0, 1, …; it shares no memory with `column`.

    Raises
    ------
    DataError
        The values are of no supported kind, or of several.
    """
    import narwhals.stable.v2 as nw
    import pandas as pd

    dtype, native = column.dtype, column.to_native()
    # Of pandas' object columns narwhals looks at the first values only.
    if dtype == nw.Object or (isinstance(native, pd.Series) and native.dtype == object):
        return _from_objects(name, column.to_list())
    if dtype in (nw.Categorical, nw.Enum):
        return pd.Series(_categorical(name, column))
    if dtype == nw.String:
        return _text(column.to_list())
    if dtype == nw.Boolean or dtype.is_numeric():
        return pd.Series(_numbers(name, column))
    if column.null_count() == len(column):
        return pd.Series(np.full(len(column), np.nan))
    if dtype in (nw.Date, nw.Datetime):
        raise _dates(name, column)
    if dtype == nw.Duration:
        raise _durations(name, column)
    kind = str(getattr(native, "dtype", dtype))
    if kind.startswith("Sparse"):
        raise _other_numbers(name, kind, "sparse.to_dense()")
    if kind.startswith("complex"):
        raise _other_numbers(name, kind, "to_numpy().real")
    raise _unsupported(name, kind)


def _numbers(name: str, column: nw.Series[Any]) -> np.ndarray:
    import narwhals.stable.v2 as nw

    if column.dtype.is_float() or column.dtype.is_decimal():
        return np.array(column.cast(nw.Float64).to_numpy(), dtype=np.float64)
    if column.null_count():
        if column.dtype.is_integer():
            _check_beside_gaps(name, column.drop_nulls().to_list())
        return np.array(column.cast(nw.Float64).to_numpy(), dtype=np.float64)
    if column.dtype == nw.Boolean:
        return np.array(column.to_numpy(), dtype=bool)
    return _integers(name, column.to_numpy())


def _integers(name: str, values: Any) -> np.ndarray:
    """Copy to int64, or to uint64 where only that holds the values; a float would merge large ids."""
    smallest, largest = (int(values.min()), int(values.max())) if len(values) else (0, 0)
    for kind in (np.int64, np.uint64):
        if np.iinfo(kind).min <= smallest and largest <= np.iinfo(kind).max:
            return np.array(values, dtype=kind)
    raise DataError(
        "numbers-too-large",
        f"Column {name!r} holds integers from {smallest} to {largest}.",
        "Integers must fit in 64 bits.",
        "Turn ids into text, and measurements into floats.",
    )


def _check_beside_gaps(name: str, values: list[int]) -> None:
    """Refuse integers beside missing values that floats, which stand for both, do not tell apart."""
    if large := [value for value in values if abs(value) > EXACT]:
        raise DataError(
            "numbers-too-large",
            f"Column {name!r} has integers such as {large[0]} beside missing values.",
            f"Integers of at most {EXACT}, where some are missing: they are kept as floats.",
            "Turn ids into text.",
        )


def _categorical(name: str, column: nw.Series[Any]) -> pd.Categorical:
    import narwhals.stable.v2 as nw
    import pandas as pd

    values = column.to_list()
    if column.dtype == nw.Categorical and column.implementation.is_polars():
        categories = sorted({value for value in values if value is not None})
    else:
        categories = list(dict.fromkeys(column.cat.get_categories().to_list()))
    if pd.api.types.infer_dtype(categories, skipna=False) not in CATEGORIES:
        raise _no_labels(name, categories)
    check_text(name, categories)  # which pandas cannot hold
    # Arrow keeps the flag in its own type; pandas' ordered categories are an Enum to narwhals.
    arrow_type = getattr(column.to_native(), "type", None)
    ordered = column.dtype == nw.Enum or getattr(arrow_type, "ordered", False)
    return pd.Categorical(values, categories=categories, ordered=ordered)


def _no_labels(name: str, categories: list[Any]) -> DataError:
    own = f"data[{name!r}]"
    return DataError(
        "column-type",
        f"Column {name!r} is categorical, and its categories are not of one supported kind: "
        f"{_kinds(categories)}.",
        "Categories are text, numbers or booleans.",
        f"To make text of them, in the same order, write this:\n    {own} = {own}.cat.rename_categories(str)",
    )


def _text(values: list[Any]) -> pd.Series:
    import pandas as pd

    text = pd.Series(values, dtype=object)
    return text.mask(text.isna(), None)


def _from_objects(name: str, values: list[Any]) -> pd.Series:
    """Convert Python objects by what they all are."""
    import pandas as pd

    column = pd.Series(values, dtype=object)
    present = column.dropna()
    kind = pd.api.types.infer_dtype(present, skipna=False)
    if kind == "string":
        return _text(values)
    if kind in ("integer", "boolean") and len(present) == len(column):
        whole = np.array(values, dtype=object if kind == "integer" else bool)
        return pd.Series(_integers(name, whole) if kind == "integer" else whole)
    if kind == "integer":
        _check_beside_gaps(name, present.tolist())
    if kind in ("integer", "boolean", "floating", "mixed-integer-float", "decimal", "empty"):
        return pd.Series(column.mask(column.isna(), np.nan).to_numpy(dtype=np.float64))
    raise _unsupported(name, _kinds(present.tolist()))


def _kinds(values: list[Any]) -> str:
    """Return how many values there are of each type, with some of them."""
    counts = Counter(type(value).__name__ for value in values)
    some = {k: dict.fromkeys(repr(v) for v in values if type(v).__name__ == k) for k in counts}
    return listing(f"{n} of type {kind} ({listing(some[kind], 3)})" for kind, n in counts.most_common())


def _dates(name: str, column: nw.Series[Any]) -> DataError:
    own = f"data[{name!r}]"
    days, text = f"{own} = ({own} - {own}.min()).dt.days", f"{own} = {own}.astype(str)"
    if column.implementation.is_polars():
        polars = f"pl.col({name!r})"
        days = f"data = data.with_columns(({polars} - {polars}.min()).dt.total_days())"
        text = f"data = data.with_columns({polars}.cast(pl.String))"
    return DataError(
        "dates",
        f"Column {name!r} holds dates, of type {column.dtype}.",
        "A predictor is a number, such as days since the first; a grouping factor may be text.",
        f"For a predictor write this:\n    {days}\nFor a grouping factor write this:\n    {text}",
    )


def _durations(name: str, column: nw.Series[Any]) -> DataError:
    own = f"data[{name!r}]"
    line = f"{own} = {own}.dt.total_seconds()"
    if column.implementation.is_polars():
        line = f"data = data.with_columns(pl.col({name!r}).dt.total_seconds())"
    return DataError(
        "durations",
        f"Column {name!r} holds durations, of type {column.dtype}.",
        "A duration is a number of some unit, such as seconds.",
        f"Write this:\n    {line}",
    )


def _other_numbers(name: str, kind: str, conversion: str) -> DataError:
    own = f"data[{name!r}]"
    return DataError(
        "column-type",
        f"Column {name!r} is of type {kind}.",
        "A column holds real numbers, one stored for each row.",
        f"Write this:\n    {own} = {own}.{conversion}",
    )


def _unsupported(name: str, kinds: str) -> DataError:
    return DataError(
        "column-type",
        f"Column {name!r} holds values that are not of one supported kind: {kinds}.",
        "A column holds numbers, text, booleans or categories.",
        "Turn it into numbers (a date into days, say), or into text to use its values as labels:\n"
        f"    data[{name!r}] = data[{name!r}].astype(str)",
    )
