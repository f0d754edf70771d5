"""Pictures of the experiments on pooling."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from shoal.drawing.picture import Picture
from shoal.drawing.style import ALONE, COMPLETE, FAINT, POOLED, TRUTH, new_figure, plain, quiet
from shoal.plots.density import density_of
from shoal.plots.groups import log_axis
from shoal.studies.pooling.settings import sd_draws

if TYPE_CHECKING:
    from shoal.studies.pooling.explained import Explained
    from shoal.studies.pooling.profile import SdProfile

WAYS = {"complete": COMPLETE, "no": ALONE, "partial": POOLED}
PANELS = {
    "log_score": "log density of an observation, left out",
    "rmse": "root mean square error, left out",
    "error": "mean distance from the truth",
}


def errors_by_size(table: pd.DataFrame, group: str, scale: str) -> Picture:
    """Draw each error by the size of the levels, a line a way of pooling."""
    shown = [name for name in PANELS if name in table]
    figure = new_figure(3.6 * len(shown) + 1, 3.8)
    sizes = list(table.index.unique("size"))
    for axes, column in zip(np.atleast_1d(figure.subplots(1, len(shown))), shown, strict=True):
        for words, colour in WAYS.items():
            name = "none" if words == "no" else words
            values = table.xs(name, level="pooling")[column].reindex(sizes)
            quiet(axes).plot(
                range(len(sizes)), values, "o-", color=colour, markersize=5, label=f"{words} pooling"
            )
        axes.set_xticks(range(len(sizes)), [plain(size) for size in sizes], fontsize=8)
        axes.set(xlabel=f"observations of a level of {plain(group, 24)}", ylabel=PANELS[column])
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=3, frameon=False, fontsize=8)
    caption = f"Errors of three ways of pooling by the size of the levels of {group} ({scale})."
    return Picture(figure, table.reset_index(), caption)


def profile(result: SdProfile) -> Picture:
    """Draw elpd along the grid above the posterior of the learned standard deviation, on one axis."""
    table = result.table
    figure = new_figure(7.0, 5.2)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    low, high = result.interval
    for axes in (above, below):
        quiet(axes).axvspan(low, high, color=FAINT, linewidth=0, zorder=0)
        axes.axvline(result.best, color=TRUTH, linewidth=1, linestyle="--")
    error = table["diff_se"]
    x, y = table.index.to_numpy(), table["elpd"].to_numpy()
    above.fill_between(x, y - error, y + error, color=ALONE, alpha=0.2, linewidth=0)
    above.plot(x, y, "o-", color=ALONE, markersize=4, label="sd fixed")
    above.axhline(result.score.elpd, color=POOLED, linewidth=1.5, label="sd learned")
    first, last = result.like_best
    foot = above.get_xaxis_transform()
    words = "not told from the best"
    above.plot([first, last], [0.03, 0.03], color=TRUTH, linewidth=4, transform=foot, label=words)
    above.set_ylabel(f"elpd, {plain(result.score.unit, 24)}s left out")
    figure.legend(loc="outside upper center", ncols=3, frameon=False, fontsize=8)
    # Places evenly apart on a logarithmic axis, where draws far below the grid would leave no room for it.
    place = np.geomspace(result.draws.min(), result.draws.max(), 400)
    height = density_of(result.draws, place)
    inside = place >= min(x.min(), low) / 2
    place, height = place[inside], height[inside]
    below.fill_between(place, height, color=POOLED, alpha=0.4, linewidth=0)
    below.set(xlabel=plain(result.name), ylabel="posterior, learned", yticks=[])
    log_axis(below, (1.0, 2.0, 5.0) if max(x.max(), place[-1]) < 200 * place[0] else (1.0,))
    caption = (
        f"Above, elpd of {result.score.unit}s left out with {result.name} fixed (band: one standard error of "
        "the difference from the learned model) and learned (line). Below, the posterior of the learned one; "
        f"grey: its {100 * result.prob:g}% interval. Dashed: the best of the grid; the bar: values that "
        f"cannot be told from it, {first:.3g} to {last:.3g}."
    )
    return Picture(figure, table.reset_index(), caption)


def two_densities(result: Explained) -> Picture:
    """Draw the posterior of a standard deviation with and without predictors."""
    figure = new_figure(6.5, 3.6)
    axes = quiet(figure.subplots())
    parts = []
    for name, colour in (("without", ALONE), ("with", POOLED)):
        place, height = _density(sd_draws(result.fits[name], result.name))
        axes.fill_between(place, height, color=colour, alpha=0.35, linewidth=0)
        axes.plot(place, height, color=colour, label=f"{name} {plain(', '.join(result.predictors), 40)}")
        parts.append(pd.DataFrame({"predictors": name, "sd": place, "density": height}))
    axes.set(xlabel=plain(result.name), ylabel="posterior density", yticks=[])
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False, fontsize=8)
    caption = f"Posterior of {result.name} with and without {', '.join(result.predictors)} in the model."
    return Picture(figure, pd.concat(parts, ignore_index=True), caption)


def _density(draws: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return 200 values over the range of positive draws, and the density there."""
    at = np.linspace(draws.min(), draws.max(), 200)
    return at, density_of(draws, at)
