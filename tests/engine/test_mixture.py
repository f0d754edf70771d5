"""The mixture fitted to a density around its mode, and how its proposals are thinned."""

import numpy as np
import pytest
from scipy import stats

from shoal.engine import mode
from shoal.engine.mixture import (
    FREEDOM,
    PILOT,
    SMALL_PILOT,
    Mixture,
    fit,
)
from shoal.errors import SamplingError


@pytest.mark.parametrize("freedom", [FREEDOM, 30.0])
def test_mixture_density_is_that_of_its_draws(freedom):
    mixture = Mixture(
        np.array([0.3, 0.7]),
        np.array([[0.0, 1.0], [2.0, -1.0]]),
        np.array([[[1.0, 0], [0.5, 2.0]], [[0.3, 0], [0, 0.4]]]),
        freedom,
    )
    rng = np.random.default_rng(0)
    x = mixture.draw(rng, 20_000)
    # E[f / mixture] over the mixture's draws is the integral of f, here a normal density.
    log_f = -0.5 * (x**2).sum(1) - np.log(2 * np.pi)
    ratio = np.exp(log_f - mixture.log_density(x))
    assert abs(ratio.mean() - 1) < 4 * ratio.std() / np.sqrt(len(x))
    spread = freedom / (freedom - 2) * np.einsum("m,mij,mkj->ik", mixture.weight, mixture.root, mixture.root)
    center = mixture.weight @ mixture.mean
    away = mixture.mean - center
    expected = spread + away.T @ (mixture.weight[:, None] * away)
    product = (x[:, 0] - center[0]) * (x[:, 1] - center[1])
    assert abs(product.mean() - expected[0, 1]) < 4 * product.std() / np.sqrt(len(x))
    one = Mixture(np.ones(1), np.zeros((1, 1)), np.ones((1, 1, 1)), freedom)
    points = np.linspace(-5, 5, 7)
    np.testing.assert_allclose(one.log_density(points[:, None]), stats.t.logpdf(points, freedom))


def funnel(x):
    """A marginal like that of a weakly informed standard deviation: skewed, with a long left tail."""
    return (-np.exp(x) + x - 2 * np.log1p(np.exp(2 * x))).sum(1)


@pytest.mark.parametrize(("pilot", "dear"), [(PILOT, False), (SMALL_PILOT, False), (SMALL_PILOT, True)])
@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_mixture_fits_skewed_densities(size, pilot, dear):
    center, root = mode.find(funnel, np.zeros(size))
    found = fit(funnel, center, root, np.random.default_rng(5), pilot, dear)
    assert found.efficiency > (0.6 if pilot == PILOT else 0.5)
    grid = np.linspace(-40, 6, 20_001)[:, None]
    weight = np.exp(funnel(grid))
    mean = float((weight @ grid / weight.sum())[0])
    spread = np.sqrt((weight @ (grid[:, 0] - mean) ** 2) / weight.sum())
    error = spread / np.sqrt(found.efficiency * len(found.sample))
    assert np.abs(found.mean - mean).max() < 4 * error
    np.testing.assert_allclose(np.sqrt(np.diag(found.root @ found.root.T)), spread, rtol=0.2)
    np.testing.assert_allclose(found.weight.sum(), 1)


def test_density_that_is_nowhere_finite_is_an_error():
    with pytest.raises(SamplingError):
        fit(lambda x: np.full(len(x), -np.inf), np.zeros(1), np.eye(1), np.random.default_rng(0))


def test_rounds_end_where_they_gain_nothing_and_a_polynomial_does_the_rest():
    """Of a normal density the wide component keeps the efficiency below what is wanted."""

    def normal(x):
        return -0.5 * (x**2).sum(1)

    one, other = (
        fit(normal, np.zeros(3), np.eye(3), np.random.default_rng(2), followed=followed)
        for followed in (True, False)
    )
    assert len(one.sample) == 2 * PILOT < len(other.sample)
    assert one.efficiency > other.efficiency - 0.02
