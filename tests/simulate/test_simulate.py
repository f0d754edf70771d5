"""The simulated data are those of the published programs, draw for draw."""

from functools import partial

import numpy as np
import pandas as pd
import pytest

from shoal import simulate
from shoal.errors import ModelError


def published_one_way(num_groups, num_samples_per_group, omega):
    rng = np.random.default_rng(seed=41)
    result = {"group": [], "observation": []}
    for i in range(num_groups):
        mu_group = rng.normal(loc=2.0, scale=omega)
        result["group"] += [i] * num_samples_per_group
        result["observation"] += rng.normal(loc=mu_group, scale=0.75, size=num_samples_per_group).tolist()
    return pd.DataFrame(result)


def published_varying_slopes(num_groups, num_samples_per_group):
    rng = np.random.default_rng(seed=42)
    result = {"group": [], "y": [], "x1": [], "x2": [], "x3": []}
    for i in range(num_groups):
        beta_1g = rng.normal(loc=1, scale=10)
        beta_2g = rng.normal(loc=1.2, scale=12)
        beta_3g = rng.normal(loc=0.8, scale=8)
        x1 = rng.normal(size=num_samples_per_group)
        x2 = rng.normal(size=num_samples_per_group)
        x3 = rng.normal(size=num_samples_per_group)
        eps = rng.normal(size=num_samples_per_group)
        y = beta_1g * x1 + beta_2g * x2 + beta_3g * x3 + 100 * eps
        result["group"] += [i] * num_samples_per_group
        result["y"] += y.tolist()
        result["x1"] += x1.tolist()
        result["x2"] += x2.tolist()
        result["x3"] += x3.tolist()
    return pd.DataFrame(result)


# Processors that fuse a multiplication and an addition differ in the last digit only.
LAST_DIGITS = {"rtol": 1e-12, "atol": 1e-12}


@pytest.mark.parametrize(("groups", "rows", "omega"), [(5, 20, 0.1), (50, 20, 1), (500, 20, 10), (3, 1, 0.0)])
def test_one_way_equals_the_published_loop(groups, rows, omega):
    expected = published_one_way(groups, rows, omega)
    pd.testing.assert_frame_equal(simulate.one_way(groups, rows, omega), expected, **LAST_DIGITS)


@pytest.mark.parametrize(("groups", "rows"), [(5, 20), (1000, 200), (1, 1)])
def test_varying_slopes_equals_the_published_loop(groups, rows):
    expected = published_varying_slopes(groups, rows)
    pd.testing.assert_frame_equal(simulate.varying_slopes(groups, rows), expected, **LAST_DIGITS)


def test_defaults_are_the_published_arguments():
    pd.testing.assert_frame_equal(simulate.one_way(), published_one_way(5, 20, 0.1), **LAST_DIGITS)
    assert simulate.varying_slopes().shape == (200_000, 5)


def test_another_number_of_slopes():
    frame = simulate.varying_slopes(groups=4, rows=3, beta=(2.0,), tau=(0.0,), sigma=0.0)
    assert list(frame.columns) == ["group", "y", "x1"]
    np.testing.assert_allclose(frame["y"], 2 * frame["x1"])


def test_truth_of_one_way_makes_its_rows():
    frame = simulate.one_way(groups=4, rows=3, sigma=0.0)
    truth = frame.attrs["truth"]
    assert (truth["Intercept"], truth["sd_group"], truth["sigma"]) == (2.0, 0.1, 0.0)
    np.testing.assert_allclose(
        frame["observation"], truth["Intercept"] + np.take(truth["r_group"], frame["group"])
    )


def test_truth_of_varying_slopes_makes_its_rows():
    frame = simulate.varying_slopes(groups=4, rows=3, sigma=0.0)
    truth = frame.attrs["truth"]
    slopes = [truth["x1"], truth["x2"], truth["x3"]] + np.take(truth["r_group"], frame["group"], axis=0)
    np.testing.assert_allclose(frame["y"], (slopes * frame[["x1", "x2", "x3"]]).sum(axis=1))
    assert truth["sd_group"] == [10.0, 12.0, 8.0]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (partial(simulate.one_way, groups=0), "number of groups is 0"),
        (partial(simulate.one_way, rows=-1), "number of rows is -1"),
        (partial(simulate.one_way, omega=-1.0), "omega is -1"),
        (partial(simulate.one_way, sigma=float("nan")), "sigma is nan"),
        (partial(simulate.varying_slopes, tau=(1.0, 2.0)), "beta has 3 values, tau has 2"),
        (partial(simulate.varying_slopes, tau=(1.0, 2.0, -3.0)), r"tau\[2\] is -3"),
    ],
)
def test_impossible_arguments(call, message):
    with pytest.raises(ModelError, match=message):
        call()
