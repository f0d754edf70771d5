"""Rows of several linear predictors, and rows that meet several levels of one factor, against dense loops."""

import math

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from scipy import stats

from engine.dense_problem import DenseProblem, check_density, dense, log_exponential, slopes
from shoal.engine import density as engine
from shoal.engine import laplace
from shoal.engine.build import Builder, Lines
from shoal.engine.evaluate import Target
from shoal.families import Rows
from shoal.families.row_functions import row_function
from shoal.priors import Exponential

few = settings(max_examples=5, deadline=None, derandomize=True, phases=[Phase.explicit, Phase.generate])
SEEDS = st.integers(0, 2**16)
SHARE = 0.5  # of the second predictor in the location: its curvature with the first is not zero


@row_function
def location_scale(y, trials, weight, se, eta, phi, order, value, score, curvature, slope, information):
    """Normal of location ``eta[0] + SHARE eta[1]`` and scale ``phi[0] exp(eta[1])``; no normal's constant."""
    for i in range(y.size):
        scale = phi[0, 0] * math.exp(eta[1, i])
        r = (y[i] - eta[0, i] - SHARE * eta[1, i]) / scale
        value[i] = weight[i] * (-math.log(scale) - 0.5 * r * r)
        if order > 0:
            score[0, i] = weight[i] * r / scale
            score[1, i] = weight[i] * (SHARE * r / scale + r * r - 1.0)
            slope[0, 0] += weight[i] * (r * r - 1.0) / phi[0, 0]
        if order > 1:  # expected, as a family would have it
            curvature[0, i] = weight[i] / scale**2
            curvature[1, i] = weight[i] * SHARE / scale**2
            curvature[2, i] = weight[i] * (2.0 + (SHARE / scale) ** 2)


@row_function
def three(y, trials, weight, se, eta, phi, order, value, score, curvature, slope, information):
    """Normal of unit scale around ``eta[0] - 2 eta[1] + eta[2]``, and each predictor normal around zero."""
    for i in range(y.size):
        r = y[i] - eta[0, i] + 2.0 * eta[1, i] - eta[2, i]
        value[i] = -0.5 * weight[i] * r * r
        for a in range(3):
            value[i] -= 0.5 * weight[i] * eta[a, i] ** 2
        if order > 0:
            for a in range(3):
                score[a, i] = weight[i] * (r * (-2.0 if a == 1 else 1.0) - eta[a, i])
        if order > 1:
            pair = 0
            for a in range(3):
                for b in range(a + 1):
                    product = (-2.0 if a == 1 else 1.0) * (-2.0 if b == 1 else 1.0)
                    curvature[pair, i] = weight[i] * (product + (1.0 if a == b else 0.0))
                    pair += 1


def log_location_scale(rows, eta, phi):
    eta = eta.reshape(2, -1)
    found = stats.norm.logpdf(rows.y, eta[0] + SHARE * eta[1], phi * np.exp(eta[1])) + 0.5 * np.log(2 * np.pi)
    return rows.weight @ found


def log_three(rows, eta, _):
    eta = eta.reshape(3, -1)
    square = (rows.y - eta[0] + 2 * eta[1] - eta[2]) ** 2 + (eta**2).sum(0)
    return -0.5 * rows.weight @ square


FUNCTIONS = {"two": (location_scale, log_location_scale, 2), "three": (three, log_three, 3)}
RATES = np.array([1.0, 0.7, 2.0])


def members(rng, rows, levels, columns, most):
    """Return lines of rows that each meet some levels of one factor, one of them perhaps twice."""
    line = np.repeat(np.arange(rows), rng.integers(1, most + 1, rows))
    return Lines(line, columns[rng.integers(levels, size=len(line))], 0.6 * rng.normal(size=len(line)))


def joined(*parts):
    return Lines(*(np.concatenate(own) for own in zip(*parts, strict=True)))


