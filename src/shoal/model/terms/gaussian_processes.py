"""Gaussian processes ``gp(x)``, by the eigenfunctions of `model.bases.hilbert`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import gammainccinv

from shoal.engine.build import Builder
from shoal.model.bases.hilbert import Hilbert
from shoal.model.design import Design
from shoal.model.terms import functions as f
from shoal.model.terms.curve_effects import CurveEffects, named
from shoal.model.terms.term import Draws, Judged
from shoal.model.terms.units import wider
from shoal.model.terms.variable import Default, Variable
from shoal.priors import InverseGamma, Prior

TAIL = 0.01  # of the default prior of a lengthscale, on either side of what is expected


@dataclass(frozen=True)
class GaussianProcess(CurveEffects):
    """The coefficients of eigenfunctions: their standard deviations are roots of the spectral density."""

    @property
    def basis(self) -> Hilbert:
        """The basis of the curve."""
        assert isinstance(self.curve.basis, Hilbert)
        return self.curve.basis

    @property
    def sd(self) -> str:
        """Posterior name of the standard deviation of the process."""
        return f"{self.curve.prefix}sdgp_{self.curve.name}"

    @property
    def lengthscale(self) -> str:
        """Posterior name of its lengthscale, in units of the predictor."""
        return f"{self.curve.prefix}lscale_{self.curve.name}"

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels of the processes: the levels, or an empty one."""
        return self.curve.labels(("",))

    def pairs(self) -> list[tuple[str, str]]:
        """Return the names of the standard deviation and the lengthscale of each process."""
        return list(zip(named(self.sd, self.labels), named(self.lengthscale, self.labels), strict=True))

    def variables(self) -> Iterator[Variable]:
        prefix, dims = self.curve.prefix, {}
        if self.curve.levels:
            dims = {f"{prefix}{self.curve.name}_process": np.array(self.labels, dtype=object)}
        place = self.design.place_of(self.curve)
        sds, lengthscales = (tuple(names) for names in zip(*self.pairs(), strict=True))
        yield Variable(self.sd, "sds", prefix, dims, sds, place=place, defaults=self._sd_defaults)
        yield Variable(
            self.lengthscale,
            "lengthscale",
            prefix,
            dims,
            lengthscales,
            place=place,
            defaults=self._lengthscale_defaults,
        )
        yield self.coefficients()

    def _sd_defaults(self) -> Iterator[Default]:
        for name, _ in self.pairs():
            names = dict.fromkeys((self.sd, *wider(self.design, "sdgp")))
            own = tuple(other for other in names if other != name)
            yield Default(name, self.sd_default(), own)

    def _lengthscale_defaults(self) -> Iterator[Default]:
        prior = between(*self.basis.expected)
        for _, name in self.pairs():
            names = dict.fromkeys((self.lengthscale, *wider(self.design, "lscale")))
            yield Default(name, prior, tuple(other for other in names if other != name))

    def hyperparameters(self) -> Mapping[str, Prior]:
        return {name: self.priors[name].prior for pair in self.pairs() for name in pair}

    def scales(self, builder: Builder) -> np.ndarray:
        frequencies, nu = self.basis.frequencies.tolist(), self.basis.smoothness
        functions, constants = (f.matern_root, f.matern_root_adjoint), [nu, *frequencies]
        if math.isinf(nu):
            functions = f.squared_exponential_root, f.squared_exponential_root_adjoint
            constants = frequencies
        places = [
            builder.derive(functions, [builder.names[name] for name in pair], constants, len(frequencies))
            for pair in self.pairs()
        ]
        return np.ravel(places)

    def stacked(self, values: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        out = {}
        for variable, names in zip((self.sd, self.lengthscale), zip(*self.pairs(), strict=True), strict=True):
            stacked = np.stack([values[name] for name in names], axis=-1)
            out[variable] = stacked if self.curve.levels else stacked[..., 0]
        return out

    def draw_prior(self, given: Draws, rng: np.random.Generator, size: int) -> dict[str, np.ndarray]:
        drawn = {name: prior.draw(rng, size) for name, prior in self.hyperparameters().items()}
        each = []
        for sd, lengthscale in self.pairs():
            density = np.array([self.basis.spectral_density(one) for one in drawn[lengthscale]])
            each.append(drawn[sd][:, None] * np.sqrt(density))
        scales = np.concatenate(each, axis=1)
        return {**self.stacked(drawn), self.name: scales * rng.normal(size=scales.shape)}

    def judged(self, draws: Draws) -> Iterator[Judged]:
        for k, names in enumerate(self.pairs()):
            for variable, name in zip((self.sd, self.lengthscale), names, strict=True):
                values = draws[variable]
                yield Judged(name, (values[..., k] if self.curve.levels else values,))

    def equations(self, design: Design) -> list[str]:
        if design is not self.design:
            return []
        basis, each = self.basis, "[level]" if self.curve.levels else ""
        kind = "squared exponential" if math.isinf(basis.smoothness) else f"Matern {basis.smoothness:g}"
        return [
            f"{self.curve.name} ~ GaussianProcess({kind}, sd {self.sd}{each}, lengthscale {self.lengthscale}"
            f"{each}), by {basis.functions} eigenfunctions on {basis.boundary:.3g} times the range"
        ]


def between(low: float, high: float) -> InverseGamma:
    """Return the inverse gamma distribution with 1% of its mass below `low` and 1% above `high`.

    It keeps lengthscales from zero, where a process is noise, and from where it is a constant (Betancourt
    2020, Robust Gaussian Process Modeling).
    """
    from scipy.optimize import brentq

    def ratio(shape: float) -> float:
        # Of a gamma variable of this shape, whose reciprocal is of interest; on a log scale.
        return float(np.log(gammainccinv(shape, TAIL) / gammainccinv(shape, 1 - TAIL)) - np.log(high / low))

    shape = float(brentq(ratio, 0.3, 1e4))
    return InverseGamma(shape, float(low * gammainccinv(shape, TAIL)))
