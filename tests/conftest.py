"""Its presence puts this folder on the import path: tests share their oracles, as `posterior.density`."""

import os
import tempfile
from pathlib import Path

# A folder a worker: jaxlib has crashed reading an entry that another process wrote.
os.environ.setdefault("SHOAL_CACHE", tempfile.mkdtemp(prefix="shoal-tests-"))

MAPPINGS = Path("/proc/self/maps")
MOST_MAPPINGS = 15_000  # of the 65,530 that Linux gives a process


def pytest_runtest_teardown(item, nextitem):
    """Let go of compiled programs: thousands of tests compile more than a process has memory mappings for.

    The compiler crashes when they run out.
    """
    pytest_runtest_teardown.calls += 1
    if pytest_runtest_teardown.calls % 20 or not MAPPINGS.exists():
        return
    if MAPPINGS.read_bytes().count(b"\n") > MOST_MAPPINGS:
        import jax

        from shoal.sample import programs

        programs._programs.clear()
        jax.clear_caches()


pytest_runtest_teardown.calls = 0
