"""Raw means of groups of rows, before any model: stories, people, tanks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from shoal.drawing.picture import Picture
from shoal.drawing.style import COLOURS, GREY, crowded, new_figure, plain, quiet
from shoal.errors import DataError, ModelError, listing, nearest
from shoal.estimands import one_level
from shoal.model import Specification
from shoal.model.design import Design, Group, Latent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAMED = 60  # groups that stand in the order of their labels; more stand in the order of their means
WIDTH = 8.0  # of the picture, in inches
ENDS = 4  # of more groups, how many are named at each end
AREA, SMALLEST = 150.0, 15.0  # of the largest and of the smallest mark, in square points
DENSE = 200  # marks; more are smaller
COUNTED = 12  # groups whose observations are written below their names
TAKEN = ("colour", "n", "size", "mean", "position")


def data(
    model: Specification,
    by: str | None = None,
    colour: str | Sequence[str] | None = None,
    response: str | None = None,
) -> Picture:
    """Draw the mean response of each group of rows, sized by its observations.

    Parameters
    ----------
    by : str, optional
        A grouping factor or a column of the formula; by default the first grouping factor.
    colour : str or sequence of str, optional
        Columns of the formula whose values tell rows of a group apart, at most six combinations.
    response : str, optional
        One of several.

    Raises
    ------
    DataError, ModelError
        Unknown names, what is no name, more combinations than colours.
    """
    design = model.response(response)
    require_mean(design)
    name, groups = grouped(model, design, by)
    hues = hues_of(model, colour)
    order, overall = order_of(design, groups)
    table = table_of(design, groups, hues, order)
    figure = new_figure(WIDTH, 4.5)
    axes = quiet(figure.subplots())
    _marks(axes, table)
    axes.axhline(overall, color=GREY, linewidth=1, linestyle="--")
    name_groups(axes, table, order, name)
    axes.set_ylabel(plain(averaged(design), 80))
    if colour is not None:
        legend = figure.legend(loc="outside upper center", ncols=6, frameon=False, fontsize=8)
        for handle in filter(None, legend.legend_handles):
            handle.set(sizes=[30.0])
    caption = (
        f"Raw {averaged(design)} by {name} ({len(order):,} groups, {design.n_rows:,} rows), without a model. "
        f"The area of a mark is its number of observations, {table['size'].max():,.0f} at most"
        f"{_smallest(table)}; the dashed line is the mean of all."
        f"{' Below a name, n is the number of its observations.' if len(order) <= COUNTED else ''}"
    )
    unused = [] if colour is not None else ["colour"]
    shown = table.rename(columns={"group": f"{name}_level" if name in TAKEN else name}).drop(columns=unused)
    return Picture(figure, shown, caption)


def grouped(model: Specification, design: Design, by: str | None) -> tuple[str, pd.Categorical]:
    """Return what rows are grouped by, its name and the group of each row."""
    factors: dict[str, Group | Latent] = {f.name: f for part in design.parts for f in part.groups}
    factors |= {f.factor: f for part in design.parts for f in part.latents}
    if by is None and not factors:
        raise ModelError(
            "no-grouping-factor",
            "The model has no grouping factor, and `by` is not given.",
            f"A column of the formula: {listing(map(repr, model.table.frame.columns))}.",
        )
    model.require_rows(
        "A picture of the responses", "Plot sums that the engine makes, or a sample in memory."
    )
    name = next(iter(factors)) if by is None else by
    if not isinstance(name, str):
        raise ModelError(
            "not-columns", f"by={by!r}.", "The name of a grouping factor or of a column.", "by='district'."
        )
    if name in factors:
        factor = factors[name]
        if isinstance(factor, Group):
            one_level(factor)
        return name, pd.Categorical.from_codes(factor.index, categories=pd.Index(factor.labels))
    return name, pd.Categorical(_column(model, name)).remove_unused_categories()


def _column(model: Specification, name: str) -> pd.Series:
    frame = model.table.frame
    if name not in frame:
        raise DataError(
            "column-not-in-model",
            f"The model reads no column {name!r}.",
            nearest(str(name), [*frame.columns]),
            "Only the columns of the formula are kept.",
        )
    return frame[name]


def hues_of(model: Specification, colour: str | Sequence[str] | None) -> pd.Categorical:
    """Return what each row is coloured by, as text such as ``action=1, contact=0``."""
    given: Any = colour  # by callers without types
    several = isinstance(given, Iterable) and not isinstance(given, str)
    names: list[Any] = [] if given is None else list(given) if several else [given]
    if not all(isinstance(name, str) for name in names):
        raise ModelError(
            "not-columns", f"colour={colour!r}.", "Names of columns.", "colour='sex', or ['sex', 'age']."
        )
    columns = [pd.Series(pd.Categorical(_column(model, name))) for name in names]
    text = pd.Series("", index=model.table.frame.index)
    for i, (name, column) in enumerate(zip(names, columns, strict=True)):
        text += (", " if i else "") + f"{name}=" + column.astype(str)
    # In the order of the columns' values, of which text knows nothing (10 comes before 9).
    codes = pd.DataFrame({i: column.cat.codes for i, column in enumerate(columns)}, index=text.index)
    ordered = text[codes.sort_values(list(codes)).index] if names else text
    found = pd.Categorical(text, categories=ordered.drop_duplicates().tolist())
    if len(found.categories) > len(COLOURS):
        raise DataError(
            "too-many-colours",
            f"{listing(map(repr, names))} take {len(found.categories)} values.",
            f"At most {len(COLOURS)}, a colour each.",
            "Group by that column instead (by=...), or cut it into classes before the model is made.",
        )
    return found


def _means(design: Design, codes: np.ndarray, count: int) -> np.ndarray:
    """Return the mean response of each group, on its own scale, (count,); NaN without observations.

    Rows of group -1 are in none.
    """
    there = codes >= 0
    size = np.bincount(codes[there], design.row_weight[there], minlength=count)
    known = np.where(design.absent, 0.0, design.rows.weight * design.observed)
    total = np.bincount(codes[there], known[there], minlength=count)
    return np.divide(total, size, out=np.full(count, np.nan), where=size > 0)


def order_of(design: Design, groups: pd.Categorical) -> tuple[np.ndarray, float]:
    """Return the groups' numbers from left to right, and the mean of all rows."""
    count = len(groups.categories)
    overall = float(_means(design, np.zeros(design.n_rows, int), 1)[0])
    if count <= NAMED:
        return np.arange(count), overall
    return np.argsort(_means(design, np.asarray(groups.codes, int), count), kind="stable"), overall


