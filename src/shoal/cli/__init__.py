"""The command `shoal`.

Exit codes: 0; 1 for bad input, wrong usage, and files that cannot be read or written; 2 only for draws that
cannot be trusted; 130 on Ctrl-C; 141 if the reader of the output went away.
"""

from __future__ import annotations

import _thread
import io
import os
import signal
import sys
import threading


def main() -> None:
    """Run the command line of this process, and exit."""
    try:
        from shoal.cli.run import run

        sys.unraisablehook = _insist
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="replace")  # a narrow encoding must not stop a result
        code = run(sys.argv[1:])
    except KeyboardInterrupt:  # before `run`, or a second one while it ends
        code = 130
    sys.exit(code)


def _insist(lost: sys.UnraisableHookArgs) -> None:
    """Repeat a Ctrl-C that was lost in a callback where exceptions are ignored, such as those of JAX."""
    if issubclass(lost.exc_type, KeyboardInterrupt):
        threading.Timer(0.05, _interrupt).start()
    else:
        sys.__unraisablehook__(lost)


def _interrupt() -> None:
    if os.name == "posix":
        os.kill(os.getpid(), signal.SIGINT)  # wakes the main thread, too, where it waits
    else:
        _thread.interrupt_main()
