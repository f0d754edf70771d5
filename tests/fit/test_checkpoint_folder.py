"""A folder that holds a checkpoint is one process's at a time, and nobody's once that has ended."""

import os
import subprocess
import sys

import pandas as pd
import pytest

import shoal as sl
from refusals import refused
from shoal.errors import FileError
from shoal.fit.checkpoint_folder import LOCK, claimed

pytestmark = pytest.mark.skipif(os.name != "posix", reason="Windows has no such locks")

HOLDS = """
import sys, time
from pathlib import Path
from shoal.fit.checkpoint_folder import claimed
with claimed(Path(sys.argv[1]), sys.argv[2]):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def holder():
    """Give what begins a process that has a folder, and ends it as the system does: without a word."""
    begun = []

    def begin(path, mark):
        process = subprocess.Popen(
            [sys.executable, "-c", HOLDS, str(path), mark], stdout=subprocess.PIPE, text=True
        )
        begun.append(process)
        assert process.stdout.readline() == "held\n"
        return process

    yield begin
    for process in begun:
        end(process)


def end(process):
    process.kill()
    process.wait()
    process.stdout.close()


def fitted(path):
    pytest.importorskip("zarr", reason="checkpoints are Zarr stores, an extra")
    model = sl.Model("y | se(se) ~ 1 + (1 | school)", sl.load_dataset("eight_schools"))
    model.fit(draws=20, seed=1, progress=False, checkpoint=path)


def many(path):
    sl.many_fits(lambda number: pd.DataFrame({"number": [number]}), 2, checkpoint=path)


@pytest.mark.parametrize(("call", "mark"), [(fitted, "zarr.json"), (many, "fits.json")])
def test_a_checkpoint_is_of_one_process_until_that_has_ended(call, mark, holder, tmp_path):
    path = tmp_path / "run"
    process = holder(path, mark)
    with refused("checkpoint-in-use", match=f"process {process.pid} ") as problem:
        call(path)
    assert problem.value.code == "checkpoint-in-use"
    end(process)
    assert (path / LOCK).exists()  # killed, it could not take that away
    call(path)
    assert not (path / LOCK).exists()
    with claimed(path, mark):
        call(path)  # what is done is read, whoever has the folder


def test_a_folder_is_held_within_a_process_as_well(tmp_path):
    with claimed(tmp_path / "run", "mark"), pytest.raises(FileError) as problem:
        with claimed(tmp_path / "run", "mark"):
            pass
    assert problem.value.code == "checkpoint-in-use"
    with claimed(tmp_path / "run", "mark"):
        assert (tmp_path / "run" / LOCK).read_text().startswith(f"process {os.getpid()} on ")
    assert list((tmp_path / "run").iterdir()) == []


def test_a_folder_that_cannot_be_written_to_is_said(tmp_path):
    (tmp_path / "run" / LOCK).mkdir(parents=True)  # where the lock should be
    with pytest.raises(FileError) as problem, claimed(tmp_path / "run", "mark"):
        pass
    assert problem.value.code == "file-not-writable"
