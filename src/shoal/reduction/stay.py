"""Rows that stay where they are: what a model must know of them is found by passes.

Given hyperparameters and coefficients the levels are independent, and their rows are asked where they are
(`engine.rounds`). What is left for this process is the structure of the model and its default priors: the
levels with their numbers of rows; and apart from the levels the responses, the categories, and the means and
products of numbers. The frame's rows are a table of both margins, of fewest rows: its columns each have their
own values and counts, and which value stands in which level's rows is not kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from shoal.families import get_family
from shoal.formula.categories import is_category
from shoal.formula.formula import Formula
from shoal.formula.reader import read_piece
from shoal.formula.terms import Expression
from shoal.model import Response
from shoal.model.build_design import numbers
from shoal.reduction.apart import Cut, cut
from shoal.reduction.expressions import as_expression, is_said
from shoal.reduction.far_rows import FarRows
from shoal.reduction.passes import COUNT, WEIGHT, Passes
from shoal.reduction.roles import Roles, roles_where_rows_stay
from shoal.reduction.spread import Population, scatter_of
from shoal.reduction.sums import Measured, check_numbers, grouped, measured_of, states_of
from shoal.tables import Dropped, Reduction, Table

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw

    from shoal.reduction.sources import Source

MOST_LEVELS = 5_000_000
MOST_POINTS = 1_000_000  # that stand for what is apart from levels
MOST_VALUES = 5_000_000  # of a response, which come here once
FEW_VALUES = 10_000  # of these that are kept, where they are more: default priors are scaled by them alone
NEGLIGIBLE = 1e-6  # of a row: what rounding leaves between two counts


class Found(NamedTuple):
    """What is known of a source before its rows are looked at.

    Attributes
    ----------
    source : Source
    names : tuple of str
        All of its columns.
    sample : DataFrame
        Some rows with the columns of the formula.
    rows : int
    dropped : Dropped or None
    """

    source: Source
    names: tuple[str, ...]
    sample: pd.DataFrame
    rows: int
    dropped: Dropped | None


def stay(response: Response, passes: Passes, found: Found) -> Table | str:
    """Return a table of levels and margins for rows that stay where they are, or what is in the way.

    Raises
    ------
    FormulaError, DataError, ModelError
        As `reduce.reduced` does.
    """
    (formula, predictors), sample = response.formulas, found.sample
    formulas = (formula, *predictors.values())
    roles = roles_where_rows_stay(
        formulas, {str(name): is_category(sample[name], str(name)) for name in sample}
    )
    if not all(is_said(read_piece(own.text)) for own in _weights(formula)):
        return "weights or trials that are functions of a column"
    check_numbers(roles, sample)
    factors = list(dict.fromkeys(group.factor for own in formulas for group in own.groups))
    columns = tuple(dict.fromkeys(name for factor in factors for name in factor))
    if passes.distinct(columns) > MOST_LEVELS:
        return "so many levels"
    own = passes.grouped(columns, {}, [], [])
    levels, rows = passes.keys_of(own, columns), np.asarray(own[COUNT].to_numpy(), float)
    if (parts := cut(levels, rows, factors)) is None:
        return "factors that cross, or many levels nested in one"
    levels, rows = levels.iloc[parts.order].reset_index(drop=True), rows[parts.order]
    alone = _alone(formulas) if _too_many(passes, roles) else ""
    roles.keys.pop(alone, None)
    if _too_many(passes, roles) or (alone and passes.distinct((alone,)) > MOST_VALUES):
        return "so many different responses, or combinations of categories"
    states = states_of(passes, roles)
    measured = measured_of(passes, roles, states)
    margin, points, _ = grouped(passes, roles, measured)
    counts = points.rows
    if alone:
        margin, counts = joined(margin, counts, *_few_values(passes, alone))
    frame, counts = joined(levels, rows, margin, counts)
    for name in (name for name in sample if name not in frame):
        # Of a column that stands in products alone, other tables need the kind.
        frame[name] = sample[name].iloc[0]
    reduction = Reduction(
        engine=passes.engine,
        rows=found.rows,
        groups=len(levels),
        passes=passes.made,
        received=passes.received,
        keys=tuple(roles.keys),
        numbers=tuple(roles.numbers),
        counts=counts,
        states=states,
        stays=True,
        rows_there=_rows_there(passes, found, levels, rows, parts),
    )
    if roles.numbers:
        scatter = _scatter(response, passes, frame, reduction, measured)
        reduction = replace(reduction, scatter=scatter, passes=passes.made, received=passes.received)
    return Table(frame, found.names, found.dropped, reduction)


def _too_many(passes: Passes, roles: Roles) -> bool:
    """Return whether there are too many combinations of what is apart from levels."""
    keys = tuple(roles.keys)
    return bool(keys) and passes.distinct(keys) * (len(roles.numbers) + 1) > MOST_POINTS


def _alone(formulas: Sequence[Formula]) -> str:
    """Return the column of a response that nothing stands beside, and that is nothing else; or nothing."""
    response = formulas[0].response
    first, *others = response.value.columns
    predicts = any(first in formula.predicting for formula in formulas)
    return "" if others or len(response.parts) > 1 or predicts else first


def _few_values(passes: Passes, name: str) -> tuple[pd.DataFrame, np.ndarray]:
    """Return a column's values and how many rows have each; of many, neighbours are put together.

    They are put together by as many rows, so that quantiles are off by no more than a run's share, and have
    the average of their rows, or the middle one of whole numbers.
    """
    found = passes.grouped((name,), {}, [], [])
    values, count = passes.keys_of(found, (name,))[name], np.asarray(found[COUNT].to_numpy(), float)
    order = np.argsort(values.to_numpy(), kind="stable")
    values, count = values.iloc[order], count[order]
    if len(values) > FEW_VALUES and values.dtype.kind in "iuf":
        run = ((np.cumsum(count) - count / 2) * (FEW_VALUES / count.sum())).astype(np.int64)
        _, starts, of_run = np.unique(run, return_index=True, return_inverse=True)
        total = np.bincount(of_run, count)
        own = values.to_numpy()
        if values.dtype.kind == "f":
            own = np.bincount(of_run, count * own) / total
        else:
            own = own[(starts + np.append(starts[1:], len(own)) - 1) // 2]
        values, count = pd.Series(own), total
    return pd.DataFrame({name: values.to_numpy()}), count


def _scatter(
    response: Response, passes: Passes, frame: pd.DataFrame, reduction: Reduction, measured: Measured
) -> dict[str, np.ndarray]:
    """Return the robust spread of each linear predictor's population columns over all rows, by prefix."""
    formula, predictors = response.formulas
    weights = _weights(formula)
    values, share = measured.values, reduction.counts * _weight(weights, frame)
    if weights:
        values = values | {WEIGHT: _product(weights)}
    found = dict[str, np.ndarray]()  # by what the columns are made of: passes are made once for each
    for own in (formula, *predictors.values()):
        if (text := own.population.text) not in found:
            population = Population(own, frame, reduction, share, {})
            found[text] = scatter_of(population, passes, values, measured.center)
    out = {f"{name}_": found[own.population.text] for name, own in predictors.items()}
    out[""] = found[formula.population.text]
    if get_family(response.family, response.link).cut:
        out[""] = out[""][1:, 1:]  # cutpoints are in the place of the Intercept, which is the first column
    return out


