"""Scores of what was left out: differences between models, and units one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from shoal.drawing.picture import Picture
from shoal.drawing.style import COMPLETE, DIVERGENT, FAINT, POOLED, crowded, new_figure, plain, quiet
from shoal.scores.loo.result import Loo
from shoal.scores.loo.units import ROW

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAMED = 60  # units that have their name
WORST = 5  # of more, how many that cannot be relied on have their name


def differences(table: pd.DataFrame, unit: str, question: str) -> Picture:
    """Draw each model's difference of elpd from the best, with one and two standard errors.

    Parameters
    ----------
    table : DataFrame
        As of `compare.Comparison`.
    """
    figure = new_figure(7.0, 1.2 + 0.45 * len(table))
    axes = quiet(figure.subplots())
    place = np.arange(len(table))[::-1]
    difference, error = table["elpd_diff"].to_numpy(), table["diff_se"].to_numpy()
    axes.axvline(0, color=COMPLETE, linewidth=1, linestyle="--")
    axes.hlines(place, difference - 2 * error, difference + 2 * error, color=FAINT, linewidth=5)
    axes.hlines(place, difference - error, difference + error, color=POOLED, linewidth=2)
    axes.scatter(difference, place, 30, POOLED, zorder=3)
    axes.set_yticks(place, [plain(name) for name in table.index])
    axes.set_ylim(-0.6, len(table) - 0.4)
    axes.set_xlabel("difference of elpd from the best model")
    caption = (
        f"Expected log predictive density of {unit}s left out, less that of the best model; bars are one and "
        f"two standard errors of the difference. {question}"
    )
    return Picture(figure, table.reset_index(), caption)


def units(score: Loo) -> Picture:
    """Draw each unit's log density left out, and its Pareto k below."""
    label = f"{score.unit}_level" if score.unit in score.pointwise else score.unit
    table = score.pointwise.reset_index(names=label)
    figure = new_figure(8.0, 5.0)
    above, below = figure.subplots(2, 1, sharex=True)
    place = np.arange(len(table))
    bad = (table["pareto_k"] > score.good_k).to_numpy()
    size = 14 if len(table) <= 200 else 5
    for axes, column in ((above, "elpd"), (below, "pareto_k")):
        values = table[column].to_numpy()
        quiet(axes).scatter(place[~bad], values[~bad], size, POOLED, linewidths=0)
        axes.scatter(place[bad], values[bad], size, DIVERGENT, linewidths=0)
    below.axhline(score.good_k, color=DIVERGENT, linewidth=1, linestyle="--")
    each = f" of one {score.unit}" if score.single and score.unit != ROW else ""
    above.set_ylabel(f"log density{each}, left out")
    below.set_ylabel("Pareto k")
    _name_units(below, table[label], table["pareto_k"].where(bad), score.unit)
    caption = (
        f"Above, the log predictive density of each {score.unit}{each} with it left out; below, the Pareto k "
        f"of its importance weights: beyond {score.good_k:.2f} (dashed) the estimate is not reliable"
        f"{', red' if bad.any() else ''}. {score.question}"
    )
    return Picture(figure, table, caption)


def _name_units(axes: Axes, labels: pd.Series, bad_k: pd.Series, unit: str) -> None:
    """Name all units, or of many those whose Pareto k (missing of those below the limit) is largest."""
    if len(labels) <= NAMED and unit != ROW:
        names = [plain(name, 20) for name in labels]
        upright = crowded(names, 7.0)
        axes.set_xticks(np.arange(len(names)), names, rotation=90 if upright else 0, fontsize=8)
        axes.set_xlabel(unit)
        return
    axes.set_xlabel(unit if unit == ROW else f"{plain(unit, 40)}, by position")
    for at in bad_k.dropna().nlargest(WORST).index:
        left = at > len(labels) / 2
        axes.annotate(
            plain(labels[at], 20),
            (at, bad_k[at]),
            (-4 if left else 4, 0),
            textcoords="offset points",
            ha="right" if left else "left",
            va="center",
            fontsize=7,
        )
