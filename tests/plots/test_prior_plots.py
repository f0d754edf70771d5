"""Plots of priors: densities and shares that are known exactly."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.special import expit

import shoal as sl
from plots.made_fits import LABELS, TWO, made, model, table
from refusals import refused
from shoal import priors as P
from shoal.criticism.implied import prior_dataset
from shoal.errors import ModelError, PriorError
from shoal.estimands.scalars import scalars
from shoal.model.prior_draws import draw_prior
from shoal.plots.density import density_of
from shoal.plots.prior_density import exact_density
from shoal.plots.sd_prior_implied import mixture_of


def area(own, column):
    return np.trapezoid(own[column], own["value"])


# Prior and posterior


def test_densities_are_the_prior_and_the_posterior():
    """The posterior here is drawn from the prior, so both are the normal."""
    own = model("y ~ x", priors={"x": P.Normal(2, 0.5), "sigma": P.Fixed(1.0)})
    numbers = made(own, chains=4, draws=1000).plot.prior_posterior("x").numbers
    exact = stats.norm(2, 0.5).pdf(numbers["value"])
    for name in ("prior", "posterior"):
        np.testing.assert_allclose(numbers[name], exact, atol=0.08 * exact.max())


STRUCTURES = {
    "three effects": lambda: model("y ~ x + h + (1 + x + h | g)"),
    "zero-sum, student": lambda: model("y ~ x + (1 | gr(g, zero_sum=True)) + (1 | gr(h, dist='student'))"),
    "latent": lambda: model(TWO),
    "ordered": lambda: model("grade ~ x + (1 | g)", "cumulative"),
    "heavy tails": lambda: model("y ~ x", priors={"x": P.StudentT(3, 1, 2), "sigma": P.HalfCauchy(2)}),
    "others": lambda: model("y ~ x", priors={"x": P.Laplace(1, 2), "sigma": P.InverseGamma(2, 3)}),
}
UNKNOWN = {
    "ordered": {"cutpoints"},
    "three effects": {"sd_g", "cor_g"},
    "heavy tails": {"Intercept"},
    "others": {"Intercept"},
}


@pytest.mark.parametrize("structure", STRUCTURES)
def test_exact_densities_are_those_of_the_draws(structure):
    """Of each quantity, between two quantiles of many draws the area is the share of draws."""
    own = STRUCTURES[structure]().specification
    dataset = prior_dataset(own, 20_000, 1)
    names = [str(name) for name in dataset if name not in own.group_effects]
    unknown = set()
    for quantity, draws in scalars(dataset, names, own):
        if not np.ptp(draws) > 0:
            continue
        at = np.linspace(*np.quantile(draws, [0.1, 0.8]), 400)
        density = exact_density(own, quantity, at)
        if density is None:
            unknown.add(quantity.split("[")[0])
            continue
        np.testing.assert_allclose(np.trapezoid(density, at), 0.7, atol=0.015, err_msg=quantity)
        middle = np.trapezoid(density[:200], at[:200])
        np.testing.assert_allclose(middle, np.mean((draws > at[0]) & (draws < at[199])), atol=0.015)
    assert unknown == UNKNOWN.get(structure, set())


def test_an_intercept_at_average_columns_has_the_spread_of_the_coefficients():
    """Its density is exact among normals, a fixed coefficient moves it, and others leave it to the draws."""
    for prior, known in ((P.Normal(3, 2), True), (P.Fixed(4.0), True), (P.Laplace(3, 2), False)):
        own = model("y ~ m", priors={"m": prior}).specification
        (_, draws), *_ = scalars(prior_dataset(own, 20_000, 1), ["Intercept"], own)
        at = np.linspace(*np.quantile(draws, [0.1, 0.8]), 400)
        density = exact_density(own, "Intercept", at)
        assert (density is not None) is known
        if density is not None:
            np.testing.assert_allclose(np.trapezoid(density, at), 0.7, atol=0.015)


def test_what_is_estimated_is_said_to_be():
    fit = made(STRUCTURES["ordered"]())
    assert "the prior ones of cutpoints[" in fit.plot.prior_posterior().caption
    picture = fit.plot.prior_posterior("x")
    assert "Prior densities are exact" in picture.caption
    own, prior = picture.numbers, fit.model.specification.priors["x"].prior
    np.testing.assert_allclose(own["prior"], stats.norm(prior.mu, prior.sigma).pdf(own["value"]), rtol=1e-9)


def test_a_heavy_prior_keeps_its_density_inside_the_window():
    own = model("y ~ 1 + (1 | g)", priors={"sd_g": P.HalfCauchy(1)})
    fit = made(own)
    fit.tree["posterior"]["sd_g"].values[:] = np.abs(np.random.default_rng(0).normal(1, 0.2, (2, 40, 1)))
    numbers = fit.plot.prior_posterior("sd_g").numbers
    inside = numbers[numbers["value"].between(0.5, 2)]
    np.testing.assert_allclose(inside["prior"], stats.halfcauchy.pdf(inside["value"]), rtol=1e-9)
    np.testing.assert_allclose(area(numbers, "posterior"), 1, atol=0.05)


def test_a_density_has_the_area_of_its_share():
    draws = np.random.default_rng(1).normal(size=4000)
    at = np.linspace(-1, 0.5, 100)
    share = stats.norm.cdf(0.5) - stats.norm.cdf(-1)
    np.testing.assert_allclose(np.trapezoid(density_of(draws, at), at), share, atol=0.02)
    far = density_of(draws, np.linspace(50, 60, 11))
    np.testing.assert_array_equal(far, 0)


# Prior predictive


def test_data_sets_of_the_priors_stand_beside_the_data():
    own = model(
        "y ~ 1",
        priors={"Intercept": P.Fixed(3.0), "sigma": P.Fixed(2.0)},
    )
    numbers = own.plot.prior_predictive(draws=30).numbers
    assert numbers["data"].nunique() == 31
    y = table()["y"].to_numpy()
    seen = numbers.query("data == 'observed'")
    np.testing.assert_allclose(seen["ecdf"], [(y <= v + 1e-9).mean() for v in seen["value"]], atol=1 / 60)
    middle = numbers.query("data != 'observed' and ecdf > 0.45 and ecdf < 0.55")["value"].mean()
    np.testing.assert_allclose(middle, 3.0, atol=0.2)


def test_bars_of_the_priors_hold_what_they_simulate():
    own = model("bit ~ 1", "bernoulli", priors={"Intercept": P.Fixed(0.0)})
    numbers = own.plot.prior_predictive(draws=400).numbers
    np.testing.assert_allclose(numbers["median"], [30, 30], atol=1)
    np.testing.assert_allclose(numbers["eti90_ub"] - numbers["eti90_lb"], 2 * 1.645 * 15**0.5, atol=2)
    assert numbers["observed"].tolist() == [60 - table()["bit"].sum(), table()["bit"].sum()]


def test_counts_far_above_the_data_stand_in_one_bar():
    own = model("count ~ 1", "poisson", priors={"Intercept": P.Normal(0, 50)})
    numbers = own.plot.prior_predictive(draws=100).numbers
    assert numbers["value"].iloc[-1] == "more" and numbers["observed"].iloc[-1] == 0
    assert numbers["eti90_ub"].iloc[-1] == 60 and numbers["observed"].sum() == 60


def test_responses_have_a_panel_each():
    numbers = model(TWO).plot.prior_predictive(draws=10).numbers
    assert numbers["response"].unique().tolist() == ["bit", "y"]


def test_weights_leave_nothing_to_simulate():
    with refused("weights-without-distribution"):
        model("y | weights(m) ~ 1").plot.prior_predictive()


# What a prior of a standard deviation implies


def beyond(picture, prior):
    own = picture.numbers.query("prior == @prior and of == 'two levels'")
    return own["value"].to_numpy(), own["beyond"].to_numpy()


@pytest.mark.parametrize("extra", ["", ", zero_sum=True"])
def test_two_levels_differ_by_a_normal(extra):
    """Zero-sum effects too: their differences are those of independent ones."""
    own = model(f"y ~ x + (1 | gr(g{extra}))")
    picture = own.plot.sd_prior_implied(competing={"fixed": P.Fixed(1.5)})
    at, share = beyond(picture, "fixed")
    np.testing.assert_allclose(share, 2 * stats.norm.sf(at, scale=1.5 * 2**0.5), atol=0.025)


def test_two_levels_have_a_ratio_under_a_log_link():
    own = model("count ~ x + (1 | g)", "poisson")
    at, share = beyond(own.plot.sd_prior_implied(competing={"fixed": P.Fixed(0.5)}), "fixed")
    np.testing.assert_allclose(share, 2 * stats.norm.sf(np.log(at), scale=0.5 * 2**0.5), atol=0.025)
    assert at[0] == 1 and share[0] == 1


def test_two_levels_differ_in_probability():
    own = model("bit ~ 1 + (1 | g)", "bernoulli", priors={"Intercept": P.Normal(0, 1)})
    at, share = beyond(own.plot.sd_prior_implied(competing={"fixed": P.Fixed(1.0)}), "fixed")
    rng = np.random.default_rng(2)
    base, one, other = rng.normal(size=(3, 20_000))
    apart = np.abs(expit(base + one) - expit(base + other))
    np.testing.assert_allclose(share, [(apart > d).mean() for d in at], atol=0.025)


def test_an_slope_counts_at_the_rows_of_the_table():
    own = model("y ~ x + (1 + x | g)")
    at, share = beyond(own.plot.sd_prior_implied("sd_g[x]", {"fixed": P.Fixed(1.0)}), "fixed")
    x = table()["x"].to_numpy()
    exact = (2 * stats.norm.sf(at[:, None] / np.abs(x * 2**0.5))).mean(1)
    np.testing.assert_allclose(share, exact, atol=0.025)


def test_a_level_has_thicker_tails_than_a_normal():
    picture = sl.plots.sd_prior_implied({"wide": P.HalfCauchy(1.0), "known": P.Fixed(1.0)})
    level = picture.numbers.query("of == 'one level'")
    tail = level.query("prior == 'wide' and (value > 4 or value < -4)")
    assert len(tail) and (tail["density"] > 10 * tail["normal"]).all()
    known = level.query("prior == 'known'")
    np.testing.assert_allclose(known["density"], stats.norm.pdf(known["value"]))
    # A normal whose variance is exponential is a double exponential (Andrews and Mallows 1974).
    at = np.linspace(0.3, 3, 20)
    sd = np.sqrt(np.random.default_rng(3).exponential(2.0, 200_000))
    np.testing.assert_allclose(mixture_of(at, sd)[0], 0.5 * np.exp(-at), rtol=0.03)


def test_student_effects_are_wider():
    """Their scale is the sd; with 2.5 degrees of freedom a deviation beyond 4 is no rarity."""
    shares = []
    for kind in ("", ", dist='student'"):
        own = model(f"y ~ 1 + (1 | gr(g{kind}))", priors={"nu_g": P.Fixed(2.5)} if kind else {})
        picture = own.plot.sd_prior_implied(competing={"fixed": P.Fixed(1.0)})
        level = picture.numbers.query("prior == 'fixed' and of == 'one level' and value > 4")
        shares.append(level["density"].sum())
    assert shares[1] > 20 * shares[0]


ROOT = np.array([[2.0, 0, 0, 0, 0], [1, 1, 0, 0, 0], [0, 0, 1, 0, 0], [0, 0, 0, 1, 0], [1, 0, 0, 0, 3]])


@pytest.mark.parametrize("kind", ["", ", zero_sum=True", ", cov=K", ", cov=K, dist='student'"])
def test_one_level_has_the_spread_of_draws_from_the_prior(kind):
    """The variance of draws inside the window is that of the right panel's density."""
    options = {"priors": {"sd_g": P.Fixed(2.0)} | ({"nu_g": P.Fixed(9.0)} if "student" in kind else {})}
    if "cov" in kind:
        options["covariances"] = {"K": pd.DataFrame(ROOT @ ROOT.T, LABELS, LABELS)}
    own = model(f"y ~ 1 + (1 | gr(g{kind}))", **options)
    level = own.plot.sd_prior_implied().numbers.query("of == 'one level'")
    found = np.trapezoid(level["density"] * level["value"] ** 2, level["value"])
    drawn = draw_prior(own.specification, np.random.default_rng(1), 20_000)["r_g"]
    inside = np.where(np.abs(drawn) < level["value"].max(), drawn, 0.0)
    np.testing.assert_allclose(found, (inside**2).mean(), rtol=0.06)


@pytest.mark.parametrize(
    ("parameter", "competing", "error", "message"),
    [
        ("sd_k", None, ModelError, "no standard deviation 'sd_k'"),
        ("sd_g", None, ModelError, "has 2 effects"),
        ("sd_h", {"a": P.Normal(0, 1)}, PriorError, "'a' is Normal"),
        ("sd_h", {"a": 3}, PriorError, "'a' is 3"),
    ],
)
def test_priors_that_are_none_of_a_standard_deviation_are_refused(parameter, competing, error, message):
    with pytest.raises(error, match=message):
        model().plot.sd_prior_implied(parameter, competing)


def test_nothing_to_compare_is_refused():
    with refused("no-grouping-factor"):
        model("y ~ x").plot.sd_prior_implied()
    with refused("no-prior"):
        sl.plots.sd_prior_implied({})
