"""Refusals of tables that would give a meaningless posterior, made before anything is compiled."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from shoal.errors import DataError, ModelError, ShoalWarning, listing
from shoal.families import Family
from shoal.formula.terms import Formula

if TYPE_CHECKING:
    import pandas as pd

    from shoal.design import Design
    from shoal.design_groups import Group

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


def columns(design: Design, quiet: bool) -> None:
    """Raise on constant and dependent columns and unidentified residuals; warn of separation."""
    twice = sorted({c for c in design.columns if design.columns.count(c) > 1})
    if twice:
        raise DataError(f"Two population columns are named {listing(twice)}.", "Distinct names.")
    for name, term, column in zip(design.columns, design.terms, design.x.T, strict=True):
        if term != "Intercept" and np.ptp(column) == 0:
            raise DataError(
                f"The column {name!r} has the same value, {column[0]:g}, in all {len(column)} rows.",
                "A predictor must vary.",
                f"Remove {name!r} from the formula.",
            )
    _dependent(design)
    for group in design.groups:
        _residual(design, group)
    if not quiet:
        separation(design)


def _dependent(design: Design) -> None:
    """Raise if a column is a combination of others, and say which combination."""
    x = design.x if not design.family.ordinal else np.column_stack([np.ones(design.n_rows), design.x])
    names = design.columns if not design.family.ordinal else ("cutpoints", *design.columns)
    size = np.sqrt((x**2).mean(0))
    if not x.shape[1] or x.shape[1] > x.shape[0]:
        return  # more columns than rows: their priors are what identifies them, and the user knows
    gram = (x / size).T @ (x / size) / len(x)
    values, vectors = np.linalg.eigh(gram)
    if values[0] > 1e-12 * values[-1]:
        return
    combination = vectors[:, 0] / size
    combination /= np.abs(combination).max()
    involved = [
        f"{weight:+.3g} {name}" for name, weight in zip(names, combination, strict=True) if abs(weight) > 1e-6
    ]
    raise DataError(
        f"The population columns depend on each other: {' '.join(involved)} = 0 in every row.",
        "Columns that no others add up to.",
        "Leave one of them out of the formula.",
    )


def _residual(design: Design, group: Group) -> None:
    has_sigma = "sigma" in design.parameters
    if not has_sigma or design.known_se or "Intercept" not in group.effects or group.root is not None:
        return
    if len(group.labels) == design.n_rows and not group.student:
        raise DataError(
            f"Every one of the {design.n_rows} rows is its own level of {group.name!r}.",
            "With a residual sigma, some levels need two rows: the two spreads cannot be told apart.",
            f"Give known standard errors (`y | se(s) ~ …`) or drop `(1 | {group.name})`.",
        )


def nesting(factors: list[tuple[str, ...]], frame: pd.DataFrame) -> None:
    """Warn where labels of one factor look numbered anew within each level of another.

    That is so if every level of `a` has the first few labels of `b`, and not always as many: a crossed
    factor would leave gaps, or give every level all labels.
    """
    single = list(dict.fromkeys(f[0] for f in factors if len(f) == 1))
    known = {frozenset(f) for f in factors}
    for parent in single:
        for child in single:
            if (
                parent != child
                and frozenset((parent, child)) not in known
                and _renumbered(frame, parent, child)
            ):
                warnings.warn(
                    f"Each {parent} has the first few labels of {child}: is {child} numbered anew within "
                    f"each {parent}? `(1 | {parent}) + (1 | {child})` takes equal labels for the same "
                    f"{child} everywhere; `(1 | {parent}/{child})` takes them for different ones in "
                    f"different {parent}s.",
                    ShoalWarning,
                    stacklevel=2,
                )


def _renumbered(frame: pd.DataFrame, parent: str, child: str) -> bool:
    pairs = frame[[parent, child]].drop_duplicates()
    codes = pairs[child].rank(method="dense")
    within = codes.groupby(pairs[parent].to_numpy())
    counts, highest = within.size(), within.max()
    # Most parents have several children, else nothing was numbered.
    return bool((highest == counts).all() and counts.nunique() > 1 and counts.median() > 1)


def covariance(name: str, factor: str, given: Any, labels: np.ndarray) -> np.ndarray:
    """Return the lower Cholesky factor of a known covariance between `labels`, in their order.

    Parameters
    ----------
    given : (G, G) array or DataFrame
        A DataFrame is put into the order of `labels` by its index and columns, and may have more levels.

    Raises
    ------
    DataError
        Wrong shape, levels that are missing, not symmetric, not positive definite.
    """
    count = len(labels)
    if hasattr(given, "index") and hasattr(given, "columns"):
        missing = [v for v in labels.tolist() if v not in given.index or v not in given.columns]
        if missing:
            raise DataError(
                f"The covariance {name!r} lacks {len(missing)} levels of {factor!r} ({listing(missing)}).",
                "A row and a column for every level, labelled as in the table.",
            )
        given = given.loc[labels.tolist(), labels.tolist()]
    matrix = np.asarray(given, float)
    if matrix.shape != (count, count):
        raise DataError(
            f"The covariance {name!r} has shape {matrix.shape}, {factor!r} has {count} levels.",
            f"A {count} x {count} matrix in the order of the sorted levels, or a DataFrame with labels.",
        )
    if not np.isfinite(matrix).all() or not np.allclose(matrix, matrix.T, rtol=1e-8, atol=1e-12):
        raise DataError(f"The covariance {name!r} is not symmetric and finite.", "A covariance matrix.")
    try:
        return np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError as problem:
        least = float(np.linalg.eigvalsh(matrix)[0])
        raise DataError(
            f"The covariance {name!r} is not positive definite (smallest eigenvalue {least:.3g}).",
            "A positive definite matrix.",
            "Levels that are copies of each other are one level.",
        ) from problem


def separation(design: Design) -> None:
    """Warn if population columns predict every response without error.

    The linear program of Konis (2007, Oxford D.Phil. thesis, section 4.4): a direction b with
    ``sign_i x_i b >= 0`` in all rows, and > 0 in some, along which the likelihood keeps rising.
    """
    low, high = design.family.edges(design.rows)
    if low.all() or high.all():
        warnings.warn(
            f"All {design.n_rows} responses sit at one edge ({design.rows.y[0]:g}): only the priors keep the "
            "Intercept finite.",
            ShoalWarning,
            stacklevel=2,
        )
        return
    slopes = {c for c, t in zip(design.columns, design.terms, strict=True) if t != "Intercept"}
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


def _separating_columns(design: Design, low: np.ndarray, high: np.ndarray, slopes: set[str]) -> list[str]:
    """Return the columns of a separating direction over the Intercept and `slopes`; empty if none is."""
    from scipy.optimize import linprog

    names = [c for c, t in zip(design.columns, design.terms, strict=True) if c in slopes or t == "Intercept"]
    x = design.x[:, [design.columns.index(c) for c in names]]
    if design.family.ordinal:  # the cutpoints stand where an Intercept would
        names, x = [*names, ""], np.column_stack([x, np.ones(design.n_rows)])
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
    return [name for name, b in zip(names, answer.x, strict=True) if abs(b) > 1e-8 and name in slopes]
