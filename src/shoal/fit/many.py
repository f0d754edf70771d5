"""Many fits, side by side: in threads, in processes or on a Dask cluster; each kept as soon as it is made.

A fit has a number, and with it all it depends on, its seed among it. So results depend neither on how many
are made at a time, nor on where, nor on how often the whole was stopped.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from numbers import Integral
from pathlib import Path
from typing import Any

import pandas as pd

from shoal.engine.progress import Progress
from shoal.engine.threads import one_thread_lapack, workers
from shoal.errors import ModelError
from shoal.fit.checkpoint_folder import check, check_same, claimed, inside, plainly
from shoal.fit.files import path_of
from shoal.fit.whole_files import whole

ABOUT = "fits.json"  # in a folder of fits: what they depend on
Fit = Callable[[int], pd.DataFrame]
_received: Fit  # in a process that makes fits


@dataclass(frozen=True)
class Where:
    """Where fits are made and kept; their results do not depend on it.

    Attributes
    ----------
    cores : int
        Threads, if nothing else is said.
    workers : int
        Processes; 0 for threads.
    client : distributed.Client, optional
        Of a Dask cluster, which makes them in place of this machine.
    checkpoint : path, optional
        A folder in which each is kept as soon as it is made.
    """

    cores: int = 1
    workers: int = 0
    client: Any = None
    checkpoint: str | Path | None = None

    def within(self, name: str) -> Where:
        """Return where one of several sets of fits is made: kept in a folder of its own inside this one's."""
        if self.checkpoint is None:
            return self
        return replace(self, checkpoint=inside(path_of(self.checkpoint), name))


def where(
    cores: int | None = None,
    workers: int | None = None,
    client: Any = None,
    checkpoint: str | Path | None = None,
    refit: bool = True,
) -> Where:
    """Return where fits are made, by what was asked for.

    Raises
    ------
    ModelError
        Both processes and a cluster, no number of processes, or a client that is none; and processes, a
        client or a checkpoint where nothing is fitted (``refit=False``).
    """
    folder = None if checkpoint is None else str(checkpoint)
    given = {"workers": workers, "client": client, "checkpoint": folder}
    if named := [name for name, value in given.items() if value is not None and not refit]:
        raise ModelError(
            "no-refits",
            f"{named[0]}={given[named[0]]!r}, and nothing is fitted anew.",
            "refit=True, if units whose Pareto k is too large are to be left out of a fit each.",
            f"Or leave {named[0]} out.",
        )
    asked: dict[str, Any] = {"workers": workers, "cores": cores}  # by callers without types
    for name, value in asked.items():
        if value is not None and (isinstance(value, bool) or not isinstance(value, Integral) or value < 1):
            needed = f"{name} is an integer of at least 1."
            raise ModelError("number-out-of-range", f"{name}={value!r}.", needed)
    if client is not None and workers is not None:
        raise ModelError(
            "workers-and-client",
            "workers and client are given.",
            "Processes of this machine, or a Dask cluster.",
        )
    if client is not None and not hasattr(client, "get_executor"):
        raise ModelError(
            "not-a-client",
            f"client={client!r}.",
            "A Dask client: distributed.Client(...), of pip install 'shoal[dask]'.",
            "workers=4 makes fits in processes of this machine.",
        )
    return Where(cores or os.cpu_count() or 1, workers or 0, client, checkpoint)


def many(
    fit: Fit, count: int, at: Where, about: Mapping[str, Any], progress: Progress | None = None
) -> list[pd.DataFrame]:
    """Return what the fits 0 to ``count - 1`` leave, in order.

    Parameters
    ----------
    fit : callable
        Takes a number, makes that fit, and returns what is wanted of it as a table. Elsewhere than in threads
        it is pickled.
    about : mapping
        What the fits depend on, for a folder in which they are kept.
    progress : Progress, optional
        Told of one draw for every finished fit.

    Raises
    ------
    FileError
        A folder of other fits, or none.
    Exception
        What the first fit that fails raises; none is left out.
    """
    progress = progress or Progress()
    if at.checkpoint is None:
        return _made(fit, count, at, progress)
    kept = _Folder(path_of(at.checkpoint), about)
    with nullcontext() if kept.holds(count) else kept.claimed():
        return _made(fit, count, at, progress, kept)


