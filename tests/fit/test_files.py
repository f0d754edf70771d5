"""A saved fit comes back whole, and a file that is not one is refused without running anything in it."""

import json
import os

import h5py
import numpy as np
import pandas as pd
import pytest
import xarray as xr

import shoal as sl
from refusals import refused
from shoal.errors import FileError
from shoal.fit import files, whole_files
from shoal.fit.files import LIKELIHOODS

RUN = {"draws": 40, "cores": 1, "chains": 2, "seed": 5, "warmup": 100}


def table(g):
    """Return 24 rows of 4 levels with a number, a category, a flag and the labels given."""
    rng = np.random.default_rng(0)
    index = np.repeat(np.arange(4), 6)
    g = g[index] if isinstance(g, pd.Categorical) else np.asarray(g)[index]
    return pd.DataFrame(
        {
            "y": rng.normal(index, 1.0),
            "x": rng.integers(0, 9, 24),
            "c": pd.Categorical(np.tile(["low", "high"], 12), categories=["low", "high", "none"]),
            "t": np.tile([True, False, False], 8),
            "g": g,
        }
    )


LABELS = {
    "int with holes": np.array([40, 2, 17, 9]),
    "negative int": np.array([-3, 5, 0, 1]),
    "large int": np.array([2**53 + 1, 2**53 + 3, 1, 2]),
    "float": np.array([0.1, 2.5, -1.0, 1e9]),
    "str": np.array(["Rangpur", "Ångström", "a/b", ""], dtype=object),
    "digits as str": np.array(["007", "7", "10", "1e3"], dtype=object),
    "bool": np.array([True, False, True, False]),
    "categorical of str": pd.Categorical(["z", "a", "m", "b"], categories=["z", "m", "unused", "b", "a"]),
    "categorical of int": pd.Categorical([30, 10, 20, 5], categories=[30, 20, 10, 5]),
    "categorical of bool": pd.Categorical([True, False, True, False], categories=[True, False]),
}


def assert_same_fit(loaded, fit):
    """Draws, statistics, data, attributes, model, and everything computed from them are equal."""
    assert set(loaded.tree.children) == set(fit.tree.children)
    for name in fit.tree.children:
        xr.testing.assert_equal(loaded.tree[name].to_dataset(), fit.tree[name].to_dataset())
    of_files = {"coordinates": "", LIKELIHOODS: ""}
    assert loaded.tree.attrs | of_files == fit.tree.attrs | of_files
    before, after = fit.model.specification, loaded.model.specification
    assert after.text == before.text and after.pooling == before.pooling
    assert dict(after.priors) == dict(before.priors)
    pd.testing.assert_frame_equal(after.table.frame, before.table.frame, check_dtype=False)
    assert len(after.designs) == len(before.designs)
    for one, other in zip(after.designs, before.designs, strict=True):
        assert (one.formula, one.family, one.prefix) == (other.formula, other.family, other.prefix)
        assert (one.columns, one.categories) == (other.columns, other.categories)
        np.testing.assert_array_equal(one.x, other.x)
        for mine, own in zip(one.rows, other.rows, strict=True):
            np.testing.assert_array_equal(mine, own)
        for a, b in zip((*one.groups, *one.latents), (*other.groups, *other.latents), strict=True):
            np.testing.assert_array_equal(a.labels, b.labels)
            np.testing.assert_array_equal(a.index, b.index)
    assert str(loaded.model) == str(fit.model)
    assert str(loaded.diagnose()) == str(fit.diagnose())
    pd.testing.assert_frame_equal(loaded.summary(), fit.summary())
    pd.testing.assert_frame_equal(loaded.effects(), fit.effects())
    pd.testing.assert_frame_equal(loaded.to_frame(), fit.to_frame())


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
def test_saved_and_loaded_fits_are_equal_for_every_kind_of_label(labels, tmp_path):
    data = table(labels)
    fit = sl.Model("y ~ x + c + t + (1 | g)", data).fit(**RUN)
    path = fit.save(tmp_path / "fit.nc")
    loaded = sl.load(path)
    assert_same_fit(loaded, fit)
    kind = fit.tree["posterior"]["g"].values.dtype.kind
    assert loaded.tree["posterior"]["g"].values.dtype.kind in {"U": "OU", "O": "OU"}.get(kind, kind)


@pytest.fixture(scope="module")
def fit():
    data = table(LABELS["str"])
    priors = {
        "Intercept": sl.priors.StudentT(4, 0, 2),
        "sd": sl.priors.HalfNormal(2),
        "x": sl.priors.Fixed(0.5),
    }
    return sl.Model("y | weights(x + 1) ~ 1 + x + offset(log(x + 1)) + (1 + t | g)", data, priors=priors).fit(
        **RUN
    )


