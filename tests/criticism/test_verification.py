"""A fit in a file is made again by another move: what is sound is confirmed, what was changed is not."""

import json

import numpy as np
import pytest
import xarray as xr

import shoal as sl
from refusals import refused
from shoal.cli.run import run

SCHOOLS = sl.load_dataset("eight_schools")
MODEL = sl.Model("y | se(se) ~ 1 + (1 | school)", SCHOOLS)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return MODEL.fit(seed=1, cores=1).save(tmp_path_factory.mktemp("verified") / "fit.nc")


def changed(file, tmp_path, change):
    """Return a copy of a file, its tree changed."""
    with xr.open_datatree(file, engine="h5netcdf") as tree:
        tree = tree.load()
    change(tree)
    path = tmp_path / "changed.nc"
    tree.to_netcdf(path, engine="h5netcdf")
    return path


def test_a_sound_fit_is_verified(file):
    found = sl.load(file).verify(cores=1)
    assert found.ok and found.moved < 1e-12 and found.rerun.draws == 4000
    assert set(found.table.index) >= {"Intercept", "sd_school[Intercept]"}
    np.testing.assert_allclose(found.table["mean"], found.table["mean_again"], atol=0.6)
    assert sl.load(file).verify(cores=1).rerun == found.rerun  # a replay of a replay is the same
    assert sl.load(file).verify(cores=1, seed=9).rerun != found.rerun


def other_data(tree):
    tree["constant_data"]["column_0"].values[0] += 3


def other_draws(tree):
    tree["posterior"]["Intercept"].values[:] += 2


def other_prior(tree):
    priors = json.loads(tree.attrs["priors"])
    priors["Intercept"] = {**json.loads(MODEL_OF_PRIOR)["Intercept"]}
    tree.attrs["priors"] = json.dumps(priors)


MODEL_OF_PRIOR = (
    sl.Model("y | se(se) ~ 1 + (1 | school)", SCHOOLS, priors={"Intercept": sl.priors.Normal(30.0, 2.0)})
    .fit(draws=20, seed=1, cores=1)
    .tree.attrs["priors"]
)


@pytest.mark.parametrize(
    ("change", "density"), [(other_data, False), (other_draws, False), (other_prior, True)]
)
def test_what_was_changed_is_not(file, tmp_path, change, density):
    path = changed(file, tmp_path, change)
    found = sl.load(path).verify(cores=1)
    assert not found.ok and found.verdict.startswith("Not verified") and found.same_density == density
    assert run(["doctor", "--verify", str(path), "--quiet"]) == 2


def test_the_command_prints_the_table_and_exits_with_0(file, capsys):
    assert run(["doctor", "--verify", str(file), "--cores", "1"]) == 0
    out = capsys.readouterr().out
    assert "sd_school[Intercept]" in out and "Verified: 4,000 draws by trajectories agree" in out


def test_other_programs_files_cannot_be_verified(tmp_path, capsys):
    draws = xr.Dataset({"a": (("chain", "draw"), np.random.default_rng(0).normal(size=(4, 500)))})
    xr.DataTree.from_dict({"posterior": draws}).to_netcdf(tmp_path / "other.nc", engine="h5netcdf")
    assert run(["doctor", "--verify", str(tmp_path / "other.nc")]) == 1
    assert "was written by another program" in capsys.readouterr().err


def test_a_model_without_anything_to_sample_cannot_be_verified():
    fixed = {"Intercept": sl.priors.Fixed(8.0)}
    fit = sl.Model("y | se(se) ~ 1", SCHOOLS, priors=fixed).fit(draws=20, seed=1, cores=1)
    with refused("nothing-to-sample"):
        fit.verify()
