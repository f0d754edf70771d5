"""What the values of a response are: as they were given, as the table has them, categories and cutpoints."""

from __future__ import annotations

from typing import Any

import numpy as np

from shoal.families import Family, Rows
from shoal.model.thresholds import Thresholds


class Outcomes:
    """The part of a `Design` that reads its response's values; its attributes are a design's."""

    family: Family
    rows: Rows
    prefix: str
    thresholds: Thresholds | None
    missing: np.ndarray | None
    categories: tuple[Any, ...]

    @property
    def n_rows(self) -> int:
        """Rows of the table."""
        return len(self.rows.y)

    @property
    def absent(self) -> np.ndarray:
        """Rows whose response is missing, or which a subset leaves out, (N,) bool."""
        return np.zeros(self.n_rows, bool) if self.missing is None else self.missing

    @property
    def cutpoints(self) -> str:
        """Posterior name of the cutpoints of an ordered response."""
        return f"{self.prefix}cutpoints"

    @property
    def cutpoint_sets(self) -> dict[str, int]:
        """The names of the priors of each set of cutpoints, and how many it has; none of other responses."""
        sets = self.thresholds
        if sets is None:
            return {}
        return {self.cutpoints + name: count for name, count in zip(sets.names, sets.counts, strict=True)}

    @property
    def items(self) -> tuple[str, ...]:
        """The column of items that have cutpoints of their own, if there is one."""
        return () if self.thresholds is None else self.thresholds.factor

    @property
    def constants(self) -> np.ndarray:
        """Columns of the means of cutpoints, (N, G), which stand where an Intercept would."""
        return np.zeros((self.n_rows, 0)) if self.thresholds is None else self.thresholds.columns()

    def blocks(self, rows: np.ndarray) -> list[np.ndarray]:
        """Return the positions, among some rows of the table, of those that share all cutpoints."""
        return [np.arange(len(rows))] if self.thresholds is None else self.thresholds.split(rows)

    @property
    def edges(self) -> tuple[np.ndarray, np.ndarray]:
        """Which rows sit at the lower and at the upper end of the response's range, (N,) bool each."""
        low, high = self.family.edges(self.rows)
        if self.thresholds is None:
            return low, high
        return low, self.rows.y == np.array(self.thresholds.counts)[self.thresholds.index]

    @property
    def category_dims(self) -> tuple[str, ...]:
        """The dimension of results over the columns of a response, if it has several."""
        return (f"{self.prefix}category",) if self.family.several else ()

    @property
    def category_numbers(self) -> np.ndarray:
        """The number of each category: its label if that is a number, or its place from 1."""
        labels = np.asarray(self.categories)
        return labels.astype(float) if labels.dtype.kind in "biuf" else np.arange(1.0, len(labels) + 1)

    @property
    def observed(self) -> np.ndarray:
        """The responses as the table has them, (N,), or (N, C) of several columns; NaN if not known."""
        absent = self.absent[:, None] if self.family.several else self.absent
        return np.where(absent, np.nan, self.as_in_the_table(self.responses))

    @property
    def responses(self) -> np.ndarray:
        """The responses as `with_response` takes them: (N,), or (N, C) of several columns."""
        rows = self.rows
        return np.column_stack([rows.y, *rows.columns]) if self.family.several else np.asarray(rows.y, float)

    def as_in_the_table(self, y: np.ndarray) -> np.ndarray:
        """Return responses as the table has them: codes of categories, from 0, become `category_numbers`."""
        y = np.asarray(y, float)
        return self.category_numbers[y.astype(int)] if self.family.categorical else y

    @property
    def row_weight(self) -> np.ndarray:
        """Observations a row stands for, (N,): its weight times its trials."""
        return self.rows.weight * self.rows.trials
