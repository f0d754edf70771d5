"""The funnel: the logarithm of a group's sd against the effect of one level, and its trace."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from shoal.drawing.picture import Picture
from shoal.drawing.style import DIVERGENT, POOLED, new_figure, plain, quiet, scale_of
from shoal.errors import ModelError
from shoal.estimands import effect_of, effects_draws, group_of
from shoal.fit.results import Results
from shoal.model.design import Group
from shoal.plots.borrowed import CHAINS
from shoal.plots.quantities import divergences, divergent


def funnel(
    results: Results, group: str | None = None, effect: str | None = None, level: Any = None
) -> Picture:
    """Draw log sd against a level's effect, divergences marked, above the trace of log sd.

    See `FitPlots.funnel`. Neal (2003), Annals of Statistics 31, 705-767, section 8, has the funnel.
    """
    design, _ = group_of(results, group)
    numbers, names = funnel_draws(results, group, effect, level)
    caption = (
        f"Each draw's {names[0]} against {names[1]}: deviations from the population, on the linear "
        f"predictor's scale ({scale_of(design)}); below, {names[0]} by draw, a colour a chain. "
        f"{divergences(results)}"
    )
    caption += " They are red." if numbers["diverging"].any() else ""
    return Picture(_figure(numbers, names, scale_of(design)), numbers, caption)


def funnel_draws(
    results: Results, group: str | None = None, effect: str | None = None, level: Any = None
) -> tuple[pd.DataFrame, list[str]]:
    """Return each draw's log sd and effect of one level, divergences marked, and the names of both.

    Raises
    ------
    DataError
        An unknown level.
    ModelError
        Other unknown names, or a standard deviation that is known.
    """
    _, own = group_of(results, group)
    k, g = effect_of(own, effect), _level_number(own, level)
    sd = results.posterior[own.sd].values[..., k].astype(float)
    if not np.ptp(sd) > 0:
        raise ModelError(
            "sd-fixed",
            f"{own.sd}[{own.effects[k]}] is fixed at {sd.flat[0]:g}.",
            "A standard deviation that is estimated: without one there is no funnel.",
        )
    values = effects_draws(results, group).values[:, :, g, k]
    names = [f"log {own.sd}[{own.effects[k]}]", f"{own.r}[{own.labels[g]},{own.effects[k]}]"]
    chain, draw = np.indices(sd.shape)
    numbers = pd.DataFrame(
        {
            "chain": chain.ravel(),
            "draw": draw.ravel(),
            "effect": values.ravel(),
            "log_sd": np.log(sd).ravel(),
            "diverging": divergent(results).ravel(),
        }
    )
    return numbers, names


def _figure(numbers: pd.DataFrame, names: list[str], scale: str) -> Any:
    figure = new_figure(6.5, 6.2)
    above, below = figure.subplots(2, 1, height_ratios=[3, 1])
    bad, good = numbers[numbers["diverging"]], numbers[~numbers["diverging"]]
    above.scatter(good["effect"], good["log_sd"], s=6, alpha=0.3, color=POOLED, linewidths=0)
    above.scatter(bad["effect"], bad["log_sd"], s=12, color=DIVERGENT, linewidths=0, label="divergent")
    if len(bad):
        above.legend(frameon=False, loc="upper right")
    quiet(above).set(xlabel=f"{plain(names[1])} ({plain(scale)})", ylabel=plain(names[0]))
    for chain, own in numbers.groupby("chain"):
        below.plot(own["draw"], own["log_sd"], color=CHAINS[int(chain) % len(CHAINS)], linewidth=0.6)
    low = numbers["log_sd"].min() - 0.05 * np.ptp(numbers["log_sd"])
    below.plot(bad["draw"], np.full(len(bad), low), "|", color=DIVERGENT, markersize=6)
    quiet(below).set(xlabel="draw", ylabel="log sd")
    below.margins(x=0.01)
    return figure


def _level_number(group: Group, level: Any) -> int:
    """Return the position of a level by its label, or by how that is written.

    By default, of the level with fewest rows, whose effect follows its sd most.
    """
    if level is None:
        return int(np.argmin(group.counts))
    return group.level(level)
