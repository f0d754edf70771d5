"""Waiting times without memory: ``y ~ Exponential`` with mean ``exp(eta)``.

Link: log; eta is the log of the mean, in log units of the response. No parameters of its own. The log
density is ``-eta - y exp(-eta)``, so rows that share every predictor are merged: ``-(sum of w) eta - (sum
of w y) exp(-eta)``, the first sum kept as `trials`. McCullagh and Nelder (1989), Generalized Linear
Models, 2nd ed., section 8.3.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from shoal.families.base import Family, Rows
from shoal.families.intervals import gumbel_interval
from shoal.families.numerics import exp
from shoal.families.row_functions import RowFunction, row_function
from shoal.families.special import LARGEST, above_zero, bounded_exp, log_or_least
from shoal.families.support import log_mean, refuse_all_but_positive

LARGEST_RATIO = math.exp(LARGEST)


@row_function
def exponential_rows(y, trials, weight, se, eta, phi, order, value, score, curvature, slope, information):
    """Rows of log density ``-trials eta - y exp(-eta)``: log-concave, with exact curvature."""
    for i in range(y.shape[0]):
        w = weight[i]
        ratio = min(y[i] * bounded_exp(-eta[0, i]), LARGEST_RATIO)
        value[i] = -w * (trials[i] * eta[0, i] + ratio)
        if order > 0:
            score[0, i] = w * (ratio - trials[i])
        if order > 1:
            curvature[0, i] = above_zero(w * ratio)


@row_function
def exponential_intervals(
    y, trials, weight, se, eta, phi, order, value, score, curvature, slope, information
):
    """``log P(trials < y' <= y)``: log-concave in eta, with exact curvature."""
    for i in range(y.shape[0]):
        w = weight[i]
        ends = log_or_least(trials[i]) - eta[0, i], log_or_least(y[i]) - eta[0, i]
        found, rise, bend, _ = gumbel_interval(*ends) if w != 0 else (0.0, 0.0, 0.0, 0.0)
        value[i] = w * found
        if order > 0:
            score[0, i] = -w * rise
        if order > 1:
            curvature[0, i] = w * above_zero(bend)


class Exponential(Family):
    """Exponential rows with mean ``exp(eta)``."""

    name: ClassVar[str] = "exponential"
    links: ClassVar[tuple[str, ...]] = ("log",)
    log_concave: ClassVar[bool] = True
    newton_steps: ClassVar[int] = 8
    row_functions: ClassVar[dict[str, RowFunction]] = {"log": exponential_rows}
    interval_functions: ClassVar[dict[str, RowFunction]] = {"log": exponential_intervals}

    def distribution(self, known_se: bool, se_sigma: bool) -> str:
        return "Exponential(mean = exp(eta))"

    def check(self, rows: Rows, name: str) -> None:
        refuse_all_but_positive(rows, name, "exponential")

    def scale(self, rows: Rows) -> tuple[float, float]:
        # One on the log scale: a factor of e between rows one standard deviation apart.
        return log_mean(rows), 1.0

    def no_pooling_sd(self, rows: Rows) -> float:
        return 2.5

    def start(self, rows: Rows) -> np.ndarray:
        there = rows.trials > 0
        return np.log(np.where(there, rows.y, 1.0)) - np.log(np.where(there, rows.trials, 1.0))

    def draw(self, rng: np.random.Generator, rows: Rows, eta: np.ndarray, phi: dict[str, Any]) -> np.ndarray:
        # The smallest positive number in place of a zero by rounding.
        return np.maximum(rng.exponential(exp(eta)), np.finfo(float).tiny)

    def mean(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        return exp(eta)

    def mean_between(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        return exp(eta) * (1 + self.log_probability(rows, eta, phi, 1).score)

    def in_scipy(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        from scipy import stats

        return stats.expon(scale=exp(eta))

    def variance(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        return exp(2 * eta)

    def residual_variance(self, rows: Rows, phi: dict[str, Any]) -> Any:
        # The variance of log y: minus log y is Gumbel.
        return math.pi**2 / 6

    def merge(self, rows: Rows, index: np.ndarray, size: int) -> Rows | None:
        total = np.bincount(index, weights=rows.weight * rows.y, minlength=size)
        trials = np.bincount(index, weights=rows.weight * rows.trials, minlength=size)
        return Rows(total, trials, np.ones(size), np.zeros(size))
