"""What a fit expects of each group of rows, on the outcome's scale, beside what was observed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from shoal.drawing.picture import Picture
from shoal.drawing.style import COLOURS, GREY, new_figure, plain, quiet
from shoal.estimands import INTERVAL, interval_names
from shoal.estimands.predictions import ask, predicted_blocks
from shoal.fit.results import Results
from shoal.model.design import Design
from shoal.plots.data import (
    TAKEN,
    averaged,
    cells_of,
    grouped,
    hues_of,
    name_groups,
    order_of,
    require_mean,
    table_of,
)
from shoal.plots.groups import interval_words

if TYPE_CHECKING:
    from matplotlib.axes import Axes

OBSERVED = "0.1"
DENSE = 200  # groups; of more, marks and intervals are thin


def outcomes(
    results: Results,
    by: str | None = None,
    colour: str | Sequence[str] | None = None,
    response: str | None = None,
    prob: float = INTERVAL,
) -> Picture:
    """Draw each group's raw mean, and the posterior of what is expected of its rows.

    Raises
    ------
    DataError, ModelError
        Unknown names, what is no name, more combinations than colours, effects that were not kept.
    """
    lower, upper = interval_names(prob)
    design = results.model.response(response)
    require_mean(design)
    name, groups = grouped(results.model, design, by)
    hues = hues_of(results.model, colour)
    order, overall = order_of(design, groups)
    table = table_of(design, groups, hues, order)
    draws = _expected(results, design, cells_of(groups, hues))
    low, high = np.quantile(draws, [(1 - prob) / 2, (1 + prob) / 2], axis=0)
    table = table.assign(**{"posterior_mean": draws.mean(0), lower: low, upper: high})
    figure = new_figure(8.0, 4.5)
    axes = quiet(figure.subplots())
    _draw(axes, table, lower, upper)
    axes.axhline(overall, color=GREY, linewidth=1, linestyle="--")
    name_groups(axes, table, order, name)
    axes.set_ylabel(plain(averaged(design), 80))
    figure.legend(loc="outside upper center", ncols=4, frameon=False, fontsize=8)
    caption = (
        f"Of the rows of each {name}: the raw {averaged(design)} (black), and what the fit expects, "
        f"posterior mean and {interval_words(prob)}. The dashed line is the raw mean of all "
        f"{design.n_rows:,} rows."
    )
    unused = [] if colour is not None else ["colour"]
    label = f"{name}_level" if name in (*TAKEN, "posterior_mean", lower, upper) else name
    return Picture(figure, table.rename(columns={"group": label}).drop(columns=unused), caption)


def _expected(results: Results, design: Design, codes: np.ndarray) -> np.ndarray:
    """Return draws of the mean expected outcome of each cell with rows that have weight, (S, cells)."""
    there = (codes >= 0) & (design.row_weight > 0)
    _, number = np.unique(codes[there], return_inverse=True)
    cell = np.full(len(codes), -1)
    cell[there] = number
    name = design.formula.response.value.text
    (question,) = ask(results, None, "mean", "error", name, None, 0)
    total, size = 0.0, np.bincount(number, design.row_weight[there])
    for where, block in predicted_blocks(question):
        values = block @ design.category_numbers if design.family.categorical else block
        values = values.reshape(-1, values.shape[2])
        # Of the others nothing may be known, and nothing times NaN is NaN.
        kept = np.flatnonzero(cell[where] >= 0)
        own, weight = cell[where][kept], design.rows.weight[where][kept]
        member = csr_array((weight, (np.arange(len(own)), own)), (len(own), len(size)))
        total = total + values[:, kept] @ member
    return np.asarray(total) / size


def _draw(axes: Axes, table: pd.DataFrame, lower: str, upper: str) -> None:
    dense = table["position"].nunique() > DENSE
    wide, large = (0.6, 4) if dense else (3, 26)
    plainly = table["colour"].nunique() == 1
    for hue, label in zip(COLOURS, table["colour"].cat.categories, strict=False):
        part = table[table["colour"] == label]
        words = "expected" if plainly else plain(label)
        axes.vlines(part["position"], part[lower], part[upper], color=hue, alpha=0.5, linewidth=wide)
        axes.scatter(part["position"], part["posterior_mean"], large, hue, linewidths=0, label=words)
    axes.scatter(
        table["position"], table["mean"], large / 2.5, OBSERVED, linewidths=0, label="observed", zorder=3
    )
