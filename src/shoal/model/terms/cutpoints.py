"""Cutpoints of an ordered response: their mean is a coefficient, what they are less it hyperparameters.

Those in ascending order are told by their gaps; others by contrasts, which are independent of their mean and
of each other.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from shoal.engine.build import Builder
from shoal.engine.lines import Lines
from shoal.families import Rows
from shoal.model.design import Design
from shoal.model.terms import functions as f
from shoal.model.terms.coefficients import PlacedCoefficients, at_average, base_of
from shoal.model.terms.student_cutpoints import student_cutpoints
from shoal.model.terms.term import Drawn, Draws, Judged, Placed, Term
from shoal.model.terms.units import average_offset, scale_of, wider
from shoal.model.terms.variable import Default, Priors, Variable
from shoal.priors import Gap, Normal, Prior, StudentT


@dataclass(frozen=True)
class Cutpoints(Term):
    """Cutpoints of one response, iid normal or Student-t; in ascending order where the family says so."""

    design: Design
    priors: Priors

    @property
    def name(self) -> str:
        """Their name in the posterior."""
        return self.design.cutpoints

    @property
    def sigma(self) -> float:
        """Standard deviation of the normal in which the engine has them."""
        return float(base_of(self.priors[self.name].prior).sigma)

    def variables(self) -> Iterator[Variable]:
        prefix, categories = self.design.prefix, self.design.categories
        between = [f"{a}|{b}" for a, b in zip(categories, categories[1:], strict=False)]
        dims = {f"{prefix}cutpoint": between}
        yield Variable(self.name, "cutpoints", prefix, dims, (self.name,), defaults=self._defaults)

    def _defaults(self) -> Iterator[Default]:
        design = self.design
        known = design.family.quantiles(design.rows)
        wide = 2.5 * math.hypot(scale_of(design), float(known.std()))
        prior = Normal(float(known.mean()) + average_offset(design), wide)
        names = wider(design, "cutpoints")
        yield Default(self.name, prior, names, centered=True, kinds=(Normal, StudentT))

    def hyperparameters(self) -> Mapping[str, Prior]:
        family = self.design.family
        ordered = family.ordered_cutpoints
        prior, name = (Gap(self.sigma), "gap") if ordered else (Normal(0.0, self.sigma), "contrast")
        return {f"{self.design.prefix}{name}:{i + 1}": prior for i in range(family.n_cutpoints - 1)}

    def place(self, builder: Builder, before: Sequence[Placed]) -> PlacedCutpoints:
        inputs, family = [builder.names[name] for name in self.hyperparameters()], self.design.family
        ordered = (f.cutpoints, f.cutpoints_adjoint)
        functions = ordered if family.ordered_cutpoints else (f.contrasts, f.contrasts_adjoint)
        mean = next(p for p in before if isinstance(p, PlacedCoefficients) and p.term.design is self.design)
        return PlacedCutpoints(
            self, mean, builder.derive(functions, inputs, [self.sigma], family.n_cutpoints)
        )

    def draw_prior(self, given: Draws, rng: np.random.Generator, size: int) -> dict[str, np.ndarray]:
        """Return draws, ordered if need be; by default they are drawn at average columns, and moved there."""
        resolved, family = self.priors[self.name], self.design.family
        drawn = resolved.prior.draw(rng, (size, family.n_cutpoints))
        drawn = np.sort(drawn, axis=1) if family.ordered_cutpoints else drawn
        moved = at_average(self.design, given) if resolved.centered else np.zeros(())
        return {self.name: drawn + moved[..., None]}

    def judged(self, draws: Draws) -> Iterator[Judged]:
        """Yield their prior: the product of their densities, times C! in ascending order."""
        moved = at_average(self.design, draws) if self.priors[self.name].centered else 0.0
        cutpoints = np.moveaxis(draws[self.name], -1, 0)
        orders = math.lgamma(len(cutpoints) + 1) if self.design.family.ordered_cutpoints else 0.0
        yield Judged(self.name, tuple(c - moved for c in cutpoints), orders)

    def phi(self, design: Design, draws: Draws) -> dict[str, np.ndarray]:
        if design is not self.design:
            return {}
        return {"cutpoints": np.asarray(draws[self.name])[..., None, :]}


@dataclass(frozen=True)
class PlacedCutpoints(Placed):
    """Cutpoints: the last of the coefficients, and places in h of what they are less it."""

    term: Cutpoints
    mean: PlacedCoefficients
    places: list[int]

    def phi(self, design: Design) -> list[int]:
        return self.places if design is self.term.design else []

    def complete(self, builder: Builder, placed: Sequence[Placed]) -> np.ndarray:
        """Declare what a Student-t density has beyond the normal one."""
        prior = self.term.priors[self.term.name].prior
        if not isinstance(prior, StudentT):
            return np.zeros(0)
        last = np.arange(len(self.mean.mean)) == len(self.mean.mean) - 1
        part = self.mean.part_of(last.astype(float))
        lines = Lines(np.zeros(len(part.column), int), part.column, part.weight)
        rows = Rows(*(np.array([number]) for number in (prior.mu, prior.nu, 1.0, prior.sigma)))
        builder.rows(student_cutpoints, rows, [lines], np.array([[part.constant]]), self.places)
        return np.array([prior.mu])

    def draws(self, drawn: Drawn) -> dict[str, np.ndarray]:
        return {self.term.name: self.mean.coefficients(drawn)[..., -1:] + drawn.h[..., self.places]}
