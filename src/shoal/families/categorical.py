"""Categories without an order: ``P(y = j) = p_j``, shares of which all but the first have a predictor.

The row function takes all predictors together, so that its curvature is the exact one, ``diag(p) - p p'``
(McCullagh and Nelder 1989, Generalized Linear Models, 2nd ed., section 5.2.4).
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from shoal.errors import DataError
from shoal.families.base import Rows
from shoal.families.row_functions import RowFunction, row_function
from shoal.families.shares import Shares, refuse_alike, write_curvature
from shoal.families.support import refuse


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
            write_curvature(i, w, total, score, curvature)
        if order > 0:
            for a in range(count):
                score[a, i] = w * ((1.0 if a == code else 0.0) - score[a, i] / total)


class Categorical(Shares):
    """Categories without an order, each but the first with a linear predictor of its own."""

    name: ClassVar[str] = "categorical"
    row_functions: ClassVar[dict[str, RowFunction]] = {"logit": categorical_rows}
    categorical: ClassVar[bool] = True
    discrete: ClassVar[bool] = True
    log_concave: ClassVar[bool] = True

    def totals(self, rows: Rows) -> np.ndarray:
        return np.bincount(rows.y.astype(int), weights=rows.weight, minlength=len(self.labels)) + 0.5

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
                "response-not-categories",
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
                "one-category",
                f"The response {name!r} has one category ({found[0]!r}) in all {len(codes)} rows.",
                "At least two categories.",
            )
        refuse_alike(self.with_categories(found).together, found)
        return codes.astype(float), found

    def check(self, rows: Rows, name: str) -> None:
        outside = (rows.y != np.round(rows.y)) | (rows.y < 0) | (rows.y >= len(self.labels))
        refuse(rows, name, outside, "values that are no category", f"Codes 0 to {len(self.labels) - 1}.")

    def draw(self, rng: np.random.Generator, rows: Rows, eta: np.ndarray, phi: dict[str, Any]) -> np.ndarray:
        at_most = np.cumsum(self.mean(rows, eta, phi), axis=-1)[..., :-1]
        return (rng.random(at_most.shape[:-1])[..., None] > at_most).sum(-1).astype(float)

    def mean(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        return self.shares(eta, phi)
