"""Intervals of parameters, one below the other.

Drawn here and not by `arviz_plots.plot_forest`, which gives the names of dimensions columns of their own:
half of a picture of a few scalars.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from shoal.estimands import INTERVAL, describe, interval_names
from shoal.plots.groups import interval_words, name_rows, row_height
from shoal.plots.picture import Picture
from shoal.plots.quantities import choose
from shoal.plots.style import FAINT, POOLED, new_figure, plain, quiet, scale_of
from shoal.results import Results

MOST = 60


def forest(results: Results, var_names: Sequence[str] | str | None = None, prob: float = INTERVAL) -> Picture:
    """Draw posterior means with two equal-tailed intervals, of probability `prob` and half that.

    Raises
    ------
    ModelError
        Unknown names, effects that were not kept, an interval that makes no sense.
    """
    bounds, inner = interval_names(prob), interval_names(prob / 2)
    quantities = choose(results, var_names, MOST)
    rows = [describe(values, prob) | describe(values, prob / 2) for values in quantities.draws.values()]
    table = pd.DataFrame(rows, index=pd.Index(list(quantities.draws), name="quantity"))
    figure = new_figure(7.5, row_height(len(table)))
    axes = quiet(figure.subplots())
    at = np.arange(len(table))
    axes.axvline(0, color=FAINT, linewidth=1, zorder=0)
    for (low, high), width in ((bounds, 1.0), (inner, 2.6)):
        axes.hlines(at, table[low], table[high], color=POOLED, linewidth=width)
    axes.scatter(table["mean"], at, 26, "white", edgecolors=POOLED, zorder=3)
    name_rows(axes, [plain(name) for name in table.index])
    scales = ", ".join(dict.fromkeys(plain(scale_of(design)) for design in results.model.designs))
    axes.set_xlabel(f"coefficients and effects: {scales}; others on scales of their own", fontsize=9)
    caption = (
        f"Posterior means with {interval_words(prob)}, and {100 * prob / 2:g}% ones as thick lines. "
        f"{quantities.note}"
    )
    return Picture(figure, table, caption.strip())
