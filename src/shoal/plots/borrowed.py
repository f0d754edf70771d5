"""Plots of arviz-plots on figures of our own: no window of pyplot, names that no label can break."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from shoal.drawing.style import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, plain
from shoal.plots.quantities import Quantities

if TYPE_CHECKING:
    from arviz_base.labels import MapLabeller
    from arviz_plots import PlotCollection
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CHAINS = (BLUE, ORANGE, GREEN, PURPLE, SKY, GREY)  # red is kept for divergences


def tree_of(
    quantities: Quantities, diverging: np.ndarray, words: Callable[[object], str] = plain
) -> tuple[xr.DataTree, MapLabeller]:
    """Return quantities as ArviZ reads them, and what writes their names, in the `words` of each.

    Their labels may hold what neither a DataTree (``/``) nor matplotlib (``$``) takes as it is, so the
    variables are numbered, and the labeller puts the names in their place.
    """
    from arviz_base.labels import MapLabeller

    names: dict[Hashable, Hashable] = {f"q{i}": words(label) for i, label in enumerate(quantities.draws)}
    dims = ("chain", "draw")
    chains, draws = diverging.shape
    coords = {"chain": np.arange(chains), "draw": np.arange(draws)}
    posterior = xr.Dataset(
        {key: (dims, values) for key, values in zip(names, quantities.draws.values(), strict=True)}, coords
    )
    stats = xr.Dataset({"diverging": (dims, diverging)}, coords)
    return xr.DataTree.from_dict({"posterior": posterior, "sample_stats": stats}), MapLabeller(names)


def on_axes(
    data: xr.Dataset, figure: Figure, panels: Iterable[Axes], aes: Mapping[str, list[str]]
) -> PlotCollection:
    """Return a collection in which each variable of `data` has its panel of `figure`.

    Parameters
    ----------
    aes : mapping
        From properties (``color``, ``overlay``) to the dimensions that they tell apart.
    """
    from arviz_plots import PlotCollection

    places = xr.Dataset({str(n): _cell(axes) for n, axes in zip(data, panels, strict=True)})
    viz = xr.DataTree.from_dict({"/": xr.Dataset({"figure": _cell(figure)}), "plot": places})
    colours = {"color": list(CHAINS)} if "color" in aes else {}
    return PlotCollection(data, viz, aes=dict(aes), backend="matplotlib", **colours)


def _cell(item: Any) -> xr.DataArray:
    """Return a matplotlib object as a scalar array; NumPy would look into it for more dimensions."""
    cell = np.empty((), dtype=object)
    cell[()] = item
    return xr.DataArray(cell)


def adopt(collection: Any) -> Figure:
    """Return the figure of a plot that arviz-plots made, taken off pyplot's list of open windows."""
    from matplotlib import pyplot

    figure = collection.viz["figure"].item()
    pyplot.close(figure)
    return figure
