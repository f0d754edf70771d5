"""Funnels side by side: log sd between levels against one level's effect, as each run has explored it."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from shoal.api import Fit
from shoal.drawing import style
from shoal.drawing.picture import Picture
from shoal.errors import ModelError, listing, nearest
from shoal.estimands import effect_of, group_of
from shoal.fit.results import Results
from shoal.model.design import Design, Group
from shoal.studies.lab.measures import AXES, SMALLEST, posterior, statistics

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST, ACROSS, LINES = 12, 4, 4  # panels; in a line; lines of runs that are crossed
PANEL_DRAWS, FIGURE_DRAWS = 1000, 6000  # at most, of those that did not diverge
FEWEST = 250  # of a panel, however many there are
WRAPPED = 26  # characters of a line in a panel without draws
OUTSIDE = 0.001  # share of all draws left out beyond each end of an axis
MARGIN = 0.04  # of an axis beyond its outermost draws
PANEL = 2.7, 2.6  # inches
NARROWEST = 4.5  # inches that the words below the axes need


class Place(NamedTuple):
    """The effect that is drawn: position `k` of a group's effects, position `level` of its levels."""

    design: Design
    group: Group
    k: int
    level: int

    @property
    def effect(self) -> str:
        """Name of the effect of that level."""
        own = "" if self.group.effects == ("Intercept",) else f", {self.group.effects[self.k]}"
        return f"{self.group.r}[{self.group.labels[self.level]}{own}]"

    @property
    def sd(self) -> str:
        """Name of the standard deviation."""
        own = "" if self.group.effects == ("Intercept",) else f"[{self.group.effects[self.k]}]"
        return f"{self.group.sd}{own}"