@pytest.fixture
def saved(fit, tmp_path):
    return fit.save(tmp_path / "fit.nc")


def test_correlations_offsets_weights_and_all_priors_survive(fit, saved):
    loaded, original = sl.load(saved), fit.model
    assert loaded.model.priors == fit.model.priors
    np.testing.assert_array_equal(loaded.model.design.offset, original.design.offset)
    np.testing.assert_array_equal(loaded.model.design.rows.weight, original.design.rows.weight)
    xr.testing.assert_equal(loaded.tree["posterior"].to_dataset(), fit.tree["posterior"].to_dataset())


def test_the_kinds_of_columns_survive(tmp_path):
    data = table(LABELS["str"]).assign(c=lambda d: d["c"].cat.as_ordered())
    fit = sl.Model("y ~ x + c + t + (1 | g)", data).fit(**RUN)
    loaded = sl.load(fit.save(tmp_path / "fit.nc"))
    before, after = (f.model.specification.table.frame for f in (fit, loaded))
    assert after.dtypes.to_dict() == before.dtypes.to_dict()


def test_the_coordinates_of_the_fit_survive(fit, saved):
    name = "sampled_coordinates"
    assert sl.load(saved).tree.attrs[name] == fit.tree.attrs[name] == "integrated"


def test_a_loaded_model_fits_to_the_same_draws(fit, saved):
    again = sl.load(saved).model.fit(**RUN)
    xr.testing.assert_equal(again.tree["posterior"].to_dataset(), fit.tree["posterior"].to_dataset())


def test_single_precision_draws_stay_so(tmp_path):
    fit = sl.Model("y ~ 1 + (1 | g)", table(LABELS["str"])).fit(**RUN, store="single")
    loaded = sl.load(fit.save(tmp_path / "fit.nc"))
    assert loaded.tree["posterior"]["r_g"].dtype == np.float32
    xr.testing.assert_equal(loaded.tree["posterior"].to_dataset(), fit.tree["posterior"].to_dataset())


def test_arviz_reads_the_file(saved, fit):
    from arviz_stats import summary

    with xr.open_datatree(saved, engine="h5netcdf") as tree:
        ours = fit.summary(["Intercept", "sd_g"], prob=0.9)
        theirs = summary(
            tree.load(), var_names=["Intercept", "sd_g"], ci_prob=0.9, ci_kind="eti", round_to="none"
        )
    # Other tails, and the sd of a whole population: see the tests of the summary.
    other = ["sd", "ess_tail", "mcse_mean", "mcse_sd"]
    pd.testing.assert_frame_equal(ours.drop(columns=other), theirs.drop(columns=other))
    assert ours.columns.tolist() == theirs.columns.tolist()


def test_saving_twice_replaces_the_file(fit, saved):
    before = saved.stat().st_size
    assert fit.save(saved) == saved
    assert saved.stat().st_size == before
    assert os.listdir(saved.parent) == ["fit.nc"]


def test_a_tree_is_the_fit(fit, saved):
    """What the tree in memory holds, and what a file's tree holds when another program reads it."""
    with xr.open_datatree(saved, engine="h5netcdf") as tree:
        read = tree.load()
    for own in (fit.tree, read):
        results = files.results_of(own)
        assert results.tree is own and dict(results.model.priors) == fit.model.specification.priors
        xr.testing.assert_equal(results.posterior, fit.tree["posterior"].to_dataset())


def test_a_tree_of_another_program_is_refused(fit):
    with refused("file-of-another-program"):
        files.results_of(xr.DataTree.from_dict({"posterior": fit.tree["posterior"].to_dataset()}))


# What is not a result file


@pytest.mark.parametrize("given, message", [(None, "given as None"), (3, "given as 3"), ("", "names none")])
def test_what_names_no_file_is_refused(fit, given, message):
    with pytest.raises(FileError, match=message):
        fit.save(given)
    with pytest.raises(FileError, match=message):
        sl.load(given)


def test_a_missing_file_is_named(tmp_path):
    with refused("no-file"):
        sl.load(tmp_path / "nothing.nc")


def test_a_folder_is_not_a_file(tmp_path):
    with pytest.raises(FileError):
        sl.load(tmp_path)


def test_text_is_not_netcdf(tmp_path):
    path = tmp_path / "fit.nc"
    path.write_text("mean,sd\n1,2\n")
    with refused("not-a-result-file"):
        sl.load(path)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_refused(saved, share):
    whole = saved.read_bytes()
    saved.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(FileError, match="damaged" if share > 0.001 else "empty|another kind|damaged"):
        sl.load(saved)


