"""Complete, no and partial pooling of one model, on one axis."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from shoal import estimands
from shoal.criticism.diagnosis import diagnose
from shoal.drawing.picture import Picture
from shoal.drawing.style import ALONE, COMPLETE, POOLED, new_figure, plain, quiet
from shoal.engine.settings import Settings
from shoal.errors import ModelError, listing
from shoal.estimands import INTERVAL, effect_of, group_of, interval_names
from shoal.fit import run as fitting
from shoal.fit.no_pooling import wide_sds
from shoal.fit.posterior import posterior_of
from shoal.fit.results import Results
from shoal.model.design import Design, Group
from shoal.model.variants import with_pooling
from shoal.plots.groups import coefficient, interval_words, name_rows, row_height, size_words, sizes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

OTHERS = ("complete", "none")
DENSE = 100  # levels; more stand in the order of their estimates, without the wide intervals of no pooling


def pooling(
    results: Results,
    group: str | None = None,
    effect: str | None = None,
    prob: float = INTERVAL,
    others: Mapping[str, Results] | None = None,
) -> Picture:
    """Draw each level's coefficient without and with partial pooling, and the one all share without levels.

    Parameters
    ----------
    others : mapping, optional
        Fits of ``with_pooling("complete")`` and ``with_pooling("none")`` by these names; those that are
        missing are fitted here, with the seed, chains and draws of `results`.

    Raises
    ------
    ModelError
        Unknown names, effects that were not kept, a fit that is a variant itself, models without variants.
    """
    if results.model.pooling != "partial":
        raise ModelError(
            "pooled-variant",
            f"This fit has pooling {results.model.pooling!r}.",
            "The fit of the model as it was first written.",
        )
    interval_names(prob)
    design, found = group_of(results, group)
    effect_of(found, effect)
    given = dict(others or {})
    if unknown := [name for name in given if name not in OTHERS]:
        raise ModelError(
            "unknown-choice", f"others names {listing(map(repr, unknown))}.", "'complete', 'none', or both."
        )
    fitted = {name: _fitted(results, name, found) for name in OTHERS if name not in given}
    failed = [f"{name} pooling" for name, fit in fitted.items() if not diagnose(fit).trustworthy]
    fits = given | fitted
    table = _table(results, fits, group, effect, prob)
    figure = new_figure(7.5, row_height(len(found.labels)))
    axes = quiet(figure.subplots())
    _draw(axes, table, prob)
    axes.set_xlabel(coefficient(design, found.effects[effect_of(found, effect)]))
    order = _order_words(design, found)
    axes.set_ylabel(plain(found.name, 24))
    figure.legend(loc="outside upper center", ncols=3, frameon=False, fontsize=8)
    caption = (
        f"The {len(found.labels):,} levels of {found.name} in three fits of one model{order}: posterior "
        f"means and {interval_words(prob)}. Complete pooling has one coefficient for all levels, no pooling "
        f"each level's own under a wide prior{_beside(design, found, failed)}"
    )
    return Picture(figure, table, caption)


def _beside(design: Design, found: Group, failed: list[str]) -> str:
    """Return what else is to be known of the variants."""
    words = "." if len(found.labels) <= DENSE else " (intervals left out)."
    if len(design.groups) > 1:
        words += " Without pooling the other factors keep the sd they learned."
    if design.family.ordinal:
        words += " Coefficients are less their mean over the levels."
    return words + (f" The draws of {listing(failed)} cannot be trusted." if failed else "")


def _order_words(design: Design, found: Group) -> str:
    """Return what the levels are ordered by."""
    if len(found.labels) > DENSE:
        return ", by their estimates without pooling"
    size = size_words(design, found)
    return "" if np.ptp(sizes(design, found)) == 0 else f", by {size}"


def _fitted(results: Results, variant: str, found: Group) -> Results:
    """Fit a variant as the model itself was fitted."""
    there, asked = results.posterior.sizes, json.loads(results.attrs["settings"])
    settings = Settings(
        draws=there["draw"],
        chains=there["chain"],
        seed=int(results.attrs["seed"]),
        cores=os.cpu_count() or 1,
        **asked,
    )
    sd = _sds(results, found) if variant == "none" else None
    return fitting.fit(posterior_of(with_pooling(results.model, variant, sd)), settings)


def _sds(results: Results, found: Group) -> dict[str, float]:
    """Return the sds without pooling over one factor: wide for its effects, as learned for others'.

    Two factors without pooling could not be told apart where both have an Intercept. Effects of another
    factor whose population column is not the drawn one's stay wide: there that column has no other part.
    """
    design = results.model.design_of(found)
    own = {column for column in design.matched(found) if column >= 0}
    sds = dict[str, float]()
    for group in design.groups:
        learned = results.posterior[group.sd].mean(("chain", "draw")).values
        wide = wide_sds(design, group, learned)
        for k, column in enumerate(design.matched(group)):
            held = group is not found and (column < 0 or column in own)
            sds[f"{group.sd}[{group.effects[k]}]"] = float(learned[k] if held else wide[k])
    return sds


def _table(
    results: Results, fits: Mapping[str, Results], group: str | None, effect: str | None, prob: float
) -> pd.DataFrame:
    """Return a row a level, the largest first, and pooling, with mean and interval."""
    design, found = group_of(results, group)
    k = effect_of(found, effect)
    count = sizes(design, found)
    order = np.argsort(-count, kind="stable")
    if len(order) > DENSE:
        alone = estimands.levels(fits["none"], group).values[..., k]
        order = np.argsort(-alone.mean((0, 1)), kind="stable")
    shares = [(1 - prob) / 2, (1 + prob) / 2]
    parts = []
    for name, fit in (("complete", fits["complete"]), ("none", fits["none"]), ("partial", results)):
        if name == "complete":
            column = design.matched(found)[k]
            shared = fit.posterior[design.columns[column]].values.ravel() if column >= 0 else np.zeros(1)
            draws = np.repeat(shared[:, None], len(found.labels), axis=1)
        else:
            values = estimands.levels(fit, group).values[..., k]
            draws = values.reshape(-1, values.shape[-1])
            if design.family.ordinal:  # what all levels share is the cutpoints'
                draws = draws - draws.mean(1, keepdims=True)
        low, high = np.quantile(draws, shares, axis=0)
        lower, upper = interval_names(prob)
        columns = {
            "row": np.arange(len(order)),
            "size": count[order],
            "pooling": name,
            "mean": draws.mean(0)[order],
            lower: low[order],
            upper: high[order],
        }
        label = estimands.label_column(found, columns)
        parts.append(pd.DataFrame({label: found.labels[order], **columns}))
    return pd.concat(parts, ignore_index=True)


def _draw(axes: Axes, table: pd.DataFrame, prob: float) -> None:
    lower, upper = interval_names(prob)
    by = dict(list(table.groupby("pooling")))
    one, count = by["complete"].iloc[0], len(by["partial"])
    axes.axvspan(one[lower], one[upper], color=COMPLETE, alpha=0.2, linewidth=0)
    axes.axvline(one["mean"], color=COMPLETE, linewidth=1, linestyle="--", label="complete pooling")
    thin, small = (1.2, 12) if count <= DENSE else (0.4, 2)
    for name, words, colour, shift in (
        ("none", "no pooling", ALONE, -0.17),
        ("partial", "partial pooling", POOLED, 0.17),
    ):
        part = by[name]
        rows = part["row"] + shift
        if count <= DENSE or name == "partial":
            axes.hlines(rows, part[lower], part[upper], color=colour, linewidth=thin, alpha=0.8)
        axes.scatter(part["mean"], rows, small, colour, linewidths=0, label=words)
    name_rows(axes, [plain(str(label)) for label in by["partial"].iloc[:, 0]])
