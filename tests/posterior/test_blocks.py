"""Block-arrow algebra against dense linear algebra."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shoal.posterior import blocks, constraint
from shoal.posterior.blocks import Arrow, Effects
from shoal.sample.programs import double

# K, p, G
SHAPES = [(0, 1, 0), (0, 3, 0), (1, 0, 4), (1, 1, 2), (2, 0, 3), (2, 3, 3), (3, 2, 2), (2, 6, 4), (1, 26, 2)]
few = settings(max_examples=10, deadline=None, derandomize=True)


def random_arrow(rng, size, p, levels):
    """A positive definite block-arrow matrix and the same dense, effects level by level, then the border."""
    n = size * levels + p
    dense = np.zeros((n, n))
    for g in range(levels):
        root = rng.normal(size=(size, size))
        dense[g * size : (g + 1) * size, g * size : (g + 1) * size] = root @ root.T + np.eye(size)
    border = rng.normal(size=(n, p))
    dense[:, n - p :], dense[n - p :, :] = border, border.T
    # The Schur complement is what must be positive definite.
    inner = dense[: n - p, : n - p]
    root = rng.normal(size=(p, p))
    dense[n - p :, n - p :] = (
        border[: n - p].T @ np.linalg.solve(inner, border[: n - p]) + root @ root.T + np.eye(p)
    )
    grid = inner.reshape(levels, size, levels, size)
    d = np.array([[[grid[g, i, g, j] for g in range(levels)] for j in range(size)] for i in range(size)])
    b = np.moveaxis(border[: n - p].reshape(levels, size, p), 0, -1)
    c = dense[n - p :, n - p :]
    return Arrow(jnp.asarray(d.reshape(size, size, levels)), jnp.asarray(b), jnp.asarray(c)), dense


def split(v, size, p, levels):
    return Effects(jnp.asarray(v[: size * levels].reshape(levels, size).T), jnp.asarray(v[size * levels :]))


def flat(v):
    return np.concatenate([np.asarray(v.u).T.ravel(), np.asarray(v.b)])


@jax.jit
def algebra(arrow, one, other):
    f = blocks.factorize(arrow)
    products = blocks.log_det(f), blocks.dot(one, other), blocks.add(one, other)
    return blocks.forward(f, one), blocks.backward(f, one), *products


@jax.jit
def conditioning(arrow, z, mean):
    f, levels = blocks.factorize(arrow), z.u.shape[1]
    c = constraint.zero_sum(f, levels)
    inside = constraint.remove(c, z, constraint.along(c, z))
    free, x = blocks.backward(f, z), blocks.backward(f, inside)
    return free, x, constraint.log_density_at_zero(c, mean, levels)


@pytest.mark.parametrize(("size", "p", "levels"), SHAPES)
@given(seed=st.integers(0, 2**16))
@few
def test_factor_solves_and_determines_like_the_dense_cholesky(size, p, levels, seed):
    rng = np.random.default_rng(seed)
    with double():
        arrow, dense = random_arrow(rng, size, p, levels)
        v, w = rng.normal(size=(2, len(dense)))
        root = np.linalg.cholesky(dense)
        one, other = split(v, size, p, levels), split(w, size, p, levels)
        forward, backward, log_det, dot, added = algebra(arrow, one, other)
    np.testing.assert_allclose(flat(forward), np.linalg.solve(root, v), atol=1e-9)
    np.testing.assert_allclose(flat(backward), np.linalg.solve(root.T, v), atol=1e-9)
    np.testing.assert_allclose(log_det, np.log(np.diag(root)).sum(), atol=1e-9)
    np.testing.assert_allclose(dot, v @ w, atol=1e-9)
    np.testing.assert_allclose(flat(added), v + w, atol=1e-12)


def test_matrices_that_are_not_positive_definite_give_nan():
    with double():
        arrow = Arrow(-jnp.ones((1, 1, 2)), jnp.zeros((1, 1, 2)), jnp.ones((1, 1)))
        assert np.isnan(blocks.log_det(blocks.factorize(arrow)))


@pytest.mark.parametrize(("size", "p", "levels"), [s for s in SHAPES if s[0]])
@given(seed=st.integers(0, 2**16))
@few
def test_constraint_conditions_on_zero_sums(size, p, levels, seed):
    rng = np.random.default_rng(seed)
    with double():
        arrow, dense = random_arrow(rng, size, p, levels)
        z, mean = split(rng.normal(size=len(dense)), size, p, levels), rng.normal(size=size)
        free, x, log_density = conditioning(arrow, z, jnp.asarray(mean))
    free, x = flat(free), flat(x)
    sums = np.concatenate([np.tile(np.eye(size), levels), np.zeros((size, p))], 1)
    np.testing.assert_allclose(sums @ x, 0, atol=1e-9)
    # Conditioning by kriging: subtract what the sums explain (Rue and Held 2005, algorithm 2.6).
    covariance = np.linalg.inv(dense)
    variance = sums @ covariance @ sums.T
    gain = covariance @ sums.T @ np.linalg.inv(variance)
    np.testing.assert_allclose(x, free - gain @ (sums @ free), atol=1e-9)
    expected = -0.5 * mean @ np.linalg.solve(variance, mean) - 0.5 * np.linalg.slogdet(variance)[1]
    np.testing.assert_allclose(log_density, expected + 0.5 * size * np.log(levels), atol=1e-9)
