"""From each level's estimate alone to its pooled one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shoal.drawing.picture import Picture
from shoal.drawing.style import ALONE, COMPLETE, FAINT, POOLED, new_figure, quiet
from shoal.estimands import INTERVAL, interval_names, one_level
from shoal.fit.results import Results
from shoal.plots.groups import Levels, interval_words, levels_of, log_axis, size_axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BANDS = 40  # levels whose pooled intervals are drawn, too
MOVES = 6  # levels named, those that moved most


def shrinkage(
    results: Results, group: str | None = None, effect: str | None = None, prob: float = INTERVAL
) -> Picture:
    """Draw an arrow for each level from its no-pooling estimate to its pooled one, by the level's size.

    Raises
    ------
    ModelError
        Unknown names, effects that were not kept, or levels that share rows.
    """
    levels = levels_of(results, group, effect, prob)
    if levels.group.shared:
        one_level(levels.group)
    place, words, logarithmic, spread = size_axis(levels, levels.table["no_pooling"].to_numpy())
    table = levels.table.assign(position=place)
    figure = new_figure(7.5, 4.8)
    axes = quiet(figure.subplots())
    if logarithmic:
        log_axis(axes)
    x, alone, pooled = (table[name].to_numpy() for name in ("position", "no_pooling", "mean"))
    edge = table["at_edge"].to_numpy(bool)
    shown = len(table) <= BANDS
    if shown:
        low, high = (table[name].to_numpy() for name in interval_names(prob))
        axes.vlines(x, low, high, color=FAINT, linewidth=4, zorder=0)
    axes.axhline(levels.population, color=COMPLETE, linewidth=1, linestyle="--", label="population")
    small = 5 if len(table) > 200 else 16
    axes.scatter(x[~edge], alone[~edge], small, ALONE, label="alone (no pooling)", linewidths=0)
    if edge.any():
        axes.scatter(
            x[edge],
            alone[edge],
            small,
            facecolors="none",
            edgecolors=ALONE,
            label="alone, all responses at one edge",
        )
    axes.scatter(x, pooled, small, POOLED, label="pooled", linewidths=0)
    _arrows(axes, x, alone, pooled)
    _name(axes, levels, x, alone, pooled)
    axes.set(xlabel=words, ylabel=levels.axis)
    figure.legend(loc="outside upper center", ncols=4, frameon=False, fontsize=8)
    bands = f" Grey bands: {interval_words(prob)} of the pooled coefficients." if shown else ""
    return Picture(figure, table, _caption(levels) + bands + spread)


def _arrows(axes: Axes, x: np.ndarray, start: np.ndarray, end: np.ndarray) -> None:
    """Draw vertical arrows, whose heads stay small where there are many."""
    axes.quiver(
        x,
        start,
        np.zeros(len(x)),
        end - start,
        angles="xy",
        scale_units="xy",
        scale=1,
        color=COMPLETE,
        width=0.002 if len(x) <= 200 else 0.0008,
        headwidth=4,
        headlength=5,
        zorder=1,
    )


def _name(axes: Axes, levels: Levels, x: np.ndarray, alone: np.ndarray, pooled: np.ndarray) -> None:
    """Name the levels that moved most at their estimate alone, but for names that would cover another."""
    names, taken = levels.names, list[np.ndarray]()
    corner = axes.transAxes.inverted()
    places = corner.transform(axes.transData.transform(np.column_stack([x, alone])))
    for i in np.argsort(-np.abs(pooled - alone), kind="stable")[:MOVES]:
        if any(abs(places[i] - other)[0] < 0.04 and abs(places[i] - other)[1] < 0.06 for other in taken):
            continue
        taken.append(places[i])
        above = alone[i] > pooled[i]
        axes.annotate(
            names[i],
            (x[i], alone[i]),
            (0, 4 if above else -4),
            textcoords="offset points",
            ha="center",
            va="bottom" if above else "top",
            fontsize=7,
        )


def _caption(levels: Levels) -> str:
    return (
        f"Each of {len(levels.table):,} levels of {levels.group.name}: from its estimate alone to its pooled "
        f"coefficient (population plus deviation, posterior mean). The dashed line is the population's mean. "
        "Levels that moved most are named."
    )
