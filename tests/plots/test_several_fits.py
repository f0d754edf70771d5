"""Pictures of several fits: the same quantities, what one fit lacks, and the truth."""

import arviz_stats
import numpy as np
import pytest

import shoal as sl
from plots.made_fits import TWO, made, model
from refusals import refused
from shoal import priors as P
from shoal.errors import ModelError


@pytest.fixture(scope="module")
def fits():
    fixed = model("y ~ x + (1 | g)", priors={"sigma": P.Fixed(1.0)})
    return {"one": made(), ("two", 1): made(fixed, seed=2), "three": made(model(TWO))}


def row(picture, fit, quantity):
    return picture.numbers.set_index(["fit", "quantity"]).loc[(fit, quantity)]


# Intervals


def test_a_forest_has_a_panel_a_quantity_and_a_row_a_fit(fits):
    picture = sl.plots.forest(fits, ["x", "sigma"], prob=0.8)
    assert [axes.get_xlabel() for axes in picture.figure.axes] == ["x", "sigma"]
    draws = fits["one"].tree["posterior"]["x"].values
    own = row(picture, "one", "x")
    bounds = ["eti80_lb", "eti80_ub", "eti40_lb", "eti40_ub"]
    np.testing.assert_allclose(own[bounds].astype(float), np.quantile(draws, [0.1, 0.9, 0.3, 0.7]))
    np.testing.assert_allclose([own["mean"], own["sd"]], [draws.mean(), draws.std()])
    wide, narrow = (c.get_segments() for c in picture.figure.axes[0].collections[:2])
    np.testing.assert_allclose(wide[0], [[own["eti80_lb"], 0], [own["eti80_ub"], 0]])
    np.testing.assert_allclose(narrow[0], [[own["eti40_lb"], 0], [own["eti40_ub"], 0]])


def test_rows_of_quantities_that_a_fit_lacks_are_empty(fits):
    picture = sl.plots.forest(fits, ["x", "sigma"])
    found = picture.numbers.groupby("quantity")["fit"].unique()
    assert found["x"].tolist() == ["one", "two, 1"] and found["sigma"].tolist() == ["one"]
    assert "A row is empty where" in picture.caption and "two, 1: sigma left out: fixed." in picture.caption
    assert "empty" not in sl.plots.forest({"one": fits["one"]}, ["x", "sigma"]).caption
    labels = [label.get_text() for label in picture.figure.axes[0].get_yticklabels()]
    assert labels == ["one", "two, 1", "three"]


def test_a_quantity_goes_by_the_name_that_it_has_in_each_fit(fits):
    picture = sl.plots.forest(fits, {"slope": ["x", "bit_x"], "spread": ["sd_h", "bit_sd_g"]})
    found = picture.numbers.groupby("quantity")["fit"].unique()
    assert found["slope"].tolist() == ["one", "two, 1", "three"]
    assert found["spread"].tolist() == ["one", "three"]
    expected = fits["three"].tree["posterior"]["bit_x"].values.mean()
    np.testing.assert_allclose(row(picture, "three", "slope")["mean"], expected)
    with refused("effect-not-named", match="'r_g' has 10 quantities"):
        sl.plots.forest(fits, {"effects": "r_g"})


def test_the_truth_is_marked_where_it_is_known(fits):
    truth = {"x": 0.5, "sd_h": {"one": 2.0}, "Intercept": {("two", 1): 1.0}}
    picture = sl.plots.forest(fits, ["x", "sd_h", "Intercept"], truth=truth)
    assert row(picture, "one", "x")["truth"] == row(picture, "two, 1", "x")["truth"] == 0.5
    assert row(picture, "one", "sd_h[Intercept]")["truth"] == 2
    assert np.isnan(row(picture, "one", "Intercept")["truth"])
    assert row(picture, "two, 1", "Intercept")["truth"] == 1
    assert "Green: the truth." in picture.caption
    marks = picture.figure.axes[0].collections[-1].get_segments()
    np.testing.assert_allclose([mark.mean(0) for mark in marks], [[0.5, 0], [0.5, 1]])
    assert "truth" not in sl.plots.forest(fits, "x").caption


def test_positive_quantities_of_many_sizes_have_a_logarithmic_axis(fits):
    narrow = made(model(priors={"sigma": P.HalfNormal(0.01)}))
    picture = sl.plots.forest({"one": fits["one"], "narrow": narrow}, ["sigma", "x"])
    assert [axes.get_xscale() for axes in picture.figure.axes] == ["log", "linear"]
    low, high = picture.figure.axes[0].get_xlim()
    own = picture.numbers.query("quantity == 'sigma'")
    assert low < own["eti90_lb"].min() < own["eti90_ub"].max() < high
    assert sl.plots.forest(fits, "sigma").figure.axes[0].get_xscale() == "linear"


