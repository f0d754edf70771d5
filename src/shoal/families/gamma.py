"""Positive responses with a constant coefficient of variation: ``y ~ Gamma`` with mean ``exp(eta)``.

Link: log; eta is the log of the mean, in log units of the response. Parameter: `shape` > 0, a pure
number: the variance is ``mean^2 / shape``, the coefficient of variation ``1 / sqrt(shape)``. McCullagh
and Nelder (1989), Generalized Linear Models, 2nd ed., chapter 8.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
from scipy.special import polygamma

from shoal.families.base import Family, Rows
from shoal.families.gamma_functions import log_gamma_at_mode, trigamma_excess
from shoal.families.incomplete import (
    ALWAYS,
    FARTHEST,
    NEVER,
    NODES,
    WEIGHTS,
    gamma_tails,
    is_sliver,
    of_ends,
)
from shoal.families.numerics import exp
from shoal.families.row_functions import RowFunction, row_function
from shoal.families.special import LARGEST, above_zero, bounded_exp
from shoal.families.support import log_mean, refuse_all_but_positive
from shoal.priors import InverseGamma, Prior
from shoal.priors.compiled import inner


@inner
def gamma_row(r: float, a: float, constants: tuple[float, float]) -> tuple[float, float, float]:
    """Return value, score and slope in the shape a of one row with ``r = log y - eta``.

    `constants` are those of `log_gamma_at_mode`.
    """
    beyond = math.expm1(min(r, LARGEST))
    level = r - beyond
    return a * level + constants[0], a * beyond, level + constants[1]


@row_function
def gamma_rows(y, trials, weight, se, eta, phi, order, value, score, curvature, slope, information):
    """Rows by ``a (r - exp(r) + 1)`` and ``a log a - a - log Γ(a)``, with ``r = log y - eta``.

    Nothing cancels as the shape grows: at r = 0 the first part is 0. The curvature in eta is exact, that in
    the shape the expected one, ``ψ'(a) - 1 / a``.
    """
    several = phi.shape[1]
    each = y.shape[0] // several
    for j in range(several):
        a = phi[0, j]
        constants = log_gamma_at_mode(a)
        expected = trigamma_excess(a) if order > 1 else 0.0
        for i in range(j * each, (j + 1) * each):
            w, r = weight[i], math.log(y[i]) - eta[0, i]
            log_density, rise, per_weight = gamma_row(r, a, constants)
            value[i] = w * log_density
            if order > 0:
                score[0, i] = w * rise
                slope[0, j] += w * per_weight
            if order > 1:
                curvature[0, i] = above_zero(w * a * bounded_exp(r))
                information[0, j] += w * expected


@inner
def gamma_end(y: float, eta: float, a: float) -> tuple[float, float, float, float, float, float, float]:
    """Return what `of_ends` needs to know of an end of an interval."""
    if y <= 0.0:
        return NEVER
    if y == math.inf:
        return ALWAYS
    r = math.log(y) - eta
    low, up, density, low_slope, up_slope = gamma_tails(a, r)
    of_low, of_up = math.exp(min(density - low, FARTHEST)), -math.exp(min(density - up, FARTHEST))
    turn = a * math.expm1(min(r, FARTHEST))
    return low, up, -of_low, -of_up, low_slope + of_low / a, up_slope + of_up / a, turn


@inner
def gamma_sliver(low: float, high: float, eta: float, a: float) -> tuple[float, float, float, float]:
    """Return what `of_ends` does, by quadrature of the density of log y."""
    constants = log_gamma_at_mode(a)
    first, half = math.log(low) - eta, 0.5 * (math.log(high) - math.log(low))
    middle = gamma_row(first + half, a, constants)[0]
    total, rises, squares, bends, slopes = 0.0, 0.0, 0.0, 0.0, 0.0
    for k in range(len(NODES)):
        r = first + half * (1.0 + NODES[k])
        log_density, rise, slope = gamma_row(r, a, constants)
        w = WEIGHTS[k] * math.exp(log_density - middle)
        total += w
        rises += w * rise
        squares += w * rise * rise
        bends += w * a * bounded_exp(r)
        slopes += w * slope
    rises /= total
    return middle + math.log(half * total), rises, (bends - squares) / total + rises * rises, slopes / total


@row_function
def gamma_intervals(y, trials, weight, se, eta, phi, order, value, score, curvature, slope, information):
    """``log P(trials < y' <= y)``: log-concave in eta, curvature exact; in the shape by the squared slope."""
    several = phi.shape[1]
    each = y.shape[0] // several
    for j in range(several):
        a = phi[0, j]
        for i in range(j * each, (j + 1) * each):
            w, low, high, e = weight[i], trials[i], y[i], eta[0, i]
            found = (0.0, 0.0, 0.0, 0.0)
            if w != 0:
                ends = gamma_end(low, e, a), gamma_end(high, e, a)
                if is_sliver(ends[0][0], ends[0][1], ends[1][0], ends[1][1]):
                    found = gamma_sliver(low, high, e, a)
                else:
                    found = of_ends(ends[0], ends[1])
            value[i] = w * found[0]
            if order > 0:
                score[0, i] = w * found[1]
                slope[0, j] += w * found[3]
            if order > 1:
                curvature[0, i] = w * above_zero(found[2])
                information[0, j] += w * found[3] * found[3]


class Gamma(Family):
    """Gamma rows with mean ``exp(eta)``."""

    name: ClassVar[str] = "gamma"
    links: ClassVar[tuple[str, ...]] = ("log",)
    log_concave: ClassVar[bool] = True
    newton_steps: ClassVar[int] = 8
    row_functions: ClassVar[dict[str, RowFunction]] = {"log": gamma_rows}
    interval_functions: ClassVar[dict[str, RowFunction]] = {"log": gamma_intervals}

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

    def log_constant(self, rows: Rows) -> np.ndarray:
        return -np.asarray(rows.weight) * np.log(rows.y)

    def start(self, rows: Rows) -> np.ndarray:
        return np.log(rows.y)

    def draw(self, rng: np.random.Generator, rows: Rows, eta: np.ndarray, phi: dict[str, Any]) -> np.ndarray:
        shape = np.broadcast_to(phi["shape"], np.shape(eta))
        # The smallest positive number in place of a zero by rounding.
        return np.maximum(rng.gamma(shape) / shape * exp(eta), np.finfo(float).tiny)

    def mean(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        return exp(eta)

    def mean_between(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        return exp(eta) * (1 + self.log_probability(rows, eta, phi, 1).score / phi["shape"])

    def in_scipy(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        from scipy import stats

        return stats.gamma(phi["shape"], scale=exp(eta) / phi["shape"])

    def variance(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        return exp(2 * eta) / phi["shape"]

    def residual_variance(self, rows: Rows, phi: dict[str, Any]) -> Any:
        # The variance of log y is trigamma(shape), whatever the mean (Nakagawa, Johnson and Schielzeth 2017,
        # J. Roy. Soc. Interface 14, 20170213).
        return polygamma(1, phi["shape"])
