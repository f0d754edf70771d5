"""The rows of the data behind a picture of predictions: points, or means of bins where points say little."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from shoal.estimands.predictor_effects import Effect
from shoal.fit.results import Results

MOST = 2_000  # rows that are drawn one by one
BINS = 20
Y, SIZE = "observed", "n"


def tells_apart(results: Results, effect: Effect, name: str, column: str) -> bool:
    """Whether the values of `name` in the grid are those of rows: categories, or numbers of few values.

    `column` is what the table calls it.
    """
    if name not in effect.numbers:
        return True
    values = results.model.table.frame[column].dropna()
    return bool(values.isin(effect.grid[name].tolist()).all())


def observed_rows(
    results: Results, effect: Effect, within: Sequence[str], single: bool, labels: Mapping[str, str]
) -> tuple[pd.DataFrame, bool]:
    """Return the responses on the scale of the predictions, with the columns that vary, and whether binned.

    Rows whose response is not known, or that have no weight, are left out; so are all where predictions are
    not on the response's own scale, or of several columns.

    Parameters
    ----------
    within : sequence of str
        Columns whose values rows are drawn by: bins are of rows that agree in them.
    single : bool
        Draw rows one by one. Else, of 0/1 responses and of many rows, means in each of at most `BINS` bins
        of equal numbers of rows along a numeric predictor, and their numbers ``n``.
    labels : mapping
        From columns of the table to what `effect` and `within` call them, where that differs.
    """
    design = results.model.response(effect.response)
    names = list(dict.fromkeys([*effect.x, *within]))
    if effect.of != "response" or design.family.several or results.model.table.reduction is not None:
        return pd.DataFrame(columns=[*names, Y, SIZE]), False
    columns = {label: column for column, label in labels.items()}
    frame = results.model.table.frame[[columns.get(name, name) for name in names]].set_axis(names, axis=1)
    kept = (design.row_weight > 0) & ~design.absent & frame.notna().all(axis=1).to_numpy()
    for name in within:
        kept &= frame[name].isin(effect.grid[name].tolist()).to_numpy()
    shares = design.observed / np.where(design.rows.trials > 0, design.rows.trials, 1.0)
    table = frame.assign(**{Y: shares, SIZE: design.row_weight})[kept].reset_index(drop=True)
    binary = np.isin(table[Y], [0, 1]).all()
    if single or not len(table) or not (binary or len(table) > MOST):
        return table, False
    along = [name for name in effect.x if name not in within]
    parts = [part for _, part in table.groupby(list(within), observed=True)] if within else [table]
    return pd.concat([_means(part, along, within) for part in parts], ignore_index=True), True


def _means(table: pd.DataFrame, along: Sequence[str], within: Sequence[str]) -> pd.DataFrame:
    """Return means weighted by the rows' size, in bins of the predictor."""
    bins = np.zeros(len(table), int)
    if along:
        x = table[along[0]].to_numpy(float)
        values = np.unique(x)
        edges = values if len(values) <= BINS else np.unique(np.quantile(x, np.linspace(0, 1, BINS + 1))[:-1])
        bins = np.searchsorted(edges, x, side="right") - 1
    weight = table[SIZE].to_numpy(float)
    size = np.bincount(bins, weight)
    there = size > 0
    out = pd.DataFrame({name: [table[name].iloc[0]] * int(there.sum()) for name in within})
    for name in (*along, Y):
        total = np.bincount(bins, weight * table[name].to_numpy(float))
        out[name] = total[there] / size[there]
    return out.assign(**{SIZE: size[there]})
