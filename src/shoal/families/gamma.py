"""Positive responses with a constant coefficient of variation: ``y ~ Gamma`` with mean ``exp(eta)``.

Link: log; eta is the log of the mean, in log units of the response. Parameter: `shape` > 0, a pure
number: the variance is ``mean^2 / shape``, the coefficient of variation ``1 / sqrt(shape)``. McCullagh
and Nelder (1989), Generalized Linear Models, 2nd ed., chapter 8.
"""

from __future__ import annotations

from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np
from scipy.special import polygamma

from shoal.families.base import Family, Rows
from shoal.families.numerics import LARGEST, exp, log_gamma_at_mode, positive
from shoal.families.support import log_mean, refuse_all_but_positive
from shoal.priors import InverseGamma, Prior


class Gamma(Family):
    """Gamma rows with mean ``exp(eta)``."""

    name: ClassVar[str] = "gamma"
    links: ClassVar[tuple[str, ...]] = ("log",)
    newton_steps: ClassVar[int] = 8

    def parameters(self, known_se: bool, se_sigma: bool) -> tuple[str, ...]:
        return ("shape",)

    def parameter_prior(self, name: str, rows: Rows) -> Prior:
        # HalfNormal(1) on the coefficient of variation 1 / sqrt(shape): down to exact responses, and hardly
        # beyond three times the mean.
        return InverseGamma(0.5, 0.5)

    def distribution(self, known_se: bool, se_sigma: bool) -> str:
        return "Gamma(mean = exp(eta), shape)"

    def check(self, rows: Rows, name: str) -> None:
        refuse_all_but_positive(rows, name, "gamma")

    def scale(self, rows: Rows) -> tuple[float, float]:
        # One on the log scale: a factor of e between rows one standard deviation apart.
        return log_mean(rows), 1.0

    def no_pooling_sd(self, rows: Rows) -> float:
        return 2.5

    def log_density(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        # With r = log y - eta: a (r - exp(r)) + a log a - log Γ(a) - log y, both parts less their value a at
        # the mode, so that nothing cancels as the shape a grows.
        a, r = phi["shape"], _log_ratio(rows, eta)
        return rows.weight * (a * (r - jnp.expm1(jnp.minimum(r, LARGEST))) + log_gamma_at_mode(a))

    def log_constant(self, rows: Rows) -> np.ndarray:
        return -np.asarray(rows.weight) * np.log(rows.y)

    def score_curvature(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> tuple[Any, Any]:
        # Exact: log-concave in eta.
        a, r = phi["shape"], _log_ratio(rows, eta)
        score = rows.weight * a * jnp.expm1(jnp.minimum(r, LARGEST))
        return score, positive(rows.weight * a * exp(r))

    def start(self, rows: Rows) -> Any:
        return jnp.log(rows.y)

    def draw(self, rng: np.random.Generator, rows: Rows, eta: np.ndarray, phi: dict[str, Any]) -> np.ndarray:
        shape = np.broadcast_to(phi["shape"], np.shape(eta))
        # The smallest positive number in place of a zero by rounding.
        return np.maximum(rng.gamma(shape) / shape * exp(eta), np.finfo(float).tiny)

    def mean(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        return exp(eta)

    def residual_variance(self, rows: Rows, phi: dict[str, Any]) -> Any:
        # The variance of log y is trigamma(shape), whatever the mean (Nakagawa, Johnson and Schielzeth 2017,
        # J. Roy. Soc. Interface 14, 20170213).
        return polygamma(1, phi["shape"])


def _log_ratio(rows: Rows, eta: Any) -> Any:
    return jnp.log(rows.y) - eta
