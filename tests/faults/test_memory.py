"""Memory that the system refuses: a message and exit code 1, and no trace of a bug."""

import subprocess
import sys

import pytest

pytest.importorskip("resource", reason="limits of memory are a matter of POSIX")

# Everything is loaded by a first run, so that it is the fit that finds no memory.
PROGRAM = """
import resource, sys
from shoal.cli.run import run
fit = ["fit", "y | se(se) ~ 1 + (1 | school)", "eight_schools", "-q", "--cores", "1", "--seed", "1"]
assert run([*fit, "--draws", "400"]) == 0
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
room = int(sys.argv[1]) * 2**20
resource.setrlimit(resource.RLIMIT_AS, (used + room, resource.RLIM_INFINITY))
sys.exit(run([*fit, "--draws", sys.argv[2]]))
"""


# A thread that starts without memory has been seen not to end: these are not for every change.
@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc tells what a process has")
@pytest.mark.parametrize(("room", "draws"), [(8, 40_000), (60, 200_000), (60, 100_000_000)])
def test_too_little_memory_is_said(room, draws, tmp_path):
    command = [sys.executable, "-c", PROGRAM, str(room), str(draws)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: ") and "Traceback" not in done.stderr and "bug" not in done.stderr
    assert "Out of memory" in done.stderr or "GB of this machine" in done.stderr
    assert not list(tmp_path.iterdir())
