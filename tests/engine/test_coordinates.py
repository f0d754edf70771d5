"""The engine's coordinates are all the plain posterior, and their gradients those of finite differences."""

import numpy as np
import pytest
from models import engine, expected_joint

from posterior.cases import (
    CROSSED,
    KNOWN,
    LATENT,
    ORDERED,
    SHRUNK,
    STUDENT_EFFECTS,
    TWO_GAUSSIAN,
    Case,
    specification,
)
from shoal.engine.coordinates import NAMES
from shoal.priors import Fixed, StudentT

MODELS = [
    Case("y | weights(w) ~ x1 + x2 + offset(o) + (1 + x1 | g)", priors={"x2": StudentT(4)}),
    Case("y | se(s, sigma=True) ~ x1 + (1 + x1 + x2 | gr(g, zero_sum=True))", priors={"x1": Fixed(0.3)}),
    Case("k | trials(n) ~ x1 + (1 + x1 || g) + (0 + x2 | g)", "binomial"),
    Case("b ~ 1 + (0 + x1 | gr(g, zero_sum=True))", "bernoulli"),
    Case("y ~ x1"),
    CROSSED[3],
    CROSSED[5],
    KNOWN[3],
    TWO_GAUSSIAN[3],
    SHRUNK[1],
    ORDERED[0],
    STUDENT_EFFECTS[1],
    STUDENT_EFFECTS[3],
    LATENT[1],
]
CASES = pytest.mark.parametrize("case", MODELS, ids=str)


@pytest.fixture(scope="module")
def engines():
    return {}


def built(engines, case, seed=3):
    if str(case) not in engines:
        engines[str(case)] = engine(specification(case, seed))
    return engines[str(case)]


def some_point(target, seed):
    rng = np.random.default_rng(seed)
    return 0.7 * rng.normal(size=target.n_theta), rng.normal(size=target.n_effects)


@CASES
@pytest.mark.parametrize("coordinates", NAMES)
def test_all_coordinates_are_the_plain_density(engines, case, coordinates):
    e = built(engines, case)

    def evaluate(theta, z):
        value, *_, elements = e.target.in_coordinates(coordinates, theta, z)
        return value, elements

    for seed in (1, 2):
        theta, z = some_point(e.target, seed)
        point = e.natural(theta, z, evaluate)
        np.testing.assert_allclose(point.value, expected_joint(e.posterior, point, z), rtol=1e-9, atol=1e-7)


@CASES
@pytest.mark.parametrize("coordinates", NAMES)
def test_gradients_are_those_of_finite_differences(engines, case, coordinates):
    target = built(engines, case).target
    theta, z = some_point(target, 4)
    _, by_theta, by_z, _ = target.in_coordinates(coordinates, theta, z)
    d, step = len(theta), 1e-5

    def value(q):
        return target.in_coordinates(coordinates, q[:d], q[d:])[0]

    q = np.append(theta, z)
    expected = [(value(q + e) - value(q - e)) / (2 * step) for e in step * np.eye(len(q))]
    np.testing.assert_allclose(np.append(by_theta, by_z), expected, rtol=2e-6, atol=2e-6)


def test_z_holds_what_the_coordinates_say():
    """Centered: each level's own coefficients. Zero-sum: the population's mean over these levels."""
    e = built({}, Case("y ~ x1 + x2 + (1 + x1 | g) + (1 | h)"))
    c, problem = e.assembled.coefficients, e.target.problem
    own = problem.levels.effect[: problem.levels.start[1]].reshape(-1, 2)
    population = problem.scales.effect[problem.scales.start[c.b]]
    theta, z = some_point(e.target, 5)

    def drawn(name):
        *_, elements = e.target.in_coordinates(name, theta, z)
        return e.point(theta, elements)

    centered = drawn("centered")
    np.testing.assert_allclose(z[own].T, centered.r[0] + centered.beta[:2, None], atol=1e-12)
    other = z[problem.levels.effect[problem.levels.start[1] :]]
    np.testing.assert_allclose(other, centered.r[1][0], atol=1e-12)
    free = c.mean + c.scale @ z[population]  # coefficients by their places in z alone
    np.testing.assert_allclose(drawn("noncentered").beta, free, atol=1e-12)
    zero_sum = drawn("zero_sum")
    moved = np.array([zero_sum.r[0][0].mean() + zero_sum.r[1][0].mean(), zero_sum.r[0][1].mean(), 0.0])
    np.testing.assert_allclose(zero_sum.beta + moved, free, atol=1e-12)
