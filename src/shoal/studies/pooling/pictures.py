"""Pictures of the experiments on pooling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from shoal.drawing.picture import Picture
from shoal.drawing.style import ALONE, COMPLETE, POOLED, new_figure, plain, quiet
from shoal.plots.density import density_of

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


def two_densities(name: str, predictors: Sequence[str], draws: Mapping[str, np.ndarray]) -> Picture:
    """Draw the posterior of a standard deviation "with" and "without" predictors, from its draws."""
    figure = new_figure(6.5, 3.6)
    axes = quiet(figure.subplots())
    parts = []
    for kind, colour in (("without", ALONE), ("with", POOLED)):
        place, height = _density(draws[kind])
        axes.fill_between(place, height, color=colour, alpha=0.35, linewidth=0)
        axes.plot(place, height, color=colour, label=f"{kind} {plain(', '.join(predictors), 40)}")
        parts.append(pd.DataFrame({"predictors": kind, "sd": place, "density": height}))
    axes.set(xlabel=plain(name), ylabel="posterior density", yticks=[])
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False, fontsize=8)
    caption = f"Posterior of {name} with and without {', '.join(predictors)} in the model."
    return Picture(figure, pd.concat(parts, ignore_index=True), caption)


def _density(draws: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return 200 values over the range of positive draws, and the density there."""
    at = np.linspace(draws.min(), draws.max(), 200)
    return at, density_of(draws, at)
