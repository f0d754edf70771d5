"""Samplers against targets whose moments are known, in units of the Monte Carlo error."""

from dataclasses import replace
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest
from arviz_stats.base import array_stats
from scipy.special import digamma, polygamma

from engine.dense_problem import lower
from engine.targets import SCALE, gammas, given_theta, normal, skewed
from oracles import binomial_fixed
from shoal.engine import chain, density, evaluate, proposals, sampler
from shoal.engine.checks import failures
from shoal.engine.explore import LARGEST_MIXTURE, fit_marginal, marginal_batches
from shoal.engine.progress import Progress
from shoal.engine.settings import Settings, generators
from shoal.engine.threads import in_threads
from shoal.engine.trajectories import LONGEST
from shoal.errors import SamplingError
from shoal.fit.posterior import posterior_of
from shoal.model import Response, specify
from shoal.priors import Normal
from shoal.tables import read

SAMPLERS = ("independence", "alternating", "hmc")
SHORT = Settings(draws=500, chains=4, warmup=200, seed=20, cores=1)
TOLERANCE = 4.0  # standard errors: with fixed seeds, and tens of comparisons in this file
each_sampler = pytest.mark.parametrize("how", SAMPLERS)
RUNS = [*((how, "normal") for how in SAMPLERS), ("alternating", "skewed"), ("hmc", "skewed")]
each_run = pytest.mark.parametrize(("how", "which"), RUNS)
dear = pytest.mark.parametrize("is_dear", [False, True], ids=["cheap", "dear"])


def made(which):
    """Return a target with two elements v."""
    return normal(2, 2)[0] if which == "normal" else skewed(0.7, 3.0)


def all_elements(target):
    return np.arange(len(target.problem.scales.constant) + target.n_effects)


def sample(target, how, settings=SHORT, elements=None):
    elements = all_elements(target) if elements is None else elements
    return sampler.sample(target, how, "transport", elements, settings, Progress())


def standard_errors(values, expected):
    """How far the mean of (chains, draws) values is from what it should be."""
    ess = array_stats.ess(values, method="mean", chain_axis=0, draw_axis=1)
    assert ess > 300
    return abs(values.mean() - expected) / (values.std() / np.sqrt(ess))


def checked(draws):
    return failures(draws, [draws.theta], [draws.points[..., None, :]])


@dear
@each_sampler
@pytest.mark.parametrize(("n_theta", "n_effects"), [(3, 4), (0, 3), (2, 0)])
def test_moments_of_a_normal(how, n_theta, n_effects, is_dear):
    """Where an evaluation is dear, fewer are made, and proposals come with their effects."""
    target, mean, cov = normal(n_theta, n_effects)
    with patch.object(evaluate, "DEAR", 0.0 if is_dear else np.inf):
        draws = sample(target, how)
    theta = draws.theta
    assert theta.shape == (4, 500, n_theta) and draws.points.shape == (4, 500, 3 * n_effects)
    assert draws.sampler == how and checked(draws) == []
    for i in range(n_theta):
        assert standard_errors(theta[..., i], mean[i]) < TOLERANCE
        for j in range(i + 1):
            product = (theta[..., i] - mean[i]) * (theta[..., j] - mean[j])
            assert standard_errors(product, cov[i, j]) < TOLERANCE
    z = draws.points[..., :n_effects] - theta.sum(-1, keepdims=True)
    within = given_theta(n_effects)
    for i in range(n_effects):
        assert standard_errors(z[..., i], 0) < TOLERANCE
        for j in range(i + 1):
            assert standard_errors(z[..., i] * z[..., j], within[i, j]) < TOLERANCE
        for j in range(n_theta):
            assert standard_errors(z[..., i] * (theta[..., j] - mean[j]), 0) < TOLERANCE


def check_log_gamma(log, shape):
    assert standard_errors(log, digamma(shape)) < TOLERANCE
    assert standard_errors((log - digamma(shape)) ** 2, polygamma(1, shape)) < TOLERANCE
    assert standard_errors(np.exp(log), shape) < TOLERANCE  # a tail


