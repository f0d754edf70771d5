"""Counts in categories of a known total: ``(y_1, ..., y_J) ~ Multinomial(trials, p)``, one column each.

Shares p of which all but the first have a predictor. The row function takes all predictors together, so that
its curvature is the exact one, ``trials (diag(p) - p p')``: that of so many rows of family `categorical`.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
from scipy.special import gammaln

from shoal.errors import DataError, listing
from shoal.families.base import Rows
from shoal.families.row_functions import RowFunction, row_function
from shoal.families.shares import Shares, columns_of, refuse_alike, refuse_columns, write_curvature


@row_function
def multinomial_rows(y, trials, weight, se, eta, phi, order, value, score, curvature, slope, information):
    """Rows by ``sum over j of y_j log p_j``; those of a row follow one another in `y`."""
    count, rows = eta.shape
    for i in range(rows):
        w, n, first = weight[i], trials[i], i * count
        highest, total, inside = eta[0, i], 0.0, 0.0
        for a in range(1, count):
            highest = max(highest, eta[a, i])
        for a in range(count):
            share = math.exp(eta[a, i] - highest)
            total += share
            if y[first + a] > 0.0:
                inside += y[first + a] * (eta[a, i] - highest)
            if order > 0:
                score[a, i] = share  # until the curvature has been made of it
        value[i] = w * (inside - n * math.log(total))
        if order > 1:
            write_curvature(i, w * n, total, score, curvature)
        if order > 0:
            for a in range(count):
                score[a, i] = w * (y[first + a] - n * score[a, i] / total)


class Multinomial(Shares):
    """Counts of several categories, each but the first with a linear predictor of its own."""

    name: ClassVar[str] = "multinomial"
    takes: ClassVar[frozenset[str]] = frozenset({"trials"})
    requires: ClassVar[frozenset[str]] = frozenset({"trials"})
    row_functions: ClassVar[dict[str, RowFunction]] = {"logit": multinomial_rows}
    several: ClassVar[bool] = True
    discrete: ClassVar[bool] = True
    log_concave: ClassVar[bool] = True

    def totals(self, rows: Rows) -> np.ndarray:
        return rows.weight @ columns_of(rows) + 0.5

    def distribution(self, known_se: bool, se_sigma: bool) -> str:
        return f"Multinomial(trials, softmax(0, {', '.join(self.together)}))"

    def check(self, rows: Rows, name: str) -> None:
        refuse_alike(self.together, self.labels)
        counts = columns_of(rows)
        problems = {
            "negative counts": (counts < 0).any(1),
            "non-integer counts": (counts != np.round(counts)).any(1),
            "no count above zero": counts.sum(1) < 1,
            "counts that do not sum to the row's trials": counts.sum(1) != rows.trials,
        }
        for what, where in problems.items():
            needed = "Counts, 0, 1, 2, …, of which the row's trials are the sum."
            remedy = "For shares that sum to one: family='dirichlet'." if "integer" in what else ""
            refuse_columns(rows, self.labels, name, where, what, needed, remedy)
        seen = np.asarray(counts.any(0))
        if never := [str(label) for label, there in zip(self.labels, seen, strict=True) if not there]:
            raise DataError(
                "category-never-seen",
                f"{listing(map(repr, never))} of {name} has no count in {len(counts)} rows.",
                "Categories that were seen.",
                "Leave the column out.",
            )

    def log_constant(self, rows: Rows) -> np.ndarray:
        counts = columns_of(rows)
        return np.asarray(rows.weight) * (gammaln(counts.sum(1) + 1) - gammaln(counts + 1).sum(1))

    def draw(self, rng: np.random.Generator, rows: Rows, eta: np.ndarray, phi: dict[str, Any]) -> np.ndarray:
        return rng.multinomial(np.asarray(rows.trials).astype(int), self.shares(eta, phi)).astype(float)

    def mean(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        return np.asarray(rows.trials, float)[..., None] * self.shares(eta, phi)

    def merge(self, rows: Rows, index: np.ndarray, size: int) -> Rows | None:
        columns = (rows.trials, rows.y, *rows.columns)
        sums = [np.bincount(index, weights=rows.weight * column, minlength=size) for column in columns]
        return Rows(sums[1], sums[0], np.ones(size), np.zeros(size), columns=np.stack(sums[2:]))
