"""The engine's coordinates are all the plain posterior, and their gradients those of finite differences."""

import numpy as np
import pytest

from posterior.cases import (
    CROSSED,
    KNOWN,
    LATENT,
    ORDERED,
    SHRUNK,
    STUDENT_EFFECTS,
    TWO_GAUSSIAN,
    Case,
    expected_joint,
    named,
    natural,
    posterior,
)
from shoal.engine.coordinates import NAMES
from shoal.model.terms.coefficients import PlacedCoefficients
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
def posteriors():
    return {}


def built(posteriors, case, seed=3):
    if str(case) not in posteriors:
        posteriors[str(case)] = posterior(case, seed)
    return posteriors[str(case)]


def some_point(target, seed):
    rng = np.random.default_rng(seed)
    return 0.7 * rng.normal(size=target.n_theta), rng.normal(size=target.n_effects)


@CASES
@pytest.mark.parametrize("coordinates", NAMES)
def test_all_coordinates_are_the_plain_density(posteriors, case, coordinates):
    p = built(posteriors, case)

    def evaluate(theta, z):
        value, *_, elements = p.target.in_coordinates(coordinates, theta, z)
        return value, elements

    for seed in (1, 2):
        theta, z = some_point(p.target, seed)
        point = natural(p, theta, z, evaluate=evaluate)
        np.testing.assert_allclose(point.value, expected_joint(p, point, z), rtol=1e-9, atol=1e-7)


@CASES
@pytest.mark.parametrize("coordinates", NAMES)
def test_gradients_are_those_of_finite_differences(posteriors, case, coordinates):
    target = built(posteriors, case).target
    theta, z = some_point(target, 4)
    _, by_theta, by_z, _ = target.in_coordinates(coordinates, theta, z)
    d, step = len(theta), 1e-5

    def value(q):
        return target.in_coordinates(coordinates, q[:d], q[d:])[0]

    q = np.append(theta, z)
    expected = [(value(q + e) - value(q - e)) / (2 * step) for e in step * np.eye(len(q))]
    np.testing.assert_allclose(np.append(by_theta, by_z), expected, rtol=2e-6, atol=2e-6)


def test_z_holds_what_the_coordinates_say():
    """Centered: each level's own, at average columns. Zero-sum: the population's mean over these levels."""
    p = posterior(Case("y ~ x1 + x2 + (1 + x1 | g) + (1 | h)"), 3)
    problem = p.target.problem
    (c,) = (own for own in p.assembled.placed if isinstance(own, PlacedCoefficients))
    own = problem.levels.effect[: problem.levels.start[1]].reshape(-1, 2)
    population = problem.scales.effect[problem.scales.start[c.b]]
    theta, z = some_point(p.target, 5)

    def drawn(name):
        """Return the coefficients, and the effects of g and of h."""
        *_, elements = p.target.in_coordinates(name, theta, z)
        (values,) = named(p, theta[None], elements[None])
        return np.array([values[k] for k in ("Intercept", "x1", "x2")]), values["r_g"], values["r_h"]

    beta, of_g, of_h = drawn("centered")
    average = p.model.groups[0].averages[1]
    np.testing.assert_allclose(z[own] - np.outer(z[own][:, 1], [average, 0]), of_g + beta[:2], atol=1e-12)
    other = z[problem.levels.effect[problem.levels.start[1] :]]
    np.testing.assert_allclose(other, of_h[:, 0], atol=1e-12)
    mean, scale, _ = c.term.affine()
    free = mean + scale @ z[population]  # coefficients by their places in z alone
    np.testing.assert_allclose(drawn("noncentered")[0], free, atol=1e-12)
    beta, of_g, of_h = drawn("zero_sum")
    moved = np.array([of_g[:, 0].mean() + of_h.mean(), of_g[:, 1].mean(), 0.0])
    np.testing.assert_allclose(beta + moved, free, atol=1e-12)
