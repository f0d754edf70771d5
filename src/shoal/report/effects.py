"""Tables of group effects: each level alone and pooled, and how much varies where."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from markupsafe import Markup

from shoal import estimands
from shoal.drawing.style import scale_of
from shoal.errors import ModelError
from shoal.estimands.r2 import r2
from shoal.fit.results import Results
from shoal.model.design import Design, Group
from shoal.report.figures import fixed, interval, percent
from shoal.report.parts import Cell, Sentences, Table
from shoal.report.symbols import response_of

ALL_SHOWN = 24  # levels up to which every one has a row
FROM_EACH_END = 8


def kept(results: Results) -> bool:
    """Return whether the draws of the group effects and latents were kept."""
    return all(name in results.posterior for name in results.model.group_effects)


def effect_tables(results: Results, design: Design, group: Group, prob: float) -> dict[str, Table]:
    """Return a table for each effect of a factor on a response: of all levels, or those at both ends."""
    effects = estimands.effects(results, design.prefix + group.name, prob)
    names = {group.effects[k]: str(group.own_terms[k]) for k in group.own}
    return {
        effect: _table(effects[effects["effect"] == effect], design, group, term, prob)
        for effect, term in names.items()
    }


def _table(effects: pd.DataFrame, design: Design, group: Group, effect: str, prob: float) -> Table:
    order = np.argsort(effects["mean"].to_numpy(), kind="stable")
    shown = order
    if len(order) > ALL_SHOWN:
        shown = np.concatenate([order[:FROM_EACH_END], order[-FROM_EACH_END:]])
    rows = [_row(str(group.labels[i]), effects.iloc[i], prob) for i in shown]
    columns = [group.name, "Rows", "Alone", "SD", "Pooled", "SD", f"{100 * prob:g}%", "Shrinkage"]
    what = "own mean" if effect == "Intercept" else f"own slope of {effect}"
    which = f"All {len(order):,} levels"
    if len(shown) < len(order):
        which = f"The {FROM_EACH_END} lowest and {FROM_EACH_END} highest of {len(order):,} levels"
    caption = (
        f"{which} of {group.name}, by their {what}, on the scale of the linear predictor "
        f"({scale_of(design)}): estimated from the level's rows alone under a wide prior, and pooled, which "
        "is the population's value plus the level's deviation. Shrinkage is the share of the way from the "
        "first to the population's value; it has no number where the two are close."
    )
    if effects["at_edge"].any():
        caption += " A star: all responses lie at one edge, and only the prior keeps the estimate finite."
    return Table(caption, columns, rows)


def _row(label: str, line: pd.Series, prob: float) -> list[Cell]:
    lower, upper = estimands.interval_names(prob)
    places = _places(float(line["sd"]))
    return [
        label,
        fixed(float(line["n"]), 0),
        fixed(float(line["no_pooling"]), places) + ("*" if line["at_edge"] else ""),
        fixed(float(line["no_pooling_sd"]), places),
        fixed(float(line["mean"]), places),
        fixed(float(line["sd"]), places),
        interval(float(line[lower]), float(line[upper]), places),
        percent(float(line["shrinkage"])),
    ]


def _places(sd: float) -> int:
    """Return the decimals that show two digits of a standard deviation."""
    return min(max(1 - math.floor(math.log10(sd)), 0), 6) if sd > 0 else 3


def variance_table(results: Results, design: Design, prob: float) -> Table:
    """Return how much of the variance lies between the levels of each factor, and how much within."""
    parts = estimands.variance_partition(results, prob, response_of(design))
    lower, upper = estimands.interval_names(prob)
    rows = []
    for name, line in parts.iterrows():
        share = float(line["share_mean"])
        bar = Markup('<span class="bar" style="width:{:.1f}%"></span>').format(100 * share)
        ends = f"{percent(float(line[lower]))} to {percent(float(line[upper]))}"
        rows.append([str(name), fixed(float(line["sd"]), 2), percent(share), ends, bar])
    caption = (
        f"Variance around the population's prediction, on the scale of the linear predictor "
        f"({scale_of(design)}), averaged over the rows: each part's standard deviation and its share, with "
        f"equal-tailed {100 * prob:g}% intervals."
    )
    if parts.attrs["residual"] != "included":
        caption += " The rows' own variance is not on this scale, so these are shares among the parts listed."
    return Table(caption, ["Part", "SD", "Share", f"{100 * prob:g}%", ""], rows)


def explained(results: Results, design: Design, prob: float) -> Table | Sentences:
    """Return which share of the responses' variance the model explains, or why there is no such number."""
    try:
        found = r2(results, response_of(design), prob)
    except ModelError as reason:
        return Sentences([f"R2 cannot be given. {reason.found}"])
    lower, upper = estimands.interval_names(prob)
    rows = [
        [str(name), percent(line["mean"]), f"{percent(line[lower])} to {percent(line[upper])}"]
        for name, line in found.table.iterrows()
    ]
    caption = f"R2, {found.scale}, over {found.population}. {' '.join(found.notes)}"
    return Table(caption, ["R2", "Share", f"{100 * prob:g}%"], rows)
