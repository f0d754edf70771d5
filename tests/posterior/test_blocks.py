"""Block-arrow algebra against dense linear algebra."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from scipy.linalg import block_diag

from shoal.posterior import blocks, constraint
from shoal.posterior.blocks import Arrow, Effects, Scales
from shoal.posterior.data import Pattern
from shoal.posterior.structure import Factor, Structure
from shoal.sample.programs import double


def factor(levels, effects=1, loadings=(), zero_sum=(), known=False, dense=True):
    """A factor with ordinary effects, and latents with the given number of loadings each."""
    return Factor(
        name="",
        levels=levels,
        sd=(0,) * effects,
        latents=len(loadings),
        loadings=tuple((i, 0) for i, count in enumerate(loadings) for _ in range(count)),
        zero_sum=zero_sum or (False,) * effects,
        known=known,
        dense=dense,
    )


def structure(main, border, p):
    return Structure((), (), (), (), main, tuple(border), p)


# Main factor, border (sparse factors first), population coefficients.
STRUCTURES = {
    "population": structure(None, [], 3),
    "nothing in the border": structure(factor(4), [], 0),
    "effects": structure(factor(3, 2), [], 3),
    "three effects": structure(factor(2, 3), [], 2),
    "large border": structure(factor(2), [], 26),
    "crossed, dense": structure(factor(5), [factor(3)], 1),
    "crossed, sparse": structure(factor(5), [factor(4, dense=False)], 1),
    "no population": structure(factor(5, 2), [factor(4, 2, dense=False), factor(2)], 0),
    "two sparse": structure(factor(6), [factor(4, dense=False), factor(3, 2, dense=False)], 2),
    "sparse and dense": structure(factor(6, 2), [factor(4, 2, dense=False), factor(3, 2)], 2),
    "latents": structure(factor(5, 1, (2, 3)), [factor(4, 1, (2,), dense=False), factor(3, 0, (2,))], 1),
    "known": structure(factor(5), [factor(4, 2, known=True, dense=False), factor(3, known=True)], 2),
    "known alone": structure(None, [factor(4, 2, known=True)], 2),
    "zero-sum": structure(factor(4, 2, zero_sum=(True, True)), [], 2),
    "zero-sum in the border": structure(factor(5), [factor(4, 2, zero_sum=(True, True), dense=False)], 1),
    "zero-sum everywhere": structure(
        factor(5, 2, zero_sum=(True, False)), [factor(3, zero_sum=(True,)), factor(3, 1, (2,))], 1
    ),
}
few = settings(max_examples=4, deadline=None, derandomize=True, phases=[Phase.explicit, Phase.generate])


class Random:
    """A random positive definite arrow from rows, and the same as a dense matrix: u (K, G), then b (R,)."""

    def __init__(self, s, seed):
        self.s, rng = s, np.random.default_rng(seed)
        lam = [rng.normal(size=(f.columns, f.effects)) for f in s.border]
        root = [np.tril(rng.normal(size=(f.levels,) * 2)) if f.known else np.zeros((0, 0)) for f in s.border]
        scale = rng.uniform(0.5, 2, s.n_normal)
        self.scales = Scales(*(tuple(map(jnp.asarray, part)) for part in (lam, root)), jnp.asarray(scale))
        turned = [
            np.kron(a, r if f.known else np.eye(f.levels))
            for f, a, r in zip(s.border, lam, root, strict=True)
        ]
        raw_to_standard = block_diag(*turned, np.diag(scale))
        size, levels = s.main_shape
        n, m = size * levels, len(raw_to_standard)
        x, meets = self._rows(rng, n, m)
        gram = x.T @ x
        self.tight = rng.uniform(0.5, 2, s.n_border)
        self.arrow, self.pattern = self._arrow(gram + np.diag([1.0] * n + [0.0] * m), meets)
        whole = block_diag(np.eye(n), raw_to_standard)
        self.dense = whole.T @ gram @ whole + np.diag([*np.ones(n), *self.tight])

    def _rows(self, rng, n, m):
        """Rows over the raw effects, and which level of the main factor meets which sparse column."""
        s, count, where = self.s, 12, np.random.default_rng(0)  # one pattern, so that one program serves all
        x, meets = np.zeros((count, n + m)), np.zeros((max(s.main_shape[1], 1), s.n_sparse), bool)
        level = where.integers(0, max(s.main_shape[1], 1), count)
        for k in range(s.main_shape[0]):
            x[np.arange(count), k * s.main_shape[1] + level] = rng.normal(size=count)
        at = 0
        for f in s.border:
            own = where.integers(0, f.levels, count)
            for _ in range(f.columns):
                x[np.arange(count), n + at + own] = rng.normal(size=count)
                if not f.dense:
                    meets[level, at + own] = True
                at += f.levels
        x[:, n + m - s.n_normal :] = rng.normal(size=(count, s.n_normal))
        return x, meets

    def _arrow(self, raw, meets):
        size, levels = self.s.main_shape
        n = size * levels
        grid = raw[:n, :n].reshape(size, levels, size, levels)
        d = np.array([[grid[i, :, j, :].diagonal() for j in range(size)] for i in range(size)])
        across = raw[:n, n:].reshape(size, levels, len(raw) - n)
        column, level = np.nonzero(meets.T)  # column by column
        if not n:
            column, level = column[:0], level[:0]
        first, second = (
            np.array(
                [
                    (i, j)
                    for i in range(len(level))
                    for j in range(len(level))
                    if level[i] == level[j] and column[j] <= column[i]
                ],
                int,
            )
            .reshape(-1, 2)
            .T
        )
        cell = column[first] * self.s.n_sparse + column[second]
        order = np.argsort(cell, kind="stable")
        arrow = Arrow(
            jnp.asarray(d.reshape(size, size, levels)),
            jnp.asarray(across[:, level, column].reshape(size, len(level))),
            jnp.asarray(np.moveaxis(across[:, :, self.s.n_sparse :], 1, 2)),
            jnp.asarray(raw[n:, n:]),
            jnp.asarray(self.tight),
        )
        return arrow, Pattern(level, column, first[order], second[order], cell[order])

    def split(self, v):
        size, levels = self.s.main_shape
        n = size * levels
        return Effects(jnp.asarray(v[:n].reshape(size, levels)), jnp.asarray(v[n:]))


def flat(v):
    return np.concatenate([np.ravel(v.u), np.asarray(v.b)])


@partial(jax.jit, static_argnums=0)
def algebra(s, arrow, scales, pattern, one, other):
    f = blocks.factorize(s, arrow, scales, pattern)
    products = blocks.log_det(f), blocks.dot(one, other), blocks.add(one, other)
    return blocks.forward(s, f, one), blocks.backward(s, f, one), *products


@partial(jax.jit, static_argnums=0)
def conditioning(s, arrow, scales, pattern, z, mean):
    f = blocks.factorize(s, arrow, scales, pattern)
    c = constraint.zero_sum(s, f)
    inside = constraint.remove(c, z, constraint.along(c, z))
    free, x = blocks.backward(s, f, z), blocks.backward(s, f, inside)
    return free, x, constraint.sums(s, free), constraint.log_density_at_zero(s, c, mean)


@pytest.mark.parametrize("name", STRUCTURES)
@given(seed=st.integers(0, 2**16))
@few
def test_factor_solves_and_determines_like_dense_algebra(name, seed):
    """F is a root of H: of another order of rows than a dense Cholesky factor, so products are compared."""
    with double():
        r = Random(STRUCTURES[name], seed)
        rng = np.random.default_rng(seed)
        v, w = rng.normal(size=(2, len(r.dense)))
        forward, backward, log_det, dot, added = algebra(
            r.s, r.arrow, r.scales, r.pattern, r.split(v), r.split(w)
        )
        twice = algebra(r.s, r.arrow, r.scales, r.pattern, forward, r.split(w))[1]
    solved = np.linalg.solve(r.dense, v)
    far = 1e-9 * np.linalg.cond(r.dense)
    np.testing.assert_allclose(flat(twice), solved, atol=far)  # F'^-1 F^-1 v = H^-1 v
    np.testing.assert_allclose(flat(forward) @ flat(forward), v @ solved, atol=far)
    np.testing.assert_allclose(flat(backward) @ r.dense @ flat(backward), v @ v, atol=far)
    np.testing.assert_allclose(log_det, 0.5 * np.linalg.slogdet(r.dense)[1], atol=1e-9)
    np.testing.assert_allclose(dot, v @ w, atol=1e-9)
    np.testing.assert_allclose(flat(added), v + w, atol=1e-12)


@pytest.mark.parametrize("name", STRUCTURES)
def test_the_border_is_scaled_by_its_dense_matrix_and_back(name):
    with double():
        r = Random(STRUCTURES[name], 7)
        rng = np.random.default_rng(7)
        b, raw = rng.normal(size=r.s.n_border), rng.normal(size=(r.arrow.c.shape[0], 2))
        expanded = blocks.expand(r.s, r.scales, jnp.asarray(b))
        contracted = blocks.contract(r.s, r.scales, jnp.asarray(raw))
        parts, population = blocks.split(r.s, r.split(np.arange(len(r.dense), dtype=float)))
        again = blocks.gather(r.s, parts, population)
    # One is the transpose of the other.
    np.testing.assert_allclose(np.asarray(expanded) @ raw, b @ np.asarray(contracted), rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(flat(again), np.arange(len(r.dense)))
    assert [part.shape for part in parts] == [(f.effects, f.levels) for f in r.s.factors]


def test_matrices_that_are_not_positive_definite_give_nan():
    s = STRUCTURES["nothing in the border"]
    with double():
        r = Random(s, 0)
        bad = r.arrow._replace(d=-r.arrow.d)
        assert np.isnan(blocks.log_det(blocks.factorize(s, bad, r.scales, r.pattern)))


@pytest.mark.parametrize("name", [name for name, s in STRUCTURES.items() if s.zero_sum])
@given(seed=st.integers(0, 2**16))
@few
def test_constraint_conditions_on_zero_sums(name, seed):
    s = STRUCTURES[name]
    with double():
        r = Random(s, seed)
        rng = np.random.default_rng(seed)
        rows = [(np.asarray(e.u), np.asarray(e.b)) for e in constraint._sums(s)]
        z, mean = r.split(rng.normal(size=len(r.dense))), rng.normal(size=len(rows))
        free, x, total, log_density = conditioning(s, r.arrow, r.scales, r.pattern, z, jnp.asarray(mean))
    free, x = flat(free), flat(x)
    sums = np.array([np.append(u.ravel(), b) for u, b in rows])
    levels = sums.sum(1)  # ones at every level of one effect
    assert set(sums.ravel()) == {0.0, 1.0} and len(rows) == sum(sum(f.zero_sum) for f in s.factors)
    np.testing.assert_allclose(total, sums @ free, atol=1e-9)
    np.testing.assert_allclose(sums @ x, 0, atol=1e-9)
    # Conditioning by kriging: subtract what the sums explain (Rue and Held 2005, algorithm 2.6).
    covariance = np.linalg.inv(r.dense)
    variance = sums @ covariance @ sums.T
    gain = covariance @ sums.T @ np.linalg.inv(variance)
    np.testing.assert_allclose(x, free - gain @ (sums @ free), atol=1e-8)
    expected = -0.5 * mean @ np.linalg.solve(variance, mean) - 0.5 * np.linalg.slogdet(variance)[1]
    np.testing.assert_allclose(log_density, expected + 0.5 * np.log(levels).sum(), rtol=1e-9, atol=1e-8)
