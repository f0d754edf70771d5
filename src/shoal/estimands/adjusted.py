"""Predictions with columns set, averaged over rows: what effects, slopes and contrasts are all made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from scipy.sparse import csr_array

from shoal.errors import DataError, ModelError, listing, nearest
from shoal.estimands.categories import categories_of
from shoal.estimands.level_rules import Levels
from shoal.estimands.population_mean import nodes_of_average
from shoal.estimands.predictions import LARGEST, predict, thinned
from shoal.estimands.scales import words_of
from shoal.fit.results import Results
from shoal.model.design import Design
from shoal.model.replay import columns_of
from shoal.tables import assigned

CHUNK = 2**23  # numbers predicted at a time: rows of a chunk times draws (and categories)
ROWS = 2**20  # rows of a table at a time
MOST = 2**31  # numbers predicted for one answer: a minute or two

Predict = Callable[[pd.DataFrame], xr.DataArray]
Measure = Callable[[Predict, pd.DataFrame], xr.DataArray]


@dataclass(frozen=True)
class Ask:
    """What the predictions of all cases have in common.

    Attributes
    ----------
    levels : Levels
    response : str
    scale : {"response", "probability", "linear"}
    draws : int or None
        Of each chain.
    seed : int
    """

    levels: Levels
    response: str
    scale: str
    draws: int | None
    seed: int

    @property
    def results(self) -> Results:
        """In which levels are named as the rule has it."""
        return self.levels.results

    @property
    def design(self) -> Design:
        """Of the response."""
        return self.results.model.response(self.response)

    @cached_property
    def n_draws(self) -> int:
        """Of all chains together; raises `ModelError` unless the fit has as many as are asked for."""
        sizes = thinned(self.results.posterior, self.draws).sizes
        return int(sizes["chain"] * sizes["draw"])

    @cached_property
    def categories(self) -> dict[str, list[Any]]:
        """Columns that are categories, or name levels, with all of these."""
        return categories_of(self.design, self.frame)

    @property
    def n_categories(self) -> int:
        """Numbers that the prediction of a row has at each draw."""
        each = self.scale != "linear" or self.design.family.joint
        return max(1, len(self.design.categories)) if each else 1

    @property
    def whole(self) -> bool:
        """Whether the expectation of a row depends on all rows, so that a table is predicted at a time."""
        residuals = self.design.residuals
        return self.scale != "linear" and residuals is not None and residuals.lag

    @property
    def frame(self) -> pd.DataFrame:
        """The columns of the data that predictions need."""
        return self.results.model.table.frame[columns_of(self.design, self.scale != "linear", False)]


@dataclass(frozen=True)
class Base:
    """Rows over which predictions are averaged.

    Attributes
    ----------
    frame : (N rows) DataFrame
    weight : (N,) array
    combined : tuple of str
        Columns that rows have to agree in with what is set: rows that do not are left out.
    """

    frame: pd.DataFrame
    weight: np.ndarray
    combined: tuple[str, ...] = ()


def check_columns(design: Design, names: Sequence[str]) -> None:
    """Raise unless columns predict or name levels, and each is set once."""
    trials = design.formula.response.trials
    allowed = columns_of(design, False, False)
    for name in names:
        if trials is not None and name in trials.columns and name not in design.predicting:
            raise ModelError(
                "trials-not-a-predictor",
                f"{name!r} is the number of trials of {design.formula.response.value.text!r}.",
                "Columns that predict: trials are part of the response, and keep their values.",
            )
        if name not in allowed:
            raise DataError(
                "column-not-in-model", f"No term reads a column {name!r}.", nearest(str(name), allowed)
            )


def require_equal(results: Results, what: str) -> None:
    """Raise `ModelError` if rows are sums: functions of a row are not what they are of the data's rows."""
    results.model.require_rows(
        what,
        "Predict rows of your own, fit.predict(rows), and compare them; coefficients are in fit.summary(), "
        "sums of them are fit.test(...).",
        equal=True,
    )


