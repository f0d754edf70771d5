"""Levels integrated one by one: their integrals, the rules, the draws of their effects."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import shoal as sl
from engine.rounds_problems import by_scipy, divided, posterior, table
from refusals import refused
from shoal.engine import checks
from shoal.engine.rounds.holders import LocalRows
from shoal.engine.rounds.parts import ByUnit, divide, equal, taken
from shoal.engine.rounds.sampler import rules_of
from shoal.engine.rules import Rule, hermite, product, sinh
from shoal.engine.settings import Chains
from shoal.fit.posterior import posterior_of

FINE = Rule("hermite", 31)


def points(own, count=4, seed=1):
    """Return thetas around the start."""
    spread = 0.4 * np.random.default_rng(seed).normal(size=(count, own.target.n_theta))
    return own.target.start + spread


def total(own, thetas, rule, parts=5):
    """Return the log density of all rows at some thetas."""
    return LocalRows(divided(own, parts), 2).log_integrals(own.target.values(thetas), rule).sum(0)


@pytest.mark.parametrize(
    "formula, family",
    [
        ("y ~ x + (1 | g)", "bernoulli"),
        ("y ~ x + (1 | g)", "negbinomial"),
        ("y ~ x + (1 | g)", "cumulative"),
        ("y ~ x + (1 + x | g)", "bernoulli"),
        ("y ~ x + (1 + z || g)", "poisson"),
    ],
)
def test_levels_are_integrated_as_scipy_does(formula, family):
    own = posterior(formula, table(5, 4, family=family), family)
    thetas = points(own, 2)
    expected = [by_scipy(own, theta) for theta in thetas]
    np.testing.assert_allclose(total(own, thetas, FINE), expected, rtol=1e-8)


def test_nested_levels_are_integrated_together():
    data = table(3, 8).assign(h=lambda t: t.g * 2 + np.arange(len(t)) % 2)
    own = posterior("y ~ x + (1 | g) + (1 | h)", data)
    parts = divided(own)
    assert [effects for part in parts for effects in part.units.effects] == [3, 3, 3]
    thetas = points(own, 1)
    np.testing.assert_allclose(total(own, thetas, Rule("hermite", 15)), [by_scipy(own, thetas[0])], rtol=1e-7)


def test_four_effects_are_sampled_at_random_points():
    """Errors by theta are what counts: one that all theta share changes nothing."""
    data = table(2, 9).assign(h=lambda t: t.g * 3 + np.arange(len(t)) % 3)
    own = posterior("y ~ x + (1 | g) + (1 | h)", data)
    thetas = points(own)
    away = total(own, thetas, Rule("random", 4096)) - total(own, thetas, Rule("hermite", 9))
    assert np.all(abs(away) < 0.02)
    assert rules_of(4)[0].random and not rules_of(3)[0].random


def test_integrals_that_are_too_coarse_fail_the_checks_of_a_run():
    values = np.random.default_rng(0).normal(size=(4, 500))
    stats_of = {"lp": values, "diverging": np.zeros(values.shape, bool)}
    for error, expected in ((0.01, []), (0.2, ["integrals with an error of 0.20"])):
        run = Chains(
            values[..., None], values[..., None], stats_of, "quadrature", {"integration_error": error}
        )
        assert checks.failures(run, [values], []) == expected


@pytest.mark.parametrize("predictors", [{"sigma": "~ z"}, {"sigma": "~ 0 + z"}])
def test_gaussian_rows_have_laplaces_own_marginal(predictors):
    """Where sigma is predicted rows are no sums, and the effects are normal all the same given theta."""
    data = table(8, 5).assign(y=lambda t: t.x + t.z)
    own = posterior("y ~ x + (1 + x | g)", data, "gaussian", predictors=predictors)
    thetas = points(own)
    prior, _ = own.target.log_prior(thetas)
    np.testing.assert_allclose(
        prior + total(own, thetas, Rule("hermite", 3)), own.target.marginals(thetas), rtol=1e-8
    )


def test_censored_and_truncated_rows_keep_their_bounds():
    data = table(6, 5, family="poisson").assign(
        c=lambda t: np.where(np.arange(len(t)) % 4 == 0, "right", "none")
    )
    data["y"] += 1
    own = posterior("y | cens(c) + trunc(lb=1) ~ x + (1 | g)", data, "poisson")
    one_by_one = LocalRows(divided(own, 6), 1)
    thetas = points(own, 2)
    # A rule of one node is Laplace's method, whatever the rows: with theta far inside, it is near.
    laplace = own.target.marginals(thetas) - own.target.log_prior(thetas)[0]
    fine = one_by_one.log_integrals(own.target.values(thetas), FINE).sum(0)
    coarse = one_by_one.log_integrals(own.target.values(thetas), Rule("hermite", 1)).sum(0)
    np.testing.assert_allclose(coarse, laplace, atol=2e-2)
    assert np.all(abs(fine - coarse) < 0.5)


def test_rows_that_no_effect_enters_count_as_they_are():
    own = posterior("y ~ x", table(3, 4))
    thetas = points(own)
    p, hs = own.target.problem, own.target.values(thetas)
    j = np.zeros((len(p.columns.offset), len(p.scales.constant)))
    j[np.repeat(np.arange(len(j)), np.diff(p.columns.start)), p.columns.column] = p.columns.value
    eta = p.columns.offset + hs[:, p.scales.constant] @ j.T
    expected = -np.logaddexp(0, np.where(p.rows.y == 1, -eta, eta)).sum(1)
    np.testing.assert_allclose(total(own, thetas, FINE), expected, rtol=1e-12)


def test_equal_levels_are_integrated_once():
    rng = np.random.default_rng(0)
    g = np.repeat(np.arange(50), 3)
    own = posterior("y ~ 1 + (1 | g)", pd.DataFrame({"g": g, "y": rng.binomial(1, 0.5, 150)}))
    units, places, starts = ByUnit(own.target.problem).units
    same = equal(units)
    assert len(np.unique(same)) == 4  # of three rows, none to all succeed
    np.testing.assert_array_equal(units.y[same], units.y)
    whole = divide(ByUnit(own.target.problem), own.assembled.functions, 1)
    (part,) = whole
    assert part.units.levels.sum() == 50 and len(part.units.levels) == 4
    assert sorted(part.places) == sorted(places)
    apart = units._replace(functions=own.target.problem.functions.rows)
    from shoal.engine.rounds.holders import integrate

    hs = own.target.values(points(own))
    np.testing.assert_allclose(integrate(part.open(), hs, FINE), integrate(apart, hs, FINE), rtol=1e-12)


def test_levels_that_differ_in_one_number_are_not_equal():
    data = table(2, 3)
    data["x"], data["y"] = np.tile([0.1, 0.2, 0.3], 2), np.tile([1, 0, 1], 2)
    assert len(np.unique(ByUnit(posterior(data=data).target.problem).same)) == 1
    data.loc[5, "x"] = np.nextafter(0.3, 1)
    assert len(np.unique(ByUnit(posterior(data=data).target.problem).same)) == 2


def test_the_sum_over_parts_does_not_depend_on_their_number():
    own = posterior()
    thetas = points(own)
    np.testing.assert_allclose(total(own, thetas, FINE, 1), total(own, thetas, FINE, 12), rtol=1e-13)


@pytest.mark.parametrize("nodes", [hermite(7), sinh(51)])
@pytest.mark.parametrize("d", [1, 2])
def test_rules_integrate_normal_densities(nodes, d):
    rule = product(nodes, d)
    values = stats.norm.logpdf(rule[:, :d]).sum(1) - rule[:, d]
    np.testing.assert_allclose(np.exp(values).sum(), 1, rtol=1e-9)


def draws_at(own, theta, count, parts=3):
    """Return draws of all effects at a theta, (count, nx)."""
    whole = divided(own, parts)
    hs = np.repeat(own.target.values(theta[None]), count, axis=0)
    out = np.zeros((count, own.target.n_effects))
    for part, drawn in zip(whole, LocalRows(whole, 2).draw(hs, (7,), False), strict=True):
        out[:, part.places] = drawn
    return out


def test_one_effect_is_drawn_from_its_own_density():
    """Kolmogorov's distance to the distribution function on a fine grid."""
    own = posterior(data=table(6, 3, sd=2.5))
    theta = points(own, 1)[0]
    drawn = draws_at(own, theta, 20_000)
    grid = np.linspace(-7, 7, 4001)
    p = own.target.problem
    h = own.target.values(theta[None])
    for place in np.flatnonzero((drawn != 0).any(0)):
        xs = np.zeros((len(grid), own.target.n_effects))
        xs[:, place] = grid
        v = own.target.elements(np.repeat(h, len(grid), 0), xs, np.arange(len(p.scales.constant)))
        j = np.zeros((len(p.columns.offset), v.shape[1]))
        line = np.repeat(np.arange(len(j)), np.diff(p.columns.start))
        j[line, p.columns.column] = p.columns.value
        signed = (2 * p.rows.y - 1)[:, None] * (p.columns.offset[:, None] + j @ v.T)
        density = np.exp(-np.logaddexp(0, -signed).sum(0)) * stats.norm.pdf(grid)
        cdf = np.cumsum(density) / density.sum()
        distance = stats.kstest(drawn[:, place], lambda x, cdf=cdf: np.interp(x, grid, cdf)).statistic
        assert distance < stats.kstwobign.ppf(1 - 1e-4) / np.sqrt(len(drawn))


