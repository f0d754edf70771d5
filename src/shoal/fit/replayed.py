"""Draws that are made again whenever they are read, block by block, from the states that chains had."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing

from shoal.engine.blocks import blocks
from shoal.engine.progress import Progress
from shoal.engine.settings import Settings
from shoal.engine.threads import in_threads, one_thread_lapack


class Replayed(BackendArray):
    """Draws (chains, draws, ...) of one variable.

    Parameters
    ----------
    make : callable
        Takes the number of a chain and the draws of a block, and returns that block's draws.
    shape : tuple of int
    settings : Settings
        Of the run.
    """

    def __init__(
        self, make: Callable[[int, slice], np.ndarray], shape: tuple[int, ...], settings: Settings
    ) -> None:
        self.make, self.shape, self.settings = make, shape, settings
        self.dtype = np.dtype(float)

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        support = indexing.IndexingSupport.OUTER
        return indexing.explicit_indexing_adapter(key, self.shape, support, self._read)

    def _read(self, key: tuple[Any, ...]) -> np.ndarray:
        """Return the draws of some chains, draws and elements: each an integer, a slice or an array."""
        chains, draws = (np.arange(size)[own] for size, own in zip(self.shape[:2], key[:2], strict=True))
        found = dict[tuple[int, int], np.ndarray]()

        def of_chain(number: int) -> None:
            for at in blocks(self.settings):
                inside = np.flatnonzero((np.ravel(draws) >= at.start) & (np.ravel(draws) < at.stop))
                if inside.size:
                    values = _outer(self.make(number, at), key[2:])
                    for k in inside:
                        found[number, int(np.ravel(draws)[k])] = values[int(np.ravel(draws)[k]) - at.start]

        with one_thread_lapack():
            tasks = [partial(of_chain, int(number)) for number in np.unique(chains)]
            in_threads(tasks, self.settings.cores, Progress())
        rows = [[found[int(c), int(d)] for d in np.ravel(draws)] for c in np.ravel(chains)]
        out = np.array(rows)
        return out.reshape(*chains.shape, *draws.shape, *out.shape[2:])


def _outer(values: np.ndarray, key: tuple[Any, ...]) -> np.ndarray:
    """Return what each key takes of its axis, behind the first; integers drop one, so the last is first."""
    for axis in range(len(key), 0, -1):
        values = values[(slice(None),) * axis + (key[axis - 1],)]
    return values.copy()


def lazily(dims: tuple[str, ...], array: BackendArray) -> xr.Variable:
    """Return a variable that reads an array when it is asked for values, and keeps none."""
    return xr.Variable(dims, indexing.LazilyIndexedArray(array))
