"""Sparse factors, their solutions and derivatives, and conditioning on sums against dense linear algebra."""

from unittest.mock import patch

import numba as nb
import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from scipy.special import log_ndtr

from engine.dense_problem import DenseProblem, dense, lower
from shoal.engine import sparse
from shoal.engine.build import Builder, Lines
from shoal.engine.evaluate import Target
from shoal.engine.kinds import FLOATS, record_type
from shoal.engine.problem import ONE
from shoal.engine.sparse import Pattern, analyse
from shoal.priors import Exponential
from shoal.priors.compiled import compiled_as

few = settings(max_examples=8, deadline=None, derandomize=True, phases=[Phase.explicit, Phase.generate])
PATTERN = record_type(Pattern)


@compiled_as(nb.float64(PATTERN, FLOATS, FLOATS, FLOATS))
def factorize(pattern, h, factor, work):
    return sparse.factorize(pattern, h, factor, work)


@compiled_as(nb.void(PATTERN, FLOATS, FLOATS))
def forward(pattern, factor, b):
    sparse.forward(pattern, factor, b)


@compiled_as(nb.void(PATTERN, FLOATS, FLOATS))
def backward(pattern, factor, b):
    sparse.backward(pattern, factor, b)


@compiled_as(nb.void(PATTERN, FLOATS, FLOATS, FLOATS, FLOATS))
def adjoint(pattern, factor, bar, h_bar, work):
    sparse.adjoint(pattern, factor, bar, h_bar, work)


def meetings(*sets):
    """Return the pairs of places that meet in any of some sets."""
    pairs = {(i, j) for own in sets for i in own for j in own if i < j}
    return np.array(sorted(pairs), int).reshape(-1, 2)


def crossed(rng, *levels):
    """Return pairs of levels of several factors, and a coefficient, that meet in rows."""
    begin = np.cumsum([0, *levels])
    rows = [
        [int(b + rng.integers(n)) for b, n in zip(begin, levels, strict=False)]
        for _ in range(3 * max(levels))
    ]
    return meetings(*([*row, int(begin[-1])] for row in rows))


def pairs_of(name, rng):
    """Return the number of places, and pairs of them (off the diagonal) with an entry."""
    if name == "nothing":
        return 0, meetings()
    if name == "one":
        return 1, meetings()
    if name == "diagonal":
        return 5, meetings()
    if name == "one factor":  # three coefficients, nine levels
        return 12, meetings(*([0, 1, 2, level] for level in range(3, 12)))
    if name == "blocks":
        return 12, meetings(range(3), range(3, 8), range(8, 12))
    if name == "band":
        return 15, meetings(*([i, i + 1, i + 2] for i in range(13)))
    if name == "ring":
        return 9, meetings(*([i, (i + 1) % 9] for i in range(9)))
    if name == "two factors":
        return 14, crossed(rng, 8, 5)
    if name == "three factors":
        return 17, crossed(rng, 8, 5, 3)
    if name == "full":
        return 9, meetings(range(9))
    pairs = rng.integers(0, 13, (rng.integers(0, 30), 2))
    return 13, np.sort(pairs[pairs[:, 0] != pairs[:, 1]], axis=1)  # some of them twice


NAMES = (
    *("nothing", "one", "diagonal", "one factor", "blocks", "band"),
    *("ring", "two factors", "three factors", "full", "any"),
)
BLOCKS = pytest.mark.parametrize("smallest", [1, 3, np.inf], ids=["block", "large block", "loop"])


class Random:
    """A random positive definite matrix of a pattern: as the engine has it, and dense in its order."""

    def __init__(self, name, seed, smallest):
        rng = np.random.default_rng(seed)
        self.size, pairs = pairs_of(name, rng)
        with patch.object(sparse, "SMALLEST_BLOCK", smallest):
            self.pattern = analyse(pairs[:, 0], pairs[:, 1], self.size)
        original = np.eye(self.size)
        for i, j in pairs:
            original[i, j] = original[j, i] = rng.normal()
        original += np.diag(np.abs(original).sum(1))
        order = np.argsort(self.pattern.order)
        self.dense = original[np.ix_(order, order)]
        self.h = self.entries(self.dense)

    def entries(self, matrix):
        """Return the upper triangle of a matrix by columns."""
        column = np.repeat(np.arange(self.size), np.diff(self.pattern.start))
        return matrix[self.pattern.row, column]

    def factor(self, h):
        """Return the log determinant and the factor of entries h."""
        out = np.full(len(self.pattern.l_row), np.nan)
        return factorize(self.pattern, h, out, np.full(self.size, np.nan)), out