class Made:
    """A random problem: blocks of rows of one, two or three predictors on the effects of two factors.

    The first factor has two effects a level, of which one is scaled by a sum of two hyperparameters; a row
    meets one to three of its levels in each predictor. Elements of v stand in several predictors of a row.
    """

    def __init__(self, seed, names, gaussian=False):
        rng, b = np.random.default_rng(seed), Builder()
        places = [b.hyperparameter(name, Exponential(r)) for name, r in zip("abc", RATES, strict=True)]
        x, other = b.effects(12).reshape(6, 2), b.effects(4, rng.normal(size=4))
        v, w, shifted = b.columns(12).reshape(6, 2), b.columns(4), b.columns(1)
        b.scale(v[:, 0], x[:, 0], places[0])
        b.scale(v[:, 1], x[:, 0], places[1])
        b.scale(v[:, 1], x[:, 1], places[0])
        b.scale(v[:, 1], x[:, 1], places[1])  # the same entry twice: their sum
        b.scale(w, other, 1)
        b.shift(shifted, np.array([places[2]]))
        columns = np.concatenate([v.ravel(), w, shifted])
        self.names, self.rows = names, []
        for name in names:
            function, _, q = FUNCTIONS[name]
            count = int(rng.integers(25, 35))
            rows = Rows(rng.normal(size=count), np.ones(count), rng.uniform(0.5, 2, count), np.zeros(count))
            lines = []
            for k in range(q):
                plain = members(rng, count, 5, columns[12:], 2)
                one = members(rng, count, 6, v[:, 0], 3)
                joint = joined(one, members(rng, count, 6, v[:, 1], 2), plain)
                lines.append(joint._replace(value=joint.value * 0.5**k))  # scales of log scales are small
            offset = 0.3 * rng.normal(size=(q, count))
            b.rows(function, rows, lines, offset, [places[2]] if q == 2 else [])
            self.rows.append(rows)
        self.sums = None
        if gaussian:
            lines = joined(members(rng, 9, 6, v[:, 0], 3), members(rng, 9, 5, columns[12:], 2))
            y, weight = rng.normal(size=9), rng.uniform(0.5, 2, 9)
            b.gaussian_rows(lines, y, weight, weight.sum(), places[2])
            matrix = np.zeros((9, len(columns)))
            np.add.at(matrix, (lines.line, lines.column), lines.value)
            self.sums = matrix, y, weight
        problem = b.build()
        self.target = Target(problem, np.zeros(3), 0.1 * rng.normal(size=len(problem.columns.offset)))

    def log_rows(self, theta, x):
        """Return the log density of all rows given effects x."""
        d = DenseProblem(self.target, theta)
        eta, at, total = d.predictors(x), 0, 0.0
        phi = d.h[self.target.problem.slots.place[2]]
        for name, rows in zip(self.names, self.rows, strict=True):
            _, log_density, q = FUNCTIONS[name]
            here = eta[at : at + q * len(rows.y)]
            at += len(here)
            total += log_density(rows, here, phi)
        assert at == len(eta)
        if self.sums is not None:
            matrix, y, weight = self.sums
            r = y - matrix @ (d.s @ x + d.v0)
            total += 0.5 * weight.sum() * np.log(phi) - 0.5 * phi * weight @ r**2
        return total


PROBLEMS = {
    "two": (["two"], False),
    "three": (["three"], False),
    "two blocks": (["two", "three"], False),
    "three blocks": (["three", "two", "two"], False),
    "sums beside": (["two", "three"], True),
    "sums alone": ([], True),
}
each = pytest.mark.parametrize("name", PROBLEMS)


def drawn_point(seed):
    rng = np.random.default_rng([seed, 1])
    return rng.normal(0, 0.7, 3), rng.normal(size=16)


@each
@pytest.mark.parametrize("steps", [0, 1, 3])
@given(seed=SEEDS)
@few
def test_density_is_the_plain_one(name, steps, seed):
    made = Made(seed, *PROBLEMS[name])
    theta, z = drawn_point(seed)
    log_theta, _ = log_exponential(made.target, theta, RATES)
    check_density(made.target, theta, z, log_theta, lambda x: made.log_rows(theta, x), steps)


@each
@given(seed=SEEDS)
@few
def test_gradient_is_that_of_finite_differences(name, seed):
    target = Made(seed, *PROBLEMS[name]).target
    theta, z = drawn_point(seed)
    value, *found = target.joint(theta, z)
    np.testing.assert_allclose(value, target.refined(theta, z, 0)[0], rtol=1e-11, atol=1e-10)
    expected = slopes(lambda q: target.joint(q[:3], q[3:])[0], np.append(theta, z))
    found = np.concatenate(found)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5 * np.abs(found).max())


def quadratic_of(made, d, eta):
    """Return J'WJ and its right side by a loop over rows; scores by differences of the plain density."""
    phi, at = d.h[made.target.problem.slots.place[2]], 0
    a, b = np.zeros((d.j.shape[1],) * 2), np.zeros(d.j.shape[1])
    for name, rows in zip(made.names, made.rows, strict=True):
        count, q = len(rows.y), FUNCTIONS[name][2]
        for i in range(count):
            lines = [at + k * count + i for k in range(q)]
            own = Rows(*(part[[i]] for part in rows[:4]))
            score = slopes(lambda e, n=name, r=own: FUNCTIONS[n][1](r, e, phi), eta[lines])
            weight = rows.weight[i] * information(name, eta[lines], phi)
            j = d.j[lines]
            a += j.T @ weight @ j
            b += j.T @ (score + weight @ (eta[lines] - d.offset[lines]))
        at += q * count
    return a, b


