"""Draws come back under the user's own names and labels."""

import json
import time

import numpy as np
import pandas as pd
import pytest

import shoal as sl
from posterior.density import log_joint
from refusals import refused
from shoal.engine.settings import Settings
from shoal.errors import ModelError
from shoal.fit.storage import LARGEST_IN_DOUBLE, storage

RUN = {"draws": 40, "chains": 2, "seed": 5, "warmup": 100, "cores": 1}
LABELS = {
    "int": [40, 2, 17, 9],
    "negative": [-3, 5, 0, 1],
    "str": ["Rangpur", "Ångström", "a/b", "10"],
    "bool": [True, False],
    "float": [0.5, -1.0],
}


def table(labels, rows=6):
    rng = np.random.default_rng(0)
    index = np.repeat(np.arange(len(labels)), rows)
    size = len(index)
    return pd.DataFrame(
        {
            "y": index + rng.normal(size=size),
            "x": rng.normal(size=size),
            "g": pd.Series(labels)[index].to_numpy(),
        }
    )


def posterior(formula, data, **options):
    return sl.Model(formula, data, **options).fit(**RUN).tree["posterior"].to_dataset()


@pytest.mark.parametrize("kind", LABELS)
def test_levels_carry_their_labels_in_order_and_their_own_effects(kind):
    data = table(LABELS[kind])
    p = posterior("y ~ 1 + (1 | g)", data)
    expected = sorted(LABELS[kind])
    assert p["g"].values.tolist() == expected
    assert p["r_g"].dims == ("chain", "draw", "g", "g_effect")
    means = data.groupby("g")["y"].mean()
    assert (
        p["r_g"].mean(("chain", "draw"))[:, 0].values.argsort().tolist()
        == means.to_numpy().argsort().tolist()
    )
    first = LABELS[kind][0]
    assert p["r_g"].sel(g=first).shape == (2, 40, 1)


def test_categories_keep_their_order_and_unused_ones_are_left_out():
    data = table(["b", "a", "c"])
    data["g"] = pd.Categorical(data["g"], categories=["c", "unused", "a", "b"])
    p = posterior("y ~ 1 + (1 | g)", data)
    assert p["g"].values.tolist() == ["c", "a", "b"]
    means = data.groupby("g", observed=True)["y"].mean()
    order = p["r_g"].mean(("chain", "draw"))[:, 0].values.argsort()
    assert order.tolist() == means.to_numpy().argsort().tolist()


