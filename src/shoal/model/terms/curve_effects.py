"""What the terms of curves share: normal effects, a scale for each, and the columns of a basis."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from shoal.engine.build import Builder
from shoal.engine.lines import Lines
from shoal.model.design import Curve, Design
from shoal.model.terms.term import Drawn, Draws, Placed, Term
from shoal.model.terms.units import scale_of
from shoal.model.terms.variable import Priors, Variable
from shoal.priors import Exponential


@dataclass(frozen=True)
class CurveEffects(Term):
    """Normal effects with scales that depend on hyperparameters: the coefficients of a basis."""

    design: Design
    curve: Curve
    priors: Priors

    @property
    def name(self) -> str:
        """Posterior name of the coefficients."""
        return f"{self.curve.prefix}basis_{self.curve.name}"

    def coefficients(self) -> Variable:
        """Return the variable of the coefficients: level after level, the columns of a level in order."""
        numbers = tuple(str(k + 1) for k in range(self.curve.basis.size))
        labels = np.array(self.curve.labels(numbers), dtype=object)
        prefix = self.curve.prefix
        return Variable(self.name, "basis", prefix, {f"{prefix}{self.curve.name}_basis": labels})

    @abstractmethod
    def scales(self, builder: Builder) -> np.ndarray:
        """Return places in h of the coefficients' standard deviations, (levels × K,)."""

    @abstractmethod
    def stacked(self, values: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return draws of hyperparameters as the term's variables have them."""

    def sd_default(self) -> Exponential:
        """Return the default prior of a standard deviation: of the size of what the curve adds."""
        size = float(np.sqrt(np.average(self.curve.times**2, weights=self.design.row_weight)))
        return Exponential(size / scale_of(self.design))

    def place(self, builder: Builder, before: Sequence[Placed]) -> PlacedCurve:
        scales = self.scales(builder)
        x, v = builder.effects(len(scales)), builder.columns(len(scales))
        builder.scale(v, x, scales)
        return PlacedCurve(self, v)

    def predictor(self, design: Design, draws: Draws) -> np.ndarray | float:
        if design is not self.design:
            return 0.0
        return evaluated(self.curve, draws[self.name])

    def summands(self, design: Design) -> list[str]:
        return [f"{self.curve.name}[i]"] if design is self.design else []


@dataclass(frozen=True)
class PlacedCurve(Placed):
    """`v`: places of the coefficients."""

    term: CurveEffects
    v: np.ndarray

    def lines(self, design: Design, first: np.ndarray) -> Lines | None:
        if design is not self.term.design:
            return None
        own = self.term.curve.at(first)
        columns = own.columns
        line, column = np.nonzero(columns)
        places = own.index[line] * columns.shape[1] + column
        return Lines(line, self.v[places], columns[line, column])

    def small(self) -> np.ndarray:
        return self.v

    def draws(self, drawn: Drawn) -> dict[str, np.ndarray]:
        return {**self.term.stacked(drawn.values), self.term.name: drawn.elements(self.v)}


def evaluated(curve: Curve, coefficients: np.ndarray) -> np.ndarray:
    """Return a curve in its rows, (..., N), from the coefficients of all levels, (..., levels × K)."""
    columns = curve.columns
    by_level = np.reshape(coefficients, (*np.shape(coefficients)[:-1], curve.copies, columns.shape[1]))
    if curve.copies == 1:
        return by_level[..., 0, :] @ columns.T
    out = np.empty((*by_level.shape[:-2], len(columns)))
    for level in np.unique(curve.index):
        own = curve.index == level
        out[..., own] = by_level[..., level, :] @ columns[own].T
    return out


def named(variable: str, labels: Sequence[str]) -> Iterator[str]:
    """Yield the names of a variable's elements; of a single one without a label, the variable's own."""
    yield from (f"{variable}[{label}]" if label else variable for label in labels)
