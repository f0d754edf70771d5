"""Fits agree with exact posteriors by quadrature, in units of their own Monte Carlo error."""

from contextlib import nullcontext

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

import oracles
import shoal as sl
from oracles import exponential, half_normal, known_errors, one_way
from shoal.errors import ShoalWarning
from shoal.priors import Exponential, HalfCauchy, HalfNormal, Normal

SEED = 20240
FALSE_ALARM = 2 * norm.sf(4)  # of one comparison: 4 errors for a scalar, more for many levels
ZERO_SUM = {False: "group", True: "gr(group, zero_sum=True)"}
SCHOOLS = {"Intercept": Normal(0, 5), "sd_school": HalfCauchy(5)}
WOMEN = {"Intercept": Normal(0, 1.5)}


def assert_agrees(draws, exact, name):
    """Mean and sd of (chain, draw, ...) draws are within Monte Carlo error of the exact ones."""
    scores = oracles.z_scores(draws, exact.mean[name], exact.sd[name])
    limit = norm.isf(FALSE_ALARM / scores.size)
    assert abs(scores).max() < limit, f"{name}: {scores.round(2)}, limit {limit:.2f}"


def assert_fit_agrees(fit, exact, scale, level="level"):
    """Compare Intercept, standard deviation, levels, and sigma where there is one."""
    posterior = fit.tree["posterior"]
    group = fit.model.design.groups[0].name
    assert_agrees(posterior["Intercept"].values, exact, "mu")
    assert_agrees(posterior[f"sd_{group}"].values[..., 0], exact, scale)
    assert_agrees(fit.levels().values[..., 0], exact, level)
    if "sigma" in posterior:
        assert_agrees(posterior["sigma"].values, exact, "sigma")


@pytest.fixture(scope="module")
def schools():
    return sl.load_dataset("eight_schools")


@pytest.fixture(scope="module")
def women():
    table = sl.load_dataset("bangladesh")
    return table[table["district"] <= 3]


def counts(women):
    table = women.groupby("district")["use_contraception"].agg(["sum", "count"])
    return table["sum"], table["count"]


def layout(omega, groups, zero_sum, rows=20):
    table = sl.simulate.one_way(groups=groups, rows=rows, omega=omega)
    priors = {"Intercept": Normal(0, 1), "sigma": HalfNormal(1), "sd_group": HalfNormal(10)}
    return table, sl.Model(f"observation ~ 1 + (1 | {ZERO_SUM[zero_sum]})", table, priors=priors)


# The oracles themselves


def refined(oracle, *arguments):
    """Return the largest relative change of any moment when the grid is refined."""
    coarse, fine = oracle(*arguments), oracle(*arguments, refine=1.5)
    return max(
        abs(getattr(coarse, moment)[name] / getattr(fine, moment)[name] - 1).max()
        for moment in ("mean", "sd")
        for name in fine.mean
    )


def test_quadrature_of_eight_schools_is_exact(schools):
    assert refined(known_errors, schools["y"], schools["se"]) < 1e-10


@pytest.mark.parametrize("zero_sum", [False, True])
@pytest.mark.parametrize("omega", [0.1, 10.0])
def test_quadrature_of_the_one_way_layout_is_exact(omega, zero_sum):
    table = sl.simulate.one_way(omega=omega)
    assert refined(one_way, table["observation"], table["group"], zero_sum) < 1e-10


def test_quadrature_of_binomial_levels_is_exact(women):
    y, n = counts(women)
    assert refined(oracles.binomial_levels, y, n, half_normal(0.5)) < 1e-8
    assert refined(oracles.binomial_fixed, y, n) < 1e-10


def test_one_way_quadrature_equals_the_known_error_model_given_sigma():
    """With sigma pinned, group means are observations with known errors: two oracles, one answer."""
    table = sl.simulate.one_way(omega=1.0, groups=6)
    pinned = 0.75
    means = table.groupby("group")["observation"].mean()
    spike = one_way(
        table["observation"],
        table["group"],
        False,
        sigma=lambda s: norm.logpdf(s, pinned, 1e-4),
        omega=oracles.half_cauchy(5.0),
        mu=(0.0, 5.0),
        refine=2,
    )
    exact = known_errors(means, [pinned / 20**0.5] * 6)
    assert spike.mean["mu"] == pytest.approx(exact.mean["mu"], rel=1e-4)
    assert spike.sd["omega"] == pytest.approx(exact.sd["tau"], rel=1e-4)
    assert spike.mean["level"] == pytest.approx(exact.mean["theta"], rel=1e-4)
    assert spike.sd["level"] == pytest.approx(exact.sd["theta"], rel=1e-4)


# Eight schools: known standard errors


@pytest.mark.parametrize(
    "how",
    [
        {"sampler": "independence"},
        {"sampler": "hmc"},
        {"coordinates": "transport"},
        {"coordinates": "noncentered"},
        {"coordinates": "zero_sum"},
        pytest.param({"sampler": "nuts"}, marks=pytest.mark.slow),
    ],
    ids=lambda how: "-".join(how.values()),
)
def test_eight_schools(schools, how):
    fit = sl.Model("y | se(se) ~ 1 + (1 | school)", schools, priors=SCHOOLS).fit(seed=SEED, **how)
    exact = known_errors(schools["y"], schools["se"])
    assert_fit_agrees(fit, exact, "tau", "theta")


# Seed 000: the one-way layout over its whole grid