def cells_of(groups: pd.Categorical, hues: pd.Categorical) -> np.ndarray:
    """Return the number of each row's group and colour together, -1 where its group is not known."""
    # pandas keeps few codes in 8 bits, which their product would leave.
    codes = np.asarray(groups.codes, int)
    return np.where(codes < 0, -1, codes * len(hues.categories) + hues.codes)


def table_of(design: Design, groups: pd.Categorical, hues: pd.Categorical, order: np.ndarray) -> pd.DataFrame:
    """Return a row for each group and colour that occurs: rows, observations, mean, position."""
    colours = len(hues.categories)
    count = len(order) * colours
    codes = cells_of(groups, hues)
    there = codes >= 0
    group, hue = np.divmod(np.arange(count), colours)
    place = np.empty(len(order))
    place[order] = np.arange(len(order))
    pairs = np.bincount(codes[there], minlength=count).reshape(len(order), colours)
    # Colours of one group stand side by side; where each group has one colour, all stand in their place.
    beside = (pairs > 0).sum(1).max() > 1
    shift = (hue - (colours - 1) / 2) * (0.6 / colours) if beside else 0.0
    table = pd.DataFrame(
        {
            "group": np.asarray(groups.categories)[group],
            "colour": pd.Categorical.from_codes(hue, categories=hues.categories),
            "n": pairs.ravel(),
            "size": np.bincount(codes[there], design.row_weight[there], minlength=count),
            "mean": _means(design, codes, count),
            "position": place[group] + shift,
        }
    )
    return table[(table["n"] > 0) & (table["size"] > 0)].reset_index(drop=True)


