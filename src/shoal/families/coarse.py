"""Responses that are censored or truncated, as a family: that of the response, less what was not seen of it.

What changes is the density of a row (`intervals`), and with it what follows from the density: rows are not
merged, those of normal responses no longer quadratic, and truncated draws and means keep the bounds. Draws
and means of censored rows are those of the response itself, which is there whether or not it was seen.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from shoal.errors import ModelError
from shoal.families.base import Family, Rows
from shoal.families.row_functions import RowFunction
from shoal.priors import Prior


class Coarse(Family):
    """A family of responses some of which are known by an interval, or all of which keep bounds.

    Parameters
    ----------
    family : Family
        One that has interval functions.
    truncated : bool
        The response keeps bounds.
    """

    def __init__(self, family: Family, truncated: bool):
        self.of, self.truncated = family, truncated
        # What other families say as classes depends on the family here: an instance says it.
        same = ("name", "links", "wider", "takes", "requires", "discrete", "kinked")
        vars(self).update({what: getattr(family, what) for what in same})
        # Functions of distribution are log-concave where the density is; a truncated density need not be.
        vars(self).update(newton_steps=8, log_concave=family.log_concave and not truncated)
        super().__init__(family.link)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Coarse):
            return False
        return (self.of, self.truncated) == (other.of, other.truncated)

    def __hash__(self) -> int:
        return hash((self.of, self.truncated))

    @property
    def plain(self) -> Family:
        return self.of

    @property
    def row_function(self) -> RowFunction:
        return self.of.row_function

    @property
    def interval_function(self) -> RowFunction:
        return self.of.interval_function

    def distribution(self, known_se: bool, se_sigma: bool) -> str:
        return self.of.distribution(known_se, se_sigma)

    def parameters(self, known_se: bool, se_sigma: bool) -> tuple[str, ...]:
        return self.of.parameters(known_se, se_sigma)

    def parameter_prior(self, name: str, rows: Rows) -> Prior:
        return self.of.parameter_prior(name, rows)

    def check(self, rows: Rows, name: str) -> None:
        self.of.check(rows, name)

    def scale(self, rows: Rows) -> tuple[float, float]:
        return self.of.scale(rows)

    def no_pooling_sd(self, rows: Rows) -> float:
        return self.of.no_pooling_sd(rows)

    def start(self, rows: Rows) -> np.ndarray:
        return self.of.start(rows)

    def normal_response(self, rows: Rows) -> np.ndarray:
        return self.of.normal_response(rows)

    def log_constant(self, rows: Rows) -> np.ndarray:
        return self.of.log_constant(rows)

    def edges(self, rows: Rows) -> tuple[np.ndarray, np.ndarray]:
        low, high = self.of.edges(rows)
        if rows.known is None:
            return low, high
        a, b = rows.known
        return np.where(rows.observed, low, np.isneginf(a)), np.where(rows.observed, high, np.isposinf(b))

    def variance(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        if rows.bounds is not None:
            raise ModelError(
                "truncated-without-variance",
                "The response is truncated.",
                "The variance of what is between bounds is not written out.",
            )
        return self.of.variance(rows, eta, phi)

    def residual_variance(self, rows: Rows, phi: dict[str, Any]) -> Any:
        return None if self.truncated else self.of.residual_variance(rows, phi)

    def draw(self, rng: np.random.Generator, rows: Rows, eta: np.ndarray, phi: dict[str, Any]) -> np.ndarray:
        """Return simulated responses, truncated ones by the inverse of their distribution function."""
        if rows.bounds is None:
            return self.of.draw(rng, rows, eta, phi)
        a, b = rows.bounds
        whole = self.of.in_scipy(rows, eta, phi)
        upper = whole.cdf(a) > 0.5  # where the upper tail has the digits
        first, last = np.where(upper, whole.sf(a), whole.cdf(a)), np.where(upper, whole.sf(b), whole.cdf(b))
        at = first + rng.random(np.shape(eta)) * (last - first)
        drawn = np.where(upper, whole.isf(at), whole.ppf(at))
        # So far out that nothing is between the bounds, what is left of the density stands at the nearer one.
        nearer = np.where(self.of.mean(rows, eta, phi) > b, b, a)
        drawn = np.where((first == last) | np.isnan(drawn), nearer, drawn)
        return np.clip(drawn, a + 1 if self.discrete else a, b)

    def mean(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        if rows.bounds is None:
            return self.of.mean(rows, eta, phi)
        a, b = rows.bounds
        return np.clip(self.of.mean_between(rows, eta, phi), a + 1 if self.discrete else a, b)
