"""Sums of squares of combinations of residuals, and the standard deviations of their rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from shoal.engine.build import Builder
from shoal.engine.lines import Lines
from shoal.model.design import Design
from shoal.model.spreads import kinds_of
from shoal.model.terms import residual_functions as precisions
from shoal.model.terms.coefficients import PlacedCoefficients
from shoal.model.terms.term import Placed


class Spread(NamedTuple):
    """Standard deviations of residuals: places in h, (K,), and which of them each row has, (N,)."""

    places: np.ndarray
    kind: np.ndarray


def spread_of(builder: Builder, placed: Sequence[Placed], designs: Sequence[Design]) -> Spread:
    """Return the standard deviations of the rows of responses, one after the other."""
    places: list[int] = []
    kinds = []
    for design in designs:
        own, kind = _spread(builder, placed, design)
        kinds.append(kind + len(places))
        places += own
    return Spread(np.array(places), np.concatenate(kinds))


def _spread(builder: Builder, placed: Sequence[Placed], design: Design) -> tuple[list[int], np.ndarray]:
    if "sigma" in design.scalars:
        return [builder.names[f"{design.prefix}sigma"]], np.zeros(design.n_rows, int)
    (part,) = design.predictors
    own = next(p for p in placed if isinstance(p, PlacedCoefficients) and p.term.design is part)
    offset, x, kind = kinds_of(part)
    constants = np.concatenate([offset + x @ own.mean, (x @ own.direct).ravel()])
    pair = precisions.spreads, precisions.spreads_adjoint
    return builder.derive(pair, own.theta.tolist(), constants.tolist(), len(x)), kind


class Squares:
    """Sums of squares of combinations of residuals ``y - J v``.

    Parameters
    ----------
    lines : Lines
        The entries of J in all rows.
    y : (N,) array
    """

    def __init__(self, builder: Builder, lines: Lines, y: np.ndarray):
        self.builder, self.y = builder, y
        order = np.argsort(lines.line, kind="stable")
        self.lines = Lines(*(part[order] for part in lines))
        self.starts = np.searchsorted(self.lines.line, np.arange(len(y) + 1))

    def add(self, parts: Sequence[tuple[np.ndarray, float]], tau: int, count: float = 0.0) -> None:
        """Declare squares of combinations, one a number of `parts`: rows, and what each is multiplied by."""
        each = np.arange(len(parts[0][0]))
        self.combine([(rows, each, factor) for rows, factor in parts], np.ones(len(each)), tau, count)

    def combine(
        self,
        parts: Sequence[tuple[np.ndarray, np.ndarray, float | np.ndarray]],
        weight: np.ndarray,
        tau: int,
        count: float = 0.0,
    ) -> None:
        """Declare weighted squares of any combinations.

        Parameters
        ----------
        parts : sequence of (rows, combination of each, factor of all or of each)
        weight : (M,) array
            Of each combination; of either sign.
        """
        found = [self._of(rows, into, factor) for rows, into, factor in parts]
        lines = Lines(*(np.concatenate(columns) for columns in zip(*found, strict=True)))
        y = sum(
            (np.bincount(into, factor * self.y[rows], len(weight)) for rows, into, factor in parts),
            np.zeros(len(weight)),
        )
        self.builder.gaussian_rows(lines, y, weight, count, tau)

    def determinant(self, tau: int, count: float) -> None:
        """Declare a number that enters by ``count log(tau) / 2`` alone."""
        nothing = np.zeros(0)
        lines = Lines(np.zeros(0, int), np.zeros(0, int), nothing)
        self.builder.gaussian_rows(lines, nothing, nothing, count, tau)

    def _of(self, rows: np.ndarray, into: np.ndarray, factor: float | np.ndarray) -> Lines:
        """Return the lines of some rows, each as part of a combination, times a factor."""
        sizes = self.starts[rows + 1] - self.starts[rows]
        line = np.repeat(into, sizes)
        entry = np.arange(len(line)) + np.repeat(self.starts[rows] - (np.cumsum(sizes) - sizes), sizes)
        times = np.repeat(np.broadcast_to(factor, rows.shape), sizes)
        return Lines(line, self.lines.column[entry], times * self.lines.value[entry])
