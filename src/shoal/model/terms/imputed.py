"""Values that are not known: of a response ``x | mi() ~ z``, and what they add to others by ``mi(x)``.

With ``x | mi(s) ~ z`` all values were measured, with known errors s, and the true ones predict.

A missing value is an effect of its row, ``x_i ~ Normal(eta_i, sigma)`` given the linear predictor of its
response. Where x predicts another response its coefficient b stands in S: ``b x_i`` is one more element of v,
linear in the effects given b. Values are missing at random, given what the formulas name (Little and Rubin
2019, Statistical Analysis with Missing Data, 3rd ed., chapter 10).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from shoal.engine.build import Builder
from shoal.engine.lines import Lines
from shoal.engine.problem import ONE
from shoal.model.design import Design, Imputed
from shoal.model.terms import functions as f
from shoal.model.terms.term import Drawn, Draws, Judged, Placed, Term, seen
from shoal.model.terms.units import location_of, scale_of, wider
from shoal.model.terms.variable import Default, Priors, Variable
from shoal.priors import Normal, Prior


@dataclass(frozen=True)
class ImputedPredictor(Term):
    """A predictor with unknown values, and its coefficient."""

    design: Design
    imputed: Imputed
    priors: Priors

    @property
    def name(self) -> str:
        """Posterior name of the coefficient."""
        return self.imputed.name

    def variables(self) -> Iterator[Variable]:
        place = self.design.place_of(self.imputed)
        yield Variable(
            self.name, "imputed", self.design.prefix, {}, (self.name,), place=place, defaults=self._defaults
        )

    def _defaults(self) -> Iterator[Default]:
        prior = Normal(0.0, 2.5 * scale_of(self.design) / self.imputed.spread)
        yield Default(self.name, prior, wider(self.design, "b"))

    def hyperparameters(self) -> Mapping[str, Prior]:
        return {self.name: self.priors[self.name].prior}

    def place(self, builder: Builder, before: Sequence[Placed]) -> PlacedPredictor:
        known = builder.columns(1)
        builder.shift(known, np.array([builder.names[self.name]]))
        return PlacedPredictor(self, known, builder.columns(int(self.imputed.index.max(initial=-1)) + 1))

    def draw_prior(self, given: Draws, rng: np.random.Generator, size: int) -> dict[str, np.ndarray]:
        return {self.name: self.priors[self.name].prior.draw(rng, size)}

    def judged(self, draws: Draws) -> Iterator[Judged]:
        yield Judged(self.name, (draws[self.name],))

    def predictor(self, design: Design, draws: Draws) -> np.ndarray | float:
        if design is not self.design:
            return 0.0
        own, values = self.imputed, self.imputed.values
        if (own.index >= 0).any():
            values = np.where(own.index >= 0, draws[own.unknown][..., np.maximum(own.index, 0)], values)
        return np.asarray(draws[self.name])[..., None] * values

    def summands(self, design: Design) -> list[str]:
        return [f"b[{self.name}] {self.imputed.term.column}[i]"] if design is self.design else []


@dataclass(frozen=True)
class PlacedPredictor(Placed):
    """`known`: the coefficient in v; `unknown`: its products with the unknown values there."""

    term: ImputedPredictor
    known: np.ndarray
    unknown: np.ndarray

    def lines(self, design: Design, first: np.ndarray) -> Lines | None:
        if design is not self.term.design:
            return None
        own = self.term.imputed.at(first)
        there = own.index < 0
        column = np.where(there, self.known[0], np.append(self.unknown, 0)[own.index])
        return Lines(np.arange(len(first)), column, np.where(there, own.values, 1.0))

    def complete(self, builder: Builder, placed: Sequence[Placed]) -> np.ndarray:
        """Declare that the unknown values enter by the coefficient."""
        if len(self.unknown):
            values = (p for p in placed if isinstance(p, PlacedUnknown))
            own = next(p for p in values if p.term.name == self.term.imputed.unknown)
            builder.scale(self.unknown, own.x, builder.names[self.term.name])
        return np.zeros(0)

    def draws(self, drawn: Drawn) -> dict[str, np.ndarray]:
        return {self.term.name: drawn.values[self.term.name]}


@dataclass(frozen=True)
class Unknown(Term):
    """The values of a response that are missing.

    Attributes
    ----------
    design : Design
    others : tuple of Term
        What its linear predictor is made of.
    """

    design: Design
    others: tuple[Term, ...]

    @property
    def name(self) -> str:
        """Posterior name of the values."""
        return f"{self.design.prefix}unknown"

    @property
    def rows(self) -> np.ndarray:
        """Rows of the table where they are missing."""
        return np.flatnonzero(self.design.unknown)

    @property
    def sigma(self) -> str:
        """Posterior name of the residual standard deviation."""
        return f"{self.design.prefix}sigma"

    def variables(self) -> Iterator[Variable]:
        dims = {f"{self.design.prefix}unknown_row": self.rows}
        yield Variable(self.name, "unknown", self.design.prefix, dims)

    def hyperparameters(self) -> Mapping[str, Prior]:
        return {}

    def place(self, builder: Builder, before: Sequence[Placed]) -> PlacedUnknown:
        """Declare the values as effects, whose density is that of rows."""
        size, spread = len(self.rows), scale_of(self.design)
        mean = np.full(size, location_of(self.design))
        x, v = builder.effects(size, mean, spread**-2.0, normal=False), builder.columns(size)
        builder.scale(v, x, ONE)
        return PlacedUnknown(self, x, v)

    def draw_prior(self, given: Draws, rng: np.random.Generator, size: int) -> dict[str, np.ndarray]:
        whole = sum((term.predictor(self.design, given) for term in self.others), np.zeros(()))
        eta = np.broadcast_to(whole, (size, self.design.n_rows))[:, self.rows]
        return {self.name: eta + given[self.sigma][:, None] * rng.normal(size=eta.shape)}

    def equations(self, design: Design) -> list[str]:
        if design is not self.design:
            return []
        response = design.formula.response.value.text
        se = design.formula.response.mi_se
        measured = f": what was measured is Normal({response}[i], {se.text}[i])" if se else ""
        return [f"{response} of {len(self.rows)} rows is not known, and drawn with the parameters{measured}"]


@dataclass(frozen=True)
class PlacedUnknown(Placed):
    """Unknown values: effects `x`, elements `v`."""

    term: Unknown
    x: np.ndarray
    v: np.ndarray

    def complete(self, builder: Builder, placed: Sequence[Placed]) -> np.ndarray:
        """Declare rows ``0 ~ Normal(eta_i - x_i, sigma)``, and what was measured with errors."""
        design, rows = self.term.design, self.term.rows
        predicted, offset = seen(placed, design, rows)
        less = Lines(np.arange(len(rows)), self.v, np.full(len(rows), -1.0))
        lines = Lines(*(np.concatenate(columns) for columns in zip(predicted, less, strict=True)))
        (tau,) = builder.derive((f.precision, f.precision_adjoint), [builder.names[self.term.sigma]], [], 1)
        builder.gaussian_rows(lines, -offset, np.ones(len(rows)), float(len(rows)), tau)
        # Its constant is that of a standard normal effect, which joint densities leave out.
        if design.formula.response.mi_se is not None:
            there = ~design.absent[rows]
            y, _, weight, se = (np.asarray(column)[rows][there] for column in design.rows[:4])
            measured = Lines(np.arange(len(y)), self.v[there], np.ones(len(y)))
            builder.gaussian_rows(measured, y, weight * se**-2.0, 0.0, ONE)
            builder.constant -= float(weight @ np.log(se))
        return np.zeros(0)

    def small(self) -> np.ndarray:
        return self.v

    def draws(self, drawn: Drawn) -> dict[str, np.ndarray]:
        return {self.term.name: drawn.elements(self.v)}
