"""Quantile regression: asymmetric Laplace rows, identity link, whose quantile of order `quantile` is eta.

    f(y) = q (1 - q) / sigma exp(-rho(u)),     u = (y - eta) / sigma,     rho(u) = u (q - 1[u < 0])

Parameters: `sigma` > 0, the mean of rho in the response's units, and `quantile`, a probability, which is held
at a number by those who ask for a quantile. The maximum is the estimate of Koenker and Bassett (1978),
Econometrica 46, 33-50; Yu and Moyeed (2001), Statistics and Probability Letters 54, 437-447. As a working
likelihood it says where the quantile lies, and not how well it is known: Yang, Wang and He (2016),
International Statistical Review 84, 327-344.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from shoal.families.base import Family, Rows
from shoal.families.row_functions import RowFunction, row_function
from shoal.families.special import above_zero
from shoal.families.support import refuse_constant, robust_moments
from shoal.priors import Beta, Exponential, Prior

LEAST = 1e-16  # share that rounding leaves of a quantile near 0 or 1


@row_function
def asym_laplace_rows(y, trials, weight, se, eta, phi, order, value, score, curvature, slope, information):
    """Rows by ``log(q (1 - q) / sigma) - rho(u)``, whose second derivative in eta is zero but for a kink.

    All curvatures are expected. That in eta is the variance of the score, ``q (1 - q) / sigma^2``, and how
    fast the mean of many scores falls as rows pass from one side of eta to the other.
    """
    several = phi.shape[1]
    each = y.shape[0] // several
    for j in range(several):
        sigma = phi[0, j]
        above, below = max(phi[1, j], LEAST), max(1.0 - phi[1, j], LEAST)
        constant = math.log(above) + math.log(below) - math.log(sigma)
        expected = above * below / (sigma * sigma)
        of_quantile = 1.0 / (above * above) + 1.0 / (below * below)
        for i in range(j * each, (j + 1) * each):
            w, u = weight[i], (y[i] - eta[0, i]) / sigma
            tilt = above if u >= 0.0 else -below
            value[i] = w * (constant - tilt * u)
            if order > 0:
                score[0, i] = w * tilt / sigma
                slope[0, j] += w * (tilt * u - 1.0) / sigma
                slope[1, j] += w * (1.0 / above - 1.0 / below - u)
            if order > 1:
                curvature[0, i] = above_zero(w * expected)
                information[0, j] += w / (sigma * sigma)
                information[1, j] += w * of_quantile


class AsymLaplace(Family):
    """Asymmetric Laplace rows, a share `quantile` of which lies below eta."""

    name: ClassVar[str] = "asym_laplace"
    links: ClassVar[tuple[str, ...]] = ("identity",)
    log_concave: ClassVar[bool] = True
    kinked: ClassVar[bool] = True
    newton_steps: ClassVar[int] = 8
    row_functions: ClassVar[dict[str, RowFunction]] = {"identity": asym_laplace_rows}

    def parameters(self, known_se: bool, se_sigma: bool) -> tuple[str, ...]:
        return "sigma", "quantile"

    def parameter_prior(self, name: str, rows: Rows) -> Prior:
        # Of normal rows rho has a mean of 0.4 standard deviations at the median, and less at other quantiles.
        return Beta(1.0, 1.0) if name == "quantile" else Exponential(2.5 / self.scale(rows)[1])

    def distribution(self, known_se: bool, se_sigma: bool) -> str:
        return "AsymmetricLaplace(eta, sigma, quantile)"

    def check(self, rows: Rows, name: str) -> None:
        refuse_constant(rows, name, "asym_laplace")

    def scale(self, rows: Rows) -> tuple[float, float]:
        return robust_moments(rows.y, rows.weight)

    def no_pooling_sd(self, rows: Rows) -> float:
        return 10.0 * self.scale(rows)[1]

    def start(self, rows: Rows) -> np.ndarray:
        return np.asarray(rows.y, float)

    def draw(self, rng: np.random.Generator, rows: Rows, eta: np.ndarray, phi: dict[str, Any]) -> np.ndarray:
        # The difference of two exponential variables, of rates q and 1 - q.
        above, below = rng.exponential(size=(2, *np.shape(eta)))
        q = np.clip(phi["quantile"], LEAST, 1 - LEAST)
        return eta + phi["sigma"] * (above / q - below / (1 - q))

    def mean(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        q = np.clip(phi["quantile"], LEAST, 1 - LEAST)
        return eta + phi["sigma"] * (1 - 2 * q) / (q * (1 - q))

    def variance(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        return np.zeros(np.shape(eta)) + self.residual_variance(rows, phi)

    def residual_variance(self, rows: Rows, phi: dict[str, Any]) -> Any:
        q = np.clip(phi["quantile"], LEAST, 1 - LEAST)
        return phi["sigma"] ** 2 * (1 - 2 * q + 2 * q**2) / (q * (1 - q)) ** 2
