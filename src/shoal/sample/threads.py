"""Run chains in threads. Compiled programs release the interpreter, so two threads use two cores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def in_threads(tasks: Sequence[Callable[[], T]], cores: int) -> list[T]:
    """Return the results of `tasks` in order; the first error, or Ctrl-C, cancels those not begun."""
    pool = ThreadPoolExecutor(cores)
    try:
        futures = [pool.submit(task) for task in tasks]
        return [future.result() for future in futures]
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
