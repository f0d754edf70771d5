"""Estimands, files and diagnoses of fits with several factors, several responses and ordered responses."""

import json
import warnings

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from test_files import assert_same_fit

import shoal as sl
from refusals import refused
from shoal import estimands
from shoal import priors as P
from shoal.errors import ShoalWarning
from test_model import TWO, model, table, toeplitz

RUN = {"draws": 60, "chains": 2, "seed": 5, "warmup": 100, "cores": 1}


@pytest.fixture(scope="module")
def crossed():
    return model("y ~ x + (1 + x | g) + (1 | h)").fit(**RUN)


@pytest.fixture(scope="module")
def two():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ShoalWarning)
        return sl.Model(list(TWO), table()).fit(**RUN)


@pytest.fixture(scope="module")
def ordered():
    labels = np.array(["low", "middle", "high", "top"])
    data = table().assign(grade=lambda d: pd.Categorical(labels[d.grade], labels, ordered=True))
    return model("grade ~ x + (1 | g) + (1 | h)", "cumulative", data).fit(**RUN)


def mean(array):
    return array.mean(("chain", "draw")).values


# Names and shapes


def test_variables_and_dimensions_of_crossed_factors(crossed):
    p = crossed.tree["posterior"]
    assert list(p.data_vars) == ["Intercept", "x", "sd_g", "cor_g", "sd_h", "sigma", "r_g", "r_h"]
    assert p["r_g"].dims == ("chain", "draw", "g", "g_effect") and p["r_h"].sizes["h"] == 3
    assert p["h"].values.tolist() == ["p", "q", "r"] and p["g_effect"].values.tolist() == ["Intercept", "x"]


def test_variables_and_dimensions_of_two_responses(two):
    p = two.tree["posterior"]
    assert list(p.data_vars) == [
        "bit_Intercept", "bit_x", "bit_sd_g", "bit_loading_u",
        "y_Intercept", "y_x", "y_w", "y_sd_h", "y_cor_h", "y_loading_u", "y_sigma",
        "bit_r_g", "y_r_h", "latent_u",
    ]  # fmt: skip
    assert p["latent_u"].dims == ("chain", "draw", "g")
    assert p["y_r_h"].dims == ("chain", "draw", "h", "y_h_effect")
    assert (p["bit_loading_u"].values >= 0).all()  # a latent and its loadings have no sign of their own
    np.testing.assert_array_equal(two.tree["observed_data"]["bit"], table()["bit"])
    np.testing.assert_array_equal(two.tree["observed_data"]["y"], table()["y"])


def test_variables_stand_as_each_formula_has_them():
    """Whatever the order of factors in the response before."""
    responses = [
        sl.Response("y ~ (1 | g) + (1 | h)"),
        sl.Response("bit ~ latent(u | g) + (1 | h) + (1 | g)", "bernoulli"),
        sl.Response("w ~ latent(u | g)"),
    ]
    p = sl.Model(responses, table()).fit(**RUN).tree["posterior"]
    assert [name for name in p.data_vars if name.startswith("bit")][:4] == [
        "bit_Intercept", "bit_sd_h", "bit_sd_g", "bit_loading_u",
    ]  # fmt: skip


def test_cutpoints_ascend_and_are_named_by_their_neighbours(ordered):
    p = ordered.tree["posterior"]
    assert (np.diff(p["cutpoints"].values) > 0).all()
    assert p["cutpoint"].values.tolist() == ["low|middle", "middle|high", "high|top"]
    assert "cutpoints[low|middle]" in ordered.summary().index
    assert "cutpoints[low|middle]" in ordered.to_frame().columns


# Estimands


def test_effects_and_levels_are_those_of_the_factor_named(crossed):
    p = crossed.tree["posterior"]
    own = crossed.levels("g")
    np.testing.assert_allclose(own[..., 1], p["r_g"][..., 1] + p["x"])
    np.testing.assert_allclose(crossed.levels("h")[..., 0], p["r_h"][..., 0] + p["Intercept"])
    effects = crossed.effects("h")
    assert effects["h"].tolist() == ["p", "q", "r"] and effects["n"].sum() == 24
    np.testing.assert_allclose(effects["mean"], mean(crossed.levels("h"))[:, 0])
    assert len(crossed.effects("g")) == 8
    finite = crossed.finite_population("g").loc[("x", "these levels")]
    np.testing.assert_allclose(finite["mean"], mean(own)[:, 1].mean())