def test_combined_factors_are_labelled_by_both_parts():
    data = table(["a", "b"]).assign(h=lambda d: np.tile([1, 2], len(d) // 2))
    p = posterior("y ~ 1 + (1 | g:h)", data)
    assert p["g:h"].values.tolist() == ["a:1", "a:2", "b:1", "b:2"]


def test_every_variable_has_its_name_shape_and_coordinates():
    p = posterior("y ~ x + (1 + x | g)", table(LABELS["int"]))
    assert list(p.data_vars) == ["Intercept", "x", "sd_g", "cor_g", "sigma", "r_g"]
    assert p["Intercept"].dims == p["x"].dims == p["sigma"].dims == ("chain", "draw")
    assert p["sd_g"].dims == ("chain", "draw", "g_effect")
    assert p["cor_g"].dims == ("chain", "draw", "g_effect", "g_effect_bis")
    assert p["g_effect"].values.tolist() == p["g_effect_bis"].values.tolist() == ["Intercept", "x"]
    cor = p["cor_g"].values
    np.testing.assert_allclose(np.diagonal(cor, axis1=2, axis2=3), 1.0)
    np.testing.assert_array_equal(cor, cor.swapaxes(2, 3))
    assert (np.abs(cor[..., 0, 1]) < 1).all()
    assert (p["sd_g"] > 0).all() and (p["sigma"] > 0).all()


def test_uncorrelated_effects_have_no_correlation():
    p = posterior("y ~ x + (1 + x || g)", table(LABELS["int"]))
    assert "cor_g" not in p and p["sd_g"].sizes["g_effect"] == 2


@pytest.mark.parametrize(
    "name", ["sigma", "chain", "draw", "row", "b", "sd", "cor", "sd_g", "r_g", "g_effect"]
)
def test_a_column_named_like_something_else_gets_a_prefix(name):
    data = table(LABELS["int"]).rename(columns={"x": name})
    model = sl.Model(f"y ~ {name} + (1 | g)", data)
    assert model.design.columns == ("Intercept", f"b_{name}")
    assert set(model.priors) == {"Intercept", f"b_{name}", "sd_g[Intercept]", "sigma"}


def test_the_group_itself_as_a_column_gets_a_prefix():
    p = posterior("y ~ g + (1 | g)", table(LABELS["int"]))
    assert list(p.data_vars) == ["Intercept", "b_g", "sd_g", "sigma", "r_g"]
    assert p["b_g"].dims == ("chain", "draw")


def test_a_prefixed_name_that_is_taken_too_is_refused():
    data = table(LABELS["int"]).assign(b_g=lambda d: d["x"] ** 2)
    with refused("columns-alike"):
        sl.Model("y ~ g + b_g + (1 | g)", data)


def test_slashes_are_escaped_where_netcdf_would_read_a_path(tmp_path):
    data = table(LABELS["str"]).rename(columns={"g": "town/village", "x": "km/h"})
    fit = sl.Model("y ~ `km/h` + (1 | `town/village`)", data).fit(**RUN)
    p = fit.tree["posterior"]
    assert list(p.data_vars) == ["Intercept", "km∕h", "sd_town∕village", "sigma", "r_town∕village"]
    assert "a/b" in p["town∕village"].values  # labels are values, not names
    assert fit.levels().dims == ("chain", "draw", "town/village", "town/village_effect")
    loaded = sl.load(fit.save(tmp_path / "fit.nc"))
    assert loaded.levels().equals(fit.levels())


@pytest.mark.parametrize("name", ["x1", "I(x / 2)", "sigma"])
def test_a_varying_slope_finds_its_population_column_whatever_its_name(name):
    """levels() adds the population slope to the deviations also where the name had to be changed."""
    data = table(LABELS["int"], rows=20).assign(sigma=lambda d: d["x"], x1=lambda d: d["x"])
    data["y"] += 5 * data["x"]
    fit = sl.Model(f"y ~ {name} + (1 + {name} | g)", data).fit(**RUN)
    slope = fit.levels().isel(g_effect=1).mean(("chain", "draw")).values
    expected = 10 if name == "I(x / 2)" else 5
    assert slope == pytest.approx(np.full(4, expected), rel=0.15)


@pytest.mark.parametrize("name", ["chain", "draw", "sigma"])
def test_a_group_named_like_something_else(name):
    """Either it is given a name that is free, or it is refused before anything is sampled."""
    data = table(LABELS["int"]).rename(columns={"g": name})
    try:
        model = sl.Model(f"y ~ 1 + (1 | {name})", data)
    except ModelError as refusal:
        assert name in str(refusal)
        return
    p = model.fit(**RUN).tree["posterior"]
    assert p.sizes["chain"] == 2 and p.sizes["draw"] == 40 and "sigma" in p.data_vars


def test_a_population_column_may_begin_like_a_group_effect():
    data = table(LABELS["int"]).rename(columns={"x": "r_squared"})
    fit = sl.Model("y ~ r_squared + (1 | g)", data).fit(**RUN)
    assert "r_squared" in fit.summary().index


# What else is kept


@pytest.fixture(scope="module")
def fit():
    return sl.Model("y ~ x + (1 | g)", table(LABELS["str"])).fit(**RUN)


def test_the_tree_has_the_groups_arviz_knows(fit):
    assert set(fit.tree.children) == {"posterior", "sample_stats", "observed_data", "constant_data"}
    assert {"lp", "acceptance_rate", "diverging"} <= set(fit.tree["sample_stats"].data_vars)
    assert fit.tree["sample_stats"]["lp"].dims == ("chain", "draw")


def test_the_seconds_of_a_fit_are_those_that_passed():
    began = time.perf_counter()
    attrs = sl.Model("y ~ 1 + (1 | g)", table(LABELS["str"])).fit(**RUN).tree.attrs
    passed = time.perf_counter() - began
    stages = json.loads(attrs["seconds"]).values()
    assert min(stages) >= 0 and 0 < sum(stages) < attrs["wall_seconds"] + 0.01 < passed + 0.02


def test_data_are_kept_row_by_row(fit):
    data = table(LABELS["str"])
    np.testing.assert_array_equal(fit.tree["observed_data"]["y"].values, data["y"])
    stored = {v.attrs["column"]: v.values for v in fit.tree["constant_data"].data_vars.values()}
    assert set(stored) == {"y", "x", "g"}
    np.testing.assert_array_equal(stored["x"], data["x"])
    assert stored["g"].tolist() == data["g"].tolist()


def test_attributes_say_how_it_was_made(fit):
    attrs = fit.tree.attrs
    assert (json.loads(attrs["formula"]), attrs["seed"]) == (["y ~ x + (1 | g)"], 5)
    assert json.loads(attrs["family"]) == [["gaussian", "identity"]]
    assert attrs["sampler"] == "independence" and "Integrated exactly" in attrs["plan"]
    priors = json.loads(attrs["priors"])
    assert priors["Intercept"]["kind"] == "Normal" and priors["Intercept"]["centered"]
    assert json.loads(attrs["versions"]).keys() == {"numba", "numpy", "xarray"}
    assert attrs["wall_seconds"] > 0


def test_the_log_density_kept_is_that_of_the_draws():
    """Up to a constant, lp is the plain density of what is sampled, its effects integrated out."""
    heavy = {"sd": sl.priors.HalfCauchy(1), "sigma": sl.priors.HalfCauchy(1)}  # sampled as logarithms
    fit = sl.Model("y ~ x + (1 | g)", table(LABELS["str"]), priors=heavy).fit(**RUN)
    p, spec = fit.tree["posterior"], fit.model.specification
    z = (spec.designs[0].groups[0].index[:, None] == np.arange(4)).astype(float)
    a = np.hstack([z, spec.designs[0].x])
    expected = []
    for i in range(10):
        values = {name: p[name].values[0, i] for name in ("Intercept", "x", "sigma", "sd_g", "r_g")}
        sd, sigma = values["sd_g"][0], values["sigma"]
        # The joint density, log sd and log sigma sampled, less that of effects and coefficients given these.
        prior = np.diag(np.full(6, sd**-2.0))
        prior[4:, 4:] = coefficient_precision(spec)
        precision = prior + a.T @ a / sigma**2
        effects = np.array([*values["r_g"][:, 0], values["Intercept"], values["x"]])
        linear = a.T @ spec.designs[0].rows.y / sigma**2
        linear[4:] += coefficient_precision(spec) @ coefficient_mean(spec)
        away = effects - np.linalg.solve(precision, linear)
        given = 0.5 * np.linalg.slogdet(precision)[1] - 0.5 * away @ precision @ away
        expected.append(log_joint(spec, values) + np.log(sd) + np.log(sigma) - given)
    difference = fit.tree["sample_stats"]["lp"].values[0, :10] - expected
    assert np.ptp(difference) < 1e-6 < np.ptp(expected)


def coefficient_mean(spec):
    """Return the prior mean of (Intercept, x)."""
    intercept, slope = spec.priors["Intercept"].prior, spec.priors["x"].prior
    return np.array([intercept.mu - spec.designs[0].x[:, 1].mean() * slope.mu, slope.mu])


def coefficient_precision(spec):
    """Return the prior precision of (Intercept, x); the Intercept's prior is on the mean at average x."""
    intercept, slope = spec.priors["Intercept"].prior, spec.priors["x"].prior
    mean = spec.designs[0].x[:, 1].mean()
    return np.outer([1, mean], [1, mean]) / intercept.sigma**2 + np.diag([0, slope.sigma**-2.0])


# store=


def test_store_single_is_the_same_draws_rounded(fit):
    single = sl.Model("y ~ x + (1 | g)", table(LABELS["str"])).fit(**RUN, store="single")
    r = single.tree["posterior"]["r_g"].values
    assert r.dtype == np.float32
    np.testing.assert_array_equal(r, fit.tree["posterior"]["r_g"].values.astype(np.float32))
    # Coefficients are computed from standardised ones that are rounded as well.
    x, rounded = fit.tree["posterior"]["x"].values, single.tree["posterior"]["x"].values
    assert rounded.dtype == np.float64
    np.testing.assert_allclose(rounded, x, rtol=0, atol=1e-6 * x.std())
    assert single.levels().dtype == np.float64


def test_store_none_keeps_everything_but_the_effects(fit):
    bare = sl.Model("y ~ x + (1 | g)", table(LABELS["str"])).fit(**RUN, store="none")
    assert list(bare.tree["posterior"].data_vars) == ["Intercept", "x", "sd_g", "sigma"]
    np.testing.assert_array_equal(bare.tree["posterior"]["sd_g"], fit.tree["posterior"]["sd_g"])
    pd.testing.assert_frame_equal(bare.summary(), fit.summary())
    pd.testing.assert_frame_equal(bare.variance_partition(), fit.variance_partition())
    for method in (bare.levels, bare.effects, bare.finite_population):
        with refused("effects-not-kept", match="store='none'"):
            method()


def test_store_auto_is_double_until_the_effects_are_large(fit):
    model = fit.model.specification
    per_draw = 4 * 8  # levels, bytes
    most = LARGEST_IN_DOUBLE // per_draw
    assert storage(model, Settings(draws=most, chains=1), "auto") == "double"
    assert storage(model, Settings(draws=most + 1, chains=1), "auto") == "single"
    assert storage(model, Settings(draws=most + 1, chains=1), "double") == "double"
    assert (
        storage(sl.Model("y ~ x", table(LABELS["str"])).specification, Settings(draws=10**9), "auto")
        == "double"
    )
