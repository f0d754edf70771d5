"""Sets of cutpoints read from a table: the items of ``thres(gr=item)``, and how many categories each has."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from shoal.errors import DataError, FormulaError, ModelError, counted, listing, meant
from shoal.families import Family, Rows
from shoal.formula import evaluate
from shoal.formula.formula import Formula
from shoal.formula.terms import Expression
from shoal.model import checks
from shoal.model.build_factors import read_levels
from shoal.model.thresholds import Thresholds


def thresholds_of(formula: Formula, frame: pd.DataFrame, family: Family, rows: Rows) -> Thresholds:
    """Return the sets of cutpoints of an ordered response, as the formula has them.

    An item has the categories up to the highest of its rows, or as many as ``thres(n, gr=item)`` says.

    Raises
    ------
    FormulaError
        If the items are no column.
    ModelError
        If levels of the items have an intercept, too.
    DataError
        If items are fractions, have one category, or do not reach the highest one, or if their numbers of
        cutpoints are not whole, or below what their rows have.
    """
    by, number = formula.response.thres_gr, formula.response.thres
    if by is None:
        return Thresholds((family.n_cutpoints,), np.zeros(len(rows.y), np.int64))
    name = _column(formula, by)
    _check_labels(name, frame[name])
    index, labels = read_levels((name,), frame)
    checks.levels(name, labels)
    _check_groups(formula, name)
    counting = rows.weight > 0
    if idle := labels[np.bincount(index[counting], minlength=len(labels)) == 0].tolist():
        raise DataError(
            "items-without-weight",
            f"All rows of {name!r} {listing(map(repr, idle))} have weight 0: nothing tells of cutpoints.",
            "A row that counts, of each item.",
            "Leave these rows out.",
        )
    highest = np.zeros(len(labels), np.int64)
    np.maximum.at(highest, index[counting], rows.y[counting].astype(np.int64))
    counts = highest if number is None else _given(number, frame, index, labels, highest, family)
    _check_counts(formula, family, name, labels, counts)
    return Thresholds(tuple(counts.tolist()), index, name, labels)


def replayed(thresholds: Thresholds, frame: pd.DataFrame) -> Thresholds:
    """Return the sets of the rows of another table.

    Raises
    ------
    DataError
        If an item was not fitted: it has no cutpoints.
    """
    if thresholds.labels is None:
        return replace(thresholds, index=np.zeros(len(frame), np.int64))
    known = pd.Index(thresholds.labels)
    values = frame[thresholds.column].to_numpy(dtype=object)
    index = known.get_indexer(pd.Index(values))
    if (index < 0).any():
        new = list(dict.fromkeys(values[index < 0].tolist()))
        raise DataError(
            "unknown-item",
            f"Column {thresholds.column!r} has {listing(map(repr, new))}, which the model was not fitted to.",
            f"One of {listing(map(repr, thresholds.labels.tolist()), 10)}: another item has no cutpoints.",
            meant(str(new[0]), map(str, thresholds.labels.tolist())),
        )
    return replace(thresholds, index=index.astype(np.int64))


def _column(formula: Formula, by: Expression) -> str:
    if by.is_column:
        return by.name
    raise FormulaError(
        "by-not-a-column",
        f"Found gr = {by.text}.",
        "The column that names the items.",
        formula=formula.text,
        span=by.span,
    )


def _check_groups(formula: Formula, name: str) -> None:
    """Raise if effects of items move what their own cutpoints say."""
    for term in formula.groups:
        if term.factor == (name,) and term.effects.text.startswith("1"):
            raise ModelError(
                "item-effect",
                f"Each {name!r} has cutpoints of its own, and an effect that moves all of them in "
                f"({term.effects.text} | {name}).",
                "One of the two.",
                f"Leave the intercept out, (0 + x | {name}), or thres(...), for one scale of all items.",
            )


def _check_labels(name: str, items: pd.Series) -> None:
    """Raise if items are numbers that name nothing."""
    if not pd.api.types.is_float_dtype(items):
        return
    values = items.to_numpy(float)
    bad = np.flatnonzero(values != np.round(values))
    if bad.size:
        raise DataError(
            "item-fractional",
            f"Column {name!r} is to name items, and holds fractions in {counted(bad.size, 'row')} "
            f"({listing(f'row {i}: {values[i]:g}' for i in bad)}).",
            "Text, a category, or whole numbers, a label an item.",
        )


def _given(
    number: Expression,
    frame: pd.DataFrame,
    index: np.ndarray,
    labels: np.ndarray,
    highest: np.ndarray,
    family: Family,
) -> np.ndarray:
    """Return the number of cutpoints that the formula gives each item."""
    columns = {name: frame[name].to_numpy() for name in number.columns or frame.columns[:1]}
    values = np.asarray(evaluate(number, columns))
    checks.numeric(number.text, values)
    values = np.broadcast_to(values.astype(float), index.shape)
    counts = np.zeros(len(labels))
    counts[index] = values
    varying = index[values != counts[index]]
    wrong = np.flatnonzero((counts != np.round(counts)) | (counts > family.n_cutpoints) | (counts < highest))
    for item in [*varying[:1], *wrong[:1]]:
        shown = listing(f"{value:g}" for value in dict.fromkeys(values[index == item].tolist()))
        raise DataError(
            "item-cutpoints",
            f"thres({number.text}, …) has {shown} as the number of cutpoints of the item {labels[item]!r}.",
            f"One whole number for each item, here from {highest[item]}, which its highest category needs, "
            f"to {family.n_cutpoints}, the cutpoints of all categories.",
        )
    return counts.astype(np.int64)


def _check_counts(
    formula: Formula, family: Family, name: str, labels: np.ndarray, counts: np.ndarray
) -> None:
    """Raise if an item has one category, or none has the highest."""
    value = formula.response.value.text
    if alone := labels[counts < 1].tolist():
        raise DataError(
            "item-of-one-category",
            f"All rows of {name!r} {listing(map(repr, alone))} have the lowest category of {value!r}: there "
            "is no cutpoint to estimate.",
            "At least two categories for each item.",
            f"Leave these rows out, or say how many cutpoints each item has: thres(n, gr={name}).",
        )
    if counts.max() < family.n_cutpoints:
        column = f"data[{value.strip('`')!r}]"
        raise DataError(
            "category-never-seen",
            f"{value!r} has {family.n_cutpoints + 1} categories, and no row of any {name!r} is above number "
            f"{counts.max() + 1} of them.",
            "An item that has the highest category.",
            f"Without those that nobody has, write this:\n    {column} = "
            f"{column}.cat.remove_unused_categories()",
        )
