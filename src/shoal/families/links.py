"""Links of a success probability, ``P(success) = F(eta)``: one class each.

F is the distribution function of a latent variable: logistic (logit), normal (probit) or smallest extreme
value (cloglog). McCullagh and Nelder (1989), Generalized Linear Models, 2nd ed., section 4.3. The densities
of successes and of ordered categories are in `probability_rows` and `cumulative_rows`.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
from scipy.special import expit, ndtr, ndtri

from shoal.families.numerics import exp


class Link(ABC):
    """A link of a probability.

    Attributes
    ----------
    name : str
    inverse_text : str
        The probability as printed.
    variance : float
        Of the latent variable.
    """

    name: ClassVar[str]
    inverse_text: ClassVar[str]
    variance: ClassVar[float]

    @property
    def scale(self) -> float:
        """Return the latent standard deviation in units of the logistic distribution's."""
        return math.sqrt(self.variance / Logit.variance)

    @abstractmethod
    def inverse(self, eta: np.ndarray) -> np.ndarray:
        """Return the probability."""

    @abstractmethod
    def apply(self, p: np.ndarray) -> np.ndarray:
        """Return the linear predictor of a probability."""


class Logit(Link):
    """``F(eta) = 1 / (1 + exp(-eta))``."""

    name: ClassVar[str] = "logit"
    inverse_text: ClassVar[str] = "expit(eta)"
    variance: ClassVar[float] = math.pi**2 / 3

    def inverse(self, eta: np.ndarray) -> np.ndarray:
        return expit(eta)

    def apply(self, p: np.ndarray) -> np.ndarray:
        return np.log(p) - np.log1p(-p)


class Probit(Link):
    """``F(eta) = Φ(eta)``, the standard normal distribution function."""

    name: ClassVar[str] = "probit"
    inverse_text: ClassVar[str] = "Phi(eta)"
    variance: ClassVar[float] = 1.0

    def inverse(self, eta: np.ndarray) -> np.ndarray:
        return ndtr(eta)

    def apply(self, p: np.ndarray) -> np.ndarray:
        return ndtri(p)


class Cloglog(Link):
    """``F(eta) = 1 - exp(-exp(eta))``: an event in a Poisson process of rate exp(eta)."""

    name: ClassVar[str] = "cloglog"
    inverse_text: ClassVar[str] = "1 - exp(-exp(eta))"
    variance: ClassVar[float] = math.pi**2 / 6

    def inverse(self, eta: np.ndarray) -> np.ndarray:
        return -np.expm1(-exp(eta))

    def apply(self, p: np.ndarray) -> np.ndarray:
        return np.log(-np.log1p(-p))


LINKS: dict[str, Link] = {link.name: link for link in (Logit(), Probit(), Cloglog())}
