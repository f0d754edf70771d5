"""How uncertain each level's coefficient is, against the level's size."""

from __future__ import annotations

import numpy as np

from shoal.drawing.picture import Picture
from shoal.drawing.style import ALONE, COMPLETE, POOLED, new_figure, quiet
from shoal.estimands import INTERVAL, effect_of
from shoal.fit.results import Results
from shoal.plots.groups import interval_words, levels_of, log_axis, size_axis


def effects_by_size(
    results: Results, group: str | None = None, effect: str | None = None, prob: float = INTERVAL
) -> Picture:
    """Draw the posterior sd of each level's coefficient against its size, beside the sd without pooling.

    Raises
    ------
    ModelError
        Unknown names, or effects that were not kept.
    """
    levels = levels_of(results, group, effect, prob)
    place, words, logarithmic, spread = size_axis(levels, levels.table["no_pooling_sd"].to_numpy())
    table = levels.table.assign(position=place)
    sd = results.posterior[levels.group.sd].values[..., effect_of(levels.group, levels.effect)]
    low, between, high = np.quantile(sd, [(1 - prob) / 2, 0.5, (1 + prob) / 2])
    table["sd_between"] = between
    figure = new_figure(7.0, 4.5)
    axes = quiet(figure.subplots())
    small = 6 if len(table) > 200 else 18
    axes.axhspan(low, high, color=COMPLETE, alpha=0.15, linewidth=0)
    axes.axhline(between, color=COMPLETE, linewidth=1, linestyle="--", label="sd between levels")
    edge = table["at_edge"].to_numpy(bool)
    x, alone = table["position"].to_numpy(), table["no_pooling_sd"].to_numpy()
    axes.scatter(x[~edge], alone[~edge], small, ALONE, linewidths=0, label="alone (no pooling)")
    if edge.any():
        label = "alone, all responses at one edge"
        axes.scatter(x[edge], alone[edge], small, facecolors="none", edgecolors=ALONE, label=label)
    axes.scatter(x, table["sd"], small, POOLED, linewidths=0, label="pooled")
    if logarithmic:
        log_axis(axes)
    heights = np.concatenate([alone, table["sd"].to_numpy()])
    if heights.min() > 0 and heights.max() > 10 * heights.min():
        axes.set_yscale("log")
    else:
        axes.set_ylim(bottom=0)
    axes.set(xlabel=words, ylabel=f"posterior sd, {levels.axis}")
    figure.legend(loc="outside upper center", ncols=4, frameon=False, fontsize=8)
    caption = (
        f"Posterior standard deviation of the coefficient of each of {len(table):,} levels of "
        f"{levels.group.name}, pooled and alone: from its own rows, other coefficients at their means. The "
        "dashed line is the sd between levels (posterior median, band: "
        f"{interval_words(prob)[:-1]}).{spread}"
    )
    return Picture(figure, table, caption)
