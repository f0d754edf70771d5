"""Draws in the order they were made, beside their density, chain by chain."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

from shoal.drawing.picture import Picture
from shoal.drawing.style import DIVERGENT, new_figure, plain, quiet
from shoal.fit.results import Results
from shoal.plots.borrowed import on_axes, tree_of
from shoal.plots.quantities import choose, divergences, divergent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST = 10
BY_CHAIN = {"color": ["chain"], "overlay": ["chain"]}


def trace(results: Results, var_names: Sequence[str] | str | None = None) -> Picture:
    """Draw each chain's density and its draws in order; see `FitPlots.trace`."""
    quantities, diverging = choose(results, var_names, MOST), divergent(results)
    tree, _ = tree_of(quantities, diverging)
    count = len(quantities.draws)
    figure = new_figure(9.0, 0.6 + 1.5 * count)
    panels = figure.subplots(count, 2, squeeze=False, width_ratios=[1, 2])
    _densities(tree, figure, panels[:, 0])
    _traces(tree, figure, panels[:, 1])
    for (left, right), name in zip(panels, quantities.draws, strict=True):
        quiet(left).set(xlabel=plain(name), ylabel="density")
        quiet(right).set(ylabel="")
        left.set_yticks([])
        right.margins(x=0.01)
    panels[-1, 1].set_xlabel("draw")
    marks = f" {divergences(results)}" + (" Each is a mark below its trace." if diverging.any() else "")
    caption = f"Density and draws of each chain, a colour a chain.{marks} {quantities.note}"
    return Picture(figure, _numbers(quantities.draws, diverging), caption.strip())


def _densities(tree: xr.DataTree, figure: Figure, panels: Iterable[Axes]) -> None:
    from arviz_plots import plot_dist

    plot_dist(
        tree,
        kind="kde",
        sample_dims=["draw"],
        plot_collection=on_axes(tree["posterior"].to_dataset(), figure, panels, BY_CHAIN),
        visuals={
            "dist": {"width": 1.2},
            "credible_interval": False,
            "point_estimate": False,
            "point_estimate_text": False,
            "rug": False,
            "title": False,
            "remove_axis": False,
        },
    )


def _traces(tree: xr.DataTree, figure: Figure, panels: Iterable[Axes]) -> None:
    from arviz_plots import plot_trace

    plot_trace(
        tree,
        plot_collection=on_axes(tree["posterior"].to_dataset(), figure, panels, BY_CHAIN),
        visuals={
            "title": False,
            "xlabel": False,
            "trace": {"width": 0.5, "alpha": 0.8},
            "divergence": {"color": DIVERGENT},
        },
    )


def _numbers(draws: dict[str, np.ndarray], diverging: np.ndarray) -> pd.DataFrame:
    """Return one row a draw of a quantity."""
    chain, draw = np.indices(diverging.shape)
    tables = [
        pd.DataFrame(
            {
                "quantity": name,
                "chain": chain.ravel(),
                "draw": draw.ravel(),
                "value": values.ravel(),
                "diverging": diverging.ravel(),
            }
        )
        for name, values in draws.items()
    ]
    return pd.concat(tables, ignore_index=True)
