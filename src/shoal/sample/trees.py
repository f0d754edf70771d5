"""Trees of draws: keep, join and stack their arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from shoal.sample.target import Settings


def keep(tree: Any, settings: Settings, count: int) -> Any:
    """Return NumPy copies of the first `count` draws.

    Arrays of three axes are effects (draws, K, G): kept in float32, or not at all, if the settings say so.
    """

    def one(array: Any) -> np.ndarray:
        array = np.asarray(array)[:count]
        if array.ndim < 3:
            return array.copy()
        if not settings.keep_effects:
            return np.zeros((count, array.shape[1], 0))
        return array.astype(np.float32 if settings.single else np.float64)

    return jax.tree.map(one, tree)


def join(parts: Sequence[Any]) -> Any:
    """Concatenate trees of draws along the first axis."""
    return jax.tree.map(lambda *arrays: np.concatenate(arrays), *parts)


def stack(chains: Sequence[Any]) -> Any:
    """Stack trees, one a chain, along a new first axis."""
    return jax.tree.map(lambda *arrays: np.stack(arrays), *chains)
