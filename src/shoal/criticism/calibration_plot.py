"""Picture of a calibration: rank distribution functions less their expectation, with simultaneous bands."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pandas as pd

from shoal.criticism.uniformity import differences, uniformity

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INSIDE, OUTSIDE, BAND = "#1f4e79", "#c0392b", "#d9e2ec"
MOST_COLUMNS = 4


def figure(ranks: pd.DataFrame, draws: int, level: float) -> Figure:
    """Draw one panel for each quantity; those that leave their band are red.

    Parameters
    ----------
    ranks : (S, Q) pandas.DataFrame
        As `calibration.Calibration.ranks`.
    draws : int
        Ranks are 0 to `draws`.
    level : float
        Level of each quantity's band: it is left with this probability if the ranks are uniform.
    """
    from matplotlib.figure import Figure

    count = ranks.shape[1]
    columns = min(MOST_COLUMNS, count)
    lines = math.ceil(count / columns)
    out = Figure(figsize=(0.8 + 2.7 * columns, 1.1 + 1.8 * lines), layout="constrained")
    panels = out.subplots(lines, columns, sharex=True, sharey=True, squeeze=False).ravel()
    for axes, name in zip(panels, ranks.columns, strict=False):
        _panel(axes, str(name), ranks[name], draws, level)
    for axes in panels[count:]:
        axes.remove()
    for axes in panels[max(count - columns, 0) : count]:
        axes.tick_params(labelbottom=True)
    out.supxlabel("rank of the true value among the draws, as a fraction", fontsize=10)
    out.supylabel("ECDF of ranks − uniform", fontsize=10)
    bands = f"each band holds {1 - level:.4g} of uniform distributions from end to end"
    out.suptitle(f"{len(ranks)} simulations; {bands}", fontsize=10)
    return out


def _panel(axes: Axes, name: str, ranks: pd.Series, draws: int, level: float) -> None:
    test = uniformity(len(ranks), draws)
    at, difference = differences(ranks.to_numpy(), draws)
    low, high = test.band(level)
    inside = test.p_value(ranks.to_numpy()) > level
    axes.fill_between(at, low - at, high - at, step="mid", color=BAND, linewidth=0)
    axes.axhline(0, color="0.6", linewidth=0.6)
    axes.step(at, difference, where="mid", color=INSIDE if inside else OUTSIDE, linewidth=1.3)
    axes.set_title(name if inside else f"{name}: outside", fontsize=9, color="black" if inside else OUTSIDE)
    axes.set_xlim(0, 1)
    axes.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
