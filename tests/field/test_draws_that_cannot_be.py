"""Draws that are not finite or outside a parameter's support are an error, wherever they are used."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import shoal as sl
from shoal.errors import ModelError


@pytest.fixture(scope="module")
def tree() -> xr.DataTree:
    rng = np.random.default_rng(2)
    data = pd.DataFrame({"x": rng.normal(size=80), "g": np.resize(list("abcdefgh"), 80)})
    data["y"] = data["x"] + rng.normal(size=8)[data["g"].map("abcdefgh".index)] + rng.normal(size=80)
    return sl.Model("y ~ x + (1 + x | g)", data).fit(chains=4, draws=200, seed=1).tree


def changed(tree: xr.DataTree, name: str, value: float, path, where=...) -> str:
    posterior = tree["posterior"].to_dataset().copy(deep=True)
    posterior[name].values[where] = value
    other = tree.copy()
    other["posterior"] = posterior
    other.to_netcdf(path / "changed.nc", engine="h5netcdf")
    return str(path / "changed.nc")


WRONG = {
    "negative sigma": ("sigma", -1.0),
    "sigma that is no number": ("sigma", np.nan),
    "endless sigma": ("sigma", np.inf),
    "negative sd": ("sd_g", -0.5),
    "correlation beyond 1": ("cor_g", 1.5),
    "coefficient that is no number": ("x", np.nan),
    "effect that is no number": ("r_g", np.nan),
}


@pytest.mark.parametrize(
    ("name", "value", "where"),
    [
        *(pytest.param(*wrong, ..., id=f"{how}, all draws") for how, wrong in WRONG.items()),
        pytest.param(*WRONG["negative sigma"], (0, 3), id="negative sigma, one draw"),
    ],
)
def test_they_are_an_error_in_a_diagnosis_and_stop_scores_and_new_responses(
    tree, name, value, where, tmp_path
):
    path = changed(tree, name, value, tmp_path, where)
    diagnosis = sl.diagnose(path)
    assert not diagnosis.trustworthy
    (found,) = (f for f in diagnosis if f.code == "impossible-draws")
    assert found.severity == "error" and name in found.evidence
    fit = sl.load(path)
    for use in (fit.loo, fit.posterior_predictive, partial(fit.predict_summary, kind="response")):
        with pytest.raises(ModelError, match=name):
            use()


def test_a_sound_fit_has_none(tree):
    assert "impossible-draws" not in {f.code for f in sl.diagnose(tree)}


def test_a_derived_quantity_may_lack_numbers(tree):
    other = tree.copy()
    posterior = tree["posterior"].to_dataset()
    other["posterior"] = posterior.assign(ratio=posterior["sigma"] * np.nan)
    codes = {f.code: f.severity for f in sl.diagnose(other)}
    assert codes["not-finite"] == "warning" and "impossible-draws" not in codes
