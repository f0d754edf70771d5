"""The search for garbage, paused while modules and machine code load.

What they make stays until the process ends, and a search visits all of it again and again: a tenth of the
time from the first import to the first summary.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_collection() -> Iterator[None]:
    """Pause Python's search for garbage, if it is on."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
