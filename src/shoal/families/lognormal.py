"""Positive responses whose logarithm is normal: ``log y ~ Normal(eta, sigma)``.

Link: identity, on log y. Parameter: `sigma`, the standard deviation of log y; eta and sigma are in log
units, so that 0.1 is about ten percent. The mean of y is ``exp(eta + sigma^2 / 2)``, its median
``exp(eta)``. Johnson, Kotz and Balakrishnan (1994), Continuous Univariate Distributions 1, 2nd ed.,
chapter 14.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from shoal.families.base import Family, Rows
from shoal.families.intervals import normal_interval
from shoal.families.numerics import exp
from shoal.families.row_functions import RowFunction, row_function
from shoal.families.special import above_zero, log_or_least
from shoal.families.support import moments, refuse_all_but_positive, refuse_constant
from shoal.priors import Exponential, Prior
from shoal.priors.compiled import inner


@inner
def lognormal_row(r: float, sigma: float, log_sigma: float) -> tuple[float, float, float]:
    """Return value, score and slope in sigma of one row with ``r = log y - eta``."""
    z = r / sigma
    return -0.5 * z * z - log_sigma, z / sigma, (z * z - 1) / sigma


@row_function
def lognormal_rows(y, trials, weight, se, eta, phi, order, value, score, curvature, slope, information):
    """Rows whose logarithm is normal; the curvature in sigma is the expected one."""
    several = phi.shape[1]
    each = y.shape[0] // several
    for j in range(several):
        sigma = phi[0, j]
        precision, log_sigma = 1 / (sigma * sigma), math.log(sigma)
        for i in range(j * each, (j + 1) * each):
            w = weight[i]
            log_density, rise, per_weight = lognormal_row(math.log(y[i]) - eta[0, i], sigma, log_sigma)
            value[i] = w * log_density
            if order > 0:
                score[0, i] = w * rise
                slope[0, j] += w * per_weight
            if order > 1:
                curvature[0, i] = w * precision
                information[0, j] += 2 * w * precision


@row_function
def lognormal_intervals(y, trials, weight, se, eta, phi, order, value, score, curvature, slope, information):
    """``log P(trials < y' <= y)``: log-concave in eta, curvature exact; in sigma it is the squared slope."""
    several = phi.shape[1]
    each = y.shape[0] // several
    for j in range(several):
        sigma = phi[0, j]
        for i in range(j * each, (j + 1) * each):
            w = weight[i]
            ends = (log_or_least(trials[i]) - eta[0, i]) / sigma, (log_or_least(y[i]) - eta[0, i]) / sigma
            found, rise, bend, stretch = normal_interval(*ends) if w != 0 else (0.0, 0.0, 0.0, 0.0)
            value[i] = w * found
            if order > 0:
                score[0, i] = -w * rise / sigma
                slope[0, j] -= w * stretch / sigma
            if order > 1:
                curvature[0, i] = w * above_zero(bend / (sigma * sigma))
                information[0, j] += w * (stretch / sigma) ** 2


class LogNormal(Family):
    """Lognormal rows with median ``exp(eta)``."""

    name: ClassVar[str] = "lognormal"
    wider: ClassVar[str] = (
        "family='student' for the logarithm lets single rows lie far out; "
        "predictors={'sigma': '~ 1 + (1 | g)'} gives each level of g a sigma."
    )
    links: ClassVar[tuple[str, ...]] = ("identity",)
    log_concave: ClassVar[bool] = True
    newton_steps: ClassVar[int] = 1
    linear_gaussian: ClassVar[bool] = True
    row_functions: ClassVar[dict[str, RowFunction]] = {"identity": lognormal_rows}
    interval_functions: ClassVar[dict[str, RowFunction]] = {"identity": lognormal_intervals}

    def parameters(self, known_se: bool, se_sigma: bool) -> tuple[str, ...]:
        return ("sigma",)

    def parameter_prior(self, name: str, rows: Rows) -> Prior:
        return Exponential(1 / self.scale(rows)[1])

    def distribution(self, known_se: bool, se_sigma: bool) -> str:
        return "LogNormal(eta, sigma)"

    def check(self, rows: Rows, name: str) -> None:
        refuse_all_but_positive(rows, name, "lognormal")
        refuse_constant(rows, name, "lognormal")

    def scale(self, rows: Rows) -> tuple[float, float]:
        center, spread = moments(np.log(rows.y), rows.weight)
        return center, spread or 1.0

    def no_pooling_sd(self, rows: Rows) -> float:
        return 10.0 * self.scale(rows)[1]

    def log_constant(self, rows: Rows) -> np.ndarray:
        return -np.asarray(rows.weight) * (0.5 * math.log(2 * math.pi) + np.log(rows.y))

    def normal_response(self, rows: Rows) -> np.ndarray:
        return np.log(rows.y)

    def start(self, rows: Rows) -> np.ndarray:
        return np.log(rows.y)

    def draw(self, rng: np.random.Generator, rows: Rows, eta: np.ndarray, phi: dict[str, Any]) -> np.ndarray:
        return exp(rng.normal(eta, phi["sigma"]))

    def mean(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        return exp(eta + 0.5 * phi["sigma"] ** 2)

    def mean_between(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        # In proportion to its size, log y has its mean at eta + sigma^2.
        variance = phi["sigma"] ** 2
        beyond = self.log_probability(rows, eta + variance, phi).value
        return exp(eta + 0.5 * variance + beyond - self.log_probability(rows, eta, phi).value)

    def in_scipy(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        from scipy import stats

        return stats.lognorm(phi["sigma"], scale=exp(eta))

    def variance(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        variance = np.square(phi["sigma"])
        return exp(2 * eta + variance) * np.expm1(variance)

    def residual_variance(self, rows: Rows, phi: dict[str, Any]) -> Any:
        return phi["sigma"] ** 2
