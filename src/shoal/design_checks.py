"""Refusals of tables that would give a meaningless posterior, made before anything is compiled."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from itertools import combinations
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
LARGEST = 1e100  # size of a number whose square a float holds with room to spare, and of its reciprocal
SINGULAR = 1e-12  # share of a level's variance left, given other levels, that rounding may have made


def additions(formula: Formula, family: Family) -> None:
    """Raise if the response predicts itself, or its additions do not fit the family."""
    response = formula.response
    given = {name for name, part in (("trials", response.trials), ("se", response.se)) if part is not None}
    _apart_from_response(formula)
    if response.trials is not None and response.trials.text == response.value.text:
        raise ModelError(
            f"{response.value.text!r} is the response and the number of trials: every trial succeeded.",
            "Successes, and the trials they are out of.",
            "Write `successes | trials(n) ~ …`, or `trials(successes + failures)`.",
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
            f"Write `{response.value.text} | {name}(column) ~ …`.",
        )


def _apart_from_response(formula: Formula) -> None:
    """Raise if a column of the response stands right of the tilde."""
    effects = (c for g in formula.groups for c in g.effects.columns)
    offsets = (c for o in formula.offsets for c in o.columns)
    factors = [c for term in formula.groups for c in term.factor]
    factors += [c for term in formula.latents for c in term.factor]
    places = {
        "a predictor": {*formula.population.columns, *effects},
        "an offset": {*offsets},
        "a grouping factor": set(factors),
    }
    for what, columns in places.items():
        if both := [c for c in formula.response.value.columns if c in columns]:
            raise ModelError(
                f"{both[0]!r} is the response and {what}.",
                "Columns other than the response itself on the right.",
                "Remove it from one side.",
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
            f"The grouping factor {name!r} has one level ({labels.tolist()[0]!r}).",
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
        _moderate(name, column)
        if term != "Intercept" and np.ptp(column) == 0:
            raise DataError(
                f"The column {name!r} has the same value, {column[0]:g}, in all {len(column)} rows.",
                "A predictor must vary.",
                f"Remove {name!r} from the formula.",
            )
    _moderate(design.formula.response.value.text, design.rows.y)
    _dependent(design)
    for group in design.groups:
        _dependent_effects(group)
        _residual(design, group)
    for first, second in combinations(design.groups, 2):
        _twins(first, second)
    _exact(design)
    if not quiet:
        separation(design)


def _moderate(name: str, values: np.ndarray) -> None:
    """Raise if the square of a number, or of its reciprocal, is too large for a float."""
    largest = float(np.abs(values).max())
    if largest and not 1 / LARGEST < largest < LARGEST:
        raise DataError(
            f"The values of {name!r} have sizes up to {largest:.3g}.",
            f"Numbers between {1 / LARGEST:g} and {LARGEST:g}, whose squares are numbers too.",
            "Measure it in another unit.",
        )


def _dependent(design: Design) -> None:
    """Raise if a column is a combination of others, and say which combination."""
    x = design.x if not design.family.ordinal else np.column_stack([np.ones(design.n_rows), design.x])
    names = design.columns if not design.family.ordinal else ("cutpoints", *design.columns)
    if not x.shape[1] or x.shape[1] > x.shape[0]:
        return  # more columns than rows: their priors are what identifies them, and the user knows
    if involved := _combination(x, names):
        raise DataError(
            f"The population columns depend on each other: {involved} = 0 in every row, or almost.",
            "Columns that no others add up to.",
            "Leave one of them out of the formula; of a column that hardly varies for its size, subtract the "
            "mean.",
        )


def _combination(x: np.ndarray, names: Sequence[str]) -> str:
    """Return the combination of columns that is zero in every row, in words; empty if there is none."""
    size = np.sqrt((x**2).mean(0))
    gram = (x / size).T @ (x / size) / len(x)
    values, vectors = np.linalg.eigh(gram)
    if values[0] > 1e-12 * values[-1]:
        return ""
    shares = vectors[:, 0]
    involved = np.flatnonzero(np.abs(shares) > 1e-6 * np.abs(shares).max())
    weights = shares[involved] / size[involved]
    weights /= np.abs(weights).max()
    parts = zip(weights, involved.tolist(), strict=True)
    return " ".join(f"{weight:+.3g} {names[i]}" for weight, i in parts)


def _dependent_effects(group: Group) -> None:
    """Raise if the columns of correlated effects depend on each other, or two effects have one column."""
    for effect, column in zip(group.effects, group.z.T, strict=True):
        if not column.any():
            raise DataError(
                f"The column of the effect {effect!r} of {group.name!r} is zero in all {len(column)} rows.",
                "A column that varies.",
                f"Remove {effect!r} from `(… | {group.name})`.",
            )
        _moderate(effect, column)
    pairs = combinations(range(len(group.effects)), 2)
    for columns in (*(list(block) for block in group.blocks if len(block) > 1), *map(list, pairs)):
        names = [group.effects[k] for k in columns]
        if involved := _combination(group.z[:, columns], names):
            raise DataError(
                f"Effects of {group.name!r} depend on each other: {involved} = 0 in every row, or almost.",
                "Effects whose standard deviations the rows can tell apart.",
                f"Leave one of {listing(map(repr, names))} out of `(… | {group.name})`.",
            )


def _twins(first: Group, second: Group) -> None:
    """Raise if two factors have the same levels, and the same effect on them."""
    levels = len(first.labels)
    if levels != len(second.labels) or first.student != second.student:
        return
    if not (_alike(first) and _alike(second)):
        return
    if len(np.unique(first.index * levels + second.index)) > levels:
        return
    for i, effect in enumerate(first.effects):
        for j, other in enumerate(second.effects):
            if _combination(np.column_stack([first.z[:, i], second.z[:, j]]), (effect, other)):
                raise DataError(
                    f"The grouping factors {first.name!r} and {second.name!r} put the same rows together: "
                    f"{levels} levels each, under other labels.",
                    f"Factors that differ: {first.sd}[{effect}] and {second.sd}[{other}] cannot be told "
                    "apart.",
                    f"Leave out `(… | {first.name})` or `(… | {second.name})`.",
                )


def _alike(group: Group) -> bool:
    """Return True if levels are independent with equal variances."""
    root = group.root
    return root is None or np.array_equal(root, root[0, 0] * np.eye(len(root)))


def _exact(design: Design) -> None:
    """Raise if population columns, with or without one factor's levels, reproduce the response.

    The density of the response then grows without limit as sigma goes to zero: there is no posterior.
    """
    if "sigma" not in design.parameters or design.known_se:
        return
    family = design.family
    y = family.normal_response(design.rows) if family.linear_gaussian else design.rows.y
    y = y - design.offset
    if design.n_rows > design.x.shape[1] and _reproduced(design.x, y, y):
        raise DataError(
            f"The population columns reproduce {design.formula.response.value.text!r} without error.",
            "Rows that leave a residual: sigma is zero here, and the posterior infinite.",
            "Is a predictor made from the response?",
        )
    for group in design.groups:
        constant = (np.ptp(group.z, axis=0) == 0).any()
        if constant and design.n_rows > design.x.shape[1] + len(group.labels):
            inside = [_within(column, group) for column in design.x.T]
            x = np.column_stack(inside) if inside else design.x
            if _reproduced(x, _within(y, group), y):
                raise DataError(
                    f"{design.formula.response.value.text!r} has no residual within the {len(group.labels)} "
                    f"levels of {group.name!r}: they and the population columns reproduce every row.",
                    "Rows that differ within levels: sigma is zero here, and the posterior infinite.",
                    f"Keep one row of each level, and drop `(1 | {group.name})`.",
                )


def _within(values: np.ndarray, group: Group) -> np.ndarray:
    """Return deviations from the mean of each row's level."""
    sums = np.bincount(group.index, values, len(group.labels))
    return values - (sums / group.counts)[group.index]