@pytest.mark.parametrize("zero_sum", [False, True])
@pytest.mark.parametrize(
    "omega, groups",
    [
        (0.1, 5),
        (1.0, 50),
        *[
            pytest.param(omega, groups, marks=pytest.mark.slow)
            for omega in (0.1, 1.0, 10.0)
            for groups in (5, 50, 500)
            if (omega, groups) not in {(0.1, 5), (1.0, 50)}
        ],
    ],
)
def test_one_way_layout(omega, groups, zero_sum):
    table, model = layout(omega, groups, zero_sum)
    fit = model.fit(seed=SEED)
    assert_fit_agrees(fit, one_way(table["observation"], table["group"], zero_sum), "omega")
    assert not [f for f in fit.diagnose() if f.severity == "error"]


@pytest.mark.slow
@pytest.mark.parametrize("zero_sum", [False, True])
@pytest.mark.parametrize("coordinates", ["transport", "noncentered", "centered", "zero_sum"])
def test_every_coordinates_are_the_same_posterior(coordinates, zero_sum):
    """Informative groups, few rows each: the middle ground where all coordinates can be sampled."""
    table, model = layout(1.0, 12, zero_sum, rows=4)
    fit = model.fit(seed=SEED, coordinates=coordinates, draws=2000)
    assert fit.diagnose().ok, fit.diagnose()
    assert_fit_agrees(fit, one_way(table["observation"], table["group"], zero_sum), "omega")


def test_centered_coordinates_of_informative_groups():
    table, model = layout(1.0, 12, False, rows=4)
    fit = model.fit(seed=SEED, coordinates="centered")
    assert fit.diagnose().ok, fit.diagnose()
    assert_fit_agrees(fit, one_way(table["observation"], table["group"], False), "omega")


# Bangladesh: three districts, of which one has two women


@pytest.mark.parametrize(
    "prior, log_prior",
    [(Exponential(1), exponential(1)), (HalfNormal(0.5), half_normal(0.5))],
    ids=["exponential", "half-normal"],
)
def test_three_districts(women, prior, log_prior):
    model = sl.Model(
        "use_contraception ~ 1 + (1 | district)",
        women,
        family="bernoulli",
        priors={**WOMEN, "sd_district": prior},
    )
    fit = model.fit(seed=SEED)
    diagnosis = fit.diagnose()  # three districts hardly tell how they differ, and it says so
    assert diagnosis.trustworthy
    assert {f.code for f in diagnosis} <= {"sd-is-prior", "edges", "intercept-prior"}, diagnosis
    assert_fit_agrees(fit, oracles.binomial_levels(*counts(women), log_prior), "sd")


@pytest.mark.parametrize("form", ["columns", "levels"])
def test_three_districts_as_fixed_effects(women, form):
    """Each district Normal(0, 1.5), written as dummy columns or as a group of known sd."""
    formula, prior = {
        "columns": ("use_contraception ~ 0 + C(district)", {"b": Normal(0, 1.5)}),
        "levels": ("use_contraception ~ 0 + (1 | district)", {"sd_district": sl.priors.Fixed(1.5)}),
    }[form]
    # District 3 has successes only, which a column of its own is warned of.
    warned = {"columns": pytest.warns(ShoalWarning, match=r"C\(district\)\[3\]"), "levels": nullcontext()}[
        form
    ]
    with warned:
        model = sl.Model(formula, women, family="bernoulli", priors=prior)
    fit = model.fit(seed=SEED)
    exact = oracles.binomial_fixed(*counts(women))
    if form == "columns":
        posterior = fit.tree["posterior"]
        draws = np.stack([posterior[name].values for name in fit.model.design.columns], axis=-1)
    else:
        draws = fit.levels().values[..., 0]
    assert_agrees(draws, exact, "level")


# Simulated truth: correlated slopes have no quadrature


def slopes_table(family, groups=30, rows=20, seed=1):
    """Return rows whose intercepts and slopes vary with sd 1 and 0.5 and correlation 0.6, and the levels."""
    rng = np.random.default_rng(seed)
    covariance = [[1.0, 0.3], [0.3, 0.25]]
    levels = rng.multivariate_normal([0.5, -1.0], covariance, groups)
    g, x = np.repeat(np.arange(groups), rows), rng.normal(size=groups * rows)
    eta = levels[g, 0] + levels[g, 1] * x
    y = rng.normal(eta, 0.8) if family == "gaussian" else rng.binomial(1, 1 / (1 + np.exp(-eta)))
    return pd.DataFrame({"y": y, "x": x, "g": g}), levels


@pytest.mark.parametrize("family", ["gaussian", "bernoulli"])
def test_correlated_slopes_recover_the_simulated_truth(family):
    """Every truth lies within 3.3 posterior sds; the errors of the levels are as large as their sds say."""
    table, levels = slopes_table(family)
    fit = sl.Model("y ~ x + (1 + x | g)", table, family=family).fit(draws=500, chains=2, seed=SEED)
    assert not [f for f in fit.diagnose() if f.severity == "error"], fit.diagnose()
    p = fit.tree["posterior"]
    truth = {"Intercept": 0.5, "x": -1.0} | ({"sigma": 0.8} if family == "gaussian" else {})
    draws = {name: p[name].values for name in truth}
    draws |= {f"sd {k}": p["sd_g"].values[..., k] for k in (0, 1)} | {"cor": p["cor_g"].values[..., 0, 1]}
    truth |= {"sd 0": 1.0, "sd 1": 0.5, "cor": 0.6}
    z = {name: (draws[name].mean() - truth[name]) / draws[name].std() for name in truth}
    assert max(map(abs, z.values())) < 3.3, z
    pooled = fit.levels()
    errors = (pooled.mean(("chain", "draw")).values - levels) / pooled.std(("chain", "draw")).values
    # Mean square of 60 standardised errors: 1 with sd sqrt(2 / 60) = 0.18, levels nearly independent.
    assert 0.4 < (errors**2).mean() < 1.75
