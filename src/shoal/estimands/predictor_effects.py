"""What a model expects along a predictor: predictions over a grid, others held or averaged over the data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from shoal.errors import ModelError, check_choice
from shoal.estimands.adjusted import (
    Ask,
    Base,
    averages,
    check_columns,
    check_points,
    counted_by,
    over_data,
)
from shoal.estimands.common import INTERVAL, interval_names
from shoal.estimands.comparisons import Answer, flat
from shoal.estimands.counterfactuals import population_words
from shoal.estimands.grids import (
    Varied,
    check_apart,
    check_predictors,
    columns_in,
    held_columns,
    typical_rows,
    value_in,
    varied,
)
from shoal.estimands.level_rules import level_rule
from shoal.estimands.scales import of_shares, scale_for, scale_words, words_of, words_of_each
from shoal.estimands.table import Estimates
from shoal.fit.results import Results

OVER = ("typical", "data")
TERM = "term"  # the column of a table of one slope, which has no grid


@dataclass(frozen=True, repr=False)
class Effect(Answer):
    """Predictions over a grid, or slopes at its points.

    Attributes
    ----------
    draws : xarray.DataArray
        Dims (chain, draw, point), and category for probabilities of categories.
    grid : pandas.DataFrame
        One row a point: the values of the columns that vary.
    x, by : tuple of str
        Which of them the grid is along, and which tell curves apart.
    numbers : frozenset of str
        Those that are numbers.
    response : str
    of : str
        What stands at its points: "response", "probability" or "linear"; "slope" of slopes.
    """

    grid: pd.DataFrame
    x: tuple[str, ...]
    by: tuple[str, ...]
    numbers: frozenset[str]
    response: str
    of: str

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row a point (and category): the grid, then median, mean, sd and equal-tailed interval."""
        values = flat(self.draws)
        tails = [(1 - self.prob) / 2, 0.5, (1 + self.prob) / 2]
        low, median, high = np.quantile(values, tails, axis=0)
        columns = dict(zip(self.statistics, (median, values.mean(0), values.std(0), low, high), strict=True))
        table = Estimates(pd.concat([self.labels, pd.DataFrame(columns)], axis=1))
        table.index = pd.RangeIndex(1, len(table) + 1)
        table.attrs = {"scale": self.scale, "population": self.population}
        return table

    @property
    def statistics(self) -> tuple[str, ...]:
        """The columns that describe draws: median, mean, sd and the ends of the interval."""
        return ("median", "mean", "sd", *interval_names(self.prob))

    @property
    def labels(self) -> pd.DataFrame:
        """The columns that tell rows of the table apart: the grid's, each row once for every category.

        A column of the grid that is called as one of the table's own ends in ``_value`` there.
        """
        taken = (*self.statistics, *(["category"] if self.draws.ndim > 3 else []))
        grid = self.grid.rename(columns=labels_beside(self.grid, taken))
        if self.draws.ndim == 3:
            return grid
        categories = self.draws[self.draws.dims[3]].values.tolist()
        repeated = grid.loc[grid.index.repeat(len(categories))].reset_index(drop=True)
        return repeated.assign(category=categories * len(grid))

    def renamed(self, names: Mapping[str, str]) -> Effect:
        """Return the same with columns of the grid under other names."""
        return replace(
            self,
            grid=self.grid.rename(columns=dict(names)),
            x=tuple(names.get(name, name) for name in self.x),
            by=tuple(names.get(name, name) for name in self.by),
            numbers=frozenset(names.get(name, name) for name in self.numbers),
        )


def labels_beside(columns: Iterable[Any], taken: Iterable[str]) -> dict[str, str]:
    """Return other names for those columns whose own are taken: ``mean_value`` of ``mean``."""
    every, taken = list(map(str, columns)), set(taken)
    out: dict[str, str] = {}
    for name in every:
        label = name
        while label in taken or (label != name and label in (*every, *out.values())):
            label += "_value"
        if label != name:
            out[name] = label
    return out


@dataclass(frozen=True)
class Plan:
    """What `effect` and `slope` ask: the cases, the rows they are averaged over, and how to say so."""

    ask: Ask
    base: Base
    cases: list[dict[str, Any]]
    grid: Varied
    population: str


