"""Ordered responses come back as the table has them: its own numbers, or places from 1 of its labels."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import shoal as sl

N = 60


def fitted(response):
    rng = np.random.default_rng(4)
    data = pd.DataFrame({"y": response, "x": rng.normal(size=N)})
    return sl.Model("y ~ x", data, "cumulative").fit(chains=2, draws=50, warmup=100, seed=1)


CODES = np.resize([0, 1, 2, 1], N)
RESPONSES = {
    "integers from 1": (CODES + 1, [1, 2, 3]),
    "integers from 0": (CODES, [0, 1, 2]),
    "negative integers": (CODES - 4, [-4, -3, -2]),
    "numbers with a gap": (pd.Categorical(np.array([1, 3, 10])[CODES], ordered=True), [1, 3, 10]),
    "labels": (pd.Categorical(np.array(["a", "b", "c"])[CODES], ordered=True), [1, 2, 3]),
}


@pytest.fixture(scope="module", params=list(RESPONSES))
def case(request):
    response, numbers = RESPONSES[request.param]
    return fitted(response), np.array(numbers, float)


def test_the_data_kept_with_the_draws_are_the_tables(case):
    fit, numbers = case
    for tree in (fit.tree, fit.posterior_predictive(draws=5), fit.model.prior_predictive(draws=5)):
        np.testing.assert_array_equal(tree["observed_data"]["y"], numbers[CODES])


def test_drawn_responses_are_numbers_of_the_table(case):
    fit, numbers = case
    drawn = fit.predict(kind="response")
    assert set(np.unique(drawn)) == set(numbers)
    before = fit.model.prior_predictive(draws=50)["prior_predictive"]["y"]
    assert set(np.unique(before)) == set(numbers)
    after = fit.posterior_predictive()["posterior_predictive"]["y"]
    np.testing.assert_array_equal(after, drawn)


def test_the_mean_of_drawn_responses_is_that_of_their_probabilities(case):
    fit, numbers = case
    expected = fit.predict(kind="mean").mean(("chain", "draw")).values @ numbers
    drawn = fit.predict(kind="response")
    error = drawn.values.std() / np.sqrt(drawn.size)
    assert abs(drawn.mean().item() - expected.mean()) < 5 * error
    summary = fit.predict_summary(kind="response")["mean"]
    assert abs(summary.mean() - expected.mean()) < 5 * error


def test_pictures_and_prior_implications_have_the_same_numbers(case):
    fit, numbers = case
    assert fit.plot.ppc().numbers["observed"].tolist() == [15, 30, 15]
    implied = fit.model.prior_summary().query("quantity.str.startswith('rows of category')")
    assert implied["observed"].tolist() == [0.25, 0.5, 0.25]


def test_a_file_written_before_still_loads_with_the_tables_numbers(case, tmp_path):
    fit, numbers = case
    fit.save(tmp_path / "fit.nc")
    with xr.open_datatree(tmp_path / "fit.nc", engine="h5netcdf") as found:
        tree = found.load()
    tree["observed_data"] = tree["observed_data"].to_dataset().assign(y=("row", CODES.astype(float)))
    tree.to_netcdf(tmp_path / "before.nc", engine="h5netcdf")
    observed = sl.load(tmp_path / "before.nc").posterior_predictive(draws=5)["observed_data"]["y"]
    np.testing.assert_array_equal(observed, numbers[CODES])
