"""Where a run is written while it goes: arrays, a block of a chain at a time, and facts. Here, in memory.

A record on disk (`fit.checkpoint`) has the same four methods. A run asks it for its arrays and goes on from
what stands in them: what a run leaves and what it begins with are one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np


class Record:
    """Arrays and facts of a run, by name.

    Attributes
    ----------
    resumes : bool
        States of chains are kept, from which their blocks can be made again.
    """

    def __init__(self, resumes: bool = False) -> None:
        self.resumes = resumes
        self._arrays = dict[str, Any]()
        self._facts = dict[str, Any]()
        self._parts = dict[str, Record]()

    def part(self, name: str) -> Record:
        """Return the record of a part of the run."""
        return self._parts.setdefault(name, Record(self.resumes))

    def array(self, name: str, shape: tuple[int, ...], block: tuple[int, ...], kind: str = "f8") -> Any:
        """Return an array, of zeros until it is written to.

        Parameters
        ----------
        block : tuple of int
            What is written at a time: whole or not at all.
        kind : str
            Of its numbers, as NumPy calls it.
        """
        if name not in self._arrays:
            self._arrays[name] = np.zeros(shape, kind)
        return self._arrays[name]

    @property
    def facts(self) -> Mapping[str, Any]:
        """What was noted: numbers, texts, lists and tables of them."""
        return self._facts

    def note(self, **facts: Any) -> None:
        """Note facts, all of them or none."""
        self._facts |= facts

    def keep(self, name: str, values: np.ndarray) -> None:
        """Write an array of any shape, whole."""
        self._arrays[name] = values

    def kept(self, name: str) -> np.ndarray:
        """Return an array that was written whole."""
        return np.asarray(self._arrays[name])
