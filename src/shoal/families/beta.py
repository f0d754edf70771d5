"""Proportions strictly between 0 and 1: ``y ~ Beta(mu phi, (1 - mu) phi)`` with ``mu = expit(eta)``.

Link: logit; eta is the log odds of the mean. Parameter: `phi` > 0, the precision, a pure number: the
variance is ``mu (1 - mu) / (1 + phi)``. Ferrari and Cribari-Neto (2004), J. Applied Statistics 31,
799-815.
"""

from __future__ import annotations

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import digamma, gammaln
from scipy.special import expit

from shoal.families.base import Family, Rows
from shoal.families.numerics import log_sigmoid, positive, special, trigamma_above_one
from shoal.families.support import refuse
from shoal.priors import InverseGamma, Prior


class Beta(Family):
    """Beta rows with mean ``expit(eta)``."""

    name: ClassVar[str] = "beta"
    links: ClassVar[tuple[str, ...]] = ("logit",)
    newton_steps: ClassVar[int] = 8

    def parameters(self, known_se: bool, se_sigma: bool) -> tuple[str, ...]:
        return ("phi",)

    def parameter_prior(self, name: str, rows: Rows) -> Prior:
        # HalfNormal(1/2) on 1 / sqrt(phi), about twice the sd of proportions around one half: phi below 1
        # (densities with two peaks) has 5%, and any precision above has its place.
        return InverseGamma(0.5, 2.0)

    def distribution(self, known_se: bool, se_sigma: bool) -> str:
        return "Beta(mean = expit(eta), precision phi)"

    def check(self, rows: Rows, name: str) -> None:
        needed = "A beta response is a proportion strictly between 0 and 1."
        outside = (rows.y < 0) | (rows.y > 1)
        remedy = "Divide percentages by 100; for successes of known trials use family='binomial'."
        refuse(rows, name, outside, "values outside 0 to 1", needed, remedy)
        refuse(
            rows,
            name,
            (rows.y == 0) | (rows.y == 1),
            "values of exactly 0 or 1",
            needed,
            "For successes of known trials use family='binomial'; if the ends come from rounding, move all "
            "values inwards, `(y * (n - 1) + 0.5) / n` with n rows (Smithson and Verkuilen 2006).",
        )

    def scale(self, rows: Rows) -> tuple[float, float]:
        # As for a binomial with logit link.
        return 0.0, 1.0

    def no_pooling_sd(self, rows: Rows) -> float:
        return 1.5

    def log_density(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        # -log Γ(a) = log a - log Γ(1 + a): finite for the smallest shapes, where log a is known from eta.
        precision = phi["phi"]
        a, b = precision * jax.nn.sigmoid(eta), precision * jax.nn.sigmoid(-eta)
        logs = 2 * jnp.log(precision) + log_sigmoid(eta) + log_sigmoid(-eta)
        constant = gammaln(precision) + logs - gammaln(1 + a) - gammaln(1 + b)
        return rows.weight * (constant + a * jnp.log(rows.y) + b * jnp.log1p(-rows.y))

    def log_constant(self, rows: Rows) -> np.ndarray:
        return -np.asarray(rows.weight) * (np.log(rows.y) + np.log1p(-rows.y))

    def score_curvature(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> tuple[Any, Any]:
        # Expected, as the density is not log-concave in eta (Ferrari and Cribari-Neto 2004, section 3), with
        # a ψ(a) = a ψ(1 + a) - 1 and a^2 ψ'(a) = a^2 ψ'(1 + a) + 1 for the smallest shapes.
        p, q = jax.nn.sigmoid(eta), jax.nn.sigmoid(-eta)
        a, b = phi["phi"] * p, phi["phi"] * q
        log_odds = jnp.log(rows.y) - jnp.log1p(-rows.y)
        score = a * q * log_odds - q * (a * digamma(1 + a) - 1) + p * (b * digamma(1 + b) - 1)
        left, right = a**2 * trigamma_above_one(1 + a) + 1, b**2 * trigamma_above_one(1 + b) + 1
        return rows.weight * score, positive(rows.weight * (q**2 * left + p**2 * right))

    def start(self, rows: Rows) -> Any:
        # A little inwards: the log odds of the smallest proportions are far below any plausible mean's.
        return jnp.log(rows.y + 0.005) - jnp.log(1.005 - rows.y)

    def draw(self, rng: np.random.Generator, rows: Rows, eta: np.ndarray, phi: dict[str, Any]) -> np.ndarray:
        # The nearest numbers inside in place of 0 and 1 by rounding; shapes above zero, as NumPy demands.
        tiny = np.finfo(float).tiny
        a, b = (np.maximum(phi["phi"] * expit(side), tiny) for side in (eta, -eta))
        return np.clip(rng.beta(a, b), tiny, np.nextafter(1.0, 0.0))

    def mean(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        return special(eta).expit(eta)

    def residual_variance(self, rows: Rows, phi: dict[str, Any]) -> Any:
        return None
