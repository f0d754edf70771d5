"""Scales of the slopes of a response under a shrinkage prior."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from shoal.engine.build import Builder, Lines
from shoal.model.design import Design
from shoal.model.model import Specification
from shoal.model.terms import functions as f
from shoal.model.terms.term import Drawn, Placed, Term, Variables
from shoal.priors import Prior, Shrinkage, Shrunk


def shrinkage_of(model: Specification, design: Design) -> Shrinkage | None:
    """Return the prior of all slopes of a response, if there is one."""
    resolved = model.priors.get(design.prefix + "b")
    return resolved.prior if resolved and isinstance(resolved.prior, Shrinkage) else None


@dataclass(frozen=True)
class ShrunkSlopes(Term):
    """Hyperparameters of a shrinkage prior: those that all slopes share, and one for each slope."""

    model: Specification
    design: Design
    prior: Shrinkage

    @property
    def slopes(self) -> list[str]:
        """Names of the slopes under the prior."""
        return [c for c in self.design.columns if isinstance(self.model.priors[c].prior, Shrunk)]

    def parameters(self) -> Mapping[str, Prior]:
        name = f"{self.design.prefix}shrinkage"
        common = {f"{name}:{key}": value for key, value in self.prior.common().items()}
        return common | {f"{name}:{column}": self.prior.own() for column in self.slopes}

    def place(self, builder: Builder) -> PlacedShrinkage:
        inputs = [builder.names[name] for name in self.parameters()]
        functions = self.prior.scales_forward, self.prior.scales_adjoint
        places = builder.derive(functions, inputs, [], len(self.slopes))
        if "sigma" in self.design.parameters:
            sigma = builder.names[f"{self.design.prefix}sigma"]
            places = builder.derive((f.multiples, f.multiples_adjoint), [*places, sigma], [], len(places))
        return PlacedShrinkage(self, dict(zip(self.slopes, places, strict=True)))


@dataclass(frozen=True)
class PlacedShrinkage(Placed):
    """`scales`: place in h of each slope's scale."""

    term: ShrunkSlopes
    scales: Mapping[str, int]

    def lines(self, design: Design, first: np.ndarray) -> Lines | None:
        return None

    def variables(self, design: Design, drawn: Drawn) -> Variables:
        if design is not self.term.design:
            return {}
        dims = ("chain", "draw", f"{design.prefix}b_column")
        return {f"{design.prefix}scale_b": (dims, drawn.h[..., list(self.scales.values())])}
