"""Smooths ``s(x)`` and ``t2(x, z)``: the penalised columns of their splines, in mixed-model form.

The straight columns are among the population's (`model.bases.splines`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from shoal.engine.build import Builder
from shoal.model.bases.splines import Splines
from shoal.model.design import Design
from shoal.model.terms.curve_effects import CurveEffects, named
from shoal.model.terms.term import Draws, Judged
from shoal.model.terms.units import wider
from shoal.model.terms.variable import Default, Variable
from shoal.priors import Prior


@dataclass(frozen=True)
class Smooth(CurveEffects):
    """The penalised columns of a smooth, with one standard deviation for each part of each level's curve."""

    @property
    def basis(self) -> Splines:
        """The basis of the curve."""
        assert isinstance(self.curve.basis, Splines)
        return self.curve.basis

    @property
    def sds(self) -> str:
        """Posterior name of the standard deviations."""
        return f"{self.curve.prefix}sds_{self.curve.name}"

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels of the standard deviations: of levels, parts, or both; of a single one, an empty label."""
        return self.curve.labels(self.basis.parts)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the standard deviations."""
        return tuple(named(self.sds, self.labels))

    @property
    def sd_of(self) -> np.ndarray:
        """Number of each coefficient's standard deviation, (levels × K,)."""
        parts, part_of = len(self.basis.parts), self.basis.part_of
        return (np.arange(self.curve.copies)[:, None] * parts + part_of).ravel()

    def variables(self) -> Iterator[Variable]:
        prefix, dims = self.curve.prefix, {}
        if self.labels != ("",):
            dims = {f"{prefix}{self.curve.name}_part": np.array(self.labels, dtype=object)}
        place, defaults = self.design.place_of(self.curve), partial(self._defaults)
        yield Variable(self.sds, "sds", prefix, dims, self.names, place=place, defaults=defaults)
        yield self.coefficients()

    def _defaults(self) -> Iterator[Default]:
        names = (self.sds, *wider(self.design, "sds"))
        for name in self.names:
            own = tuple(other for other in names if other != name)
            yield Default(name, self.sd_default(), own)

    def hyperparameters(self) -> Mapping[str, Prior]:
        return {name: self.priors[name].prior for name in self.names}

    def scales(self, builder: Builder) -> np.ndarray:
        return np.array([builder.names[name] for name in self.names])[self.sd_of]

    def stacked(self, values: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        sds = np.stack([values[name] for name in self.names], axis=-1)
        return {self.sds: sds[..., 0] if self.labels == ("",) else sds}

    def draw_prior(self, given: Draws, rng: np.random.Generator, size: int) -> dict[str, np.ndarray]:
        drawn = {name: prior.draw(rng, size) for name, prior in self.hyperparameters().items()}
        sds = np.stack(list(drawn.values()), axis=-1)[:, self.sd_of]
        return {**self.stacked(drawn), self.name: sds * rng.normal(size=sds.shape)}

    def judged(self, draws: Draws) -> Iterator[Judged]:
        sds = draws[self.sds]
        if self.labels == ("",):
            sds = sds[..., None]
        yield from (Judged(name, (sds[..., k],)) for k, name in enumerate(self.names))

    def equations(self, design: Design) -> list[str]:
        if design is not self.design:
            return []
        of = "" if self.labels == ("",) else "[part of k]"
        return [
            f"{self.curve.name}[i] = sum over k of {self.name}[k] spline_k[i]: natural cubic splines without "
            "their straight part",
            f"{self.name}[k] ~ Normal(0, {self.sds}{of}), k = 1 to {len(self.sd_of)}",
        ]