def test_zero_is_in_the_picture_unless_it_is_far_away():
    far = {"far": made(model(priors={"Intercept": P.Normal(50, 1), "x": P.Normal(1, 0.5)}))}
    intercept, slope = sl.plots.forest(far, ["Intercept", "x"]).figure.axes
    assert intercept.get_xlim()[0] > 40 and slope.get_xlim()[0] <= 0


def test_a_forest_counts_what_it_has_no_room_for(fits):
    picture = sl.plots.forest(fits, ["r_g", "r_h"])
    assert picture.numbers["quantity"].nunique() == 12 == len(picture.figure.axes)
    assert "The first 12 of 13 quantities" in picture.caption


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"var_names": "sd_k"}, "no variable 'sd_k'"),
        ({"var_names": ["x", "r_g[q,x]"]}, "no quantity 'r_g"),
        ({"var_names": "x", "truth": {"sigma": 1.0}}, "truth of 'sigma' is given, which is not drawn"),
        ({"var_names": "x", "truth": {"x": {"thre": 1.0}}}, "names a fit 'thre'"),
        ({"var_names": "x", "prob": 1.5}, "between 0 and 1"),
    ],
)
def test_forests_that_make_no_sense_are_refused(fits, options, message):
    with pytest.raises(ModelError, match=message):
        sl.plots.forest(fits, **options)


def test_effects_that_no_fit_has_kept_are_said_to_be():
    without = made()
    without.tree["posterior"] = without.tree["posterior"].to_dataset().drop_vars("r_g")
    for draw in (sl.plots.forest, sl.plots.ess):
        with refused("effects-not-kept"):
            draw({"without": without}, "r_g")
    assert sl.plots.forest({"with": made(), "without": without}, "r_g").numbers["fit"].unique() == ["with"]


@pytest.mark.parametrize("draw", [sl.plots.forest, sl.plots.ess])
def test_pictures_of_no_fit_are_refused(draw):
    with refused("no-fits"):
        draw({})


def test_constants_alone_are_refused():
    fixed = made(model("y ~ x + (1 | g)", priors={"sigma": P.Fixed(1.0)}))
    with refused("all-constant"):
        sl.plots.forest({"one": fixed, "other": fixed}, "sigma")


# Effective draws


def test_bars_of_levels_are_of_population_plus_deviation(fits):
    picture = sl.plots.ess({"one": fits["one"]}, levels="g")
    assert picture.numbers["quantity"].tolist()[:2] == ["g[$a$_b,Intercept]", "g[$a$_b,x]"]
    posterior = fits["one"].tree["posterior"].to_dataset()
    own = posterior["r_g"].sel(g="a/b", g_effect="x") + posterior["x"]
    expected = float(arviz_stats.ess(own.to_dataset(name="own"), method="bulk")["own"])
    np.testing.assert_allclose(row(picture, "one", "g[a/b,x]")["ess_bulk"], expected)
    assert "population plus deviation" in picture.caption
    both = sl.plots.ess({"one": fits["one"]}, "sigma", levels="h").numbers["quantity"].tolist()
    assert both == ["sigma", "h[0]", "h[1]", "h[2]"]


def test_a_fit_without_a_named_quantity_leaves_its_place_empty(fits):
    numbers = sl.plots.ess(fits, ["x", "bit_x"]).numbers
    assert numbers[["fit", "quantity"]].to_numpy().tolist() == [
        ["one", "x"],
        ["two, 1", "x"],
        ["three", "bit_x"],
    ]


@pytest.mark.parametrize("fits", ["a", None, 3, {"a": 3}, {"a": "fit.nc"}])
def test_what_is_no_fit_is_refused(fits):
    for draw in (sl.plots.forest, sl.plots.ess, sl.plots.pooling):
        with pytest.raises(ModelError):
            draw(fits)


def test_pooling_over_one_factor_leaves_the_others_as_they_are():
    """Two factors without pooling cannot be told apart: intervals would be as wide as their priors."""
    rng = np.random.default_rng(1)
    g, h = np.repeat(np.arange(6), 12), np.tile(np.arange(4), 18)
    table = {"y": rng.normal(size=6)[g] + rng.normal(size=4)[h] + rng.normal(size=72), "g": g, "h": h}
    fit = sl.Model("y ~ 1 + (1 | g) + (1 | h)", table).fit(draws=100, chains=2, seed=1)
    numbers = fit.plot.pooling("g").numbers
    widths = (numbers["eti90_ub"] - numbers["eti90_lb"]).groupby(numbers["pooling"]).mean()
    assert widths["none"] < 2 * widths["partial"]
