"""Run chains in threads. Compiled programs release the interpreter, so two threads use two cores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from shoal.sample.progress import Progress

T = TypeVar("T")


def in_threads(tasks: Sequence[Callable[[], T]], cores: int, progress: Progress) -> list[T]:
    """Return the results of `tasks` in order.

    The first error, or Ctrl-C, cancels the tasks not begun and asks the others to stop at their next
    `Progress.check`.
    """
    pool = ThreadPoolExecutor(cores)
    try:
        futures = [pool.submit(task) for task in tasks]
        return [future.result() for future in futures]
    except BaseException:  # KeyboardInterrupt too: without this, the pool would wait for whole chains
        progress.stop()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
