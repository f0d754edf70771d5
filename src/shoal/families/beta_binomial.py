"""Overdispersed successes out of known trials: binomial, with a probability that varies as a beta variable.

``y ~ BetaBinomial(n, mu phi, (1 - mu) phi)`` with ``mu = expit(eta)``. Link: logit; eta is the log odds of
the mean. Parameter: `phi` > 0, the precision: the variance is ``n mu (1 - mu) (n + phi) / (1 + phi)``, that
of a binomial as phi grows. Crowder (1978), Applied Statistics 27, 34-37.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from scipy.special import expit, logit

from shoal.families.base import Family, Rows
from shoal.families.binomial import Binomial
from shoal.families.gamma_functions import log_gamma_ratio
from shoal.families.row_functions import RowFunction, row_function
from shoal.families.special import above_zero, logistic
from shoal.priors import InverseGamma, Prior


@row_function
def beta_binomial_rows(y, trials, weight, se, eta, phi, order, value, score, curvature, slope, information):
    """Rows by ``log Γ(y + a) / Γ(a) + log Γ(n - y + b) / Γ(b) - log Γ(n + phi) / Γ(phi)``.

    The curvature in eta is that of the quasi-likelihood, ``(d mean / d eta)^2 / variance``: at most the
    expected one, and equal to it for one trial and as phi grows (McCullagh and Nelder 1989, chapter 9).
    """
    several = phi.shape[1]
    each = y.shape[0] // several
    for j in range(several):
        precision = phi[0, j]
        for i in range(j * each, (j + 1) * each):
            w, n = weight[i], trials[i]
            p, q, _ = logistic(eta[0, i])
            a, b = max(precision * p, 1e-300), max(precision * q, 1e-300)
            up, up_slope = log_gamma_ratio(y[i], a)
            down, down_slope = log_gamma_ratio(n - y[i], b)
            total, total_slope = log_gamma_ratio(n, precision)
            value[i] = w * (up + down - total)
            if order > 0:
                at_a, at_b = a * up_slope, b * down_slope
                score[0, i] = w * (q * at_a - p * at_b)
                per_weight = (at_a + at_b) / precision - total_slope
                slope[0, j] += w * per_weight
                if order > 1:
                    curvature[0, i] = above_zero(w * n * p * q * (1 + precision) / (n + precision))
                    information[0, j] += w * per_weight * per_weight


class BetaBinomial(Family):
    """Beta-binomial rows with mean ``trials expit(eta)``."""

    name: ClassVar[str] = "beta_binomial"
    links: ClassVar[tuple[str, ...]] = ("logit",)
    discrete: ClassVar[bool] = True
    takes: ClassVar[frozenset[str]] = frozenset({"trials"})
    requires: ClassVar[frozenset[str]] = frozenset({"trials"})
    newton_steps: ClassVar[int] = 8
    row_functions: ClassVar[dict[str, RowFunction]] = {"logit": beta_binomial_rows}

    def parameters(self, known_se: bool, se_sigma: bool) -> tuple[str, ...]:
        return ("phi",)

    def parameter_prior(self, name: str, rows: Rows) -> Prior:
        return InverseGamma(0.5, 2.0)  # as that of beta rows

    def distribution(self, known_se: bool, se_sigma: bool) -> str:
        return "BetaBinomial(trials, mean = expit(eta), precision phi)"

    def check(self, rows: Rows, name: str) -> None:
        Binomial().check(rows, name)

    def scale(self, rows: Rows) -> tuple[float, float]:
        return Binomial().scale(rows)

    def no_pooling_sd(self, rows: Rows) -> float:
        return 1.5

    def log_constant(self, rows: Rows) -> np.ndarray:
        return Binomial().log_constant(rows)

    def start(self, rows: Rows) -> np.ndarray:
        return logit((rows.y + 0.5) / (rows.trials + 1))

    def draw(self, rng: np.random.Generator, rows: Rows, eta: np.ndarray, phi: dict[str, Any]) -> np.ndarray:
        # Shapes above zero, as NumPy demands.
        a, b = (np.maximum(phi["phi"] * expit(side), np.finfo(float).tiny) for side in (eta, -eta))
        return rng.binomial(np.asarray(rows.trials).astype(int), rng.beta(a, b)).astype(float)

    def mean(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        return rows.trials * expit(eta)

    def variance(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        n, precision = rows.trials, phi["phi"]
        return n * expit(eta) * expit(-eta) * (precision + n) / (precision + 1)

    def residual_variance(self, rows: Rows, phi: dict[str, Any]) -> Any:
        return None

    def edges(self, rows: Rows) -> tuple[np.ndarray, np.ndarray]:
        return rows.y == 0, rows.y == rows.trials
