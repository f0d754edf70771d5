"""How fast predictions change along a predictor: derivatives, and elasticities made of them.

The derivative of a prediction is that of the polynomial of the eighth degree through nine predictions near
the value, inside the range of the data where the value is: but for rounding it is exact for polynomials, and
for inverse links the error is that of the step, in units of the linear predictor, to the eighth power. The
names of the ratios are those of the R package marginaleffects (Arel-Bundock, Greifer and Heiss 2024, Journal
of Statistical Software 111, 9).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from shoal.errors import ModelError, nearest
from shoal.estimands.adjusted import Measure, Predict, scale_words
from shoal.estimands.common import INTERVAL, interval_names
from shoal.estimands.grids import categories_of, columns_in
from shoal.estimands.predictor_effects import Effect, Plan, answer, plan
from shoal.fit.results import Results

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
    if kind not in KINDS:
        raise ModelError(f"kind={kind!r}.", f"One of {', '.join(KINDS)}.", nearest(str(kind), KINDS))
    along = columns_in(x, "x")
    if len(along) > 1:
        raise ModelError(f"x={x!r} has {len(along)} columns.", "One predictor; others stand in `by`.")
    (name,) = along
    asked = plan(results, along, by, at, over, levels, scale, response, draws, seed, along=False)
    _check_number(asked, name)
    words = KINDS[kind].format(y=scale_words(asked.ask.design, asked.ask.scale), x=name)
    return answer(asked, along, by, _derivative(asked, name, kind), words, prob)


def _check_number(asked: Plan, name: str) -> None:
    if name in categories_of(asked.ask.design, asked.ask.frame):
        raise ModelError(
            f"{name!r} is a category, or steps: nothing lies between its values.",
            "A number, along which predictions change smoothly.",
            f"fit.contrast({{{name!r}: [one, other]}}) compares two of them.",
        )


def _derivative(asked: Plan, name: str, kind: str) -> Measure:
    """Return what measures the derivative along a column in each row of a table."""
    known = asked.ask.frame[name].dropna().to_numpy(float)
    low, high = float(known.min()), float(known.max())
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
                * predicted(rows.assign(**{name: first + j * step}))
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
