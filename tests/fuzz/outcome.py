"""What may come of an input: a result or an error of Shoal, in time, and no warning from elsewhere."""

import faulthandler
import os
import signal
import threading
import warnings
from contextlib import contextmanager

from hypothesis import HealthCheck, settings

from shoal.errors import ShoalError, ShoalWarning

# How many times the examples of a short run; scripts/nightly sets it.
LONGER = int(os.environ.get("SHOAL_FUZZ", "1"))
SECONDS = 30  # for one example


def examples(number):
    """Return the settings of a test of `number` examples in a short run."""
    return settings(
        max_examples=number * LONGER,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )


class Hang(Exception):
    """An example took longer than it may."""


@contextmanager
def in_time(seconds=SECONDS):
    """Stop what hangs: Python by an alarm, and compiled code, which hears none, with the whole process."""

    def stop(*_):
        raise Hang(f"more than {seconds} s")

    faulthandler.dump_traceback_later(4 * seconds, exit=True)
    alarm = threading.current_thread() is threading.main_thread() and hasattr(signal, "SIGALRM")
    if alarm:
        before = signal.signal(signal.SIGALRM, stop)
        signal.alarm(seconds)
    try:
        yield
    finally:
        if alarm:
            signal.alarm(0)
            signal.signal(signal.SIGALRM, before)
        faulthandler.cancel_dump_traceback_later()


def outcome(make):
    """Return what `make` returns, or the error of Shoal that it raises; all else is a failure."""
    with warnings.catch_warnings(record=True) as heard, in_time():
        warnings.simplefilter("always")
        try:
            result = make()
        except ShoalError as problem:
            result = problem
            assert problem.code and problem.found.strip()
            assert "Traceback" not in str(problem) and len(str(problem)) < 20_000
    others = [str(w.message) for w in heard if not issubclass(w.category, ShoalWarning)]
    assert not others, others
    return result
