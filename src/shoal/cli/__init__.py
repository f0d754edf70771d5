"""The command `shoal`.

Exit codes: 0; 1 for bad input, wrong usage, and files that cannot be read or written; 2 only for draws,
scores or calibrations that cannot be trusted; 130 on Ctrl-C; 141 if the reader of the output went away.
"""

from __future__ import annotations

import gc
import io
import os
import signal
import sys
from typing import Any, NoReturn


def main() -> None:
    """Run the command line of this process, and exit."""
    try:
        _insist()
        from shoal.cli.run import run

        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="replace")  # a narrow encoding must not stop a result
        code = run(sys.argv[1:])
        _alarm(0)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # all is said and written: nothing is left to be stopped
    except KeyboardInterrupt:  # before `run`, or once more while it ends
        _alarm(0)
        code = 130
    if code == 130:
        # Threads may still be inside compiled code: the interpreter's own end would crash them.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    gc.freeze()  # what is left is left to the system: a last search for garbage takes 0.2 s
    sys.exit(code)


def _insist() -> None:
    """Make Ctrl-C repeat itself each second until it is heard.

    Python code that compiled code calls back, as numba does while it compiles, may swallow exceptions.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler and hasattr(signal, "setitimer"):
        signal.signal(signal.SIGINT, _interrupt)
        signal.signal(signal.SIGALRM, _interrupt)
        sys.unraisablehook = _ignore_interrupts


def _interrupt(number: int, frame: Any) -> NoReturn:
    _alarm(1)
    raise KeyboardInterrupt


def _alarm(seconds: float) -> None:
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)


def _ignore_interrupts(lost: sys.UnraisableHookArgs) -> None:
    if not issubclass(lost.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(lost)
