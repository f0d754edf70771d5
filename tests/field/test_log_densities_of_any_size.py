"""Rows whose log density is a number of ten digits are sampled as any others."""

import numpy as np
import pandas as pd
import pytest

import shoal as sl
from field.groups import Groups, moments
from shoal.errors import ModelError
from shoal.priors import Exponential, Normal

PRIORS = {"Intercept": Normal(0, 1), "sd_g": Exponential(1)}


def drawn(fit, name):
    return np.log(fit.tree["posterior"][name].values.ravel())


def test_known_standard_errors_far_below_the_spread_of_rows():
    rng = np.random.default_rng(1)
    groups = Groups(rng.normal(size=(8, 10)) + rng.normal(size=(8, 1)))
    fit = sl.Model("y | se(s) ~ 1 + (1 | g)", groups.frame.assign(s=1e-4), priors=PRIORS).fit(seed=1)
    grid = np.linspace(-3, 3, 2001)
    tau = np.exp(grid)
    # What the rows within groups say is one constant, of 4e9.
    log_density = groups.log_likelihood(0, 1, tau, np.float64(1e-4)) - tau + grid
    ((mean, sd),) = moments(log_density, grid)
    values = drawn(fit, "sd_g")
    assert abs(values.mean() - mean) < 0.1 * sd
    assert abs(values.std() / sd - 1) < 0.1
    assert fit.diagnose().trustworthy


@pytest.mark.parametrize("count", [10, 10**9])
def test_trials_of_any_number(count):
    """Of 1e9 trials a row the effects are known to five digits: sd_g is that of ten known numbers."""
    rng = np.random.default_rng(2)
    level = rng.normal(size=40)
    data = pd.DataFrame({"g": [f"g{j}" for j in range(40)], "n": count})
    data["k"] = rng.binomial(count, 1 / (1 + np.exp(-level)))
    fit = sl.Model("k | trials(n) ~ 1 + (1 | g)", data, "binomial", priors=PRIORS).fit(seed=1)
    assert fit.diagnose().trustworthy
    if count > 10:
        known = np.log(data["k"] / (count - data["k"])).to_numpy()[:, None]
        grid = np.linspace(-2, 2, 2001)
        tau = np.exp(grid)
        log_density = Groups(known).log_likelihood(0, 1, tau, np.float64(1e-9)) - tau + grid
        ((mean, sd),) = moments(log_density, grid)
        assert abs(drawn(fit, "sd_g").mean() - mean) < 0.1 * sd


def test_weights_of_any_size_are_as_many_rows():
    rng = np.random.default_rng(3)
    data = pd.DataFrame({"y": rng.normal(size=60), "g": np.repeat(list("abcdef"), 10), "w": 1e8})
    fit = sl.Model("y | weights(w) ~ 1 + (1 | g)", data, priors=PRIORS).fit(seed=1)
    within = data["y"] - data.groupby("g")["y"].transform("mean")
    sigma = fit.tree["posterior"]["sigma"].values
    np.testing.assert_allclose(sigma.mean(), np.sqrt((within**2).mean()), rtol=1e-4)
    assert fit.diagnose().trustworthy


def test_a_model_of_offsets_alone_has_no_parameters_to_summarise():
    fit = sl.Model("y ~ 0 + offset(o)", pd.DataFrame({"y": [1, 2, 0], "o": [0.1, 0.2, 0.3]}), "poisson").fit(
        seed=1
    )
    with pytest.raises(ModelError):
        fit.summary()
