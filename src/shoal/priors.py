"""Prior distributions: immutable values with a log density, draws and a one-line print.

Arguments are those of PyMC. A prior's *kind* (its class) shapes the compiled program; its numbers are
passed to that program as data, so changing a number compiles nothing.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from numbers import Real
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np
from jax.scipy.special import gammaln, xlog1py, xlogy

from shoal.errors import PriorError


@dataclass(frozen=True)
class Prior(ABC):
    """Base of all priors.

    Attributes
    ----------
    support : {"real", "positive", "unit", "correlation"}
        Values with positive density.
    """

    support: ClassVar[str] = "real"

    @staticmethod
    def unit(*params: Any) -> Any:
        """Return the scale of a positive parameter whose prior has a light right tail, else None.

        Such a parameter is sampled as ``unit * log(1 + exp(t))``: like a logarithm below the unit, linear
        above it, where a logarithm would make the prior a wall. Heavy right tails keep the logarithm.
        """
        return None

    def __post_init__(self) -> None:
        for name, value in self.arguments().items():
            if not isinstance(value, Real) or not math.isfinite(value):
                raise PriorError(f"{type(self).__name__}({name}={value}).", "Arguments are finite numbers.")
            if name not in ("mu", "value") and value <= 0:
                raise PriorError(
                    f"{type(self).__name__}({name}={value:g}).", f"{name} must be greater than zero."
                )

    def arguments(self) -> dict[str, Any]:
        """Return the arguments by name."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    @property
    def params(self) -> tuple[float, ...]:
        """Numbers handed to `log_density`, in its order."""
        return tuple(float(v) for v in self.arguments().values())

    @staticmethod
    @abstractmethod
    def log_density(x: Any, *params: Any) -> Any:
        """Return the normalised log density at `x`; elementwise on arrays, traceable by JAX."""

    @abstractmethod
    def draw(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> np.ndarray:
        """Return independent draws."""

    def __str__(self) -> str:
        inside = ", ".join(f"{value:.4g}" for value in self.arguments().values())
        return f"{type(self).__name__}({inside})"


@dataclass(frozen=True)
class Normal(Prior):
    """Normal with mean `mu` and standard deviation `sigma`."""

    mu: float = 0.0
    sigma: float = 1.0

    @staticmethod
    def log_density(x: Any, mu: Any, sigma: Any) -> Any:
        return -0.5 * ((x - mu) / sigma) ** 2 - jnp.log(sigma) - 0.5 * math.log(2 * math.pi)

    def draw(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> np.ndarray:
        return rng.normal(self.mu, self.sigma, size)


@dataclass(frozen=True)
class StudentT(Prior):
    """Student-t with `nu` degrees of freedom, location `mu` and scale `sigma`."""

    nu: float
    mu: float = 0.0
    sigma: float = 1.0

    @staticmethod
    def log_density(x: Any, nu: Any, mu: Any, sigma: Any) -> Any:
        constant = gammaln((nu + 1) / 2) - gammaln(nu / 2) - 0.5 * jnp.log(nu * math.pi) - jnp.log(sigma)
        return constant - (nu + 1) / 2 * jnp.log1p(((x - mu) / sigma) ** 2 / nu)

    def draw(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> np.ndarray:
        return self.mu + self.sigma * rng.standard_t(self.nu, size)


@dataclass(frozen=True)
class HalfNormal(Prior):
    """Absolute value of a Normal(0, sigma)."""

    support: ClassVar[str] = "positive"
    sigma: float = 1.0

    @staticmethod
    def unit(*params: Any) -> Any:
        return params[0]

    @staticmethod
    def log_density(x: Any, sigma: Any) -> Any:
        return math.log(2) + Normal.log_density(x, 0.0, sigma)

    def draw(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> np.ndarray:
        return np.abs(rng.normal(0.0, self.sigma, size))


@dataclass(frozen=True)
class HalfStudentT(Prior):
    """Absolute value of a StudentT(nu, 0, sigma)."""

    support: ClassVar[str] = "positive"
    nu: float
    sigma: float = 1.0

    @staticmethod
    def log_density(x: Any, nu: Any, sigma: Any) -> Any:
        return math.log(2) + StudentT.log_density(x, nu, 0.0, sigma)

    def draw(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> np.ndarray:
        return np.abs(self.sigma * rng.standard_t(self.nu, size))


@dataclass(frozen=True)
class HalfCauchy(Prior):
    """Absolute value of a Cauchy with scale `beta`."""

    support: ClassVar[str] = "positive"
    beta: float

    @staticmethod
    def log_density(x: Any, beta: Any) -> Any:
        return math.log(2 / math.pi) - jnp.log(beta) - jnp.log1p((x / beta) ** 2)

    def draw(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> np.ndarray:
        return np.abs(self.beta * rng.standard_cauchy(size))


@dataclass(frozen=True)
class Exponential(Prior):
    """Exponential with the given rate; its mean is ``1 / rate``."""

    support: ClassVar[str] = "positive"
    rate: float

    @staticmethod
    def unit(*params: Any) -> Any:
        return 1 / params[0]

    @staticmethod
    def log_density(x: Any, rate: Any) -> Any:
        return jnp.log(rate) - rate * x

    def draw(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> np.ndarray:
        return rng.exponential(1 / self.rate, size)


@dataclass(frozen=True)
class InverseGamma(Prior):
    """Distribution of ``1 / g`` with g Gamma of shape `alpha` and rate `beta`.

    ``InverseGamma(1/2, 1/(2 s^2))`` on x is HalfNormal(s) on ``1 / sqrt(x)``.
    """

    support: ClassVar[str] = "positive"
    alpha: float
    beta: float

    @staticmethod
    def log_density(x: Any, alpha: Any, beta: Any) -> Any:
        return alpha * jnp.log(beta) - gammaln(alpha) - (alpha + 1) * jnp.log(x) - beta / x

    def draw(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> np.ndarray:
        return self.beta / rng.gamma(self.alpha, 1.0, size)


@dataclass(frozen=True)
class Beta(Prior):
    """Beta with shapes `alpha` and `beta`: mean ``alpha / (alpha + beta)``; Beta(1, 1) is uniform."""

    support: ClassVar[str] = "unit"
    alpha: float = 1.0
    beta: float = 1.0

    @staticmethod
    def log_density(x: Any, alpha: Any, beta: Any) -> Any:
        # xlogy(0, 0) is 0: the uniform distribution has a density at the ends too.
        constant = gammaln(alpha + beta) - gammaln(alpha) - gammaln(beta)
        return constant + xlogy(alpha - 1, x) + xlog1py(beta - 1, -x)

    def draw(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> np.ndarray:
        return rng.beta(self.alpha, self.beta, size)


@dataclass(frozen=True)
class Laplace(Prior):
    """Double exponential with location `mu` and scale `b`; its standard deviation is ``sqrt(2) b``."""

    mu: float = 0.0
    b: float = 1.0

    @staticmethod
    def log_density(x: Any, mu: Any, b: Any) -> Any:
        return -jnp.abs(x - mu) / b - jnp.log(2 * b)

    def draw(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> np.ndarray:
        return rng.laplace(self.mu, self.b, size)


@dataclass(frozen=True, init=False)
class Gamma(Prior):
    """Gamma with shape `alpha` and rate `beta`, or with mean `mu` and standard deviation `sigma`."""

    support: ClassVar[str] = "positive"
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
            if not (mu > 0 and sigma > 0):
                raise PriorError(f"Gamma(mu={mu}, sigma={sigma}).", "mu and sigma must be greater than zero.")
            shape, rate = (mu / sigma) ** 2, mu / sigma**2
        else:
            raise PriorError(
                f"Gamma(alpha={alpha}, beta={beta}, mu={mu}, sigma={sigma}).",
                "Either alpha and beta (shape, rate) or mu and sigma (mean, standard deviation).",
            )
        object.__setattr__(self, "alpha", shape)
        object.__setattr__(self, "beta", rate)
        self.__post_init__()

    @staticmethod
    def unit(*params: Any) -> Any:
        return params[0] / params[1]

    @staticmethod
    def log_density(x: Any, alpha: Any, beta: Any) -> Any:
        return alpha * jnp.log(beta) - gammaln(alpha) + (alpha - 1) * jnp.log(x) - beta * x

    def draw(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> np.ndarray:
        return rng.gamma(self.alpha, 1 / self.beta, size)


@dataclass(frozen=True)
class LKJ(Prior):
    """LKJ over correlation matrices, density proportional to ``det(R) ** (eta - 1)``.

    ``eta = 1`` is uniform; larger values favour small correlations. Lewandowski, Kurowicka and Joe
    (2009), J. Multivariate Analysis 100, 1989-2001: the canonical partial correlations of a C-vine are
    independent, which is how Shoal samples them (`PartialCorrelation`).
    """

    support: ClassVar[str] = "correlation"
    eta: float = 2.0

    def partial(self, size: int, column: int) -> PartialCorrelation:
        """Return the prior of a partial correlation in `column` (0-based) of a `size` × `size` factor."""
        return PartialCorrelation(self.eta + (size - 2 - column) / 2)

    @staticmethod
    def log_density(x: Any, eta: Any) -> Any:
        raise PriorError("LKJ is a density over matrices.", "Use LKJ.partial for its scalar parts.")

    def draw(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> np.ndarray:
        raise PriorError("LKJ is a density over matrices.", "Use LKJ.partial for its scalar parts.")


@dataclass(frozen=True)
class PartialCorrelation(Prior):
    """Beta(alpha, alpha) stretched to (-1, 1): one canonical partial correlation under LKJ."""

    support: ClassVar[str] = "correlation"
    alpha: float

    @staticmethod
    def log_density(x: Any, alpha: Any) -> Any:
        constant = gammaln(2 * alpha) - 2 * gammaln(alpha) - (2 * alpha - 1) * math.log(2)
        return constant + (alpha - 1) * jnp.log1p(-(x**2))

    def draw(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> np.ndarray:
        return 2 * rng.beta(self.alpha, self.alpha, size) - 1


@dataclass(frozen=True)
class Gap(Prior):
    """Distance between neighbouring cutpoints that are iid Normal(mu, sigma) in ascending order.

    The density of all gaps of a response is one expression (`posterior.hyper`); this class marks the slot and
    holds `sigma`.
    """

    support: ClassVar[str] = "positive"
    sigma: float

    @staticmethod
    def log_density(x: Any, sigma: Any) -> Any:
        return 0.0 * x

    def draw(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> np.ndarray:
        raise PriorError("Gaps are drawn together, by sorting cutpoints.", "Draw cutpoints.")


@dataclass(frozen=True)
class Fixed(Prior):
    """A known value: the parameter is not estimated."""

    value: float

    @staticmethod
    def log_density(x: Any, value: Any) -> Any:
        return 0.0 * x

    def draw(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> np.ndarray:
        return np.full(size, self.value)


KINDS: dict[str, type[Prior]] = {
    kind.__name__: kind
    for kind in (
        Normal,
        StudentT,
        Laplace,
        HalfNormal,
        HalfStudentT,
        HalfCauchy,
        Exponential,
        Gamma,
        InverseGamma,
        Beta,
        LKJ,
        Fixed,
    )
}


def to_record(prior: Prior) -> dict[str, Any]:
    """Return `prior` as plain data for JSON."""
    return {"kind": type(prior).__name__, **prior.arguments()}


def from_record(record: dict[str, Any]) -> Prior:
    """Rebuild a prior from `to_record`.

    Raises
    ------
    PriorError
        If the record names no known kind or its arguments do not fit.
    """
    arguments = dict(record)
    name = arguments.pop("kind", None)
    if name not in KINDS:
        raise PriorError(f"A prior of kind {name!r}.", f"One of {', '.join(KINDS)}.")
    try:
        return KINDS[name](**arguments)
    except TypeError as problem:
        raise PriorError(f"The arguments {arguments} do not fit {name}.", str(problem)) from problem


def middle(prior: Prior) -> float:
    """Return about the median of a prior: where a search for its parameter begins."""
    if prior.support == "correlation":
        return 0.0
    if isinstance(prior, Gap):
        return 0.4 * prior.sigma
    return float(np.median(prior.draw(np.random.default_rng(0), 501)))
