"""Cutpoints of an ordered response: their mean is a coefficient, their gaps are hyperparameters."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from shoal.engine.build import Builder
from shoal.model.design import Design
from shoal.model.terms import functions as f
from shoal.model.terms.coefficients import PlacedCoefficients, at_average
from shoal.model.terms.term import Drawn, Draws, Judged, Placed, Term
from shoal.model.terms.units import average_offset, scale_of, wider
from shoal.model.terms.variable import Default, Priors, Variable
from shoal.priors import Gap, Normal, Prior


@dataclass(frozen=True)
class Cutpoints(Term):
    """Cutpoints of one response, iid normal in ascending order."""

    design: Design
    priors: Priors

    @property
    def name(self) -> str:
        """Their name in the posterior."""
        return self.design.cutpoints

    @property
    def sigma(self) -> float:
        """Standard deviation of the cutpoints' prior."""
        return float(self.priors[self.name].prior.params[1])

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
        yield Default(self.name, prior, names, centered=True, kinds=(Normal,))

    def hyperparameters(self) -> Mapping[str, Prior]:
        count = self.design.family.n_cutpoints
        return {f"{self.design.prefix}gap:{i + 1}": Gap(self.sigma) for i in range(count - 1)}

    def place(self, builder: Builder, before: Sequence[Placed]) -> PlacedCutpoints:
        gaps = [builder.names[name] for name in self.hyperparameters()]
        functions, count = (f.cutpoints, f.cutpoints_adjoint), self.design.family.n_cutpoints
        mean = next(p for p in before if isinstance(p, PlacedCoefficients) and p.term.design is self.design)
        return PlacedCutpoints(self, mean, builder.derive(functions, gaps, [self.sigma], count))

    def draw_prior(self, given: Draws, rng: np.random.Generator, size: int) -> dict[str, np.ndarray]:
        """Return draws in ascending order; by default they are drawn at average columns, and moved there."""
        resolved, count = self.priors[self.name], self.design.family.n_cutpoints
        drawn = np.sort(resolved.prior.draw(rng, (size, count)), axis=1)
        moved = at_average(self.design, given) if resolved.centered else np.zeros(())
        return {self.name: drawn + moved[..., None]}

    def judged(self, draws: Draws) -> Iterator[Judged]:
        """Yield their prior: C! times the product of their densities, in ascending order."""
        moved = at_average(self.design, draws) if self.priors[self.name].centered else 0.0
        cutpoints = np.moveaxis(draws[self.name], -1, 0)
        yield Judged(self.name, tuple(c - moved for c in cutpoints), math.lgamma(len(cutpoints) + 1))

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

    def draws(self, drawn: Drawn) -> dict[str, np.ndarray]:
        return {self.term.name: self.mean.coefficients(drawn)[..., -1:] + drawn.h[..., self.places]}
