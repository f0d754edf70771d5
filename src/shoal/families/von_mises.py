"""Directions, in radians from -π to π: von Mises around ``2 atan(eta)``.

Link: tan_half, ``eta = tan(direction / 2)``; eta is a pure number. Parameter: `kappa` > 0, the concentration,
a pure number: uniform directions at 0, and standard deviations of ``1 / sqrt(kappa)`` radians where it is
large. The link has its ends at -π and π, the same direction: angles should be measured from one that is not
opposite to where they gather. Mardia and Jupp (2000), Directional Statistics, sections 3.5.4 and 11.3; Fisher
and Lee (1992), Biometrics 48, 665-677.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from shoal.errors import ModelError
from shoal.families.base import Family, Rows
from shoal.families.bessel import log_bessel
from shoal.families.row_functions import RowFunction, row_function
from shoal.families.special import above_zero
from shoal.families.support import refuse
from shoal.priors import InverseGamma, Prior

LARGEST = 10.0  # of where searches and default priors begin: a direction within a fifth of π


@row_function
def von_mises_rows(y, trials, weight, se, eta, phi, order, value, score, curvature, slope, information):
    """Rows by ``kappa (cos(y - m) - 1) + kappa - log I0(kappa)``, with ``m = 2 atan(eta)``.

    Not log-concave in eta; the curvatures are expected, ``kappa A (dm / deta)^2`` and A' with ``A = I1 / I0``
    (Mardia and Jupp 2000, section 5.3).
    """
    several = phi.shape[1]
    each = y.shape[0] // several
    for j in range(several):
        kappa = phi[0, j]
        constant, rest, bent = log_bessel(kappa)
        for i in range(j * each, (j + 1) * each):
            w, e = weight[i], eta[0, i]
            half, turn = 0.5 * y[i] - math.atan(e), 2 / (1 + e * e)
            sine = math.sin(half)
            fall = 2 * sine * sine
            value[i] = w * (constant - kappa * fall)
            if order > 0:
                score[0, i] = w * kappa * turn * 2 * sine * math.cos(half)
                slope[0, j] += w * (rest - fall)
            if order > 1:
                curvature[0, i] = above_zero(w * kappa * (1 - rest) * turn * turn)
                information[0, j] += w * bent


class VonMises(Family):
    """Von Mises rows with mean direction ``2 atan(eta)``."""

    name: ClassVar[str] = "von_mises"
    links: ClassVar[tuple[str, ...]] = ("tan_half",)
    newton_steps: ClassVar[int] = 8
    row_functions: ClassVar[dict[str, RowFunction]] = {"tan_half": von_mises_rows}

    def parameters(self, known_se: bool, se_sigma: bool) -> tuple[str, ...]:
        return ("kappa",)

    def parameter_prior(self, name: str, rows: Rows) -> Prior:
        # HalfNormal(2) on 1 / sqrt(kappa), in radians: from equal directions to nearly uniform ones.
        return InverseGamma(0.5, 0.125)

    def distribution(self, known_se: bool, se_sigma: bool) -> str:
        return "VonMises(direction = 2 atan(eta), kappa)"

    def check(self, rows: Rows, name: str) -> None:
        refuse(
            rows,
            name,
            np.abs(rows.y) > math.pi,
            "values outside -π to π",
            "A von_mises response is a direction in radians, from -π to π.",
            f"Degrees are {name} * π / 180; directions from 0 to 2π are moved by "
            f"`numpy.angle(numpy.exp(1j * {name}))`.",
        )

    def scale(self, rows: Rows) -> tuple[float, float]:
        # The mean direction; one on the link's scale, as of a direction uniform over half the circle.
        sine, cosine = (np.average(part(rows.y), weights=rows.weight) for part in (np.sin, np.cos))
        return float(np.clip(np.tan(0.5 * np.arctan2(sine, cosine)), -LARGEST, LARGEST)), 1.0

    def no_pooling_sd(self, rows: Rows) -> float:
        return 2.5

    def log_constant(self, rows: Rows) -> np.ndarray:
        return -math.log(2 * math.pi) * np.asarray(rows.weight)

    def start(self, rows: Rows) -> np.ndarray:
        return np.clip(np.tan(0.5 * np.asarray(rows.y)), -LARGEST, LARGEST)

    def draw(self, rng: np.random.Generator, rows: Rows, eta: np.ndarray, phi: dict[str, Any]) -> np.ndarray:
        return rng.vonmises(2 * np.arctan(eta), phi["kappa"])

    def mean(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        # The mean direction: the plain mean of angles depends on where the circle is cut.
        return 2 * np.arctan(eta)

    def variance(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        raise ModelError(
            "family-without-variance",
            "The response is an angle.",
            "A response on a line: the variance of angles depends on where the circle is cut.",
        )

    def residual_variance(self, rows: Rows, phi: dict[str, Any]) -> Any:
        return None