@BLOCKS
@pytest.mark.parametrize("name", NAMES)
@given(seed=st.integers(0, 2**16))
@few
def test_factor_solves_and_determines_like_dense_algebra(name, smallest, seed):
    r = Random(name, seed, smallest)
    np.testing.assert_array_equal(dense(r.pattern, r.h), r.dense)  # nothing is left out of the pattern
    value, factor = r.factor(r.h)
    expected = np.linalg.cholesky(r.dense)
    np.testing.assert_allclose(lower(r.pattern, factor), expected, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(value, 0.5 * np.linalg.slogdet(r.dense)[1], rtol=1e-10, atol=1e-12)
    b = np.random.default_rng(seed).normal(size=r.size)
    one, other = b.copy(), b.copy()
    forward(r.pattern, factor, one)
    backward(r.pattern, factor, other)
    np.testing.assert_allclose(one, np.linalg.solve(expected, b), rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(other, np.linalg.solve(expected.T, b), rtol=1e-9, atol=1e-11)


def test_long_columns_are_taken_from_a_large_block_together():
    """Twenty levels meet all of 300, which meet each other: the block is taken in several strips."""
    rng = np.random.default_rng(0)
    pairs = np.array([(i, j) for j in range(20, 320) for i in range(j)])
    pattern = analyse(pairs[:, 0], pairs[:, 1], 320)
    assert pattern.dense == 19 and pattern.long.max() == 18  # the last of the twenty is full
    original = np.zeros((320, 320))
    original[pairs[:, 0], pairs[:, 1]] = rng.normal(size=len(pairs))
    original += original.T
    original += np.diag(np.abs(original).sum(1))
    order = np.argsort(pattern.order)
    matrix = original[np.ix_(order, order)]
    columns = np.repeat(np.arange(320), np.diff(pattern.start))
    root = np.zeros(len(pattern.l_row))
    value = factorize(pattern, matrix[pattern.row, columns], root, np.zeros(320))
    np.testing.assert_allclose(value, 0.5 * np.linalg.slogdet(matrix)[1], rtol=1e-12)
    np.testing.assert_allclose(lower(pattern, root), np.linalg.cholesky(matrix), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
@given(seed=st.integers(0, 2**16))
@few
def test_a_pattern_says_where_the_factor_has_entries_and_nothing_more(name, seed):
    r = Random(name, seed, 3)
    p, size = r.pattern, r.size
    np.testing.assert_array_equal(np.sort(p.order), np.arange(size))
    root = np.linalg.cholesky(r.dense)
    # Random entries do not cancel: what is zero in the dense factor is not in the pattern.
    assert len(p.l_row) == (np.abs(root) > 1e-14).sum()
    for k in range(size):
        own = p.l_row[p.l_start[k] : p.l_start[k + 1]]
        assert own[0] == k and (np.diff(own) > 0).all()
        columns = p.r_column[p.r_start[k] : p.r_start[k + 1]]
        assert (np.diff(columns) > 0).all() and (
            p.l_row[p.r_place[p.r_start[k] : p.r_start[k + 1]]] == k
        ).all()
        np.testing.assert_array_equal(columns, np.flatnonzero(np.abs(root[k, :k]) > 1e-14))
    assert size - p.dense == 0 or size - p.dense >= 3
    assert (np.abs(np.tril(root)[p.dense :, p.dense :])[np.tril_indices(size - p.dense)] > 1e-14).all()


@pytest.mark.parametrize("levels", [3, 200])
def test_one_grouping_factor_and_trees_of_them_fill_nothing_in(levels):
    effects = [[0, 1, 2 + k, 2 + levels + k] for k in range(levels)]  # two effects a level
    nested = [[0, 1, 2 + k // 5, 2 + levels + k] for k in range(levels)]  # levels within levels
    for sets in (effects, nested):
        pairs = meetings([0, 1], *sets)
        pattern = analyse(pairs[:, 0], pairs[:, 1], 2 + 2 * levels)
        assert len(pattern.l_row) == len(pattern.row)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "nothing"])
@given(seed=st.integers(0, 2**16))
@few
def test_adjoint_of_the_factor_is_that_of_finite_differences(name, seed):
    r, rng = Random(name, seed, 1), np.random.default_rng(seed)
    _, factor = r.factor(r.h)
    bar, found = rng.normal(size=len(factor)), np.full(len(r.h), np.nan)
    adjoint(r.pattern, factor, bar.copy(), found, np.full(r.size, np.nan))
    step = 1e-5
    expected = [
        bar @ (r.factor(r.h + e)[1] - r.factor(r.h - e)[1]) / (2 * step) for e in step * np.eye(len(r.h))
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7)


@BLOCKS
@pytest.mark.parametrize("name", [name for name in NAMES if name != "nothing"])
@pytest.mark.parametrize("how", ["negative", "indefinite", "nan", "inf", "zero"])
@pytest.mark.parametrize("seed", range(4))
def test_matrices_that_are_not_positive_definite_give_nan(name, smallest, how, seed):
    r = Random(name, seed, smallest)
    h, at = r.h.copy(), np.random.default_rng(seed).integers(r.size)
    diagonal = r.pattern.start[1:] - 1
    if how == "indefinite":  # a positive diagonal, and a determinant below zero
        off = np.setdiff1d(np.arange(len(h)), diagonal)
        if not off.size:
            return
        h[np.random.default_rng(seed).choice(off)] = 1e3
        assert np.linalg.eigvalsh(dense(r.pattern, h)).min() < 0
    elif how == "zero":
        h[:] = 0.0
    else:
        h[diagonal[at]] = {"negative": -1.0, "nan": np.nan, "inf": np.inf}[how]
    value, _ = r.factor(h)
    assert np.isnan(value) or (how == "inf" and not np.isfinite(value))


# Constraints

SUMS = {
    "none": [],
    "one": [[0, 1, 2, 3]],
    "two": [[0, 1, 2, 3], [4, 6, 8]],
    "all but one": [[0, 1, 2, 3], [4, 6, 8], [5, 7]],
    "a single effect": [[3]],
}


def constrained(sums, seed):
    """Return gaussian rows on ten effects of a random precision, some of whose sums are zero."""
    rng, b = np.random.default_rng(seed), Builder()
    sigma = b.hyperparameter("sigma", Exponential(1.0))
    root = np.tril(rng.normal(size=(10, 10))) * (rng.random((10, 10)) < 0.3) + np.eye(10)
    x = b.effects(10, rng.normal(size=10), root @ root.T)
    v = b.columns(10)
    b.scale(v, x, np.where(np.arange(10) % 2, ONE, sigma))
    line, column = np.divmod(rng.choice(80, 30, replace=False), 10)
    lines = Lines(line, v[column], rng.normal(size=30))
    b.gaussian_rows(lines, rng.normal(size=8), rng.uniform(0.5, 2, 8), 8.0, b.known(1.7))
    for places in sums:
        b.zero_sum(x[places])
    return Target(b.build(), np.zeros(1), np.zeros(0))


@pytest.mark.parametrize("name", SUMS)
@given(seed=st.integers(0, 2**16))
@few
def test_effects_are_conditioned_on_their_sums(name, seed):
    """By kriging: subtract what the sums explain (Rue and Held 2005, algorithm 2.6)."""
    target, rng = constrained(SUMS[name], seed), np.random.default_rng(seed)
    theta, z = rng.normal(size=1), rng.normal(size=10)
    d, sums = DenseProblem(target, theta), target.problem.quadratics
    assert d.c.sum() == sum(len(own) for own in SUMS[name])
    a, b = d.h[sums.tau[0]] * d.gram(sums.a[0]), d.h[sums.tau[0]] * sums.b[0]
    matrix, right = d.normal_equations(a, b)
    mode, project = d.conditioned(matrix, right)
    far = 1e-10 * np.linalg.cond(matrix) * (1 + np.abs(mode).max())
    nv = len(d.v0)
    value, elements = target.refined(theta, z, 0)
    x = elements[nv:]
    np.testing.assert_allclose(d.c @ x, 0, atol=far)
    np.testing.assert_allclose(elements[:nv], d.s @ x + d.v0, rtol=1e-10, atol=far)
    root = np.linalg.cholesky(matrix)
    np.testing.assert_allclose(x, mode + project @ np.linalg.solve(root.T, z), rtol=1e-9, atol=far)
    # The density of x in orthonormal coordinates of the space, the map's volume, and what z does not reach.
    by_z = project @ np.linalg.inv(root.T)
    _, singular, turn = np.linalg.svd(by_z)
    free = len(z) - len(d.c)
    away, v, p = x - d.mean, elements[:nv], target.problem
    quadratic = -0.5 * (d.h[sums.tau[0]] * sums.c[0] - 2 * b @ v + v @ a @ v)
    prior = -0.5 * away @ d.q @ away + p.constant
    expected = prior + quadratic + 0.5 * sums.n[0] * np.log(d.h[sums.tau[0]])
    expected += np.log(singular[:free]).sum() - 0.5 * np.square(turn[free:] @ z).sum()
    sigma = d.h[p.slots.place[0]]  # exponential of rate 1, in theta by a ramp
    expected += -sigma + log_ndtr(theta[0])
    np.testing.assert_allclose(value, expected, rtol=1e-9, atol=far)
    # Integrated over z, it is the marginal.
    at_mode = target.refined(theta, np.zeros(10), 0)[0]
    np.testing.assert_allclose(target.marginals(theta[None])[0], at_mode, rtol=1e-10, atol=1e-10)