def plan(
    results: Results,
    x: Mapping[str, Any],
    by: Any,
    at: Mapping[str, Any] | str | None,
    over: str,
    levels: Any,
    scale: Any,
    response: str | None,
    draws: int | None,
    seed: int,
    grid: str = "range",
    points: int = 50,
    along: bool = True,
) -> Plan:
    """Return what is to be predicted, with all that can be refused refused.

    Parameters
    ----------
    along : bool
        Whether columns of `x` without values take a grid of them, or stay as they are.
    """
    check_choice("over", over, OVER)
    design = results.model.response(response)
    scale = scale_for(design, scale)
    between = {} if by is None else columns_in(by, "by")
    own = held_columns(at)
    at = own if isinstance(at, Mapping) else at
    check_columns(design, [*x, *between, *own])
    check_predictors(design, x)
    check_apart(design, x if along else [c for c in x if x[c] is not None], between, own)
    given = {name: values for name, values in x.items() if along or values is not None}
    settled = [*(x if along else given), *between]
    shares = of_shares(results, response)
    rule = level_rule(shares, response, at, levels, settled, over_data=over == "data")
    ask = Ask(rule, design.formula.response.value.text, scale, draws, seed)
    values = varied(ask, given, between, grid, points)
    categories = ask.categories
    own = {c: value_in(ask.design, ask.frame, categories, c, v) for c, v in own.items() if v is not None}
    check_points(ask, values.count)
    cases = [{**own, **case} for case in values.cases]
    if over == "data":
        base = over_data(ask)
        return Plan(ask, base, cases, values, population_words(ask, own))
    if ask.whole:
        raise ModelError(
            "rows-of-neighbours",
            f"over={over!r}, and the expected {ask.response} of a row depends on all other rows.",
            "over='data', in which all rows are set and predicted together.",
            "scale='linear' is a row's own predictor.",
        )
    base, typical = typical_rows(ask)
    held = {c: v for c, v in typical.items() if c not in values.values and c not in own}
    whole = [{**held, **case} for case in cases]
    words = [f"other predictors at their means or modes{counted_by(ask)} ({words_of(held)})"] if held else []
    words += [f"with {words_of(own)}"] if own else []
    words += [ask.levels.words] if ask.levels.words else []
    return Plan(ask, base, whole, values, ", ".join(words) or "rows of these values")


def effect(
    results: Results,
    x: Any,
    *,
    by: Any = None,
    at: Mapping[str, Any] | str | None = None,
    over: str = "typical",
    levels: Any = None,
    scale: str = "response",
    grid: str = "range",
    points: int = 50,
    response: str | None = None,
    draws: int | None = None,
    seed: int = 0,
    prob: float = INTERVAL,
) -> Effect:
    """Return predictions over a grid; see `Fit.effect`.

    Raises
    ------
    DataError, ModelError
    """
    interval_names(prob)
    along = columns_in(x, "x")
    asked = plan(results, along, by, at, over, levels, scale, response, draws, seed, grid, points)
    found = averages(asked.ask, asked.base, asked.cases)
    words = scale_words(asked.ask.design, asked.ask.scale)
    return answer(asked, along, found, words, prob, asked.ask.scale)


def answer(
    asked: Plan, x: Mapping[str, Any], found: xr.DataArray, scale: str, prob: float, of: str
) -> Effect:
    """Return what was planned, from its draws (chain, draw, case[, category]) at the points of the grid."""
    values = asked.grid
    cases = values.cases
    labels = words_of_each(cases) if cases[0] else [", ".join(x)]
    table = pd.DataFrame({name: [case[name] for case in cases] for name in cases[0]})
    table = table if cases[0] else pd.DataFrame({TERM: list(x)})
    return Effect(
        found.rename(case="point").assign_coords(point=labels),
        scale,
        asked.population,
        prob,
        table,
        tuple(name for name in x if name in values.values),
        tuple(name for name in values.values if name in values.between),
        values.numbers,
        asked.ask.response,
        of,
    )
