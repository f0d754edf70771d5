"""Predictions along a predictor: curves with their intervals, points of categories, surfaces, data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from shoal.drawing.picture import Picture
from shoal.drawing.style import COLOURS, GREY, new_figure, plain, quiet
from shoal.errors import ModelError
from shoal.estimands import interval_names
from shoal.estimands.predictor_effects import Effect, labels_beside
from shoal.estimands.scales import short
from shoal.fit.results import Results
from shoal.plots.groups import interval_words
from shoal.plots.observed import SIZE, Y, observed_rows, tells_apart

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANELS = 12
ACROSS = 4
SHOWN = "shown"
AREA = 60.0  # of the largest mark of binned rows, in square points


@dataclass(frozen=True)
class Layout:
    """What stands where.

    Attributes
    ----------
    along : str
        The horizontal axis.
    upward : str
        The vertical axis of a surface; else empty.
    hue, panel : tuple of str
        Columns of the table whose values have a colour each, and a panel each.
    places : dict
        Where values of `along` stand that have a point each; empty of a curve.
    rows : tuple of str
        Of the columns that have points, colours or panels, those that rows of the data are told apart by.
    """

    along: str
    upward: str
    hue: tuple[str, ...]
    panel: tuple[str, ...]
    places: dict[Any, int]
    rows: tuple[str, ...]


def effect_picture(results: Results, effect: Effect) -> Picture:
    """Draw predictions over a grid, rows of the data behind them.

    Raises
    ------
    ModelError
        More columns than a picture has room for.
    """
    labels = labels_beside(effect.grid, (*effect.statistics, Y, SIZE, SHOWN))
    effect = effect.renamed(labels)
    table = effect.table
    layout = _layout(results, effect, {label: name for name, label in labels.items()})
    rows, binned = observed_rows(results, effect, layout.rows, bool(layout.upward), labels)
    keys = _keys(table, layout.panel)
    if len(keys) > PANELS:
        raise ModelError(
            "too-many-panels",
            f"{', '.join(layout.panel)} would make {len(keys)} panels.",
            f"At most {PANELS}.",
            f"Name some of the values: by={{{layout.panel[0]!r}: [...]}}.",
        )
    across = min(len(keys), ACROSS)
    down = -(-len(keys) // across)
    figure = new_figure(min(6.4 if across == 1 else 3.4 * across, 12.0), 4.2 if down == 1 else 3.0 * down)
    every = figure.subplots(down, across, squeeze=False, sharex=True, sharey=True).ravel()
    draw = _surface if layout.upward else _points if layout.places else _curves
    mark: Any = None
    for axes, key in zip(every, keys, strict=False):
        known = all(name in layout.rows or name not in effect.grid for name in key)
        own = _at(rows, {name: value for name, value in key.items() if name in rows})
        mark = draw(axes, effect, layout, _at(table, key), own if known else rows.iloc[:0], binned)
        quiet(axes).set_title(plain(_text(key), 40), fontsize=9)
    for axes in every[len(keys) :]:
        axes.set_visible(False)
    _name_axes(figure, every[: len(keys)], effect, layout, mark)
    return Picture(figure, _numbers(table, rows), _caption(effect, layout, rows, binned))


def _layout(results: Results, effect: Effect, columns: dict[str, str]) -> Layout:
    """Return where the columns stand; `columns` are those of the data, where they are called otherwise."""
    names = [*effect.x, *effect.by]
    category = tuple(str(name) for name in effect.labels if name not in effect.grid)
    apart = {name for name in names if tells_apart(results, effect, name, columns.get(name, name))}
    # Of two values, as no and yes have, nothing lies between: they are told apart by colour.
    pairs = {name for name in apart if effect.grid[name].nunique() <= 2}
    numbers = [name for name in effect.x if name in effect.numbers and name not in pairs]
    numbers = numbers or [name for name in effect.x if name in effect.numbers][:1]
    if len(numbers) > 2:
        raise ModelError(
            "too-many-predictors",
            f"x has {len(numbers)} columns of numbers.",
            "Two at most: a surface.",
            "Others stand in `by`.",
        )
    if len(numbers) == 2:
        for name, other in (numbers, numbers[::-1]):
            if effect.grid[name].nunique() < 2:
                raise ModelError(
                    "surface-of-one-value",
                    f"{name!r} has one value.",
                    "A surface has two values of each of its predictors, or more.",
                    f"Hold it: effect({other!r}, at={{{name!r}: {effect.grid[name].tolist()[0]!r}}}).",
                )
        panel = tuple(name for name in names if name not in numbers)
        told = tuple(name for name in panel if name in apart)
        return Layout(numbers[0], numbers[1], (), (*panel, *category), {}, told)
    along = numbers[0] if numbers else effect.x[0]
    others = tuple(name for name in names if name != along)
    hue, panel = (category, others) if category else (others[:1], others[1:])
    values = effect.grid[along].drop_duplicates().tolist()
    two = along in apart and len(values) == 2
    places = {value: i for i, value in enumerate(values)} if two or along not in effect.numbers else {}
    coloured = hue if len(_keys(effect.table, hue)) <= len(COLOURS) else ()
    shown = [name for name in (*([along] if places else []), *coloured, *panel) if name in apart]
    return Layout(along, "", hue, panel, places, tuple(shown))


def _keys(table: pd.DataFrame, columns: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return the combinations of values of some columns, in the order of the table."""
    if not columns:
        return [{}]
    return table[list(columns)].drop_duplicates().astype(object).to_dict("records")