@dear
@each_sampler
def test_moments_of_skewed_hyperparameters(how, is_dear):
    shape = (0.5, 3.0)
    target = gammas(*shape)
    with patch.object(evaluate, "DEAR", 0.0 if is_dear else np.inf):
        draws = sample(target, how, replace(SHORT, draws=2000))
    h = target.values(draws.theta)[..., target.problem.slots.place]
    for i, a in enumerate(shape):
        check_log_gamma(np.log(h[..., i]), a)


@pytest.mark.parametrize("how", ["alternating", "hmc"])
def test_moments_of_skewed_effects(how):
    shape = (0.7, 3.0, 20.0)
    target = skewed(*shape)
    draws = sample(target, how, replace(SHORT, draws=2000))
    assert draws.sampler == how and checked(draws) == []
    h = target.values(draws.theta)[..., target.problem.slots.place[0]]
    check_log_gamma(np.log(h), SCALE)
    for i, a in enumerate(shape):
        check_log_gamma(draws.points[..., i], a)
        away = draws.points[..., i] - digamma(a)
        assert standard_errors(away * (np.log(h) - digamma(SCALE)), 0) < TOLERANCE
    order = target.problem.pattern.order
    np.testing.assert_allclose(
        draws.points[..., :3], h[..., None] * draws.points[..., 3 + order], rtol=1e-10, atol=1e-12
    )


@pytest.mark.parametrize("how, shape", [("alternating", (1.5, 3.0)), ("hmc", (0.03, 0.06))])
def test_moments_hold_however_crude_the_moves_are(how, shape):
    """One kick a trajectory, no Newton step, a low aim: many refusals, and no bias."""
    target = skewed(*shape)
    with patch.object(chain, "KICKS", 1), patch.object(sampler, "STEPS", 0):
        draws = sample(target, how, replace(SHORT, draws=20_000, target_accept=0.4))
    assert draws.stats["acceptance_rate"].mean() < 0.8
    h = target.values(draws.theta)[..., target.problem.slots.place[0]]
    check_log_gamma(np.log(h), SCALE)
    for i, a in enumerate(shape):
        check_log_gamma(draws.points[..., i], a)


def log_density(target, how, theta, x):
    """Return the density that a sampler reports, at one draw of theta and of all effects."""
    if how == "independence":
        return target.marginals(theta[None])[0]
    steps, room = sampler.STEPS if how == "alternating" else 0, target.room()
    nothing = np.zeros(target.n_effects)
    density.refined(target.handle, steps, theta, nothing, room.space, room.where, nothing.copy())
    z = lower(target.problem.pattern, room.map.factor).T @ (x - room.map.mode)
    return target.refined(theta, z, steps)[0]


@each_run
def test_statistics_belong_to_the_draws(how, which):
    target = made(which)
    with patch.object(sampler, "GOOD_ACCEPTANCE", 1.01):  # so that the map of proposals takes a Newton step
        draws = sample(target, how, replace(SHORT, draws=20))
    expected = [
        [log_density(target, how, theta, x) for theta, x in zip(*own, strict=True)]
        for own in zip(draws.theta, draws.points[..., -target.n_effects :], strict=True)
    ]
    np.testing.assert_allclose(draws.stats["lp"], expected, rtol=1e-9, atol=1e-8)
    assert draws.theta.dtype == draws.stats["lp"].dtype == np.float64
    assert all(stat.shape == (4, 20) for stat in draws.stats.values())
    assert ((draws.stats["acceptance_rate"] >= 0) & (draws.stats["acceptance_rate"] <= 1)).all()
    assert not draws.stats["diverging"].any()
    if how == "hmc":  # of a momentum beside: at least the potential
        assert (draws.stats["energy"][:, 1:] > -draws.stats["lp"][:, :-1]).all()


