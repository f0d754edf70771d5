"""Points of importance sampling, and which entries of a precision are no zeros."""

import numpy as np
import pytest
from scipy import stats
from scipy.special import logsumexp

from shoal.engine.rules import FREEDOM, SETS
from shoal.scores.loo.integrate import first_beside, n_points, points


@pytest.mark.parametrize("d", [2, 3, 4, 5, 9])
def test_points_are_those_of_a_multivariate_t(d):
    sets = points(d)
    assert sets.shape == (SETS, n_points(d), d + 1)
    x, log_density = sets[..., :d], sets[..., d]
    np.testing.assert_allclose(log_density, stats.multivariate_t(np.zeros(d), df=FREEDOM).logpdf(x))
    # Of a normal density, off center, the integral is one.
    values = stats.norm.logpdf(x - 0.2).sum(-1) - log_density
    means = np.exp(logsumexp(values, axis=1)) / x.shape[1]
    assert abs(means.mean() - 1) < 4 * means.std(ddof=1) / np.sqrt(SETS)
    assert means.std() < 0.2
    assert len(np.unique(x[:, 0, 0])) == SETS


def test_no_two_effects_share_a_row_before_the_first_that_is_told():
    rng = np.random.default_rng(0)
    effects = np.array([2, 1])
    level = np.stack([rng.integers(0, 5, 9), rng.integers(0, 3, 9)], axis=1)
    place = level * effects + [0, 10]
    where = np.stack([place[:, 0], place[:, 0] + 1, place[:, 1]], axis=1)
    here = np.zeros((9, 13))
    here[np.arange(9)[:, None], where] = 1.0
    together = np.tril(here.T @ here + np.eye(13))
    np.testing.assert_array_equal(first_beside(13, where), (together > 0).argmax(1))
    np.testing.assert_array_equal(first_beside(0, np.zeros((4, 0), int)), [])
