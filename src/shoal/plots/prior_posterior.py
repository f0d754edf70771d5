"""What the data changed: each quantity's prior and posterior density on one axis."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from shoal.criticism.implied import prior_dataset
from shoal.drawing.picture import Picture
from shoal.drawing.style import COMPLETE, POOLED, new_figure, plain, quiet
from shoal.errors import listing
from shoal.estimands.scalars import scalars
from shoal.fit.results import Results
from shoal.plots.density import CAREFUL, density_of
from shoal.plots.prior_density import exact_density
from shoal.plots.quantities import choose

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST, COLUMNS = 12, 3
DRAWS = 4000


def prior_posterior(results: Results, var_names: Sequence[str] | str | None = None) -> Picture:
    """Draw prior and posterior densities of each quantity on one axis; see `FitPlots.prior_posterior`.

    Not the plot of that name in arviz-plots: over draws of a heavy-tailed prior a kernel density has no
    width that shows the posterior. Here a prior's density is its own where it has a closed form; what has to
    be estimated is so inside the window that is drawn, and the area of the prior is its share of it.
    """
    quantities = choose(results, var_names, MOST)
    tables, estimated = densities(results, quantities.draws)
    columns = min(COLUMNS, len(quantities.draws))
    lines = math.ceil(len(quantities.draws) / columns)
    figure = new_figure(max(5.0, 3.0 * columns), 0.8 + 2.0 * lines)
    panels = figure.subplots(lines, columns, squeeze=False).ravel()
    for axes, (name, table) in zip(panels, tables.items(), strict=False):
        _panel(axes, name, table)
    for axes in panels[len(tables) :]:
        axes.remove()
    panels[0].legend(frameon=False, fontsize=8)
    numbers = pd.concat([t.assign(quantity=name) for name, t in tables.items()], ignore_index=True)
    caption = (
        "Densities of each quantity before the data (grey) and after (blue), in a window around the "
        f"posterior and the middle of the prior. {_estimated(estimated)} {quantities.note}"
    )
    return Picture(figure, numbers[["quantity", "value", "prior", "posterior"]], caption.strip())


def densities(
    results: Results, quantities: Mapping[str, np.ndarray], bandwidth: str = CAREFUL
) -> tuple[dict[str, pd.DataFrame], list[str]]:
    """Return prior and posterior densities of quantities, each at points of its window.

    Parameters
    ----------
    quantities : mapping of str to array
        Draws by name, as `choose` has them.
    bandwidth : str
        Of densities that are estimated, as `density_of` takes it.

    Returns
    -------
    dict of DataFrame
        Columns ``value``, ``prior`` and ``posterior``.
    list of str
        Quantities whose prior density is estimated from draws: it has no closed form.
    """
    dataset = prior_dataset(results.model, DRAWS, seed=0)
    drawn = [v for v in map(str, dataset) if any(q == v or q.startswith(f"{v}[") for q in quantities)]
    priors = dict(scalars(dataset, drawn, results.model))
    tables, estimated = {}, []
    for name, draws in quantities.items():
        at = _window(priors[name], draws)
        prior = exact_density(results.model, name, at)
        if prior is None:
            estimated.append(name)
            prior = density_of(priors[name], at, bandwidth)
        posterior = density_of(draws, at, bandwidth)
        tables[name] = pd.DataFrame({"value": at, "prior": prior, "posterior": posterior})
    return tables, estimated


def _estimated(names: list[str]) -> str:
    """Return which densities are estimated, as a sentence."""
    if not names:
        return "Prior densities are exact, posterior ones estimated from draws."
    return f"Estimated from draws: posterior densities, and the prior ones of {listing(names, 3)}."


def _window(prior: np.ndarray, posterior: np.ndarray) -> np.ndarray:
    """Return points of a window, (200,): the posterior's range and the prior's central half.

    A window more than eight times as wide as the posterior would make a spike of it, and is cut.
    """
    low, high = float(posterior.min()), float(posterior.max())
    middle = np.quantile(prior, [0.25, 0.75])
    room = 3.5 * (high - low)
    window = max(min(low, middle[0]), low - room), min(max(high, middle[1]), high + room)
    return np.linspace(*window, 200)


def _panel(axes: Axes, name: str, table: pd.DataFrame) -> None:
    axes.fill_between(table["value"], table["prior"], color=COMPLETE, alpha=0.25, linewidth=0)
    axes.plot(table["value"], table["prior"], color=COMPLETE, linewidth=1.0, label="prior")
    axes.plot(table["value"], table["posterior"], color=POOLED, linewidth=1.4, label="posterior")
    axes.set_ylim(bottom=0)
    axes.set_yticks([])
    quiet(axes).set(xlabel=plain(name), ylabel="density")
