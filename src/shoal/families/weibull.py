"""Lifetimes and other positive responses: ``y ~ Weibull`` with mean ``exp(eta)``.

Link: log; eta is the log of the mean, in log units of the response. Parameter: `shape` > 0, a pure number:
the hazard of a lifetime is proportional to ``y^(shape - 1)``, and constant, y exponential, at shape 1. The
scale, below which y is with probability 1 - 1/e, is ``exp(eta) / Γ(1 + 1 / shape)``. Johnson, Kotz and
Balakrishnan (1994), Continuous Univariate Distributions 1, 2nd ed., chapter 21; the mean as parameter as in
brms (Bürkner 2017, J. Statistical Software 80, 1).
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
from scipy.special import gammainc, gammaincc, gammaln

from shoal.families.base import Family, Rows
from shoal.families.gamma_functions import log_gamma_above_one
from shoal.families.intervals import gumbel_interval
from shoal.families.numerics import exp
from shoal.families.row_functions import RowFunction, row_function
from shoal.families.special import above_zero, bounded_exp, log_or_least
from shoal.families.support import log_mean, refuse_all_but_positive
from shoal.priors import InverseGamma, Prior

EULER = 0.5772156649015329


@row_function
def weibull_rows(y, trials, weight, se, eta, phi, order, value, score, curvature, slope, information):
    """Rows by ``log a + z - exp(z)``, with ``z = a (log y - eta + log Γ(1 + 1 / a))`` and a the shape.

    exp(z) is a standard exponential variable. The curvature in eta is exact, that in the shape the expected
    one, ``(π^2 / 6 + (1 - γ - ψ)^2) / a^2`` with γ Euler's constant and ψ the digamma function at 1 + 1 / a.
    """
    several = phi.shape[1]
    each = y.shape[0] // several
    for j in range(several):
        a = phi[0, j]
        log_a = math.log(a)
        log_gamma, digamma = log_gamma_above_one(1 / a)
        away = 1 - EULER - digamma
        expected = (math.pi * math.pi / 6 + away * away) / (a * a)
        for i in range(j * each, (j + 1) * each):
            w, z = weight[i], a * (math.log(y[i]) - eta[0, i] + log_gamma)
            beyond = math.expm1(min(z, 650.0))  # its product with z is finite, too
            value[i] = w * (log_a + z - beyond)
            if order > 0:
                score[0, i] = w * a * beyond
                slope[0, j] += w * (1 - beyond * (z - digamma)) / a
            if order > 1:
                curvature[0, i] = above_zero(w * a * a * bounded_exp(z))
                information[0, j] += w * expected


@row_function
def weibull_intervals(y, trials, weight, se, eta, phi, order, value, score, curvature, slope, information):
    """``log P(trials < y' <= y)``: log-concave in eta, curvature exact; in the shape by the squared slope."""
    several = phi.shape[1]
    each = y.shape[0] // several
    for j in range(several):
        a = phi[0, j]
        log_gamma, digamma = log_gamma_above_one(1 / a)
        for i in range(j * each, (j + 1) * each):
            w, center = weight[i], eta[0, i] - log_gamma
            ends = a * (log_or_least(trials[i]) - center), a * (log_or_least(y[i]) - center)
            found, rise, bend, stretch = gumbel_interval(*ends) if w != 0 else (0.0, 0.0, 0.0, 0.0)
            value[i] = w * found
            if order > 0:
                per_weight = (stretch - digamma * rise) / a
                score[0, i] = -w * a * rise
                slope[0, j] += w * per_weight
                if order > 1:
                    curvature[0, i] = w * above_zero(a * a * bend)
                    information[0, j] += w * per_weight * per_weight


class Weibull(Family):
    """Weibull rows with mean ``exp(eta)``."""

    name: ClassVar[str] = "weibull"
    links: ClassVar[tuple[str, ...]] = ("log",)
    log_concave: ClassVar[bool] = True
    newton_steps: ClassVar[int] = 8
    row_functions: ClassVar[dict[str, RowFunction]] = {"log": weibull_rows}
    interval_functions: ClassVar[dict[str, RowFunction]] = {"log": weibull_intervals}

    def parameters(self, known_se: bool, se_sigma: bool) -> tuple[str, ...]:
        return ("shape",)

    def parameter_prior(self, name: str, rows: Rows) -> Prior:
        # Exponential(1) on 1 / shape, to which the sd of log y is proportional: from equal responses to those
        # that spread over many powers of ten.
        return InverseGamma(1.0, 1.0)

    def distribution(self, known_se: bool, se_sigma: bool) -> str:
        return "Weibull(mean = exp(eta), shape)"

    def check(self, rows: Rows, name: str) -> None:
        refuse_all_but_positive(rows, name, "weibull")

    def scale(self, rows: Rows) -> tuple[float, float]:
        # One on the log scale: a factor of e between rows one standard deviation apart.
        return log_mean(rows), 1.0

    def no_pooling_sd(self, rows: Rows) -> float:
        return 2.5

    def log_constant(self, rows: Rows) -> np.ndarray:
        return -np.asarray(rows.weight) * (np.log(rows.y) + 1)

    def start(self, rows: Rows) -> np.ndarray:
        return np.log(rows.y)

    def draw(self, rng: np.random.Generator, rows: Rows, eta: np.ndarray, phi: dict[str, Any]) -> np.ndarray:
        # On the log scale: where the shape is small, powers of exponential variables overflow.
        shape = phi["shape"]
        return exp(eta - gammaln(1 + 1 / shape) + np.log(rng.exponential(size=np.shape(eta))) / shape)

    def mean(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        return exp(eta)

    def mean_between(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        # (y / scale)^shape is exponential: the mean is an integral of a gamma density of shape 1 + 1 / shape.
        power = 1 / phi["shape"]
        scale = np.exp(eta - gammaln(1 + power))
        low, high = ((np.maximum(bound, 0) / scale) ** phi["shape"] for bound in rows.bounds)
        upper = low > 1 + power
        share = np.where(
            upper,
            gammaincc(1 + power, low) - gammaincc(1 + power, high),
            gammainc(1 + power, high) - gammainc(1 + power, low),
        )
        return exp(eta) * share / np.exp(self.log_probability(rows, eta, phi).value)

    def in_scipy(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        from scipy import stats

        return stats.weibull_min(phi["shape"], scale=exp(eta - gammaln(1 + 1 / phi["shape"])))

    def variance(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        power = 1 / phi["shape"]
        return exp(2 * eta) * np.expm1(gammaln(1 + 2 * power) - 2 * gammaln(1 + power))

    def residual_variance(self, rows: Rows, phi: dict[str, Any]) -> Any:
        # The variance of log y: minus its shape-fold is Gumbel.
        return math.pi**2 / (6 * phi["shape"] ** 2)
