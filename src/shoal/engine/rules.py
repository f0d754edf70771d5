"""Weighted points for integrals over x, ``v = mode + L'^-1 x``: nodes of rules, and randomised points.

A set of points of d effects is a (P, d + 1) array: x, and last what is taken from the log density there, so
that the integral is the sum of exponentials.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np

FARTHEST = 4.5  # last node in t of the trapezoidal rule: 45 sds away from the mode
SETS = 64  # independent sets of randomised points: units share one in so many, over which errors average out
FREEDOM = 5.0  # of the multivariate t that they are drawn from


@dataclass(frozen=True)
class Rule:
    """How units are integrated.

    Attributes
    ----------
    kind : {"hermite", "sinh", "random"}
        Gauss-Hermite quadrature, a product of rules for several effects; the trapezoidal rule in
        ``t = arsinh(x)``; or randomised quasi-random points of a multivariate t.
    size : int
        Nodes in each direction; or points in all.
    """

    kind: str
    size: int

    @property
    def random(self) -> bool:
        """Integrals have a random error, which is known."""
        return self.kind == "random"

    def points(self, d: int) -> np.ndarray:
        """Return (sets, P, d + 1) points for units of d effects."""
        if self.random:
            points = quasi_random(d, self.size).copy()
            points[..., -1] += math.log(self.size)
            return points
        return product(hermite(self.size) if self.kind == "hermite" else sinh(self.size), d)[None]


@cache
def hermite(size: int) -> np.ndarray:
    """Return nodes of Gauss-Hermite quadrature, (size, 2): exact for a normal density times a polynomial.

    Liu and Pierce (1994), Biometrika 81, 624-629: with nodes laid around the mode it is adaptive.
    """
    x, weight = np.polynomial.hermite_e.hermegauss(size)
    return np.stack([x, -np.log(weight) - 0.5 * x**2], axis=1)


@cache
def sinh(size: int) -> np.ndarray:
    """Return nodes of the trapezoidal rule in t, ``x = sinh(t)``, (size, 2)."""
    t = np.linspace(-FARTHEST, FARTHEST, size)
    return np.stack([np.sinh(t), -np.log(np.cosh(t) * (t[1] - t[0]))], axis=1)


FINEST = Rule("sinh", 51)


def product(nodes: np.ndarray, d: int) -> np.ndarray:
    """Return the product of d rules of one dimension, (P^d, d + 1)."""
    which = np.indices((len(nodes),) * d).reshape(d, len(nodes) ** d)
    last = nodes[which, 1].sum(0) if d else np.zeros(1)
    return np.ascontiguousarray(
        np.concatenate([nodes[which, 0].T.reshape(len(last), d), last[:, None]], axis=1)
    )


@cache
def quasi_random(d: int, count: int) -> np.ndarray:
    """Return sets of points of a multivariate t, each with its log density, (SETS, P, d + 1).

    Scrambled Sobol points, each set independently. All d up to a power of two share theirs.
    """
    if not d:
        return np.zeros((SETS, 1, 1))
    normal, spread = _sobol(1 << (d - 1).bit_length(), count)
    x = normal[:, :, :d] * spread[:, :, None]
    constant = log_constant_of_t(d)
    log_density = constant - (FREEDOM + d) / 2 * np.log1p((x**2).sum(-1) / FREEDOM)
    return np.concatenate([x, log_density[:, :, None]], axis=-1)


def log_constant_of_t(d: int) -> float:
    """Return the log density of a multivariate t of `FREEDOM` degrees of freedom at its mode."""
    return math.lgamma((FREEDOM + d) / 2) - math.lgamma(FREEDOM / 2) - d / 2 * math.log(FREEDOM * math.pi)


@cache
def _sobol(d: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return standard normal points, and the root of `FREEDOM` over a chi-square variable, of each set."""
    from scipy.stats import chi2, norm, qmc

    uniform = np.array(
        [qmc.Sobol(d + 1, rng=np.random.default_rng([d, number])).random(count) for number in range(SETS)]
    )
    return norm.ppf(uniform[:, :, :d]), np.sqrt(FREEDOM / chi2.ppf(uniform[:, :, d], FREEDOM))
