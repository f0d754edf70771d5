"""Simulated tables hold what was asked for, and their truth is what made the rows."""

import json
from functools import partial

import numpy as np
import pandas as pd
import pytest

from shoal import simulate
from shoal.errors import ModelError

SIZES = {"person": 300, "item": 24}
SD = {"person": 0.8, "item": 0.5}
SMALL = partial(simulate.crossed, SIZES, 7_500, sd=SD, intercept=0.2, slope=0.5, sigma=0.6)


def z_of_mean(values, variance):
    """Return the sum of independent values of mean 0, in its standard deviations."""
    return np.sum(values) / np.sqrt(np.sum(np.broadcast_to(variance, np.shape(values))))


def z_of_sd(values, sd):
    """Return the mean square of independent normal values against `sd` squared, in standard deviations."""
    return (np.mean(np.square(values)) / sd**2 - 1) * np.sqrt(len(values) / 2)


def linear_predictor(table, factors):
    truth = table.attrs["truth"]
    effects = [np.take(truth[f"r_{f}"], table[f]) for f in factors]
    return truth["Intercept"] + truth["x"] * table["x"] + sum(effects)


def logistic(eta):
    return 1 / (1 + np.exp(-eta))


def test_crossed_has_the_shape_of_insteval_by_default():
    table = simulate.crossed()
    assert list(table.columns) == ["y", "x", "student", "lecturer", "department"]
    assert len(table) == 73_421
    assert table[["student", "lecturer", "department"]].nunique().tolist() == [2972, 1128, 28]
    assert table["x"].isin([0, 1]).all()


@pytest.mark.parametrize("rows", [300, 301, 5_000])
def test_every_level_occurs(rows):
    table = simulate.crossed(SIZES, rows, sd=SD, skew={"person": 5.0, "item": 3.0})
    assert len(table) == rows
    assert sorted(table["person"].unique()) == list(range(300))
    assert sorted(table["item"].unique()) == list(range(24))


def test_the_second_factor_is_uneven_by_default():
    table = simulate.crossed()
    spread = {f: n.std() / n.mean() for f in ("student", "lecturer") for n in [table.groupby(f).size()]}
    # Counts of 25 rows scatter by 1 / sqrt(25); popularity of coefficient of variation 1 dominates the other.
    assert spread["student"] == pytest.approx(0.2, abs=0.02)
    assert spread["lecturer"] == pytest.approx(1.0, abs=0.1)


def test_skew_is_the_coefficient_of_variation():
    table = simulate.crossed({"g": 5_000}, 1_000_000, sd={"g": 0.0}, skew={"g": 0.5})
    counts = table.groupby("g").size()
    assert counts.std() / counts.mean() == pytest.approx(0.5, abs=0.03)


def test_gaussian_rows_scatter_about_the_truth():
    table = SMALL()
    residual = table["y"] - linear_predictor(table, SIZES)
    assert abs(z_of_mean(residual, 0.6**2)) < 4
    assert abs(z_of_sd(residual, 0.6)) < 4
    assert abs(np.corrcoef(residual, table["x"])[0, 1]) < 4 / np.sqrt(len(table))


@pytest.mark.parametrize("family", ["gaussian", "bernoulli", "poisson"])
def test_effects_have_the_standard_deviations_asked_for(family):
    truth = SMALL(family=family).attrs["truth"]
    assert [truth["sd_person"], truth["sd_item"]] == [0.8, 0.5]
    for factor, sd in SD.items():
        assert abs(z_of_sd(np.array(truth[f"r_{factor}"]), sd)) < 4
    assert ("sigma" in truth) == (family == "gaussian")


def test_bernoulli_rows_follow_the_logit():
    table = SMALL(family="bernoulli")
    p = logistic(linear_predictor(table, SIZES))
    for half in (p < 0.5, p >= 0.5):
        assert abs(z_of_mean((table["y"] - p)[half], (p * (1 - p))[half])) < 4
    assert table["y"].isin([0, 1]).all()


def test_poisson_rows_follow_the_logarithm():
    table = SMALL(family="poisson")
    mean = np.exp(linear_predictor(table, SIZES))
    for half in (mean < 1, mean >= 1):
        assert abs(z_of_mean((table["y"] - mean)[half], mean[half])) < 4
    pearson = np.square(table["y"] - mean) / mean - 1
    assert abs(z_of_mean(pearson, 2 + 1 / mean)) < 4


def test_extreme_log_odds_do_not_overflow():
    table = simulate.crossed({"g": 2}, 10, sd={"g": 0.0}, intercept=1e6, family="bernoulli")
    assert (table["y"] == 1).all()


def test_confounded_groups_defaults_are_those_of_the_lecture():
    table = simulate.confounded_groups()
    truth = table.attrs["truth"]
    assert list(table.columns) == ["y", "x", "z", "g"]
    assert (len(table), table["g"].nunique(), len(truth["latent_u"])) == (200, 30, 30)
    assert (truth["y_x"], truth["y_z"], truth["y_loading_u"], truth["x_loading_u"]) == (1.0, -0.5, 1.0, 1.0)
    assert truth["y_sd_g"] == 0.0


def test_confounded_rows_scatter_about_the_truth():
    table = simulate.confounded_groups(200, 20_000, y_loading=1.5, x_loading=0.7, sigma=1.3)
    truth = table.attrs["truth"]
    u = np.take(truth["latent_u"], table["g"])
    residual = table["x"] - truth["x_Intercept"] - truth["x_loading_u"] * u
    assert abs(z_of_mean(residual, 1.3**2)) < 4
    assert abs(z_of_sd(residual, 1.3)) < 4
    eta = truth["y_Intercept"] + truth["y_x"] * table["x"] + truth["y_z"] * table["z"]
    p = logistic(eta + truth["y_loading_u"] * u)
    # The score of each coefficient at its true value.
    for column in (1.0, u, table["x"], table["z"]):
        assert abs(z_of_mean((table["y"] - p) * column, p * (1 - p) * np.square(column))) < 4
    for values in (np.array(truth["latent_u"]), table.groupby("g")["z"].first()):
        assert abs(z_of_sd(values, 1.0)) < 4


