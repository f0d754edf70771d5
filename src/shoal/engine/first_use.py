"""The first use of the engine on a machine: kernels are compiled once, and kept for later processes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from numba.core import event

from shoal.engine.ahead import compiled_ahead
from shoal.engine.collection import without_collection
from shoal.engine.progress import Progress

MESSAGE = "compiling for this machine (once, about half a minute)"


class _Announcement(event.Listener):
    """Names the stage when something is compiled, and pauses the search for garbage meanwhile.

    Loading what is on disk says nothing. Where the engine itself is compiled, a second core takes its part.
    """

    active = False

    def __init__(self, progress: Progress):
        self.progress, self.told, self.ahead = progress, False, False
        self.pauses, self.helped = ExitStack(), ExitStack()
        self.depth = 0  # a function's compilation begins those of the functions that it calls

    def on_start(self, happened: Any) -> None:
        """Hear that a function is being compiled."""
        if not self.told:
            self.told = True
            self.progress.stage(MESSAGE)
        if not self.ahead and _is_engine(happened) and (os.cpu_count() or 1) > 1:
            self.ahead = True
            self.helped.enter_context(compiled_ahead())
        if not self.depth:
            self.pauses.enter_context(without_collection())
        self.depth += 1

    def on_end(self, happened: Any) -> None:
        """Hear that it has been."""
        self.depth -= 1
        if not self.depth:
            self.pauses.close()


def _is_engine(happened: Any) -> bool:
    """Return whether a function of the engine is compiled: a family's or a prior's own is small."""
    return bool(happened.data["dispatcher"].py_func.__module__.startswith("shoal.engine."))


@contextmanager
def announced(progress: Progress) -> Iterator[None]:
    """Tell `progress` if kernels have to be compiled meanwhile; callers inside say nothing of their own."""
    if _Announcement.active:
        yield
        return
    listener = _Announcement(progress)
    with listener.helped, listener.pauses, event.install_listener("numba:compile", listener):
        _Announcement.active = True
        try:
            yield
        finally:
            _Announcement.active = False
