"""Every pair of quantities, with the divergences on top: where the sampler could not go."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from shoal.drawing.picture import Picture
from shoal.drawing.style import DIVERGENT, POOLED, folded, quiet
from shoal.fit.results import Results
from shoal.plots.borrowed import adopt, tree_of
from shoal.plots.quantities import choose, divergent
from shoal.plots.quantities import divergences as count_of

MOST = 6


def pair(results: Results, var_names: Sequence[str] | str | None = None, divergences: bool = True) -> Picture:
    """Draw a scatter of each pair of quantities, their densities on the diagonal; see `FitPlots.pair`."""
    from arviz_plots import plot_pair

    quantities, diverging = choose(results, var_names, MOST), divergent(results)
    tree, labeller = tree_of(quantities, diverging, folded)
    count = len(quantities.draws)
    dots = {"color": DIVERGENT, "alpha": 0.9, "size": 9, "width": 0}
    matrix = plot_pair(
        tree,
        backend="matplotlib",
        labeller=labeller,
        figure_kwargs={"figsize": (0.8 + 1.7 * count, 0.6 + 1.5 * count), "figsize_units": "inches"},
        visuals={
            "scatter": {"color": POOLED, "alpha": 0.25, "size": 5, "width": 0},
            "dist": {"color": POOLED},
            "divergence": dots if divergences else False,
            "xlabel": {"size": 9},
            "ylabel": {"size": 9},
        },
    )
    figure = adopt(matrix)
    figure.set_layout_engine("constrained")
    for axes in figure.axes:
        quiet(axes).tick_params(labelsize=7)
    caption = f"Draws of each pair of quantities, with their densities on the diagonal. {count_of(results)}"
    caption += " They are red." if divergences and diverging.any() else ""
    table = pd.DataFrame({name: values.ravel() for name, values in quantities.draws.items()})
    chain, draw = np.indices(diverging.shape)
    index = [chain.ravel(), draw.ravel(), diverging.ravel()]
    table.index = pd.MultiIndex.from_arrays(index, names=["chain", "draw", "diverging"])
    return Picture(figure, table, f"{caption} {quantities.note}".strip())
