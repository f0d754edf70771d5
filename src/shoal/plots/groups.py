"""What the plots of a grouping factor share: its levels as a table, their sizes, and how both are named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from shoal import estimands
from shoal.drawing.style import plain, scale_of
from shoal.errors import ModelError
from shoal.estimands.common import one_level
from shoal.fit.results import Results
from shoal.model.design import Design, Group

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAMED = 64  # rows that all have their label; of more, only the first and the last
ENDS = 5  # of them, at each end
BESIDE = ("size", "position", "rank_mean", "rank_median", "p_best")  # columns that pictures of levels add


@dataclass(frozen=True)
class Levels:
    """One effect of a grouping factor, level by level.

    Attributes
    ----------
    design : Design
        The response.
    group : Group
    effect : str
    table : (G rows) pandas.DataFrame
        As `estimands.effects`, in the order of the levels, with ``size``: observations of the level. From
        `pooled_levels_of` it has no column about the level alone.
    label : str
        The table's column of level labels.
    population : float
        Posterior mean of the population's coefficient; 0 where it has none.
    """

    design: Design
    group: Group
    effect: str
    table: pd.DataFrame
    label: str
    population: float

    @property
    def axis(self) -> str:
        """Name of the coefficient, with its scale, as an axis label."""
        return coefficient(self.design, self.effect)

    @property
    def names(self) -> list[str]:
        """Labels of the levels, as text that is drawn as it is."""
        return [plain(str(label)) for label in self.table[self.label]]


def levels_of(results: Results, group: str | None, effect: str | None, prob: float) -> Levels:
    """Return one effect of a grouping factor, level by level.

    Raises
    ------
    ModelError
        Unknown names, or effects that were not kept.
    """
    _, found = estimands.group_of(results, group)
    k = estimands.effect_of(found, effect)
    whole = estimands.effects(results, group, prob)
    if whole["no_pooling"].isna().all():
        one_level(found)
        raise ModelError(
            "no-estimates-alone",
            f"The levels of {found.name!r} have no estimates without pooling: their rows are not theirs "
            "alone or not in memory, or the effects are on a parameter of the family.",
            "Effects of levels on a mean, of rows that are independent given these.",
            "plot.caterpillar and fit.levels have the pooled ones.",
        )
    table = pd.DataFrame(whole[whole["effect"] == found.effects[k]]).reset_index(drop=True)
    return _levels(results, group, k, table)


def pooled_levels_of(results: Results, group: str | None, effect: str | None, prob: float) -> Levels:
    """Return one effect of a grouping factor, level by level, without its estimates alone.

    These take an optimisation a level, and where it does not settle there are none.

    Raises
    ------
    ModelError
        Unknown names, or effects that were not kept.
    """
    design, found = estimands.group_of(results, group)
    k = estimands.effect_of(found, effect)
    lower, upper = estimands.interval_names(prob)
    draws = estimands.levels(results, group)[..., k].values
    low, high = np.quantile(draws, [(1 - prob) / 2, (1 + prob) / 2], axis=(0, 1))
    columns = {
        "effect": found.effects[k],
        "n": design.sizes(found),
        "mean": draws.mean((0, 1)),
        "sd": draws.std((0, 1)),
        lower: low,
        upper: high,
    }
    table = pd.DataFrame({estimands.label_column(found, columns): found.labels, **columns})
    return _levels(results, group, k, table)


def _levels(results: Results, group: str | None, k: int, table: pd.DataFrame) -> Levels:
    """Return effect `k` of a grouping factor with its table, to which the sizes of its levels are added."""
    design, found = estimands.group_of(results, group)
    label = estimands.label_column(found, [*table.columns[1:], *BESIDE])
    table = table.set_axis([label, *table.columns[1:]], axis=1)
    table.insert(2, "size", sizes(design, found))
    column = design.matched(found)[k]
    population = float(results.posterior[design.columns[column]].mean()) if column >= 0 else 0.0
    return Levels(design, found, found.effects[k], table, label, population)


def sizes(design: Design, group: Group) -> np.ndarray:
    """Return the observations of each level, (G,): rows, or their trials, times weights."""
    row, level, _ = group.entries
    return np.bincount(level, design.row_weight[row], minlength=len(group.labels))


def coefficient(design: Design, effect: str) -> str:
    """Return what a level's coefficient is, and on which scale."""
    scale = plain(scale_of(design), 80)
    if effect != "Intercept":
        return f"slope of {plain(effect)}: {scale} per unit"
    return scale if set(design.terms) <= {"Intercept"} else f"intercept: {scale}"