def _made(
    fit: Fit, count: int, at: Where, progress: Progress, kept: _Folder | None = None
) -> list[pd.DataFrame]:
    """Return what fits leave, made but for those that are kept already."""
    found = {} if kept is None else kept.read(count)
    progress.drawn(len(found))
    if len(found) == count:
        return [found[number] for number in range(count)]
    with _pool(fit, at, progress) as begin:
        futures = {begin(number): number for number in range(count) if number not in found}
        try:
            for future in _finished(futures):
                number = futures[future]
                found[number] = future.result()
                if kept is not None:
                    kept.write(number, found[number])
                progress.drawn(1)
        except BaseException:  # KeyboardInterrupt too: without this, the pool would wait for all fits
            progress.stop()
            for future in futures:
                future.cancel()
            raise
    return [found[number] for number in range(count)]


def _finished(futures: Mapping[Future[pd.DataFrame], int]) -> Iterator[Future[pd.DataFrame]]:
    """Yield futures as they are done; waits are short, so that Ctrl-C is heard."""
    pending = set(futures)
    while pending:
        done, pending = wait(pending, timeout=0.2, return_when=FIRST_COMPLETED)
        yield from sorted(done, key=lambda future: futures[future])


@contextmanager
def _pool(fit: Fit, at: Where, progress: Progress) -> Iterator[Callable[[int], Future[pd.DataFrame]]]:
    """Give what has a fit made, and wait for those that have begun in the end."""
    pool: Any
    if at.client is not None:
        pool, sent = at.client.get_executor(pure=False), at.client.scatter(fit, broadcast=True, hash=False)
        begin = partial(pool.submit, _make, sent)
    elif at.workers:
        # Not forked: a fork would copy locks that threads hold.
        pool = ProcessPoolExecutor(at.workers, get_context("spawn"), _receive, (fit,))
        begin = partial(pool.submit, _make_received)
    else:
        pool = ThreadPoolExecutor(workers(at.cores))
        begin = partial(pool.submit, _make_unless_stopped, fit, progress)
    try:
        with one_thread_lapack():
            yield begin
    finally:
        pool.shutdown(wait=True)


def _make(fit: Fit, number: int) -> pd.DataFrame:
    with one_thread_lapack():
        return fit(number)


def _make_unless_stopped(fit: Fit, progress: Progress, number: int) -> pd.DataFrame:
    progress.check()
    return fit(number)


def _receive(fit: Fit) -> None:
    """Take what a process makes fits by, once."""
    global _received
    _received = fit


def _make_received(number: int) -> pd.DataFrame:
    return _make(_received, number)


class _Folder:
    """A folder in which each fit is an Arrow file, whole or not there."""

    def __init__(self, path: Path, about: Mapping[str, Any]) -> None:
        self.path, self.about = path, plainly(about)
        check(path, ABOUT)
        self._check_same()

    def _check_same(self) -> bool:
        """Return whether the folder says what its fits depend on; raise if that is something else."""
        if there := (stated := self.path / ABOUT).exists():
            check_same(self.path, json.loads(stated.read_text()), self.about)
        return there

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Have the folder, which no other process has, with what its fits depend on."""
        with claimed(self.path, ABOUT):
            if not self._check_same():
                with whole(self.path / ABOUT) as part:
                    part.write_text(json.dumps(self.about))
            yield

    def holds(self, count: int) -> bool:
        """Whether the first fits are all made."""
        return all(self._place(number).exists() for number in range(count))

    def read(self, count: int) -> dict[int, pd.DataFrame]:
        """Return what those of the first fits left that are made, by their numbers."""
        import pyarrow as pa

        out = dict[int, pd.DataFrame]()
        for number in range(count):
            if (place := self._place(number)).exists():
                with pa.OSFile(str(place)) as file:
                    out[number] = pa.ipc.open_file(file).read_all().to_pandas()
        return out

    def write(self, number: int, table: pd.DataFrame) -> None:
        """Keep what a fit left."""
        import pyarrow as pa

        rows = pa.Table.from_pandas(table)
        with whole(self._place(number)) as part, pa.OSFile(str(part), "wb") as file:
            with pa.ipc.new_file(file, rows.schema) as writer:
                writer.write_table(rows)

    def _place(self, number: int) -> Path:
        return self.path / f"{number:06}.arrow"