@each_run
def test_draws_depend_on_the_seed_and_on_nothing_else(how, which):
    brief = replace(SHORT, draws=130)  # no multiple of any chunk
    one, two = sample(made(which), how, brief), sample(made(which), how, replace(brief, cores=2))
    other = sample(made(which), how, replace(brief, seed=21))
    shorter = sample(made(which), how, replace(brief, draws=30))
    assert one.theta.shape == (4, 130, one.theta.shape[2])
    np.testing.assert_array_equal(one.theta, two.theta)
    np.testing.assert_array_equal(one.points, two.points)
    for name, values in one.stats.items():
        np.testing.assert_array_equal(values, two.stats[name], err_msg=name)
    assert not np.any(one.theta == other.theta)
    assert shorter.theta.shape == (4, 30, one.theta.shape[2])
    # Chains differ from each other.
    assert len(np.unique(one.theta[:, -1, 0])) == 4


@each_run
def test_a_target_that_was_sampled_before_gives_the_same_draws(how, which):
    brief, target = replace(SHORT, draws=30), made(which)
    first = sample(target, how, brief)
    sample(target, how, replace(brief, seed=3))
    again = sample(target, how, brief)
    np.testing.assert_array_equal(first.theta, again.theta)
    np.testing.assert_array_equal(first.points, again.points)


@each_run
@pytest.mark.parametrize("chains", [1, 3])
def test_any_number_of_chains(how, which, chains):
    draws = sample(made(which), how, replace(SHORT, draws=150, chains=chains))
    assert draws.theta.shape[:2] == draws.points.shape[:2] == (chains, 150)
    assert all(stat.shape == (chains, 150) for stat in draws.stats.values())


@each_run
def test_effects_are_kept_as_asked(how, which):
    brief, target = replace(SHORT, draws=10), made(which)
    every = all_elements(target)
    full = sample(made(which), how, brief)
    single = sample(made(which), how, replace(brief, single=True))
    some = sample(made(which), how, brief, every[[3, 0]])
    none = sample(made(which), how, brief, every[:0])
    assert (full.points.dtype, single.points.dtype) == (np.float64, np.float32)
    np.testing.assert_array_equal(full.points.astype(np.float32), single.points)
    np.testing.assert_array_equal(full.points[..., [3, 0]], some.points)
    for draws in (single, some, none):
        np.testing.assert_array_equal(full.theta, draws.theta)
    assert none.points.shape == (4, 10, 0)


@pytest.mark.parametrize("which", ["normal", "skewed"])
def test_a_short_run_chooses_the_move(which):
    """Of a nearly normal target nearly all proposals are taken: they are preferred to trajectories."""
    draws = sample(made(which), "pilot", replace(SHORT, draws=20))
    assert draws.sampler == "alternating" and 0.2 < draws.facts["acceptance_theta"] <= 1
    assert draws.facts["proposals_per_draw"] >= 1
    with patch.object(sampler, "LEAST_ACCEPTANCE", 1.01):
        assert sample(made(which), "pilot", replace(SHORT, draws=20)).sampler == "hmc"


@pytest.mark.parametrize("how", ["pilot", "alternating", "hmc"])
def test_effects_alone_are_sampled_too(how):
    """Where no hyperparameter is free: one probability, by quadrature."""
    table = read(pd.DataFrame({"k": [2, 0, 1], "n": [3, 2, 4]}))
    model = specify([Response("k | trials(n) ~ 1", "binomial")], table, {"Intercept": Normal(0, 1.5)})
    target = posterior_of(model).target
    assert (target.n_theta, target.n_effects, target.quadratic) == (0, 1, False)
    draws = sample(target, how)
    assert checked(draws) == []
    exact = binomial_fixed([3], [9])
    mean, sd = exact.mean["level"][0], exact.sd["level"][0]
    values = 1.5 * draws.points[..., 0]
    assert standard_errors(values, mean) < TOLERANCE
    assert standard_errors((values - mean) ** 2, sd**2) < TOLERANCE


