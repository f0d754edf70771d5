"""Values of predictors at which a model is asked: grids of those that vary, typical values of the others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import product
from math import isfinite, prod
from typing import Any

import numpy as np
import pandas as pd

from shoal.errors import DataError, ModelError, check_choice, listing
from shoal.estimands.adjusted import Ask, Base, check_points, require_equal
from shoal.estimands.level_rules import is_several, known_value, names_levels
from shoal.estimands.predictions import check_integer
from shoal.model.design import Design
from shoal.tables import assigned

GRIDS = ("range", "quantiles")
MOST_POINTS = 10_000  # of a curve, at whose every point all draws are kept
FEW = 6  # distinct numbers of a column whose values tell curves apart: each has its own


@dataclass(frozen=True)
class Varied:
    """Columns that vary, each with its values in order.

    Attributes
    ----------
    values : dict
        Those along which predictions are made come first, then those that tell curves apart.
    between : frozenset of str
        The latter.
    numbers : frozenset of str
        Those along whose values a curve can be drawn.
    """

    values: dict[str, list[Any]]
    between: frozenset[str]
    numbers: frozenset[str]

    @property
    def count(self) -> int:
        """How many cases there are: they may be too many to be made."""
        return prod(map(len, self.values.values()))

    @property
    def cases(self) -> list[dict[str, Any]]:
        """Every combination of the values, curve by curve."""
        slow = sorted(self.values, key=lambda name: name not in self.between)  # a stable order
        each = (dict(zip(slow, own, strict=True)) for own in product(*(self.values[name] for name in slow)))
        return [{name: case[name] for name in self.values} for case in each]


def columns_in(given: Any, what: str) -> dict[str, Any]:
    """Return the columns that are named, with the values that are asked for, None where none are.

    Raises
    ------
    ModelError
        What is neither a name, nor several, nor a mapping from names to values.
    """
    names = [given] if isinstance(given, str) else given
    if isinstance(names, Mapping | Sequence) and names and all(isinstance(name, str) for name in names):
        plain = [unquoted(name) for name in names]
        if len(set(plain)) < len(plain):
            raise ModelError("column-twice", f"{what}={given!r} names a column twice.", "Each column once.")
        values = names.values() if isinstance(names, Mapping) else [None] * len(names)
        found = {c: None if v is None else listed(c, v) for c, v in zip(plain, values, strict=True)}
        if empty := [c for c, own in found.items() if own == []]:
            raise ModelError("no-values", f"{empty[0]!r} has no values.", "One value at least.")
        return found
    raise ModelError(
        "not-columns",
        f"{what}={given!r}.",
        "The name of a column, several names, or a mapping from names to values.",
    )


def unquoted(name: Any) -> Any:
    """Return a column's name without the backticks in which a formula writes it."""
    quoted = isinstance(name, str) and len(name) > 2 and name[0] == name[-1] == "`"
    return name[1:-1] if quoted else name


def held_columns(at: Any) -> dict[Any, Any]:
    """Return the columns that `at` holds by name, with their values."""
    return {unquoted(name): value for name, value in at.items()} if isinstance(at, Mapping) else {}


def listed(name: str, values: Any) -> list[Any]:
    """Return the values of a column, one or several: of any sequence of one dimension.

    Raises
    ------
    ModelError
        What has no order, or several dimensions.
    """
    found = list(values) if is_several(values) else [values]
    unordered = isinstance(values, Mapping | Set | pd.DataFrame)
    if unordered or any(is_several(value) for value in found):
        raise ModelError(
            "values-without-order",
            f"The values of {name!r} are {values!r}, of type {type(values).__name__}.",
            "One value, or several in an order: a list, a range, an array or a column of one dimension.",
        )
    return [value.item() if getattr(value, "ndim", None) == 0 else value for value in found]


def varied(
    ask: Ask, x: Mapping[str, Any], by: Mapping[str, Any], grid: str = "range", points: int = 50
) -> Varied:
    """Return the values that columns take: those given, or those of a grid.

    Parameters
    ----------
    x, by : mapping
        From columns to values, or None. Numbers of `x` without values take those of the grid, those of `by`
        their mean and a standard deviation to both sides; categories all that were fitted.
    grid : {"range", "quantiles"}
    points : int
        Of a grid; whole numbers of no more distinct values take each of them.
    """
    check_choice("grid", grid, GRIDS)
    check_points(ask, prod(len(given) for given in {**x, **by}.values() if given is not None))
    design, frame = ask.design, ask.frame
    categories, counting = ask.categories, frame[design.row_weight > 0]
    values: dict[str, list[Any]] = {}
    for name, given in {**x, **by}.items():
        if given is not None:
            values[name] = [value_in(design, frame, categories, name, value) for value in given]
        elif name in categories:
            values[name] = categories[name]
        elif name in x:
            values[name] = _along(_known(counting[name]), grid, points)
        else:
            values[name] = _beside(_known(counting[name]))
    return Varied(values, frozenset(by), frozenset(values) - set(categories))