def test_a_factor_must_be_named_where_there_are_several(crossed, two):
    for fit in (crossed, two):
        for method in (fit.effects, fit.levels, fit.finite_population):
            with refused("factor-not-named", match="2 sets of group effects"):
                method()
            with refused("unknown-factor", match="no grouping factor 'k'"):
                method("k")


def test_a_factor_of_one_response_is_named_with_or_without_it(two):
    xr.testing.assert_identical(two.levels("h"), two.levels("y_h"))
    p = two.tree["posterior"]
    np.testing.assert_allclose(two.levels("y_h")[..., 1], p["y_r_h"][..., 1] + p["y_x"])
    np.testing.assert_allclose(two.effects("bit_g")["mean"], mean(two.levels("g"))[:, 0])


def test_no_pooling_estimates_hold_the_other_factors_at_their_means():
    """With h taken off the response by hand, the estimates of g alone are the same."""
    data = table()
    data["y"] += 5 * pd.factorize(data["h"], sort=True)[0]
    fit = model("y ~ x + (1 | g) + (1 | h)", data=data).fit(**RUN)
    p = fit.tree["posterior"]
    rest = data["y"] - mean(p["r_h"])[pd.factorize(data["h"], sort=True)[0], 0] - mean(p["x"]) * data["x"]
    estimate = fit.effects("g")
    within = rest.groupby(data["g"]).mean().to_numpy()
    # A wide prior pulls an estimate from 6 rows by a few percent of its sd.
    np.testing.assert_allclose(estimate["no_pooling"], within, atol=0.1 * estimate["no_pooling_sd"].max())


def test_variance_partition_has_every_factor(crossed, ordered):
    table_ = crossed.variance_partition()
    assert table_.index.tolist() == ["g", "h", "residual"]
    np.testing.assert_allclose(table_["share_mean"].sum(), 1)
    p = crossed.tree["posterior"]
    np.testing.assert_allclose(table_.loc["h", "sd"], mean(p["sd_h"])[0])
    parts = ordered.variance_partition()
    assert parts.index.tolist() == ["g", "h", "residual"]
    np.testing.assert_allclose(parts.loc["residual", "sd"], np.pi / 3**0.5)


def test_variance_partition_of_several_responses_is_that_of_the_one_named(two):
    with refused("unknown-response"):
        two.variance_partition()
    with refused("unknown-response", match="no response 'k'"):
        two.variance_partition("k")
    assert two.variance_partition("y").index.tolist() == ["h", "latent_u", "residual"]
    assert two.variance_partition("bit").index.tolist() == ["g", "latent_u", "residual"]


def test_a_latent_has_the_variance_of_its_loading(two):
    loading = two.tree["posterior"]["y_loading_u"].values
    expected = np.abs(loading).mean()
    np.testing.assert_allclose(two.variance_partition("y").loc["latent_u", "sd"], expected)


def test_a_known_covariance_counts_in_the_variance_between_levels():
    """Its diagonal need not be one: the variance of a level is the diagonal's entry times the sd's square."""
    k = np.diag([1.0, 4.0, 9.0, 16.0])
    fit = model("y ~ 1 + (1 | gr(g, cov=K))", covariances={"K": k}).fit(**RUN)
    sd = fit.tree["posterior"]["sd_g"].values
    counts = table()["g"].value_counts().sort_index().to_numpy()
    expected = np.sqrt(sd**2 * (counts @ np.diag(k)) / 24).mean()
    np.testing.assert_allclose(fit.variance_partition().loc["g", "sd"], expected)


# Files


