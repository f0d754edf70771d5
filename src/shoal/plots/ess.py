"""Effective draws of the same quantities in several fits, as bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from shoal.errors import ModelError
from shoal.plots.borrowed import tree_of
from shoal.plots.picture import Picture
from shoal.plots.quantities import choose, divergent
from shoal.plots.style import COLOURS, new_figure, plain, quiet
from shoal.results import Results

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST = 24
NEEDED = 100  # effective draws a chain, bulk and tail: Vehtari et al. (2021), section 1


def ess(fits: Mapping[str, Results], var_names: Sequence[str] | str | None = None) -> Picture:
    """Draw bulk and tail effective sample sizes of some quantities, a bar a fit.

    See `FitPlots.ess`. Vehtari, Gelman, Simpson, Carpenter and Bürkner (2021), Bayesian Analysis 16, 667-718.

    Raises
    ------
    ModelError
        No fits.
    """
    if not fits:
        raise ModelError("There are no fits.", "A mapping from names to fits.")
    tables, notes = [], dict[str, None]()
    for name, results in fits.items():
        table, note = sizes(results, var_names)
        tables.append(table.assign(fit=str(name)))
        notes[note] = None
    numbers = pd.concat(tables, ignore_index=True)[["fit", "quantity", "ess_bulk", "ess_tail", "draws"]]
    quantities = list(dict.fromkeys(numbers["quantity"]))
    figure = new_figure(max(6.0, 2.0 + 0.35 * len(quantities) * max(len(fits), 2) ** 0.5), 5.2)
    panels = figure.subplots(2, 1, sharex=True, sharey=True)
    needed = NEEDED * max(results.posterior.sizes["chain"] for results in fits.values())
    for axes, kind in zip(panels, ("bulk", "tail"), strict=True):
        _bars(axes, numbers, quantities, kind)
        axes.axhline(needed, color="0.3", linewidth=0.8, linestyle=":")
    panels[1].set_xticks(range(len(quantities)), [plain(q, 32) for q in quantities], fontsize=8)
    panels[1].tick_params(axis="x", rotation=90 if max(map(len, quantities)) * len(quantities) > 60 else 0)
    if len(fits) > 1:
        panels[0].legend(frameon=False, fontsize=8, ncols=2, loc="lower left", bbox_to_anchor=(0, 1))
    total = " and ".join(f"{d:,}" for d in dict.fromkeys(numbers["draws"]))
    caption = (
        f"Effective draws, of {total} kept, for the bulk and for the tails of each quantity, a colour a fit. "
        f"Dotted: {needed}, of which less is too few to rely on. {' '.join(filter(None, notes))}"
    )
    return Picture(figure, numbers, caption.strip())


def sizes(results: Results, var_names: Sequence[str] | str | None) -> tuple[pd.DataFrame, str]:
    """Return bulk and tail effective sample sizes of a fit's quantities, and what was left out."""
    from arviz_stats import ess as effective

    quantities = choose(results, var_names, MOST)
    tree, _ = tree_of(quantities, divergent(results))
    bulk, tail = (effective(tree["posterior"].to_dataset(), method=m) for m in ("bulk", "tail"))
    table = pd.DataFrame(
        {
            "quantity": list(quantities.draws),
            "ess_bulk": [float(bulk[name]) for name in bulk.data_vars],
            "ess_tail": [float(tail[name]) for name in tail.data_vars],
            "draws": tree["posterior"].sizes["chain"] * tree["posterior"].sizes["draw"],
        }
    )
    return table, quantities.note


def _bars(axes: Axes, numbers: pd.DataFrame, quantities: list[str], kind: str) -> None:
    """Draw one group of bars a quantity; a fit without the quantity leaves its place empty."""
    fits = list(dict.fromkeys(numbers["fit"]))
    width = 0.8 / len(fits)
    for i, fit in enumerate(fits):
        own = numbers[numbers["fit"] == fit]
        at = np.array([quantities.index(q) for q in own["quantity"]]) + (i - (len(fits) - 1) / 2) * width
        axes.bar(at, own[f"ess_{kind}"], width, color=COLOURS[i % len(COLOURS)], label=plain(fit))
    quiet(axes).set_ylabel(f"{kind} effective draws")
