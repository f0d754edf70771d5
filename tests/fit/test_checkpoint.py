"""Runs kept in a folder while they go."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import shoal as sl
from refusals import refused
from shoal.engine import blocks
from shoal.engine.progress import Progress
from shoal.errors import FileError, SamplingError
from shoal.fit import certificate, run, zarr_record

zarr = pytest.importorskip("zarr", reason="checkpoints are Zarr stores, an extra")

SHORT = {"draws": 150, "chains": 2, "progress": False}


@pytest.fixture(scope="module")
def schools():
    return sl.Model("y | se(se) ~ 1 + (1 | school)", sl.load_dataset("eight_schools"))


def assert_same(one, two):
    for group in ("posterior", "sample_stats", "observed_data", "constant_data"):
        for name, values in one.tree[group].variables.items():
            np.testing.assert_array_equal(two.tree[group].variables[name].values, values.values, err_msg=name)


@pytest.mark.parametrize(
    "sampler",
    [
        "alternating",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("independence", "hmc", "nuts")),
    ],
)
def test_fits_that_are_killed_at_random_resume_to_the_same_draws(sampler, tmp_path):
    program = Path(__file__).parent / "killing.py"
    command = [sys.executable, "-W", "error", program, sampler, "2", "4", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "2 killed, 2 resumed\n"


def test_a_checkpoint_that_is_done_is_the_result_at_once(schools, tmp_path, monkeypatch):
    path = tmp_path / "run.zarr"
    first = schools.fit(**SHORT, seed=3, checkpoint=path)
    assert_same(schools.fit(**SHORT, seed=3), first)
    monkeypatch.setattr(run, "sample", None)  # nothing is sampled again
    monkeypatch.setattr(sl.Model, "posterior", None)  # nor is a posterior made for it
    again = schools.fit(**SHORT, checkpoint=path)  # with the seed that is kept
    assert_same(first, again)
    assert again.tree.attrs == first.tree.attrs
    loaded = sl.load(path)
    assert_same(first, loaded)
    assert loaded.model.priors == first.model.priors
    assert loaded.summary().equals(first.summary()) and loaded.effects().equals(first.effects())
    assert not (path / zarr_record.RUN).exists()


def test_a_run_that_is_stopped_while_it_is_compared_keeps_its_draws(schools, tmp_path, monkeypatch):
    how = {"draws": 1000, "progress": False, "checkpoint": tmp_path / "run.zarr"}

    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(certificate, "compared", interrupted)
        with pytest.raises(KeyboardInterrupt):
            schools.fit(**how, seed=4)
    monkeypatch.setattr(blocks, "_block", None)  # no block of these draws is made again
    monkeypatch.setattr(certificate, "_compared", lambda found, *_: found)
    resumed = schools.fit(**how)
    monkeypatch.undo()
    whole = schools.fit(draws=1000, seed=4, progress=False)
    assert_same(whole, resumed)
    assert whole.certificate.rerun is not None
    assert resumed.certificate.measures == whole.certificate.measures


def test_a_run_that_is_not_done_is_no_result(schools, tmp_path, monkeypatch):
    path = tmp_path / "run.zarr"

    def stopped(*arguments):
        raise SamplingError("run-planted", "planted")

    with monkeypatch.context() as patched:
        patched.setattr(run.checks, "failures", stopped)
        with refused("run-planted"):
            schools.fit(**SHORT, seed=3, checkpoint=path)
    with refused("checkpoint-not-done"):
        sl.load(path)
    assert_same(schools.fit(**SHORT, seed=3), schools.fit(**SHORT, checkpoint=path))


def test_a_second_run_goes_on_as_well(schools, tmp_path, monkeypatch):
    path = tmp_path / "run.zarr"
    monkeypatch.setattr(run.checks, "failures", lambda *arguments: ["R-hat 2.000"])
    whole = schools.fit(**SHORT, seed=3)
    assert whole.tree.attrs["sampler"] == "nuts"
    looks, check = [], Progress.check

    def stops(progress):
        check(progress)  # which ends the other chain, too
        looks.append(1)
        if len(looks) in (6, 12, 24):
            raise SamplingError("run-planted", "planted")

    with monkeypatch.context() as patched:
        patched.setattr(Progress, "check", stops)
        for _ in range(3):
            with refused("run-planted"):
                schools.fit(**SHORT, seed=3, cores=1, checkpoint=path)
        resumed = schools.fit(**SHORT, seed=3, checkpoint=path)
    assert_same(whole, resumed)
    assert json.loads(resumed.tree.attrs["notes"]) == json.loads(whole.tree.attrs["notes"])


def test_another_run_is_refused_and_what_differs_is_named(schools, tmp_path):
    path, data = tmp_path / "run.zarr", sl.load_dataset("eight_schools")
    schools.fit(**SHORT, seed=3, checkpoint=path)

    def refused(model, words, **how):
        with pytest.raises(FileError) as problem:
            model.fit(**(SHORT | {"seed": 3} | how), checkpoint=path)
        for word in words:
            assert word in str(problem.value)

    refused(schools, ["draws is 150 there, 170 here"], draws=170)
    refused(schools, ["seed is 3 there, 4 here", "chains"], seed=4, chains=3)
    other = sl.Model("y | se(se) ~ 1 + (1 | school)", data.assign(y=data["y"] + 1.0), priors={})
    refused(other, ["the column y has other values"])
    prior = sl.Model("y | se(se) ~ 1 + (1 | school)", data, priors={"sd_school": sl.priors.Exponential(0.1)})
    refused(prior, ["the prior of sd_school", "Exponential"])
    refused(sl.Model("y | se(se) ~ 1", data), ["the formula of y is", "there and not here"])
    schools.fit(**SHORT, seed=3, cores=1, checkpoint=path)  # threads change no draw


def test_what_is_no_checkpoint_is_left_alone(schools, tmp_path):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "mine").write_text("mine")
    zarr.open_group(tmp_path / "other.zarr").create_array("mine", data=np.ones(3))
    others = dict.fromkeys(("file", "folder", "other.zarr"), "not-a-checkpoint")
    for name, code in (others | {"none/run.zarr": "no-folder"}).items():
        with pytest.raises(FileError) as problem:
            schools.fit(**SHORT, seed=3, checkpoint=tmp_path / name)
        assert problem.value.code == code
    assert sorted(path.name for path in (tmp_path / "other.zarr").iterdir()) == ["mine", "zarr.json"]
    assert (tmp_path / "folder" / "mine").read_text() == "mine"


def test_without_zarr_a_checkpoint_says_what_to_install(schools, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "zarr", None)
    with refused("zarr-missing"):
        schools.fit(**SHORT, seed=3, checkpoint=tmp_path / "run.zarr")
