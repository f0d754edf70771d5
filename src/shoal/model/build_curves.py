"""The curves of a formula, learnt from a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from shoal.errors import DataError
from shoal.formula.categories import is_category, levels_of, require_category
from shoal.formula.evaluate import lookup
from shoal.formula.terms import CurveTerm
from shoal.model.bases import areas, hilbert, splines, steps
from shoal.model.bases.basis import Basis
from shoal.model.curves import Curve, read_by


def curves_of(
    terms: tuple[CurveTerm, ...],
    frame: pd.DataFrame,
    weight: np.ndarray,
    prefix: str,
    matrices: Mapping[str, Any],
) -> tuple[Curve, ...]:
    """Return the curves of one response.

    Parameters
    ----------
    weight : (N,) array
        Observations that a row stands for.
    matrices : mapping
        Those of neighbours, by the names that the formula has for them.

    Raises
    ------
    DataError
        Predictors that are no numbers, have too few values or no order; a ``by=`` of one value.
    """
    return tuple(_curve(term, frame, weight, prefix, matrices) for term in terms)


def _curve(
    term: CurveTerm, frame: pd.DataFrame, weight: np.ndarray, prefix: str, matrices: Mapping[str, Any]
) -> Curve:
    levels: tuple[object, ...] = ()
    if term.by is not None and is_category(lookup(frame, term.by), term.by):
        require_category(lookup(frame, term.by), term.by)
        levels = levels_of(lookup(frame, term.by), term.by)
    index, times = read_by(term, frame, levels)
    varies = term.by is not None and not levels
    if varies and np.ptp(times) == 0:
        raise DataError(
            "column-constant",
            f"{term.by!r}, which multiplies {term.name}, has the same value in all rows.",
            "Numbers that vary, or a category.",
            "Leave by= out.",
        )
    basis = _basis(term, frame, weight, varies, matrices)
    curve = Curve(term, basis, levels, np.zeros((0, 0)), index, times, prefix)
    return curve.read(frame, quiet=True)


def _basis(
    term: CurveTerm, frame: pd.DataFrame, weight: np.ndarray, varies: bool, matrices: Mapping[str, Any]
) -> Basis:
    if term.function == "car":
        return areas.learn(term, frame, matrices)
    if term.function == "gp":
        return hilbert.learn(term, frame, weight)
    if term.function == "mo":
        return steps.learn(term, frame, weight)
    return splines.learn(term, frame, weight, constant=varies)
