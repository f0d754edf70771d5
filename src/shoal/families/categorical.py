"""Categories without an order: ``P(y = j) = exp(mu_j) / sum over k of exp(mu_k)``, with mu of the first at 0.

Link: logit. Every category but the first has a linear predictor of its own, ``mu_<category>``: the log odds
of that category against the first. Each has the formula's right side, unless a predictor is given for it. The
row function takes all predictors together, so that its curvature is the exact one,
``diag(p) - p p'`` (McCullagh and Nelder 1989, Generalized Linear Models, 2nd ed., section 5.2.4).
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from scipy.special import softmax

from shoal.errors import DataError, listing
from shoal.families.base import Family, Rows
from shoal.families.row_functions import RowFunction, RowValues, evaluate_rows, row_function
from shoal.families.special import above_zero
from shoal.families.support import refuse
from shoal.priors import Normal, Prior


@row_function
def categorical_rows(y, trials, weight, se, eta, phi, order, value, score, curvature, slope, information):
    """Rows by ``mu_y - log sum(exp(mu))``, of all predictors."""
    count = eta.shape[0]
    for i in range(y.shape[0]):
        w, code = weight[i], int(y[i])
        highest, total = eta[0, i], 0.0
        for a in range(1, count):
            highest = max(highest, eta[a, i])
        for a in range(count):
            share = math.exp(eta[a, i] - highest)
            total += share
            if order > 0:
                score[a, i] = share  # until the curvature has been made of it
        value[i] = w * (eta[code, i] - highest - math.log(total))
        if order > 1:
            pair = 0
            for a in range(count):
                p = score[a, i] / total
                for b in range(a):
                    curvature[pair, i] = -w * p * score[b, i] / total
                    pair += 1
                curvature[pair, i] = above_zero(w * p * (1.0 - p))
                pair += 1
        if order > 0:
            for a in range(count):
                score[a, i] = w * ((1.0 if a == code else 0.0) - score[a, i] / total)


class Categorical(Family):
    """Categories without an order, each but the first with a linear predictor of its own.

    Parameters
    ----------
    link : str
        "logit".
    labels : sequence
        The categories, the one that others are compared with first; empty until they are known.
    """

    name: ClassVar[str] = "categorical"
    links: ClassVar[tuple[str, ...]] = ("logit",)
    row_functions: ClassVar[dict[str, RowFunction]] = {"logit": categorical_rows}
    categorical: ClassVar[bool] = True
    joint: ClassVar[bool] = True
    discrete: ClassVar[bool] = True
    log_concave: ClassVar[bool] = True
    newton_steps: ClassVar[int] = 8

    def __init__(self, link: str | None = None, labels: Sequence[Any] = ()):
        super().__init__(link)
        self.labels = tuple(labels)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Categorical) and self.labels == other.labels

    def __hash__(self) -> int:
        return hash((type(self), self.labels))

    def with_categories(self, labels: Sequence[Any]) -> Categorical:
        return type(self)(self.link, labels)

    def parameters(self, known_se: bool, se_sigma: bool) -> tuple[str, ...]:
        return tuple("mu_" + re.sub(r"\W", "_", str(label)) for label in self.labels[1:])

    def parameter_prior(self, name: str, rows: Rows) -> Prior:
        counts = np.bincount(rows.y.astype(int), weights=rows.weight, minlength=len(self.labels)) + 0.5
        return Normal(float(np.log(counts[self.parameters(False, False).index(name) + 1] / counts[0])), 1.0)

    def distribution(self, known_se: bool, se_sigma: bool) -> str:
        return f"Categorical(softmax(0, {', '.join(self.parameters(known_se, se_sigma))}))"

    def encode(self, values: np.ndarray | pd.Series, name: str) -> tuple[np.ndarray, tuple[Any, ...]]:
        """Return codes 0 to J - 1, as numbers, and the labels of the J categories.

        Parameters
        ----------
        values : array or Series
            Text, whole numbers or truth values, whose categories are sorted, or a categorical, whose order is
            taken, less the categories of no row.
        name : str
            Of the column.

        Raises
        ------
        DataError
            If values are no categories, all rows have one category, or two are called alike.
        """
        series = pd.Series(values)
        if series.dtype.kind in "fc" and (series != series.round()).any():
            raise DataError(
                f"The response {name!r} has values such as {series[series != series.round()].iloc[0]:g}.",
                "Categories: text, whole numbers or a pandas.Categorical.",
            )
        if series.dtype.kind == "f":
            series = series.astype(int)
        codes, labels = pd.factorize(series, sort=True)
        if isinstance(series.dtype, pd.CategoricalDtype):
            series = series.cat.remove_unused_categories()
            codes, labels = series.cat.codes.to_numpy(), series.cat.categories
        found = tuple(label.item() if isinstance(label, np.generic) else label for label in labels)
        if len(found) < 2:
            raise DataError(
                f"The response {name!r} has one category ({found[0]!r}) in all {len(codes)} rows.",
                "At least two categories.",
            )
        parameters = type(self)(self.link, found).parameters(False, False)
        if alike := [own for own in dict.fromkeys(parameters) if parameters.count(own) > 1]:
            clashing = [label for label, own in zip(found[1:], parameters, strict=True) if own == alike[0]]
            raise DataError(
                f"The predictors of categories {listing(map(repr, clashing))} would both be called "
                f"{alike[0]!r}.",
                "Labels that differ in their letters or digits.",
            )
        return codes.astype(float), found

    def check(self, rows: Rows, name: str) -> None:
        outside = (rows.y != np.round(rows.y)) | (rows.y < 0) | (rows.y >= len(self.labels))
        refuse(rows, name, outside, "values that are no category", f"Codes 0 to {len(self.labels) - 1}.")

    def scale(self, rows: Rows) -> tuple[float, float]:
        return 0.0, 1.0

    def no_pooling_sd(self, rows: Rows) -> float:
        return 1.5

    def start(self, rows: Rows) -> np.ndarray:
        return np.zeros(len(rows.y))

    def evaluate(self, rows: Rows, eta: Any, phi: dict[str, Any], order: int = 0) -> RowValues:
        """Evaluate as `Family.evaluate`: predictors of categories are parameters to those who call it."""
        functions = self.row_function, self.interval_function
        found = evaluate_rows(functions, rows, self.predictors(eta, phi), np.zeros((0, 1)), order)
        slope = np.swapaxes(found.score[..., 1:, :], -1, -2)
        return RowValues(found.value, found.score[..., 0, :], found.curvature[..., 0, :], slope)

    def draw(self, rng: np.random.Generator, rows: Rows, eta: np.ndarray, phi: dict[str, Any]) -> np.ndarray:
        at_most = np.cumsum(self.mean(rows, eta, phi), axis=-1)[..., :-1]
        return (rng.random(at_most.shape[:-1])[..., None] > at_most).sum(-1).astype(float)

    def mean(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        return softmax(np.swapaxes(self.predictors(eta, phi), -1, -2), axis=-1)

    def residual_variance(self, rows: Rows, phi: dict[str, Any]) -> Any:
        return None
