"""Sums over the rows of each group, of numbers that the engine makes, and the points that stand for them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from operator import mul
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from shoal.errors import DataError
from shoal.formula.categories import numeric_column
from shoal.formula.functions import STANDARDISING
from shoal.formula.options import bind
from shoal.formula.tree import columns_of
from shoal.model.checks.response import LARGEST_WEIGHT
from shoal.reduction.expressions import as_expression
from shoal.reduction.passes import COUNT, WEIGHT, Passes, Totals
from shoal.reduction.points import Points, Sums, points_of
from shoal.reduction.roles import Product, Roles
from shoal.tables.table import LARGEST

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw

WEIGHTS = ("weights",)  # among what a pass finds, where columns are called by their names


class Measured(NamedTuple):
    """What sums are made of, as expressions of the columns of a source.

    Attributes
    ----------
    values : dict
        Numbers, called ``u0``, ``u1``, …, each measured from its average: close to it, no digits are lost in
        squares. The weights, if there are any, are called ``w``.
    center : (d,) array
    """

    values: dict[str, nw.Expr]
    center: np.ndarray


def states_of(passes: Passes, roles: Roles) -> dict[str, dict[str, Any]]:
    """Return what ``center(x)`` and ``scale(x)`` learn from all rows, as formulaic keeps it."""
    if not roles.standardised:
        return {}
    inner = {text: as_expression(call.arguments[0], {}) for text, call in roles.standardised.items()}
    first = passes.total(inner)
    rows, near = first.rows, {text: first.sums[text] / first.rows for text in inner}
    # From near the mean, so that neither the mean nor the squares lose digits of large numbers.
    away = {text: inner[text] - near[text] for text in inner}
    squared = {("squared", text): value**2 for text, value in away.items()}
    second = passes.total({**away, **squared}).sums
    states = {}
    for text, call in roles.standardised.items():
        given: dict[str, Any] = {"center": True, "scale": call.function == "scale", "ddof": 1}
        given |= bind(call, STANDARDISING[call.function])
        mean, squares = near[text] + second[text] / rows, second["squared", text]
        middle = mean if given["center"] is True else None if given["center"] is False else given["center"]
        # The sum of squares around what is subtracted, which need not be the mean.
        squares += rows * (near[text] - (middle or 0.0)) * (2 * mean - near[text] - (middle or 0.0))
        free = rows - given["ddof"]
        sd = float(np.sqrt(squares / free)) if free > 0 else np.nan
        size = sd if given["scale"] is True else given["scale"]
        states[text] = {
            "ddof": given["ddof"],
            "center": None if middle is None else float(middle),
            "scale": None if size is False else float(size),
        }
    return states


def check_numbers(roles: Roles, sample: pd.DataFrame) -> None:
    """Raise if a number is to be made of a column that holds none.

    Raises
    ------
    DataError
    """
    factors = [factor for product in roles.numbers.values() for factor in product]
    factors += [*roles.standardised.values(), *([] if roles.weights is None else [roles.weights])]
    for name in dict.fromkeys(column for factor in factors for column in columns_of(factor)):
        numeric_column(sample[name], name)


def measured_of(passes: Passes, roles: Roles, states: Mapping[str, Any]) -> Measured:
    """Return what sums are made of, from the averages of all rows.

    Raises
    ------
    DataError
        Results that are infinite or undefined; weights that no rows can have.
    """
    import narwhals.stable.v2 as nw

    values = {name: _product(product, states) for name, product in roles.numbers.items()}
    if not values:
        return Measured({}, np.zeros(0))
    bad = {
        ("bad", name): nw.when(value.abs() <= LARGEST).then(nw.lit(0.0)).otherwise(nw.lit(1.0))
        for name, value in values.items()
    }
    weight = None if roles.weights is None else as_expression(roles.weights, {})
    counting: dict[Any, nw.Expr] = {}
    if weight is not None:
        counting = {WEIGHTS: nw.when(weight > 0).then(nw.lit(1.0)).otherwise(nw.lit(0.0))}
    found = passes.total(
        {**values, **bad, **counting}, {**values, **({} if weight is None else {WEIGHTS: weight})}
    )
    for name in values:
        if wrong := int(found.sums["bad", name]):
            raise DataError(
                "values-not-finite",
                f"{name} is infinite, undefined or beyond {LARGEST:g} in {wrong:,} of {found.rows:,} rows.",
                "Finite numbers were needed.",
                "Correct or remove these rows; check for logarithms of 0 and divisions by 0.",
            )
    if weight is not None:
        _check_weights(found)
    ends = found.ends
    center = [
        low if low == high else found.sums[name] / found.rows
        for name, (low, high) in ends.items()
        if name != WEIGHTS
    ]
    pairs = zip(values.values(), center, strict=True)
    away = {f"u{i}": value - middle for i, (value, middle) in enumerate(pairs)}
    own = {} if weight is None else {WEIGHT: weight}
    return Measured(away | own, np.array(center))


def _check_weights(found: Totals) -> None:
    """Raise if no rows can have the weights that a pass found.

    Raises
    ------
    DataError
    """
    low, high = found.ends[WEIGHTS]
    if low < 0:
        raise DataError("weight-negative", f"Weights go down to {low:g}.", "Weights are zero or above.")
    if not high <= LARGEST_WEIGHT:
        raise DataError(
            "weight-too-large",
            f"Weights go up to {high:g}.",
            f"Weights that count the observations of a row, at most {LARGEST_WEIGHT:g}.",
            "Divide them by their mean.",
        )
    if found.sums[WEIGHTS] < 2:
        raise DataError(
            "too-few-weights",
            f"Weights are above zero in {found.sums[WEIGHTS]:.0f} of {found.rows:,} rows.",
            "Two rows or more that count.",
        )


def _product(factors: Product, states: Mapping[str, Any]) -> nw.Expr:
    return reduce(mul, (as_expression(factor, states) for factor in factors))


def grouped(passes: Passes, roles: Roles, measured: Measured) -> tuple[pd.DataFrame, Points, int]:
    """Return points for each group of rows as a table, what they count, and the number of groups."""
    products = _products(len(roles.numbers), roles.weights is not None)
    summed = [*products, *([] if roles.weights is None else [WEIGHT])]
    found = passes.grouped(tuple(roles.keys), measured.values, [products] if products else [], summed)
    frame = passes.keys_of(found, tuple(roles.keys))
    order = in_order(frame, len(found))
    points = points_of(_gathered(found, roles, order))
    whole = frame.iloc[order].iloc[points.group].reset_index(drop=True)
    for i, name in enumerate(roles.numbers):
        whole[name] = measured.center[i] + points.values[:, i]
    return whole, points, len(found)


def _products(numbers: int, weighted: bool) -> dict[str, nw.Expr]:
    """Return what is summed by group: numbers, and products of two, times weights."""
    import narwhals.stable.v2 as nw

    values = [nw.col(f"u{i}") for i in range(numbers)]
    first = [nw.col(WEIGHT) * value if weighted else value + 0.0 for value in values]
    out = {f"s{i}": value for i, value in enumerate(first)}
    return out | {f"s{i}_{j}": first[i] * values[j] for i in range(numbers) for j in range(i + 1)}


def in_order(frame: pd.DataFrame, groups: int) -> np.ndarray:
    """Return the order of groups by their keys: engines give them in any, another from run to run."""
    codes = [pd.factorize(frame[name], sort=True)[0] for name in reversed(frame.columns)]
    return np.lexsort(codes) if codes else np.arange(groups)


def _gathered(found: nw.DataFrame[Any], roles: Roles, order: np.ndarray) -> Sums:
    """Return the sums of each group, in some order."""

    def column(name: str) -> np.ndarray:
        return np.asarray(found[name].to_numpy(), float)[order]

    size, count = len(roles.numbers), column(COUNT)
    weight = count if roles.weights is None else column(WEIGHT)
    first, second = np.zeros((len(count), size)), np.zeros((len(count), size, size))
    for i in range(size):
        first[:, i] = column(f"s{i}")
        for j in range(i + 1):
            second[:, i, j] = second[:, j, i] = column(f"s{i}_{j}")
    return Sums(count, weight, first, second)
