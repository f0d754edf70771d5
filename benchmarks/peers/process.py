"""One case by one program as a whole process, with folders of compiled code of its own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from _process import HERE, Ended, child, ended

from peers import PEERS, in_r
from peers.cases import CASES
from peers.tables import as_csv

FOLDER = Path(os.environ.get("SHOAL_PEERS", HERE / ".peers"))


class Run(NamedTuple):
    """One case, by one program, with the options that all runs share."""

    case: str
    peer: str
    table: Path
    draws: int
    seed: int
    limit: int

    @property
    def means(self) -> Path:
        return FOLDER / "means" / f"{self.case}-{self.table.stem}-{self.draws}-{self.seed}-{self.peer}.npz"

    def command(self) -> list[str]:
        """Return the command of a whole process that fits the case to the table."""
        if PEERS[self.peer].estimate:
            return in_r.command(CASES[self.case], self.peer, str(as_csv(self.table)))
        of = {"case": self.case, "peer": self.peer, "path": str(self.table), "means": str(self.means)}
        return child("peers.measure", "work", **of, draws=self.draws, seed=self.seed)

    def process(self, folder: Path) -> Ended:
        """Run it to its end, or to the limit; compiled code is kept in `folder`."""
        return ended(self.command(), compiled_in(folder), self.limit)


def compiled_in(folder: Path) -> dict[str, str]:
    """Return the environment in which every program keeps its compiled code in a folder."""
    return {
        "NUMBA_CACHE_DIR": str(folder / "numba"),
        "PYTENSOR_FLAGS": f"base_compiledir={folder / 'pytensor'}",
        "JAX_COMPILATION_CACHE_DIR": str(folder / "jax"),
        "JAX_PERSISTENT_COMPILATION_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_COMPILATION_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }
