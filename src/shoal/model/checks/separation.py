"""Predictors that leave nothing to chance, alone or together with the effects of levels.

The linear program of Konis (2007, Oxford D.Phil. thesis, section 4.4): a direction b with
``sign_i x_i b >= 0`` in all rows, and > 0 in some, along which the likelihood keeps rising.
With a free effect for each level the same direction is one along which it rises as the levels spread: few
levels then bound how far.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from shoal.errors import listing
from shoal.model.checks.cells import Cell, cells
from shoal.model.checks.remark import Remark

if TYPE_CHECKING:
    import pandas as pd

    from shoal.model.design import Design

LARGEST_SEPARATION_TEST = 20_000  # rows; the linear program takes seconds beyond
LARGEST_WITH_LEVELS = 5_000  # rows, for the program that has the levels' effects, too
FEWEST_INSIDE = 3  # levels whose rows no effects explain, from which on they bound how far levels spread
TINY = 1e-8


def separation(design: Design, frame: pd.DataFrame) -> list[Remark]:
    """Return a remark if population columns predict every response of some rows without error."""
    low, high = design.edges
    counts = np.asarray(design.rows.weight) > 0
    if low[counts].all() or high[counts].all():
        return [
            Remark(
                "separation",
                f"All {counts.sum()} responses sit at one edge ({design.rows.y[counts][0]:g}): only the "
                "priors keep the Intercept finite.",
                "Give it a prior that you can defend, and report it.",
            )
        ]
    slopes = [c for c, t in zip(design.columns, design.terms, strict=True) if t != "Intercept"]
    if not slopes or not (low | high).any() or design.n_rows > LARGEST_SEPARATION_TEST:
        return []
    rows = _Rows(design, low, high, np.flatnonzero(counts))
    if named := rows.separating(slopes):
        return [_alone(design, named, cells(design, frame, named, low, high, counts))]
    if not design.groups or design.n_rows > LARGEST_WITH_LEVELS:
        return []
    return _given_levels(design, frame, rows, slopes)


def _alone(design: Design, named: list[str], found: list[Cell]) -> Remark:
    verb, its = ("predicts", "its coefficient") if len(named) == 1 else ("predict", "their coefficients")
    return Remark(
        "separation",
        f"Complete or quasi-complete separation: {listing(named)} {verb} the response without error in some "
        f"rows; only the priors keep {its} finite.{_said(design, found)}",
        f"Give {its} a prior that you can defend, and report it{_other_reference(found)}.",
    )


def _given_levels(design: Design, frame: pd.DataFrame, rows: _Rows, slopes: list[str]) -> list[Remark]:
    """Return a remark if columns separate what the levels leave, and too few levels bound their spread."""
    left = rows.with_levels().unexplained([])
    named = left.separating(slopes)
    if not named:
        return []
    rest = left.unexplained(slopes).where
    inside, group = min(
        ((len(np.unique(g.at(rest).entries[1])), g) for g in design.groups), key=lambda pair: pair[0]
    )
    if inside >= FEWEST_INSIDE:
        return []
    within = np.isin(np.arange(design.n_rows), left.where)
    found = cells(design, frame, named, rows.low, rows.high, within)
    verb, they = ("predicts", "it is") if len(named) == 1 else ("predict", "they are")
    evidence = (
        "Complete or quasi-complete separation given the levels of "
        f"{listing(g.name for g in design.groups)}: with an effect for each level, {listing(named)} {verb} "
        f"{len(left.where) - len(rest)} of {len(left.where)} responses without error that levels alone "
        f"leave open, and {inside or 'none'} of the {len(group.labels)} levels of {group.name} "
        f"{'is' if inside <= 1 else 'are'} left to tell how far levels spread. How large {they}, is decided "
        f"by the priors, that of {group.sd} above all.{_said(design, found)}"
    )
    remedy = (
        f"Give {group.sd} a prior that you can defend, priors={{{group.sd!r}: ...}}, and report it beside "
        f"the result{_other_reference(found)}; fit.sensitivity() says what it decides."
    )
    return [Remark("separation", evidence, remedy)]


def _said(design: Design, found: list[Cell]) -> str:
    return f" {'; '.join(cell.sentence(design) for cell in found)}." if found else ""


def _other_reference(found: list[Cell]) -> str:
    """Return the remedy for cells that are what others are compared with."""
    if not any(cell.reference for cell in found):
        return ""
    return "; with another level as the reference, one coefficient is infinite rather than all"


class _Rows:
    """Rows at which a linear program asks for a direction: those in `where`, the others are explained.

    Parameters
    ----------
    low, high : (N,) bool array
    where : int array
    levels : list of sparse (N, K) arrays
        Columns of the levels' effects, which any direction may use.
    """

    def __init__(
        self,
        design: Design,
        low: np.ndarray,
        high: np.ndarray,
        where: np.ndarray,
        levels: tuple[Any, ...] = (),
    ):
        self.design, self.low, self.high, self.levels = design, low, high, levels
        self.where = where

    def with_levels(self) -> _Rows:
        """Return the same rows, for directions that may use an effect of every level."""
        from scipy.sparse import csr_array

        parts = []
        for group in self.design.groups:
            row, level, weight = group.entries
            shape = self.design.n_rows, len(group.labels)
            for column in group.z.T:
                values = weight * column[row] / np.abs(column).max()
                parts.append(csr_array((values, (row, level)), shape))
        return _Rows(self.design, self.low, self.high, self.where, tuple(parts))

    def unexplained(self, slopes: list[str]) -> _Rows:
        """Return the rows that no direction over these slopes, the Intercept and the levels separates."""
        rows = self
        while len(rows.where) and (found := rows.direction(slopes)):
            rows = _Rows(self.design, self.low, self.high, rows.where[~found[1]], self.levels)
        return rows

    def separating(self, slopes: list[str]) -> list[str]:
        """Return the columns of a separating direction: those that do it alone, else all it needs."""
        found = self.direction(slopes)
        if not found:
            return []
        named = found[0]
        if alone := [name for name in named if self.direction([name])]:
            return alone
        for name in list(named):
            fewer = [other for other in named if other != name]
            if self.direction(fewer):
                named = fewer
        return named

    def direction(self, slopes: list[str]) -> tuple[list[str], np.ndarray] | None:
        """Return the slopes that a separating direction uses, and which rows it predicts without error."""
        from scipy.optimize import linprog
        from scipy.sparse import csr_array, hstack

        names, dense = self._columns(slopes)
        if not len(self.where) or not (names or self.levels):
            return None
        x = hstack([csr_array(dense), *self.levels], format="csr")[self.where]
        low, high = self.low[self.where], self.high[self.where]
        signed, edge = x.multiply(np.where(high, 1.0, -1.0)[:, None]).tocsr(), low | high
        answer = linprog(
            -np.asarray(signed[edge].sum(axis=0)).ravel(),
            A_ub=-signed[edge],
            b_ub=np.zeros(edge.sum()),
            A_eq=x[~edge] if (~edge).any() else None,
            b_eq=np.zeros((~edge).sum()) if (~edge).any() else None,
            bounds=(-1, 1),
        )
        strict = (signed @ answer.x > TINY) & edge if answer.success else np.zeros(len(self.where), bool)
        if not strict.any():
            return None
        used = [name for name, b in zip(names, answer.x, strict=False) if abs(b) > TINY and name in slopes]
        return used, strict

    def _columns(self, slopes: list[str]) -> tuple[list[str], np.ndarray]:
        """Return the Intercept and these slopes, each of size one."""
        design = self.design
        pairs = zip(design.columns, design.terms, strict=True)
        names = [c for c, t in pairs if c in slopes or t == "Intercept"]
        x = design.x[:, [design.columns.index(c) for c in names]]
        names, x = [*names, *design.cutpoint_sets], np.column_stack([x, design.constants])
        return names, x / np.maximum(np.abs(x).max(0, initial=0.0), 1e-300)
