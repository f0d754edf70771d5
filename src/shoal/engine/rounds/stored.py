"""Parts on disk, read anew for each round: rows that never are in memory together."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from shoal.engine.progress import Progress
from shoal.engine.rounds.holders import Holder, drawn, integrate
from shoal.engine.rounds.parts import Part
from shoal.engine.rounds.units import Units
from shoal.engine.rules import Rule
from shoal.engine.threads import in_threads


@dataclass(frozen=True)
class StoredPart:
    """A recipe: where a part is, for whoever can read the file.

    Attributes
    ----------
    path : str
    """

    path: str

    def __call__(self) -> Part:
        """Return the part, read from its file."""
        with np.load(self.path) as file:
            arrays = {name: file[name] for name in file.files}
        functions = pickle.loads(arrays.pop("row_functions").tobytes())
        return Part(int(arrays.pop("part_number")), Units(functions=None, **arrays), functions)


def store(parts: Sequence[Part], folder: Path) -> list[StoredPart]:
    """Write parts to a folder, a file each; return their recipes."""
    out = []
    for part in parts:
        path = folder / f"part-{part.number:05d}.npz"
        arrays = {name: value for name, value in part.units._asdict().items() if name != "functions"}
        functions = np.frombuffer(pickle.dumps(part.functions), np.uint8)
        np.savez(path, row_functions=functions, part_number=np.array(part.number), **arrays)
        out.append(StoredPart(str(path)))
    return out


class StreamedRows(Holder):
    """Rows that are read once a round, no more parts at a time than there are cores.

    Parameters
    ----------
    recipes : sequence of callable
        Functions that return a part each, such as `StoredPart`.
    cores : int
    """

    def __init__(self, recipes: Sequence[Callable[[], Part]], cores: int):
        self.recipes, self.cores = recipes, cores

    def log_integrals(self, hs: np.ndarray, rule: Rule) -> np.ndarray:
        """Return what `Holder.log_integrals` does."""
        return np.stack(self._each(lambda part: integrate(part.open(), hs, rule)))

    def draw(self, hs: np.ndarray, seed: Sequence[int], single: bool) -> list[np.ndarray]:
        """Return what `Holder.draw` does."""
        return self._each(lambda part: drawn(part.open(), part.number, hs, seed, single))

    def _each(self, answer: Callable[[Part], np.ndarray]) -> list[np.ndarray]:
        def task(recipe: Callable[[], Part]) -> np.ndarray:
            return answer(recipe())

        return in_threads([partial(task, recipe) for recipe in self.recipes], self.cores, Progress())