def test_what_a_group_has_is_constant_within_it():
    table = simulate.confounded_groups(50, 600)
    assert (table.groupby("g")["z"].nunique() == 1).all()
    assert table["g"].is_monotonic_increasing


def test_restaurants_have_unequal_numbers_of_reviews_and_reviews_of_sentences():
    table = simulate.restaurants()
    assert list(table.columns) == ["restaurant", "review", "aspect", "sentiment"]
    assert set(table["aspect"]) == {"food", "service"}
    reviews = table.groupby("restaurant")["review"].nunique()
    assert (reviews.sum(), len(reviews)) == (300, 30)
    assert reviews.min() == 1
    assert reviews.max() >= 25
    assert (table.groupby("review")["restaurant"].nunique() == 1).all()
    sentences = table.groupby("review").size()
    # Geometric: one review in five has one sentence, the mean is five.
    assert abs(z_of_mean((sentences == 1) - 0.2, np.full(300, 0.2 * 0.8))) < 4
    assert abs(z_of_mean(sentences - 5.0, np.full(300, 0.8 / 0.2**2))) < 4
    assert abs(z_of_mean((table["aspect"] == "food") - 0.6, np.full(len(table), 0.6 * 0.4))) < 4


def test_sentences_scatter_about_the_quality_and_the_reviewer():
    table = simulate.restaurants(400, 4_000, correlation=0.7)
    truth = table.attrs["truth"]
    own = {a: np.take(truth[a], table["restaurant"]) for a in ("food", "service")}
    taste = {a: np.take(truth[f"review_{a}"], table["review"]) for a in own}
    is_food = table["aspect"] == "food"
    center = np.where(is_food, own["food"] + taste["food"], own["service"] + taste["service"])
    residual = table["sentiment"] - center
    assert abs(z_of_mean(residual, 0.5**2)) < 4
    assert abs(z_of_sd(residual, 0.5)) < 4
    for aspect in own:
        assert abs(z_of_sd(np.array(truth[f"review_{aspect}"]), 0.25)) < 4
        assert abs(z_of_sd(np.array(truth[aspect]) - 0.2, 0.3)) < 4
    product = np.prod([np.subtract(truth[a], 0.2) / 0.3 for a in own], axis=0)
    assert abs(z_of_mean(product - 0.7, np.full(400, 1 + 0.7**2))) < 4


@pytest.mark.parametrize("make", [SMALL, simulate.confounded_groups, simulate.restaurants])
def test_the_seed_decides(make):
    pd.testing.assert_frame_equal(make(seed=3), make(seed=3))
    assert make(seed=3).attrs == make(seed=3).attrs
    assert not make(seed=3).equals(make(seed=4))


@pytest.mark.parametrize(
    "make",
    [simulate.one_way, simulate.varying_slopes, SMALL, simulate.confounded_groups, simulate.restaurants],
)
def test_truth_is_plain_and_survives_parquet(make, tmp_path):
    table = make()
    assert json.loads(json.dumps(table.attrs)) == table.attrs
    table.to_parquet(tmp_path / "table.parquet")
    assert pd.read_parquet(tmp_path / "table.parquet").attrs == table.attrs


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (partial(SMALL, family="gamma"), "family 'gamma'.*\n.*'poisson'"),
        (partial(simulate.crossed, {}, sd={}), "names no factor"),
        (partial(simulate.crossed, {"a": 3}), "sizes has a; sd has student"),
        (partial(SMALL, skew={"lecturer": 1.0}), "skew has lecturer"),
        (partial(SMALL, skew={"item": -1.0}), "skew of item is -1"),
        (partial(SMALL, skew={"item": float("inf")}), "skew of item is inf"),
        (partial(simulate.crossed, {"x": 3}, sd={"x": 1.0}), "called 'x'"),
        (partial(simulate.crossed, {"a": 0}, sd={"a": 1.0}), "levels of a is 0"),
        (partial(simulate.crossed, {"a": 5}, 4, sd={"a": 1.0}), "5 levels of a, 4 rows"),
        (partial(simulate.crossed, {"a": 5}, sd={"a": -1.0}), r"sd\['a'\] is -1"),
        (partial(SMALL, sigma=float("nan")), "sigma is nan"),
        (partial(SMALL, family="poisson", intercept=60.0), r"exp\(6"),
        (partial(simulate.confounded_groups, groups=0), "groups is 0"),
        (partial(simulate.confounded_groups, 30, 20), "30 levels of g, 20 rows"),
        (partial(simulate.confounded_groups, sigma=-1.0), "sigma is -1"),
        (partial(simulate.restaurants, reviews=0), "reviews is 0"),
        (partial(simulate.restaurants, sentences=0.5), "sentences=0.5"),
        (partial(simulate.restaurants, food=1.2), "food=1.2"),
        (partial(simulate.restaurants, correlation=float("nan")), "correlation=nan"),
        (partial(simulate.restaurants, sd=-1.0), "sd is -1"),
        (partial(simulate.restaurants, skew=float("nan")), "skew of restaurant is nan"),
    ],
)
def test_impossible_arguments(call, message):
    with pytest.raises(ModelError, match=message):
        call()
