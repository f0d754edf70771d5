"""The first use of the engine on a machine: kernels are compiled once, and kept for later processes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from numba.core import event

from shoal.engine.progress import Progress

MESSAGE = "compiling for this machine (once, some 20 s)"


class _Announcement(event.Listener):
    """Names the stage when something is compiled; loading what is on disk says nothing."""

    def __init__(self, progress: Progress):
        self.progress, self.told = progress, False

    def on_start(self, happened: Any) -> None:
        """Hear that a function is being compiled."""
        if not self.told:
            self.told = True
            self.progress.stage(MESSAGE)

    def on_end(self, happened: Any) -> None:
        """Hear that it has been."""


@contextmanager
def announced(progress: Progress) -> Iterator[None]:
    """Tell `progress` if kernels have to be compiled meanwhile."""
    with event.install_listener("numba:compile", _Announcement(progress)):
        yield
