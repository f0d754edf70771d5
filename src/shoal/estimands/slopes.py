"""How fast predictions change along a predictor: derivatives, and elasticities made of them.

Where predictions are linear in the column, the derivative is the same at all of its values, and the average
derivative the difference between two averages, one at each end of the column's range: rows that differ in
nothing else are one row. Elsewhere it is that of the polynomial of the eighth degree through nine predictions
near the value, inside the range of the data where the value is: but for rounding it is exact for polynomials,
and for inverse links the error is that of the step, in units of the linear predictor, to the eighth power.
The names of the ratios are those of the R package marginaleffects (Arel-Bundock, Greifer and Heiss 2024,
Journal of Statistical Software 111, 9).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from shoal.errors import ModelError, check_choice
from shoal.estimands.adjusted import Measure, Predict, averages
from shoal.estimands.common import INTERVAL, interval_names
from shoal.estimands.grids import columns_in
from shoal.estimands.population_mean import has_linear_mean
from shoal.estimands.predictor_effects import Effect, Plan, answer, plan
from shoal.estimands.scales import scale_words
from shoal.fit.results import Results
from shoal.formula.algebra import expand
from shoal.formula.reader import read_piece
from shoal.formula.terms import Expression
from shoal.formula.tree import Column, columns_of
from shoal.model.design import Design
from shoal.model.replay_levels import factors_of
from shoal.tables import assigned

KINDS = {
    "dydx": "change of {y} for one unit of {x}",
    "eyex": "relative change of {y} for a relative change of {x} (elasticity)",
    "eydx": "relative change of {y} for one unit of {x}",
    "dyex": "change of {y} for a relative change of {x}",
}
NODES = 9
STEP = 1 / 1024  # between them, in units of the range of the predictor


def slope(
    results: Results,
    x: Any,
    *,
    kind: str = "dydx",
    by: Any = None,
    at: Mapping[str, Any] | str | None = None,
    over: str = "data",
    levels: Any = None,
    scale: str = "response",
    response: str | None = None,
    draws: int | None = None,
    seed: int = 0,
    prob: float = INTERVAL,
) -> Effect:
    """Return derivatives of predictions; see `Fit.slope`.

    Raises
    ------
    DataError, ModelError
    """
    interval_names(prob)
    check_choice("kind", kind, KINDS)
    along = columns_in(x, "x")
    if len(along) > 1:
        raise ModelError(
            "predictors-of-slope",
            f"x={x!r} has {len(along)} columns.",
            "One predictor; others stand in `by`.",
        )
    (name,) = along
    asked = plan(results, along, by, at, over, levels, scale, response, draws, seed, along=False)
    _check_number(asked, name)
    words = KINDS[kind].format(y=scale_words(asked.ask.design, asked.ask.scale), x=name)
    line = kind == "dydx" and _is_line(asked, name)
    found = _of_line(asked, name) if line else _of_curve(asked, name, kind)
    return answer(asked, along, found, words, prob, "slope")


def _check_number(asked: Plan, name: str) -> None:
    if name in asked.ask.categories:
        raise ModelError(
            "slope-of-category",
            f"{name!r} is a category, or steps: nothing lies between its values.",
            "A number, along which predictions change smoothly.",
            f"fit.contrast({{{name!r}: [one, other]}}) compares two of them.",
        )


def _range(asked: Plan, name: str) -> tuple[float, float]:
    """Return the smallest and the largest value of a column; two that differ if it has one."""
    known = asked.ask.frame[name].dropna().to_numpy(float)
    low, high = float(known.min()), float(known.max())
    return low, high if high > low else low + 1.0


def _is_line(asked: Plan, name: str) -> bool:
    """Whether predictions are known to be linear in a column: it is a factor of terms, and nothing else."""
    design = asked.ask.design
    if any(name in factor.columns for factor in factors_of(design)):
        return False
    if asked.ask.scale == "linear":
        return not design.family.joint and _enters_linearly(design, name)
    return has_linear_mean(design) and _enters_linearly(design, name)


def _enters_linearly(design: Design, name: str) -> bool:
    """Whether all terms that read a column are products with it, in every linear predictor."""
    others = [c for part in design.parts for curve in part.curves for c in curve.term.columns]
    others += [own.term.column for part in design.parts for own in part.imputed]
    others += [c for part in design.parts for g in part.groups if g.membership for c in g.membership.columns]
    others += design.items
    offsets = [own for part in design.parts for own in part.formula.offsets if name in own.columns]
    if name in others or any(read_piece(own.text) != Column(name) for own in offsets):
        return False
    return all(
        name not in columns_of(factor) or factor == Column(name)
        for expression in _expressions(design)
        for term in expand(read_piece(expression.text), expression.text, outermost=False).terms
        for factor in term
    )


def _expressions(design: Design) -> Iterator[Expression]:
    """Yield the sums of terms that coefficients and effects of levels multiply."""
    for part in design.parts:
        yield part.spec.expression
        yield from (spec.expression for group in part.groups for spec in group.specs)


def _of_line(asked: Plan, name: str) -> xr.DataArray:
    """Return average derivatives of what is linear in a column, (chain, draw, case[, category])."""
    ends = _range(asked, name)
    both = [{**case, name: end} for case in asked.cases for end in ends]
    found = averages(asked.ask, asked.base, both)
    low, high = found.isel(case=slice(0, None, 2)), found.isel(case=slice(1, None, 2))
    return (high - low) / (ends[1] - ends[0])


def _of_curve(asked: Plan, name: str, kind: str) -> xr.DataArray:
    """Return average derivatives, or ratios, of any predictions, (chain, draw, case[, category])."""
    times = NODES + kind.startswith("ey")
    return averages(asked.ask, asked.base, asked.cases, _derivative(asked, name, kind), times)


def _derivative(asked: Plan, name: str, kind: str) -> Measure:
    """Return what measures the derivative along a column in each row of a table."""
    low, high = _range(asked, name)
    step = STEP * (high - low)

    def measure(predicted: Predict, rows: pd.DataFrame) -> xr.DataArray:
        x = rows[name].to_numpy(float)
        first = x - step * (NODES - 1) / 2
        # No node leaves the data's range where the value does not: there may be no prediction.
        inside = (x >= low) & (x <= high)
        first = np.where(inside, np.clip(first, low, high - step * (NODES - 1)), first)
        weights = weights_at((x - first) / step)
        total = sum(
            (
                xr.DataArray(weights[:, j] / step, dims="row")
                * predicted(assigned(rows, {name: first + j * step}))
                for j in range(NODES)
            ),
            xr.DataArray(0.0),
        )
        if kind.endswith("ex"):
            total = total * xr.DataArray(x, dims="row")
        return total / predicted(rows) if kind.startswith("ey") else total

    return measure


def weights_at(place: np.ndarray) -> np.ndarray:
    """Return what multiplies values at 0, 1, … 8 for the derivative at some places (N,), as (N, 9).

    Derivatives of Lagrange's polynomials: ``sum over m of prod over k of (t - k) / (j - k)``, k neither j
    nor m, over ``j - m``.
    """
    nodes = np.arange(NODES, dtype=float)
    out = np.zeros((len(place), NODES))
    for j in range(NODES):
        for m in range(NODES):
            if m != j:
                others = np.array([k for k in nodes if k not in (j, m)])
                out[:, j] += np.prod((place[:, None] - others) / (j - others), axis=1) / (j - m)
    return out
