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

Make = Callable[[int, slice], np.ndarray]


class Replayed(BackendArray):
    """Draws (chains, draws, ...) of one variable.

    Parameters
    ----------
    begin : callable
        Makes the run ready, once a reading. Returns a function of the number of a chain and the draws of a
        block, which makes that block's draws again.
    shape : tuple of int
    settings : Settings
        Of the run.
    """

    def __init__(self, begin: Callable[[], Make], shape: tuple[int, ...], settings: Settings) -> None:
        self.begin, self.shape, self.settings = begin, shape, settings
        self.dtype = np.dtype(float)

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        support = indexing.IndexingSupport.OUTER
        return indexing.explicit_indexing_adapter(key, self.shape, support, self._read)

    def _read(self, key: tuple[Any, ...]) -> np.ndarray:
        """Return the draws of some chains, draws and elements: each an integer, a slice or an array."""
        chosen = [np.arange(size)[own] for size, own in zip(self.shape, key, strict=True)]
        chains, draws = np.ravel(chosen[0]), np.ravel(chosen[1])
        out = np.empty((chains.size, draws.size, *(n for own in chosen[2:] for n in own.shape)))
        make = self.begin()

        def of_chain(number: int) -> None:
            for at in blocks(self.settings):
                inside = np.flatnonzero((draws >= at.start) & (draws < at.stop))
                if inside.size:
                    values = _outer(make(number, at), key[2:])
                    for place in np.flatnonzero(chains == number):
                        out[place, inside] = values[draws[inside] - at.start]

        with one_thread_lapack():
            tasks = [partial(of_chain, int(number)) for number in np.unique(chains)]
            in_threads(tasks, self.settings.cores, Progress())
        return out.reshape(*(n for own in chosen for n in own.shape))


def _outer(values: np.ndarray, key: tuple[Any, ...]) -> np.ndarray:
    """Return what each key takes of its axis, behind the first; integers drop one, so the last is first."""
    for axis in range(len(key), 0, -1):
        values = values[(slice(None),) * axis + (key[axis - 1],)]
    return values


def lazily(dims: tuple[str, ...], array: BackendArray) -> xr.Variable:
    """Return a variable that reads an array when it is asked for values, and keeps none."""
    return xr.Variable(dims, indexing.LazilyIndexedArray(array))