def test_a_file_of_another_library_is_refused_by_name(tmp_path):
    path = tmp_path / "other.nc"
    tree = xr.DataTree.from_dict({"posterior": xr.Dataset({"mu": (("chain", "draw"), np.zeros((2, 5)))})})
    tree.attrs["inference_library"] = "pymc"
    tree.to_netcdf(path, engine="h5netcdf")
    with refused("file-of-another-program"):
        sl.load(path)


def edit(path, attribute, value):
    with h5py.File(path, "a") as file:
        file.attrs[attribute] = value


@pytest.mark.parametrize(
    "formula",
    [
        "y ~ __import__('os').system('touch {marker}') + (1 | g)",
        "y ~ x + (1 | g).__class__",
        'y ~ eval(\'open("{marker}", "w")\') + (1 | g)',
        "y ~ I(open('{marker}', 'w')) + (1 | g)",
        "y | weights(exec('{marker}')) ~ x + (1 | g)",
        "y ~ offset(np.save('{marker}', x)) + (1 | g)",
        "{{os.system('touch {marker}')}} ~ x",
    ],
)
def test_loading_runs_no_code_from_a_formula(saved, tmp_path, formula):
    marker = tmp_path / "ran"
    edit(saved, "formula", json.dumps([formula.format(marker=marker)]))
    with refused("file-not-a-model"):
        sl.load(saved)
    assert not marker.exists()


@pytest.mark.parametrize("attribute", ["formula", "family", "priors"])
def test_a_file_without_a_part_of_the_model_is_refused(saved, attribute):
    with h5py.File(saved, "a") as file:
        del file.attrs[attribute]
    with refused("file-incomplete", match=f"lacks a part of the model.*{attribute}"):
        sl.load(saved)


@pytest.mark.parametrize(
    "attribute, value",
    [
        ("formula", json.dumps(["y ~ x + (1 | somewhere_else)"])),
        ("formula", json.dumps(["y ~"])),
        ("formula", json.dumps([])),
        ("formula", "y ~ x + (1 | g)"),
        ("family", json.dumps([["cauchy", "identity"]])),
        ("family", json.dumps([["gaussian", "logit"]])),
        ("priors", "not json"),
        (
            "priors",
            json.dumps({"x": {"kind": "Normal", "mu": 0, "sigma": -1, "default": True, "centered": False}}),
        ),
        ("priors", json.dumps({"x": {"kind": "os.system", "default": True, "centered": False}})),
        ("priors", json.dumps({"x": {"kind": "Normal", "loc": 0, "default": True, "centered": False}})),
        ("sampler_facts", json.dumps("a text")),
        ("settings", "[]"),
        ("seconds", "not json"),
        ("seed", "many"),
        ("priors", "[]"),
        ("priors", "{}"),
    ],
)
def test_a_file_whose_model_makes_no_sense_is_refused(saved, attribute, value):
    edit(saved, attribute, value)
    with pytest.raises(FileError):
        sl.load(saved)


def test_a_file_without_its_data_is_refused(saved):
    with h5py.File(saved, "a") as file:
        del file["constant_data"]
    with refused("file-incomplete"):
        sl.load(saved)


@pytest.mark.parametrize("part", ["posterior", "sample_stats", "posterior/Intercept", "posterior/sd_g"])
def test_a_file_without_its_draws_is_refused(saved, part):
    with h5py.File(saved, "a") as file:
        del file[part]
    with pytest.raises(FileError):
        sl.load(saved)


# Writing


def test_a_folder_that_is_not_there_is_named(fit, tmp_path):
    with refused("no-folder"):
        fit.save(tmp_path / "no" / "fit.nc")


@pytest.mark.parametrize("problem", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_an_interrupted_save_leaves_nothing_behind(fit, tmp_path, monkeypatch, problem):
    def interrupted(content):  # when all but the last bytes have been written
        assert [path.stat().st_size > 0 for path in tmp_path.iterdir()] == [True]
        raise problem

    monkeypatch.setattr(files, "seal", interrupted)
    with pytest.raises(KeyboardInterrupt if problem is KeyboardInterrupt else FileError):
        fit.save(tmp_path / "fit.nc")
    assert os.listdir(tmp_path) == []


def test_an_interrupted_save_keeps_the_file_that_was_there(fit, saved, monkeypatch):
    def interrupted(source, target):
        raise KeyboardInterrupt

    before = saved.read_bytes()
    monkeypatch.setattr(whole_files.os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fit.save(saved)
    assert saved.read_bytes() == before
    assert os.listdir(saved.parent) == [saved.name]


def test_a_very_large_seed_can_be_saved(tmp_path):
    fit = sl.Model("y ~ 1 + (1 | g)", table(LABELS["str"])).fit(**{**RUN, "seed": 2**70})
    assert sl.load(fit.save(tmp_path / "fit.nc")).tree.attrs["seed"]
