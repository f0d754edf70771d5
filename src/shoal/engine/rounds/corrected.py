"""A coarse rule with a polynomial in theta that leads to a fine one: integrals of many levels, cheaply.

Of many levels the posterior of theta is narrow. What a coarse rule says too much or too little of the log
density, summed over all levels, is a smooth function of theta, and over so small a region nearly a quadratic:
of N levels its k-th order is of size N^(1 - k/2). So the fine rule is evaluated at some dozens of points,
a quadratic through the differences makes up for the rest, and each point is held against what the others say
of it. Laplace's approximation is the coarsest rule, with one node (Tierney and Kadane 1986, JASA 81, 82-86).
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np

from shoal.engine import mode
from shoal.engine.proposals import POINTS, least_squares, monomials, terms_of
from shoal.engine.rounds.marginal import Marginal
from shoal.engine.rules import Rule

LAPLACE = Rule("hermite", 1)
ORDER = 2  # of the polynomial
TURNS = 4  # of a search for the mode, each by a polynomial from around the mode before
NEAR = 0.5  # root mean square distance between two modes, in posterior sds, at which it ends


class Integral(NamedTuple):
    """How the log density is evaluated.

    Attributes
    ----------
    rule : Rule
        That is evaluated.
    exact : Rule
        That it stands for; the same if there is no polynomial.
    center, inverse : (T,), (T, T) arrays
        The polynomial is in ``inverse (theta - center)``.
    terms, coefficient : (K, DEGREE), (K,) arrays
        Its monomials (`proposals.monomials`); none where the rule is taken as it is.
    """

    rule: Rule
    exact: Rule
    center: np.ndarray
    inverse: np.ndarray
    terms: np.ndarray
    coefficient: np.ndarray

    def log_density(self, marginal: Marginal, thetas: np.ndarray) -> np.ndarray:
        """Return the log density at each of some thetas (B, T): one round."""
        value = marginal.log_density(thetas, self.rule)
        if len(self.coefficient):
            value += monomials((thetas - self.center) @ self.inverse.T, self.terms) @ self.coefficient
        return value

    def __str__(self) -> str:
        name = f"{self.exact.kind} {self.exact.size}"
        return (
            f"{name}, by {self.rule.kind} {self.rule.size} and a polynomial"
            if len(self.coefficient)
            else name
        )


def plain(rule: Rule, center: np.ndarray, root: np.ndarray) -> Integral:
    """Return a rule as it is."""
    return Integral(rule, rule, center, np.linalg.inv(root), terms_of(len(center), 0), np.zeros(0))


def find(
    marginal: Marginal,
    rule: Rule,
    coarser: list[Rule],
    center: np.ndarray,
    root: np.ndarray,
    rng: np.random.Generator,
    enough: float,
) -> tuple[Integral, np.ndarray, np.ndarray]:
    """Return the cheapest integral that is as good as a rule, and the mode and root of its density.

    Parameters
    ----------
    coarser : list of Rule
        From the coarsest on.
    center, root : (T,), (T, T) arrays
        Mode of the density by some coarse rule, and the root of its inverse curvature.
    enough : float
        Standard deviation of what a polynomial may leave.
    """
    for _ in range(TURNS):
        integral = _around(marginal, rule, coarser, center, root, rng, enough)
        if not len(integral.coefficient):
            break
        before, back = center, integral.inverse
        center, root = mode.find(partial(integral.log_density, marginal), before, mode.FEW_STEPS)
        if np.sqrt(np.mean((back @ (center - before)) ** 2)) < NEAR:
            return integral, center, root
    return plain(rule, center, root), center, root


def _around(
    marginal: Marginal,
    rule: Rule,
    coarser: list[Rule],
    center: np.ndarray,
    root: np.ndarray,
    rng: np.random.Generator,
    enough: float,
) -> Integral:
    """Return the first of coarser rules that a polynomial makes good enough around a point."""
    terms = terms_of(len(center), ORDER)
    z = rng.normal(size=(POINTS * len(terms), len(center)))
    thetas, features = center + z @ root.T, monomials(z, terms)
    marginal.refer_to(center)
    fine = marginal.log_density(thetas, rule)
    share = np.full(len(z), 1 / len(z))
    for coarse in coarser:
        difference = fine - marginal.log_density(thetas, coarse)
        if not np.isfinite(difference).all():
            continue
        coefficient, without = least_squares(features, difference, share)
        if np.std(difference - without) < enough:
            return Integral(coarse, rule, center, np.linalg.inv(root), terms, coefficient)
    return plain(rule, center, root)
