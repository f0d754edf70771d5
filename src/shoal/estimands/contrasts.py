"""Differences between levels, and between settings of predictors; each says its scale and population."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from shoal import estimands
from shoal.errors import DataError, ModelError, nearest
from shoal.estimands.counterfactuals import SCALES, Sides, settings_draws
from shoal.estimands.predictions import LARGEST
from shoal.fit.results import Results
from shoal.model.design import Group


@dataclass(frozen=True)
class Contrast:
    """Differences between pairs of levels or settings.

    Attributes
    ----------
    draws : xarray.DataArray
        Dims (chain, draw, contrast), and category for the probabilities of an ordered response.
    sides : xarray.DataArray
        What the differences are of: dims (chain, draw, side), and category.
    scale, population : str
        What the numbers measure, and of whom.
    prob : float
        Probability of the table's interval.
    """

    draws: xr.DataArray
    sides: xr.DataArray
    scale: str
    population: str
    prob: float

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row per contrast: mean, sd, equal-tailed interval, probability of being above zero."""
        table = self._described(self.draws)
        table["p_above_0"] = (_rows(self.draws) > 0).mean(0)
        return table

    @property
    def settings(self) -> pd.DataFrame:
        """One row per level or setting: mean, sd and equal-tailed interval of what is contrasted."""
        return self._described(self.sides)

    def _described(self, draws: xr.DataArray) -> pd.DataFrame:
        names = [str(d) for d in draws.dims if d not in ("chain", "draw")]
        rows = [estimands.describe(column, self.prob) for column in _rows(draws).T]
        labels = [draws[name].values for name in names]
        index = pd.MultiIndex.from_product(labels, names=names) if len(names) > 1 else None
        table = estimands.Estimates(
            rows, index=pd.Index(labels[0], name=names[0]) if index is None else index
        )
        table.attrs = {"scale": self.scale, "population": self.population}
        return table

    def __repr__(self) -> str:
        return repr(self.table)

    def _repr_html_(self) -> str | None:
        return self.table._repr_html_()


def _rows(draws: xr.DataArray) -> np.ndarray:
    """Return (chain * draw, quantities)."""
    chains, count, *others = draws.shape
    return draws.values.reshape(chains * count, int(np.prod(others)))


def contrast(
    results: Results,
    settings: Mapping[str, Any] | None = None,
    *,
    group: str | None = None,
    levels: Sequence[Any] | None = None,
    effect: str | None = None,
    at: Mapping[str, Any] | str | None = None,
    scale: str | None = None,
    response: str | None = None,
    draws: int | None = None,
    seed: int = 0,
    prob: float = estimands.INTERVAL,
) -> Contrast:
    """Return differences between levels, or between settings; see `Fit.contrast`.

    Raises
    ------
    DataError, ModelError
    """
    estimands.interval_names(prob)
    if settings is not None:
        given = [n for n, v in (("group", group), ("levels", levels), ("effect", effect)) if v is not None]
        if given:
            raise ModelError(
                f"settings and {' and '.join(given)} are given.",
                "Either settings of columns, or a group and its levels.",
                "A level of a group is a setting too: settings={'district': ['1', '3']}.",
            )
        chosen = scale or "response"
        if chosen not in SCALES:
            raise ModelError(f"scale={scale!r}.", f"One of {', '.join(SCALES)}.", nearest(str(scale), SCALES))
        sides = settings_draws(results, settings, at, chosen, response, draws, seed)
        return _of_pairs(sides, prob)
    if at is not None or response is not None or scale not in (None, "linear"):
        raise ModelError(
            "Levels of a group are contrasted by their coefficients, on the linear predictor's scale; "
            "at, response and other scales are for settings.",
            "Settings of columns, to contrast predictions.",
            "contrast({'district': ['1', '3']}) sets every row's district.",
        )
    return _of_pairs(_levels(results, group, levels, effect), prob)


def _levels(results: Results, name: str | None, chosen: Sequence[Any] | None, effect: str | None) -> Sides:
    """Return draws of one coefficient of some levels."""
    design, group = estimands.group_of(results, name)
    k = estimands.effect_of(group, effect)
    listed = isinstance(chosen, Sequence | np.ndarray) and not isinstance(chosen, str)
    if chosen is not None and (not listed or len(chosen) < 2):
        raise ModelError(f"levels={chosen!r}.", "Two levels or more, as a list or a tuple.")
    where = np.arange(len(group.labels)) if chosen is None else np.array([_place(group, c) for c in chosen])
    if len(set(where.tolist())) < len(where):
        raise DataError(f"levels={chosen!r} names a level twice.", "Levels that differ.")
    values = estimands.levels(results, name).values[:, :, where, k]
    return Sides(
        draws=xr.DataArray(
            values,
            {
                "chain": results.posterior.chain.values,
                "draw": results.posterior.draw.values,
                "side": [str(label) for label in group.labels[where]],
            },
            ("chain", "draw", "side"),
        ),
        scale=f"{group.effects[k]} on the {estimands.linear_scale(design)}",
        population=estimands.these_levels(group),
    )


def _place(group: Group, label: Any) -> int:
    """Return the position of a level, given as its label or as the label's text."""
    labels = group.labels.tolist()
    found = [i for i, own in enumerate(labels) if own == label]
    found = found or [i for i, own in enumerate(labels) if str(own) == str(label)]
    if len(found) != 1:
        known = nearest(str(label), [str(own) for own in labels])
        raise DataError(f"{group.name!r} has no level {label!r}.", "A level that was fitted.", known)
    return found[0]


def _of_pairs(sides: Sides, prob: float) -> Contrast:
    """Return the difference of every side from every later one."""
    draws = sides.draws
    count, names = draws.sizes["side"], draws["side"].values
    size = 8 * draws.size * (count - 1) / 2
    if size > LARGEST:
        raise ModelError(
            f"All pairs of {count:,} sides take {size / 2**30:.1f} GB.",
            f"At most {LARGEST / 2**30:g} GB.",
            "Name the levels to contrast; `ranks` orders all of them.",
        )
    first, second = np.array(list(_pairs(count))).T
    a, b = draws.isel(side=first), draws.isel(side=second)
    labels = [f"{names[i]} - {names[j]}" for i, j in zip(first, second, strict=True)]
    difference = a.copy(data=a.values - b.values).rename(side="contrast").assign_coords(contrast=labels)
    return Contrast(difference, draws, sides.scale, sides.population, prob)


def _pairs(count: int) -> Iterator[tuple[int, int]]:
    return combinations(range(count), 2)
