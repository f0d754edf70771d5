"""Samplers against targets whose moments are known, in units of the Monte Carlo error."""

from dataclasses import replace

import numpy as np
import pytest
from arviz_stats.base import array_stats
from scipy.special import digamma, polygamma
from targets import log_gamma, normal

from shoal.engine.checks import failures
from shoal.engine.progress import Progress
from shoal.sample.run import run
from shoal.engine.settings import Settings, generators

SAMPLERS = ("independence", "hmc", "nuts")
SHORT = Settings(draws=500, chains=4, warmup=200, seed=20, cores=1)
TOLERANCE = 4.0  # standard errors: with fixed seeds, and tens of comparisons in this file


def sample(target, sampler, settings=SHORT):
    return run(target, sampler, True, settings, Progress())


def standard_errors(values, expected):
    """How far the mean of (chains, draws) values is from what it should be."""
    ess = array_stats.ess(values, method="mean", chain_axis=0, draw_axis=1)
    assert ess > 300
    return abs(values.mean() - expected) / (values.std() / np.sqrt(ess))


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize(("n_theta", "n_latent"), [(3, 4), (0, 3), (2, 0)])
def test_moments_of_a_normal(sampler, n_theta, n_latent):
    target, mean, cov = normal(n_theta, n_latent)
    draws = sample(target, sampler)
    theta = draws.point.values
    assert theta.shape == (4, 500, n_theta) and draws.point.r[0].shape == (4, 500, 1, n_latent)
    assert draws.sampler == sampler and failures(draws) == []
    for i in range(n_theta):
        assert standard_errors(theta[..., i], mean[i]) < TOLERANCE
        for j in range(i + 1):
            product = (theta[..., i] - mean[i]) * (theta[..., j] - mean[j])
            assert standard_errors(product, cov[i, j]) < TOLERANCE
    z = draws.point.r[0][:, :, 0] - theta.sum(-1, keepdims=True)
    for i in range(n_latent):
        assert standard_errors(z[..., i], 0) < TOLERANCE
        assert standard_errors(z[..., i] ** 2, 1) < TOLERANCE
        for j in range(n_theta):
            assert standard_errors(z[..., i] * (theta[..., j] - mean[j]), 0) < TOLERANCE


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_moments_of_a_skewed_density(sampler):
    shape = (0.5, 3.0)
    theta = sample(log_gamma(*shape), sampler, replace(SHORT, draws=2000)).point.values
    for i, a in enumerate(shape):
        assert standard_errors(theta[..., i], digamma(a)) < TOLERANCE
        assert standard_errors((theta[..., i] - digamma(a)) ** 2, polygamma(1, a)) < TOLERANCE
        # A tail probability: exp(theta) is Gamma(a, 1).
        assert standard_errors(np.exp(theta[..., i]), a) < TOLERANCE


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_statistics_belong_to_the_draws(sampler):
    target, mean, cov = normal(2, 2)
    draws = sample(target, sampler, replace(SHORT, draws=20))
    away = np.linalg.solve(np.linalg.cholesky(cov), (draws.point.values - mean)[..., None])[..., 0]
    z = draws.point.r[0][:, :, 0] - draws.point.values.sum(-1, keepdims=True)
    np.testing.assert_allclose(draws.stats["lp"], -0.5 * (away**2).sum(-1) - 0.5 * (z**2).sum(-1), atol=1e-8)
    np.testing.assert_allclose(draws.point.beta, np.exp(draws.point.values / 3), rtol=1e-10)
    assert draws.point.values.dtype == draws.stats["lp"].dtype == np.float64


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_draws_depend_on_the_seed_and_on_nothing_else(sampler):
    target, _, _ = normal(2, 2)
    brief = replace(SHORT, draws=130)  # no multiple of any chunk
    one, two = sample(target, sampler, brief), sample(target, sampler, replace(brief, cores=2))
    other = sample(target, sampler, replace(brief, seed=21))
    shorter = sample(target, sampler, replace(brief, draws=30))
    assert one.point.values.shape == (4, 130, 2)
    np.testing.assert_array_equal(one.point.values, two.point.values)
    np.testing.assert_array_equal(one.point.r[0], two.point.r[0])
    np.testing.assert_array_equal(one.stats["lp"], two.stats["lp"])
    assert not np.any(one.point.values == other.point.values)
    assert shorter.point.values.shape == (4, 30, 2)
    # Chains differ from each other.
    assert len(np.unique(one.point.values[:, -1, 0])) == 4


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("chains", [1, 3])
def test_any_number_of_chains(sampler, chains):
    target, _, _ = normal(2, 2)
    draws = sample(target, sampler, replace(SHORT, draws=150, chains=chains))
    assert draws.point.values.shape == (chains, 150, 2)
    assert all(stat.shape == (chains, 150) for stat in draws.stats.values())


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_effects_are_kept_as_asked(sampler):
    target, _, _ = normal(2, 2)
    brief = replace(SHORT, draws=10)
    full = sample(target, sampler, brief)
    single = sample(target, sampler, replace(brief, single=True))
    none = sample(target, sampler, replace(brief, keep_effects=False))
    assert (full.point.r[0].dtype, single.point.r[0].dtype) == (np.float64, np.float32)
    np.testing.assert_array_equal(full.point.r[0].astype(np.float32), single.point.r[0])
    np.testing.assert_array_equal(full.point.values, none.point.values)
    assert none.point.r[0].shape == (4, 10, 1, 0)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_densities_that_cannot_be_batched_have_the_same_moments(sampler):
    """Models with large borders are evaluated one point at a time; proposals come with their effects."""
    target, mean, cov = normal(2, 2, batchable=False)
    draws = sample(target, sampler)
    assert failures(draws) == []
    theta = draws.point.values
    z = draws.point.r[0][:, :, 0] - theta.sum(-1, keepdims=True)
    for i in range(2):
        assert standard_errors(theta[..., i], mean[i]) < TOLERANCE
        assert standard_errors((theta[..., i] - mean[i]) ** 2, cov[i, i]) < TOLERANCE
        assert standard_errors(z[..., i], 0) < TOLERANCE
        assert standard_errors(z[..., i] ** 2, 1) < TOLERANCE
        assert standard_errors(z[..., i] * (theta[..., i] - mean[i]), 0) < TOLERANCE


def test_nuts_needs_no_marginal():
    target, mean, cov = normal(2, 2)
    draws = run(target, "nuts", False, SHORT, Progress())
    for i in range(2):
        assert standard_errors(draws.point.values[..., i], mean[i]) < TOLERANCE
        assert standard_errors((draws.point.values[..., i] - mean[i]) ** 2, cov[i, i]) < TOLERANCE


def test_generators_are_those_of_their_seed_and_never_alike():
    first = [g.random() for g in generators(3, 4)]
    assert first == [g.random() for g in generators(3, 4)]
    assert first[:2] == [g.random() for g in generators(3, 2)]
    assert len({*first, *(g.random() for g in generators(4, 4))}) == 8
