"""Columns of a frame as categories or as numbers: which of the two they are, and which levels they have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shoal.errors import DataError, counted, listing, meant
from shoal.formula.text_values import conversion, numbers_or_dates
from shoal.formula.tree import quote

if TYPE_CHECKING:
    import pandas as pd

_NUMBERS = {"integer", "floating", "mixed-integer-float", "decimal", "boolean", "empty"}


def is_category(series: pd.Series, name: str) -> bool:
    """Whether a column is a category when it is named alone: strings and pandas categoricals are.

    Raises
    ------
    DataError
        If the column is neither numbers nor a category: dates, or a mixture of strings and numbers.
    """
    import pandas as pd

    if getattr(series, "ndim", 1) != 1:
        raise DataError(
            "repeated-column-name",
            f"The table has several columns named {name!r}.",
            "One was needed.",
            "Rename or remove the others.",
        )
    if isinstance(series.dtype, pd.CategoricalDtype):
        return True
    if pd.api.types.is_bool_dtype(series.dtype) or pd.api.types.is_any_real_numeric_dtype(series.dtype):
        return False
    kind = pd.api.types.infer_dtype(series, skipna=True)
    if kind == "string" or kind in _NUMBERS:
        return kind == "string"
    raise DataError(
        "column-type",
        f"Column {name!r} is of type {series.dtype} and holds {kind} values.",
        "A column of numbers, of True and False, or a category (strings) was needed.",
        "Convert it: to numbers, or to strings to use it as a category.",
    )


def numeric_column(series: pd.Series, name: str) -> np.ndarray:
    """Return a column as a finite float64 array of shape (N,).

    Raises
    ------
    DataError
        If it is a category, or has missing values.
    """
    if is_category(series, name):
        kind, others = _no_category(series)
        raise DataError(
            "not-numbers",
            f"Column {name!r} holds categories, of type {series.dtype}.",
            "Numbers were needed, by the formula or because the model was made with numbers.",
            conversion(name, kind, others) if kind else "Convert the column to numbers.",
        )
    require_complete(series, name)
    return np.asarray(series.to_numpy(dtype=np.float64), dtype=np.float64)


def levels_of(series: pd.Series, name: str, wanted: list | None = None) -> tuple:
    """Return the levels of a category: `wanted`, or those that occur, sorted; categoricals keep their order.

    Raises
    ------
    DataError
        If there are fewer than two levels, or values are missing.
    """
    import pandas as pd

    is_category(series, name)
    require_complete(series, name)
    levels = tuple(wanted or pd.Categorical(series).remove_unused_categories().categories.tolist())
    if len(levels) < 2:
        raise DataError(
            "one-level",
            f"Column {name!r} has one level, {listing(map(repr, levels))}."
            if levels
            else f"Column {name!r} has no rows.",
            "A category needs at least two levels to have an effect.",
            "Remove it from the formula.",
        )
    return levels


def require_category(series: pd.Series, name: str) -> None:
    """Refuse text that holds numbers or dates; a pandas categorical, or ``C(x)``, is meant as it is.

    Raises
    ------
    DataError
        With the line that converts the column.
    """
    values = series.dropna().unique().tolist()
    kind, others = _no_category(series)
    if kind:
        besides = f", beside {listing(map(repr, others))}" if others else ""
        raise DataError(
            "text-of-numbers",
            f"Column {name!r} is text that holds {kind} ({listing(map(repr, values), 3)}){besides}.",
            f"As a category it would have {counted(len(values) - 1, 'coefficient')}. Numbers were needed; if "
            f"it is a category all the same, write C({quote(name)}) in the formula.",
            conversion(name, kind, others),
        )


def _no_category(series: pd.Series) -> tuple[str, list[str]]:
    """Return what a column of text holds that is no category, as `numbers_or_dates` does."""
    import pandas as pd

    if isinstance(series.dtype, pd.CategoricalDtype):
        return "", []
    return numbers_or_dates(series.dropna().unique().tolist())


def require_level(base: object, levels: tuple, name: str) -> None:
    """Raise if the base of treatment contrasts is no level; patsy lets a number count them from 0."""
    if base in levels:
        return
    counted = levels[base] if type(base) is int and 0 <= base < len(levels) else None
    raise DataError(
        "unknown-base",
        f"The base {base!r} is no level of {name!r}.",
        f"Levels: {listing(map(repr, levels), limit=10)}.",
        f"Write C({quote(name)}, contr.treatment({counted!r}))."
        if isinstance(counted, str | int)
        else meant(str(base), map(str, levels)),
    )


def to_categorical(series: pd.Series, levels: tuple, name: str) -> pd.Categorical:
    """Return a column as a categorical with exactly `levels`.

    Raises
    ------
    DataError
        If it holds a value that is not among the levels, or missing values.
    """
    import pandas as pd

    is_category(series, name)
    require_complete(series, name)
    known = set(levels)
    unseen = [value for value in series.unique().tolist() if value not in known]
    if unseen:
        raise DataError(
            "unknown-category",
            f"Column {name!r} has levels that the model does not know: {listing(map(repr, unseen))}.",
            f"Known levels: {listing(map(repr, levels), limit=10)}.",
            "Correct these rows or leave them out; an unknown level has no coefficient.",
        )
    # as objects: recoding a categorical to fewer categories is deprecated in pandas
    return pd.Categorical(series.to_numpy(dtype=object), categories=list(levels))


def require_complete(series: pd.Series, name: str) -> None:
    """Raise a DataError that counts the missing values, if there are any."""
    missing = int(series.isna().sum())
    if missing:
        raise DataError(
            "missing-values",
            f"Column {name!r} has {missing:,} missing values in {len(series):,} rows.",
            "Complete columns were needed.",
            "Remove or fill these rows; none is dropped silently.",
        )
