"""Student-t responses, identity link: ``y = eta + sigma * t`` with t of `nu` degrees of freedom.

Parameters: `sigma`, the scale (not the standard deviation), in the response's units, and `nu`. Extreme
responses count less, and nothing is to be thrown away. Lange, Little and Taylor (1989), J. Amer. Statist.
Assoc. 84, 881-896.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from shoal.families.base import Family, Rows
from shoal.families.gamma_functions import log_gamma_ratio, trigamma_excess
from shoal.families.incomplete import (
    ALWAYS,
    FARTHEST,
    NEVER,
    NODES,
    WEIGHTS,
    change,
    is_sliver,
    of_ends,
)
from shoal.families.incomplete_beta import beta_tails
from shoal.families.intervals import LOG_2
from shoal.families.multi_student import multi_student_rows
from shoal.families.row_functions import RowFunction, row_function
from shoal.families.special import above_zero, log1p_fast
from shoal.families.support import refuse_constant, robust_moments
from shoal.priors import Exponential, Gamma, Prior
from shoal.priors.compiled import inner


@row_function
def student_rows(y, trials, weight, se, eta, phi, order, value, score, curvature, slope, information):
    """Rows with ``z = (y - eta) / sigma``; curvatures are expected (Lange and others 1989, appendix B)."""
    several = phi.shape[1]
    each = y.shape[0] // several
    for j in range(several):
        sigma, nu = phi[0, j], phi[1, j]
        constant, constant_slope = log_gamma_ratio(0.5, nu / 2)
        constant -= 0.5 * math.log(nu) + math.log(sigma)
        constant_slope = 0.5 * (constant_slope - 1 / nu)
        precision = 1 / ((nu + 3) * sigma * sigma)
        of_nu = tail_information(nu) if order > 1 else 0.0
        for i in range(j * each, (j + 1) * each):
            w, z = weight[i], (y[i] - eta[0, i]) / sigma
            square = z * z
            spread = log1p_fast(square / nu)
            value[i] = w * (constant - 0.5 * (nu + 1) * spread)
            if order > 0:
                pull = (nu + 1) / (nu + square)
                score[0, i] = w * pull * z / sigma
                slope[0, j] += w * (pull * square - 1) / sigma
                slope[1, j] += w * (constant_slope + 0.5 * (pull * square / nu - spread))
            if order > 1:
                curvature[0, i] = w * (nu + 1) * precision
                information[0, j] += 2 * w * nu * precision
                information[1, j] += w * of_nu


@inner
def student_end(z: float, nu: float) -> tuple[float, float, float, float, float, float, float]:
    """Return what `of_ends` needs of an end z, its derivatives those in z and in nu."""
    if z == -math.inf:
        return NEVER
    if z == math.inf:
        return ALWAYS
    square = max(z * z, 1e-300)
    spread = log1p_fast(square / nu)
    tails = beta_tails(0.5 * nu, 0.5, -spread, math.log(square / nu) - spread)
    # Of x = nu / (nu + z^2), whose log odds have the derivative 1 / nu in nu and -2 / z in z.
    near, per_nu = tails[0] - LOG_2, 0.5 * tails[3] + math.exp(min(tails[2] - tails[0], FARTHEST)) / nu
    per_z = 2.0 * math.exp(min(tails[2] - tails[0], FARTHEST) - 0.5 * math.log(square))
    far = log1p_fast(-math.exp(near))
    share = -math.exp(near - far)
    turn = -(nu + 1.0) * z / (nu + square)
    if z < 0.0:
        return near, far, per_z, share * per_z, per_nu, share * per_nu, turn
    return far, near, -share * per_z, -per_z, share * per_nu, per_nu, turn


@inner
def student_sliver(a: float, b: float, nu: float) -> tuple[float, float, float, float, float]:
    """Return what `student_interval` does, by quadrature of the density."""
    constant, constant_slope = log_gamma_ratio(0.5, nu / 2)
    constant -= 0.5 * math.log(math.pi * nu)
    half, middle = 0.5 * (b - a), 0.5 * (a + b)
    least = 0.5 * (nu + 1) * log1p_fast(middle * middle / nu)
    total, rises, stretches, slopes = 0.0, 0.0, 0.0, 0.0
    for k in range(len(NODES)):
        z = middle + half * NODES[k]
        spread = log1p_fast(z * z / nu)
        pull = (nu + 1) / (nu + z * z)
        w = WEIGHTS[k] * math.exp(least - 0.5 * (nu + 1) * spread)
        total += w
        rises -= w * pull * z
        stretches += w * (1.0 - pull * z * z)
        slopes += w * 0.5 * (constant_slope - 1 / nu + pull * z * z / nu - spread)
    rises /= total
    value = constant - least + math.log(half * total)
    return value, rises, rises * rises, stretches / total, slopes / total


@inner
def student_interval(a: float, b: float, nu: float) -> tuple[float, float, float, float, float]:
    """Return ``log P(a < t <= b)``, its derivative as both ends move, a curvature, and two derivatives more.

    These are as both ends are stretched, and in nu. The curvature is the squared derivative where minus the
    second one is less: far out the tails are not log-concave.
    """
    first, last = student_end(a, nu), student_end(b, nu)
    if is_sliver(first[0], first[1], last[0], last[1]):
        return student_sliver(a, b, nu)
    value, rise, bend, slope = of_ends(first, last)
    stretch = 0.0
    if b < math.inf:
        stretch += b * change(last[0], last[1], last[2], last[3], value)
    if a > -math.inf:
        stretch -= a * change(first[0], first[1], first[2], first[3], value)
    return value, rise, max(bend, rise * rise), stretch, slope


@row_function
def student_intervals(y, trials, weight, se, eta, phi, order, value, score, curvature, slope, information):
    """``log P(trials < y' <= y)``; curvatures in the parameters are squared derivatives."""
    several = phi.shape[1]
    each = y.shape[0] // several
    for j in range(several):
        sigma, nu = phi[0, j], phi[1, j]
        for i in range(j * each, (j + 1) * each):
            w, found = weight[i], (0.0, 0.0, 0.0, 0.0, 0.0)
            if w != 0:
                found = student_interval((trials[i] - eta[0, i]) / sigma, (y[i] - eta[0, i]) / sigma, nu)
            value[i] = w * found[0]
            if order > 0:
                score[0, i] = -w * found[1] / sigma
                slope[0, j] -= w * found[3] / sigma
                slope[1, j] += w * found[4]
            if order > 1:
                curvature[0, i] = w * above_zero(found[2] / (sigma * sigma))
                information[0, j] += w * (found[3] / sigma) ** 2
                information[1, j] += w * found[4] * found[4]


@inner
def tail_information(nu: float) -> float:
    """Return the expected curvature in nu, by its series in 1 / nu where the difference would cancel."""
    if nu > 300.0:
        i = 1 / nu
        return (3.5 - i * (13 - i * (39.5 - i * 119))) * i * i * i * i
    trigammas = trigamma_excess(nu / 2) - trigamma_excess((nu + 1) / 2) + 2 / (nu * (nu + 1))
    return 0.25 * trigammas - (nu + 5) / (2 * nu * (nu + 1) * (nu + 3))


class Student(Family):
    """Student-t rows with location eta."""

    name: ClassVar[str] = "student"
    links: ClassVar[tuple[str, ...]] = ("identity",)
    newton_steps: ClassVar[int] = 8
    row_functions: ClassVar[dict[str, RowFunction]] = {"identity": student_rows}
    interval_functions: ClassVar[dict[str, RowFunction]] = {"identity": student_intervals}
    joint_rows: ClassVar[RowFunction | None] = multi_student_rows
    of_row: ClassVar[tuple[str, ...]] = ("nu",)

    def parameters(self, known_se: bool, se_sigma: bool) -> tuple[str, ...]:
        return "sigma", "nu"

    def parameter_prior(self, name: str, rows: Rows) -> Prior:
        # Juarez and Steel (2010), J. Business Econ. Statist. 28, 52-66: from near Cauchy to near normal.
        return Gamma(2.0, 0.1) if name == "nu" else Exponential(1 / self.scale(rows)[1])

    def distribution(self, known_se: bool, se_sigma: bool) -> str:
        return "StudentT(nu, eta, sigma)"

    def check(self, rows: Rows, name: str) -> None:
        refuse_constant(rows, name, "student")

    def scale(self, rows: Rows) -> tuple[float, float]:
        return robust_moments(rows.y, rows.weight)

    def no_pooling_sd(self, rows: Rows) -> float:
        return 10.0 * self.scale(rows)[1]

    def log_constant(self, rows: Rows) -> np.ndarray:
        return -0.5 * math.log(math.pi) * np.asarray(rows.weight)

    def start(self, rows: Rows) -> np.ndarray:
        return np.asarray(rows.y, float)

    def draw(self, rng: np.random.Generator, rows: Rows, eta: np.ndarray, phi: dict[str, Any]) -> np.ndarray:
        return eta + phi["sigma"] * rng.standard_t(phi["nu"], np.shape(eta))

    def mean(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        # The median, too: there is no mean where nu <= 1.
        return eta

    def mean_between(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        from scipy import stats

        # (1 + z^2 / nu) times the density has minus (1 - 1 / nu) z times the density as its derivative.
        sigma, nu = phi["sigma"], phi["nu"]
        ends = []
        for bound in rows.bounds:
            z = np.where(np.isinf(bound), 0.0, (np.where(np.isinf(bound), 0.0, bound) - eta) / sigma)
            at_end = np.exp(stats.t.logpdf(z, nu) + np.log1p(z**2 / nu))
            # Of an infinite end; with nu <= 1 there is no mean beyond any bound.
            ends.append(np.where(np.isinf(bound), np.where(nu > 1, 0.0, np.inf), at_end))
        shift = (ends[0] - ends[1]) / np.exp(self.log_probability(rows, eta, phi).value)
        untruncated = np.isinf(rows.bounds).all(0)
        return np.where(untruncated, eta, eta + sigma * shift / (1 - 1 / np.where(nu == 1, 1 + 1e-9, nu)))

    def in_scipy(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        from scipy import stats

        return stats.t(phi["nu"], eta, phi["sigma"])

    def variance(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        return self.residual_variance(rows, phi) + np.zeros_like(eta)

    def residual_variance(self, rows: Rows, phi: dict[str, Any]) -> Any:
        # Infinite where nu <= 2.
        sigma, nu = np.broadcast_arrays(phi["sigma"], phi["nu"])
        finite = nu > 2
        return np.where(finite, sigma**2 * nu / np.where(finite, nu - 2, 1.0), np.inf)
