"""Groups that leave little to go by, with the right values by quadrature.

Beside these, in `tests/field`: all failures, separation and cells without an event in
`test_one_sided_coefficients` and `test_separation_given_levels`; one row a level in `test_one_row_a_level`;
vague priors in `test_vague_priors`.
"""

import numpy as np
import pandas as pd
import pytest

import shoal as sl
from hard.quadrature import one_way, summed
from refusals import refused
from shoal.engine.convergence import mcse_mean, mcse_sd
from shoal.errors import ShoalWarning
from shoal.priors import Exponential, Normal

PRIORS = {"Intercept": Normal(0.0, 5.0), "sd_g": Exponential(1.0), "sigma": Exponential(1.0)}
GRID = np.exp(np.linspace(np.log(1e-5), np.log(60.0), 400))


def posterior(data, priors=PRIORS):
    """Return draws of (Intercept, sd, sigma), (3, chains, draws)."""
    fit = sl.Model("y ~ 1 + (1 | g)", data, priors=priors).fit(seed=1, cores=2, progress=False)
    assert fit.diagnose().trustworthy and fit.certificate.ok, fit.diagnose()
    draws = fit.tree["posterior"].to_dataset()
    return np.stack([draws[name].values.reshape(4, 1000) for name in ("Intercept", "sd_g", "sigma")])


def assert_right(draws, means, sds):
    """Means and sds are within 4.5 Monte Carlo errors of the right ones."""
    assert (np.abs(draws.mean((1, 2)) - means) < 4.5 * mcse_mean(draws)).all(), (draws.mean((1, 2)), means)
    assert (np.abs(draws.std((1, 2)) - sds) < 4.5 * mcse_sd(draws)).all(), (draws.std((1, 2)), sds)


def checked(data, sigmas, intercept=(0.0, 5.0), priors=PRIORS):
    """Compare a fit with the quadrature over `sigmas`."""
    means, sds, edge = one_way(
        summed(data["y"], data["g"]), intercept, lambda s: -s, lambda s: -s, GRID, sigmas
    )
    assert edge < 1e-3  # of the sd's density near zero there is always some
    assert_right(posterior(data, priors), means, sds)


def around(middle, width=0.3, points=301):
    return middle * np.exp(np.linspace(-width, width, points))


def table(counts, sd, seed=0, sigma=1.0):
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(len(counts)), counts)
    return pd.DataFrame({"y": sd * rng.normal(size=len(counts))[g] + sigma * rng.normal(size=len(g)), "g": g})


def test_two_groups():
    checked(table([10, 12], 1.0), around(1.0, 1.2))


def test_groups_that_do_not_differ_at_all():
    """The sd between levels goes to zero: its density is highest there."""
    data = table([6] * 8, 0.0)
    data["y"] -= data.groupby("g")["y"].transform("mean")
    checked(data, around(1.0, 1.0))


def test_a_group_of_a_million_rows_beside_groups_of_one():
    data = table([1_000_000, *[1] * 12], 0.7)
    checked(data, around(1.0, 0.01))


@pytest.mark.slow
def test_ten_thousand_levels():
    data = table(list(1 + np.arange(10_000) % 3), 0.5)
    checked(data, around(1.0, 0.1))


def test_a_prior_in_conflict_with_the_data():
    """The data say 30, the prior 0 and a unit: both count as much as they say."""
    data = table([8] * 6, 1.0)
    data["y"] += 30
    checked(data, around(1.0, 1.2), (0.0, 1.0), {**PRIORS, "Intercept": Normal(0.0, 1.0)})


def errors(least):
    """Return rows of all sizes of error, a level each."""
    rng = np.random.default_rng(4)
    se = np.logspace(np.log10(least), 3, 40)
    y = 2 + 1.5 * rng.normal(size=40) + se * rng.normal(size=40)
    return pd.DataFrame({"y": y, "se": se, "g": np.arange(40)})


def test_known_errors_that_the_responses_drown_are_refused():
    """The spread of the responses is that of rows of error 1000: beside it a millionth is rounding."""
    with refused("standard-error-too-small", match=r"Standard errors 'se' are below 3\.34e-06 in 3 rows"):
        sl.Model("y | se(se) ~ 1 + (1 | g)", errors(1e-6))


def test_known_errors_of_eight_orders_of_magnitude():
    """Given sd, the levels' means are normal."""
    data = errors(1e-5)
    y, se = data["y"].to_numpy(), data["se"].to_numpy()
    model = sl.Model("y | se(se) ~ 1 + (1 | g)", data, priors={k: PRIORS[k] for k in ("Intercept", "sd_g")})
    draws = model.fit(seed=1, cores=2, progress=False).tree["posterior"].to_dataset()
    total = GRID[:, None] ** 2 + se**2
    precision = (1 / total).sum(1) + 5.0**-2
    location = (y / total).sum(1) / precision
    value = -0.5 * (np.log(total) + (y - location[:, None]) ** 2 / total).sum(1) - 0.5 * (location / 5) ** 2
    value += -0.5 * np.log(precision) - GRID + np.log(GRID)
    weight = np.exp(value - value.max())
    weight /= weight.sum()
    means = np.array([weight @ location, weight @ GRID])
    sds = np.sqrt([weight @ (location**2 + 1 / precision), weight @ GRID**2] - means**2)
    found = np.stack([draws[name].values.reshape(4, 1000) for name in ("Intercept", "sd_g")])
    assert_right(found, means, sds)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_gaussian_response_that_never_varies_is_refused(value):
    data = table([5, 5], 1.0).assign(y=value)
    with refused("response-constant", match=f"has the same value, {value:g}, in all 10 rows"):
        sl.Model("y ~ 1 + (1 | g)", data)


@pytest.mark.parametrize("value", [0, 1])
def test_binary_responses_that_are_all_alike(value):
    """All of 40 rows of 8 levels are at one end; given a level's effect its rows are independent."""
    data = pd.DataFrame({"y": value, "g": np.repeat(np.arange(8), 5)})
    priors = {"Intercept": Normal(0.0, 2.0), "sd_g": Exponential(1.0)}
    with pytest.warns(ShoalWarning, match="All 40 responses sit at one edge"):
        model = sl.Model("y ~ 1 + (1 | g)", data, "bernoulli", priors=priors)
    fit = model.fit(seed=1, cores=2, progress=False)
    assert fit.certificate.ok
    nodes, weights = np.polynomial.hermite_e.hermegauss(61)
    sign = 1 if value else -1
    a = sign * np.linspace(-10, 14, 500)
    sd = np.exp(np.linspace(np.log(1e-4), np.log(16), 400))
    eta = a[:, None, None] + sd[:, None] * nodes
    level = -5 * np.logaddexp(0, -sign * eta)
    of_level = np.log((np.exp(level) * weights).sum(-1) / weights.sum())
    density = 8 * of_level - 0.5 * (a[:, None] / 2) ** 2 - sd + np.log(sd)
    weight = np.exp(density - density.max())
    weight /= weight.sum()
    moments = [(weight.sum(1) @ a, weight.sum(1) @ a**2), (weight.sum(0) @ sd, weight.sum(0) @ sd**2)]
    means, second = np.array(moments).T
    draws = fit.tree["posterior"].to_dataset()
    found = np.stack([draws[name].values.reshape(4, 1000) for name in ("Intercept", "sd_g")])
    assert_right(found, means, np.sqrt(second - means**2))
