"""Normal responses, identity link; with known standard errors if the formula says ``y | se(s)``.

Row i has variance ``se_i ** 2 + sigma ** 2`` (either may be absent); eta and `sigma` are in the
response's units. Gelman et al., Bayesian Data Analysis, 3rd ed., sections 5.4 (known variances) and 14.2.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from shoal.families.base import Family, Rows
from shoal.families.intervals import normal_interval
from shoal.families.row_functions import RowFunction, row_function
from shoal.families.special import above_zero
from shoal.families.support import moments, of_estimates, refuse_constant
from shoal.priors import Exponential, Prior


@row_function
def gaussian_rows(y, trials, weight, se, eta, phi, order, value, score, curvature, slope, information):
    """Rows of variance ``v = se^2 + sigma^2``; without a sigma it is the known variance."""
    several = phi.shape[1]
    each = y.shape[0] // several
    for j in range(several):
        sigma = phi[0, j] if phi.shape[0] else 0.0
        variance = sigma * sigma
        common, log_common = 1 / variance, math.log(variance)
        for i in range(j * each, (j + 1) * each):
            precision, log_v = common, log_common
            if se[i] > 0:
                v = variance + se[i] * se[i]
                precision, log_v = 1 / v, math.log(v)
            w, r = weight[i], y[i] - eta[0, i]
            square = r * r * precision
            value[i] = -0.5 * w * (square + log_v)
            if order > 0:
                score[0, i] = w * r * precision
                if phi.shape[0]:
                    slope[0, j] += w * (square - 1) * sigma * precision
            if order > 1:
                curvature[0, i] = w * precision  # exact: the log density is quadratic
                if phi.shape[0]:
                    information[0, j] += 2 * w * variance * precision * precision  # expected


@row_function
def gaussian_intervals(y, trials, weight, se, eta, phi, order, value, score, curvature, slope, information):
    """``log P(trials < y' <= y)``: log-concave in eta, curvature exact; in sigma it is the squared slope."""
    several = phi.shape[1]
    each = y.shape[0] // several
    for j in range(several):
        sigma = phi[0, j] if phi.shape[0] else 0.0
        for i in range(j * each, (j + 1) * each):
            w, sd = weight[i], math.hypot(sigma, se[i])
            ends = (trials[i] - eta[0, i]) / sd, (y[i] - eta[0, i]) / sd
            found, rise, bend, stretch = normal_interval(*ends) if w != 0 else (0.0, 0.0, 0.0, 0.0)
            value[i] = w * found
            if order > 0:
                score[0, i] = -w * rise / sd
                if phi.shape[0]:
                    per_weight = -stretch * sigma / (sd * sd)
                    slope[0, j] += w * per_weight
                    if order > 1:
                        information[0, j] += w * per_weight * per_weight
            if order > 1:
                curvature[0, i] = w * above_zero(bend / (sd * sd))


class Gaussian(Family):
    """Normal rows with mean eta."""

    name: ClassVar[str] = "gaussian"
    wider: ClassVar[str] = (
        "family='student' lets single rows lie far out; predictors={'sigma': '~ 1 + (1 | g)'} gives each "
        "level of g a sigma."
    )
    links: ClassVar[tuple[str, ...]] = ("identity",)
    log_concave: ClassVar[bool] = True
    takes: ClassVar[frozenset[str]] = frozenset({"se"})
    newton_steps: ClassVar[int] = 1
    linear_gaussian: ClassVar[bool] = True
    row_functions: ClassVar[dict[str, RowFunction]] = {"identity": gaussian_rows}
    interval_functions: ClassVar[dict[str, RowFunction]] = {"identity": gaussian_intervals}

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
        if rows.se.any():
            return of_estimates(rows)
        center, spread = moments(rows.y, rows.weight)
        return center, spread or 1.0

    def no_pooling_sd(self, rows: Rows) -> float:
        return 10.0 * self.scale(rows)[1]

    def _variance(self, rows: Rows, phi: dict[str, Any]) -> Any:
        return rows.se**2 + phi.get("sigma", 0.0) ** 2

    def log_constant(self, rows: Rows) -> np.ndarray:
        return -0.5 * math.log(2 * math.pi) * np.asarray(rows.weight)

    def start(self, rows: Rows) -> np.ndarray:
        return np.asarray(rows.y, float)

    def draw(self, rng: np.random.Generator, rows: Rows, eta: np.ndarray, phi: dict[str, Any]) -> np.ndarray:
        return rng.normal(eta, np.sqrt(self._variance(rows, phi)))

    def mean(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        return eta

    def variance(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        return self._variance(rows, phi) + np.zeros_like(eta)

    def residual_variance(self, rows: Rows, phi: dict[str, Any]) -> Any:
        return float(np.mean(np.square(rows.se))) + phi.get("sigma", 0.0) ** 2

    def in_scipy(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        from scipy import stats

        return stats.norm(eta, np.sqrt(self._variance(rows, phi)))

    def mean_between(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        return eta + self._variance(rows, phi) * self.log_probability(rows, eta, phi, 1).score