def test_several_effects_have_the_moments_of_their_density():
    own = posterior("y ~ x + (1 + x | g)", table(4, 5, sd=1.5))
    theta, count = points(own, 1)[0], 20_000
    drawn = draws_at(own, theta, count)
    whole, h = divided(own, 4), own.target.values(theta[None])[0]
    grid = np.stack(np.meshgrid(*[np.linspace(-6, 6, 241)] * 2), -1).reshape(-1, 2)
    every = [taken(part.units, np.array([k])) for part in whole for k in range(len(part.units.levels))]
    for places, u in zip(np.concatenate([part.places for part in whole]).reshape(-1, 2), every, strict=True):
        eta = np.empty((len(grid), len(u.offset)))
        for i in range(len(u.offset)):
            base, term = slice(*u.base_start[i : i + 2]), slice(*u.term_start[i : i + 2])
            by = u.term_value[term] * h[u.term_place[term]]
            eta[:, i] = (
                u.offset[i] + u.base_value[base] @ h[u.base_place[base]] + grid[:, u.term_slot[term]] @ by
            )
        weight = np.exp(-np.logaddexp(0, -(2 * u.y - 1) * eta).sum(1)) * stats.norm.pdf(grid).prod(1)
        weight /= weight.sum()
        mean = weight @ grid
        second = np.einsum("s,si,sj->ij", weight, grid - mean, grid - mean)
        own_draws = drawn[:, places]
        error = np.sqrt(np.diag(second) / count)
        assert np.all(abs(own_draws.mean(0) - mean) < 4.5 * error)
        np.testing.assert_allclose(np.cov(own_draws.T), second, atol=0.05 * second.max())


