"""Shares of categories, ``p_j = exp(mu_j) / sum over k of exp(mu_k)``, with mu of the first at 0.

Link: logit. Every category but the first has a linear predictor of its own, ``mu_<category>``: the log odds
of that category against the first. Each has the formula's right side, unless a predictor is given for it.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
from scipy.special import softmax

from shoal.errors import DataError, ModelError, listing
from shoal.families.base import Family, Rows
from shoal.families.row_functions import RowValues, evaluate_rows
from shoal.families.special import above_zero
from shoal.priors import Normal, Prior
from shoal.priors.compiled import inner

MOST_SHOWN = 6  # columns of a row that a message writes out


@inner
def write_curvature(i, size, total, exponentials, curvature):
    """Write ``size (diag(p) - p p')`` of a row, whose p are its exponentials over their total."""
    pair = 0
    for a in range(exponentials.shape[0]):
        p = exponentials[a, i] / total
        for b in range(a):
            curvature[pair, i] = -size * p * exponentials[b, i] / total
            pair += 1
        curvature[pair, i] = above_zero(size * p * (1.0 - p))
        pair += 1


class Shares(Family):
    """Base of families of shares, each but the first with a linear predictor.

    Parameters
    ----------
    link : str
        "logit".
    labels : sequence
        The categories, the one that others are compared with first; empty until they are known.
    """

    links: ClassVar[tuple[str, ...]] = ("logit",)
    joint: ClassVar[bool] = True
    newton_steps: ClassVar[int] = 8

    def __init__(self, link: str | None = None, labels: Sequence[Any] = ()):
        super().__init__(link)
        self.labels = tuple(labels)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Shares) and (type(self), self.labels) == (type(other), other.labels)

    def __hash__(self) -> int:
        return hash((type(self), self.labels))

    def with_categories(self, labels: Sequence[Any]) -> Self:
        return type(self)(self.link, labels)

    @property
    def together(self) -> tuple[str, ...]:
        return tuple("mu_" + re.sub(r"\W", "_", str(label)) for label in self.labels[1:])

    def parameters(self, known_se: bool, se_sigma: bool) -> tuple[str, ...]:
        return self.together

    @abstractmethod
    def totals(self, rows: Rows) -> np.ndarray:
        """Return how much of each category there is in all rows, (J,), all above zero."""

    def parameter_prior(self, name: str, rows: Rows) -> Prior:
        totals = self.totals(rows)
        return Normal(float(np.log(totals[self.together.index(name) + 1] / totals[0])), 1.0)

    def scale(self, rows: Rows) -> tuple[float, float]:
        return 0.0, 1.0

    def no_pooling_sd(self, rows: Rows) -> float:
        return 1.5

    def start(self, rows: Rows) -> np.ndarray:
        return np.zeros(len(rows.y))

    def evaluate(self, rows: Rows, eta: Any, phi: dict[str, Any], order: int = 0) -> RowValues:
        """Evaluate as `Family.evaluate`: predictors of categories are parameters to those who call it."""
        functions = self.row_function, self.interval_function
        other = [phi[name] for name in self.parameters(False, False) if name not in self.together]
        shared = np.stack([np.atleast_1d(np.asarray(own, float)) for own in other], -2) if other else NOTHING
        found = evaluate_rows(functions, rows, self.predictors(eta, phi), shared, order)
        slopes = np.swapaxes(found.score[..., 1:, :], -1, -2), found.slope
        slope = np.concatenate(slopes, axis=-1) if order > 0 else found.slope
        return RowValues(found.value, found.score[..., 0, :], found.curvature[..., 0, :], slope)

    def shares(self, eta: Any, phi: dict[str, Any]) -> np.ndarray:
        """Return the share of each category, (..., N, J)."""
        return softmax(np.swapaxes(self.predictors(eta, phi), -1, -2), axis=-1)

    def variance(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        if not self.several:
            return super().variance(rows, eta, phi)
        raise ModelError(
            "response-of-several-columns",
            f"A response of family {self.name!r} has several columns: there is no one variance.",
            "R2 needs a response of one column.",
            "fit.loo() and sl.compare say how well all columns are predicted.",
        )

    def residual_variance(self, rows: Rows, phi: dict[str, Any]) -> Any:
        return None


NOTHING = np.zeros((0, 1))


def columns_of(rows: Rows) -> np.ndarray:
    """Return the responses of several columns, (N, J)."""
    return np.column_stack([rows.y, *rows.columns])


def refuse_columns(
    rows: Rows, labels: Sequence[Any], name: str, where: np.ndarray, what: str, needed: str, remedy: str = ""
) -> None:
    """Raise `DataError` if `where` (N,) holds in any row, with what its columns hold."""
    bad, values = np.flatnonzero(where), columns_of(rows)
    if bad.size:
        shown = listing(f"row {i}: {_written(labels, values[i])}" for i in bad)
        raise DataError(
            "response-outside-support",
            f"{name} has {what} in {bad.size} of {len(values)} rows ({shown}).",
            needed,
            remedy,
        )


def _written(labels: Sequence[Any], values: np.ndarray) -> str:
    pairs = [f"{label} {value:g}" for label, value in zip(labels, values, strict=True)]
    return " ".join([*pairs[:MOST_SHOWN], *(["…"] if len(pairs) > MOST_SHOWN else [])])


def refuse_alike(parameters: Sequence[str], labels: Sequence[Any]) -> None:
    """Raise `DataError` if the predictors of two categories would be called alike."""
    if twice := [label for label in dict.fromkeys(labels) if list(labels).count(label) > 1]:
        raise DataError(
            "response-column-twice", f"The column {twice[0]!r} stands twice.", "Columns that differ."
        )
    if alike := [own for own in dict.fromkeys(parameters) if parameters.count(own) > 1]:
        clashing = [label for label, own in zip(labels[1:], parameters, strict=True) if own == alike[0]]
        raise DataError(
            "categories-alike",
            f"The predictors of categories {listing(map(repr, clashing))} would both be called {alike[0]!r}.",
            "Labels that differ in their letters or digits.",
        )
