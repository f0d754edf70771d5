"""How much of a run is compilation: runs of one shape share their programs, so the first of them pays."""

from __future__ import annotations

import time

import jax

COMPILING = "/jax/core/compile/"  # JAX's names of tracing, lowering and compiling begin so


class CompilationClock:
    """Context that measures the wall time in which JAX traces or compiles, in whatever thread.

    Loading a program from the persistent cache counts as compiling it. Stages that overlap, one inside the
    other or in two threads, count once.
    """

    def __init__(self) -> None:
        self._spans: list[tuple[float, float]] = []

    def __enter__(self) -> CompilationClock:
        jax.monitoring.register_event_duration_secs_listener(self._hear)
        return self

    def __exit__(self, *problem: object) -> None:
        jax.monitoring.unregister_event_duration_listener(self._hear)

    def _hear(self, event: str, duration_secs: float, **_: str | int) -> None:
        if event.startswith(COMPILING):
            now = time.perf_counter()
            self._spans.append((now - duration_secs, now))

    @property
    def seconds(self) -> float:
        """Length of the union of all spans heard so far."""
        total, reached = 0.0, float("-inf")
        for begin, end in sorted(self._spans):
            total += max(0.0, end - max(begin, reached))
            reached = max(reached, end)
        return total
