"""Refusals of columns and effects that the rows cannot tell apart, or that leave no residual."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from shoal.errors import DataError, counted, listing
from shoal.model.checks.remark import Remark
from shoal.tables.table import LARGEST

if TYPE_CHECKING:
    from shoal.model.design import Design
    from shoal.model.grouping_factors import Group

FEW_REPEATED = (
    0.05  # share of rows beyond the first of their level, below which little tells a level from a row
)
LEAST_SPREAD = 1e-10  # of the size of responses; a float has 16 digits


def columns(design: Design) -> None:
    """Raise on constant and dependent columns and unidentified residuals."""
    twice = sorted({c for c in design.columns if design.columns.count(c) > 1})
    if twice:
        raise DataError(
            "columns-alike", f"Two population columns are named {listing(twice)}.", "Distinct names."
        )
    for name, term, column in zip(design.columns, design.terms, design.x.T, strict=True):
        _moderate(name, column)
        if term != "Intercept" and np.ptp(column) == 0:
            raise DataError(
                "column-constant",
                f"The column {name!r} has the same value, {column[0]:g}, in all {design.observations} rows.",
                "A predictor must vary.",
                _without(name, design.columns),
            )
    _moderate(design.formula.response.value.text, design.rows.y)
    _dependent(design)
    for group in design.groups:
        _dependent_effects(group.inside)
        if not design.stays:
            _residual(design, group)
    for first, second in combinations(design.groups, 2):
        _twins(first, second)
    if not design.stays:
        _exact(design)


def _without(name: str, columns: Sequence[str]) -> str:
    """Return how a formula gets rid of a column that is constant: by its term, which may have others."""
    term = re.sub(r"\[[^][]*\]$", "", name)
    if term == name or not any(other.startswith(f"{term}[") for other in columns if other != name):
        return f"Remove {name!r} from the formula."
    return f"It is one of the columns of {term}: take fewer of them, or knots within the data."


def _moderate(name: str, values: np.ndarray) -> None:
    """Raise if the square of a number, or of its reciprocal, is too large for a float."""
    largest = float(np.abs(values).max())
    if largest and not 1 / LARGEST < largest < LARGEST:
        raise DataError(
            "numbers-too-large",
            f"The values of {name!r} have sizes up to {largest:.3g}.",
            f"Numbers between {1 / LARGEST:g} and {LARGEST:g}, whose squares are numbers too.",
            "Measure it in another unit.",
        )


def _dependent(design: Design) -> None:
    """Raise if a column is a combination of others, and say which combination."""
    specific = design.predictors[:1] if design.family.specific else ()
    x = np.column_stack([design.constants, design.x, *(part.x for part in specific)])
    names = (*design.cutpoint_sets, *design.columns, *(name for part in specific for name in part.columns))
    if not x.shape[1] or x.shape[1] > x.shape[0]:
        return  # more columns than rows: their priors are what identifies them, and the user knows
    if involved := _combination(x, names):
        raise DataError(
            "columns-dependent",
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
                "effect-zero",
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
                "effects-dependent",
                f"Effects of {group.name!r} depend on each other: {involved} = 0 in every row, or almost.",
                "Effects whose standard deviations the rows can tell apart.",
                f"Leave one of {listing(map(repr, names))} out of `(… | {group.name})`.",
            )


def _twins(first: Group, second: Group) -> None:
    """Raise if two factors have the same levels, and the same effect on them."""
    levels = len(first.labels)
    if levels != len(second.labels) or first.student != second.student:
        return
    if first.weight is not None or second.weight is not None:
        return  # levels that share rows put none together
    if not (_alike(first) and _alike(second)):
        return
    if len(np.unique(first.index * levels + second.index)) > levels:
        return
    for i, effect in enumerate(first.effects):
        for j, other in enumerate(second.effects):
            if _combination(np.column_stack([first.z[:, i], second.z[:, j]]), (effect, other)):
                raise DataError(
                    "factors-alike",
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
    _spread(design.formula.response.value.text, y)
    y = y - design.offset
    if design.observations > design.x.shape[1] and _reproduced(design.x, y, y):
        raise DataError(
            "no-residual",
            f"The population columns reproduce {design.formula.response.value.text!r} without error.",
            "Rows that leave a residual: sigma is zero here, and the posterior infinite.",
            "Is a predictor made from the response?",
        )
    for group in (group for group in design.groups if group.weight is None):
        constant = (np.ptp(group.z, axis=0) == 0).any()
        if constant and design.observations > design.x.shape[1] + len(group.labels):
            inside = [_within(column, group) for column in design.x.T]
            x = np.column_stack(inside) if inside else design.x
            if _reproduced(x, _within(y, group), y):
                raise DataError(
                    "no-residual-within-levels",
                    f"{design.formula.response.value.text!r} has no residual within the {len(group.labels)} "
                    f"levels of {group.name!r}: they and the population columns reproduce every row.",
                    "Rows that differ within levels: sigma is zero here, and the posterior infinite.",
                    f"Keep one row of each level, and drop `(1 | {group.name})`.",
                )


def _spread(name: str, y: np.ndarray) -> None:
    """Raise if responses differ by little more than what is rounded off numbers of their size."""
    size, sd = float(np.abs(y).max()), float(y.std())
    if 0 < sd < LEAST_SPREAD * size:
        raise DataError(
            "mean-too-large",
            f"{name!r} has a mean of {y.mean():.4g} and a standard deviation of {sd:.3g}: the mean is too "
            "large for the spread, of which rounding leaves too few digits.",
            f"A standard deviation of at least {LEAST_SPREAD:g} of the size.",
            "Subtract a constant near the mean.",
        )


def _within(values: np.ndarray, group: Group) -> np.ndarray:
    """Return deviations from the mean of each row's level."""
    sums = np.bincount(group.index, values, len(group.labels))
    return values - (sums / np.maximum(group.counts, 1))[group.index]  # no row of a level may count


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
    if "sigma" not in design.parameters or design.known_se or group.student or group.weight is not None:
        return
    if len(group.labels) == design.observations and _spreads_as_residuals(group) and _alike(group):
        effects = "1" if (np.ptp(group.z, axis=0) == 0).any() else "…"
        raise DataError(
            "one-row-a-level",
            f"Every one of the {design.observations} rows is its own level of {group.name!r}.",
            "With a residual sigma, some levels need two rows: the two spreads cannot be told apart.",
            f"Give known standard errors (`y | se(s) ~ …`) or drop `({effects} | {group.name})`.",
        )


