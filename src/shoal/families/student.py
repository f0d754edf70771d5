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
from shoal.families.row_functions import RowFunction, row_function
from shoal.families.special import log1p_fast
from shoal.families.support import refuse_constant
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
        # Median and median absolute deviation (1.4826 of it is the sd of normal values): the mean and the
        # standard deviation would follow the very extremes that this family is for.
        center = float(np.median(rows.y))
        spread = 1.4826 * float(np.median(np.abs(rows.y - center)))
        return center, spread or float(np.std(rows.y)) or 1.0

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

    def residual_variance(self, rows: Rows, phi: dict[str, Any]) -> Any:
        # Infinite where nu <= 2.
        sigma, nu = np.broadcast_arrays(phi["sigma"], phi["nu"])
        finite = nu > 2
        return np.where(finite, sigma**2 * nu / np.where(finite, nu - 2, 1.0), np.inf)
