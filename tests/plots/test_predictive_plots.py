"""Predictive checks draw the data as they are, beside new responses of the fit."""

import numpy as np
import pytest

from plots.made_fits import TWO, made, model, table
from shoal import priors as P
from shoal.errors import ModelError


@pytest.fixture(scope="module")
def fit():
    return made()


@pytest.fixture(scope="module")
def two():
    return made(model(TWO))


def test_bars_count_the_rows_of_each_value():
    priors = {"sd_g": P.HalfNormal(0.1), "Intercept": P.Normal(0.7, 0.1), "x": P.Normal(0, 0.1)}
    fit = made(model("count ~ x + (1 | g)", "poisson", priors=priors))
    numbers = fit.plot.ppc().numbers
    exact = numbers[numbers["value"].str.isdigit()]
    assert len(exact) > 5
    counts = table()["count"].value_counts()
    np.testing.assert_array_equal(exact["observed"], [counts.get(int(v), 0) for v in exact["value"]])
    assert numbers["observed"].sum() == 60
    assert (numbers["eti90_lb"] <= numbers["median"]).all() and (
        numbers["median"] <= numbers["eti90_ub"]
    ).all()


def test_bars_of_an_ordered_response_are_its_categories():
    numbers = made(model("grade ~ x + (1 | g)", "cumulative")).plot.ppc().numbers
    assert numbers["value"].tolist() == ["low", "$mid", "high"]
    np.testing.assert_array_equal(numbers["observed"], [20, 20, 20])


def test_lines_are_the_distribution_of_each_data_set(fit):
    picture = fit.plot.ppc(draws=7, kind="ecdf")
    assert picture.numbers["data"].nunique() == 8
    drawn = picture.numbers.query("data == 'observed'")
    y = table()["y"].to_numpy()
    np.testing.assert_allclose(drawn["ecdf"], [(y <= v + 1e-9).mean() for v in drawn["value"]], atol=1 / 60)
    assert fit.plot.ppc(draws=7, kind="density").numbers["density"].ge(0).all()


def test_levels_have_their_means():
    fit = made(model("k | trials(m) ~ x + (1 | g)", "binomial"))
    numbers = fit.plot.ppc(by="g").numbers.set_index("level")
    data = table().groupby("g")[["k", "m"]].sum()
    np.testing.assert_allclose(numbers["observed"], (data["k"] / data["m"])[numbers.index])
    assert numbers["observed"].is_monotonic_increasing
    assert numbers["n"].to_dict() == table()["g"].value_counts().to_dict()


def test_each_response_has_its_panel(two):
    picture = two.plot.ppc()
    assert picture.numbers["response"].unique().tolist() == ["bit", "y"]
    # A factor of one response, or of a latent alone, is one of the rows of all.
    for factor in ("g", "h"):
        assert two.plot.ppc(by=factor).numbers["response"].unique().tolist() == ["bit", "y"]


def test_intervals_of_level_means_have_the_width_of_the_model():
    """The variance of a level's mean: its rows' over their number, the levels' and the Intercept's."""
    own = model(
        "y ~ 1 + (1 | g)", priors={"Intercept": P.Normal(0, 0.1), "sd_g": P.Fixed(0.1), "sigma": P.Fixed(1.0)}
    )
    fit = made(own, chains=4, draws=100)
    numbers = fit.plot.ppc(by="g", draws=400).numbers.set_index("level")
    n = table()["g"].value_counts()[numbers.index]
    width = (numbers["eti90_ub"] - numbers["eti90_lb"]) / (2 * 1.645)
    np.testing.assert_allclose(width, np.sqrt(1 / n + 0.1**2 + 0.1**2), rtol=0.2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "bars"}, "'density' or 'ecdf'"),
        ({"kind": "kde"}, "One of auto"),
        ({"by": "k"}, "no grouping factor 'k'"),
        ({"draws": 0}, "at least 1"),
    ],
)
def test_checks_that_make_no_sense_are_refused(fit, options, message):
    with pytest.raises(ModelError, match=message):
        fit.plot.ppc(**options)
