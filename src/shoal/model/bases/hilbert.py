"""Gaussian processes of one predictor by eigenfunctions of the Laplacian on an interval.

A stationary process with spectral density S(w) is ``sum_j sqrt(S(w_j)) phi_j(x) u_j`` with u_j standard
normal, ``w_j = j pi / 2L`` and ``phi_j(x) = sin(w_j (x - middle + L)) / sqrt(L)``, the closer the more there
are of them and the wider the interval (Solin and Särkkä 2020, Statistics and Computing 30, 419-446). How
many, and how wide, depends on the lengthscale: Riutort-Mayol, Bürkner, Andersen, Solin and Vehtari (2023),
Statistics and Computing 33, 17, section 4.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import kv

from shoal.errors import DataError
from shoal.formula.terms import CurveTerm
from shoal.model.bases.basis import Basis, beyond, require_distinct
from shoal.model.bases.splines import read_numbers

if TYPE_CHECKING:
    import pandas as pd

SMOOTHNESS = {"exp_quad": math.inf, "matern15": 1.5, "matern25": 2.5}
# The interval in lengthscales, and functions times lengthscale by interval, that are enough.
BOUNDARY = {math.inf: 3.2, 1.5: 4.5, 2.5: 4.1}
FUNCTIONS = {math.inf: 1.75, 1.5: 3.42, 2.5: 2.65}
NEAREST_BOUNDARY = 1.2
SHORTEST, LONGEST = 0.1, 2.0  # lengthscales the default prior expects, in half ranges of the predictor
ACCURATE = 1.0  # half ranges: the longest lengthscale at which the default basis follows the rules
GRID = 60  # values at which covariances are compared


@dataclass(frozen=True)
class Hilbert(Basis):
    """Eigenfunctions on an interval.

    Attributes
    ----------
    name : str
        The predictor.
    middle, half : float
        The middle of its range, and half of that.
    boundary : float
        c: the interval reaches c half ranges to both sides.
    functions : int
    smoothness : float
        nu of a Matern covariance; infinite of the squared exponential.
    """

    name: str
    middle: float
    half: float
    boundary: float
    functions: int
    smoothness: float

    @property
    def size(self) -> int:
        return self.functions

    @property
    def frequencies(self) -> np.ndarray:
        """Square roots of the eigenvalues, (K,), per unit of the predictor."""
        return np.arange(1, self.functions + 1) * np.pi / (2 * self.boundary * self.half)

    @property
    def expected(self) -> tuple[float, float]:
        """The shortest and the longest lengthscale that are to be expected, in units of the predictor."""
        return SHORTEST * self.half, LONGEST * self.half

    def read(self, term: CurveTerm, frame: pd.DataFrame) -> np.ndarray:
        x = read_numbers(term, frame)
        edge = self.boundary * self.half
        if words := beyond(self.name, x[:, 0], self.middle - edge, self.middle + edge):
            raise DataError(
                "outside-basis",
                f"{words.replace('was fitted', 'is known')}.",
                "Beyond the boundary of its basis a Gaussian process is not known.",
                f"Leave these rows out, or fit with a wider boundary: {term.name[:-1]}, c=...).",
            )
        return x

    def columns(self, x: np.ndarray) -> np.ndarray:
        edge = self.boundary * self.half
        return np.sin((x - self.middle + edge) * self.frequencies) / math.sqrt(edge)

    def outside(self, x: np.ndarray) -> dict[int, str]:
        words = beyond(self.name, x[:, 0], self.middle - self.half, self.middle + self.half)
        return (
            {0: f"{words}. There the process returns to its prior, and at its boundary to zero."}
            if words
            else {}
        )

    @property
    def peak(self) -> float:
        """The spectral density at frequency 0, of unit variance and lengthscale."""
        nu = self.smoothness
        if math.isinf(nu):
            return math.sqrt(2 * math.pi)
        return 2 * math.sqrt(math.pi / (2 * nu)) * math.exp(math.lgamma(nu + 0.5) - math.lgamma(nu))

    def spectral_density(self, lengthscale: float) -> np.ndarray:
        """Return the spectral density of unit variance at the frequencies, (K,)."""
        scaled, nu = (lengthscale * self.frequencies) ** 2, self.smoothness
        shape = np.exp(-scaled / 2) if math.isinf(nu) else (1 + scaled / (2 * nu)) ** -(nu + 0.5)
        return self.peak * lengthscale * shape

    def covariance(self, distance: np.ndarray, lengthscale: float) -> np.ndarray:
        """Return the exact covariance of unit variance at some distances."""
        r, nu = np.abs(distance) / lengthscale, self.smoothness
        if math.isinf(nu):
            return np.exp(-(r**2) / 2)
        at = np.maximum(math.sqrt(2 * nu) * r, 1e-10)
        return 2 ** (1 - nu) / math.gamma(nu) * at**nu * kv(nu, at)

    def error(self, lengthscale: float) -> float:
        """Return the largest error of the covariance within the range, as a share of the variance."""
        x = self.middle + self.half * np.linspace(-1, 1, GRID)
        columns = self.columns(x[:, None])
        found = columns * self.spectral_density(lengthscale) @ columns.T
        return float(np.abs(found - self.covariance(x[:, None] - x, lengthscale)).max())

    def enough(self, shortest: float, longest: float) -> tuple[int, float]:
        """Return the functions and the boundary that lengthscales between two, in units of x, need."""
        return rules(self.smoothness, shortest / self.half, longest / self.half)


def rules(smoothness: float, shortest: float, longest: float) -> tuple[int, float]:
    """Return functions and boundary that lengthscales between two, in half ranges, need.

    Riutort-Mayol et al. (2023), section 4.3.
    """
    boundary = max(NEAREST_BOUNDARY, BOUNDARY[smoothness] * longest)
    return math.ceil(FUNCTIONS[smoothness] * boundary / shortest), boundary


def learn(term: CurveTerm, frame: pd.DataFrame, weight: np.ndarray) -> Hilbert:
    """Return the basis of ``gp(x)`` on the rows of a table.

    Raises
    ------
    DataError
        A predictor that is no numbers, or constant.
    """
    x, options = read_numbers(term, frame)[weight > 0, 0], dict[str, Any](term.options)
    text = term.predictors[0].text
    require_distinct(term.name, text, x, 2, "a curve", f"Leave {term.name} out.")
    smoothness = SMOOTHNESS[options.get("cov", "exp_quad")]
    boundary = float(options.get("c", rules(smoothness, SHORTEST, ACCURATE)[1]))
    default = math.ceil(FUNCTIONS[smoothness] * boundary / SHORTEST)
    middle, half = (x.max() + x.min()) / 2, (x.max() - x.min()) / 2
    return Hilbert(text, float(middle), float(half), boundary, options.get("k", default), smoothness)