def information(name, eta, phi):
    """Return the expected curvature of a row in its predictors, (q, q)."""
    if name == "three":
        away = np.array([1.0, -2.0, 1.0])
        return np.outer(away, away) + np.eye(3)
    along = np.array([1.0, SHARE]) / (phi * np.exp(eta[1]))
    return np.outer(along, along) + np.diag([0.0, 2.0])


@pytest.mark.parametrize("name", [name for name, (blocks, _) in PROBLEMS.items() if blocks])
@given(seed=SEEDS)
@few
def test_normal_equations_are_loops_over_rows_and_pairs_of_predictors(name, seed):
    made = Made(seed, *PROBLEMS[name])
    theta, z = drawn_point(seed)
    d, target = DenseProblem(made.target, theta), made.target
    room, problem = target.room(), target.problem
    eta = np.random.default_rng(seed).normal(0, 0.5, len(d.offset))
    laplace.expand_at_predictors(target.handle, theta, eta, room.space)
    a, b = quadratic_of(made, d, eta)
    scale = np.abs(a).max() * (1 + np.abs(eta).max())
    np.testing.assert_allclose(d.gram(problem.expansion.a), a, rtol=1e-9, atol=1e-11 * scale)
    np.testing.assert_allclose(problem.expansion.b, b, rtol=1e-6, atol=1e-7 * scale)
    engine.refined(target.handle, 0, theta, z, room.space, room.where, np.zeros(16))
    phi = d.h[problem.slots.place[2]]
    if made.sums is not None:
        matrix, y, weight = made.sums
        a += phi * matrix.T @ (weight[:, None] * matrix)
        b += phi * matrix.T @ (weight * y)
    matrix, right = d.normal_equations(a, b)
    np.testing.assert_allclose(
        dense(problem.pattern, room.numbers.h_matrix), matrix, rtol=1e-9, atol=1e-10 * scale
    )
    mode = np.linalg.solve(matrix, right)
    np.testing.assert_allclose(room.map.mode, mode, rtol=1e-5, atol=1e-6 * (1 + np.abs(mode).max()))


@pytest.mark.parametrize("name", [name for name, (blocks, _) in PROBLEMS.items() if not blocks])
@given(seed=SEEDS)
@few
def test_marginal_of_rows_with_several_levels_is_a_multivariate_normal(name, seed):
    made = Made(seed, *PROBLEMS[name])
    theta, _ = drawn_point(seed)
    log_theta, h = log_exponential(made.target, theta, RATES)
    d, (matrix, y, weight) = DenseProblem(made.target, theta), made.sums
    s = matrix @ d.s
    covariance = s @ np.linalg.solve(d.q, s.T) + np.diag(1 / (weight * h[2]))
    expected = stats.multivariate_normal(s @ d.mean + matrix @ d.v0, covariance).logpdf(y)
    expected += 0.5 * (weight.sum() - len(y)) * np.log(h[2])  # rows of weight w are w rows
    expected += 0.5 * np.log(2 * np.pi) * len(y) - 0.5 * np.log(weight).sum()
    np.testing.assert_allclose(
        made.target.marginals(theta[None])[0], log_theta + expected, rtol=1e-9, atol=1e-9
    )


@each
@pytest.mark.parametrize("seed", range(8))
def test_search_ends_at_the_mode(name, seed):
    """With scales near the priors' means: far out a log scale has several modes, and flat ways to them."""
    made = Made(seed, *PROBLEMS[name])
    theta = 0.8 + 0.3 * drawn_point(seed)[0]
    made.target.expand(theta)
    x, d = made.target.problem.expansion.x, DenseProblem(made.target, theta)

    def given_theta(x):
        return made.log_rows(theta, x) - 0.5 * (x - d.mean) @ d.q @ (x - d.mean)

    room = made.target.room()
    engine.refined(made.target.handle, 0, theta, np.zeros(16), room.space, room.where, np.zeros(16))
    matrix, slope = dense(made.target.problem.pattern, room.numbers.h_matrix), slopes(given_theta, x)
    # What the next step would be, in posterior standard deviations; expected curvatures converge linearly.
    assert np.sqrt(slope @ np.linalg.solve(matrix, slope)) < 0.01
