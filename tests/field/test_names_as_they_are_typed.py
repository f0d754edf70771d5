"""Names are given and shown as the formula has them, whatever files make of them."""

import json

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import shoal as sl
from refusals import refused
from shoal.export.names import escaped
from shoal.model.prior_draws import draw_prior
from shoal.priors import Exponential, Normal

FORMULA = "y ~ I(x / 4) + `km/h` + (1 + I(x / 4) | `town/village`)"
RUN = {"seed": 1, "cores": 1, "draws": 200}


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(2)
    g = np.arange(60) % 6
    y = rng.normal(size=6)[g] + rng.normal(size=60)
    return pd.DataFrame({"y": y, "x": rng.normal(size=60), "km/h": rng.normal(size=60), "town/village": g})


@pytest.fixture(scope="module")
def fit(data):
    return sl.Model(FORMULA, data, priors={"I(x / 4)": Normal(0, 3), "km/h": Normal(0, 2)}).fit(**RUN)


def test_tables_show_slashes(fit):
    names = ["Intercept", "I(x / 4)", "km/h", "sd_town/village[Intercept]", "sd_town/village[I(x / 4)]"]
    assert list(fit.summary().index)[:5] == names
    assert {"I(x / 4)", "km/h", "r_town/village[3,Intercept]"} <= set(fit.to_frame().columns)
    assert "town/village" in fit.effects("town/village").columns
    assert "∕" not in f"{fit.model}{fit.diagnose()}{fit.sensitivity()}{fit.model.prior_summary(200)}"


@pytest.mark.parametrize("name", ["km/h", "`km/h`", "km∕h", "I(x / 4)", "I(x/4)"])
def test_variables_are_named_as_they_are_typed(fit, name):
    shown = "km/h" if "km" in name else "I(x / 4)"
    assert list(fit.summary([name]).index) == list(fit.to_frame([name]).columns) == [shown]
    assert list(fit.sensitivity([name], likelihood=False).index) == [shown]
    assert shown in fit.plot.forest([name]).numbers.to_string()


def test_single_quantities_and_factors_are_too(fit):
    names = ["sd_town/village[I(x/4)]", "r_town∕village[3,Intercept]"]
    assert list(fit.sensitivity(names, likelihood=False).index) == [
        "sd_town/village[I(x / 4)]",
        "r_town/village[3, Intercept]",
    ]
    assert len(fit.ranks("town/village", "Intercept")) == len(fit.ranks("`town/village`", "Intercept")) == 6


def test_files_have_names_that_are_no_paths(fit, tmp_path):
    tree = fit.tree["posterior"]
    assert {"I(x ∕ 4)", "km∕h", "sd_town∕village", "r_town∕village"} <= set(tree.data_vars)
    assert not any("/" in str(name) for name in (*tree.data_vars, *tree.dims))
    loaded = sl.load(fit.save(tmp_path / "fit.nc"))
    pd.testing.assert_frame_equal(loaded.summary(), fit.summary())
    assert loaded.model.priors == fit.model.priors


def test_a_file_whose_priors_have_names_without_slashes_is_read(fit, tmp_path):
    path = fit.save(tmp_path / "fit.nc")
    with xr.open_datatree(path, engine="h5netcdf") as tree:
        tree = tree.load()
    before = {
        name.replace("/", "∕") if "[" not in name else name: p
        for name, p in json.loads(tree.attrs["priors"]).items()
    }
    tree.attrs["priors"] = json.dumps(before)
    tree.to_netcdf(path, engine="h5netcdf")
    assert sl.load(path).model.priors == fit.model.priors


SPELLINGS = {
    "I(x ** 2)": ["I(x ** 2)", "I(x**2)", "I(x^2)", "I(x ^ 2)"],
    "log(z)": ["log(z)", "np.log(z)", "log( z )"],
    "sd_g[I(x ** 2)]": ["sd_g[I(x^2)]", "sd_g[ I(x ** 2) ]"],
}


@pytest.mark.parametrize("name", SPELLINGS)
def test_priors_are_given_in_any_spelling_that_a_formula_takes(data, name):
    data = data.assign(z=np.exp(data["x"]), g=data["town/village"])
    prior = Exponential(7) if name.startswith("sd") else Normal(0, 7)
    for spelling in SPELLINGS[name]:
        model = sl.Model("y ~ I(x^2) + np.log(z) + (1 + I(x^2) | g)", data, priors={spelling: prior})
        assert model.priors[name] == prior


def test_two_spellings_of_one_name_are_refused(data):
    priors = {"I(x^2)": Normal(0, 1), "I(x ** 2)": Normal(0, 2)}
    with refused("prior-twice", match=r"'I\(x \*\* 2\)' has two priors: Normal\(0, 1\) and Normal\(0, 2\)"):
        sl.Model("y ~ I(x^2)", data, priors=priors)


def test_responses_with_a_slash_name_what_is_theirs(data):
    responses = [sl.Response("`km/h` ~ x + latent(u | g)"), sl.Response("y ~ x + latent(u | g)")]
    fit = sl.Model(responses, data.assign(g=data["town/village"])).fit(**RUN)
    assert list(fit.summary(["km/h_x"]).index) == ["`km/h`_x"] and "`km∕h`_x" in fit.tree["posterior"]


def test_an_exported_model_has_the_names_of_a_tree(fit):
    model = escaped(fit.results.model)
    assert {v.name for v in model.variables} == set(map(str, fit.tree["posterior"].data_vars))
    assert {name.replace("/", "∕") for name in fit.model.priors} == {
        n.replace("/", "∕") for n in model.priors
    }
    draws = draw_prior(model, np.random.default_rng(0), 5)  # every prior is found by its name
    assert {"km∕h", "sd_town∕village", "r_town∕village"} <= set(draws)
