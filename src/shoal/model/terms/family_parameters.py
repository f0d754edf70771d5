"""Parameters of a response's family that are common to all rows, and the places of those that are not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from shoal.engine.build import Builder
from shoal.engine.problem import ZERO
from shoal.model.design import Design
from shoal.model.terms.term import Drawn, Draws, Judged, Placed, Term
from shoal.model.terms.units import wider
from shoal.model.terms.variable import Default, Priors, Variable
from shoal.priors import Prior


@dataclass(frozen=True)
class FamilyParameters(Term):
    """Parameters of one response's family, such as sigma."""

    design: Design
    priors: Priors

    @property
    def names(self) -> dict[str, str]:
        """Their names in the family, and in the posterior; without what several responses share."""
        design = self.design
        return {name: design.named(name) for name in design.scalars if name not in design.shared}

    def variables(self) -> Iterator[Variable]:
        for place, (own, name) in enumerate(self.names.items()):
            defaults = partial(self._defaults, own)
            prefix = self.design.prefix
            yield Variable(name, "family", prefix, priors=(name,), place=place, defaults=defaults)

    def _defaults(self, own: str) -> Iterator[Default]:
        prior = self.design.family.parameter_prior(own, self.design.counting.rows)
        yield Default(self.names[own], prior, wider(self.design, own))

    def hyperparameters(self) -> Mapping[str, Prior]:
        return {name: self.priors[name].prior for name in self.names.values()}

    def place(self, builder: Builder, before: Sequence[Placed]) -> PlacedParameters:
        names = self.names
        places = [builder.names[names[own]] if own in names else ZERO for own in self.design.parameters]
        return PlacedParameters(self, places)

    def draw_prior(self, given: Draws, rng: np.random.Generator, size: int) -> dict[str, np.ndarray]:
        return {name: prior.draw(rng, size) for name, prior in self.hyperparameters().items()}

    def judged(self, draws: Draws) -> Iterator[Judged]:
        yield from (Judged(name, (draws[name],)) for name in self.names.values())

    def phi(self, design: Design, draws: Draws) -> dict[str, np.ndarray]:
        if design is not self.design:
            return {}
        return {own: np.asarray(draws[design.named(own)])[..., None] for own in design.scalars}


@dataclass(frozen=True)
class PlacedParameters(Placed):
    """`places` of all parameters in h; those with predictors of their own have none."""

    term: FamilyParameters
    places: list[int]

    def phi(self, design: Design, block: int) -> list[int]:
        return self.places if design is self.term.design else []

    def draws(self, drawn: Drawn) -> dict[str, np.ndarray]:
        return {name: drawn.values[name] for name in self.term.names.values()}
