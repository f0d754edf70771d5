"""Holders of rows: whoever has the units, wherever that is, and answers rounds about them.

A round is a batch of points. What is sent are the numbers h of each point (`hyper`) and the rule of
integration, a few kilobytes; what returns is one number a point and part. What every
holder must do is tested for all of them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from shoal.engine.progress import Progress
from shoal.engine.rounds import kernel
from shoal.engine.rounds.parts import Extent, Part
from shoal.engine.rounds.units import Units
from shoal.engine.rules import Rule
from shoal.engine.threads import in_threads

CHECKS = Rule("hermite", 9)  # points at which an envelope is laid, of one effect
MANY_CHECKS = Rule("random", 64)  # and of several


class Holder(ABC):
    """Holds the rows, in parts, and answers about each of them.

    Attributes
    ----------
    sent, received : int
        Bytes so far, beside the rows themselves.
    lost : int
        Parts that were made or sent again, as who held them was lost.
    """

    sent: int = 0
    received: int = 0
    lost: int = 0

    @abstractmethod
    def extents(self) -> list[Extent]:
        """Return how large each part is, and which effects it draws."""

    @abstractmethod
    def log_integrals(self, hs: np.ndarray, rule: Rule) -> np.ndarray:
        """Return the log density of each part's rows, effects integrated, at each point.

        Parameters
        ----------
        hs : (B, H) array
            Hyperparameters of each point.
        rule : Rule

        Returns
        -------
        (parts, B) array
        """

    @abstractmethod
    def draw(self, hs: np.ndarray, seed: Sequence[int], single: bool) -> list[np.ndarray]:
        """Return draws of the effects of each part's levels at each point, (B, effects) each.

        Parameters
        ----------
        hs : (B, H) array
        seed : sequence of int
            With the number of a part it makes that part's random numbers.
        single : bool
            In float32.
        """


def integrate(units: Units, hs: np.ndarray, rule: Rule) -> np.ndarray:
    """Return the sum of the log integrals of some units at each point, (B,)."""
    value = np.zeros(len(hs))
    for d, begin, end in runs(units):
        kernel.log_integrals.compiled(units, begin, end, hs, rule.points(d), value)
    return value


def drawn(units: Units, number: int, hs: np.ndarray, seed: Sequence[int], single: bool) -> np.ndarray:
    """Return draws of the effects of a part's levels at each point, (B, effects)."""
    rng = np.random.default_rng([*seed, number])
    out, column = np.empty((len(hs), int((units.levels * units.effects).sum()))), 0
    for d, begin, end in runs(units):
        if d:
            points = (CHECKS if d == 1 else MANY_CHECKS).points(d)
            kernel.draw.compiled(rng, units, begin, end, hs, points, out, column)
            column += int(units.levels[begin:end].sum()) * d
    return out.astype(np.float32) if single else out


def runs(units: Units) -> list[tuple[int, int, int]]:
    """Return runs of units with as many effects: how many, the first, and the one after the last."""
    cuts = np.flatnonzero(np.diff(units.effects)) + 1
    ends = [0, *cuts.tolist(), len(units.effects)]
    return [(int(units.effects[a]), a, b) for a, b in zip(ends[:-1], ends[1:], strict=True)]


class LocalRows(Holder):
    """Rows in this process, evaluated by threads."""

    def __init__(self, parts: Sequence[Part], cores: int):
        self.parts, self.cores = [(part.number, part.open()) for part in parts], cores
        self._extents = [part.extent for part in parts]
        self._constants = np.array([part.constant for part in parts])

    def extents(self) -> list[Extent]:
        """Return what `Holder.extents` does."""
        return self._extents

    def log_integrals(self, hs: np.ndarray, rule: Rule) -> np.ndarray:
        """Return what `Holder.log_integrals` does."""
        integrals = self._each([partial(integrate, units, hs, rule) for _, units in self.parts])
        return np.stack(integrals) + self._constants[:, None]

    def draw(self, hs: np.ndarray, seed: Sequence[int], single: bool) -> list[np.ndarray]:
        """Return what `Holder.draw` does."""
        tasks = [partial(drawn, units, number, hs, seed, single) for number, units in self.parts]
        return self._each(tasks)

    def _each(self, tasks: Sequence[Callable[[], np.ndarray]]) -> list[np.ndarray]:
        return in_threads(tasks, self.cores, Progress())