def several_kinds():
    yield "crossed", model("y ~ x + (1 + x | g) + (1 | h)"), {}
    yield "two responses", None, {}
    yield (
        "covariances",
        model(
            "y ~ 1 + (1 | gr(g, cov=K)) + (1 | gr(h, cov=L, dist='student'))",
            covariances={"K": toeplitz(4), "L": pd.DataFrame(toeplitz(3), list("rpq"), list("rpq"))},
        ),
        {},
    )
    yield "shrinkage", model("y ~ x + w + (1 | g)", priors={"b": P.Horseshoe()}), {}
    yield "without pooling", model("y ~ x + (1 | g) + (1 | h)").with_pooling("none"), {}


@pytest.mark.parametrize("kind", ["crossed", "covariances", "shrinkage", "without pooling"])
def test_saved_fits_are_the_same_when_loaded(kind, tmp_path, monkeypatch):
    own = {name: m for name, m, _ in several_kinds()}[kind]
    fit = own.fit(**RUN)
    # What needs a factor's name is compared for one.
    monkeypatch.setattr(type(fit), "effects", lambda self: estimands.effects(self._results, "g"))
    assert_same_fit(sl.load(fit.save(tmp_path / "fit.nc")), fit)


@pytest.mark.parametrize("name", ["two", "ordered"])
def test_saved_fits_of_responses_are_the_same_when_loaded(name, request, tmp_path, monkeypatch):
    fit = request.getfixturevalue(name)
    monkeypatch.setattr(type(fit), "effects", lambda self: estimands.effects(self._results, "g"))
    assert_same_fit(sl.load(fit.save(tmp_path / "fit.nc")), fit)


def test_loaded_covariances_make_the_same_posterior(tmp_path):
    k = pd.DataFrame(toeplitz(4), [3, 1, 0, 2], [3, 1, 0, 2])
    fit = model("y ~ 1 + (1 | gr(g, cov=K))", covariances={"K": k}).fit(**RUN)
    loaded = sl.load(fit.save(tmp_path / "fit.nc"))
    np.testing.assert_allclose(
        loaded.model.design.groups[0].root, fit.model.design.groups[0].root, rtol=1e-12
    )
    again = loaded.model.fit(**RUN)
    xr.testing.assert_allclose(again.tree["posterior"].to_dataset(), fit.tree["posterior"].to_dataset())


def test_a_file_of_several_responses_names_them(two):
    assert json.loads(two.tree.attrs["formula"]) == [r.formula for r in TWO]
    assert json.loads(two.tree.attrs["family"]) == [["bernoulli", "logit"], ["gaussian", "identity"]]


# Diagnoses


@pytest.mark.parametrize("name", ["crossed", "two", "ordered"])
def test_every_variable_is_examined(name, request):
    fit = request.getfixturevalue(name)
    text = str(fit.diagnose())
    # 120 draws of 2 chains are few; what counts is that all is looked at.
    count = int(text.split(" quantities")[0].split("(")[-1])
    p = fit.tree["posterior"]
    # A correlation of an effect with itself is 1 to rounding.
    scalars = sum(int((np.ptp(v.values, axis=(0, 1)) > 1e-12).sum()) for v in p.data_vars.values())
    assert count == scalars


def test_a_prior_that_locates_the_intercept_is_found_beside_another_factor():
    rng = np.random.default_rng(0)
    g, h = np.repeat(np.arange(4), 30), np.tile(np.arange(30), 4)
    data = pd.DataFrame(
        {"y": 10 * rng.normal(size=4)[g] + rng.normal(size=30)[h] + rng.normal(size=120), "g": g, "h": h}
    )
    fit = sl.Model("y ~ 1 + (1 | g) + (1 | h)", data, priors={"Intercept": P.Normal(0, 1)}).fit(
        seed=2, cores=1
    )
    (finding,) = [f for f in fit.diagnose() if f.code == "intercept-prior"]
    assert finding.severity == "warning" and "4 levels of g" in finding.evidence


def test_a_zero_sum_factor_beside_another_says_whose_mean_it_is():
    fit = model("y ~ 1 + (1 | gr(g, zero_sum=True)) + (1 | h)").fit(**RUN)
    (finding,) = [f for f in fit.diagnose() if f.code == "finite-population"]
    assert finding.evidence.startswith("g is zero-sum")
