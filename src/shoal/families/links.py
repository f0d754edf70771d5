"""Links of a success probability, ``P(success) = F(eta)``: one class each.

F is the distribution function of a latent variable: logistic (logit), normal (probit) or smallest extreme
value (cloglog). McCullagh and Nelder (1989), Generalized Linear Models, 2nd ed., section 4.3. Both log F
and log(1 - F) are concave for all three.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any, ClassVar

import jax.numpy as jnp

from shoal.families.numerics import (
    LARGEST,
    arrays,
    exp,
    inverse_mills,
    log1mexp,
    log_normal_cdf,
    log_sigmoid,
    special,
)


class Link(ABC):
    """A link of a probability.

    Attributes
    ----------
    name : str
    inverse_text : str
        The probability as printed.
    variance : float
        Of the latent variable.
    middle : float
        Linear predictor of probability one half.
    """

    name: ClassVar[str]
    inverse_text: ClassVar[str]
    variance: ClassVar[float]
    middle: ClassVar[float] = 0.0

    @property
    def scale(self) -> float:
        """Return the latent standard deviation in units of the logistic distribution's."""
        return math.sqrt(self.variance / Logit.variance)

    @abstractmethod
    def inverse(self, eta: Any) -> Any:
        """Return the probability; NumPy or JAX."""

    @abstractmethod
    def apply(self, p: Any) -> Any:
        """Return the linear predictor of a probability; NumPy or JAX."""

    @abstractmethod
    def log_success(self, eta: Any) -> Any:
        """Return ``log F(eta)``."""

    @abstractmethod
    def log_failure(self, eta: Any) -> Any:
        """Return ``log(1 - F(eta))``."""

    @abstractmethod
    def success_slopes(self, eta: Any) -> tuple[Any, Any]:
        """Return the first and the negative second derivative of `log_success`."""

    @abstractmethod
    def failure_slopes(self, eta: Any) -> tuple[Any, Any]:
        """Return the first and the negative second derivative of `log_failure`."""


class Logit(Link):
    """``F(eta) = 1 / (1 + exp(-eta))``."""

    name: ClassVar[str] = "logit"
    inverse_text: ClassVar[str] = "expit(eta)"
    variance: ClassVar[float] = math.pi**2 / 3

    def inverse(self, eta: Any) -> Any:
        return special(eta).expit(eta)

    def apply(self, p: Any) -> Any:
        return arrays(p).log(p) - arrays(p).log1p(-p)

    def log_success(self, eta: Any) -> Any:
        return log_sigmoid(eta)

    def log_failure(self, eta: Any) -> Any:
        return log_sigmoid(-eta)

    def success_slopes(self, eta: Any) -> tuple[Any, Any]:
        p, q = special(eta).expit(eta), special(eta).expit(-eta)
        return q, p * q

    def failure_slopes(self, eta: Any) -> tuple[Any, Any]:
        p, q = special(eta).expit(eta), special(eta).expit(-eta)
        return -p, p * q


class Probit(Link):
    """``F(eta) = Φ(eta)``, the standard normal distribution function."""

    name: ClassVar[str] = "probit"
    inverse_text: ClassVar[str] = "Phi(eta)"
    variance: ClassVar[float] = 1.0

    def inverse(self, eta: Any) -> Any:
        return special(eta).ndtr(eta)

    def apply(self, p: Any) -> Any:
        return special(p).ndtri(p)

    def log_success(self, eta: Any) -> Any:
        return log_normal_cdf(eta)

    def log_failure(self, eta: Any) -> Any:
        return log_normal_cdf(-eta)

    def success_slopes(self, eta: Any) -> tuple[Any, Any]:
        slope, excess = inverse_mills(eta)
        return slope, slope * excess

    def failure_slopes(self, eta: Any) -> tuple[Any, Any]:
        slope, excess = inverse_mills(-eta)
        return -slope, slope * excess


class Cloglog(Link):
    """``F(eta) = 1 - exp(-exp(eta))``: an event in a Poisson process of rate exp(eta)."""

    name: ClassVar[str] = "cloglog"
    inverse_text: ClassVar[str] = "1 - exp(-exp(eta))"
    variance: ClassVar[float] = math.pi**2 / 6
    middle: ClassVar[float] = math.log(math.log(2))

    def inverse(self, eta: Any) -> Any:
        return -arrays(eta).expm1(-exp(eta))

    def apply(self, p: Any) -> Any:
        return arrays(p).log(-arrays(p).log1p(-p))

    def log_success(self, eta: Any) -> Any:
        # With u = exp(eta), log(1 - exp(-u)) is log u - u / 2 + …, and log u to rounding below -37.
        rare = eta < -37.0
        return jnp.where(rare, eta, log1mexp(exp(jnp.where(rare, 0.0, eta))))

    def log_failure(self, eta: Any) -> Any:
        return -exp(eta)

    def success_slopes(self, eta: Any) -> tuple[Any, Any]:
        # g = u / (exp(u) - 1) and, since u g'(u) = g (1 - u - g), curvature g (u + g - 1): for small u by its
        # series (Bernoulli numbers), where the difference would cancel.
        u = jnp.exp(jnp.clip(eta, -LARGEST, math.log(LARGEST)))
        few = u < 0.1
        small, large = jnp.where(few, u, 0.0), jnp.where(few, 1.0, u)
        square = small**2
        series = small / 2 + square * (1 / 12 - square * (1 / 720 - square / 30240))
        direct = -large * jnp.exp(-large) / jnp.expm1(-large)
        slope = jnp.where(few, 1 - small + series, direct)
        return slope, slope * jnp.where(few, series, large + direct - 1)

    def failure_slopes(self, eta: Any) -> tuple[Any, Any]:
        u = exp(eta)
        return -u, u


LINKS: dict[str, Link] = {link.name: link for link in (Logit(), Probit(), Cloglog())}
