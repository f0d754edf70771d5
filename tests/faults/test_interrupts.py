"""Ctrl-C at any moment: a message and no traceback, whole files or none, no process and no thread left.

Moments are spread over a run as it takes on this machine, at random within equal parts of it; the environment
variable SHOAL_INTERRUPTS says how many (`scripts/nightly` has 100).
"""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

import shoal as sl
from shoal.fit.imports import interrupts_wait

MOMENTS = int(os.environ.get("SHOAL_INTERRUPTS", "1"))

# What a shell starts in the background ignores Ctrl-C, and so do its children: these hear it all the same.
HEAR = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"

# It says when it has begun: what the interpreter does before belongs to Python.
COMMAND = f"""{HEAR}
import sys
from shoal.cli import main
import shoal.cli.run
print("began", flush=True)
sys.argv = ["shoal", "fit", "y ~ 1 + (1 | g)", "data.csv", "-f", "bernoulli", "--seed", "1", "-o", "fit.nc"]
main()
"""

FITTING = f"""{HEAR}
import sys, threading
import shoal as sl
data = sl.simulate.one_way(omega=1.0, groups=30)
model = sl.Model("observation ~ 1 + (1 | group)", data)
print("began", flush=True)
try:
    model.fit(seed=1, draws=4000, progress=False)
    print("finished")
except KeyboardInterrupt:
    print("interrupted")
fit = model.fit(seed=1, draws=400, progress=False)
print("usable", fit.diagnose().trustworthy, threading.active_count(), flush=True)
"""


def begun(program, folder):
    """Start a program, and return it when it says that it has begun."""
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout.readline() == "began\n"
    return process


def group_of(path):
    """Return the process group of a process that may have ended, by its file ``stat``."""
    try:
        return int(path.read_text().rpartition(")")[2].split()[2])
    except OSError:
        return None


def ended(process):
    """Return what a process left when it ended, and what processes it left behind."""
    out, err = process.communicate(timeout=300)
    running = Path("/proc").glob("[0-9]*/stat")
    orphans = [path.read_text() for path in running if group_of(path) == process.pid]
    return process.returncode, out, err, orphans


def moments(seconds, seed):
    """Return moments of a run of so many seconds, one in each of equal parts."""
    rng = random.Random(seed)
    return [seconds * (k + rng.random()) / MOMENTS for k in range(MOMENTS)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("interrupted")
    rng = random.Random(0)
    chance = {g: 0.2 + 0.06 * (g % 10) for g in range(40)}
    rows = "".join(f"{g},{int(rng.random() < chance[g])}\n" for g in chance for _ in range(9))
    (folder / "data.csv").write_text("g,y\n" + rows)
    # Their machine code is there when lengths are taken.
    few = {"seed": 1, "draws": 20, "chains": 2, "progress": False}
    sl.Model("y ~ 1 + (1 | g)", pd.read_csv(folder / "data.csv"), "bernoulli").fit(**few)
    sl.Model("observation ~ 1 + (1 | group)", sl.simulate.one_way(omega=1.0, groups=30)).fit(**few)
    return folder


def length(program, folder):
    """Return how long a program takes, uninterrupted, machine code being there."""
    process, begin = begun(program, folder), time.perf_counter()
    code, *_ = ended(process)
    assert code == 0
    seconds = time.perf_counter() - begin
    (folder / "fit.nc").unlink(missing_ok=True)
    return seconds


def test_the_command_stops_with_130_and_leaves_whole_files_or_none(folder):
    codes = []
    for moment in moments(length(COMMAND, folder), seed=1):
        process = begun(COMMAND, folder)
        time.sleep(moment)
        process.send_signal(signal.SIGINT)
        code, out, err, orphans = ended(process)
        said = f"after {moment:.3f} s: {code}, {out!r}, {err!r}, {orphans}"
        assert not orphans and "Traceback" not in err and "bug" not in err, said
        assert code in (0, 130), said
        # Between the last line and the end of the process there is nothing left to be stopped.
        assert err == ("" if code == 0 else "stopped: by Ctrl-C.\n"), said
        left = {path.name for path in Path(folder).iterdir()} - {"data.csv"}
        assert left <= {"fit.nc"}, said
        if left:
            assert sl.load(folder / "fit.nc").tree["posterior"].sizes["draw"] == 1000
            (folder / "fit.nc").unlink()
        codes.append(code)
    assert 130 in codes


def test_a_fit_in_python_stops_and_the_model_can_be_fitted_again(folder):
    found = []
    for moment in moments(length(FITTING, folder) / 2, seed=3):
        process = begun(FITTING, folder)
        time.sleep(moment)
        process.send_signal(signal.SIGINT)
        code, out, err, orphans = ended(process)
        said = f"after {moment:.3f} s: {code}, {out!r}, {err!r}, {orphans}"
        assert not orphans, said
        if out.startswith("finished"):  # the interrupt came to what follows the fit
            continue
        assert (code, err) == (0, "") and out == "interrupted\nusable True 1\n", said
        found.append(moment)
    assert found


def test_an_import_is_whole_before_it_is_stopped():
    reached, before = [], signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt), interrupts_wait():
            signal.raise_signal(signal.SIGINT)
            reached.append(True)
        assert reached and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_first_fit_imports_of_other_packages_what_is_imported_as_a_whole():
    program = """
import sys
import shoal as sl
from shoal.fit.imports import import_whole
model = sl.Model("observation ~ 1 + (1 | group)", sl.simulate.one_way(omega=1.0, groups=30))
import_whole()
before = set(sys.modules)
model.fit(seed=1, draws=400, progress=False)
print(import_whole.cache_info().hits, *{name.partition(".")[0] for name in set(sys.modules) - before})
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1"]  # the fit has asked for it once more, and imported nothing else
