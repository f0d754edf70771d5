"""Overdispersed counts: negative binomial, mean ``mu = exp(eta)`` and variance ``mu + mu^2 / shape``.

Link: log; eta is the log of the expected count. Parameter: `shape` > 0, a pure number: counts are Poisson
with means that vary by a gamma factor of coefficient of variation ``1 / sqrt(shape)``, and tend to
Poisson as it grows. Lawless (1987), Canadian J. Statistics 15, 209-225.
"""

from __future__ import annotations

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import gammaln

from shoal.families.base import Family, Rows
from shoal.families.numerics import exp, log_gamma_ratio, log_sigmoid, positive
from shoal.families.support import LARGEST_COUNT, log_mean, refuse_all_but_counts
from shoal.priors import Exponential, Prior


class NegBinomial(Family):
    """Negative binomial rows with mean ``exp(eta)``."""

    name: ClassVar[str] = "negbinomial"
    links: ClassVar[tuple[str, ...]] = ("log",)
    discrete: ClassVar[bool] = True
    newton_steps: ClassVar[int] = 8

    def parameters(self, known_se: bool, se_sigma: bool) -> tuple[str, ...]:
        return ("shape",)

    def parameter_prior(self, name: str, rows: Rows) -> Prior:
        # Mean 10, from strongly overdispersed (below 0.5: 5 %) to nearly Poisson. The likelihood of
        # Poisson-like counts tends to a constant as the shape grows: only a light tail leaves it a mean.
        return Exponential(0.1)

    def distribution(self, known_se: bool, se_sigma: bool) -> str:
        return "NegativeBinomial(mean = exp(eta), shape)"

    def check(self, rows: Rows, name: str) -> None:
        refuse_all_but_counts(rows, name)

    def scale(self, rows: Rows) -> tuple[float, float]:
        # One on the log scale, as for Poisson counts.
        return log_mean(rows), 1.0

    def no_pooling_sd(self, rows: Rows) -> float:
        return 2.5

    def log_density(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        # log Γ(y + a) / Γ(a) + y log(mu / (mu + a)) + a log(a / (mu + a)), with d = log(mu / a).
        a = phi["shape"]
        d = eta - jnp.log(a)
        return rows.weight * (log_gamma_ratio(rows.y, a) + rows.y * log_sigmoid(d) + a * log_sigmoid(-d))

    def log_constant(self, rows: Rows) -> np.ndarray:
        return -np.asarray(rows.weight) * gammaln(np.asarray(rows.y) + 1)

    def score_curvature(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> tuple[Any, Any]:
        # Exact: log-concave in eta.
        a = phi["shape"]
        d = eta - jnp.log(a)
        p, q = jax.nn.sigmoid(d), jax.nn.sigmoid(-d)
        return rows.weight * (rows.y * q - a * p), positive(rows.weight * (rows.y + a) * p * q)

    def start(self, rows: Rows) -> Any:
        return jnp.log(rows.y + 0.5)

    def draw(self, rng: np.random.Generator, rows: Rows, eta: np.ndarray, phi: dict[str, Any]) -> np.ndarray:
        shape = np.broadcast_to(phi["shape"], np.shape(eta))
        rate = rng.gamma(shape) / shape * exp(eta)
        return rng.poisson(np.minimum(rate, LARGEST_COUNT)).astype(float)

    def mean(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        return exp(eta)

    def residual_variance(self, rows: Rows, phi: dict[str, Any]) -> Any:
        return None

    def edges(self, rows: Rows) -> tuple[np.ndarray, np.ndarray]:
        return rows.y == 0, np.zeros(len(rows.y), bool)