def funnels(
    table: pd.DataFrame,
    fits: Mapping[str, Fit],
    references: Mapping[str, str],
    group: str | None,
    effect: str | None,
    level: Any,
    runs: Sequence[str] | str | None,
) -> Picture:
    """Draw a panel a run; see `Comparison.plot`."""
    place = _place(fits, references, group, effect, level)
    told = [table[name].nunique() > 1 for name in ("prior", "target_accept")]
    table, note = _chosen(table, runs)
    fits = {label: fits[label] for label in table.index if label in fits}
    if not fits:
        raise ModelError(
            "no-draws", f"None of {listing(table.index)} gave draws.", "At least one run that did."
        )
    most = min(PANEL_DRAWS, max(FEWEST, FIGURE_DRAWS // len(fits)))
    draws = pd.concat([_draws(label, table.loc[label], fit, place, most) for label, fit in fits.items()])
    limits = {axis: _limits(draws[axis].to_numpy()) for axis in ("effect", "log_sd")}
    inside = draws["effect"].between(*limits["effect"]) & draws["log_sd"].between(*limits["log_sd"])
    drawn = draws[inside & (draws["diverging"] | draws["kept"])].drop(columns="kept").reset_index(drop=True)
    figure = _figure(table, told, drawn, limits, place)
    caption = (
        f"log {place.sd} against {place.effect}, the deviation of level {place.group.labels[place.level]} "
        f"from the population, on the scale: {style.scale_of(place.design)}. Divergent draws in red, others "
        f"in grey, thinned to {most:,} a panel. {int((~inside).sum()):,} of {len(draws):,} draws lie "
        f"outside the axes, which all panels share.{note}"
    )
    return Picture(figure, drawn, caption)


def _chosen(table: pd.DataFrame, runs: Sequence[str] | str | None) -> tuple[pd.DataFrame, str]:
    """Return the runs that are drawn, and a sentence on those that are not."""
    names = list(map(str, table.index)) if runs is None else [runs] if isinstance(runs, str) else list(runs)
    if not names:
        raise ModelError("nothing-named", "No run is named.", f"Some of {listing(table.index)}.")
    if odd := [name for name in names if name not in table.index]:
        raise ModelError(
            "unknown-run", f"There is no run {odd[0]!r}.", nearest(str(odd[0]), list(map(str, table.index)))
        )
    note = f" The first {MOST} of {len(names)} runs; name others in runs." if len(names) > MOST else ""
    return table.loc[names[:MOST]], note


def _place(
    fits: Mapping[str, Fit], references: Mapping[str, str], group: str | None, effect: str | None, level: Any
) -> Place:
    if not fits:
        raise ModelError("no-draws", "No run gave draws.", "At least one.")
    fit = fits[next(iter(references.values()), next(iter(fits)))]
    results = Results(fit.model.specification, fit.tree)
    if group is None and effect is None:
        design, found, k = _worst_sampled(results, fits)
    else:
        design, found = group_of(results, group)
        k = effect_of(found, effect)
    if not _varies(fit, found, k):
        raise ModelError(
            "sd-fixed", f"{found.sd}[{found.effects[k]}] is fixed.", "An estimated standard deviation."
        )
    return Place(design, found, k, _level(fit, found, k, level))


def _worst_sampled(results: Results, fits: Mapping[str, Fit]) -> tuple[Design, Group, int]:
    """Return the effect whose standard deviation has the smallest effective size in any run."""
    from arviz_stats.base import array_stats

    sizes: list[tuple[float, tuple[Design, Group, int]]] = []
    for design in results.model.designs:
        for group in design.groups:
            for k in range(len(group.effects)):
                varying = [_log_sd(fit, group, k) for fit in fits.values() if _varies(fit, group, k)]
                if varying:
                    ess = array_stats.ess(np.stack(varying), method="bulk", **AXES)
                    sizes.append((float(np.min(ess)), (design, group, k)))
    if not sizes:
        raise ModelError(
            "no-grouping-factor",
            "The model estimates no standard deviation between levels.",
            "A term such as (1 | g).",
        )
    return min(sizes, key=_size)[1]


def _size(item: tuple[float, tuple[Design, Group, int]]) -> float:
    return item[0]


def _level(fit: Fit, group: Group, k: int, level: Any) -> int:
    """Return the position of `level`; by default the one with fewest rows, then the one known least."""
    if level is None:
        sds = posterior(fit)[group.r][..., k].std(("chain", "draw")).values
        return int(np.lexsort((-sds, group.counts))[0])
    return group.level(level)


def _varies(fit: Fit, group: Group, k: int) -> bool:
    return float(np.ptp(posterior(fit)[group.sd].values[..., k])) > 0


def _log_sd(fit: Fit, group: Group, k: int) -> np.ndarray:
    sd = posterior(fit)[group.sd].values[..., k].astype(float)
    return np.log(np.maximum(sd, SMALLEST))


def _draws(label: str, row: pd.Series, fit: Fit, place: Place, most: int) -> pd.DataFrame:
    """Return all draws of a run, one a row; ``kept`` marks those that are drawn even if not divergent."""
    diverging = statistics(fit)["diverging"].values.astype(bool)
    effect = posterior(fit)[place.group.r].values[..., place.level, place.k].astype(float)
    chain, draw = np.indices(diverging.shape)
    every = max(1, -(-diverging.size // most))
    return pd.DataFrame(
        {
            "run": label,
            **{name: row[name] for name in ("coordinates", "target_accept", "prior")},
            "chain": chain.ravel(),
            "draw": draw.ravel(),
            "effect": effect.ravel(),
            "log_sd": _log_sd(fit, place.group, place.k).ravel(),
            "diverging": diverging.ravel(),
            "kept": np.arange(diverging.size) % every == 0,
        }
    )


def _limits(values: np.ndarray) -> tuple[float, float]:
    low, high = np.quantile(values, [OUTSIDE, 1 - OUTSIDE])
    margin = MARGIN * (high - low) or 1.0  # a fixed standard deviation
    return float(low - margin), float(high + margin)


def _figure(
    table: pd.DataFrame,
    told: Sequence[bool],
    drawn: pd.DataFrame,
    limits: Mapping[str, tuple[float, float]],
    place: Place,
) -> Figure:
    """Draw one panel a run: coordinates across, priors and target_accept down, or as many as fit a line.

    Priors and target_accept are `told` where runs of the comparison differ in them, drawn or not.
    """
    columns = list(dict.fromkeys(table["coordinates"]))
    rows = list(dict.fromkeys(zip(table["prior"], table["target_accept"], strict=True)))
    crossed = len(table) == len(rows) * len(columns) and len(rows) <= LINES
    across = len(columns) if crossed else min(ACROSS, len(table))
    down = math.ceil(len(table) / across)
    figure = style.new_figure(max(PANEL[0] * across, NARROWEST), PANEL[1] * down + 0.5)
    grid = figure.subplots(down, across, squeeze=False, sharex=True, sharey=True)
    for number, (label, row) in enumerate(table.iterrows()):
        where = rows.index((row["prior"], row["target_accept"])), columns.index(row["coordinates"])
        axes = style.quiet(grid[where] if crossed else grid.flat[number])
        title = row["coordinates"] if crossed else textwrap.fill(str(label), WRAPPED)
        _panel(axes, drawn[drawn["run"] == label], row, title)
    for axes in grid.ravel():
        axes.set(xlim=limits["effect"], ylim=limits["log_sd"])
    for axes in grid.flat[max(0, len(table) - across) : len(table)]:  # nothing below
        axes.tick_params(labelbottom=True)
    for axes in grid.flat[len(table) :]:
        axes.remove()
    for axes, (prior, accept) in zip(grid[:, 0], rows, strict=False):
        words = [prior] * told[0] + [f"target_accept {accept:g}"] * told[1] if crossed else []
        axes.set_ylabel("\n".join([*words, f"log {place.sd}"]), parse_math=False)
    effect = f"{place.effect}, deviation from the population ({style.scale_of(place.design)})"
    letters = int(figure.get_figwidth() / (style.LETTER * 10))
    figure.supxlabel(textwrap.fill(effect, letters), fontsize="medium", parse_math=False)
    return figure


def _panel(axes: Axes, draws: pd.DataFrame, row: pd.Series, title: str) -> None:
    if row["outcome"] != "ran":
        axes.set_title(title, fontsize="medium", parse_math=False)
        axes.set_axis_off()
        reason = textwrap.fill(row["outcome"], WRAPPED)
        axes.text(0.5, 0.5, reason, transform=axes.transAxes, ha="center", va="center", parse_math=False)
        return
    count = int(row["divergences"])
    words = f"{title}\n{count:,} divergence{'s' * (count != 1)}"
    axes.set_title(words, fontsize="medium", parse_math=False)
    for diverging, colour, size, alpha in ((False, style.GREY, 3, 0.35), (True, style.DIVERGENT, 9, 0.8)):
        part = draws[draws["diverging"] == diverging]
        axes.scatter(part["effect"], part["log_sd"], s=size, color=colour, alpha=alpha, linewidths=0)