def over_data(ask: Ask) -> Base:
    """Return the rows of the data whose response is known, each weighing what it stands for.

    Where a row's expectation depends on all others, those that weigh nothing stay among them.
    """
    require_equal(ask.results, "An average over the rows of the data")
    weight = np.asarray(ask.design.row_weight, float)
    there = (weight > 0) | ask.whole
    return Base(ask.frame[there].reset_index(drop=True), weight[there])


def counted_by(ask: Ask) -> str:
    """Return the words for what rows count by where they do not count alike: ", by their weights"."""
    response, there = ask.design.formula.response, ask.design.row_weight > 0
    kinds = (
        ("weights", response.weights, ask.design.rows.weight),
        ("trials", response.trials, ask.design.rows.trials),
    )
    names = [name for name, given, own in kinds if given is not None and np.ptp(np.asarray(own)[there]) > 0]
    return f", by their {' and '.join(names)}" if names else ""


def averages(
    ask: Ask, base: Base, cases: Sequence[Mapping[str, Any]], measure: Measure | None = None, times: int = 1
) -> xr.DataArray:
    """Return draws of the mean over rows of what is measured, (chain, draw, case[, category]).

    Parameters
    ----------
    cases : sequence of mapping
        From columns to the values they take in all rows; they come before those that the rule about levels
        holds.
    measure : function, optional
        Of a function that predicts the rows of a table, (chain, draw, row[, category]), and of such rows; by
        default their predictions.
    times : int
        How often that predicts a row.

    Raises
    ------
    DataError, ModelError
        Also if there are more than `MOST` numbers to predict.

    Notes
    -----
    Rows that are equal once the columns are set are predicted once. With weights w and trials t, the mean of
    expected successes m is ``sum(w m) / sum(w t)``, the expected share of successes over all trials: the
    g-formula over the rows of the data, Robins (1986), Mathematical Modelling 7, 1393-1512.
    """
    each = 1 if ask.whole else max(1, ROWS // max(1, len(base.frame)))
    pieces = [cases[start : start + each] for start in range(0, len(cases), each)]
    _check_complete(_set(ask, base, cases[0])[0])
    parts: list[xr.DataArray] = []
    for piece in pieces:
        distinct, member = _distinct(ask, base, piece)
        if not parts:
            _check_work(ask, len(distinct) * len(pieces), times)
        parts.append(_averages(ask, distinct, member, measure or (lambda predicted, rows: predicted(rows))))
    return parts[0] if len(parts) == 1 else xr.concat(parts, "case")


def _distinct(ask: Ask, base: Base, cases: Sequence[Mapping[str, Any]]) -> tuple[pd.DataFrame, csr_array]:
    """Return the rows of a few cases that differ, and what each counts in the mean of each case."""
    tables = [_set(ask, base, case) for case in cases]
    whole = pd.concat([table for table, _ in tables], ignore_index=True)
    weight = np.concatenate([own / own.sum() for _, own in tables])
    case = np.repeat(np.arange(len(cases)), [len(table) for table, _ in tables])
    if ask.whole:
        return whole, csr_array((weight, (np.arange(len(whole)), case)), (len(whole), len(cases)))
    code = whole.groupby(list(whole), sort=False, observed=True, dropna=False).ngroup().to_numpy()
    _, first = np.unique(code, return_index=True)
    member = csr_array((weight, (code, case)), (len(first), len(cases)))
    return whole.iloc[first].reset_index(drop=True), member


def _averages(ask: Ask, distinct: pd.DataFrame, member: csr_array, measure: Measure) -> xr.DataArray:
    """Return `averages` of a few cases."""
    predicted, cases = _predictor(ask), member.shape[1]
    total: Any = 0.0
    for rows in _chunks(ask, len(distinct)):
        found = measure(predicted, distinct.iloc[rows].reset_index(drop=True))
        there = found.transpose("row", ...)
        flat = there.values.reshape(len(there), -1)
        total = total + xr.DataArray(
            (member[rows].T @ flat).reshape(cases, *there.shape[1:]),
            {name: there[name] for name in there.dims[1:]},
            ("case", *there.dims[1:]),
        )
    return total.transpose("chain", "draw", "case", ...)


def check_points(ask: Ask, points: int) -> None:
    """Raise if the draws of so many points take more than can be held."""
    categories = 1 if ask.scale == "response" and ask.design.family.ordinal else ask.n_categories
    size = 8 * ask.n_draws * categories * points
    if size > LARGEST:
        raise ModelError(
            "result-too-large",
            f"The draws of {points:,} points take {size / 2**30:,.1f} GB.",
            f"At most {LARGEST / 2**30:g} GB.",
            "Fewer points, or fewer draws (draws=...).",
        )


def _check_work(ask: Ask, rows: int, times: int) -> None:
    """Raise if there are more than `MOST` numbers to predict, and say how many draws there may be."""
    averaged = ask.levels.new_levels == "average" and ask.scale != "linear"
    times *= nodes_of_average(ask.design) if averaged else 1
    count = rows * times * ask.n_draws * ask.n_categories
    if count <= MOST:
        return
    chains = ask.results.posterior.sizes["chain"]
    draws = MOST * ask.n_draws // (count * chains)
    fewer = f"draws={draws} takes that many of each chain, evenly spread" if draws else "Fewer rows"
    raise ModelError(
        "result-too-large",
        f"{count:,} numbers are to be predicted: of {rows:,} rows that differ, at {ask.n_draws:,} draws"
        f"{f', {times} times each' if times > 1 else ''}.",
        f"At most {MOST:,}.",
        f"{fewer}; over='typical' predicts one row for each point.",
    )


def _check_complete(frame: pd.DataFrame) -> None:
    """Raise if there are values that are not known, such as those that ``mi(x)`` imputes."""
    names = [str(name) for name in frame if frame[name].isna().any()]
    if names:
        rows = int(frame[names].isna().any(axis=1).sum())
        raise DataError(
            "predictor-missing",
            f"{listing(map(repr, names))} {'is' if len(names) == 1 else 'are'} not known in {rows:,} rows.",
            "Predictions need the values of all predictors.",
            f"Hold it at a value, at={{{names[0]!r}: ...}}, or predict over='typical' values.",
        )


def _set(ask: Ask, base: Base, case: Mapping[str, Any]) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the rows with columns set, and their weights."""
    frame, weight, values = base.frame, base.weight, {**ask.levels.held, **case}
    fixed = {name: value for name, value in values.items() if name in base.combined}
    for name, value in fixed.items():
        agree = (frame[name] == value).to_numpy()
        frame, weight = frame[agree], weight[agree]
    if not len(frame):
        raise DataError(
            "combination-not-fitted",
            f"No level that was fitted has {words_of(fixed)}.",
            "levels='fitted' averages over combinations that are in the data.",
            "levels='typical' or 'population' needs none.",
        )
    return assigned(frame, {name: _column(frame[name], value) for name, value in values.items()}), weight


def _column(column: pd.Series, value: Any) -> Any:
    """Return a constant column, categorical where the fitted one is and knows the value."""
    if isinstance(column.dtype, pd.CategoricalDtype) and value in column.cat.categories:
        return pd.Categorical([value] * len(column), dtype=column.dtype)
    return value


def _chunks(ask: Ask, rows: int) -> Iterator[slice]:
    """Yield the rows that are predicted at a time."""
    if ask.whole:
        yield slice(0, rows)
        return
    size = max(1, CHUNK // (ask.n_draws * ask.n_categories))
    yield from (slice(start, min(start + size, rows)) for start in range(0, rows, size))


def _predictor(ask: Ask) -> Predict:
    """Return the function that predicts the rows of a table."""
    design, linear = ask.design, ask.scale == "linear"

    def predicted(rows: pd.DataFrame) -> xr.DataArray:
        found = predict(
            ask.results,
            rows,
            "linear" if linear else "mean",
            ask.levels.new_levels,
            response=ask.response,
            draws=ask.draws,
            seed=ask.seed,
        )
        if ask.scale == "response" and design.family.ordinal:
            means = found.values @ design.category_numbers
            kept = ("chain", "draw", "row")
            return xr.DataArray(means, {name: found[name] for name in kept}, kept)
        return xr.DataArray(found)

    return predicted
