"""Cutpoints of an ordered response: their mean is a coefficient, their gaps are hyperparameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from shoal.engine.build import Builder, Lines
from shoal.model.design import Design
from shoal.model.model import Specification
from shoal.model.terms import functions as f
from shoal.model.terms.coefficients import PlacedCoefficients
from shoal.model.terms.term import Drawn, Placed, Term, Variables
from shoal.priors import Gap, Prior


@dataclass(frozen=True)
class Cutpoints(Term):
    """Cutpoints of one response, iid normal in ascending order."""

    model: Specification
    design: Design

    @property
    def sigma(self) -> float:
        """Standard deviation of the cutpoints' prior."""
        return float(self.model.priors[self.design.cutpoints].prior.params[1])

    def parameters(self) -> Mapping[str, Prior]:
        count = self.design.family.n_cutpoints
        return {f"{self.design.prefix}gap:{i + 1}": Gap(self.sigma) for i in range(count - 1)}

    def place(self, builder: Builder) -> PlacedCutpoints:
        gaps = [builder.names[name] for name in self.parameters()]
        count = self.design.family.n_cutpoints
        return PlacedCutpoints(
            self, builder.derive((f.cutpoints, f.cutpoints_adjoint), gaps, [self.sigma], count)
        )


@dataclass(frozen=True)
class PlacedCutpoints(Placed):
    """`places`: in h, of the cutpoints less their mean."""

    term: Cutpoints
    places: list[int]

    def lines(self, design: Design, first: np.ndarray) -> Lines | None:
        return None

    def variables(self, design: Design, drawn: Drawn) -> Variables:
        return {}

    def cutpoints(self, coefficients: PlacedCoefficients, drawn: Drawn) -> Variables:
        """Return the variable, whose mean is the last of the response's coefficients."""
        design = self.term.design
        values = coefficients.coefficients(drawn)[..., -1:] + drawn.h[..., self.places]
        return {design.cutpoints: (("chain", "draw", f"{design.prefix}cutpoint"), values)}
