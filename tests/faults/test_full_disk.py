"""A disk that is full: a message, no half of a file, no remnant, and what was there before is left alone."""

import os
import subprocess
import sys

import pytest

import shoal as sl

resource = pytest.importorskip("resource", reason="limits of file sizes are a matter of POSIX")

# In a process of its own: the limit holds for the whole process, and it must survive.
PROGRAM = """
import resource, sys
import shoal as sl
from shoal.errors import FileError
from shoal.report import page
fit = sl.load("fit.nc")
if sys.argv[1] == "html":  # made once, written four times
    text = page.page(fit._results, 0.9)
    page.page = lambda results, prob: text
make = {"nc": fit.save, "html": fit.report, "png": lambda path: fit.plot.forest().save(path)}[sys.argv[1]]
name = f"written.{sys.argv[1]}"
make(name)
whole = open(name, "rb").read()
said = []
for share in (0.0, 0.3, 0.999):
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(share * len(whole)), resource.RLIM_INFINITY))
    try:
        make(name)
        said.append("written")
    except FileError as problem:
        said.append(str(problem))
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    assert open(name, "rb").read() == whole
print("\\n--\\n".join(said))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("full")
    schools = sl.load_dataset("eight_schools")
    fit = sl.Model("y | se(se) ~ 1 + (1 | school)", schools).fit(draws=100, seed=1, cores=1, progress=False)
    fit.save(folder / "fit.nc")
    return folder


@pytest.mark.parametrize("kind", ["nc", "html", pytest.param("png", marks=pytest.mark.slow)])
def test_every_file_is_whole_or_not_there(folder, kind):
    command = [sys.executable, "-c", PROGRAM, kind]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    # Newer versions of xarray leave a view of a buffer to Python's search for garbage, which says so.
    heard = [line for line in done.stderr.splitlines() if line.startswith("Exception ignored")]
    assert done.returncode == 0 and all("BytesIO" in line for line in heard), done.stderr
    assert bool(heard) == bool(done.stderr)
    said = done.stdout.split("\n--\n")
    assert len(said) == 3
    for text in said:
        assert text.startswith(f"written.{kind} cannot be written: File too large.\nRoom on the disk.")
    assert not [name for name in os.listdir(folder) if name.endswith(".part")]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="the system has no device that is always full")
@pytest.mark.parametrize("arguments", [["datasets"], ["datasets", "radon", "--csv"], ["doctor", "fit.nc"]])
def test_an_output_that_takes_nothing_is_said_and_ends_with_1(folder, arguments):
    command = [sys.executable, "-c", "from shoal.cli import main; main()", *arguments]
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            command, cwd=folder, stdout=full, stderr=subprocess.PIPE, text=True, timeout=300, check=False
        )
    assert done.returncode == 1
    assert done.stderr == "error: What the command shows or reads: No space left on device.\n"
