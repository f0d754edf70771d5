"""Effects of areas that neighbours resemble, ``car(W, gr=area)``; see `model.bases.areas`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from shoal.engine.build import Builder
from shoal.engine.problem import ONE
from shoal.model.bases.areas import Areas
from shoal.model.design import Design
from shoal.model.terms import functions as f
from shoal.model.terms.curve_effects import CurveEffects
from shoal.model.terms.term import Draws, Judged
from shoal.model.terms.units import wider
from shoal.model.terms.variable import Default, Variable
from shoal.priors import Beta, Prior

NAMES = {"bym2": "rhocar", "escar": "car"}  # of what says how much neighbours resemble each other


@dataclass(frozen=True)
class AreaEffects(CurveEffects):
    """Effects of areas: a standard deviation, and a share that neighbours have in it."""

    @property
    def basis(self) -> Areas:
        """The eigenvectors of the areas."""
        assert isinstance(self.curve.basis, Areas)
        return self.curve.basis

    @property
    def sd(self) -> str:
        """Posterior name of the standard deviation."""
        return f"{self.curve.prefix}sdcar_{self.curve.name}"

    @property
    def share(self) -> str:
        """Posterior name of the share, or of alpha; empty if it is known to be one."""
        name = NAMES.get(self.basis.kind, "")
        return f"{self.curve.prefix}{name}_{self.curve.name}" if name else ""

    def variables(self) -> Iterator[Variable]:
        prefix, place = self.curve.prefix, self.design.place_of(self.curve)
        yield Variable(self.sd, "sds", prefix, {}, (self.sd,), place=place, defaults=self._defaults)
        if self.share:
            yield Variable(self.share, "share", prefix, {}, (self.share,), place=place)
        yield self.coefficients()

    def _defaults(self) -> Iterator[Default]:
        yield Default(self.sd, self.sd_default(), wider(self.design, "sdcar"))
        if self.share:
            name = NAMES[self.basis.kind]
            yield Default(self.share, Beta(1.0, 1.0), wider(self.design, name))

    def hyperparameters(self) -> Mapping[str, Prior]:
        return {name: self.priors[name].prior for name in (self.sd, self.share) if name}

    def scales(self, builder: Builder) -> np.ndarray:
        functions = f.mixed_root, f.mixed_root_adjoint
        if self.basis.kind == "escar":
            functions = f.conditional_root, f.conditional_root_adjoint
        inputs = [builder.names[self.sd], builder.names[self.share] if self.share else ONE]
        return np.array(builder.derive(functions, inputs, self.basis.spectrum.tolist(), self.basis.size))

    def stacked(self, values: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {name: values[name] for name in (self.sd, self.share) if name}

    def draw_prior(self, given: Draws, rng: np.random.Generator, size: int) -> dict[str, np.ndarray]:
        drawn = {name: prior.draw(rng, size) for name, prior in self.hyperparameters().items()}
        share = drawn[self.share] if self.share else np.ones(size)
        scales = drawn[self.sd][:, None] * np.sqrt(self.basis.variances(share))
        return {**drawn, self.name: scales * rng.normal(size=scales.shape)}

    def judged(self, draws: Draws) -> Iterator[Judged]:
        yield from (Judged(name, (draws[name],)) for name in (self.sd, self.share) if name)

    def equations(self, design: Design) -> list[str]:
        if design is not self.design:
            return []
        inside = ", ".join(name for name in (self.sd, self.share) if name)
        areas = f"{len(self.basis.labels):,} areas"
        return [f"{self.curve.name} ~ {self.basis.kind.upper()}({inside}), of {areas} and their neighbours"]
