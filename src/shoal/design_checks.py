"""Refusals of tables that would give a meaningless posterior, made before anything is compiled."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from shoal.errors import DataError, ModelError, ShoalWarning, listing
from shoal.families import Family
from shoal.formula.terms import Formula

if TYPE_CHECKING:
    import pandas as pd

    from shoal.design import Design

LARGEST_SEPARATION_TEST = 20_000  # rows; the linear program takes seconds beyond


def additions(formula: Formula, family: Family) -> None:
    """Raise if the response predicts itself, or its additions do not fit the family."""
    given = {
        name
        for name, part in (("trials", formula.response.trials), ("se", formula.response.se))
        if part is not None
    }
    predictors = {*formula.population.columns, *(c for g in formula.groups for c in g.effects.columns)}
    if both := [c for c in formula.response.value.columns if c in predictors]:
        raise ModelError(
            f"{both[0]!r} is the response and a predictor.", "Predictors other than the response itself."
        )
    for name in sorted(given - family.takes):
        raise ModelError(
            f"The formula has {name}(...), which family {family.name!r} does not take.",
            f"It takes {listing(sorted(family.takes)) or 'neither trials nor se'}.",
            "Use family='binomial' for counts out of trials." if name == "trials" else "",
        )
    for name in sorted(family.requires - given):
        raise ModelError(
            f"Family {family.name!r} needs {name}(...) and the formula has none.",
            f"Write `{formula.response.value.text} | {name}(column) ~ …`.",
        )


def numeric(name: str, values: np.ndarray) -> None:
    """Raise if `values` are not finite numbers."""
    if values.dtype.kind not in "biuf":
        shown = listing(repr(v) for v in dict.fromkeys(values.tolist()))
        raise DataError(
            f"{name!r} holds {shown}, not numbers.",
            "Numbers (or True and False).",
            "Recode it, e.g. `(frame[column] == 'yes').astype(int)`.",
        )
    bad = np.flatnonzero(~np.isfinite(values.astype(float)))
    if bad.size:
        raise DataError(
            f"{name!r} is not finite in {bad.size} of {values.size} rows (rows {listing(bad)}).",
            "Finite numbers.",
            "Mend or remove those rows yourself: Shoal never drops a row.",
        )


def positive(what: str, name: str, values: np.ndarray) -> None:
    """Raise if any value is zero or negative."""
    bad = np.flatnonzero(values <= 0)
    if bad.size:
        shown = listing(f"row {i}: {values[i]:g}" for i in bad)
        raise DataError(
            f"{what} {name!r} are not above zero in {bad.size} rows ({shown}).",
            f"{what} greater than zero.",
            "Leave out rows that should not count." if what == "Weights" else "",
        )


def group_name(name: str, reserved: set[str]) -> None:
    """Raise if a grouping factor has the name of something else in a result."""
    if name in reserved:
        raise ModelError(
            f"The grouping factor is called {name!r}, which names something else in every result.",
            f"Another name than {listing(sorted(reserved))}.",
            "Rename the column.",
        )


def levels(name: str, labels: np.ndarray) -> None:
    """Raise if a grouping factor has fewer than two levels."""
    if len(labels) < 2:
        raise DataError(
            f"The grouping factor {name!r} has one level ({labels[0]!r}).",
            "At least two levels, or nothing can vary between them.",
            f"Drop the term `(… | {name})`.",
        )


def distinct(parts: pd.DataFrame, codes: np.ndarray, labels: np.ndarray) -> None:
    """Raise if two levels of an interaction read alike: ("a:b", "c") and ("a", "b:c")."""
    pairs = parts.astype(str).assign(code=codes).drop_duplicates()
    alike = pairs["code"].value_counts()
    if (alike > 1).any():
        raise DataError(
            f"Different levels of {':'.join(parts.columns)!r} read alike: {labels[alike.index[0]]!r}.",
            "Labels that stay distinct when joined by a colon.",
            "Replace the colons in the labels.",
        )


def effects(name: str, effects: list[str]) -> None:
    """Raise if a grouping factor has no effect, or the same effect twice."""
    if not effects:
        raise ModelError(f"The term of grouping factor {name!r} has no effects.", "Write `(1 | …)`.")
    twice = sorted({e for e in effects if effects.count(e) > 1})
    if twice:
        raise ModelError(
            f"Effect {listing(twice)} of grouping factor {name!r} appears twice.",
            "Each effect once per factor.",
            f"Note that `(x | {name})` includes the intercept: write `(0 + x | {name})` for the slope alone.",
        )


def columns(design: Design, family: Family) -> None:
    """Raise on constant columns and unidentified residuals."""
    twice = sorted({c for c in design.columns if design.columns.count(c) > 1})
    if twice:
        raise DataError(f"Two population columns are named {listing(twice)}.", "Distinct names.")
    for name, column in zip(design.columns, design.x.T, strict=True):
        if name != "Intercept" and np.ptp(column) == 0:
            raise DataError(
                f"The column {name!r} has the same value, {column[0]:g}, in all {len(column)} rows.",
                "A predictor must vary.",
                f"Remove {name!r} from the formula.",
            )
    _residual(design, family)


def _residual(design: Design, family: Family) -> None:
    group = design.group
    has_sigma = "sigma" in family.parameters(design.known_se, design.se_sigma)
    if group is None or not has_sigma or design.known_se or "Intercept" not in group.effects:
        return
    if len(group.labels) == design.n_rows:
        raise DataError(
            f"Every one of the {design.n_rows} rows is its own level of {group.name!r}.",
            "With a residual sigma, some levels need two rows: the two spreads cannot be told apart.",
            f"Give known standard errors (`y | se(s) ~ …`) or drop `(1 | {group.name})`.",
        )


def separation(design: Design, family: Family) -> None:
    """Warn if population columns predict every response without error.

    The linear program of Konis (2007, Oxford D.Phil. thesis, section 4.4): a direction b with
    ``sign_i x_i b >= 0`` in all rows, and > 0 in some, along which the likelihood keeps rising.
    """
    low, high = family.edges(design.rows)
    if low.all() or high.all():
        warnings.warn(
            f"All {design.n_rows} responses sit at one edge ({design.rows.y[0]:g}): only the priors keep the "
            "Intercept finite.",
            ShoalWarning,
            stacklevel=2,
        )
        return
    slopes = set(design.columns) - {"Intercept"}
    if not slopes or not (low | high).any() or design.n_rows > LARGEST_SEPARATION_TEST:
        return
    named = _separating_columns(design, low, high, slopes)
    # A direction that separates may use columns it does not need: name those that do it alone, if any.
    named = [c for c in named if _separating_columns(design, low, high, {c})] or named
    if named:
        warnings.warn(
            f"Complete or quasi-complete separation: {listing(named)} predicts the response without "
            "error in some rows; only the priors keep its coefficient finite.",
            ShoalWarning,
            stacklevel=2,
        )


def _separating_columns(
    design: Design, low: np.ndarray, high: np.ndarray, slopes: set[str]
) -> list[str]:
    """Return the columns of a separating direction over the Intercept and `slopes`; empty if none is."""
    from scipy.optimize import linprog

    names = [c for c in design.columns if c in slopes or c == "Intercept"]
    x = design.x[:, [design.columns.index(c) for c in names]]
    x = x / np.maximum(np.abs(x).max(0), 1e-300)
    signed = np.where(high, 1.0, -1.0)[:, None] * x
    edge = low | high
    answer = linprog(
        -signed[edge].sum(0),
        A_ub=-signed[edge],
        b_ub=np.zeros(edge.sum()),
        A_eq=x[~edge] if (~edge).any() else None,
        b_eq=np.zeros((~edge).sum()) if (~edge).any() else None,
        bounds=(-1, 1),
    )
    if not answer.success or -answer.fun <= 1e-8:
        return []
    return [
        name
        for name, b in zip(names, answer.x, strict=True)
        if abs(b) > 1e-8 and name != "Intercept"
    ]
