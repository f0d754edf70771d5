"""Progress of a run, reported by the samplers between compiled pieces of work."""

from __future__ import annotations

import threading

from shoal.errors import SamplingError


class Progress:
    """Silent progress; the base of those that show something. Methods may be called from threads."""

    def __init__(self) -> None:
        self._stopped = threading.Event()

    def stage(self, name: str, total: int | None = None) -> None:
        """Enter a stage such as "compiling", of `total` draws if that is another number than before."""

    def warmed(self, iterations: int) -> None:
        """Hear of finished warmup iterations."""

    def drawn(self, draws: int) -> None:
        """Hear of finished draws."""

    def say(self, words: str) -> None:
        """Show a sentence, where anything is shown."""

    def stop(self) -> None:
        """Ask all chains to stop at their next `check`."""
        self._stopped.set()

    def check(self) -> None:
        """Raise in a chain that has been asked to stop."""
        if self._stopped.is_set():
            raise SamplingError("interrupted", "The run was interrupted.")
