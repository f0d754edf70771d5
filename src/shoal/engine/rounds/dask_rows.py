"""Rows that the workers of a Dask cluster own; what they own stays there."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from shoal.engine.rounds.holders import Holder, LocalRows
from shoal.engine.rounds.parts import Extent, Part
from shoal.engine.rules import Rule
from shoal.errors import SamplingError

TRIES = 10  # of a round, each with the workers that are left
PATIENCE = 0.5  # seconds between looks at who is left
WAIT = 60  # seconds for a worker to come, where none is left


class Makes(ABC):
    """How parts come to workers, at first and whenever one is lost."""

    @abstractmethod
    def __len__(self) -> int:
        """How many parts there are."""

    @abstractmethod
    def put(self, where: Mapping[int, str], client: Any) -> dict[int, Any]:
        """Return the futures of some parts, made by or sent to the workers that are to hold them.

        Parameters
        ----------
        where : mapping of int to str
            From parts to workers.
        client : distributed.Client
        """


class Sent(Makes):
    """Parts that the client has, and sends."""

    def __init__(self, parts: Sequence[Part]):
        self.parts = parts

    def __len__(self) -> int:
        return len(self.parts)

    def put(self, where: Mapping[int, str], client: Any) -> dict[int, Any]:
        """Return what `Makes.put` does."""
        return {k: client.scatter(self.parts[k], workers=[name], hash=False) for k, name in where.items()}


class DaskRows(Holder):
    """Parts of the rows with a cluster's workers, each of which answers for its own.

    Whatever a lost worker owned is made by or sent to another, and asked again.

    Parameters
    ----------
    makes : Makes
    client : distributed.Client
    """

    def __init__(self, makes: Makes, client: Any):
        self.makes, self.client = makes, client
        self.held: dict[int, tuple[str, Any]] = {}  # of each part its worker and its future
        self._place()

    def extents(self) -> list[Extent]:
        """Return what `Holder.extents` does."""
        return self._each(_extents)

    def log_integrals(self, hs: np.ndarray, rule: Rule) -> np.ndarray:
        """Return what `Holder.log_integrals` does."""
        return np.stack(self._each(_integrate, hs, rule))

    def draw(self, hs: np.ndarray, seed: Sequence[int], single: bool) -> list[np.ndarray]:
        """Return what `Holder.draw` does."""
        return self._each(_draw, hs, tuple(seed), single)

    def _workers(self) -> list[str]:
        return sorted(self.client.scheduler_info(n_workers=-1)["workers"])

    def _place(self) -> None:
        """Give every part that no worker holds to one: to each about as many."""
        there = self._workers()
        gone = [k for k, (worker, _) in self.held.items() if worker not in there]
        self.lost += len(gone)
        for k in gone:
            del self.held[k]
        waiting = [k for k in range(len(self.makes)) if k not in self.held]
        if waiting and not there:
            self.client.wait_for_workers(1, timeout=WAIT)
            there = self._workers()
        owned = {worker: 0 for worker in there}
        for worker, _ in self.held.values():
            owned[worker] += 1
        where = dict[int, str]()
        for k in waiting:
            where[k] = min(there, key=lambda name: (owned[name], name))
            owned[where[k]] += 1
        if where:
            self.held |= {k: (where[k], own) for k, own in self.makes.put(where, self.client).items()}

    def _each(self, function: Callable[..., Any], *arguments: Any) -> list[Any]:
        """Return a function's answer about each part; asked again where a worker was lost."""
        answers: dict[int, Any] = {}
        for _ in range(TRIES):
            self._place()
            asked: dict[str, list[int]] = {}
            for k, (worker, _) in self.held.items():
                if k not in answers:
                    asked.setdefault(worker, []).append(k)
            tasks = {
                worker: self.client.submit(
                    function, [self.held[k][1] for k in parts], *arguments, workers=[worker], pure=False
                )
                for worker, parts in asked.items()
            }
            self.sent += len(tasks) * sum(a.nbytes for a in arguments if isinstance(a, np.ndarray))
            for worker, parts in asked.items():
                answer = self._answer(worker, tasks[worker])
                if answer is None:
                    self.lost += len(parts)
                    for k in parts:
                        del self.held[k]
                    continue
                self.received += sum(part.nbytes for part in answer)
                answers |= dict(zip(parts, answer, strict=True))
            if len(answers) == len(self.makes):
                return [answers[k] for k in range(len(self.makes))]
        raise SamplingError(
            "workers-lost",
            f"Workers of the Dask cluster were lost {TRIES} times in one round.",
            "Workers that last for a round.",
            "Look at the workers' logs: most are ended for want of memory. More of them hold less each.",
        )

    def _answer(self, worker: str, task: Any) -> list[Any] | None:
        """Return a worker's answer, or None if it was lost; what goes wrong in the work itself is raised."""
        from concurrent.futures import CancelledError

        from distributed import KilledWorker
        from distributed import TimeoutError as Late
        from distributed.comm import CommClosedError

        while True:
            try:
                return list(task.result(timeout=PATIENCE))
            except Late:
                if worker not in self._workers():
                    task.cancel()
                    return None
            except (CancelledError, KilledWorker, CommClosedError):
                return None


def _rows(parts: Sequence[Part]) -> LocalRows:
    """Return parts as the worker that calls holds them."""
    from distributed import get_worker

    return LocalRows(parts, get_worker().state.nthreads)


def _extents(parts: Sequence[Part]) -> list[Extent]:
    return [part.extent for part in parts]


def _integrate(parts: Sequence[Part], hs: np.ndarray, rule: Rule) -> list[np.ndarray]:
    return list(_rows(parts).log_integrals(hs, rule))


def _draw(parts: Sequence[Part], hs: np.ndarray, seed: Sequence[int], single: bool) -> list[np.ndarray]:
    return _rows(parts).draw(hs, seed, single)
