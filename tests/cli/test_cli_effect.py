"""`shoal effect`: the table that is shown, the files that are written, and the exit codes."""

import subprocess
import sys
from importlib.metadata import version

import numpy as np
import pandas as pd
import pytest

import shoal as sl


@pytest.fixture(autouse=True)
def wide(shoal, monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")


@pytest.fixture(scope="module")
def fitted():
    rng = np.random.default_rng(2)
    g = np.repeat(np.arange(10), 12)
    data = pd.DataFrame({"x": rng.normal(size=120), "c": rng.choice(["p", "q"], 120), "g": g})
    data["y"] = 1 + data["x"] + rng.normal(size=10)[g] + rng.normal(size=120)
    return sl.Model("y ~ x + c + (1 | g)", data).fit(draws=500, seed=1, cores=1)


@pytest.fixture
def file(fitted, tmp_path):
    return fitted.save(tmp_path / "fit.nc")


def test_the_table_is_that_of_the_fit(shoal, file, fitted):
    code, out, err = shoal(
        "effect", "fit.nc", "x=0,1", "--by", "c", "--levels", "population", "--table", "t.csv"
    )
    assert (code, err) == (0, "")
    expected = fitted.effect({"x": [0, 1]}, by="c", levels="population")
    written = pd.read_csv(file.with_name("t.csv"))
    np.testing.assert_allclose(written["median"], expected.table["median"])
    assert written["c"].tolist() == ["p", "p", "q", "q"]
    assert expected.population in out and "expected y" in out


def test_slopes_and_comparisons(shoal, file):
    code, out, _ = shoal("effect", "fit.nc", "x", "--slope", "dydx", "--over", "data")
    assert code == 0 and "change of expected y for one unit of x" in out
    code, out, _ = shoal("effect", "fit.nc", "x=0,1", "--hypothesis", "b2 - b1 = 0", "--at", "g=3")
    assert code == 0 and "b2 - b1 = 0" in out and "with g=3" in out


def test_a_picture_is_written_and_not_overwritten(shoal, file):
    assert shoal("effect", "fit.nc", "x", "--plot", "x.svg")[0] == 0
    assert "<svg" in file.with_name("x.svg").read_text(encoding="utf-8")
    code, _, err = shoal("effect", "fit.nc", "x", "--plot", "x.svg")
    assert code == 1 and "exists already" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("no.nc", "x"), "There is no file no.nc"),
        (("fit.nc", "xx"), "Did you mean 'x'"),
        (("fit.nc", "g"), "'g' is a grouping factor"),
        (("fit.nc", "c=r"), "'c' has no category 'r'"),
        (("fit.nc", "x", "--at", "c"), "has no '='"),
        (("fit.nc", "x", "--at", "x=1"), "both in x and in `at`"),
        (("fit.nc", "x", "x"), "'x' is given twice"),
        (("fit.nc", "x", "--at", "c=p", "--at", "c=q"), "'c' is given twice"),
        (("fit.nc", "x", "--levels", "77"), "no level '77'"),
        (("fit.nc", "x", "--plot", "x.txt"), "ends in none of"),
        (("fit.nc", "x", "--slope", "dydx", "--plot", "x.png"), "of predictions"),
        (("fit.nc", "x", "--interval", "2"), "not between 0 and 1"),
    ],
)
def test_what_cannot_be_asked(shoal, file, arguments, message):
    code, out, err = shoal("effect", *arguments)
    assert (code, out) == (1, "") and message in err


def test_the_package_is_the_command():
    command = [sys.executable, "-m", "shoal", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split()[-1] == version("shoal")


def test_categories_are_compared_on_the_screen_and_in_a_file(shoal, tmp_path):
    rng = np.random.default_rng(3)
    data = pd.DataFrame({"mean": rng.normal(size=90), "o": rng.integers(1, 4, 90)})
    sl.Model("o ~ mean", data, family="cumulative").fit(draws=300, seed=1, cores=1).save(tmp_path / "o.nc")
    arguments = ("effect", "o.nc", "mean=0,1", "--scale", "probability", "--table", "o.csv")
    code, out, err = shoal(*arguments)
    assert (code, err) == (0, "") and "mean_value" in out
    assert pd.read_csv(tmp_path / "o.csv").columns[:3].tolist() == ["mean_value", "category", "median"]
    code, out, err = shoal(*arguments, "--hypothesis", "b2 - b1 = 0", "--force")
    assert (code, err) == (0, "")
    assert pd.read_csv(tmp_path / "o.csv").columns[:2].tolist() == ["contrast", "category"]


def test_slopes_are_those_of_the_fit(shoal, file, fitted):
    code, _, _ = shoal("effect", "fit.nc", "x", "--slope", "dydx", "--table", "t.csv")
    assert code == 0
    written = pd.read_csv(file.with_name("t.csv"))
    np.testing.assert_allclose(written["median"], fitted.slope("x").table["median"])


def test_labels_may_look_like_numbers(shoal, tmp_path):
    labels = ["01", "02", "nan", "1_0"]
    data = pd.DataFrame({"y": np.arange(24.0) % 7, "g": np.tile(labels, 6), "x": np.arange(24.0) % 5})
    sl.Model("y ~ x + (1 | g)", data).fit(draws=50, seed=1, progress=False).save(tmp_path / "own.nc")
    for label in labels:
        code, out, err = shoal("effect", "own.nc", "x=1", "--at", f"g={label}")
        assert code in (0, 2) and label in out, err