@pytest.mark.parametrize("aim", [0.6, 0.95])
def test_trajectories_are_accepted_as_asked(aim):
    target = skewed(0.7, 3.0)
    draws = sample(target, "hmc", replace(SHORT, draws=1000, warmup=400, target_accept=aim))
    assert draws.facts["target_accept"] == aim
    longest = np.min(draws.facts["step_size"]) > 0.99 * LONGEST  # then more are accepted than asked for
    assert abs(draws.stats["acceptance_rate"].mean() - aim) < 0.1 or longest


def test_independent_draws_are_nearly_independent_and_say_how_good_their_proposals_are():
    draws = sample(normal(3, 2)[0], "independence", replace(SHORT, draws=1000))
    for i in range(3):
        assert array_stats.ess(draws.theta[..., i], method="mean", chain_axis=0, draw_axis=1) > 3000
    assert draws.facts["pareto_k"] < 0.7 and 0.5 < draws.facts["efficiency"] <= 1
    repeated = np.all(draws.theta[:, 1:] == draws.theta[:, :-1], axis=-1)
    assert repeated.mean() < 0.05
    # Effects of a theta that is kept again are drawn anew.
    same = np.all(draws.points[:, 1:] == draws.points[:, :-1], axis=-1)
    assert repeated.any() and not same.any()


@dear
def test_effects_of_a_theta_that_is_kept_again_are_drawn_anew(is_dear):
    few = patch.object(proposals, "POINTS", np.inf)  # so that no polynomial makes proposals perfect
    with few, patch.object(evaluate, "DEAR", 0.0 if is_dear else np.inf):
        draws = sample(normal(3, 2)[0], "independence")
    repeated = np.all(draws.theta[:, 1:] == draws.theta[:, :-1], axis=-1)
    same = np.all(draws.points[:, 1:] == draws.points[:, :-1], axis=-1)
    assert repeated.any() and not same.any()


# What is learnt before


@pytest.mark.parametrize("size", [2, LARGEST_MIXTURE + 1])
def test_the_marginal_is_explored_alike_on_any_number_of_cores(size):
    one, two = (fit_marginal(normal(size, 2)[0], 5, cores) for cores in (1, 2))
    np.testing.assert_array_equal(one.mean, two.mean)
    np.testing.assert_array_equal(one.root, two.root)
    np.testing.assert_array_equal(one.sample, two.sample)
    _, mean, cov = normal(size)
    away = np.linalg.solve(np.linalg.cholesky(cov), one.mean - mean)
    assert np.abs(away).max() < 0.2
    np.testing.assert_allclose(one.root @ one.root.T, cov, rtol=0.3, atol=0.1 * np.abs(cov).max())
    np.testing.assert_allclose(one.weight.sum(), 1)


def test_batches_of_the_marginal_are_its_values():
    target = made("skewed")
    thetas = np.random.default_rng(0).normal(size=(11, 1))
    expected = [target.marginals(theta[None])[0] for theta in thetas]
    for cores in (1, 2, 3):
        np.testing.assert_array_equal(marginal_batches(target, cores)(thetas), expected)


def test_generators_are_those_of_their_seed_and_never_alike():
    first = [g.random() for g in generators(3, 4)]
    assert first == [g.random() for g in generators(3, 4)]
    assert first[:2] == [g.random() for g in generators(3, 2)]
    assert len({*first, *(g.random() for g in generators(4, 4))}) == 8


def test_threads_return_in_order_and_stop_at_the_first_error():
    progress = Progress()
    assert in_threads([lambda i=i: i for i in range(9)], 2, progress) == list(range(9))
    progress.check()

    def fails():
        raise ValueError("planted")

    with pytest.raises(ValueError, match="planted"):
        in_threads([fails, *[progress.check] * 5], 2, progress)
    with pytest.raises(SamplingError):
        progress.check()


@each_run
def test_a_run_that_is_stopped_ends(how, which):
    progress, target = Progress(), made(which)
    progress.stop()
    with pytest.raises(SamplingError):
        sampler.sample(target, how, "transport", all_elements(target), SHORT, progress)
