"""Skewed responses on the whole line: skew-normal with mean eta and standard deviation `sigma`.

Link: identity. Parameters: `sigma` > 0, in the response's units, and `alpha`, a real pure number: the
density leans to the right where it is positive, and 0 is the normal. With ``δ = alpha / sqrt(1 + alpha^2)``
the density is ``2 φ(z) Φ(alpha z) / ω`` at ``z = (y - eta) / ω + δ sqrt(2 / π)``, with ``ω = sigma / sqrt(1 -
2 δ^2 / π)``. Azzalini (1985), Scand. J. Statist. 12, 171-178; mean and standard deviation as parameters as
in brms (Bürkner 2017, J. Statistical Software 80, 1).
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from shoal.families.base import Family, Rows
from shoal.families.row_functions import RowFunction, row_function
from shoal.families.special import LOG_ROOT_2_PI, ROOT_2_OVER_PI, above_zero, normal_distribution
from shoal.families.support import moments, refuse_constant
from shoal.priors import Exponential, Normal, Prior
from shoal.priors.compiled import inner

NODES = 24  # of the quadrature: the expected curvatures are exact to 2%, and to 0.1% below alpha = 10


@row_function
def skew_normal_rows(y, trials, weight, se, eta, phi, order, value, score, curvature, slope, information):
    """Rows by ``log φ(z) + log Φ(alpha z) - log ω``: concave in eta, with exact curvature.

    Curvatures in the parameters are expected, by quadrature: they have no closed form.
    """
    several = phi.shape[1]
    each = y.shape[0] // several
    for j in range(several):
        sigma, alpha = phi[0, j], phi[1, j]
        if j == 0 or alpha != phi[1, j - 1]:
            ratio, center, ratio_slope, center_slope = shape_of(alpha)
            of_sigma, of_alpha = expected_squares(alpha) if order > 1 else (0.0, 0.0)
        omega = sigma * ratio
        log_omega = math.log(omega)
        for i in range(j * each, (j + 1) * each):
            w, away = weight[i], (y[i] - eta[0, i]) / omega
            z = away + center
            log_p, h, excess = normal_distribution(alpha * z)
            value[i] = w * (log_p - 0.5 * z * z - log_omega)
            if order > 0:
                down = z - alpha * h  # minus the slope in z
                score[0, i] = w * down / omega
                slope[0, j] += w * (down * away - 1) / sigma
                slope[1, j] += w * (h * z + (down * away - 1) * ratio_slope - down * center_slope)
            if order > 1:
                curvature[0, i] = above_zero(w * (1 + alpha * h * (alpha * excess)) / (omega * omega))
                information[0, j] += w * of_sigma / (sigma * sigma)
                information[1, j] += w * of_alpha


@inner
def shape_of(alpha: float) -> tuple[float, float, float, float]:
    """Return ``ω / sigma``, the mean of z, and slopes in alpha: of the first's logarithm, of the second."""
    spread = 1 / math.sqrt(1 + alpha * alpha)
    delta, delta_slope = alpha * spread, spread * spread * spread
    square = 1 / (1 - 2 * delta * delta / math.pi)
    ratio_slope = 2 * delta * delta_slope * square / math.pi
    return math.sqrt(square), ROOT_2_OVER_PI * delta, ratio_slope, ROOT_2_OVER_PI * delta_slope


@inner
def expected_squares(alpha: float) -> tuple[float, float]:
    """Return the variance of the slopes in log sigma and in alpha.

    By the trapezoidal rule over s, with ``z = sinh(s) / (1 + |alpha|)``: near 0, where Φ(alpha z) falls, its
    nodes are as close as it is steep.
    """
    _, center, ratio_slope, center_slope = shape_of(alpha)
    unit = 1 + abs(alpha)
    top = math.asinh(8 * unit)
    total, of_sigma, of_alpha = 0.0, 0.0, 0.0
    for k in range(NODES + 1):
        s = top * (2 * k / NODES - 1)
        z = math.sinh(s) / unit
        log_p, h, _ = normal_distribution(alpha * z)
        mass = math.cosh(s) * math.exp(log_p - 0.5 * z * z)
        down = z - alpha * h
        by_sigma = down * (z - center) - 1
        by_alpha = h * z + by_sigma * ratio_slope - down * center_slope
        total += mass
        of_sigma += mass * by_sigma * by_sigma
        of_alpha += mass * by_alpha * by_alpha
    return of_sigma / total, of_alpha / total


class SkewNormal(Family):
    """Skew-normal rows with mean eta."""

    name: ClassVar[str] = "skew_normal"
    links: ClassVar[tuple[str, ...]] = ("identity",)
    log_concave: ClassVar[bool] = True
    newton_steps: ClassVar[int] = 8
    row_functions: ClassVar[dict[str, RowFunction]] = {"identity": skew_normal_rows}

    def parameters(self, known_se: bool, se_sigma: bool) -> tuple[str, ...]:
        return "sigma", "alpha"

    def parameter_prior(self, name: str, rows: Rows) -> Prior:
        # Beyond 8 either way the density hardly differs from half a normal one.
        return Normal(0.0, 4.0) if name == "alpha" else Exponential(1 / self.scale(rows)[1])

    def distribution(self, known_se: bool, se_sigma: bool) -> str:
        return "SkewNormal(mean = eta, sd = sigma, alpha)"

    def check(self, rows: Rows, name: str) -> None:
        refuse_constant(rows, name, "skew_normal")

    def scale(self, rows: Rows) -> tuple[float, float]:
        center, spread = moments(rows.y, rows.weight)
        return center, spread or 1.0

    def no_pooling_sd(self, rows: Rows) -> float:
        return 10.0 * self.scale(rows)[1]

    def log_constant(self, rows: Rows) -> np.ndarray:
        return (math.log(2) - LOG_ROOT_2_PI) * np.asarray(rows.weight)

    def start(self, rows: Rows) -> np.ndarray:
        return np.asarray(rows.y, float)

    def draw(self, rng: np.random.Generator, rows: Rows, eta: np.ndarray, phi: dict[str, Any]) -> np.ndarray:
        # With standard normal u and v, z is δ |u| + sqrt(1 - δ^2) v (Henze 1986, Scand. J. Statist. 13, 271).
        spread = 1 / np.sqrt(1 + np.square(phi["alpha"]))
        delta = phi["alpha"] * spread
        u, v = np.abs(rng.normal(size=np.shape(eta))), rng.normal(size=np.shape(eta))
        omega = phi["sigma"] / np.sqrt(1 - 2 * delta**2 / math.pi)
        return eta + omega * (delta * (u - ROOT_2_OVER_PI) + spread * v)

    def mean(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        return eta

    def variance(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        return np.square(phi["sigma"]) + np.zeros_like(eta)

    def residual_variance(self, rows: Rows, phi: dict[str, Any]) -> Any:
        return phi["sigma"] ** 2
