"""Search for the mode on awkward densities."""

import numpy as np
import pytest

from engine.targets import covariance
from shoal.engine import mode
from shoal.errors import SamplingError

each_choice = pytest.mark.parametrize("steps", [mode.STEPS, mode.FEW_STEPS], ids=["many", "few"])


def normal_batch(mean, cov):
    inverse = np.linalg.inv(cov)
    return lambda x: -0.5 * np.einsum("si,ij,sj->s", x - mean, inverse, x - mean)


@each_choice
@pytest.mark.parametrize("size", [1, 2, 4, 8])
@pytest.mark.parametrize("far", [0.0, 30.0])
def test_mode_and_curvature_of_a_correlated_normal(size, far, steps):
    """Few steps go less far, of which each is at most of length 4 in theta."""
    far *= 0.4 if len(steps) < len(mode.STEPS) else 1.0
    cov, mean = covariance(size), np.arange(size) - 1.0
    found, root = mode.find(normal_batch(mean, cov), mean + far * np.sqrt(np.diag(cov)), steps)
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


@each_choice
@pytest.mark.parametrize("name", SKEWED)
@pytest.mark.parametrize("start", [0.0, 0.7, 6.0])
def test_mode_of_densities_far_from_normal(name, start, steps):
    batch, expected = SKEWED[name]
    found, root = mode.find(batch, np.full(len(expected), start), steps)
    assert batch(expected[None])[0] - batch(found[None])[0] < 0.02
    assert np.isfinite(root).all() and (np.diag(root) > 0).all()


@each_choice
@pytest.mark.parametrize("size", [1, 3, 5])
def test_jumps_are_no_curvature(size, steps):
    """A normal density that jumps by a fifth, as Laplace's approximation does of rows with kinks."""
    cov, rng = covariance(size), np.random.default_rng(3)
    smooth, shifts = normal_batch(np.zeros(size), cov), rng.uniform(size=8)

    def jumping(x):
        cells = np.floor(200 * x.sum(1)[:, None] + shifts).sum(1)
        return smooth(x) + 0.2 * np.sin(7 * cells)

    found, root = mode.find(jumping, np.sqrt(np.diag(cov)), steps, mode.WIDE)
    away = np.linalg.solve(np.linalg.cholesky(cov), found)
    assert np.abs(away).max() < 1
    ratio = np.linalg.eigvals(np.linalg.solve(cov, root @ root.T)).real
    assert ratio.min() > 0.25 and ratio.max() < 4
    narrow = mode.find(jumping, np.sqrt(np.diag(cov)), steps)[1]
    assert np.linalg.eigvals(np.linalg.solve(cov, narrow @ narrow.T)).real.min() < 0.05


def test_zero_density_at_the_start_is_an_error():
    with pytest.raises(SamplingError):
        mode.find(lambda x: np.full(len(x), np.nan), np.zeros(2))


def test_many_dimensions_are_climbed_by_gradients():
    rng = np.random.default_rng(1)
    root = np.tril(0.2 * rng.normal(size=(40, 40)), -1) + np.diag(rng.uniform(0.3, 2.0, 40))
    precision, center = np.linalg.inv(root @ root.T), rng.normal(size=40)

    def density(x):
        force = precision @ (center - x)
        return -0.5 * (center - x) @ force, force

    found, factor = mode.climb(density, np.zeros(40))
    away = np.linalg.solve(root, found - center)
    assert np.abs(away).max() < 0.05
    seen = np.linalg.eigvalsh(np.linalg.inv(root) @ factor @ factor.T @ np.linalg.inv(root).T)
    assert seen.max() < 1.01  # flat directions are cut at a standard deviation of ten
    with pytest.raises(SamplingError):
        mode.climb(lambda x: (-np.inf, np.zeros(2)), np.zeros(2))
