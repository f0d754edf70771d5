"""Do all chains draw from one distribution? Ranks of each chain's draws among those of all."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from shoal.drawing.picture import Picture
from shoal.drawing.style import FAINT, new_figure, plain, quiet
from shoal.fit.results import Results
from shoal.plots.borrowed import CHAINS
from shoal.plots.chain_ranks import PROB, band, rank_counts
from shoal.plots.quantities import choose

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST, COLUMNS = 16, 4


def rank(results: Results, var_names: Sequence[str] | str | None = None) -> Picture:
    """Draw each chain's distribution of ranks less a uniform one; see `FitPlots.rank`."""
    quantities = choose(results, var_names, MOST)
    alone = results.posterior.sizes["chain"] == 1
    tables = {n: differences(_halves(v) if alone else v) for n, v in quantities.draws.items()}
    columns = min(COLUMNS, len(tables))
    lines = math.ceil(len(tables) / columns)
    figure = new_figure(max(5.0, 0.8 + 2.7 * columns), 1.1 + 1.9 * lines)
    panels = figure.subplots(lines, columns, sharex=True, sharey=True, squeeze=False).ravel()
    for axes, (name, table) in zip(panels, tables.items(), strict=False):
        _panel(axes, name, table)
    for axes in panels[len(tables) :]:
        axes.remove()
    for axes in panels[max(len(tables) - columns, 0) : len(tables)]:
        axes.tick_params(labelbottom=True)
    figure.supxlabel("rank among the draws of all chains, as a fraction", fontsize=10)
    figure.supylabel("ECDF of ranks − uniform", fontsize=10)
    who = "half of the one chain" if alone else "chain"
    caption = (
        f"Distribution of the ranks of each {who} among all draws, less the uniform one. Chains of one "
        f"target and of independent draws stay in the band together with probability {PROB:g}; dependent "
        f"draws leave it more often. {quantities.note}"
    )
    numbers = pd.concat([t.assign(quantity=name) for name, t in tables.items()], ignore_index=True)
    numbers = numbers.rename(columns={"chain": "half"}) if alone else numbers
    return Picture(figure, numbers[["quantity", *numbers.columns.drop("quantity")]], caption.strip())


def differences(draws: np.ndarray) -> pd.DataFrame:
    """Return each chain's ECDF of ranks less the uniform one, with its band, a row a point.

    Parameters
    ----------
    draws : (chain, draw) array
    """
    cuts, counts = rank_counts(draws)
    at, size = cuts / draws.size, draws.shape[1]
    low, high = band(*draws.shape)
    chains = len(draws)
    return pd.DataFrame(
        {
            "chain": np.repeat(np.arange(chains), len(cuts)),
            "rank": np.tile(at, chains),
            "difference": (counts / size - at).ravel(),
            "band_lb": np.tile(low / size - at, chains),
            "band_ub": np.tile(high / size - at, chains),
        }
    )


def _halves(draws: np.ndarray) -> np.ndarray:
    """Return the first and the second half of one chain as two: a chain alone has uniform ranks always."""
    size = draws.shape[1] // 2
    return np.stack([draws[0, :size], draws[0, -size:]])


def _panel(axes: Axes, name: str, table: pd.DataFrame) -> None:
    first = table[table["chain"] == 0]
    axes.fill_between(first["rank"], first["band_lb"], first["band_ub"], color=FAINT, linewidth=0)
    axes.axhline(0, color="0.6", linewidth=0.6)
    for chain, own in table.groupby("chain"):
        axes.plot(own["rank"], own["difference"], color=CHAINS[int(chain) % len(CHAINS)], linewidth=1.1)
    axes.set_title(plain(name), fontsize=9)
    axes.set_xlim(0, 1)
    axes.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
    quiet(axes).tick_params(labelsize=8)