def size_words(design: Design, group: Group) -> str:
    """Return what the size of a level counts."""
    response = design.formula.response
    what = plain(response.trials.text) if response.trials is not None else "rows"
    if response.weights is not None:
        what = f"weighted {what}"
    return f"{what} of each {plain(group.name)}"


class SizeAxis(NamedTuple):
    """Where levels stand by their size: positions (G,), the axis label, and a sentence for the caption."""

    position: np.ndarray
    words: str
    logarithmic: bool
    note: str


def size_axis(levels: Levels, order: np.ndarray) -> SizeAxis:
    """Return where levels stand by their size.

    By size; where these are all equal (eight schools have a row each), by the standard error of each level
    alone; where these are equal, too, in `order`. Levels of one size stand side by side, in `order`.
    """
    name = plain(levels.group.name)
    values, words = levels.table["size"].to_numpy(float), size_words(levels.design, levels.group)
    what = "size"
    if np.ptp(values) == 0 and "no_pooling_sd" in levels.table:
        what = "standard error"
        values = levels.table["no_pooling_sd"].to_numpy()
        words = f"standard error of each {name} alone"
    if np.ptp(values) <= 1e-6 * values.max():
        each = f"{levels.table['size'].iloc[0]:,.10g} {size_words(levels.design, levels.group)}"
        return SizeAxis(
            np.argsort(np.argsort(order, kind="stable")) + 1.0, f"place in order ({each})", False, ""
        )
    logarithmic = bool(values.min() > 0) and bool(values.max() > 5 * values.min())
    repeated = len(np.unique(values)) < len(values)
    note = f" Levels of equal {what} are spread around it, so that all are seen." if repeated else ""
    return SizeAxis(apart(values, order, logarithmic), words, logarithmic, note)


def apart(values: np.ndarray, order: np.ndarray, logarithmic: bool) -> np.ndarray:
    """Return positions near `values`, not all equal, at which equal ones stand side by side, in `order`."""
    scaled = np.log(values) if logarithmic else values.astype(float)
    distinct, place, counts = np.unique(scaled, return_inverse=True, return_counts=True)
    gaps = np.diff(distinct)
    room = np.minimum(np.append(gaps, np.inf), np.insert(gaps, 0, np.inf))
    room = np.minimum(room, 0.15 * (distinct[-1] - distinct[0]))
    out = scaled.copy()
    for i in np.flatnonzero(counts > 1):
        own = np.flatnonzero(place == i)
        own = own[np.argsort(order[own], kind="stable")]
        out[own] += room[i] * np.linspace(-0.4, 0.4, len(own))
    return np.exp(out) if logarithmic else out


def name_rows(axes: Axes, names: Sequence[str]) -> None:
    """Label the rows 0, 1, … of a vertical axis, the first on top: all, or of many the first and the last."""
    count = len(names)
    axes.set_ylim(count - 0.3, -0.7)
    if count <= NAMED:
        axes.set_yticks(range(count), names, fontsize=8 if count <= 30 else 6)
        return
    axes.set_yticks([0, count - 1], ["\n".join(names[:ENDS]), "\n".join(names[-ENDS:])], fontsize=7)
    for label, side in zip(axes.get_yticklabels(), ("top", "bottom"), strict=True):
        label.set(verticalalignment=side)


def log_axis(axes: Axes, ticks: Sequence[float] = (1.0, 2.0, 5.0)) -> None:
    """Make the horizontal axis logarithmic, its ticks plain numbers: 1, 2, 5, 10, …."""
    from matplotlib.ticker import LogLocator, NullFormatter

    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=ticks))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())


def row_height(count: int) -> float:
    """Return the height of a picture of that many rows, in inches."""
    return float(np.clip(1.4 + 0.19 * count, 2.6, 9.0))


def interval_words(prob: float) -> str:
    """Return the words for an interval, such as "90% equal-tailed intervals"."""
    return f"{100 * prob:g}% equal-tailed intervals"
