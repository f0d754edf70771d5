"""Positive responses with a long right tail, as first passage times: inverse Gaussian, mean ``exp(eta)``.

Link: log; eta is the log of the mean, in log units of the response. Parameter: `shape` > 0, in the
response's units: the variance is ``mean^3 / shape``. Folks and Chhikara (1978), J. Roy. Statist. Soc. B 40,
263-289. The canonical link, ``1 / mean^2``, is left out: linear predictors with effects of levels may be
negative, where there is no mean.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from shoal.families.base import Family, Rows
from shoal.families.numerics import exp
from shoal.families.row_functions import RowFunction, row_function
from shoal.families.special import above_zero, bounded_exp
from shoal.families.support import log_mean, refuse_all_but_positive
from shoal.priors import InverseGamma, Prior


@row_function
def inverse_gaussian_rows(
    y, trials, weight, se, eta, phi, order, value, score, curvature, slope, information
):
    """Rows by ``(log a - a q) / 2`` with ``q = (y / mean - 1)^2 / y`` and a the shape.

    The density is not log-concave in eta; both curvatures are expected: ``a / mean`` and ``1 / (2 a^2)``.
    """
    several = phi.shape[1]
    each = y.shape[0] // several
    for j in range(several):
        a = phi[0, j]
        log_a = math.log(a)
        for i in range(j * each, (j + 1) * each):
            w, r = weight[i], min(math.log(y[i]) - eta[0, i], 300.0)
            beyond = math.expm1(r)
            square = beyond / y[i] * beyond
            value[i] = 0.5 * w * (log_a - a * square)
            if order > 0:
                score[0, i] = w * a * (square + beyond / y[i])
                slope[0, j] += 0.5 * w * (1 / a - square)
            if order > 1:
                curvature[0, i] = above_zero(w * a * bounded_exp(-eta[0, i]))
                information[0, j] += 0.5 * w / (a * a)


class InverseGaussian(Family):
    """Inverse Gaussian rows with mean ``exp(eta)``."""

    name: ClassVar[str] = "inverse_gaussian"
    links: ClassVar[tuple[str, ...]] = ("log",)
    newton_steps: ClassVar[int] = 8
    row_functions: ClassVar[dict[str, RowFunction]] = {"log": inverse_gaussian_rows}

    def parameters(self, known_se: bool, se_sigma: bool) -> tuple[str, ...]:
        return ("shape",)

    def parameter_prior(self, name: str, rows: Rows) -> Prior:
        # HalfNormal(1) on the coefficient of variation of a row with the mean of all, sqrt(mean / shape), as
        # for gamma rows.
        return InverseGamma(0.5, 0.5 * math.exp(log_mean(rows)))

    def distribution(self, known_se: bool, se_sigma: bool) -> str:
        return "InverseGaussian(mean = exp(eta), shape)"

    def check(self, rows: Rows, name: str) -> None:
        refuse_all_but_positive(rows, name, "inverse_gaussian")

    def scale(self, rows: Rows) -> tuple[float, float]:
        # One on the log scale: a factor of e between rows one standard deviation apart.
        return log_mean(rows), 1.0

    def no_pooling_sd(self, rows: Rows) -> float:
        return 2.5

    def log_constant(self, rows: Rows) -> np.ndarray:
        return -np.asarray(rows.weight) * (0.5 * math.log(2 * math.pi) + 1.5 * np.log(rows.y))

    def start(self, rows: Rows) -> np.ndarray:
        return np.log(rows.y)

    def draw(self, rng: np.random.Generator, rows: Rows, eta: np.ndarray, phi: dict[str, Any]) -> np.ndarray:
        # Michael, Schucany and Haas (1976), American Statistician 30, 88-90: y / mean is x or 1 / x, the
        # roots of a quadratic equation; here the smaller one without a difference.
        mean = exp(eta)
        t = 0.5 * np.square(rng.normal(size=np.shape(eta))) * mean / phi["shape"]
        x = 1 / (1 + t + np.sqrt(t) * np.sqrt(2 + t))
        small = rng.random(np.shape(eta)) * (1 + x) < 1
        return np.clip(mean * np.where(small, x, 1 / x), np.finfo(float).tiny, np.finfo(float).max)

    def mean(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        return exp(eta)

    def variance(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        return exp(3 * eta) / phi["shape"]

    def residual_variance(self, rows: Rows, phi: dict[str, Any]) -> Any:
        return None
