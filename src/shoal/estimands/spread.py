"""Variances over the rows of a table, block of rows by block of rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Spread:
    """Mean and variance over rows at each draw, (chain, draw), of rows that count by their weights.

    Attributes
    ----------
    rows : float
        Rows with weight.
    weight : float
        Their sum of weights.
    mean, squares : (chain, draw) array
        Weighted mean, and weighted sum of squares around it.
    """

    rows: float
    weight: float
    mean: np.ndarray
    squares: np.ndarray

    def plus(self, other: Spread) -> Spread:
        """Return the same of the rows of both (Chan et al. 1983, American Statistician 37, 242-247)."""
        weight = self.weight + other.weight
        share = other.weight / weight if weight else 0.0
        away = other.mean - self.mean
        squares = self.squares + other.squares + self.weight * share * away**2
        return Spread(self.rows + other.rows, weight, self.mean + share * away, squares)

    @property
    def variance(self) -> np.ndarray:
        """The variance; of rows of weight 1, their squares over their number minus one."""
        if self.rows < 2:
            return np.zeros_like(self.squares)
        return self.squares / self.weight * self.rows / (self.rows - 1)


def share(part: np.ndarray, total: np.ndarray) -> np.ndarray:
    """Return a part of a variance over the whole; 0 where the whole is 0, or infinite by another part."""
    none = np.isinf(total) | (total == 0)
    return np.where(none, 0.0, part / np.where(none, 1.0, total))


def spread(values: np.ndarray, weight: np.ndarray, counts: np.ndarray | None = None) -> Spread:
    """Return mean and variance over the last axis; `counts` says how many rows each one stands for."""
    total = float(weight.sum())
    if not total:
        return Spread(0.0, 0.0, np.zeros(values.shape[:-1]), np.zeros(values.shape[:-1]))
    mean = values @ weight / total
    rows = (weight > 0).sum() if counts is None else counts[weight > 0].sum()
    return Spread(float(rows), total, mean, (values - mean[..., None]) ** 2 @ weight)
