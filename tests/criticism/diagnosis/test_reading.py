"""Files of any program: read, or refused with what is wrong."""

from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr

import shoal as sl
from criticism.diagnosis.drawn import codes, finding, hierarchy, statistics, tree
from refusals import refused
from shoal.criticism.diagnosis import diagnose
from shoal.errors import FileError
from shoal.fit import file_kinds

FILES = Path(__file__).parent / "files"


class InferenceData:
    """What ArviZ 0.x calls an InferenceData, as far as a reader sees it."""

    def __init__(self, **groups):
        self.__dict__.update(groups)
        self._names = list(groups)

    def groups(self):
        return self._names


def test_centered_eight_schools_from_pymc():
    """An InferenceData of ArviZ 0.23, the funnel that started it all."""
    d = diagnose(FILES / "centered_schools.nc")
    assert d.findings[0].code == "funnel" and not d.trustworthy
    assert "where tau is small" in d.findings[0].evidence and "theta (over school)" in d.findings[0].evidence
    assert {"divergences", "rhat", "ess"} <= set(codes(d))
    assert d.source == "PyMC 5.28.5"


def test_the_wrong_axis_from_pymc():
    d = diagnose(FILES / "wrong_axis.nc")
    said = finding(d, "zero-sum-axis")
    assert d.findings[0] == said and "group holds the levels" in said.evidence


def test_a_sound_fit_from_pymc():
    """A DataTree of ArviZ 1.3, sampled by nutpie, with draws from the prior."""
    d = diagnose(FILES / "sound.nc")
    assert codes(d) == [] and "nutpie" in d.source
    assert "omega of mu_g (over group)" in d.coverage and "priors of omega, sigma" in d.coverage


@pytest.mark.parametrize("name", ["centered_schools", "wrong_axis", "sound"])
def test_a_file_what_it_holds_and_an_inference_data_are_judged_alike(name):
    path = FILES / f"{name}.nc"
    with xr.open_datatree(path, engine="h5netcdf") as opened:
        opened.load()
    groups = {str(k): v.to_dataset() for k, v in opened.children.items()}
    expected = str(sl.diagnose(str(path)))
    assert str(sl.diagnose(opened)) == expected
    assert str(sl.diagnose(InferenceData(**groups))) == expected


CMDSTAN = {
    "divergent__": "diverging",
    "treedepth__": "tree_depth",
    "energy__": "energy",
    "accept_stat__": "acceptance_rate",
}


@pytest.mark.parametrize("stray", [False, True])
def test_cmdstans_names(stray):
    """Among the statistics, or, read without a converter, among the parameters."""
    given = statistics(diverging=np.eye(4, 500, dtype=int))
    theirs = {old: given[new].astype(float) for old, new in CMDSTAN.items()}
    d = diagnose(tree(hierarchy() | theirs, {}) if stray else tree(stats=theirs))
    assert codes(d) == ["divergences"] and "4 of 2,000" in next(iter(d)).evidence
    assert "10 quantities" in d.examined


def test_a_file_without_statistics_says_so():
    d = diagnose(tree(stats={}))
    assert codes(d) == []
    assert "divergences, energy, tree depth, acceptance (no sample_stats)" in d.coverage


def test_any_order_of_dims():
    turned = {
        name: data.to_dataset().transpose(..., "draw", "chain") for name, data in tree().children.items()
    }
    assert str(diagnose(xr.DataTree.from_dict(turned))) == str(diagnose(tree()))


def test_draws_saved_as_one_dataset(tmp_path):
    path = tmp_path / "alone.nc"
    tree()["posterior"].to_dataset().to_netcdf(path, engine="h5netcdf")
    d = diagnose(path)
    assert codes(d) == [] and "10 quantities" in d.examined


def test_only_the_groups_that_are_needed_are_loaded(tmp_path):
    """A damaged group of log likelihoods costs nothing."""
    path = tmp_path / "large.nc"
    given = tree()
    given["log_likelihood"] = xr.Dataset({"y": (("chain", "draw", "row"), np.zeros((4, 500, 100)))})
    given.to_netcdf(path, engine="h5netcdf", encoding={"/log_likelihood": {"y": {"zlib": True}}})
    with h5py.File(path) as file:
        at = file["log_likelihood/y"].id.get_chunk_info(0)
    content = bytearray(path.read_bytes())
    content[at.byte_offset : at.byte_offset + at.size] = b"\xff" * at.size
    path.write_bytes(content)
    with pytest.raises((OSError, RuntimeError)):
        xr.open_dataset(path, group="log_likelihood", engine="h5netcdf").load()
    assert codes(diagnose(path)) == []


# Refusals


def written(tmp_path, content):
    path = tmp_path / "file.nc"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("share", [0.02, 0.5, 0.99])
def test_a_file_that_was_cut_off(tmp_path, share):
    whole = (FILES / "sound.nc").read_bytes()
    path = written(tmp_path, whole[: int(share * len(whole))])
    with refused("file-damaged") as problem:
        diagnose(path)
    assert "cut off" in problem.value.remedy


@pytest.mark.parametrize(
    "content, what, remedy",
    [
        (b"", "is empty", "again"),
        (b"school,y\nA,28\n", "of another kind", "to_netcdf"),
        (b"# stan_version_major = 2\nlp__,mu\n", "CmdStan", "from_cmdstan"),
        (b"CDF\x01\x00\x00", "netCDF 3", "arviz"),
    ],
)
def test_files_of_another_kind(tmp_path, content, what, remedy):
    with pytest.raises(FileError, match=what) as problem:
        diagnose(written(tmp_path, content))
    assert remedy in problem.value.remedy


def test_no_file(tmp_path):
    with refused("no-file"):
        diagnose(tmp_path / "nothing.nc")


def test_a_folder_needs_zarr(tmp_path, monkeypatch):
    monkeypatch.setattr(file_kinds, "find_spec", {}.get)
    with refused("not-a-result-file"):
        diagnose(tmp_path)
    (tmp_path / "zarr.json").touch()
    with refused("zarr-missing"):
        diagnose(tmp_path)


def test_a_file_without_posterior(tmp_path):
    path = tmp_path / "prior.nc"
    only = tree(prior={"mu": np.zeros((1, 500))})
    del only["posterior"]
    only.to_netcdf(path, engine="h5netcdf")
    with refused("file-without-posterior"):
        diagnose(path)


def test_draws_without_chains():
    flat = xr.DataTree.from_dict({"posterior": xr.Dataset({"mu": ("sample", np.zeros(10))})})
    with refused("posterior-dimensions"):
        diagnose(flat)


def test_no_draws():
    with refused("posterior-empty"):
        diagnose(tree({name: values[:, :0] for name, values in hierarchy().items()}, {}))


def test_what_holds_no_draws():
    with refused("not-draws"):
        diagnose({"mu": np.zeros(10)})


@pytest.mark.parametrize("known", [0.0, 1.0])
def test_divergences_that_are_not_known_are_none(known):
    rng, diverging = np.random.default_rng(1), np.zeros((4, 200))
    diverging[0, :50], diverging[3] = known, np.nan  # of chains put together, one lacks the statistic
    draws = {"posterior": {"mu": rng.normal(size=(4, 200))}, "sample_stats": {"diverging": diverging}}
    dims = ("chain", "draw")
    data = xr.DataTree.from_dict(
        {name: xr.Dataset({k: (dims, v) for k, v in own.items()}) for name, own in draws.items()}
    )
    found = [own for own in sl.diagnose(data).findings if own.code == "divergences"]
    assert len(found) == known and all(own.evidence.startswith("50 of 800") for own in found)