def _spreads_as_residuals(group: Group) -> bool:
    """Return True if some variances of the effects give every row the same variance, as a residual does.

    A row's variance is a sum of products of two columns, of effects that are one or correlated.
    """
    pairs = {(i, j) for block in group.blocks for i in block for j in block if i <= j}
    products = np.column_stack([group.z[:, i] * group.z[:, j] for i, j in sorted(pairs)])
    products = products / np.abs(products).max(axis=0, initial=1e-300)
    ones = np.ones(len(products))
    left = ones - products @ np.linalg.lstsq(products, ones)[0]
    return bool(np.abs(left).max() < 1e-9)


def columns_for_rows(design: Design) -> list[Remark]:
    """Return a remark on each term that has about as many columns as there are rows."""
    counts = Counter(name.split("[")[0] for name in design.terms if "[" in name)
    return [
        Remark(
            "columns-for-rows",
            f"{term} has {count:,} columns, and the table {counted(design.observations, 'row')}: each row "
            "has a coefficient of its own, of which it alone and the prior say anything.",
            "Take fewer columns, or let them share what they know: (1 | g) of a category, s(x) of a number.",
        )
        for term, count in counts.items()
        if count >= design.observations - 1
    ]


def split_variance(design: Design) -> list[Remark]:
    """Return a remark on factors nearly all of whose levels have one row, beside a residual sigma."""
    if "sigma" not in design.scalars or design.known_se:
        return []
    found = []
    for group in design.groups:
        sizes = design.sizes(group)
        present = int((sizes > 0).sum())
        repeated = int(sizes.sum()) - present
        if (
            group.student
            or group.weight is not None
            or not 0 < repeated < FEW_REPEATED * present
            or not _spreads_as_residuals(group)
        ):
            continue
        found.append(
            Remark(
                "split-variance",
                f"{present:,} levels of {group.name!r} have {present + repeated:,} rows: only {repeated:,} "
                f"of them tell {group.sd} from {design.prefix}sigma. Their sum is known, and how it is split "
                "is nearly the priors' choice.",
                f"Leave out the term of {group.name!r}, if the split is not asked for; else give both a "
                "prior that you can defend.",
            )
        )
    return found
