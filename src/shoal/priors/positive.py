"""Priors of positive parameters, and of shares between 0 and 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy.special import gammaln, xlogy

from shoal.errors import PriorError
from shoal.priors.base import Prior, check_number
from shoal.priors.compiled import PriorFunction
from shoal.priors.densities import (
    beta_density,
    exponential_density,
    gamma_density,
    half_cauchy_density,
    half_normal_density,
    half_student_t_density,
    inverse_gamma_density,
    no_density,
)


@dataclass(frozen=True)
class HalfNormal(Prior):
    """Absolute value of a Normal(0, sigma)."""

    support: ClassVar[str] = "positive"
    density: ClassVar[PriorFunction] = half_normal_density
    sigma: float = 1.0

    @staticmethod
    def unit(*params: Any) -> Any:
        return params[0]

    def draw(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> np.ndarray:
        return np.abs(rng.normal(0.0, self.sigma, size))


@dataclass(frozen=True)
class HalfStudentT(Prior):
    """Absolute value of a StudentT(nu, 0, sigma)."""

    support: ClassVar[str] = "positive"
    density: ClassVar[PriorFunction] = half_student_t_density
    nu: float
    sigma: float = 1.0

    def draw(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> np.ndarray:
        return np.abs(self.sigma * rng.standard_t(self.nu, size))


@dataclass(frozen=True)
class HalfCauchy(Prior):
    """Absolute value of a Cauchy with scale `beta`."""

    support: ClassVar[str] = "positive"
    density: ClassVar[PriorFunction] = half_cauchy_density
    beta: float

    def draw(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> np.ndarray:
        return np.abs(self.beta * rng.standard_cauchy(size))


@dataclass(frozen=True)
class Exponential(Prior):
    """Exponential with the given rate; its mean is ``1 / rate``."""

    support: ClassVar[str] = "positive"
    density: ClassVar[PriorFunction] = exponential_density
    rate: float

    @staticmethod
    def unit(*params: Any) -> Any:
        return 1 / params[0]

    def draw(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> np.ndarray:
        return rng.exponential(1 / self.rate, size)


@dataclass(frozen=True)
class InverseGamma(Prior):
    """Distribution of ``1 / g`` with g Gamma of shape `alpha` and rate `beta`.

    ``InverseGamma(1/2, 1/(2 s^2))`` on x is HalfNormal(s) on ``1 / sqrt(x)``.
    """

    support: ClassVar[str] = "positive"
    density: ClassVar[PriorFunction] = inverse_gamma_density
    alpha: float
    beta: float

    def draw(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> np.ndarray:
        with np.errstate(
            divide="ignore", over="ignore"
        ):  # of a small shape many are beyond the largest number
            return self.beta / rng.gamma(self.alpha, 1.0, size)


@dataclass(frozen=True, init=False)
class Gamma(Prior):
    """Gamma with shape `alpha` and rate `beta`, or with mean `mu` and standard deviation `sigma`."""

    support: ClassVar[str] = "positive"
    density: ClassVar[PriorFunction] = gamma_density
    alpha: float
    beta: float

    def __init__(
        self,
        alpha: float | None = None,
        beta: float | None = None,
        *,
        mu: float | None = None,
        sigma: float | None = None,
    ):
        if alpha is not None and beta is not None and mu is None and sigma is None:
            shape, rate = alpha, beta
        elif mu is not None and sigma is not None and alpha is None and beta is None:
            check_number("Gamma", "mu", mu)
            check_number("Gamma", "sigma", sigma)
            if not (mu > 0 and sigma > 0):
                raise PriorError(
                    "prior-argument-not-positive",
                    f"Gamma(mu={mu}, sigma={sigma}).",
                    "mu and sigma must be greater than zero.",
                )
            shape, rate = (mu / sigma) ** 2, mu / sigma**2
        else:
            raise PriorError(
                "prior-arguments",
                f"Gamma(alpha={alpha}, beta={beta}, mu={mu}, sigma={sigma}).",
                "Either alpha and beta (shape, rate) or mu and sigma (mean, standard deviation).",
            )
        object.__setattr__(self, "alpha", shape)
        object.__setattr__(self, "beta", rate)
        self.__post_init__()

    @staticmethod
    def unit(*params: Any) -> Any:
        return params[0] / params[1]

    def draw(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> np.ndarray:
        return rng.gamma(self.alpha, 1 / self.beta, size)


@dataclass(frozen=True)
class Beta(Prior):
    """Beta with shapes `alpha` and `beta`: mean ``alpha / (alpha + beta)``; Beta(1, 1) is uniform."""

    support: ClassVar[str] = "unit"
    density: ClassVar[PriorFunction] = beta_density
    alpha: float = 1.0
    beta: float = 1.0

    def draw(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> np.ndarray:
        return rng.beta(self.alpha, self.beta, size)


@dataclass(frozen=True)
class Gap(Prior):
    """Distance between neighbouring cutpoints that are iid Normal(mu, sigma) in ascending order.

    The density of all gaps of a response is one expression (`posterior.hyper`); this class marks the slot and
    holds `sigma`.
    """

    support: ClassVar[str] = "positive"
    density: ClassVar[PriorFunction] = no_density
    sigma: float

    def draw(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> np.ndarray:
        raise PriorError(
            "prior-of-several-numbers", "Gaps are drawn together, by sorting cutpoints.", "Draw cutpoints."
        )


@dataclass(frozen=True)
class Dirichlet(Prior):
    """Symmetric Dirichlet of shares that add up to one: uniform for ``alpha = 1``, more even above."""

    support: ClassVar[str] = "simplex"
    alpha: float = 1.0

    @classmethod
    def log_density(cls, x: Any, *params: Any) -> np.ndarray:
        """Return the log density of simplices (..., K), with respect to their first K - 1 shares."""
        (alpha,), size = params, np.shape(x)[-1]
        constant = gammaln(size * alpha) - size * gammaln(alpha)
        return np.asarray(constant + xlogy(alpha - 1, x).sum(-1))

    def draw(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> np.ndarray:
        raise PriorError(
            "prior-of-several-numbers",
            "Dirichlet is a density over simplices.",
            "Draw simplices of one size.",
        )
