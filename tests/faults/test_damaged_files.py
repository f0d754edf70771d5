"""Result files that were cut off or changed: refused with a message, never read as something else."""

import random
import subprocess
import sys
from pathlib import Path

import pytest
import xarray as xr

import shoal as sl
from refusals import refused
from shoal.criticism.diagnosis import diagnose
from shoal.errors import FileError
from shoal.fit import trial
from shoal.fit.file_kinds import sealed


@pytest.fixture(scope="module")
def fit():
    schools = sl.load_dataset("eight_schools")
    return sl.Model("y | se(se) ~ 1 + (1 | school)", schools).fit(draws=200, seed=1, cores=1, progress=False)


@pytest.fixture
def file(fit, tmp_path):
    return fit.save(tmp_path / "fit.nc")


def test_every_flipped_bit_is_found_before_hdf5_sees_it(file, monkeypatch):
    monkeypatch.setattr(xr, "open_datatree", None)  # nobody may ask
    whole, rng = file.read_bytes(), random.Random(1)
    for _ in range(200):
        content = bytearray(whole)
        # The first bytes tell what a file is; the checksum's own mark, whether there is one.
        content[rng.randrange(8, len(content) - 12)] ^= 1 << rng.randrange(8)
        file.write_bytes(content)
        with refused("file-damaged"):
            sl.load(file)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.99])
def test_a_file_that_was_cut_off_is_refused(file, share):
    content = file.read_bytes()
    file.write_bytes(content[: int(share * len(content))])
    for read in (sl.load, diagnose):
        with pytest.raises(FileError, match=r"is empty|is damaged"):
            read(file)


def test_a_checksum_that_is_lost_costs_nothing_else(file, fit):
    file.write_bytes(file.read_bytes()[:-12])
    assert not sealed(file)
    xr.testing.assert_equal(sl.load(file).tree["posterior"].to_dataset(), fit.tree["posterior"].to_dataset())


def test_a_file_that_another_program_changed_is_read(file):
    """HDF5 writes over the checksum, which is behind its own end."""
    import h5py

    with h5py.File(file, "r+") as opened:
        opened.attrs["written_by"] = "another program"
        opened.create_group("more").attrs["text"] = "of another program " * 1000
    assert not sealed(file) and sl.load(file).tree.attrs["written_by"] == "another program"


def test_files_without_a_checksum_are_read_in_another_process_first(file, monkeypatch):
    file.write_bytes(file.read_bytes()[:-12])
    asked = []

    def hangs(*arguments):
        asked.append(arguments)
        return False

    monkeypatch.setattr("shoal.fit.file_kinds.readable", hangs)
    for read in (sl.load, diagnose):
        with refused("file-damaged"):
            read(file)
    assert asked[0][0] == str(file.resolve())


def test_that_process_ends_what_would_never_end(monkeypatch, tmp_path):
    monkeypatch.setattr(trial, "LEAST", 1)
    monkeypatch.setattr(trial, "PROGRAM", trial.PROGRAM.split("import h5py")[0] + "while True: pass")
    assert not trial.readable(str(tmp_path / "any"), 1000, 1)


def test_that_process_imports_nothing_from_the_folder_it_is_started_in(file):
    """A file named h5py.py beside a result is not run by reading the result."""
    file.write_bytes(file.read_bytes()[:-12])
    (file.parent / "h5py.py").write_text("open('run', 'w')")
    program = f"import sys; sys.path.remove(''); import shoal as sl; sl.load({file.name!r})"
    environment = {"PYTHONPATH": str(Path(sl.__file__).parents[1])}
    subprocess.run([sys.executable, "-c", program], cwd=file.parent, check=True, timeout=300, env=environment)
    assert not (file.parent / "run").exists()
