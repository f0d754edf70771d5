"""Search for the mode on awkward densities, and the mixture fitted around it."""

import numpy as np
import pytest
from scipy import stats
from targets import covariance

from shoal.errors import SamplingError
from shoal.sample import mode
from shoal.sample.independence import thinning
from shoal.engine.mixture import FREEDOM, MarginalFit, Mixture, fit


def normal_batch(mean, cov):
    inverse = np.linalg.inv(cov)
    return lambda x: -0.5 * np.einsum("si,ij,sj->s", x - mean, inverse, x - mean)


@pytest.mark.parametrize("size", [1, 2, 4, 8])
@pytest.mark.parametrize("far", [0.0, 30.0])
def test_mode_and_curvature_of_a_correlated_normal(size, far):
    cov, mean = covariance(size), np.arange(size) - 1.0
    found, root = mode.find(normal_batch(mean, cov), mean + far * np.sqrt(np.diag(cov)))
    away = np.linalg.solve(np.linalg.cholesky(cov), found - mean)
    assert np.abs(away).max() < 0.05
    np.testing.assert_allclose(root @ root.T, cov, rtol=0.05, atol=0.05 * cov.max())


SKEWED = {
    # log of a Gamma(0.5) variable: a long left tail; the mode is log(0.5)
    "log-gamma": (lambda x: 0.5 * x[:, 0] - np.exp(x[:, 0]), np.log([0.5])),
    # Student-t with 3 degrees of freedom: not log-concave, flat far away
    "student": (lambda x: -2 * np.log1p(x**2 / 3).sum(1), np.zeros(2)),
    # a banana
    "banana": (lambda x: -0.5 * x[:, 0] ** 2 - 2 * (x[:, 1] - x[:, 0] ** 2) ** 2, np.zeros(2)),
    # zero density beyond a wall beside the mode
    "wall": (lambda x: np.where(x[:, 0] > -0.2, -0.5 * x[:, 0] ** 2, np.nan), np.zeros(1)),
}


@pytest.mark.parametrize("name", SKEWED)
@pytest.mark.parametrize("start", [0.0, 0.7, 6.0])
def test_mode_of_densities_far_from_normal(name, start):
    batch, expected = SKEWED[name]
    found, root = mode.find(batch, np.full(len(expected), start))
    assert batch(expected[None])[0] - batch(found[None])[0] < 0.02
    assert np.isfinite(root).all() and (np.diag(root) > 0).all()


def test_zero_density_at_the_start_is_an_error():
    with pytest.raises(SamplingError, match="zero at the priors' middle"):
        mode.find(lambda x: np.full(len(x), np.nan), np.zeros(2))


def test_mixture_density_is_that_of_its_draws():
    mixture = Mixture(
        np.array([0.3, 0.7]),
        np.array([[0.0, 1.0], [2.0, -1.0]]),
        np.array([[[1.0, 0], [0.5, 2.0]], [[0.3, 0], [0, 0.4]]]),
    )
    rng = np.random.default_rng(0)
    x = mixture.draw(rng, 20_000)
    # E[f / mixture] over the mixture's draws is the integral of f, here a normal density.
    log_f = -0.5 * (x**2).sum(1) - np.log(2 * np.pi)
    ratio = np.exp(log_f - mixture.log_density(x))
    assert abs(ratio.mean() - 1) < 4 * ratio.std() / np.sqrt(len(x))
    spread = FREEDOM / (FREEDOM - 2) * np.einsum("m,mij,mkj->ik", mixture.weight, mixture.root, mixture.root)
    center = mixture.weight @ mixture.mean
    away = mixture.mean - center
    expected = spread + away.T @ (mixture.weight[:, None] * away)
    product = (x[:, 0] - center[0]) * (x[:, 1] - center[1])
    assert abs(product.mean() - expected[0, 1]) < 4 * product.std() / np.sqrt(len(x))
    one = Mixture(np.ones(1), np.zeros((1, 1)), np.ones((1, 1, 1)))
    points = np.linspace(-5, 5, 7)
    np.testing.assert_allclose(one.log_density(points[:, None]), stats.t.logpdf(points, FREEDOM))


def funnel(x):
    """A marginal like that of a weakly informed standard deviation: skewed, with a long left tail."""
    return (-np.exp(x) + x - 2 * np.log1p(np.exp(2 * x))).sum(1)


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_mixture_fits_skewed_densities(size):
    center, root = mode.find(funnel, np.zeros(size))
    found = fit(funnel, center, root, np.random.default_rng(5))
    assert found.efficiency > 0.6
    grid = np.linspace(-40, 6, 20_001)[:, None]
    weight = np.exp(funnel(grid))
    mean = float((weight @ grid / weight.sum())[0])
    spread = np.sqrt((weight @ (grid[:, 0] - mean) ** 2) / weight.sum())
    error = spread / np.sqrt(found.efficiency * len(found.sample))
    assert np.abs(found.mean - mean).max() < 4 * error
    np.testing.assert_allclose(np.sqrt(np.diag(found.root @ found.root.T)), spread, rtol=0.2)
    np.testing.assert_allclose(found.weight.sum(), 1)


def test_density_that_is_nowhere_finite_is_an_error():
    with pytest.raises(SamplingError, match="not finite around its mode"):
        fit(lambda x: np.full(len(x), -np.inf), np.zeros(1), np.eye(1), np.random.default_rng(0))


def fitted(weight):
    mixture = Mixture(np.ones(1), np.zeros((1, 1)), np.ones((1, 1, 1)))
    sample = np.zeros((len(weight), 1))
    return MarginalFit(mixture, np.zeros(1), np.eye(1), sample, weight / weight.sum(), 1.0)


def test_worse_proposals_are_thinned_more():
    rng = np.random.default_rng(1)
    assert thinning(fitted(np.ones(1000))) == 1
    good, bad = thinning(fitted(rng.gamma(4, size=1000))), thinning(fitted(rng.gamma(0.05, size=1000)))
    assert 1 < good < bad == 8
