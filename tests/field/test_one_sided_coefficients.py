"""Coefficients that the data bound on one side only: their posterior is that of quadrature, and trusted."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.special import logsumexp

import shoal as sl
from shoal.errors import ShoalWarning
from shoal.priors import Normal


def fitted(formula, data, family, priors=None, **how):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ShoalWarning)  # that only priors keep it finite
        return sl.Model(formula, data, family, priors=priors).fit(seed=1, **how)


def check(draws, grid, log_density):
    """Compare draws with quadrature: mean, spread, and quantiles of both tails."""
    weight = np.exp(log_density - logsumexp(log_density))
    mean = weight @ grid
    sd = np.sqrt(weight @ (grid - mean) ** 2)
    assert abs(draws.mean() - mean) < 0.1 * sd
    assert abs(draws.std() / sd - 1) < 0.1
    below = np.cumsum(weight)
    for level in (0.05, 0.5, 0.95):
        assert abs((draws < grid[np.searchsorted(below, level)]).mean() - level) < 0.03


@pytest.mark.parametrize("trials", [1, 40, 1000])
def test_all_failures_under_a_wide_prior(trials):
    fit = fitted(
        "k | trials(n) ~ 1",
        pd.DataFrame({"k": [0], "n": [trials]}),
        "binomial",
        {"Intercept": Normal(0, 100)},
    )
    grid = np.linspace(-600, 20, 62_001)
    check(
        fit.tree["posterior"]["Intercept"].values.ravel(),
        grid,
        -trials * np.logaddexp(0, grid) - 0.5 * (grid / 100) ** 2,
    )
    assert fit.diagnose().trustworthy
    assert fit.tree.attrs["sampler"] != "nuts"


@pytest.mark.parametrize("side", [-1, 1])
def test_a_slope_that_separates(side):
    x = np.linspace(-2, 2, 40)
    y = (side * x > 0.3).astype(int)
    fit = fitted("y ~ 0 + x", pd.DataFrame({"x": x - 0.3 * side, "y": y}), "bernoulli", {"x": Normal(0, 100)})
    grid = side * np.linspace(-50, 600, 65_001)
    eta = np.multiply.outer(x - 0.3 * side, grid)
    rows = np.where(y[:, None] == 1, -np.logaddexp(0, -eta), -np.logaddexp(0, eta)).sum(0)
    order = np.argsort(grid)
    check(fit.tree["posterior"]["x"].values.ravel(), grid[order], (rows - 0.5 * (grid / 100) ** 2)[order])
    assert fit.diagnose().trustworthy


@pytest.mark.parametrize(("family", "rows"), [("binomial", "k | trials(n)"), ("poisson", "k")])
def test_cells_without_an_event(family, rows):
    count = np.array([0, 4, 9, 13, 20, 22, 30, 37])
    data = pd.DataFrame({"h": list("abcdefgh"), "n": 40, "k": count})
    fit = fitted(f"{rows} ~ 0 + h", data, family, {"b": Normal(0, 30)})
    grid = np.linspace(-200, 10, 42_001)
    for cell, k in zip("abcdefgh", count, strict=True):
        likelihood = k * grid - (40 * np.logaddexp(0, grid) if family == "binomial" else np.exp(grid))
        check(fit.tree["posterior"][f"h[{cell}]"].values.ravel(), grid, likelihood - 0.5 * (grid / 30) ** 2)
    assert fit.diagnose().trustworthy
    assert fit.tree.attrs["sampler"] != "nuts"


def test_defaults_of_cells_need_no_second_sampler():
    data = pd.DataFrame({"h": list("abcdefgh"), "n": 40, "k": [0, 4, 9, 13, 20, 22, 30, 37]})
    fit = fitted("k | trials(n) ~ 0 + h", data, "binomial")
    assert fit.diagnose().trustworthy
    assert not int(fit.tree["sample_stats"]["diverging"].sum())
    assert fit.tree.attrs["sampler"] != "nuts"


@pytest.mark.slow
def test_beside_group_effects_they_are_those_of_another_sampler():
    rng = np.random.default_rng(4)
    t, g = np.tile([0, 0, 1, 1], 20), np.repeat(list("abcdefghij"), 8)
    data = pd.DataFrame({"t": t, "y": np.where(t == 1, 1, rng.integers(0, 2, 80)), "g": g})
    fits = [
        fitted("y ~ 1 + t + (1 | g)", data, "bernoulli", {"t": Normal(0, 8)}, **how)
        for how in ({}, {"coordinates": "noncentered", "draws": 4000, "target_accept": 0.95})
    ]
    assert fits[0].diagnose().trustworthy
    for name in ("Intercept", "t", "sd_g"):
        ours, theirs = (fit.tree["posterior"][name].values for fit in fits)
        assert abs(ours.mean() - theirs.mean()) < 0.1 * theirs.std()
        assert abs(ours.std() / theirs.std() - 1) < 0.1


def test_remedies_look_at_what_was_used():
    data = pd.DataFrame({"k": [0], "n": [1000]})
    wide = {"Intercept": Normal(0, 100)}
    for how, offered in (({"sampler": "nuts"}, False), ({"coordinates": "noncentered"}, True)):
        found = fitted("k | trials(n) ~ 1", data, "binomial", wide, **how).diagnose()
        remedy = next(finding.remedy for finding in found.findings if finding.code == "divergences")
        assert ("coordinates='auto'" in remedy) == offered


def test_the_gradient_is_that_of_the_density():
    t, g = np.tile([0, 0, 1, 1], 20), np.repeat(list("abcdefghij"), 8)
    data = pd.DataFrame({"t": t, "y": np.where(t == 1, 1, np.arange(80) % 3 == 0).astype(int), "g": g})
    with pytest.warns(ShoalWarning):
        posterior = sl.Model("y ~ 1 + t + (1 | g)", data, "bernoulli", priors={"t": Normal(0, 8)}).posterior()
    assert "2 coefficients with a one-sided density and 1 hyperparameter" in str(posterior.plan)
    target, rng = posterior.target, np.random.default_rng(1)
    theta, z = target.start + 0.1, rng.normal(size=target.n_effects)
    _, by_theta, by_z = target.joint(theta, z)
    for k in range(target.n_theta):
        step = 1e-5 * np.eye(target.n_theta)[k]
        slope = (target.joint(theta + step, z)[0] - target.joint(theta - step, z)[0]) / 2e-5
        assert abs(slope - by_theta[k]) < 1e-5 * (1 + abs(slope))
    for k in range(0, target.n_effects, 3):
        step = 1e-5 * np.eye(target.n_effects)[k]
        slope = (target.joint(theta, z + step)[0] - target.joint(theta, z - step)[0]) / 2e-5
        assert abs(slope - by_z[k]) < 1e-5 * (1 + abs(slope))
