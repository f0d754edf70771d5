"""A family that is not Shoal's own: fitted, saved, and loaded by who vouches for it."""

import json
import sys

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats
from scipy.special import expit

import shoal as sl
from families.own_family import Geometric
from refusals import refused
from shoal.cli.run import run
from shoal.errors import FileError
from shoal.families import FAMILIES, Poisson, Rows

RUN = {"draws": 40, "cores": 1, "chains": 2, "seed": 5, "warmup": 100}


class Renamed(Geometric):
    name = "renamed"


class Twin(Poisson):
    """Of the same name as the family of the file, by another class."""

    name = "geometric"


@pytest.fixture(scope="module")
def fit():
    rng = np.random.default_rng(3)
    g = np.repeat(np.arange(6), 5)
    table = pd.DataFrame({"y": rng.geometric(expit(-0.3 * g)) - 1, "g": g})
    return sl.Model("y ~ 1 + (1 | g)", table, family=Geometric()).fit(**RUN)


@pytest.fixture
def saved(fit, tmp_path):
    return fit.save(tmp_path / "fit.nc")


def test_the_density_is_the_known_one():
    y, eta = np.arange(5.0), np.array([-3.0, -0.5, 0.0, 0.7, 30.0])
    found = Geometric().evaluate(Rows(y, np.ones(5), np.ones(5), np.zeros(5)), eta, {}, order=2)
    np.testing.assert_allclose(found.value, stats.nbinom.logpmf(y, 1, expit(-eta)), rtol=1e-12)


@pytest.mark.parametrize(
    "families", [[Geometric], [Geometric()], Geometric, Geometric(), (Renamed, Geometric)]
)
def test_a_fit_comes_back_whole_with_the_family_given(fit, saved, families):
    loaded = sl.load(saved, families=families)
    assert type(loaded.model.design.family) is Geometric
    xr.testing.assert_equal(loaded.tree["posterior"].to_dataset(), fit.tree["posterior"].to_dataset())
    pd.testing.assert_frame_equal(loaded.summary(), fit.summary())
    pd.testing.assert_frame_equal(loaded.effects(), fit.effects())
    assert str(loaded.model) == str(fit.model)


def test_an_instance_is_kept_for_what_it_holds(saved):
    own = Geometric()
    assert sl.load(saved, families=[own]).model.design.family is own


def test_without_the_family_the_file_says_which_one_it_needs(saved):
    with pytest.raises(FileError) as caught:
        sl.load(saved)
    message = str(caught.value)
    assert "'geometric'" in message and "Geometric" in message and Geometric.__module__ in message
    assert "families=[Geometric]" in message and str(saved) in message


@pytest.mark.parametrize("wrong", [Renamed, Renamed(), Twin, Twin(), Poisson()])
def test_another_family_is_not_taken_for_it(saved, wrong):
    with pytest.raises(FileError) as caught:
        sl.load(saved, families=[wrong])
    assert type(wrong).__name__ in str(caught.value) or wrong.__name__ in str(caught.value)


def test_an_instance_with_another_link_is_not_taken_for_it(fit, saved):
    class Probit(Geometric):
        links = ("log", "probit")

    Probit.__qualname__ = "Geometric"
    with refused("family-not-given", match="link 'log'"):
        sl.load(saved, families=[Probit("probit")])
    assert sl.load(saved, families=[Probit("probit"), Probit]).model.design.family.link == "log"


@pytest.mark.parametrize("given", ["geometric", [3], None, [Geometric, "poisson"], int])
def test_what_is_no_family_is_refused(saved, given):
    with refused("not-a-family"):
        sl.load(saved, families=given)


def test_loading_imports_no_module_that_the_file_names(fit, tmp_path, monkeypatch):
    marker = tmp_path / "ran"
    (tmp_path / "evil_family.py").write_text(f"open({str(marker)!r}, 'w')")
    monkeypatch.syspath_prepend(tmp_path)
    tree = fit.tree.copy()
    tree.attrs["family"] = json.dumps([["geometric", "log", "evil_family:Geometric"]])
    path = tmp_path / "fit.nc"
    tree.to_netcdf(path, engine="h5netcdf")
    with refused("family-not-given"):
        sl.load(path)
    assert not marker.exists() and "evil_family" not in sys.modules
    # The module may have moved since, as that of a script does; its class is given, not looked for.
    assert type(sl.load(path, families=[Geometric]).model.design.family) is Geometric
    assert not marker.exists()


@pytest.mark.parametrize(
    "record", [["geometric"], ["geometric", "log", "no colon"], ["geometric", "log", 3], 3]
)
def test_a_record_that_makes_no_sense_is_refused(fit, tmp_path, record):
    tree = fit.tree.copy()
    tree.attrs["family"] = json.dumps([record])
    tree.to_netcdf(tmp_path / "fit.nc", engine="h5netcdf")
    with pytest.raises(FileError):
        sl.load(tmp_path / "fit.nc", families=[Geometric])


def test_a_family_that_takes_the_name_of_one_of_ours_is_told_from_it(tmp_path):
    class Twin(Poisson):
        pass

    table = pd.DataFrame({"y": [0, 1, 2, 1, 0, 3], "g": [1, 1, 2, 2, 3, 3]})
    path = sl.Model("y ~ 1 + (1 | g)", table, family=Twin()).fit(**RUN).save(tmp_path / "fit.nc")
    with refused("family-not-given"):
        sl.load(path)
    assert type(sl.load(path, families=[Twin]).model.design.family) is Twin
    assert type(FAMILIES["poisson"]) is Poisson


@pytest.mark.parametrize("command", [["report"], ["compare"], ["doctor"]])
def test_the_command_line_says_what_to_do(saved, capfd, command):
    assert run([*command, str(saved)]) == 1
    heard = capfd.readouterr()
    text = " ".join(heard.err.split())
    assert "Geometric" in text and "families=[Geometric]" in text
    assert "Traceback" not in text and heard.out == ""