def _at(table: pd.DataFrame, key: dict[str, Any]) -> pd.DataFrame:
    """Return the rows with some values."""
    for name, value in key.items():
        table = table[table[name] == value]
    return table


def _text(key: dict[str, Any]) -> str:
    return ", ".join(f"{name} = {short(value)}" for name, value in key.items())


def _curves(
    axes: Axes, effect: Effect, layout: Layout, table: pd.DataFrame, rows: pd.DataFrame, binned: bool
) -> Any:
    """Draw a line for each colour with its interval; of many curves thin lines alone."""
    lower, upper = interval_names(effect.prob)
    hues = _keys(effect.table, layout.hue)
    many = len(hues) > len(COLOURS)
    apart = set(layout.hue) <= set(layout.rows)
    _behind(axes, layout, rows, binned, hues if apart and layout.hue else [])
    for i, key in enumerate(hues):
        part = _at(table, key)
        color = COLOURS[0] if many else COLOURS[i]
        x = part[layout.along].to_numpy(float)
        if not many:
            axes.fill_between(x, part[lower], part[upper], color=color, alpha=0.18, linewidth=0)
        axes.plot(
            x,
            part["median"],
            color=color,
            linewidth=0.8 if many else 1.8,
            alpha=0.6 if many else 1.0,
            label=plain(_text(key), 40) if key and not many else None,
        )
    return None


def _behind(axes: Axes, layout: Layout, rows: pd.DataFrame, binned: bool, hues: list[dict[str, Any]]) -> None:
    """Draw the rows of the data, in the colours of their curves where these are categories."""
    largest = float(rows[SIZE].max()) if len(rows) else 1.0
    for i, key in enumerate(hues or [{}]):
        part = _at(rows, {name: value for name, value in key.items() if name in rows})
        area = AREA * part[SIZE] / largest if binned else 9.0
        color = COLOURS[i] if hues else GREY
        alpha = 0.5 if binned else float(np.clip(30 / np.sqrt(max(len(rows), 1)) / 4, 0.15, 0.5))
        axes.scatter(part[layout.along], part[Y], area, color, alpha=alpha, linewidths=0, zorder=1)


