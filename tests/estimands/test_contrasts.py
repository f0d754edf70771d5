"""Contrasts equal hand computations from the draws; settings are averaged over the rows of the data."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

import shoal as sl
from refusals import refused
from shoal.errors import DataError, ModelError
from shoal.estimands import adjusted, comparisons

RUN = {"draws": 90, "chains": 2, "seed": 7, "cores": 1}  # too few for the run to be judged, and sampled again


def rows():
    rng = np.random.default_rng(5)
    n = 96
    data = pd.DataFrame(
        {
            "g": np.repeat(np.arange(8), 12) * 10,
            "x": rng.normal(size=n),
            "c": pd.Categorical(rng.choice(["low", "high"], n), categories=["low", "high"]),
            "t": rng.integers(1, 7, n),
            "w": rng.uniform(0.5, 2, n),
        }
    )
    eta = np.repeat(rng.normal(0, 0.7, 8), 12) + 0.8 * data["x"]
    data["y"] = eta + rng.normal(size=n)
    data["k"] = rng.binomial(data["t"], expit(eta))
    data["o"] = np.digitize(eta + rng.logistic(size=n), [-1, 0.5, 2]) + 1
    return data


@pytest.fixture(scope="module")
def slopes():
    return sl.Model("y | weights(w) ~ x + c + (1 + x | g)", rows()).fit(**RUN)


@pytest.fixture(scope="module")
def counts():
    return sl.Model("k | trials(t) ~ x + c + (1 | g)", rows(), family="binomial").fit(**RUN)


@pytest.fixture(scope="module")
def ordered():
    return sl.Model("o ~ x + (1 | g)", rows(), family="cumulative").fit(**RUN)


def draws(fit, name):
    return fit.tree["posterior"][name].values


def binomial_by_hand(fit, x=None, c=None, g=None):
    """Return the draws of the share of successes over all trials, columns set."""
    data, p = rows(), fit.tree["posterior"]
    level = p["r_g"].values[..., 0][..., data["g"] // 10 if g is None else np.full(len(data), g // 10)]
    xs = data["x"].to_numpy() if x is None else np.full(len(data), x)
    high = (data["c"] == "high").to_numpy() if c is None else np.full(len(data), c == "high")
    eta = draws(fit, "Intercept")[..., None] + level + draws(fit, "x")[..., None] * xs
    eta = eta + draws(fit, "c[T.high]")[..., None] * high
    return (expit(eta) * data["t"].to_numpy()).sum(-1) / data["t"].sum()


def test_settings_are_averaged_over_all_trials(counts):
    out = counts.contrast({"x": [1, 0, -0.5]})
    sides = [binomial_by_hand(counts, x=x) for x in (1, 0, -0.5)]
    assert out.draws["contrast"].values.tolist() == ["x=1 - x=0", "x=1 - x=-0.5", "x=0 - x=-0.5"]
    np.testing.assert_allclose(out.sides.transpose("side", ...), sides)
    np.testing.assert_allclose(out.draws.sel(contrast="x=1 - x=-0.5"), sides[0] - sides[2])
    assert out.scale == "expected share of k among its trials" and "96 rows" in out.population


def test_several_columns_are_set_together(counts):
    out = counts.contrast({"x": [1, 0], "c": ["high", "low"]}, at={"g": "30"})
    sides = [binomial_by_hand(counts, 1, "high", 30), binomial_by_hand(counts, 0, "low", 30)]
    np.testing.assert_allclose(out.sides.transpose("side", ...), sides)
    assert out.draws["contrast"].values.tolist() == ["x=1, c=high - x=0, c=low"]
    held = counts.contrast({"x": [1, 0], "c": "high"})
    np.testing.assert_allclose(held.sides.isel(side=0), binomial_by_hand(counts, 1, "high"))


def test_a_level_is_a_setting_too(counts):
    out = counts.contrast({"g": [10, "30"]})
    np.testing.assert_allclose(
        out.draws[..., 0], binomial_by_hand(counts, g=10) - binomial_by_hand(counts, g=30)
    )


def test_the_table_describes_the_draws(counts):
    out = counts.contrast({"c": ["high", "low"]}, prob=0.5)
    values = out.draws.values.ravel()
    row = out.table.loc["c=high - c=low"]
    expected = [values.mean(), values.std(), *np.quantile(values, [0.25, 0.75]), (values > 0).mean()]
    assert row.index.tolist() == ["mean", "sd", "eti50_lb", "eti50_ub", "p_above_0"]
    np.testing.assert_allclose(row, expected)
    assert f"Scale: {out.scale}.\nPopulation: {out.population}." in repr(out)
    assert out.settings.index.tolist() == ["c=high", "c=low"]
    assert out.settings["mean"].diff().iloc[1] == pytest.approx(-row["mean"])


def test_weights_and_varying_slopes_enter_the_mean(slopes):
    """Of a linear model the contrast is the slope, plus each row's own deviation by its weight."""
    data = rows()
    own = draws(slopes, "r_g")[..., 1][..., data["g"] // 10]
    expected = draws(slopes, "x") + (own * data["w"].to_numpy()).sum(-1) / data["w"].sum()
    for scale in ("response", "linear"):
        np.testing.assert_allclose(slopes.contrast({"x": [1, 0]}, scale=scale).draws[..., 0], expected)


def test_rows_predicted_in_pieces_give_the_same_mean(counts, monkeypatch):
    whole = counts.contrast({"x": [1, 0]}, at="population", seed=3)
    monkeypatch.setattr(adjusted, "CHUNK", 2000)
    np.testing.assert_allclose(counts.contrast({"x": [1, 0]}, at="population", seed=3).draws, whole.draws)


def test_a_new_level_brings_the_spread_of_the_population(slopes):
    """The effect of x in a new level varies by the posterior of the slope and by the sd of slopes."""
    new = slopes.contrast({"x": [1, 0]}, at="population").draws.values
    slope, sd = draws(slopes, "x"), draws(slopes, "sd_g")[..., 1]
    assert new.std() == pytest.approx(np.sqrt(slope.var() + (sd**2).mean()), rel=0.2)
    assert abs((new[..., 0] - slope).mean()) < 4 * sd.max() / np.sqrt(slope.size)
    named = slopes.contrast({"x": [1, 0]}, at={"g": None})
    np.testing.assert_array_equal(named.draws, new)
    assert "a new level of g drawn from the population" in named.population


def test_probabilities_of_ordered_categories(ordered):
    each = ordered.contrast({"x": [1, 0]}, scale="probability")
    assert each.draws.dims == ("chain", "draw", "contrast", "category")
    np.testing.assert_allclose(each.draws.sum("category"), 0, atol=1e-12)
    np.testing.assert_allclose(each.sides.sum("category"), 1)
    assert each.table.index.tolist() == [("x=1 - x=0", i) for i in (1, 2, 3, 4)]
    mean = ordered.contrast({"x": [1, 0]})
    np.testing.assert_allclose(mean.draws, each.draws.dot(each.draws["category"], dim="category"))
    assert mean.scale == "mean of o, 1 as 1 to 4 as 4"


def test_ordered_categories_without_numbers_count_from_one():
    names = ["no", "some", "much", "all"]
    data = rows().assign(o=pd.Categorical.from_codes(rows()["o"] - 1, categories=names, ordered=True))
    fit = sl.Model("o ~ x + (1 | g)", data, family="cumulative").fit(**RUN)
    out = fit.contrast({"x": [1, 0]})
    assert out.scale == "mean of o, no as 1 to all as 4" and out.sides.min() > 1 and out.sides.max() < 4


def test_thinned_draws(counts):
    out = counts.contrast({"x": [1, 0]}, draws=5)
    every = counts.contrast({"x": [1, 0]}).draws
    np.testing.assert_allclose(out.draws, every.sel(draw=out.draws["draw"]))
    assert out.draws.sizes["draw"] == 5


def test_levels_are_contrasted_by_their_coefficients(slopes):
    own = slopes.levels().sel(g_effect="x")
    out = slopes.contrast(group="g", levels=("30", 0, 10), effect="x")
    assert out.draws["contrast"].values.tolist() == ["30 - 0", "30 - 10", "0 - 10"]
    np.testing.assert_allclose(out.draws[..., 1], own.sel(g=30) - own.sel(g=10))
    assert out.table["p_above_0"].iloc[0] == (own.sel(g=30) > own.sel(g=0)).mean()
    assert out.scale == "x on the linear predictor (identity)"
    assert slopes.contrast(group="g").draws.sizes["contrast"] == 28


def test_too_many_pairs(slopes, monkeypatch):
    monkeypatch.setattr(comparisons, "LARGEST", 1000)
    with refused("result-too-large", match="All pairs of 8 sides.*\n.*\nName the levels"):
        slopes.contrast(group="g")


def test_columns_of_a_nested_factor_can_be_new():
    data = rows().assign(h=np.tile([0, 1, 2], 32))
    fit = sl.Model("y ~ x + (1 | g/h)", data).fit(**RUN)
    out = fit.contrast({"x": [1, 0]}, at="population")
    np.testing.assert_allclose(out.draws[..., 0], draws(fit, "x"))
    assert "a new level of g, h drawn" in out.population


@pytest.mark.parametrize(
    ("settings", "arguments", "error", "message"),
    [
        ({"x": [1]}, {}, ModelError, "'x' has 1"),
        ({"x": [1, 0], "c": ["low"]}, {}, ModelError, "'x' has 2, 'c' has 1"),
        ({"x": 1}, {}, ModelError, "none has several values"),
        ({"x": []}, {}, ModelError, "'x' has 0"),
        ({}, {}, ModelError, "settings={}"),
        ({"xx": [1, 0]}, {}, DataError, "No term reads a column 'xx'.\nDid you mean 'x'"),
        ({"k": [1, 0]}, {}, DataError, "No term reads a column 'k'"),
        ({"t": [1, 2]}, {}, ModelError, "'t' is the number of trials"),
        ({"c": ["low", "mid"]}, {}, DataError, "mid"),
        ({"x": [1, np.nan]}, {}, DataError, "is missing"),
        ({"g": [0, 99]}, {}, DataError, "'g' has no level 99"),
        ({"x": [1, 0]}, {"at": {"g": [0, 10]}}, ModelError, "'g' is held at"),
        ({"x": [1, 0]}, {"at": {"c": None}}, ModelError, "'c' is a predictor"),
        ({"x": [1, 0]}, {"at": {"x": 1}}, ModelError, "both in the settings and in `at`"),
        ({"x": [1, 0]}, {"at": "pop"}, ModelError, "at='pop'"),
        ({"x": [1, 0]}, {"scale": "log"}, ModelError, "scale='log'"),
        ({"x": [1, 0]}, {"scale": "probability"}, ModelError, "no categories"),
        ({"x": [1, 0]}, {"group": "g"}, ModelError, "settings and group are given"),
        ({"x": [1, 0]}, {"response": "q"}, ModelError, "no response 'q'"),
        (None, {"levels": "0"}, ModelError, "levels='0'"),
        (None, {"levels": [0]}, ModelError, "Two levels or more"),
        (None, {"levels": [0, 5]}, DataError, "no level 5"),
        (None, {"scale": "response"}, ModelError, "coefficients, on the linear"),
    ],
)
def test_impossible_contrasts(counts, settings, arguments, error, message):
    with pytest.raises(error, match=message):
        counts.contrast(settings, **arguments)


def test_a_factor_that_also_predicts_is_new_beside_the_predictor():
    fit = sl.Model("y ~ c + (1 | c:t)", rows()).fit(**RUN)
    assert "a new level of t drawn" in fit.contrast({"c": ["high", "low"]}, at="population").population
    fit = sl.Model("y ~ g + (1 | g)", rows()).fit(**RUN)
    found = fit.contrast({"g": [10, 0]}, at="population", scale="linear")
    np.testing.assert_allclose(found.draws[..., 0], 10 * draws(fit, "b_g"))


def test_without_groups_there_is_no_population():
    fit = sl.Model("y ~ x", rows()).fit(**RUN)
    np.testing.assert_allclose(fit.contrast({"x": [1, 0]}).draws[..., 0], draws(fit, "x"))
    with refused("no-grouping-factor"):
        fit.contrast({"x": [1, 0]}, at="population")


@pytest.mark.parametrize("levels", [5, {"a"}, "ab"])
def test_levels_are_listed(levels, slopes):
    with refused("contrast-levels"):
        slopes.contrast(levels=levels)


@pytest.mark.parametrize("values", [[2000.11, 2000.12, 2000.13], [123456.1, 123456.4]])
def test_values_that_read_alike_are_told_apart(values):
    rng = np.random.default_rng(3)
    data = pd.DataFrame({"x": rng.normal(size=60), "year": rng.choice(values, 60)})
    data["y"] = data["x"] + rng.normal(size=60)
    fit = sl.Model("y ~ x + scale(year)", data).fit(draws=50, seed=1, cores=1, progress=False)
    apart = fit.contrast({"x": [0, 1]}, by={"year": values}, draws=20).table
    assert len(apart) == len(values) and apart.index.is_unique
    sides = fit.contrast({"year": values}, draws=20).sides["side"].values
    assert list(sides) == [f"year={value}" for value in values]
    assert len(fit.effect({"year": values}, draws=20).table["year"].unique()) == len(values)


@pytest.mark.parametrize("settings", [pd.DataFrame({"x": [0, 1]}), np.array([0, 1]), ["x"]])
def test_settings_of_another_kind_are_refused(settings):
    data = pd.DataFrame({"y": [0.3, 1.2, 0.4, 2.0], "x": [1.0, 2.0, 2.5, 0.1]})
    fit = sl.Model("y ~ x", data).fit(draws=20, chains=1, seed=1, progress=False)
    with refused("settings-type"):
        fit.contrast(settings)
