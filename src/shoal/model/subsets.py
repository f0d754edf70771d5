"""Rows that have a response, where a table has several: ``y | subset(s)``."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from shoal.errors import DataError, ModelError, listing
from shoal.formula import evaluate
from shoal.formula.formula import Formula
from shoal.tables import assigned


def subset_of(formula: Formula, frame: pd.DataFrame) -> np.ndarray:
    """Return which rows have the response, (N,) bool.

    Raises
    ------
    DataError
        If the column holds anything but True and False (or 1 and 0), or fewer than two rows are in.
    ModelError
        If missing values of the same response are to be estimated.
    """
    part = formula.response.subset
    if part is None:
        return np.ones(len(frame), bool)
    if formula.response.mi:
        raise ModelError(
            "subset-with-imputed",
            f"{formula.response.value.text!r} has subset(...) beside mi(...).",
            "Rows without the response, or missing values that are estimated.",
        )
    columns = {name: frame[name].to_numpy() for name in part.columns or frame.columns[:1]}
    given = np.broadcast_to(np.asarray(evaluate(part, columns)), (len(frame),))
    odd = np.flatnonzero(~np.isin(given, (0, 1)))
    if odd.size:
        shown = listing(f"row {i}: {given[i]}" for i in odd)
        raise DataError(
            "subset-not-logical",
            f"{part.text!r} is neither True nor False in {odd.size} of {len(given)} rows ({shown}).",
            "True (or 1) of the rows that have the response, else False (or 0).",
        )
    inside = given.astype(bool)
    if inside.sum() < 2:
        raise DataError(
            "subset-too-small",
            f"{part.text!r} leaves {inside.sum()} of {len(given)} rows.",
            "Two rows or more.",
        )
    return inside


def own_columns(formulas: Sequence[Formula]) -> list[str]:
    """Return the columns that rows outside a subset need not have: all but those of levels and the subset."""
    factors = {c for f in formulas for g in f.groups for c in g.factor}
    factors |= {c for f in formulas for latent in f.latents for c in latent.factor}
    subset = {c for f in formulas for c in (f.response.subset.columns if f.response.subset else ())}
    return [c for c in dict.fromkeys(c for f in formulas for c in f.columns) if c not in factors | subset]


def filled(formulas: Sequence[Formula], frame: pd.DataFrame, inside: np.ndarray) -> pd.DataFrame:
    """Return the table with values of a row inside in those outside, where they count for nothing."""
    first = int(np.flatnonzero(inside)[0])
    names = own_columns(formulas)
    return assigned(frame, {name: frame[name].where(inside, frame[name].iloc[first]) for name in names})