def _marks(axes: Axes, table: pd.DataFrame) -> None:
    """Draw a mark for each row of the table, the larger the more observations."""
    area = np.maximum(_areas(table), 3.0 if _dense(table) else SMALLEST)
    if _dense(table):
        area = np.minimum(area, 20.0)
    for hue, label in zip(COLOURS, table["colour"].cat.categories, strict=False):
        part = table[table["colour"] == label]
        x, y = part["position"], part["mean"]
        axes.scatter(x, y, area[part.index], hue, alpha=0.75, linewidths=0, label=plain(label))


def _areas(table: pd.DataFrame) -> pd.Series:
    return AREA * table["size"] / table["size"].max()


def _dense(table: pd.DataFrame) -> bool:
    return table["position"].nunique() > DENSE


def _smallest(table: pd.DataFrame) -> str:
    """Return the words for marks that are larger than their number of observations says."""
    if _dense(table) or not (_areas(table) < SMALLEST).any():
        return ""
    return f" (below {SMALLEST / AREA:.0%} of that, it stays the same)"


def name_groups(axes: Axes, table: pd.DataFrame, order: np.ndarray, name: str) -> None:
    """Label all groups, or the first and the last of many."""
    label = table.drop_duplicates("group").set_index("group")
    position = label["position"].round()
    if len(order) <= NAMED:
        texts = _texts(table, label.index)
        turned = crowded(texts, WIDTH - 1)
        texts = [text.replace("\n", ", ") for text in texts] if turned else texts
        axes.set_xticks(position, texts, rotation=90 if turned else 0, fontsize=7 if len(order) > 30 else 8)
        axes.set(xlabel=plain(name), xlim=(-0.6, len(order) - 0.4))
        return
    ends = ["\n".join(plain(str(g), 20) for g in part) for part in _ends(position.sort_values().index)]
    axes.set_xticks([(ENDS - 1) / 2, len(order) - (ENDS + 1) / 2], ends, fontsize=7)
    axes.set_xlabel(f"{plain(name)}, in the order of the means")


def _texts(table: pd.DataFrame, groups: pd.Index) -> list[str]:
    """Return the names of all groups, of few with their observations in a second line."""
    names = [plain(str(group), 20) for group in groups]
    if len(groups) > COUNTED:
        return names
    counts = table.groupby("group")["size"].sum().reindex(groups)
    return [f"{name}\nn = {count:,.10g}" for name, count in zip(names, counts, strict=True)]


def _ends(items: pd.Index) -> tuple[pd.Index, pd.Index]:
    return items[:ENDS], items[-ENDS:]


def require_mean(design: Design) -> None:
    """Raise if the response has several columns, or categories without an order, which have no mean."""
    if design.family.several:
        raise ModelError(
            "response-of-several-columns",
            f"The response {design.formula.response.value.text!r} has several columns, and no one mean.",
            "A response of one column.",
            "fit.contrast({column: [values]}) has the share of each column, fit.plot.ppc() a panel for each.",
        )
    if design.family.joint:
        raise ModelError(
            "response-of-categories",
            f"The categories of {design.formula.response.value.text!r} have no order, and so no mean.",
            "A response of numbers, or of ordered categories.",
            "fit.contrast({column: [values]}) has the probability of each category.",
        )


def averaged(design: Design) -> str:
    """Return what is averaged."""
    response = design.formula.response
    name = response.value.text
    if response.trials is not None:
        return f"share of {name} among {response.trials.text}"
    return f"mean of {name}"
