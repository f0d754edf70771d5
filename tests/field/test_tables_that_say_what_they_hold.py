"""Printed tables and findings say what they hold: whole, with known values marked and names explained."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import shoal as sl
from shoal.errors import ModelError


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    rng = np.random.default_rng(2)
    frame = pd.DataFrame({"x": rng.normal(size=300), "g": np.arange(300) % 30, "h": np.arange(300) // 60})
    return frame.assign(y=frame["x"] + rng.normal(size=30)[frame["g"]] + rng.normal(size=300))


@pytest.fixture(scope="module")
def fit(data) -> sl.Fit:
    return sl.Model("y ~ x + (1 | g) + (1 | h)", data).fit(draws=200, seed=1)


def test_all_quantities_are_counted_whatever_the_seed(data):
    model = sl.Model("y ~ x + (1 | g)", data.assign(g=np.arange(300) // 3))
    counts = {model.fit(draws=100, seed=seed).diagnose().examined.split(" quantities")[0] for seed in (1, 2)}
    assert counts == {"(104"}


@pytest.mark.parametrize("draws", [4, 16])
def test_nothing_is_said_of_convergence_from_a_few_draws(data, draws):
    diagnosis = sl.Model("y ~ x", data).fit(draws=draws, seed=1).diagnose()
    assert "few-draws" in {f.code for f in diagnosis} and "ESS" not in diagnosis.examined


def test_an_effective_size_is_at_most_the_number_of_draws(data):
    diagnosis = sl.Model("y ~ x", data).fit(draws=50, seed=1).diagnose()
    worst, total = diagnosis.examined.split("worst ESS ")[1].removesuffix(" draws.)").split(" of ")
    assert int(worst) <= int(total)


def test_values_that_are_known_are_marked_in_a_summary(data):
    model = sl.Model("y ~ x + (1 | g)", data, priors={"sd_g": sl.priors.Fixed(1.0)})
    table = model.fit(draws=100, seed=1).summary(["x", "sd_g"])
    known, free = table.loc["sd_g[Intercept]"], table.loc["x"]
    assert known[["ess_bulk", "ess_tail", "r_hat"]].isna().all() and free.notna().all()
    assert "Fixed: sd_g[Intercept]." in repr(table)
    assert "Fixed" not in repr(model.fit(draws=100, seed=1).summary(["x"]))


def test_a_prior_summary_is_printed_with_all_columns(data):
    table = sl.Model("y ~ x", data).prior_summary(draws=100)
    with pd.option_context("display.width", 40):
        printed = repr(table)
    assert all(str(name) in printed for name in table.columns)


def test_one_of_several_factors_is_asked_for_by_the_argument_that_names_it(fit):
    with pytest.raises(ModelError) as caught:
        fit.plot.shrinkage()
    assert caught.value.remedy == "Such as group='g'."
    fit.plot.shrinkage(group="g")


@pytest.mark.parametrize("name", ["b", "sigma", "chain", "draw", "row", "sd"])
def test_a_coefficient_of_another_name_than_its_column_is_said(data, name):
    model = sl.Model(f"y ~ {name}", data.assign(**{name: data["x"]}))
    (found,) = (f for f in model.fit(draws=50, seed=1).diagnose() if f.code == "renamed")
    assert found.severity == "note" and f"'b_{name}'" in found.evidence


FIT = """
import pandas as pd, shoal as sl
sl.Model("y ~ x", pd.DataFrame({"y": [1.0, 2.5, 3.0, 4.2], "x": [1.0, 2.0, 3.0, 5.0]})).fit(draws=4, chains=1)
"""


@pytest.mark.slow
def test_a_first_fit_in_a_pipe_says_that_it_compiles_and_a_second_one_nothing(tmp_path):
    def errors() -> str:
        environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
        run = subprocess.run([sys.executable, "-c", FIT], env=environment, capture_output=True, text=True)
        assert run.returncode == 0 and run.stdout == ""
        return run.stderr

    assert errors().count("compiling") == 1
    assert errors() == ""
