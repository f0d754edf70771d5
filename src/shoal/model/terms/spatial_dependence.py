"""Rows that depend on their neighbours, ``sar(W)``; see `model.spatial`.

The exponent of their density is a sum of three squares. With r = ``y - eta``, and q = ``W y`` of type "lag",
``W r`` of type "error", it is

    |r - rho q|^2 = (1 - rho) |r|^2 + rho |r - q|^2 + (rho^2 - rho) |q|^2

so that the engine keeps sums of rows and of neighbours' rows, as it does of other correlated residuals. Rows
of weight 0 have unknown responses, which are integrated out as effects are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from shoal.engine.build import Builder
from shoal.engine.lines import Lines
from shoal.engine.problem import ONE
from shoal.model.design import Design
from shoal.model.spatial import Spatial
from shoal.model.terms import residual_functions as precisions
from shoal.model.terms.residual_squares import Squares
from shoal.model.terms.term import Drawn, Draws, Judged, Placed, Term
from shoal.model.terms.units import location_of, scale_of, wider
from shoal.model.terms.variable import Default, Priors, Variable
from shoal.priors import LKJ, Prior


@dataclass(frozen=True)
class SpatialDependence(Term):
    """How the rows of a response depend on their neighbours: rho, in units of 1 over the radius of W."""

    design: Design
    spatial: Spatial
    priors: Priors

    @property
    def designs(self) -> tuple[Design, ...]:
        """The response."""
        return (self.design,)

    @property
    def name(self) -> str:
        """Posterior name of rho."""
        return self.spatial.name

    @property
    def standard(self) -> str:
        """Name of rho times the radius, which lies between -1 and 1."""
        return f"standard:{self.name}"

    def variables(self) -> Iterator[Variable]:
        yield Variable(self.name, "residual", self.design.prefix, {}, (self.name,), defaults=self._defaults)

    def _defaults(self) -> Iterator[Default]:
        yield Default(self.name, LKJ(1.0), wider(self.design, "sar"), kinds=(LKJ,))

    @property
    def _prior(self) -> Prior:
        prior = self.priors[self.name].prior
        assert isinstance(prior, LKJ)
        return prior.partial(2, 0)

    def hyperparameters(self) -> Mapping[str, Prior]:
        return {self.standard: self._prior}

    def place(self, builder: Builder, before: Sequence[Placed]) -> PlacedDependence:
        """Declare unknown responses as effects, whose density is that of rows."""
        rows = np.flatnonzero(self.design.rows.weight == 0)
        mean, spread = np.full(len(rows), location_of(self.design)), scale_of(self.design)
        x, v = builder.effects(len(rows), mean, spread**-2.0, normal=False), builder.columns(len(rows))
        builder.scale(v, x, ONE)
        return PlacedDependence(self, rows, v)

    def draw_prior(self, given: Draws, rng: np.random.Generator, size: int) -> dict[str, np.ndarray]:
        return {self.name: self._prior.draw(rng, size) / self.spatial.radius}

    def judged(self, draws: Draws) -> Iterator[Judged]:
        yield Judged(self.name, (draws[self.name] * self.spatial.radius,), prior=self._prior)

    def equations(self, design: Design) -> list[str]:
        return [self.spatial.words()] if design is self.design else []


@dataclass(frozen=True)
class PlacedDependence(Placed):
    """The dependence of rows, which it declares; `v` are the responses of `rows`, which are not known."""

    term: SpatialDependence
    rows: np.ndarray
    v: np.ndarray

    def draws(self, drawn: Drawn) -> dict[str, np.ndarray]:
        return {self.term.name: drawn.values[self.term.standard] / self.term.spatial.radius}

    def small(self) -> np.ndarray:
        return self.v

    def gaussian_rows(
        self, builder: Builder, seen: Sequence[tuple[Lines, np.ndarray]], placed: Sequence[Placed]
    ) -> None:
        """Declare the rows, as other correlated residuals do."""
        ((lines, offset),), design, spatial = seen, self.term.design, self.term.spatial
        n, entries = design.n_rows, spatial.weights.tocoo()
        y = np.where(design.rows.weight == 0, 0.0, design.rows.y)
        unknown = Lines(self.rows, self.v, np.full(len(self.rows), -1.0))
        later = unknown._replace(line=self.rows + n)
        # N residuals, then N responses of which these are known.
        parts = [lines, unknown, later]
        whole = Lines(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
        squares = Squares(builder, whole, np.concatenate([y - offset, y]))
        row, each = np.arange(n), np.ones(n)
        other = entries.col + n if spatial.lag else entries.col
        constants = [spatial.radius, *spatial.spectrum.real, *spatial.spectrum.imag]
        inputs = [builder.names[self.term.standard], builder.names[f"{design.prefix}sigma"]]
        own, difference, others, left = builder.derive(
            (precisions.simultaneous, precisions.simultaneous_adjoint), inputs, constants, 4
        )
        squares.combine([(row, row, 1.0)], each, own)
        squares.combine([(row, row, 1.0), (other, entries.row, -entries.data)], each, difference)
        squares.combine([(other, entries.row, entries.data)], each, others)
        squares.determinant(left, float(n))
