"""Intervals of parameters: of one fit one below the other, of several fits side by side.

Drawn here and not by `arviz_plots.plot_forest`, which gives the names of dimensions columns of their own:
half of a picture of a few scalars.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from shoal.drawing.picture import Picture
from shoal.drawing.style import FAINT, POOLED, TRUTH, folded, new_figure, plain, quiet, scale_of
from shoal.errors import ModelError, listing, nearest
from shoal.estimands import INTERVAL, describe, interval_names
from shoal.fit.results import Results
from shoal.plots.groups import interval_words, log_axis, name_rows, row_height
from shoal.plots.quantities import choose, choose_each, notes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST = 60
PANELS, COLUMNS = 12, 4  # of several fits: a panel a quantity
WIDE = 30.0  # the largest over the smallest mean, from which an axis of positive quantities is logarithmic

Truth = Mapping[str, float | Mapping[str, float]]


def forest(results: Results, var_names: Sequence[str] | str | None = None, prob: float = INTERVAL) -> Picture:
    """Draw posterior means with two equal-tailed intervals, of probability `prob` and half that.

    Raises
    ------
    ModelError
        Unknown names, effects that were not kept, an interval that makes no sense.
    """
    quantities = choose(results, var_names, MOST)
    rows = [_row(values, prob) for values in quantities.draws.values()]
    table = pd.DataFrame(rows, index=pd.Index(list(quantities.draws), name="quantity"))
    figure = new_figure(7.5, row_height(len(table)))
    axes = quiet(figure.subplots())
    axes.axvline(0, color=FAINT, linewidth=1, zorder=0)
    _intervals(axes, np.arange(len(table)), table, prob)
    name_rows(axes, [plain(name) for name in table.index])
    axes.set_xlabel(_scales([results]), fontsize=9)
    return Picture(figure, table, f"{_words(prob)} {quantities.note}".strip())


def forests(
    fits: Mapping[str, Results],
    var_names: Mapping[str, Sequence[str] | str] | Sequence[str] | str | None = None,
    truth: Truth | None = None,
    prob: float = INTERVAL,
) -> Picture:
    """Draw the intervals of the same quantities in several fits; see `shoal.plots.forest`."""
    table, note = _table(fits, var_names, prob)
    table["truth"] = _truths(table, truth or {}, list(fits))
    names = list(dict.fromkeys(table["quantity"]))
    lines = math.ceil(len(names) / COLUMNS)
    columns = min(COLUMNS, len(names))
    height = min(row_height(len(fits)), 4.5) if lines > 1 else row_height(len(fits))
    figure = new_figure(2.0 + 2.8 * columns, height * lines)
    panels = figure.subplots(lines, columns, squeeze=False, sharey=True)
    for axes, name in zip(panels.ravel(), names, strict=False):
        own = table[table["quantity"] == name]
        _panel(quiet(axes), own, list(fits), prob, _is_positive(fits.values(), name))
    for axes in panels.ravel()[len(names) :]:
        axes.remove()
    name_rows(panels[0, 0], [plain(fit) for fit in fits])
    figure.supxlabel(_scales(fits.values()), fontsize=8)
    absent = len(table) < len(names) * len(fits)
    caption = " ".join(
        [
            f"{_words(prob)} A panel a quantity, a row a fit.",
            "Green: the truth." if table["truth"].notna().any() else "",
            "A row is empty where a fit has no such quantity, or it is fixed." if absent else "",
            note,
        ]
    )
    return Picture(figure, table.reset_index(drop=True), " ".join(caption.split()))


def _table(
    fits: Mapping[str, Results],
    var_names: Mapping[str, Sequence[str] | str] | Sequence[str] | str | None,
    prob: float,
) -> tuple[pd.DataFrame, str]:
    """Return a row a fit and quantity, and what was left out."""
    called: dict[str, list[str]] = {}
    asked: Sequence[str] | str | None
    if isinstance(var_names, Mapping):
        called = {panel: [n] if isinstance(n, str) else list(n) for panel, n in var_names.items()}
        asked = [name for names in called.values() for name in names]
    else:
        asked = var_names
    chosen = choose_each(fits, asked, MOST)
    rows = []
    for fit, quantities in chosen.items():
        draws = quantities.draws
        if called:
            draws = {panel: draws[own] for panel, names in called.items() if (own := _first(names, draws))}
        rows += [{"fit": fit, "quantity": name, **_row(values, prob)} for name, values in draws.items()]
    table = pd.DataFrame(rows)
    names = list(dict.fromkeys(table["quantity"]))
    note = notes(chosen)
    if len(names) > PANELS:
        note += f" The first {PANELS} of {len(names)} quantities; name others in var_names."
    return table[table["quantity"].isin(names[:PANELS])].copy(), note


def _first(names: Iterable[str], known: Iterable[str]) -> str | None:
    """Return the first quantity of those names, by its own name or by that of its variable."""
    for name in names:
        own = [q for q in known if q == name or q.startswith(f"{name}[")]
        if len(own) > 1 and name not in own:
            raise ModelError(
                "effect-not-named", f"{name!r} has {len(own)} quantities.", f"One of {listing(own)}."
            )
        if own:
            return name if name in own else own[0]
    return None


def _truths(table: pd.DataFrame, truth: Truth, fits: list[str]) -> np.ndarray:
    """Return the true value of each row, NaN where none is given."""
    out = np.full(len(table), np.nan)
    known = list(dict.fromkeys(table["quantity"]))
    for name, value in truth.items():
        found = _first([name], known)
        if found is None:
            raise ModelError(
                "unknown-truth", f"The truth of {name!r} is given, which is not drawn.", nearest(name, known)
            )
        own = (table["quantity"] == found).to_numpy()
        if not isinstance(value, Mapping):
            out[own] = value
            continue
        if odd := [fit for fit in value if fit not in fits]:
            raise ModelError(
                "unknown-truth", f"The truth of {name!r} names a fit {odd[0]!r}.", nearest(str(odd[0]), fits)
            )
        for fit, one in value.items():
            out[own & (table["fit"] == fit).to_numpy()] = one
    return out


def _panel(axes: Axes, own: pd.DataFrame, fits: list[str], prob: float, positive: bool) -> None:
    """Draw one quantity, the fits from top to bottom."""
    at = np.array([fits.index(fit) for fit in own["fit"]])
    _intervals(axes, at, own, prob)
    axes.vlines(own["truth"], at - 0.4, at + 0.4, color=TRUTH, linewidth=2)
    axes.set_xlabel(folded(own["quantity"].iloc[0]), fontsize=9)
    axes.tick_params(labelsize=8)
    shown = own[["truth", *interval_names(prob)]]
    low, high = float(shown.min(axis=None)), float(shown.max(axis=None))
    if positive and low > 0 and own["mean"].max() > WIDE * own["mean"].min():
        log_axis(axes, (1.0, 2.0, 5.0) if high < 100 * low else (1.0,))
        axes.set_xlim(low / 1.3, high * 1.3)
        return
    axes.locator_params(axis="x", nbins=5)
    if 2 * low - high <= 0 <= 2 * high - low:  # zero is not far away
        axes.axvline(0, color=FAINT, linewidth=1, zorder=0)


def _is_positive(fits: Iterable[Results], name: str) -> bool:
    """Return whether a quantity is positive by its prior in all fits that have one."""
    priors = [fit.model.priors[name].prior for fit in fits if name in fit.model.priors]
    return bool(priors) and all(prior.support == "positive" for prior in priors)


def _row(values: np.ndarray, prob: float) -> dict[str, float]:
    return describe(values, prob) | describe(values, prob / 2)


def _intervals(axes: Axes, at: np.ndarray, table: pd.DataFrame, prob: float) -> None:
    """Draw means with a thin and a thick interval in the rows `at`."""
    for (low, high), width in ((interval_names(prob), 1.0), (interval_names(prob / 2), 2.6)):
        axes.hlines(at, table[low], table[high], color=POOLED, linewidth=width)
    axes.scatter(table["mean"], at, 26, "white", edgecolors=POOLED, zorder=3)


def _scales(fits: Iterable[Results]) -> str:
    scales = dict.fromkeys(plain(scale_of(design)) for fit in fits for design in fit.model.designs)
    return f"coefficients and effects: {', '.join(scales)}; others on scales of their own"


def _words(prob: float) -> str:
    return f"Posterior means with {interval_words(prob)}, and {100 * prob / 2:g}% ones as thick lines."