def check_predictors(design: Design, names: Iterable[str]) -> None:
    """Raise if a column only names levels."""
    for name in names:
        if names_levels(design, name):
            raise ModelError(
                "factor-not-a-predictor",
                f"{name!r} is a grouping factor: its levels have effects, and are no predictor.",
                "A predictor.",
                f"by={name!r} has a curve for each level; fit.levels() has the levels' own coefficients.",
            )


def check_apart(
    design: Design, x: Iterable[str], by: Iterable[str], at: Mapping[str, Any], what: str = "x"
) -> None:
    """Raise if a column is set twice; new levels of a factor that predicts, too, stand beside its values."""
    varying = [*x, *by]
    for name in by:
        if varying.count(name) > 1:
            raise ModelError(
                "column-in-two-places", f"{name!r} is both in {what} and in `by`.", "One of the two."
            )
    for name, value in at.items():
        if name in varying and (value is not None or name not in design.predicting):
            where = "`by`" if name in by else what
            raise ModelError(
                "column-in-two-places", f"{name!r} is both in {where} and in `at`.", "One of the two."
            )


def value_in(design: Design, frame: pd.DataFrame, categories: dict[str, list], name: str, value: Any) -> Any:
    """Return a value that was given, as it stands in the table if it is a category or a level.

    Text that is how a category or a level is written names it: ``"1"`` is 1 of ``C(d)``.
    """
    value = known_value(design, frame, name, value)
    if name in categories:
        found = [own for own in categories[name] if own == value]
        found = found or [own for own in categories[name] if str(own) == str(value)]
        if not found:
            raise DataError(
                "unknown-category",
                f"{name!r} has no category {value!r}.",
                f"Known: {listing(map(repr, categories[name]), 10)}.",
            )
        return found[0]
    try:
        finite = isfinite(value)
    except (TypeError, OverflowError):
        finite = False
    if not finite:
        raise DataError(
            "value-not-a-number", f"{name!r} takes numbers, and {value!r} is none.", "Finite numbers."
        )
    return value if isinstance(value, int | float) else float(value)


def _known(column: pd.Series) -> np.ndarray:
    return column.dropna().to_numpy(float)


def _along(values: np.ndarray, grid: str, points: int) -> list[Any]:
    """Return values along a number's range, or its quantiles."""
    check_integer("points", points, 2, MOST_POINTS)
    distinct = np.unique(values)
    if len(distinct) <= points and np.array_equal(distinct, np.round(distinct)):
        return [int(value) for value in distinct]
    if grid == "quantiles":
        return np.unique(np.quantile(values, np.linspace(0, 1, points))).tolist()
    return np.linspace(distinct[0], distinct[-1], points).tolist()


def _beside(values: np.ndarray) -> list[Any]:
    """Return the values of a number that tells curves apart: all of few, else three."""
    distinct = np.unique(values)
    if len(distinct) <= FEW:
        whole = np.array_equal(distinct, np.round(distinct))
        return [int(value) if whole else float(value) for value in distinct]
    mean, sd = float(values.mean()), float(values.std())
    return [mean - sd, mean, mean + sd]


def typical_rows(ask: Ask) -> tuple[Base, dict[str, Any]]:
    """Return one row of typical values, or of few rows where levels are averaged over; and these values.

    Numbers have their mean over the observations, categories the one of most observations. Bounds of a
    truncated response are those of the first row.
    """
    require_equal(ask.results, "A typical row")
    frame, design, levels = ask.frame, ask.design, ask.levels
    weight = np.asarray(design.row_weight, float)
    categories = ask.categories
    predicting, typical = set(design.predicting), {}
    for name in map(str, frame):
        if name not in predicting or name in levels.held:
            continue
        column = frame[name]
        known = (weight > 0) & column.notna().to_numpy()
        if name in categories:
            counts = pd.Series(weight[known]).groupby(column[known].astype(object).to_numpy()).sum()
            typical[name] = max(categories[name], key=lambda own: counts.get(own, 0.0))
        else:
            typical[name] = float(np.average(column[known].to_numpy(float), weights=weight[known]))
    row = frame.iloc[[int(np.argmax(weight > 0))]]
    if not levels.combined:
        return Base(row.reset_index(drop=True), np.ones(1)), typical
    every = ask.results.model.table.frame[list(levels.combined)].drop_duplicates().reset_index(drop=True)
    rows = row.loc[row.index.repeat(len(every))].reset_index(drop=True)
    rows = assigned(rows, {str(name): every[name] for name in every})
    return Base(rows, np.ones(len(rows)), levels.combined), typical
