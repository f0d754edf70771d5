"""A factor that is a predictor too has new levels while the predictor keeps its values."""

import numpy as np
import pandas as pd
import pytest

import shoal as sl

YEARS = np.arange(12)


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(4)
    year = np.repeat(YEARS, 8)
    x = rng.normal(size=year.size)
    eta = 0.3 * x + 0.1 * (year - 5.5) + 0.5 * rng.normal(size=12)[year]
    return pd.DataFrame({"year": year, "x": x, "n": rng.poisson(np.exp(1 + eta)), "same": year})


@pytest.fixture(scope="module")
def fits(data):
    """Return the model as it is written, and with a copy of the column as the factor."""
    formulas = "n ~ x + year + (1 | year)", "n ~ x + year + (1 | same)"
    return [sl.Model(formula, data, "poisson").fit(seed=1, cores=1, draws=500) for formula in formulas]


@pytest.mark.parametrize("settings", [{"x": [1, 0]}, {"year": [11, 0]}])
@pytest.mark.parametrize("named", [False, True])
def test_new_levels_are_those_of_a_copy_of_the_column(fits, settings, named):
    asked = [{factor: None} if named else "population" for factor in ("year", "same")]
    own, copied = (fit.contrast(settings, at=at) for fit, at in zip(fits, asked, strict=True))
    np.testing.assert_allclose(own.table["mean"], copied.table["mean"], rtol=0.08)
    np.testing.assert_allclose(own.table["sd"], copied.table["sd"], rtol=0.15)
    assert own.population.endswith("in a new level of year drawn from the population")


def test_the_mean_is_that_over_the_predictor_as_it_is(fits, data):
    """Known levels and new ones have one expectation on the linear scale, less what the levels deviate."""
    fit = fits[0]
    new = fit.contrast({"x": [1, 0]}, at="population", scale="linear").settings
    means = fit.summary()["mean"]
    expected = means["Intercept"] + means["b_year"] * data["year"].mean() + means["x"] * np.array([1, 0])
    np.testing.assert_allclose(new["mean"], expected, atol=0.06)
