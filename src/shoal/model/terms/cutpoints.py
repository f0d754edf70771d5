"""Cutpoints of an ordered response: their mean is a coefficient, what they are less it hyperparameters.

Those in ascending order are told by their gaps; others by contrasts, which are independent of their mean and
of each other. Rows share one set, or have that of their item (`model.thresholds`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from shoal.engine.build import Builder
from shoal.engine.lines import Lines
from shoal.families import Rows
from shoal.model.design import Design
from shoal.model.grouping_factors import level_dim
from shoal.model.terms import functions as f
from shoal.model.terms.coefficients import PlacedCoefficients, at_average, base_of
from shoal.model.terms.student_cutpoints import student_cutpoints
from shoal.model.terms.term import Drawn, Draws, Judged, Placed, Term
from shoal.model.terms.units import average_offset, scale_of, wider
from shoal.model.terms.variable import Default, Priors, Variable
from shoal.model.thresholds import Thresholds
from shoal.priors import Gap, Normal, Prior, StudentT


@dataclass(frozen=True)
class Cutpoints(Term):
    """Cutpoints of one response, iid normal or Student-t in each set; ascending where the family says so."""

    design: Design
    priors: Priors

    @property
    def name(self) -> str:
        """Their name in the posterior."""
        return self.design.cutpoints

    @property
    def sets(self) -> Thresholds:
        """Which rows have which."""
        assert self.design.thresholds is not None
        return self.design.thresholds

    def sigma(self, name: str) -> float:
        """Return the standard deviation of the normal in which the engine has a set."""
        return float(base_of(self.priors[name].prior).sigma)

    def variables(self) -> Iterator[Variable]:
        prefix, categories, sets = self.design.prefix, self.design.categories, self.sets
        between = [f"{a}|{b}" for a, b in zip(categories, categories[1:], strict=False)]
        dims: dict[str, Any] = {f"{prefix}cutpoint": between}
        positions = None
        if sets.labels is not None:
            dims = {level_dim(sets.column): sets.labels, **dims}
            positions = tuple((g, k) for g, count in enumerate(sets.counts) for k in range(count))
        names = tuple(self.design.cutpoint_sets)
        yield Variable(self.name, "cutpoints", prefix, dims, names, positions, defaults=self._defaults)

    def _defaults(self) -> Iterator[Default]:
        """Yield a prior for each set, scaled to its own rows."""
        names = wider(self.design, "cutpoints")
        for number, name in enumerate(self.design.cutpoint_sets):
            rows = np.flatnonzero(self.sets.index == number)
            own = (
                self.design
                if self.sets.labels is None
                else self.design.changed(partial(Design.at, kept=rows))
            )
            known = self.sets.family(own.family, number).quantiles(own.rows)
            wide = 2.5 * math.hypot(scale_of(own), float(known.std()))
            prior = Normal(float(known.mean()) + average_offset(own), wide)
            yield Default(name, prior, names, centered=True, kinds=(Normal, StudentT))

    def hyperparameters(self) -> Mapping[str, Prior]:
        return {name: prior for _, own in self._shapes() for name, prior in own.items()}

    def _shapes(self) -> Iterator[tuple[str, dict[str, Prior]]]:
        """Yield each set's prior's name, and what tells its cutpoints less their mean, with priors."""
        ordered, prefix = self.design.family.ordered_cutpoints, self.design.prefix
        for (name, count), label in zip(self.design.cutpoint_sets.items(), self.sets.names, strict=True):
            sigma = self.sigma(name)
            prior, kind = (Gap(sigma), "gap") if ordered else (Normal(0.0, sigma), "contrast")
            yield name, {f"{prefix}{kind}{label}:{i + 1}": prior for i in range(count - 1)}

    def place(self, builder: Builder, before: Sequence[Placed]) -> PlacedCutpoints:
        ordered = (f.cutpoints, f.cutpoints_adjoint)
        functions = ordered if self.design.family.ordered_cutpoints else (f.contrasts, f.contrasts_adjoint)
        mean = next(p for p in before if isinstance(p, PlacedCoefficients) and p.term.design is self.design)
        places = []
        for name, shape in self._shapes():
            inputs = [builder.names[own] for own in shape]
            places.append(builder.derive(functions, inputs, [self.sigma(name)], len(inputs) + 1))
        return PlacedCutpoints(self, mean, places)

    def draw_prior(self, given: Draws, rng: np.random.Generator, size: int) -> dict[str, np.ndarray]:
        """Return draws, ordered if need be; by default they are drawn at average columns, and moved there."""
        found = []
        for name, count in self.design.cutpoint_sets.items():
            resolved = self.priors[name]
            drawn = resolved.prior.draw(rng, (size, count))
            drawn = np.sort(drawn, axis=1) if self.design.family.ordered_cutpoints else drawn
            moved = at_average(self.design, given) if resolved.centered else np.zeros(())
            found.append(drawn + moved[..., None])
        return {self.name: self.sets.joined(found)}

    def judged(self, draws: Draws) -> Iterator[Judged]:
        """Yield the prior of each set: the product of their densities, times C! in ascending order."""
        sets, ordered = self.sets.parted(draws[self.name]), self.design.family.ordered_cutpoints
        for name, own in zip(self.design.cutpoint_sets, sets, strict=True):
            moved = at_average(self.design, draws) if self.priors[name].centered else 0.0
            cutpoints = np.moveaxis(own, -1, 0)
            orders = math.lgamma(len(cutpoints) + 1) if ordered else 0.0
            yield Judged(name, tuple(c - moved for c in cutpoints), orders)

    def phi(self, design: Design, draws: Draws) -> dict[str, np.ndarray]:
        return {"cutpoints": self.sets.of_rows(draws[self.name])} if design is self.design else {}


@dataclass(frozen=True)
class PlacedCutpoints(Placed):
    """Cutpoints: the last of the coefficients, and of each set places in h of what they are less its mean."""

    term: Cutpoints
    mean: PlacedCoefficients
    places: list[list[int]]

    def phi(self, design: Design, block: int) -> list[int]:
        return self.places[block] if design is self.term.design else []

    def complete(self, builder: Builder, placed: Sequence[Placed]) -> np.ndarray:
        """Declare what a Student-t density has beyond the normal one."""
        begin = list[float]()
        for number, (name, places) in enumerate(
            zip(self.term.design.cutpoint_sets, self.places, strict=True)
        ):
            prior = self.term.priors[name].prior
            if not isinstance(prior, StudentT):
                continue
            own = np.arange(len(self.mean.mean)) == len(self.mean.mean) - len(self.places) + number
            part = self.mean.part_of(own.astype(float))
            lines = Lines(np.zeros(len(part.column), int), part.column, part.weight)
            rows = Rows(*(np.array([number]) for number in (prior.mu, prior.nu, 1.0, prior.sigma)))
            builder.rows(student_cutpoints, rows, [lines], np.array([[part.constant]]), places)
            begin.append(prior.mu)
        return np.array(begin)

    def draws(self, drawn: Drawn) -> dict[str, np.ndarray]:
        means = self.mean.coefficients(drawn)[..., -len(self.places) :]
        sets = [means[..., g, None] + drawn.h[..., places] for g, places in enumerate(self.places)]
        return {self.term.name: self.term.sets.joined(sets)}
