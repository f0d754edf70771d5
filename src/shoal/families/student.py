"""Student-t responses, identity link: ``y = eta + sigma * t`` with t of `nu` degrees of freedom.

Parameters: `sigma`, the scale (not the standard deviation), in the response's units, and `nu`. Extreme
responses count less, and nothing is to be thrown away. Lange, Little and Taylor (1989), J. Amer. Statist.
Assoc. 84, 881-896.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np

from shoal.families.base import Family, Rows
from shoal.families.numerics import log_gamma_ratio
from shoal.families.support import refuse_constant
from shoal.priors import Exponential, Gamma, Prior


class Student(Family):
    """Student-t rows with location eta."""

    name: ClassVar[str] = "student"
    links: ClassVar[tuple[str, ...]] = ("identity",)
    newton_steps: ClassVar[int] = 8

    def parameters(self, known_se: bool, se_sigma: bool) -> tuple[str, ...]:
        return "sigma", "nu"

    def parameter_prior(self, name: str, rows: Rows) -> Prior:
        # Juarez and Steel (2010), J. Business Econ. Statist. 28, 52-66: from near Cauchy to near normal.
        return Gamma(2.0, 0.1) if name == "nu" else Exponential(1 / self.scale(rows)[1])

    def distribution(self, known_se: bool, se_sigma: bool) -> str:
        return "StudentT(nu, eta, sigma)"

    def check(self, rows: Rows, name: str) -> None:
        refuse_constant(rows, name, "student")

    def scale(self, rows: Rows) -> tuple[float, float]:
        # Median and median absolute deviation (1.4826 of it is the sd of normal values): the mean and the
        # standard deviation would follow the very extremes that this family is for.
        center = float(np.median(rows.y))
        spread = 1.4826 * float(np.median(np.abs(rows.y - center)))
        return center, spread or float(np.std(rows.y)) or 1.0

    def no_pooling_sd(self, rows: Rows) -> float:
        return 10.0 * self.scale(rows)[1]

    def log_density(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        nu, sigma = phi["nu"], phi["sigma"]
        constant = log_gamma_ratio(0.5, nu / 2) - 0.5 * jnp.log(nu) - jnp.log(sigma)
        residual = (rows.y - eta) / sigma
        return rows.weight * (constant - 0.5 * (nu + 1) * jnp.log1p(residual**2 / nu))

    def log_constant(self, rows: Rows) -> np.ndarray:
        return -0.5 * math.log(math.pi) * np.asarray(rows.weight)

    def score_curvature(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> tuple[Any, Any]:
        # Expected (Fisher) information (nu + 1) / ((nu + 3) sigma^2): the observed one is negative far out.
        # Lange, Little and Taylor (1989), appendix B.
        nu, sigma = phi["nu"], phi["sigma"]
        residual = (rows.y - eta) / sigma
        score = (nu + 1) * residual / ((nu + residual**2) * sigma)
        return rows.weight * score, rows.weight * (nu + 1) / ((nu + 3) * sigma**2)

    def start(self, rows: Rows) -> Any:
        return rows.y

    def draw(self, rng: np.random.Generator, rows: Rows, eta: np.ndarray, phi: dict[str, Any]) -> np.ndarray:
        return eta + phi["sigma"] * rng.standard_t(phi["nu"], np.shape(eta))

    def mean(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        # The median, too: there is no mean where nu <= 1.
        return eta

    def residual_variance(self, rows: Rows, phi: dict[str, Any]) -> Any:
        # Infinite where nu <= 2.
        sigma, nu = np.broadcast_arrays(phi["sigma"], phi["nu"])
        finite = nu > 2
        return np.where(finite, sigma**2 * nu / np.where(finite, nu - 2, 1.0), np.inf)
