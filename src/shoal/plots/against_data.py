"""Simulated responses against those observed: the panels that `ppc` and `prior_predictive` share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from shoal.drawing.style import GREY, POOLED, plain, quiet
from shoal.errors import ModelError, check_choice
from shoal.model.design import Design
from shoal.plots.borrowed import on_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

KINDS = ("auto", "density", "ecdf", "bars")
BINS = 25
NAMED, BAND = 40, 200  # levels that have their name, and an interval of their own
FEW = 30  # rows below which a kernel density says less than a distribution function
PROB = 0.9
OBSERVED = "0.1"
LOWER, UPPER = f"eti{100 * PROB:g}_lb", f"eti{100 * PROB:g}_ub"


@dataclass(frozen=True)
class Replicates:
    """Responses of one design, observed and simulated.

    Attributes
    ----------
    design : Design
    observed : (N,) array
        Those that are known.
    simulated : (S, N) array
    color : str
        Of what is simulated.
    column : str
        Which of several columns of the response these are.
    """

    design: Design
    observed: np.ndarray
    simulated: np.ndarray
    color: str = POOLED
    column: str = ""

    @classmethod
    def of(cls, design: Design, simulated: np.ndarray, color: str = POOLED) -> list[Replicates]:
        """Return the rows of a design whose response is known, beside simulated ones of all rows.

        One of each column, of a response of several.
        """
        seen, observed = ~design.absent, design.observed
        if not design.family.several:
            return [cls(design, observed[seen], simulated[:, seen], color)]
        return [
            cls(design, own[seen], drawn[:, seen], color, str(label))
            for own, drawn, label in zip(
                observed.T, np.moveaxis(simulated, -1, 0), design.categories, strict=True
            )
        ]

    @property
    def name(self) -> str:
        """The response, as the formula writes it, or its column."""
        return self.column or self.design.formula.response.value.text

    @property
    def discrete(self) -> bool:
        """Whether only whole numbers are possible."""
        return all(np.array_equal(y, np.round(y)) for y in (self.observed, self.simulated))


def check_kind(kind: str) -> None:
    """Raise if there is no such kind of picture."""
    check_choice("kind", kind, KINDS)


def kind_of(replicates: Replicates, kind: str) -> str:
    """Return what is drawn: bars of whole numbers, else a density, or an ECDF of few rows.

    Raises
    ------
    ModelError
        Densities of whole numbers, bars of others.
    """
    if kind == "auto":
        few = len(replicates.observed) < FEW
        return "bars" if replicates.discrete else "ecdf" if few else "density"
    if replicates.discrete != (kind == "bars"):
        what = "whole numbers" if replicates.discrete else "not whole numbers"
        raise ModelError(
            "picture-kind",
            f"kind={kind!r}, and the values of {replicates.name!r} are {what}.",
            "'bars' for whole numbers and categories, 'density' or 'ecdf' for others; 'auto' chooses.",
        )
    return kind


def curves(figure: Figure, axes: Axes, replicates: Replicates, kind: str) -> pd.DataFrame:
    """Draw a line a simulated data set and one of the data, by arviz-plots; return the points."""
    from arviz_plots import plot_ppc_dist

    simulated = xr.Dataset({"y": (("chain", "draw", "row"), replicates.simulated[None])})
    observed = xr.Dataset({"y": ("row", np.asarray(replicates.observed, float))})
    tree = xr.DataTree.from_dict({"posterior_predictive": simulated, "observed_data": observed})
    stacked = simulated.stack(sample=["chain", "draw"])
    # The correction of the estimate takes the largest value for the edge of the support, and rises there.
    plainly = {"bound_correction": False} if kind == "density" else {}
    plot_ppc_dist(
        tree,
        kind="kde" if kind == "density" else "ecdf",
        num_samples=len(replicates.simulated),
        stats={"predictive_dist": plainly, "observed_dist": plainly},
        plot_collection=on_axes(stacked, figure, [axes], {"overlay_ppc": ["sample"]}),
        visuals={
            "predictive_dist": {"color": replicates.color, "alpha": 0.3, "width": 0.6},
            "observed_dist": {"color": OBSERVED, "width": 1.8},
            "title": False,
            "remove_axis": False,
        },
    )
    *drawn, last = axes.lines
    tables = [
        pd.DataFrame({"data": label, "value": line.get_xdata(), kind: line.get_ydata()})
        for label, line in [*((i, line) for i, line in enumerate(drawn)), ("observed", last)]
    ]
    axes.set_xlim(*window(replicates))
    quiet(axes).set(xlabel=plain(replicates.name), ylabel="ECDF" if kind == "ecdf" else kind)
    whole = replicates.design.rows.observed.all()
    _name(axes, [drawn[0], last], ["simulated", "observed" if whole else "observed, or censored"])
    return pd.concat(tables, ignore_index=True)


def window(replicates: Replicates) -> tuple[float, float]:
    """Return the range of the data and of the central part of what is simulated, with some room."""
    low, high = np.quantile(replicates.simulated, [(1 - PROB) / 2, (1 + PROB) / 2])
    ends = min(low, replicates.observed.min()), max(high, replicates.observed.max())
    room = 0.05 * (ends[1] - ends[0]) or 0.5
    return float(ends[0] - room), float(ends[1] + room)


def bars(axes: Axes, replicates: Replicates) -> pd.DataFrame:
    """Draw the number of rows of each value, observed as bars and simulated as intervals; return both."""
    table = counts(replicates, *bins(replicates))
    at, labels = np.arange(len(table)), list(table["value"])
    bar = axes.bar(at, table["observed"], 0.8, color="0.82")
    line = axes.vlines(at, table[LOWER], table[UPPER], color=replicates.color, linewidth=2)
    axes.plot(at, table["median"], "o", color=replicates.color, markersize=4)
    step = max(1, len(labels) // 15)
    long = max(map(len, labels)) > 5
    axes.set_xticks(
        at[::step], [plain(t, 20) for t in labels[::step]], rotation=45 if long else 0, fontsize=8
    )
    quiet(axes).set(xlabel=plain(replicates.name), ylabel="rows")
    _name(axes, [bar, line], ["observed", f"simulated, {PROB:.0%}"])
    return table


def counts(replicates: Replicates, edges: np.ndarray, labels: Sequence[str]) -> pd.DataFrame:
    """Return the number of rows in each bin: observed, and of simulated data sets median and interval."""
    observed = np.histogram(replicates.observed, edges)[0]
    simulated = np.stack([np.histogram(y, edges)[0] for y in replicates.simulated])
    low, median, high = np.quantile(simulated, [(1 - PROB) / 2, 0.5, (1 + PROB) / 2], axis=0)
    return pd.DataFrame({"value": labels, "observed": observed, "median": median, LOWER: low, UPPER: high})


def bins(replicates: Replicates) -> tuple[np.ndarray, list[str]]:
    """Return edges of bins of whole numbers and their labels: values, or ranges where there are many.

    The last one is open where a few simulated values lie far above the others.
    """
    if replicates.design.family.categorical:
        numbers = replicates.design.category_numbers
        between = (numbers[1:] + numbers[:-1]) / 2
        return np.array([-np.inf, *between, np.inf]), [str(c) for c in replicates.design.categories]
    y, simulated = replicates.observed, replicates.simulated
    low = int(min(y.min(), simulated.min()))
    most = int(max(y.max(), min(np.quantile(simulated, 0.99), 3 * y.max() + 10)))
    width = max(1, int(np.ceil((most - low + 1) / BINS)))
    starts = np.arange(low, most + 1, width)
    labels = [str(s) if width == 1 else f"{s}–{s + width - 1}" for s in starts]
    edges = np.append(starts, starts[-1] + width) - 0.5
    if simulated.max() > edges[-1]:
        edges, labels = np.append(edges, np.inf), [*labels, "more"]
    return edges, labels


def by_level(axes: Axes, replicates: Replicates, labels: np.ndarray, index: np.ndarray) -> pd.DataFrame:
    """Draw each level's mean, observed as a dot and simulated as an interval, in order; return both."""
    seen = ~replicates.design.absent
    trials, index = np.asarray(replicates.design.rows.trials, float)[seen], index[seen]
    counts = np.bincount(index, minlength=len(labels))
    weight = np.bincount(index, trials, len(labels))

    def means(y: np.ndarray) -> np.ndarray:
        sums = np.bincount(index, y, len(labels))
        return np.divide(sums, weight, out=np.full(len(labels), np.nan), where=weight > 0)

    observed = means(replicates.observed)
    order = np.argsort(observed, kind="stable")
    simulated = np.stack([means(y) for y in replicates.simulated])[:, order]
    low, high = np.quantile(simulated, [(1 - PROB) / 2, (1 + PROB) / 2], axis=0)
    at, many = np.arange(len(labels)), len(labels) > NAMED
    line: Any
    if len(labels) > BAND:
        line = axes.fill_between(at, low, high, color=replicates.color, linewidth=0, alpha=0.3)
    else:
        line = axes.vlines(at, low, high, color=replicates.color, linewidth=0.7 if many else 2, alpha=0.7)
    (dot,) = axes.plot(at, observed[order], "o", color=OBSERVED, markersize=2 if many else 4)
    if many:
        axes.set_xticks([])
    else:
        axes.set_xticks(at, [plain(labels[i], 20) for i in order], rotation=90, fontsize=8)
    what = (
        "mean category number"
        if replicates.design.family.categorical
        else "share of trials"
        if (trials > 1).any()
        else "mean"
    )
    quiet(axes).set(ylabel=f"{what} of {plain(replicates.name)}")
    _name(axes, [dot, line], ["observed", f"simulated, {PROB:.0%}"])
    return pd.DataFrame(
        {
            "level": labels[order],
            "n": counts[order],
            "observed": observed[order],
            LOWER: low,
            UPPER: high,
        }
    )


def _name(axes: Axes, artists: list, labels: list[str]) -> None:
    axes.legend(artists, labels, frameon=False, fontsize=8, labelcolor=GREY, loc="best")
