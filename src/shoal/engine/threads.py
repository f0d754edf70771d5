"""Run chains in threads. Compiled programs release the interpreter, so two threads use two cores."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager
from typing import TypeVar

from threadpoolctl import threadpool_limits

from shoal.engine.progress import Progress

T = TypeVar("T")


def one_thread_lapack() -> AbstractContextManager[object]:
    """Return a context in which LAPACK has one thread, in the whole process, while any thread is in one.

    Chains and batches share the cores: a threaded LAPACK inside each would only get in their way.
    """
    return _OneThread()


class _OneThread:
    """The limit, shared by all threads that ask for it: the last to leave restores what was there."""

    _lock = threading.Lock()
    _inside = 0
    _limit: threadpool_limits | None = None

    def __enter__(self) -> None:
        with _OneThread._lock:
            if not _OneThread._inside:
                _OneThread._limit = threadpool_limits(1, user_api="blas")
            _OneThread._inside += 1

    def __exit__(self, *_: object) -> None:
        with _OneThread._lock:
            _OneThread._inside -= 1
            if not _OneThread._inside and _OneThread._limit is not None:
                _OneThread._limit.restore_original_limits()
                _OneThread._limit = None


def workers(cores: int) -> int:
    """Return how many threads are started for so many cores: no more than the machine has."""
    return min(cores, os.cpu_count() or 1)


def in_threads(tasks: Sequence[Callable[[], T]], cores: int, progress: Progress) -> list[T]:
    """Return the results of `tasks` in order.

    The first error, or Ctrl-C, cancels the tasks not begun and asks the others to stop at their next
    `Progress.check`.
    """
    pool = ThreadPoolExecutor(workers(cores))
    try:
        futures = [pool.submit(task) for task in tasks]
        pending = set(futures)
        while pending:
            # Short waits, so that an interrupt of this thread is heard.
            done, pending = wait(pending, timeout=0.2, return_when=FIRST_EXCEPTION)
            for future in done:
                future.result()
        return [future.result() for future in futures]
    except BaseException:  # KeyboardInterrupt too: without this, the pool would wait for whole chains
        progress.stop()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
