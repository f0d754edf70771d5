"""Rows that stay where they are: what a model must know of them is found by passes.

Given hyperparameters and coefficients the levels are independent, and their rows are asked where they are
(`engine.rounds`). What is left for this process is the structure of the model and its default priors: the
levels with their numbers of rows; and apart from the levels the responses, the categories, and the means and
products of numbers. The frame's rows are a table of both margins, of fewest rows: its columns each have their
own values and counts, and which value stands in which level's rows is not kept.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from shoal.families import get_family
from shoal.formula.categories import is_category
from shoal.formula.reader import read_piece
from shoal.formula.terms import Expression
from shoal.model import Response
from shoal.model.build_design import numbers
from shoal.reduction.apart import Cut, cut
from shoal.reduction.expressions import as_expression, is_said
from shoal.reduction.far_rows import FarRows
from shoal.reduction.passes import COUNT, WEIGHT, Passes
from shoal.reduction.roles import roles_where_rows_stay
from shoal.reduction.spread import Population, scatter_of
from shoal.reduction.sums import check_numbers, grouped, measured_of, states_of
from shoal.tables import Dropped, Reduction, Table

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw

    from shoal.reduction.sources import Source

MOST_POINTS = 1_000_000  # that stand for what is apart from levels
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
    formula, sample = response.formulas[0], found.sample
    roles = roles_where_rows_stay(
        formula, {str(name): is_category(sample[name], str(name)) for name in sample}
    )
    weights = [own for own in (formula.response.weights, formula.response.trials) if own is not None]
    if not all(is_said(read_piece(own.text)) for own in weights):
        return "weights or trials that are functions of a column"
    check_numbers(roles, sample)
    factors = [group.factor for group in formula.groups]
    columns = tuple(dict.fromkeys(name for factor in factors for name in factor))
    own = passes.grouped(columns, {}, [], [])
    levels, rows = passes.keys_of(own, columns), np.asarray(own[COUNT].to_numpy(), float)
    if (parts := cut(levels, rows, factors)) is None:
        return "factors that cross, or many levels nested in one"
    levels, rows = levels.iloc[parts.order].reset_index(drop=True), rows[parts.order]
    if roles.keys and passes.distinct(tuple(roles.keys)) * (len(roles.numbers) + 1) > MOST_POINTS:
        return "so many different responses, or combinations of categories"
    states = states_of(passes, roles)
    measured = measured_of(passes, roles, states)
    margin, points, _ = grouped(passes, roles, measured)
    frame, counts = joined(levels, rows, margin, points.rows)
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
        values, share = measured.values, counts * _weight(weights, frame)
        if weights:
            values = values | {WEIGHT: _product(weights)}
        population = Population(formula, frame, reduction, share, {})
        spread = scatter_of(population, passes, values, measured.center)
        if get_family(response.family, response.link).cut:  # cutpoints are in the place of the Intercept
            spread = spread[1:, 1:]
        reduction = replace(reduction, scatter=spread, passes=passes.made, received=passes.received)
    return Table(frame, found.names, found.dropped, reduction)


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
