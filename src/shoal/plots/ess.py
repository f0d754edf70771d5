"""Effective draws of the same quantities in several fits, as bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from shoal.drawing.picture import Picture
from shoal.drawing.style import COLOURS, crowded, folded, new_figure, plain, quiet, width_of
from shoal.fit.results import Results
from shoal.plots.borrowed import tree_of
from shoal.plots.quantities import Quantities, choose_each, divergent, notes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST = 24
FOLDED, WIDEST = 18, 9.0  # letters of a line of a label; inches, for the labels alone
NEEDED = 100  # effective draws a chain, bulk and tail: Vehtari et al. (2021), section 1


def ess(
    fits: Mapping[str, Results], var_names: Sequence[str] | str | None = None, levels: str | None = None
) -> Picture:
    """Draw bulk and tail effective sample sizes of some quantities, a bar a fit.

    See `shoal.plots.ess`. Vehtari, Gelman, Simpson, Carpenter and Bürkner (2021), Bayesian Analysis 16,
    667-718.

    Raises
    ------
    ModelError
        No fits.
    """
    chosen = choose_each(fits, var_names, MOST, levels)
    tables = [_sizes(fits[name], own).assign(fit=name) for name, own in chosen.items() if own.draws]
    numbers = pd.concat(tables, ignore_index=True)[["fit", "quantity", "ess_bulk", "ess_tail", "draws"]]
    quantities = list(dict.fromkeys(numbers["quantity"]))
    labels = [plain(q, 32) for q in quantities]
    lines = [folded(q, FOLDED) for q in quantities]
    least = max(6.0, 2.0 + 0.35 * len(quantities) * max(len(fits), 2) ** 0.5)
    figure = new_figure(max(least, min(1 + width_of(lines), WIDEST)), 5.2)
    panels = figure.subplots(2, 1, sharex=True, sharey=True)
    needed = NEEDED * max(results.posterior.sizes["chain"] for results in fits.values())
    for axes, kind in zip(panels, ("bulk", "tail"), strict=True):
        _bars(axes, numbers, quantities, kind)
        axes.axhline(needed, color="0.3", linewidth=0.8, linestyle=":")
    room = figure.get_figwidth() - 1
    upright = crowded(lines, room)
    texts = labels if upright or not crowded(labels, room) else lines
    panels[1].set_xticks(range(len(quantities)), texts, fontsize=8, rotation=90 if upright else 0)
    if len(fits) > 1:
        panels[0].legend(frameon=False, fontsize=8, ncols=2, loc="lower left", bbox_to_anchor=(0, 1))
    total = " and ".join(f"{d:,}" for d in dict.fromkeys(numbers["draws"]))
    caption = (
        f"Effective draws, of {total} kept, for the bulk and for the tails of each quantity, a colour a fit. "
        f"{'' if levels is None else f'Coefficients of levels of {levels}: population plus deviation. '}"
        f"Dotted: {needed}, of which less is too few to rely on. {notes(chosen)}"
    )
    return Picture(figure, numbers, caption.strip())


def _sizes(results: Results, quantities: Quantities) -> pd.DataFrame:
    """Return bulk and tail effective sample sizes of a fit's quantities."""
    from arviz_stats import ess as effective

    tree, _ = tree_of(quantities, divergent(results))
    bulk, tail = (effective(tree["posterior"].to_dataset(), method=m) for m in ("bulk", "tail"))
    return pd.DataFrame(
        {
            "quantity": list(quantities.draws),
            "ess_bulk": [float(bulk[name]) for name in bulk.data_vars],
            "ess_tail": [float(tail[name]) for name in tail.data_vars],
            "draws": tree["posterior"].sizes["chain"] * tree["posterior"].sizes["draw"],
        }
    )


def _bars(axes: Axes, numbers: pd.DataFrame, quantities: list[str], kind: str) -> None:
    """Draw one group of bars a quantity; a fit without the quantity leaves its place empty."""
    fits = list(dict.fromkeys(numbers["fit"]))
    width = 0.8 / len(fits)
    for i, fit in enumerate(fits):
        own = numbers[numbers["fit"] == fit]
        at = np.array([quantities.index(q) for q in own["quantity"]]) + (i - (len(fits) - 1) / 2) * width
        axes.bar(at, own[f"ess_{kind}"], width, color=COLOURS[i % len(COLOURS)], label=plain(fit))
    quiet(axes).set_ylabel(f"{kind} effective draws")
