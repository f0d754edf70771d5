"""Levels in order, with their intervals, their ranks, and the probability of being the best."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from shoal import estimands
from shoal.drawing.picture import Picture
from shoal.drawing.style import COMPLETE, POOLED, new_figure, plain, quiet
from shoal.estimands import INTERVAL, interval_names
from shoal.fit.results import Results
from shoal.plots.groups import Levels, interval_words, name_rows, pooled_levels_of, row_height

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def caterpillar(
    results: Results,
    group: str | None = None,
    effect: str | None = None,
    prob: float = INTERVAL,
    best: str = "high",
) -> Picture:
    """Draw the levels, best first: coefficients and ranks with intervals, and who may be the best.

    Raises
    ------
    ModelError
        Unknown names, or effects that were not kept.
    """
    levels = pooled_levels_of(results, group, effect, prob)
    table = _table(results, levels, group, effect, prob, best)
    count = len(table)
    figure = new_figure(9.0, row_height(count))
    left, middle, right = figure.subplots(1, 3, sharey=True, width_ratios=[3, 2, 1.3])
    bounds = interval_names(prob)
    _intervals(left, table["mean"], *(table[name] for name in bounds))
    left.axvline(levels.population, color=COMPLETE, linewidth=1, linestyle="--")
    left.set_xlabel(levels.axis)
    _intervals(middle, table["rank_mean"], *(table[f"rank_{name}"] for name in bounds))
    middle.set(xlabel="rank", xlim=(0.5, count + 0.5))
    right.barh(np.arange(count), table["p_best"], color=POOLED, height=0.8)
    right.set(xlabel="probability of rank 1", xlim=(0, None))
    for axes in (left, middle, right):
        quiet(axes)
    name_rows(left, [plain(str(label)) for label in table[levels.label]])
    left.set_ylabel(plain(levels.group.name, 24))
    end = "highest" if best == "high" else "lowest"
    caption = (
        f"The {count:,} levels of {levels.group.name} that were fitted, in the order of their mean rank "
        f"(1 is the {end} coefficient): posterior means, {interval_words(prob)} of coefficients and ranks. "
        "The dashed line is the population's mean."
    )
    return Picture(figure, table, caption)


def _table(
    results: Results, levels: Levels, group: str | None, effect: str | None, prob: float, best: str
) -> pd.DataFrame:
    """Return ranks and coefficients, best first."""
    ranks = estimands.ranks(results, group, effect, best, prob=prob)
    own = levels.table.set_index(levels.label)[["size", *interval_names(prob)]]
    # The label's column may be called otherwise where it would be one of the other table's names.
    ranks = pd.DataFrame(ranks).rename(columns={str(ranks.columns[0]): levels.label})
    return ranks.join(own, on=levels.label)


def _intervals(axes: Axes, mean: pd.Series, low: pd.Series, high: pd.Series) -> None:
    rows = np.arange(len(mean))
    axes.hlines(rows, low, high, color=POOLED, linewidth=1.4 if len(mean) <= 100 else 0.5)
    axes.scatter(mean, rows, 14 if len(mean) <= 100 else 2, POOLED, linewidths=0)
