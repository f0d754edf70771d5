"""What a fit imports of other packages is imported as a whole, while Ctrl-C waits."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version
from typing import Any

import numpy as np
import xarray as xr
from numba.core.registry import cpu_target


@contextmanager
def interrupts_wait() -> Iterator[None]:
    """Let Ctrl-C wait until the end of this context; in threads, and where it is ignored, nothing changes."""
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield
        return
    heard: list[tuple[int, Any]] = []
    signal.signal(signal.SIGINT, lambda number, frame: heard.append((number, frame)))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if heard:
        before(*heard[0])


@cache
def import_whole() -> None:
    """Have Numba, xarray and Python import what a fit needs of their own and of Dask before it can stop.

    A package whose import is interrupted stays half imported until the process ends, and no later fit works.
    """
    with interrupts_wait():
        cpu_target.typing_context.refresh()
        cpu_target.target_context.refresh()
        xr.Dataset({"draw": ("row", np.ones(1))}, {"row": [0]})
        version("shoal")  # results say of which version they are; reading that imports parsers
