"""The first use of the engine on a machine: kernels are compiled once, and kept for later processes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from numba.core import event

from shoal.engine.collection import without_collection
from shoal.engine.progress import Progress

MESSAGE = "compiling for this machine (once, about half a minute)"


class _Announcement(event.Listener):
    """Names the stage when something is compiled, and pauses the search for garbage meanwhile.

    Loading what is on disk says nothing.
    """

    def __init__(self, progress: Progress):
        self.progress, self.told = progress, False
        self.pauses = ExitStack()
        self.depth = 0  # a function's compilation begins those of the functions that it calls

    def on_start(self, happened: Any) -> None:
        """Hear that a function is being compiled."""
        if not self.told:
            self.told = True
            self.progress.stage(MESSAGE)
        if not self.depth:
            self.pauses.enter_context(without_collection())
        self.depth += 1

    def on_end(self, happened: Any) -> None:
        """Hear that it has been."""
        self.depth -= 1
        if not self.depth:
            self.pauses.close()


@contextmanager
def announced(progress: Progress) -> Iterator[None]:
    """Tell `progress` if kernels have to be compiled meanwhile."""
    listener = _Announcement(progress)
    with listener.pauses, event.install_listener("numba:compile", listener):
        yield
