"""The command `shoal compare`: what it prints, what it writes, and with which exit code."""

import os
import re
import shutil
import subprocess
import sys
from functools import partial

import numpy as np
import pandas as pd
import pytest

import shoal as sl

RUN = {"draws": 500, "chains": 2, "seed": 1, "cores": 1}


def study():
    """Return 20 groups of eight rows; in one of two responses the last row is far from its group."""
    table = sl.simulate.one_way(groups=20, rows=8, omega=0.4, seed=2).rename(columns={"observation": "y"})
    return table.assign(x=np.arange(160) % 7, far=table["y"] + 8 * (np.arange(160) == 159))


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Return a folder of saved fits."""
    folder, table = tmp_path_factory.mktemp("fits"), study()
    models = {
        "pooled": ("y ~ x + (1 | group)", table, RUN),
        "plain": ("y ~ x + offset(0 * group)", table, RUN),
        "outlier": ("far ~ 1 + (1 | group)", table, RUN),
        "few": ("y ~ 1 + (1 | group)", table, RUN | {"draws": 60, "chains": 1}),
        "other": ("y ~ x + (1 | group)", table[::-1], RUN),
        "log": ("exp(y) ~ x + (1 | group)", table, RUN),
        "bare": ("y ~ x + (1 | group)", table, RUN | {"store": "none"}),
    }
    for name, (formula, data, options) in models.items():
        fit = sl.Model(formula, data).fit(**options)
        fit.save(folder / f"{name}.nc")
    return folder


@pytest.fixture
def compare(shoal, monkeypatch, saved, tmp_path):
    """Run the command in a folder of saved fits."""
    monkeypatch.delenv("COLUMNS")
    shutil.copytree(saved, tmp_path, dirs_exist_ok=True)
    return partial(shoal, "compare")


# Results


def test_fits_are_compared_and_the_question_is_shown(compare, saved):
    code, out, err = compare("plain.nc", "pooled.nc", "--unit", "group")
    assert (code, err) == (0, "")
    fits = {name: sl.load(saved / f"{name}.nc") for name in ("plain", "pooled")}
    found = sl.compare(fits, "group")
    lines = out.splitlines()
    assert lines[:2] == [f"{name}: {fit.model.specification.text}, gaussian" for name, fit in fits.items()]
    for text in (found.left_out, found.question, found.verdict, found.about, *found.notes):
        assert text in lines
    assert "The question: how well the rows of a new level of group" in out
    best = found.table.index[0]
    cells = next(line for line in lines if re.match(rf"{best} +-", line)).split()
    assert float(cells[1]) == pytest.approx(found.table["elpd"].iloc[0], abs=0.05)
    assert found.table.index[0] == "pooled" and cells[3:5] == ["0.000", "0.000"]


def test_one_fit_is_scored_alone(compare, saved):
    code, out, err = compare("pooled.nc")
    assert (code, err) == (0, "")
    score = sl.load(saved / "pooled.nc").loo()
    assert out == f"pooled: y ~ x + (1 | group), gaussian\n\n{score}\n"
    assert "The question: how well a new row is predicted, its levels known" in out


@pytest.mark.parametrize("files", [("pooled.nc",), ("pooled.nc", "plain.nc")])
def test_the_picture_and_the_units_are_written(compare, saved, tmp_path, files):
    code, out, err = compare(*files, "--unit", "group", "--plot", "elpd.svg", "--pointwise", "units.csv")
    assert (code, err) == (0, "")
    assert "Written to elpd.svg.\nWritten to units.csv.\n" in out
    assert "<svg" in (tmp_path / "elpd.svg").read_text(encoding="utf-8")
    units = pd.read_csv(tmp_path / "units.csv", index_col=["model", "group"])
    assert len(units) == 20 * len(files)
    for file in files:
        expected = sl.load(saved / file).loo("group").pointwise
        np.testing.assert_allclose(units.loc[file.removesuffix(".nc"), "elpd"], expected["elpd"])


def test_names_are_as_short_as_tells_them_apart(compare, tmp_path):
    (tmp_path / "old").mkdir()
    shutil.copy("plain.nc", "old/pooled.nc")
    shutil.copy("few.nc", "old/pooled.nc4")
    code, out, _ = compare("pooled.nc", "old/pooled.nc", "outlier.nc", "--unit", "group")
    assert code == 1  # outlier.nc is of another response
    code, out, _ = compare("pooled.nc", "old/pooled.nc", "bare.nc", "--unit", "group")
    assert code == 0
    names = [line.split(":")[0] for line in out.splitlines()[:3]]
    assert names == ["pooled", "old/pooled", "bare"]
    _, out, _ = compare("old/pooled.nc", "old/pooled.nc4", "--unit", "group")
    assert [line.split(":")[0] for line in out.splitlines()[:2]] == ["old/pooled.nc", "old/pooled.nc4"]


def test_the_method_of_the_weights_is_chosen(compare):
    code, out, _ = compare("pooled.nc", "plain.nc", "--method", "pseudo-bma")
    assert code == 0 and "Weights by pseudo-bma." in out


def test_notes_are_folded_on_a_narrow_screen_and_nowhere_else(compare, monkeypatch):
    _, wide, _ = compare("pooled.nc", "plain.nc", "--unit", "group")
    monkeypatch.setenv("COLUMNS", "60")
    _, narrow, _ = compare("pooled.nc", "plain.nc", "--unit", "group")
    assert max(map(len, wide.splitlines())) > 80 >= 60 >= max(map(len, narrow.splitlines()))
    assert wide.split() == narrow.split()


# What cannot be relied on


def test_a_score_that_cannot_be_relied_on_ends_with_2_until_it_is_fitted_anew(compare, tmp_path):
    code, out, err = compare("outlier.nc")
    assert (code, err) == (2, "")
    assert "Pareto k above 0.67 for 1 of 160 units (159)" in out
    assert "Do not rely on these scores" in out and "1 of outlier. --refit fits anew" in out
    code, out, err = compare("outlier.nc", "--refit", "--cores", "1")
    assert (code, err) == (0, "")
    assert "1 fitted anew without the unit" in out and "Do not rely" not in out
    assert compare("outlier.nc", "--refit", "--checkpoint", "fits") == (code, out, err)
    assert [path.name for path in (tmp_path / "fits").iterdir()] == ["outlier.fits"]


def test_draws_that_cannot_be_trusted_end_with_2(compare):
    code, out, err = compare("pooled.nc", "few.nc", "--unit", "group", "--refit")
    assert (code, err) == (2, "")
    assert "few: Do not trust these draws." in out and "[error] ess: " in out
    assert "pooled: Do not trust" not in out and "Do not rely" not in out
    assert "has the highest elpd" in out


# What is refused


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "Missing argument 'FILE'"),
        (("none.nc",), "There is no file none.nc"),
        (("pooled.nc", "none.nc"), "There is no file none.nc"),
        (("folder",), "folder is a folder"),
        (("pooled.nc", "plain.nc", "pooled.nc"), "pooled.nc is given twice"),
        (("pooled.nc", "./pooled.nc"), "pooled.nc is given twice"),
        (("pooled.nc", "link.nc"), "pooled.nc and link.nc are one file"),
        (("text.nc",), "text.nc is of another kind"),
        (("theirs.nc",), "`shoal doctor FILE` judges the draws of any program"),
        (("pooled.nc", "other.nc"), "'pooled' and 'other' have other responses (in another order)"),
        (("pooled.nc", "log.nc"), "'pooled' predicts y, 'log' exp(y)"),
        (("pooled.nc", "bare.nc"), "'bare': The draws of r_group were not kept"),
        (("pooled.nc", "--unit", "grop"), "Did you mean 'group'"),
        (("pooled.nc", "--unit", "trial"), "One response of rows with trials"),
        (("pooled.nc", "plain.nc", "--unit", "z"), "'pooled': There is no unit 'z'"),
        (("pooled.nc", "--method", "stakcing"), "Did you mean 'stacking'"),
        (("pooled.nc", "--method", "aic"), "Known: 'stacking'"),
        (("pooled.nc", "--cores", "0"), "--cores"),
        (("pooled.nc", "--cores", "many"), "--cores"),
        (("pooled.nc", "--plot", "elpd.doc"), "'elpd.doc' ends in none of .png, .svg, .pdf"),
        (("pooled.nc", "--plot", "nowhere/elpd.png"), "nowhere"),
        (("pooled.nc", "--pointwise", "plain.nc", "--force"), "'plain.nc' ends in none of .csv"),
        (("pooled.nc", "--refits"), "--refit"),
        (("pooled.nc", "--checkpoint", "fits"), "nothing is fitted anew"),
        (("pooled.nc", "--plot", "there.png"), "--force"),
        (("pooled.nc", "--pointwise", "there.csv"), "--force"),
    ],
)
def test_bad_input_and_wrong_usage_end_with_1_and_say_why(compare, tmp_path, arguments, message):
    (tmp_path / "folder").mkdir()
    (tmp_path / "link.nc").symlink_to("pooled.nc")
    (tmp_path / "text.nc").write_text("y,x\n1,2\n")
    for name in ("there.png", "there.csv"):
        (tmp_path / name).write_text("mine")
    if "theirs.nc" in arguments:
        tree = sl.load("pooled.nc").tree
        tree.attrs["inference_library"] = "pymc"
        tree.to_netcdf("theirs.nc", engine="h5netcdf")
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    code, out, err = compare(*arguments)
    assert (code, out) == (1, "")
    assert err.startswith("error: ") and message in err
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before


def test_files_are_overwritten_by_force(compare, tmp_path):
    (tmp_path / "elpd.png").write_text("mine")
    (tmp_path / "units.csv").write_text("mine")
    code, _, err = compare("pooled.nc", "--plot", "elpd.png", "--pointwise", "units.csv", "--force")
    assert (code, err) == (0, "")
    assert (tmp_path / "elpd.png").read_bytes().startswith(b"\x89PNG")
    assert len(pd.read_csv(tmp_path / "units.csv")) == 160


def test_ctrl_c_ends_with_130(compare, monkeypatch):
    def stop(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("shoal.scores.compare.compare", stop)
    assert compare("pooled.nc", "plain.nc") == (130, "", "stopped: by Ctrl-C.\n")


# Help


def test_help_has_an_example_fits_a_narrow_screen_and_waits_for_no_heavy_module():
    text = (
        "import sys; from shoal.cli.run import run; run(['compare', '--help']);"
        "heavy = {'numba', 'pandas', 'xarray', 'matplotlib', 'scipy'};"
        "print(sorted(heavy.intersection(sys.modules)), file=sys.stderr)"
    )
    environment = os.environ | {"COLUMNS": "80"}
    done = subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, check=True, env=environment
    )
    assert done.stderr == "[]\n"
    assert "Usage: shoal compare" in done.stdout and "Example: shoal compare" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