REFUSED = {
    "crossed": ("y ~ x + (1 | g) + (1 | k)", "bernoulli", {}),
    "gaussian": ("z ~ x + (1 | g)", "gaussian", {}),
    "zero sum": ("y ~ x + (1 | gr(g, zero_sum=True))", "bernoulli", {}),
    "student": ("y ~ x + (1 | gr(g, dist='student'))", "bernoulli", {}),
    "curve": ("y ~ s(x) + (1 | g)", "bernoulli", {}),
    "correlated": ("z ~ x + ar(time=t, gr=g)", "gaussian", {}),
    "nothing left": (
        "y ~ 0 + (1 | g)",
        "bernoulli",
        {"priors": {"sd": sl.priors.Fixed(1.0)}},
    ),
    "too many": ("y ~ " + " + ".join(f"x{k}" for k in range(16)) + " + (1 | g)", "bernoulli", {}),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_integrated_level_by_level_is_refused(case):
    formula, family, others = REFUSED[case]
    data = table(20, 6).assign(k=lambda t: np.arange(len(t)) % 11, t=lambda t: np.tile(np.arange(6), 20))
    rng = np.random.default_rng(0)
    data = data.assign(**{f"x{k}": rng.normal(size=len(data)) for k in range(16)})
    model = sl.Model(formula, data, family, **others)
    with refused("levels-not-independent") as error:
        posterior_of(model.specification, sampler="quadrature")
    assert error.value.needed and error.value.remedy


def test_quadrature_is_chosen_where_many_levels_are_equal_or_have_few_rows():
    data = table(300, 3)
    few = sl.Model("y ~ 1 + (1 | g)", data, "bernoulli")
    assert few.plan.sampler == "quadrature"
    assert "of 300 levels only" in str(few.plan)
    different = sl.Model("y ~ x + (1 + x | g)", data, "bernoulli")
    assert different.plan.sampler == "quadrature" and "300 levels have 900 rows" in str(different.plan)
    assert sl.Model("y ~ x + (1 | g)", table(300, 4), "bernoulli").plan.sampler == "pilot"
    assert sl.Model("y ~ 1 + (1 | g)", data[data.g < 50], "bernoulli").plan.sampler == "pilot"
