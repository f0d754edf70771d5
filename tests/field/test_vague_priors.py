"""Priors vaguer than the data by hundreds of orders of magnitude leave an ordinary posterior."""

import warnings

import numpy as np
import pandas as pd
import pytest

import shoal as sl
from field.groups import Groups, moments
from shoal.priors import Gamma, HalfCauchy, InverseGamma, Normal

VAGUE = InverseGamma(0.001, 0.001)


def trusted(formula, data, family, priors):
    """Return a fit that warned of nothing."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        fit = sl.Model(formula, data, family, priors=priors).fit(seed=1)
        assert fit.diagnose().trustworthy, fit.diagnose()
        fit.summary()
    return fit


def test_variances_of_groups_are_those_of_quadrature():
    rng = np.random.default_rng(1)
    groups = Groups(100 + 8 * rng.normal(size=(12, 1)) + 6 * rng.normal(size=(12, 6)))
    priors = {"Intercept": Normal(0, 1000), "sd_g": VAGUE, "sigma": VAGUE}
    fit = trusted("y ~ 1 + (1 | g)", groups.frame, "gaussian", priors)
    tau, sigma = np.linspace(-8, 5, 1301), np.linspace(1, 3, 201)
    log_density = groups.log_likelihood(0, 1000, np.exp(tau)[:, None], np.exp(sigma))
    for grid, shape in ((tau, (-1, 1)), (sigma, (-1,))):
        log_density = log_density + (-0.001 * grid - 0.001 * np.exp(-grid)).reshape(shape)
    expected = moments(log_density, tau, sigma)
    for name, (mean, sd) in zip(("sd_g", "sigma"), expected, strict=True):
        values = np.log(fit.tree["posterior"][name].values)
        assert abs(values.mean() - mean) < 0.1 * sd
        assert abs(values.std() / sd - 1) < 0.15


def test_growth_curves_of_thirty():
    rng = np.random.default_rng(2)
    level, x = np.repeat(np.arange(30), 5), np.tile([8.0, 15, 22, 29, 36], 30)
    each = rng.normal(size=(2, 30))
    y = 106 + 10 * each[0, level] + (6.2 + 0.5 * each[1, level]) * x + rng.normal(0, 6, 150)
    data = pd.DataFrame({"y": y, "x": x, "g": level.astype(str)})
    wide = {"Intercept": Normal(0, 1000), "x": Normal(0, 1000)}
    priors = wide | {"sd_g[Intercept]": VAGUE, "sd_g[x]": VAGUE, "sigma": VAGUE}
    fit = trusted("y ~ 1 + x + (1 + x || g)", data, "gaussian", priors)
    # With slopes of 30 levels about normal, the mean of the 30 least squares slopes and its error.
    slopes = np.array([np.polyfit(x[level == j], y[level == j], 1)[0] for j in range(30)])
    draws = fit.tree["posterior"]["x"].values
    assert abs(draws.mean() - slopes.mean()) < 0.02
    assert abs(draws.std() / (slopes.std(ddof=1) / np.sqrt(30)) - 1) < 0.15


@pytest.mark.slow
@pytest.mark.parametrize("prior", [VAGUE, HalfCauchy(1e4)], ids=str)
@pytest.mark.parametrize("family", ["bernoulli", "poisson", "gamma", "beta", "cumulative", "student"])
def test_every_family(family, prior):
    rng = np.random.default_rng(3)
    level = np.repeat(np.arange(20), 15)
    eta = 0.3 + 0.7 * rng.normal(size=20)[level]
    y = {
        "bernoulli": lambda: rng.binomial(1, 1 / (1 + np.exp(-eta))),
        "poisson": lambda: rng.poisson(np.exp(eta)),
        "gamma": lambda: rng.gamma(2, np.exp(eta) / 2),
        "beta": lambda: np.clip(rng.beta(10 / (1 + np.exp(-eta)), 10 / (1 + np.exp(eta))), 1e-4, 1 - 1e-4),
        "cumulative": lambda: np.digitize(eta + rng.logistic(size=300), [-1, 0, 1]) + 1,
        "student": lambda: eta + rng.standard_t(4, 300),
    }[family]()
    data = pd.DataFrame({"y": y, "g": level.astype(str)})
    fit = trusted("y ~ 1 + (1 | g)", data, family, {"sd_g": prior})
    sd = fit.tree["posterior"]["sd_g"].values
    assert 0.3 < np.median(sd) < 1.5


def test_a_spike_at_zero_is_named():
    rng = np.random.default_rng(2)
    data = pd.DataFrame({"y": rng.normal(size=120), "g": np.repeat(np.arange(12), 10).astype(str)})
    model = sl.Model("y ~ 1 + (1 | g)", data, priors={"sd_g": Gamma(0.001, 0.001)})
    first = next(iter(model.fit(seed=1, progress=False).diagnose()))
    assert (first.code, first.severity) == ("sd-at-zero", "error") and "sd_g" in first.evidence
    for prior in (VAGUE, HalfCauchy(1e4), Gamma(0.1, 0.1)):
        other = sl.Model("y ~ 1 + (1 | g)", data, priors={"sd_g": prior}).fit(seed=1, progress=False)
        assert "sd-at-zero" not in {finding.code for finding in other.diagnose()}, str(prior)
