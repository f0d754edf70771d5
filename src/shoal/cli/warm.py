"""Compile the engine before its first use."""

from __future__ import annotations

import os
import time

from shoal.cli.screen import Screen


def warm() -> None:
    """Compile Shoal's engine for this machine: once, so that the first fit starts at once as well.

    What is compiled already is found on disk and takes no time.
    """
    from shoal.cli.kernels import warm as compile_kernels
    from shoal.fit.progress import shown

    began = time.perf_counter()
    with shown(None, 0, "functions") as bar:
        count = compile_kernels(bar, os.cpu_count() or 1)
    Screen().print(f"{count} compiled functions are ready ({time.perf_counter() - began:.0f} s).")
