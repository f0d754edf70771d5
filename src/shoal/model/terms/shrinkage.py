"""Scales of the slopes of a response under a shrinkage prior."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from shoal.engine.build import Builder
from shoal.model.design import Design
from shoal.model.terms import functions as f
from shoal.model.terms.term import Drawn, Draws, Judged, Placed, Term
from shoal.model.terms.variable import Priors, Variable
from shoal.priors import R2D2, Prior, Shrinkage, Shrunk


def shrinkage_of(design: Design, priors: Priors) -> Shrinkage | None:
    """Return the prior of all slopes of a response, if there is one."""
    resolved = priors.get(f"{design.prefix}b")
    return resolved.prior if resolved and isinstance(resolved.prior, Shrinkage) else None


@dataclass(frozen=True)
class ShrunkSlopes(Term):
    """Hyperparameters of a shrinkage prior: those that all slopes share, and one for each slope."""

    design: Design
    priors: Priors
    prior: Shrinkage

    @property
    def slopes(self) -> list[str]:
        """Names of the slopes under the prior."""
        return [c for c in self.design.columns if isinstance(self.priors[c].prior, Shrunk)]

    @property
    def name(self) -> str:
        """Posterior name of the scales."""
        return f"{self.design.prefix}scale_b"

    @property
    def sigma(self) -> str | None:
        """Posterior name of the residual sd that the scales are relative to, if there is one."""
        return f"{self.design.prefix}sigma" if "sigma" in self.design.scalars else None

    def variables(self) -> Iterator[Variable]:
        prefix = self.design.prefix
        yield Variable(self.name, "scale", prefix, {f"{prefix}b_column": self.slopes}, (f"{prefix}b",))

    def hyperparameters(self) -> Mapping[str, Prior]:
        name = f"{self.design.prefix}shrinkage"
        common = {f"{name}:{key}": value for key, value in self.prior.common().items()}
        return common | {f"{name}:{column}": self.prior.own() for column in self.slopes}

    def place(self, builder: Builder, before: Sequence[Placed]) -> PlacedShrinkage:
        inputs = [builder.names[name] for name in self.hyperparameters()]
        functions = self.prior.scales_forward, self.prior.scales_adjoint
        places = builder.derive(functions, inputs, [], len(self.slopes))
        if self.sigma:
            sigma = builder.names[self.sigma]
            places = builder.derive((f.multiples, f.multiples_adjoint), [*places, sigma], [], len(places))
        return PlacedShrinkage(self, dict(zip(self.slopes, places, strict=True)))

    def draw_prior(self, given: Draws, rng: np.random.Generator, size: int) -> dict[str, np.ndarray]:
        common = [prior.draw(rng, (size, 1)) for prior in self.prior.common().values()]
        scales = self.prior.scales(common, self.prior.own().draw(rng, (size, len(self.slopes))))
        return {self.name: scales * given[self.sigma][:, None] if self.sigma else scales}

    def judged(self, draws: Draws) -> Iterator[Judged]:
        name = f"{self.design.prefix}b"
        if not isinstance(self.prior, R2D2):
            limit = "is not scaled: of it only the slopes' own scales are kept, not what they share"
            yield Judged(name, (), limit=limit)
            return
        scales = draws[self.name]
        if self.sigma:
            scales = scales / draws[self.sigma][..., None]
        explained = np.square(scales).sum(-1)  # R^2 / (1 - R^2), divided among the slopes
        limit = "is scaled as the prior of R^2; how that is divided among the slopes belongs to the model"
        yield Judged(name, (explained / (1 + explained),), limit=limit)


@dataclass(frozen=True)
class PlacedShrinkage(Placed):
    """`scales`: place in h of each slope's scale."""

    term: ShrunkSlopes
    scales: Mapping[str, int]

    def draws(self, drawn: Drawn) -> dict[str, np.ndarray]:
        return {self.term.name: drawn.h[..., list(self.scales.values())]}
