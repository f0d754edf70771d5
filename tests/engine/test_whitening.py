"""Many hyperparameters: their moments from short chains, and units in which they are hardly skewed."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import skew as skewness

from engine.targets import normal
from shoal.engine import whitening
from shoal.engine.convergence import ess_bulk, ess_tail
from shoal.engine.explore import LARGEST_MIXTURE, fit_marginal
from shoal.engine.hyper import RAMP, ramp_inverse
from shoal.engine.progress import Progress
from shoal.engine.sampler import sample
from shoal.engine.settings import Settings
from shoal.fit.posterior import posterior_of
from shoal.model import Response, specify
from shoal.tables import read

MANY = LARGEST_MIXTURE + 2


def factors(count):
    """Return the posterior of crossed factors of five levels each, most of little scatter."""
    rng = np.random.default_rng(3)
    names = [f"f{k}" for k in range(count)]
    frame = pd.DataFrame({name: rng.integers(0, 5, 300) for name in names})
    frame["y"] = rng.normal(size=5)[frame["f0"]] + rng.normal(size=300)
    formula = "y ~ 1 + " + " + ".join(f"(1 | {name})" for name in names)
    return posterior_of(specify([Response(formula, "gaussian")], read(frame)))


@pytest.mark.slow
@pytest.mark.parametrize("scale", [0.3, 1.0, 3.0])
def test_moments_are_learnt_however_wrong_the_curvature_is(scale):
    target, mean, cov = normal(MANY, 2)
    fit = fit_marginal(target, 1, 1)
    spoiled = replace(fit, mean=fit.mean + 0.5 * np.sqrt(np.diag(cov)), root=scale * fit.root)
    learnt = whitening.learnt(target, spoiled, 1, 1, Progress())
    sd = np.sqrt(np.diag(cov))
    assert np.abs((learnt.mean - mean) / sd).max() < 0.25
    z = np.linalg.solve(learnt.root, np.linalg.cholesky(cov))
    assert 0.5 < np.linalg.eigvalsh(z @ z.T).min()
    assert np.linalg.eigvalsh(z @ z.T).max() < 2.0


def test_what_is_learnt_depends_on_the_seed_and_not_on_cores():
    target, _, _ = normal(MANY, 2)
    one, two, other = (
        whitening.learnt(target, fit_marginal(target, seed, cores), seed, cores, Progress())
        for seed, cores in ((1, 1), (1, 2), (2, 1))
    )
    np.testing.assert_array_equal(one.root, two.root)
    np.testing.assert_array_equal(one.mean, two.mean)
    assert not np.any(one.mean == other.mean)


@pytest.mark.parametrize("count", [30, 100, 1000])
def test_a_shrunk_covariance_is_nearer_to_the_true_one_than_that_of_the_sample(count):
    rng, scale = np.random.default_rng(0), np.linspace(0.5, 2.0, 40)
    z = scale * rng.normal(size=(count, 40))
    true, plain, shrunk = np.diag(scale**2), z.T @ z / count, whitening.shrunk(z)
    assert np.linalg.norm(shrunk - true) < np.linalg.norm(plain - true)
    assert np.linalg.eigvalsh(shrunk).min() > np.linalg.eigvalsh(plain).min()
    assert np.trace(shrunk) == pytest.approx(np.trace(plain))


def test_a_covariance_of_draws_along_one_line_is_one():
    z = np.array([[1.0, 2.0, 0.0], [-1.0, -2.0, 0.0]])
    assert np.linalg.eigvalsh(whitening.shrunk(z)).min() >= 0


def natural(target, theta):
    return target.values(theta)[..., target.problem.slots.place]


def log_rate(target, theta, step=1e-6):
    """Return the log of the derivatives of values in theta, summed."""
    return np.log((natural(target, theta + step) - natural(target, theta - step)) / (2 * step)).sum(-1)


def test_bent_ramps_are_the_same_density_in_other_units():
    """A density of theta changes by the derivatives of values in theta, and by nothing else."""
    target = factors(3).target
    slots, units = target.problem.slots, target.problem.slots.unit.copy()
    assert (slots.transform == RAMP).all()
    theta = target.start - 1.5 + 0.3 * np.random.default_rng(0).normal(size=(50, target.n_theta))
    values, density = natural(target, theta), target.marginals(theta) - log_rate(target, theta)
    bent = target.bend(theta)
    assert (slots.unit < units).any()
    np.testing.assert_allclose(natural(target, bent), values, rtol=1e-12)
    np.testing.assert_allclose(target.marginals(bent) - log_rate(target, bent), density, rtol=1e-8)
    target.restart()
    np.testing.assert_array_equal(slots.unit, units)


def test_a_ramp_bends_where_draws_are_least_skewed():
    """Draws that are normal in a unit a fifth of the prior's."""
    target, rng = factors(3).target, np.random.default_rng(0)
    slots, units = target.problem.slots, target.problem.slots.unit.copy()
    slots.unit[:] = units / 5
    values = natural(target, 1.0 + 0.7 * rng.normal(size=(4000, target.n_theta)))
    target.restart()
    theta = np.vectorize(ramp_inverse)(values / units)
    bent = target.bend(theta)
    assert (np.abs(skewness(bent)) < 0.5 * np.abs(skewness(theta))).all()
    assert (slots.unit < units).all()


def test_no_unit_grows_beyond_that_of_the_prior():
    target = factors(3).target
    units = target.problem.slots.unit.copy()
    for far in (-3.0, 0.0, 30.0):
        target.bend(far + np.random.default_rng(0).normal(size=(50, target.n_theta)))
        assert (target.problem.slots.unit <= units).all()
        target.restart()


def test_many_hyperparameters_are_sampled_and_sampled_again_alike():
    target = factors(MANY - 1).target
    assert target.n_theta > LARGEST_MIXTURE
    nothing, settings = np.zeros(0, np.int64), Settings(draws=500, seed=4)
    first = sample(target, "hmc", "transport", nothing, settings, Progress())
    values = np.moveaxis(target.values(first.theta)[..., target.problem.slots.place], -1, 0)
    assert np.minimum(ess_bulk(values), ess_tail(values)).min() > 200
    again = sample(target, "hmc", "transport", nothing, settings, Progress())
    np.testing.assert_array_equal(first.theta, again.theta)
