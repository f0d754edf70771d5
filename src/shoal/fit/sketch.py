"""Quantiles of many quantities as their draws come, in little memory.

A buffer of draws that is full is sorted; two sorted runs of one weight become one of twice the weight, of
every other of their values (Munro and Paterson 1980, Theoretical Computer Science 12, 315-323; Agarwal et al.
2013, ACM Trans. Database Systems 38(4):26). Which of the two are left alternates, so errors of rank cancel.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import ndtr, ndtri

SIZE = 64  # values of a run: of four chains together, ranks have an error of about 0.15% of all draws
AT_ONCE = 4096  # quantities whose runs are sorted together
# A grid that is even on a normal scale, where the quantiles of most posteriors lie near a line.
NORMAL_SCORES = np.arange(-30, 31) / 10
PROBABILITIES = ndtr(NORMAL_SCORES)


def size_of(draws: int) -> int:
    """Return the bytes that a sketch of so many draws has of a quantity, at most.

    Draws that wait, the runs, and what two runs are sorted in.
    """
    return 4 * SIZE * (1 + (draws // SIZE).bit_length() + 3)


class Sketch:
    """Draws of some quantities, of which fewer are kept the more there are.

    Parameters
    ----------
    quantities : int
    number : int
        Of the sketch among those of one set of draws: half of them leave out the lower values first.
    """

    def __init__(self, quantities: int, number: int = 0) -> None:
        self.number = number
        self.waiting = np.empty((SIZE, quantities), np.float32)
        self.filled = 0
        self.runs = list[np.ndarray | None]()
        self.odd = list[bool]()

    def add(self, draws: np.ndarray) -> None:
        """Add draws (n, quantities)."""
        begin = 0
        while begin < len(draws):
            count = min(SIZE - self.filled, len(draws) - begin)
            self.waiting[self.filled : self.filled + count] = draws[begin : begin + count]
            self.filled, begin = self.filled + count, begin + count
            if self.filled == SIZE:
                self._carry(np.sort(self.waiting, axis=0))
                self.filled = 0

    def _carry(self, run: np.ndarray) -> None:
        """Put a run among those of weight ``2**height``, together with the one of its own weight if any."""
        height = 0
        while height < len(self.runs) and (other := self.runs[height]) is not None:
            both = np.concatenate([run, other])
            self.runs[height] = None
            del run, other  # before there are more
            both.sort(axis=0)
            run = both[int(self.odd[height]) :: 2].copy()
            self.odd[height] = not self.odd[height]
            height += 1
        if height == len(self.runs):
            self.runs.append(None)
            self.odd.append(bool((height + self.number) % 2))
        self.runs[height] = run

    def weighted(self) -> list[tuple[np.ndarray, float]]:
        """Return runs (m, quantities) with the number of draws that each of their values stands for."""
        kept = [(run, 2.0**height) for height, run in enumerate(self.runs) if run is not None]
        return [*kept, (self.waiting[: self.filled], 1.0)]


def quantiles(sketches: Sequence[Sketch], probabilities: np.ndarray) -> np.ndarray:
    """Return quantiles of the draws of several sketches together, (P, quantities).

    While no draw has been left out they are NumPy's.
    """
    runs = [pair for sketch in sketches for pair in sketch.weighted()]
    weight = np.concatenate([np.full(len(values), each) for values, each in runs])
    size = runs[0][0].shape[1]
    out = np.empty((len(probabilities), size), np.float32)
    for begin in range(0, size, AT_ONCE):
        some = slice(begin, begin + AT_ONCE)
        values = np.concatenate([own[:, some] for own, _ in runs])
        order = np.argsort(values, axis=0, kind="stable")
        values, share = np.take_along_axis(values, order, 0), weight[order]
        place = (share.cumsum(0) - 0.5 * share - 0.5) / max(weight.sum() - 1, 1)
        for k in range(values.shape[1]):
            out[:, begin + k] = np.interp(probabilities, place[:, k], values[:, k])
    return out


def at_probabilities(grid: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return quantiles at other probabilities from those at `PROBABILITIES`, (P, ...) to (W, ...).

    Between two of the grid they lie on a line in the normal score; none lies beyond the ends.
    """
    place = np.clip((ndtri(wanted) - NORMAL_SCORES[0]) / 0.1, 0, len(grid) - 1)
    low = np.minimum(place.astype(int), len(grid) - 2)
    share = (place - low).reshape(-1, *[1] * (grid.ndim - 1))
    return (1 - share) * grid[low] + share * grid[low + 1]
