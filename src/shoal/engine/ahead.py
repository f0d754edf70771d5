"""What a first fit calls last is compiled by a second process, while the first compiles what it calls before.

Numba compiles one function after another, whatever the number of threads; a second process writes to the
same files of machine code. Half of a first fit's compilation is left in the process that waits for it.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from typing import IO

from shoal.engine.collection import without_collection
from shoal.priors.compiled import Compiled


class _Messages:
    """What the second process says: a function's name when it begins with it, and again when it is kept."""

    def __init__(self, stream: IO[str]):
        self.told = threading.Condition()
        self.working: str | None = None
        self.reader = threading.Thread(target=self._read, args=(stream,), daemon=True)
        self.reader.start()

    def _read(self, stream: IO[str]) -> None:
        for line in chain(stream, [""]):  # at the end it works on nothing
            name = line.strip()
            with self.told:
                self.working = name if name and name != self.working else None
                self.told.notify_all()

    def wait(self, function: Compiled) -> None:
        """Wait for the second process if this function is what it works on."""
        with self.told:
            self.told.wait_for(lambda: self.working != function.function.__name__)


@contextmanager
def compiled_ahead() -> Iterator[None]:
    """Compile in a second process meanwhile; it ends with this context, whether it is done or not."""
    if not sys.executable:  # in a program that embeds Python
        yield
        return
    # -P: a file of the working directory is never taken for one of Python's modules.
    command = [sys.executable, "-P", "-m", __name__]
    nothing, pipe = subprocess.DEVNULL, subprocess.PIPE
    try:
        process = subprocess.Popen(command, stdin=nothing, stdout=pipe, stderr=nothing, text=True)
    except OSError:  # where no process may be started, this one compiles everything
        yield
        return
    assert process.stdout is not None
    messages = _Messages(process.stdout)
    Compiled.before = messages.wait
    try:
        yield
    finally:
        Compiled.before = None
        process.terminate()  # machine code is moved into place when it is whole
        process.wait()
        messages.reader.join()
        process.stdout.close()


def compile_last() -> None:
    """Compile what a fit calls last, the dearest first; what is on disk takes no time."""
    from shoal.engine.alternating import alternate
    from shoal.engine.gradient import joint_density
    from shoal.engine.laplace import average, falls
    from shoal.engine.trajectories import trajectories

    with without_collection():
        for function in (alternate, average, falls, joint_density, trajectories):
            name = function.function.__name__
            print(name, flush=True)
            _ = function.compiled
            print(name, flush=True)


if __name__ == "__main__":
    compile_last()
