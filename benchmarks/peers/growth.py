"""Tables of any size, in parts of a million rows, for the series of costs that grow with one size."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

PART = 1_000_000  # rows
Made = Callable[[int], Iterator[pd.DataFrame]]


def gaussian(rows: int, levels: int = 1000) -> Made:
    """Return rows of levels whose means scatter with sd 0.7 about 1, with residuals of sd 1."""

    def make(seed: int) -> Iterator[pd.DataFrame]:
        effect = 0.7 * np.random.default_rng([seed, 0]).normal(size=levels)
        for rng, g in _parts(rows, levels, seed):
            x = rng.normal(size=len(g))
            y = 1.0 + 0.5 * x + effect[g] + rng.normal(size=len(g))
            yield pd.DataFrame({"y": y, "x": x, "g": g})

    return make


def binary(rows: int, levels: int) -> Made:
    """Return binary rows of levels whose log odds scatter with sd 0.8."""

    def make(seed: int) -> Iterator[pd.DataFrame]:
        effect = 0.8 * np.random.default_rng([seed, 0]).normal(size=levels)
        for rng, g in _parts(rows, levels, seed):
            x = rng.normal(size=len(g))
            y = rng.logistic(size=len(g)) < 0.3 + 0.5 * x + effect[g]
            yield pd.DataFrame({"y": y.astype(int), "x": x, "g": g})

    return make


def many_effects(effects: int, levels: int = 100, rows: int = 4000) -> Made:
    """Return binary rows of levels with an intercept and slopes of their own, each with sd 0.5."""

    def make(seed: int) -> Iterator[pd.DataFrame]:
        effect = 0.5 * np.random.default_rng([seed, 0]).normal(size=(levels, effects))
        for rng, g in _parts(rows, levels, seed):
            x = rng.normal(size=(len(g), effects))
            x[:, 0] = 1.0
            y = rng.logistic(size=len(g)) < 0.3 + (x * effect[g]).sum(1)
            slopes = {f"x{k}": x[:, k] for k in range(1, effects)}
            yield pd.DataFrame({"y": y.astype(int), **slopes, "g": g})

    return make


def _parts(rows: int, levels: int, seed: int) -> Iterator[tuple[np.random.Generator, np.ndarray]]:
    """Yield random numbers and the level of each row, part by part; levels take turns, so that all occur."""
    for number, start in enumerate(range(0, rows, PART)):
        size = min(PART, rows - start)
        yield (
            np.random.default_rng([seed, 1, number]),
            np.arange(start, start + size, dtype=np.int32) % levels,
        )
