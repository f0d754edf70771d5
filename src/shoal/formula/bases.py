"""What polynomials and splines need of their data: distinct values, a least size, values between bounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from shoal.errors import DataError, counted, listing
from shoal.formula.tree import Call, Column, Text, unparse


def require_distinct(call: Call, data: np.ndarray, degree: Any) -> None:
    """Refuse a polynomial through too few points: its columns would be rounding errors."""
    distinct = len(np.unique(data))
    if distinct <= degree:
        raise DataError(
            "basis-size",
            f"{unparse(call)} has degree {degree}, and its data {distinct} distinct values.",
            "The degree must be less than the number of distinct values.",
            "Lower the degree.",
        )


def require_size(call: Call, options: Mapping[str, Any]) -> None:
    """Raise if ``bs(x, df=2)`` is asked for fewer columns than one polynomial of its degree has."""
    df, degree = options.get("df"), options.get("degree", 3)
    least = degree + bool(options.get("include_intercept"))
    if df is not None and df < least:
        raise DataError(
            "basis-size",
            f"{unparse(call)} has {counted(df, 'column')}.",
            f"Polynomials of degree {degree} were needed, which have {least} columns or more.",
            f"Write df={least}, or poly({unparse(call.arguments[0])}, {df}).",
        )


def require_inside(call: Call, data: np.ndarray, given: Mapping[str, Any], *, learnt: bool) -> None:
    """Raise if a spline is asked for values outside its bounds, and its formula does not say how it goes on.

    Parameters
    ----------
    call : Call
        Such as ``bs(x, df=5)``.
    data : numpy.ndarray of shape (N,)
    given : mapping
        ``lower_bound`` and ``upper_bound``, learnt or given; absent or None while they are to be learnt.
    learnt : bool
        The rows are those of another table than the one learnt from.

    Raises
    ------
    DataError
        With the rows, the range, and both remedies: an option of the formula, or a line for this table.
    """
    low, high = (
        float(edge(data)) if given.get(name) is None else float(given[name])
        for name, edge in (("lower_bound", np.min), ("upper_bound", np.max))
    )
    outside = np.flatnonzero((data < low) | (data > high))
    if not outside.size:
        return
    argument, options = call.arguments[0], dict(call.keywords) | {"extrapolation": Text("extend")}
    going_on = unparse(replace(call, keywords=tuple(options.items())))
    remedy = "Or leave these rows out."
    if isinstance(argument, Column):
        column = f"{'new' if learnt else 'data'}[{argument.name!r}]"
        remedy = "For the outer values in this table alone, and the fit as it is, write this:\n    "
        remedy += f"{column} = {column}.clip({low!r}, {high!r})"
    raise DataError(
        "outside-basis",
        f"{unparse(call)} is known for {unparse(argument)} from {low:.6g} to {high:.6g}; {outside.size:,} of "
        f"{len(data):,} rows are outside ({listing(f'row {i}: {data[i]:.6g}' for i in outside)}).",
        f"How it goes on is a choice: {going_on} in the formula extends its outer polynomials, 'clip' in "
        "place of 'extend' its outer values. The fit is the same with either, if all of its rows are inside.",
        remedy,
    )