def _rows_there(passes: Passes, found: Found, levels: pd.DataFrame, rows: np.ndarray, parts: Cut) -> FarRows:
    columns = tuple(map(str, found.sample))
    return FarRows(
        *(passes.frame, passes.engine, found.source.files, columns, levels, rows, parts.part, parts.by)
    )


def joined(
    levels: pd.DataFrame, rows: np.ndarray, margin: pd.DataFrame, counts: np.ndarray
) -> tuple[pd.DataFrame, np.ndarray]:
    """Return a table of few rows with two margins, and what its rows count.

    Both are laid along one line, each row as long as it counts; wherever one of them ends, a row of the
    table does. Columns that both have agree in every row.

    Parameters
    ----------
    levels, margin : DataFrame
    rows, counts : arrays
        What their rows count; the sums are equal, for each combination of the columns that both have.
    """
    shared = [name for name in levels if name in margin]
    if shared:
        both = pd.concat([levels[shared], margin[shared]], ignore_index=True)
        code = both.groupby(shared, sort=True, observed=True).ngroup().to_numpy()
        first = np.argsort(code[: len(levels)], kind="stable")
        second = np.argsort(code[len(levels) :], kind="stable")
    else:
        first, second = np.arange(len(levels)), np.arange(len(margin))
    ends = np.cumsum(rows[first]), np.cumsum(counts[second])
    every = np.sort(np.concatenate(ends))
    count = np.diff(every, prepend=0.0)
    kept = count > NEGLIGIBLE
    middle = every[kept] - count[kept] / 2
    i, j = (np.minimum(np.searchsorted(end, middle), len(end) - 1) for end in ends)
    left = levels.iloc[first[i]].reset_index(drop=True)
    right = margin.drop(columns=shared).iloc[second[j]].reset_index(drop=True)
    return pd.concat([left, right], axis=1), count[kept]


def _weights(formula: Formula) -> list[Expression]:
    """Return what says how many observations a row stands for."""
    return [own for own in (formula.response.weights, formula.response.trials) if own is not None]


def _weight(weights: list[Expression], frame: pd.DataFrame) -> np.ndarray:
    """Return what one of the rows that a row stands for counts."""
    out = np.ones(len(frame))
    for own in weights:
        out *= numbers(own, frame)
    return out


def _product(weights: list[Expression]) -> nw.Expr:
    first, *others = (as_expression(read_piece(own.text), {}) for own in weights)
    for own in others:
        first = first * own
    return first
