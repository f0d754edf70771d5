"""Normal responses, identity link; with known standard errors if the formula says ``y | se(s)``.

Row i has variance ``se_i ** 2 + sigma ** 2`` (either may be absent); eta and `sigma` are in the
response's units. Gelman et al., Bayesian Data Analysis, 3rd ed., sections 5.4 (known variances) and 14.2.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np

from shoal.families.base import Family, Rows
from shoal.families.support import moments, refuse_constant
from shoal.priors import Exponential, Prior


class Gaussian(Family):
    """Normal rows with mean eta."""

    name: ClassVar[str] = "gaussian"
    links: ClassVar[tuple[str, ...]] = ("identity",)
    takes: ClassVar[frozenset[str]] = frozenset({"se"})
    newton_steps: ClassVar[int] = 1
    linear_gaussian: ClassVar[bool] = True

    def parameters(self, known_se: bool, se_sigma: bool) -> tuple[str, ...]:
        return () if known_se and not se_sigma else ("sigma",)

    def parameter_prior(self, name: str, rows: Rows) -> Prior:
        return Exponential(1 / self.scale(rows)[1])

    def distribution(self, known_se: bool, se_sigma: bool) -> str:
        if not known_se:
            return "Normal(eta, sigma)"
        return "Normal(eta, sqrt(se^2 + sigma^2))" if se_sigma else "Normal(eta, se)"

    def check(self, rows: Rows, name: str) -> None:
        if not rows.se.any():
            refuse_constant(rows, name, "gaussian")

    def scale(self, rows: Rows) -> tuple[float, float]:
        center, spread = moments(rows.y, rows.weight)
        return center, spread or float(np.mean(rows.se)) or 1.0

    def no_pooling_sd(self, rows: Rows) -> float:
        return 10.0 * self.scale(rows)[1]

    def _variance(self, rows: Rows, phi: dict[str, Any]) -> Any:
        return rows.se**2 + phi.get("sigma", 0.0) ** 2

    def log_density(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        variance = self._variance(rows, phi)
        return -0.5 * rows.weight * ((rows.y - eta) ** 2 / variance + jnp.log(variance))

    def log_constant(self, rows: Rows) -> np.ndarray:
        return -0.5 * math.log(2 * math.pi) * np.asarray(rows.weight)

    def score_curvature(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> tuple[Any, Any]:
        # Exact: the log density is quadratic.
        precision = rows.weight / self._variance(rows, phi)
        return precision * (rows.y - eta), precision

    def start(self, rows: Rows) -> Any:
        return rows.y

    def draw(self, rng: np.random.Generator, rows: Rows, eta: np.ndarray, phi: dict[str, Any]) -> np.ndarray:
        return rng.normal(eta, np.sqrt(self._variance(rows, phi)))

    def mean(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        return eta

    def residual_variance(self, rows: Rows, phi: dict[str, Any]) -> Any:
        return float(np.mean(np.square(rows.se))) + phi.get("sigma", 0.0) ** 2
