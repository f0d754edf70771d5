"""Covariance of a level's effects: factors, correlations, and the LKJ law of partial correlations."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from posterior.density import log_lkj
from shoal.model import covariance
from shoal.model.terms.functions import covariance_root, covariance_root_adjoint
from shoal.priors import LKJ

BLOCKS = [((0,),), ((0,), (1,)), ((0, 1),), ((0, 1), (2,)), ((0, 2), (1, 3)), ((0, 1, 2, 3),)]


def count(blocks):
    return len(covariance.partial_positions(blocks))


def factor(sd, partial, blocks):
    """Return the factor Λ of the effects' covariance, block by block as the engine makes it."""
    given = iter(np.split(partial, np.cumsum([count((block,)) for block in blocks])))
    lam = np.zeros((len(sd), len(sd)))
    for block in blocks:
        rows, columns = np.tril_indices(len(block))
        out = np.zeros(len(rows))
        covariance_root(np.concatenate([sd[list(block)], next(given)]), np.zeros(0), out)
        lam[np.array(block)[rows], np.array(block)[columns]] = out
    return lam


@pytest.mark.parametrize("blocks", BLOCKS, ids=str)
@given(data=st.data())
@settings(max_examples=10, deadline=None, derandomize=True)
def test_factor_makes_the_reported_correlations(blocks, data):
    size = sum(map(len, blocks))
    partial = data.draw(arrays(float, count(blocks), elements=st.floats(-0.95, 0.95)))
    sd = data.draw(arrays(float, size, elements=st.floats(0.1, 10)))
    lam = factor(sd, partial, blocks)
    np.testing.assert_array_equal(lam, np.tril(lam))
    matrix = covariance.correlations(partial, blocks, size)
    np.testing.assert_allclose(np.diag(matrix), 1, atol=1e-12)
    np.testing.assert_allclose(lam @ lam.T, matrix * np.outer(sd, sd), rtol=1e-9, atol=1e-12)
    assert np.linalg.eigvalsh(matrix).min() > -1e-12
    together = np.zeros((size, size), bool)
    for block in blocks:
        together[np.ix_(block, block)] = True
    assert np.all(matrix[~together] == 0)


def test_correlations_of_many_draws_are_those_of_each():
    partial = np.random.default_rng(0).uniform(-1, 1, (2, 5, 3))
    many = covariance.correlations(partial, ((0, 1, 2),), 3)
    assert many.shape == (2, 5, 3, 3)
    np.testing.assert_allclose(many[1, 4], covariance.correlations(partial[1, 4], ((0, 1, 2),), 3))


def test_first_column_of_partial_correlations_are_plain_ones():
    matrix = covariance.correlations(np.array([0.3, -0.5, 0.2]), ((0, 1, 2),), 3)
    np.testing.assert_allclose(matrix[1:, 0], [0.3, -0.5])
    # r_12 given 0 is the third.
    given_first = (matrix[1, 2] - 0.3 * -0.5) / np.sqrt((1 - 0.3**2) * (1 - 0.5**2))
    np.testing.assert_allclose(given_first, 0.2)


@pytest.mark.parametrize("size", [2, 3, 4])
@pytest.mark.parametrize("eta", [0.8, 1.0, 3.5])
def test_partial_correlations_have_the_lkj_law(size, eta):
    """Their independent densities are the power of the determinant times the Jacobian, with its constant."""
    blocks = (tuple(range(size)),)
    positions = covariance.partial_positions(blocks)

    rng = np.random.default_rng(size)
    for _ in range(3):
        partial = rng.uniform(-0.9, 0.9, len(positions))
        lam = factor(np.ones(size), partial, blocks)
        by_partial = derivatives(lam, partial)
        jacobian = [[(d @ lam.T + lam @ d.T)[i, j] for d in by_partial] for i, j, *_ in positions]
        volume = np.linalg.slogdet(jacobian)[1]
        found = sum(
            LKJ(eta).partial(k, j).log_density(p, *LKJ(eta).partial(k, j).params)
            for p, (_, _, k, j) in zip(partial, positions, strict=True)
        )
        matrix = covariance.correlations(partial, blocks, size)
        np.testing.assert_allclose(found, log_lkj(matrix, eta) + volume, rtol=1e-9)


def derivatives(lam, partial):
    """Return the derivative of one block's factor in each partial correlation, by its adjoint."""
    size = len(lam)
    rows, columns = np.tril_indices(size)
    inputs, outputs = np.concatenate([np.ones(size), partial]), lam[rows, columns]
    out = np.zeros((len(partial), size, size))
    for unit, i, j in zip(np.eye(len(rows)), rows, columns, strict=True):
        by_input = np.zeros(len(inputs))
        covariance_root_adjoint(inputs, np.zeros(0), outputs, unit, by_input)
        out[:, i, j] = by_input[size:]
    return out


@pytest.mark.parametrize("eta", [1.0, 2.5])
def test_every_correlation_has_the_known_margin(eta):
    """A correlation under LKJ(eta) in size K is Beta(eta + K/2 - 1, same) stretched to (-1, 1)."""
    size, rng = 4, np.random.default_rng(6)
    blocks = (tuple(range(size)),)
    parts = [LKJ(eta).partial(k, j).draw(rng, 4000) for _, _, k, j in covariance.partial_positions(blocks)]
    matrix = covariance.correlations(np.stack(parts, -1), blocks, size)
    a = eta + size / 2 - 1
    for i, j, _, _ in covariance.partial_positions(blocks):
        u = stats.beta(a, a, -1, 2).cdf(matrix[:, i, j])
        assert abs(u.mean() - 1 / 2) < 4 * u.std() / np.sqrt(len(u))
        assert abs((u**2).mean() - 1 / 3) < 4 * (u**2).std() / np.sqrt(len(u))
