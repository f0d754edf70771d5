"""Cells of a table all of whose responses lie at one end, among what separating columns code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shoal.errors import counted
from shoal.formula.reader import read_piece
from shoal.formula.tree import Column, columns_of

if TYPE_CHECKING:
    import pandas as pd

    from shoal.model.design import Design

SHOWN = 3


@dataclass(frozen=True)
class Cell:
    """A level of a category, or a value of a column of zeros and ones, with rows at one end alone.

    Attributes
    ----------
    name : str
        Such as ``birth = 1989``.
    rows : int
    high : bool
        At the upper end.
    reference : bool
        What the other levels are compared with.
    """

    name: str
    rows: int
    high: bool
    reference: bool = False

    def sentence(self, design: Design) -> str:
        """Return what the cell has."""
        ends = ("the lowest category", "the highest category") if design.family.ordinal else ("zeros", "ones")
        what = ends[self.high]
        if self.high and not design.family.ordinal and (design.rows.trials > 1).any():
            what = "successes"
        return f"{self.name} ({counted(self.rows, 'row')}) has only {what}" + (
            " and is the reference" if self.reference else ""
        )


def cells(
    design: Design,
    frame: pd.DataFrame,
    named: list[str],
    low: np.ndarray,
    high: np.ndarray,
    within: np.ndarray,
) -> list[Cell]:
    """Return the cells that explain why these columns separate, references first.

    Parameters
    ----------
    low, high : (N,) bool array
        Rows at the two ends.
    within : (N,) bool array
        Rows to be looked at.
    """
    found, coded = list[Cell](), set[str | None]()
    columns = dict(zip(design.terms, design.columns, strict=True))
    for factor, levels in design.spec.levels.items():
        node = read_piece(factor)
        (column,) = columns_of(node)
        name = node.name if isinstance(node, Column) else factor
        own = {level: columns.get(f"{name}[T.{level}]") for level in levels}
        coded |= set(own.values())
        if not set(own.values()) & set(named):
            continue
        values = frame[column].to_numpy()
        references = [level for level in levels if own[level] is None]
        for level in [*references, *(level for level in levels if own[level] in named)]:
            rows = within & (values == level)
            found += _at_one_end(f"{column} = {level}", rows, low, high, level in references)
    for name in named:
        values = design.x[:, design.columns.index(name)]
        if name not in coded and np.isin(values, (0, 1)).all():
            for value in (0, 1):
                found += _at_one_end(f"{name} = {value}", within & (values == value), low, high)
    return found[:SHOWN]


def _at_one_end(
    name: str, rows: np.ndarray, low: np.ndarray, high: np.ndarray, reference: bool = False
) -> list[Cell]:
    if not rows.any() or not (low[rows].all() or high[rows].all()):
        return []
    return [Cell(name, int(rows.sum()), bool(high[rows].all()), reference)]