def _points(
    axes: Axes, effect: Effect, layout: Layout, table: pd.DataFrame, rows: pd.DataFrame, binned: bool
) -> Any:
    """Draw a point with its interval for each category, colours side by side."""
    lower, upper = interval_names(effect.prob)
    places, hues = layout.places, _keys(effect.table, layout.hue)
    step = min(0.6 / len(hues), 0.16)
    apart = bool(layout.hue) and set(layout.hue) <= set(layout.rows)
    for i, key in enumerate(hues):
        shift = step * (i - (len(hues) - 1) / 2)
        color = COLOURS[i % len(COLOURS)] if len(hues) <= len(COLOURS) else COLOURS[0]
        if apart or i == 0:
            own = _at(rows, {name: value for name, value in key.items() if name in rows} if apart else {})
            at = own[layout.along].map(places).to_numpy(float) + (shift if apart else 0.0)
            spread = 0.0 if binned else 0.35 * step * (2 * _even(len(own)) - 1)
            area = AREA * own[SIZE] / rows[SIZE].max() if binned else 9.0
            axes.scatter(
                at + spread, own[Y], area, color if apart else GREY, alpha=0.3, linewidths=0, zorder=1
            )
        part = _at(table, key)
        x = part[layout.along].map(places).to_numpy(float) + shift
        axes.vlines(x, part[lower], part[upper], color=color, linewidth=2.2)
        label = plain(_text(key), 40) if key and len(hues) <= len(COLOURS) else None
        axes.scatter(x, part["median"], 34, color, linewidths=0, label=label, zorder=3)
    axes.set_xticks(list(places.values()), [plain(str(value), 20) for value in places])
    axes.set_xlim(-0.6, len(places) - 0.4)
    return None


def _even(count: int) -> np.ndarray:
    """Return numbers spread evenly between 0 and 1, the same at each call: multiples of the golden ratio."""
    return (np.arange(count) * 0.6180339887498949) % 1.0


def _surface(
    axes: Axes, effect: Effect, layout: Layout, table: pd.DataFrame, rows: pd.DataFrame, binned: bool
) -> Any:
    """Draw the medians as filled contours, and where the rows of the data are."""
    from matplotlib.ticker import MaxNLocator

    table = table.drop_duplicates([layout.along, layout.upward])  # values may be given twice
    wide = table.pivot(index=layout.upward, columns=layout.along, values="median")
    low, high = float(effect.table["median"].min()), float(effect.table["median"].max())
    levels = MaxNLocator(12).tick_values(low, high if high > low else low + 1e-9)
    filled = axes.contourf(
        wide.columns.to_numpy(float), wide.index.to_numpy(float), wide.to_numpy(), levels, cmap="cividis"
    )
    axes.scatter(
        rows[layout.along],
        rows[layout.upward],
        5,
        "white",
        alpha=0.6,
        edgecolors=GREY,
        linewidths=0.3,
        clip_on=False,  # rows at the edge of the grid are seen whole
    )
    return filled


def _name_axes(figure: Figure, every: Any, effect: Effect, layout: Layout, mark: Any) -> None:
    scale = plain(effect.scale, 80)
    figure.supxlabel(plain(layout.along), fontsize=10)
    figure.supylabel(plain(layout.upward) if layout.upward else scale, fontsize=10)
    if layout.upward:
        figure.colorbar(mark, ax=list(every), label=scale, format="%.3g")
    elif every[0].get_legend_handles_labels()[1]:
        handles, labels = every[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=4, frameon=False, fontsize=8)


def _numbers(table: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Return what is drawn: predictions, then rows of the data."""
    expected = pd.DataFrame(table).assign(**{SHOWN: "expected"})
    if not len(rows):
        return expected.reset_index(drop=True)
    return pd.concat([expected, rows.astype({SIZE: float}).assign(**{SHOWN: "observed"})], ignore_index=True)


def _caption(effect: Effect, layout: Layout, rows: pd.DataFrame, binned: bool) -> str:
    many = len(_keys(effect.table, layout.hue)) > len(COLOURS)
    what = (
        "Posterior medians"
        if layout.upward or many
        else f"Posterior medians and {interval_words(effect.prob)}"
    )
    curves = f", a line for each {layout.hue[0]}" if many else ""
    words = f"{what} of the {effect.scale}{curves}; {effect.population}."
    if not len(rows):
        return words
    if layout.upward:
        return f"{words} Dots are the rows of the data."
    if not binned:
        return f"{words} Dots are the {len(rows):,} rows of the data."
    where = "each of its values" if layout.places else "bins of equal numbers of rows"
    return f"{words} Dots are means of the data in {where}, their area the number of observations."
