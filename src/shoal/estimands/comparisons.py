"""Rows of draws with a table, and their differences: every pair, each from the one before, or as written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from shoal.errors import FormulaError, ModelError, listing, meant
from shoal.estimands.common import INTERVAL, describe, interval_names
from shoal.estimands.predictions import LARGEST
from shoal.estimands.table import Estimates
from shoal.formula import evaluate
from shoal.formula.reader import read_piece
from shoal.formula.terms import Expression
from shoal.formula.tree import columns_of

HYPOTHESES = ("pairwise", "sequential", "reference")


@dataclass(frozen=True)
class Answer:
    """Quantities with their draws.

    Attributes
    ----------
    draws : xarray.DataArray
        Dims (chain, draw, a dimension of the quantities), and category for probabilities of categories.
    scale, population : str
        What the numbers measure, and of whom.
    prob : float
        Probability of the table's interval.
    """

    draws: xr.DataArray
    scale: str
    population: str
    prob: float

    @property
    def table(self) -> pd.DataFrame:
        """One row a quantity."""
        return described(self.draws, self.prob, self.scale, self.population)

    def contrast(
        self, hypothesis: str | Sequence[str] = "pairwise", *, prob: float | None = None
    ) -> Contrast:
        """Return differences between the rows of the table, or what an expression makes of them.

        Parameters
        ----------
        hypothesis : str or sequence of str
            ``"pairwise"``: each row less every later one. ``"sequential"``: each row less the one before.
            ``"reference"``: each row less the first. Or an expression in which ``b1``, ``b2`` … are the rows
            of the table: ``"b1 - b2 = 0"``, ``"b1 / b2 = 1"``, ``"(b1 - b2) - (b3 - b4)"``; what stands right
            of the sign is subtracted. Several expressions: a row each. Of probabilities the categories are
            kept, and rows are counted without them.
        prob : float, optional
            Probability of the interval; that of the table by default.

        Returns
        -------
        Contrast

        Raises
        ------
        ModelError, FormulaError
            An unknown word, an expression that cannot be read or names a row that is not there, more than
            4 GB of draws.
        """
        return compared(self, hypothesis, self.prob if prob is None else prob)

    def __repr__(self) -> str:
        return repr(self.table)

    def _repr_html_(self) -> str | None:
        return self.table._repr_html_()


@dataclass(frozen=True, repr=False)
class Contrast(Answer):
    """Differences between rows: settings, levels, or what another table holds.

    Attributes
    ----------
    draws : xarray.DataArray
        Dims (chain, draw, contrast), and category for the probabilities of categories.
    sides : xarray.DataArray
        What the differences are of: dims (chain, draw, side), and category.
    """

    sides: xr.DataArray

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row per contrast: mean, sd, equal-tailed interval, probability of being above zero."""
        table = described(self.draws, self.prob, self.scale, self.population)
        table["p_above_0"] = (flat(self.draws) > 0).mean(0)
        return table

    @property
    def settings(self) -> pd.DataFrame:
        """One row per level or setting: mean, sd and equal-tailed interval of what is contrasted."""
        return described(self.sides, self.prob, self.scale, self.population)


def flat(draws: xr.DataArray) -> np.ndarray:
    """Return (chain * draw, quantities)."""
    chains, count, *others = draws.shape
    return draws.values.reshape(chains * count, int(np.prod(others)))


def described(draws: xr.DataArray, prob: float, scale: str, population: str) -> Estimates:
    """Return mean, sd and equal-tailed interval of each quantity, indexed by its labels."""
    names = [str(d) for d in draws.dims if d not in ("chain", "draw")]
    rows = [describe(column, prob) for column in flat(draws).T]
    labels = [draws[name].values for name in names]
    several = pd.MultiIndex.from_product(labels, names=names) if len(names) > 1 else None
    table = Estimates(rows, index=pd.Index(labels[0], name=names[0]) if several is None else several)
    table.attrs = {"scale": scale, "population": population}
    return table


