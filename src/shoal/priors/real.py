"""Priors on the real line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from shoal.priors.base import Prior
from shoal.priors.compiled import PriorFunction
from shoal.priors.densities import laplace_density, normal_density, student_t_density


@dataclass(frozen=True)
class Normal(Prior):
    """Normal with mean `mu` and standard deviation `sigma`."""

    density: ClassVar[PriorFunction] = normal_density
    mu: float = 0.0
    sigma: float = 1.0

    def draw(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> np.ndarray:
        return rng.normal(self.mu, self.sigma, size)


@dataclass(frozen=True)
class StudentT(Prior):
    """Student-t with `nu` degrees of freedom, location `mu` and scale `sigma`."""

    density: ClassVar[PriorFunction] = student_t_density
    nu: float
    mu: float = 0.0
    sigma: float = 1.0

    def draw(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> np.ndarray:
        return self.mu + self.sigma * rng.standard_t(self.nu, size)


@dataclass(frozen=True)
class Laplace(Prior):
    """Double exponential with location `mu` and scale `b`; its standard deviation is ``sqrt(2) b``."""

    density: ClassVar[PriorFunction] = laplace_density
    mu: float = 0.0
    b: float = 1.0

    def draw(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> np.ndarray:
        return rng.laplace(self.mu, self.b, size)
