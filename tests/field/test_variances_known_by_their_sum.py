"""Nearly one row a level: the sum of two variances is known, its parts are not, and the arc is sampled."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import logsumexp

import shoal as sl
from shoal.priors import Exponential, Normal

PRIORS = {"Intercept": Normal(0, 1), "sd_obs": Exponential(1), "sigma": Exponential(1)}
PAIRS = 4


def rows(levels):
    """Return rows of levels, of which the first few have two."""
    rng = np.random.default_rng(levels)
    level = np.append(np.arange(levels), np.arange(PAIRS))
    effect = rng.normal(0, 0.7, levels)
    return pd.DataFrame({"y": effect[level] + rng.normal(0, 0.7, levels + PAIRS), "obs": level.astype(str)})


def quadrature(data, levels):
    """Return moments of sigma and of the sd of a row, by polar coordinates: parts and sum."""
    y = data["y"].to_numpy()
    mean = y[:levels].copy()
    mean[:PAIRS] = (y[:PAIRS] + y[levels:]) / 2
    within = ((y[:PAIRS] - y[levels:]) ** 2).sum()
    radius = (y.std() * np.linspace(0.5, 1.6, 401))[:, None]
    angle = (np.linspace(0, np.pi / 2, 802)[1:-1])[None]
    sigma, tau = radius * np.sin(angle), radius * np.cos(angle)
    log_density = np.log(radius) - sigma - tau - PAIRS * np.log(sigma) - within / (4 * sigma**2)
    precision, first, second = 1.0, 0.0, 0.0
    for one, share in ((mean[:PAIRS], 0.5), (mean[PAIRS:], 1.0)):
        variance = tau**2 + share * sigma**2
        log_density = log_density - 0.5 * len(one) * np.log(variance)
        precision = precision + len(one) / variance
        first, second = first + one.sum() / variance, second + (one**2).sum() / variance
    log_density = log_density - 0.5 * (second - first**2 / precision) - 0.5 * np.log(precision)
    weight = np.exp(log_density - logsumexp(log_density))
    moments = []
    for value in (sigma, tau, radius):
        center = (weight * value).sum()
        moments.append((center, np.sqrt((weight * (value - center) ** 2).sum())))
    return moments


@pytest.mark.filterwarnings("ignore:.* levels of 'obs' have .* rows")
@pytest.mark.parametrize("levels", [200, pytest.param(2000, marks=pytest.mark.slow)])
def test_sum_and_parts_are_those_of_quadrature(levels):
    data = rows(levels)
    model = sl.Model("y ~ 1 + (1 | obs)", data, priors=PRIORS)
    fit = model.fit(seed=1)
    posterior = fit.tree["posterior"]
    sigma, tau = (posterior[name].values.ravel() for name in ("sigma", "sd_obs"))
    for draws, (mean, sd) in zip((sigma, tau, np.hypot(sigma, tau)), quadrature(data, levels), strict=True):
        assert abs(draws.mean() - mean) < 0.15 * sd
        assert abs(draws.std() / sd - 1) < 0.15
    assert fit.diagnose().trustworthy
    assert fit.tree.attrs["sampler"] == "independence"