def _reproduced(x: np.ndarray, y: np.ndarray, whole: np.ndarray) -> bool:
    """Return True if `y` is a combination of the columns of `x`, up to the rounding errors of `whole`."""
    tolerance = 1e-13 * np.sqrt((whole**2).mean())
    # What fails in a few rows needs no look at all.
    few = np.linspace(0, len(y) - 1, min(len(y), x.shape[1] + 50)).astype(int)
    for rows in (few, slice(None)):
        left = y[rows] - x[rows] @ np.linalg.lstsq(x[rows], y[rows])[0]
        if np.sqrt((left**2).mean()) > tolerance:
            return False
    return True


def _residual(design: Design, group: Group) -> None:
    if "sigma" not in design.parameters or design.known_se or group.student:
        return
    if len(group.labels) == design.n_rows and (np.ptp(group.z, axis=0) == 0).any() and _alike(group):
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
        No numbers, wrong shape, levels that are missing, not symmetric, not positive definite.
    """
    count = len(labels)
    labelled = hasattr(given, "index") and hasattr(given, "columns")
    if labelled:
        given = _of_levels(name, factor, given, labels.tolist())
    try:
        matrix = np.asarray(given)
        matrix = matrix if np.iscomplexobj(matrix) else matrix.astype(float)
    except (TypeError, ValueError) as problem:
        raise DataError(
            f"The covariance {name!r} is of type {type(given).__name__} and holds no numbers ({problem}).",
            f"A {count} x {count} matrix of numbers.",
        ) from problem
    if np.iscomplexobj(matrix):
        raise DataError(f"The covariance {name!r} holds complex numbers.", "A matrix of real numbers.")
    if matrix.shape != (count, count):
        raise DataError(
            f"The covariance {name!r} has shape {matrix.shape}, {factor!r} has {count} levels.",
            f"A {count} x {count} matrix in the order of the sorted levels, or a DataFrame with labels.",
        )
    wrong = ~(np.isfinite(matrix) & np.isclose(matrix, matrix.T, rtol=1e-8, atol=1e-12))
    if wrong.any():
        i, j = np.argwhere(wrong)[0]
        raise DataError(
            f"The covariance {name!r} is not symmetric and finite: levels {labels.tolist()[i]!r} and "
            f"{labels.tolist()[j]!r} have {matrix[i, j]:g}, and the other way round {matrix[j, i]:g}.",
            "A covariance matrix: finite numbers, the same both ways round.",
        )
    try:
        root = np.linalg.cholesky(matrix)
        # What is left of a level's variance, given the levels before it.
        singular = bool((np.diag(root) ** 2 <= SINGULAR * np.diag(matrix)).any())
    except np.linalg.LinAlgError:
        singular = True
    if singular:
        least = float(np.linalg.eigvalsh(matrix)[0])
        raise DataError(
            f"The covariance {name!r} is not positive definite (smallest eigenvalue {least:.3g}).",
            "A positive definite matrix.",
            "Levels that are copies of each other are one level.",
        )
    return root


def _of_levels(name: str, factor: str, given: Any, labels: list[Any]) -> Any:
    """Return a labelled covariance in the order of the levels."""
    twice = [v for side in (given.index, given.columns) for v in side[side.duplicated()]]
    if twice:
        raise DataError(
            f"The covariance {name!r} has {listing(map(repr, dict.fromkeys(twice)))} more than once among "
            "its labels.",
            "One row and one column for every level.",
        )
    missing = [v for v in labels if v not in given.index or v not in given.columns]
    if missing:
        raise DataError(
            f"The covariance {name!r} lacks {len(missing)} levels of {factor!r} "
            f"({listing(map(repr, missing))}); its labels are {listing(map(repr, given.index.tolist()))}.",
            "A row and a column for every level, labelled as in the table: text is not a number.",
            f"Rename them, e.g. `{name}.index = {name}.columns = levels`.",
        )
    return given.loc[labels, labels]


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
