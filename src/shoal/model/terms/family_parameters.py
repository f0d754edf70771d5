"""Scalar parameters of a response's family."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from shoal.engine.build import Builder, Lines
from shoal.model.design import Design
from shoal.model.model import Specification
from shoal.model.terms.term import Drawn, Placed, Term, Variables
from shoal.priors import Prior


@dataclass(frozen=True)
class FamilyParameters(Term):
    """Parameters of one response's family, such as sigma."""

    model: Specification
    design: Design

    @property
    def names(self) -> list[str]:
        """Their names in the posterior."""
        return [self.design.prefix + name for name in self.design.parameters]

    def parameters(self) -> Mapping[str, Prior]:
        return {name: self.model.priors[name].prior for name in self.names}

    def place(self, builder: Builder) -> PlacedParameters:
        return PlacedParameters(self, [builder.names[name] for name in self.names])


@dataclass(frozen=True)
class PlacedParameters(Placed):
    """`places`: in h."""

    term: FamilyParameters
    places: list[int]

    def lines(self, design: Design, first: np.ndarray) -> Lines | None:
        return None

    def variables(self, design: Design, drawn: Drawn) -> Variables:
        if design is not self.term.design:
            return {}
        return {name: (("chain", "draw"), drawn.values[name]) for name in self.term.names}