def compared(answer: Answer, hypothesis: Any = "pairwise", prob: float = INTERVAL) -> Contrast:
    """Return what `hypothesis` says of the rows of an answer; see `Answer.contrast`."""
    interval_names(prob)
    rows = _as_sides(answer.draws)
    given = [hypothesis] if isinstance(hypothesis, str) else hypothesis
    if not isinstance(given, Sequence) or not given or not all(isinstance(text, str) for text in given):
        raise ModelError(
            "comparison-type",
            f"hypothesis={hypothesis!r}.",
            "A word or an expression, or several expressions.",
        )
    if isinstance(hypothesis, str) and hypothesis in HYPOTHESES:
        differences = _differences(rows, hypothesis)
    else:
        differences = xr.concat([_expression(rows, text) for text in given], "contrast")
        differences = differences.transpose("chain", "draw", "contrast", ...)
    return Contrast(differences, answer.scale, answer.population, prob, rows)


def _as_sides(draws: xr.DataArray) -> xr.DataArray:
    """Return draws whose third dimension is called ``side``."""
    name = str(draws.dims[2])
    labels = [str(label) for label in draws[name].values]
    return xr.DataArray(
        draws.values,
        {**{d: draws[d].values for d in draws.dims if d != name}, "side": labels},
        ["side" if d == name else d for d in draws.dims],
    )


def _differences(rows: xr.DataArray, hypothesis: str) -> xr.DataArray:
    """Return differences of rows by one of `HYPOTHESES`."""
    count, names = rows.sizes["side"], rows["side"].values
    if count < 2:
        raise ModelError(
            "comparison-of-one-row", f"hypothesis={hypothesis!r}, and there is one row.", "Two rows or more."
        )
    size = 8 * rows.size * (count - 1) / 2
    if hypothesis == "pairwise" and size > LARGEST:
        raise ModelError(
            "result-too-large",
            f"All pairs of {count:,} sides take {size / 2**30:.1f} GB.",
            f"At most {LARGEST / 2**30:g} GB.",
            "Name the levels to contrast; `ranks` orders all of them.",
        )
    first, second = np.array(list(_pairs(count, hypothesis))).T
    a, b = rows.isel(side=first), rows.isel(side=second)
    labels = [_label(names[i], names[j]) for i, j in zip(first, second, strict=True)]
    return a.copy(data=a.values - b.values).rename(side="contrast").assign_coords(contrast=labels)


def _label(one: str, other: str) -> str:
    """Return the words for a difference; those of a difference stand in parentheses."""
    return " - ".join(f"({side})" if " - " in side else side for side in (one, other))


def _pairs(count: int, hypothesis: str) -> Iterator[tuple[int, int]]:
    if hypothesis == "pairwise":
        return combinations(range(count), 2)
    return ((i, i - 1 if hypothesis == "sequential" else 0) for i in range(1, count))


def _expression(rows: xr.DataArray, text: str) -> xr.DataArray:
    """Return what an expression such as ``b1 - b2 = 0`` makes of the rows, (chain, draw, contrast, ...)."""
    left, equal, right = text.partition("=")
    if not re.search(r"\bb[0-9]", text):
        raise _unreadable(text, "names no row", rows.sizes["side"])
    each = rows.transpose("side", ...)
    columns = {f"b{i + 1}": draws.values.ravel() for i, draws in enumerate(each)}
    value = np.zeros(each[0].size)
    for sign, part in ((1.0, left), (-1.0, right))[: 2 if equal else 1]:
        value = value + sign * _computed(part.strip(), columns, text)
    inside = each[0].drop_vars("side")
    return inside.copy(data=value.reshape(inside.shape)).expand_dims(contrast=[text])


def _computed(part: str, columns: dict[str, np.ndarray], text: str) -> np.ndarray:
    try:
        names = columns_of(read_piece(part))
    except FormulaError as problem:
        raise FormulaError(
            problem.code,
            problem.found,
            f"One of {', '.join(HYPOTHESES)}, or an expression of the rows b1, b2 … of the table.",
        ) from problem
    if unknown := [name for name in names if name not in columns]:
        raise _unreadable(text, f"names {listing(map(repr, unknown))}", len(columns))
    return np.asarray(evaluate(Expression(part, names), columns), float)


def _unreadable(text: str, what: str, rows: int) -> ModelError:
    return ModelError(
        "comparison-unreadable",
        f"hypothesis={text!r} {what}.",
        f"One of {', '.join(HYPOTHESES)}, or an expression of the {rows:,} rows of the table, b1 to b{rows}.",
        meant(text, HYPOTHESES),
    )
