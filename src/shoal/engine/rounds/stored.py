"""Parts on disk, read anew for each round: rows that never are in memory together."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from shoal.engine.rounds.holders import Holder, drawn, integrate
from shoal.engine.rounds.parts import Part
from shoal.engine.rounds.units import Units
from shoal.engine.rules import Rule
from shoal.engine.threads import workers


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
    """Rows that are read from their files once a round, no more parts at a time than there are cores.

    Files are a recipe each; so are other functions without arguments that return a part.
    """

    def __init__(self, recipes: Sequence[StoredPart], cores: int):
        self.recipes, self.cores = recipes, workers(cores)

    def log_integrals(self, hs: np.ndarray, rule: Rule) -> np.ndarray:
        """Return what `Holder.log_integrals` does."""

        def task(recipe: StoredPart) -> np.ndarray:
            return integrate(recipe().open(), hs, rule)

        return np.stack(self._each(task))

    def draw(self, hs: np.ndarray, seed: Sequence[int], single: bool) -> list[np.ndarray]:
        """Return what `Holder.draw` does."""

        def task(recipe: StoredPart) -> np.ndarray:
            part = recipe()
            return drawn(part.open(), part.number, hs, seed, single)

        return self._each(partial(task))

    def _each(self, task: object) -> list[np.ndarray]:
        with ThreadPoolExecutor(self.cores) as pool:
            return list(pool.map(task, self.recipes))  # type: ignore[arg-type]
