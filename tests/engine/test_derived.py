"""Hyperparameters made of others, rows of Student-t effects: plain formulas, derivatives by differences."""

from math import lgamma

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from shoal.formula import parse
from shoal.model.bases import hilbert
from shoal.model.covariance import correlations
from shoal.model.terms import functions as f
from shoal.model.terms.student_effects import student_effects

SEEDS = pytest.mark.parametrize("seed", range(4))


def forward(function, inputs, constants, count):
    """Return outputs and the addition to the log prior."""
    outputs = np.full(count, np.nan)
    value = function.compiled(np.array(inputs, float), np.array(constants, float), outputs)
    return outputs, value


def check_adjoint(pair, inputs, constants, count, seed):
    """The adjoint adds the derivative of ``bar' outputs`` plus the addition to the log prior."""
    function, adjoint = pair
    rng, inputs = np.random.default_rng(seed), np.array(inputs, float)
    outputs, _ = forward(function, inputs, constants, count)
    bar, before = rng.normal(size=count), rng.normal(size=len(inputs))
    found = before.copy()
    adjoint.compiled(inputs, np.array(constants, float), outputs, bar, found)

    def value(at):
        outputs, addition = forward(function, at, constants, count)
        return bar @ outputs + addition

    for k, x in enumerate(inputs):
        step = 1e-4 * min(1.0, abs(x) + 1e-2, 1 - abs(x) if abs(x) < 1 else 1.0) * np.eye(len(inputs))[k]
        slope = (8 * (value(inputs + step) - value(inputs - step))) / 12 / step[k]
        slope -= (value(inputs + 2 * step) - value(inputs - 2 * step)) / 12 / step[k]
        np.testing.assert_allclose(found[k] - before[k], slope, rtol=1e-6, atol=1e-6 * np.abs(bar).max())


def partials(rng, size, most):
    return rng.uniform(-most, most, size * (size - 1) // 2)


@SEEDS
@pytest.mark.parametrize("most", [0.0, 0.7, 0.999])
@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_root_of_a_covariance(size, most, seed):
    rng = np.random.default_rng(seed)
    sd, partial = rng.uniform(0.1, 3, size), partials(rng, size, most)
    count = size * (size + 1) // 2
    outputs, addition = forward(f.covariance_root, [*sd, *partial], [], count)
    root = np.zeros((size, size))
    root[np.tril_indices(size)] = outputs
    correlation = correlations(partial, (tuple(range(size)),), size)
    expected = np.diag(sd) @ np.linalg.cholesky(correlation)
    assert addition == 0.0
    np.testing.assert_allclose(root, expected, rtol=1e-9, atol=1e-9)
    check_adjoint((f.covariance_root, f.covariance_root_adjoint), [*sd, *partial], [], count, seed)


@SEEDS
@pytest.mark.parametrize("size", [2, 3, 5])
def test_products_of_the_rows_of_a_root_are_correlations(size, seed):
    partial = partials(np.random.default_rng(seed), size, 0.9)
    correlation = correlations(partial, (tuple(range(size)),), size)
    root = np.linalg.cholesky(correlation)[np.tril_indices(size)]
    count = size * (size - 1) // 2
    outputs, addition = forward(f.products_of_rows, root, [], count)
    assert addition == 0.0
    np.testing.assert_allclose(outputs, correlation[np.tril_indices(size, -1)], rtol=1e-9, atol=1e-12)
    check_adjoint((f.products_of_rows, f.products_of_rows_adjoint), root, [], count, seed)


def test_partial_correlations_are_correlations_given_those_before():
    """Of two effects the correlation itself; of the third and second, that of residuals on the first."""
    partial = np.array([0.3, -0.5, 0.8])
    outputs, _ = forward(f.covariance_root, [1.0, 1.0, 1.0, *partial], [], 6)
    root = np.zeros((3, 3))
    root[np.tril_indices(3)] = outputs
    r = root @ root.T
    np.testing.assert_allclose([r[1, 0], r[2, 0]], partial[:2])
    given = (r[2, 1] - r[1, 0] * r[2, 0]) / np.sqrt((1 - r[1, 0] ** 2) * (1 - r[2, 0] ** 2))
    np.testing.assert_allclose(given, partial[2])


@SEEDS
@pytest.mark.parametrize("mu", [0.0, 3.0])
@pytest.mark.parametrize("count", [1, 2, 3, 6])
def test_contrasts_are_orthonormal_and_sum_to_zero(count, mu, seed):
    t = np.random.default_rng(seed).normal(mu, 1, count - 1)
    outputs, addition = forward(f.contrasts, t, [1.0], count)
    assert addition == 0.0
    np.testing.assert_allclose(outputs.sum(), 0, atol=1e-12 * (1 + abs(mu)))
    np.testing.assert_allclose(outputs @ outputs, t @ t, rtol=1e-12)
    check_adjoint((f.contrasts, f.contrasts_adjoint), t, [1.0], count, seed)


@SEEDS
@pytest.mark.parametrize("mu", [0.0, 3.0])
@pytest.mark.parametrize("count", [1, 2, 3, 6])
def test_cutpoints_and_the_density_of_their_gaps(count, mu, seed):
    """Ordered normal cutpoints are their mean, normal, and gaps whose density does not depend on it."""
    rng = np.random.default_rng(seed)
    gaps, s = rng.uniform(0.05, 2, count - 1), rng.uniform(0.5, 3)
    outputs, addition = forward(f.cutpoints, gaps, [s], count)
    np.testing.assert_allclose(outputs.sum(), 0, atol=1e-12)
    np.testing.assert_allclose(np.diff(outputs), gaps, rtol=1e-10)
    mean = rng.normal()
    ordered = stats.norm.logpdf(mean + outputs, mu, s).sum() + lgamma(count + 1)
    expected = ordered - stats.norm.logpdf(mean, mu, s / np.sqrt(count))
    np.testing.assert_allclose(addition, expected, rtol=1e-9, atol=1e-10)
    check_adjoint((f.cutpoints, f.cutpoints_adjoint), gaps, [s], count, seed)


@SEEDS
def test_precision(seed):
    sigma = np.random.default_rng(seed).uniform(0.05, 20)
    outputs, addition = forward(f.precision, [sigma], [], 1)
    np.testing.assert_allclose(outputs, sigma**-2.0)
    assert addition == 0.0
    check_adjoint((f.precision, f.precision_adjoint), [sigma], [], 1, seed)


@SEEDS
@pytest.mark.parametrize("count", [1, 4])
def test_multiples(count, seed):
    inputs = np.random.default_rng(seed).normal(size=count + 1)
    outputs, addition = forward(f.multiples, inputs, [], count)
    np.testing.assert_allclose(outputs, inputs[:-1] * inputs[-1])
    assert addition == 0.0
    check_adjoint((f.multiples, f.multiples_adjoint), inputs, [], count, seed)


@SEEDS
@pytest.mark.parametrize("alpha", [0.4, 1.0, 3.0])
@pytest.mark.parametrize("far", [0.5, 2.0, 6.0])
@pytest.mark.parametrize("size", [1, 2, 3, 6])
def test_simplex(size, far, alpha, seed):
    """The density of the scores, by the volume of what they make, is the simplex's."""
    rng = np.random.default_rng(seed)
    scores = rng.uniform(-far, far, size - 1)
    outputs, addition = forward(f.simplex, scores, [alpha], size)
    after = np.arange(size - 1, 0, -1)
    left = np.concatenate([[1.0], np.cumprod(stats.norm.sf(scores) ** (1 / after))])
    np.testing.assert_allclose(outputs, np.append(-np.diff(left), left[-1]), rtol=1e-9, atol=1e-14)
    np.testing.assert_allclose(outputs.sum(), 1, rtol=1e-12)
    if size > 1:
        # Of a fraction s the derivative in its score, for each what is left before it.
        volume = np.log(left[1:] / after) + stats.norm.logpdf(scores) - stats.norm.logsf(scores)
        expected = stats.dirichlet.logpdf(outputs[:-1] / outputs.sum(), np.full(size, alpha)) + volume.sum()
        np.testing.assert_allclose(addition + stats.norm.logpdf(scores).sum(), expected, rtol=1e-7)
    check_adjoint((f.simplex, f.simplex_adjoint), scores, [alpha], size, seed)


@pytest.mark.parametrize("alpha", [0.4, 1.0, 3.0])
@pytest.mark.parametrize("score", [-40.0, -9.0, 9.0, 40.0, 300.0])
def test_simplex_stays_finite_where_a_share_is_nothing_or_all(score, alpha):
    scores, bar = np.array([score, 0.3]), np.zeros(2)
    outputs, addition = forward(f.simplex, scores, [alpha], 3)
    f.simplex_adjoint.compiled(scores, np.array([alpha]), outputs, np.ones(3), bar)
    assert np.isfinite([*outputs, addition, *bar]).all()
    np.testing.assert_allclose(outputs.sum(), 1, rtol=1e-12)
    if alpha == 1.0:
        np.testing.assert_allclose(bar, 0, atol=1e-9)  # shares add up to one whatever the scores


ROOTS = {
    "exp_quad": ((f.squared_exponential_root, f.squared_exponential_root_adjoint), []),
    "matern15": ((f.matern_root, f.matern_root_adjoint), [1.5]),
    "matern25": ((f.matern_root, f.matern_root_adjoint), [2.5]),
}


@SEEDS
@pytest.mark.parametrize("length", [1e-3, 0.3, 20.0])
@pytest.mark.parametrize("kind", ROOTS)
def test_roots_of_spectral_densities(kind, length, seed):
    """Of long lengthscales high frequencies have none, and no derivative."""
    pair, constants = ROOTS[kind]
    sd = np.random.default_rng(seed).uniform(0.1, 3)
    (term,) = parse(f"y ~ gp(x, k=9, cov={kind!r})").curves
    basis = hilbert.learn(term, pd.DataFrame({"x": [0.0, 2.0]}), np.ones(2))
    inputs, constants = [sd, length], [*constants, *basis.frequencies]
    outputs, addition = forward(pair[0], inputs, constants, 9)
    np.testing.assert_allclose(outputs**2, sd**2 * basis.spectral_density(length), rtol=1e-12)
    assert addition == 0.0
    check_adjoint(pair, inputs, constants, 9, seed)


# Student-t effects


def student(eta, nu, order):
    """Return value, score, curvature and slope of levels (k, levels)."""
    size, levels = eta.shape
    pairs = size * (size + 1) // 2
    out = [np.full(levels, np.nan), np.full((size, levels), np.nan), np.full((pairs, levels), np.nan)]
    slope, information = np.zeros((1, 1)), np.zeros((1, 1))
    ones = np.ones(levels)
    student_effects.compiled(
        ones * 0, ones, ones, ones * 0, eta.copy(), np.array([[nu]]), order, *out, slope, information
    )
    return (*out, slope[0, 0])


@pytest.mark.parametrize("nu", [1.0, 2.5, 30.0, 1e6])
@pytest.mark.parametrize("size", [1, 2, 4])
@pytest.mark.parametrize("far", [0.01, 1.0, 1e3])
def test_student_effects_are_multivariate_t(size, nu, far):
    eta = far * np.random.default_rng(size).normal(size=(size, 7))
    value, score, curvature, slope = student(eta, nu, 2)
    for order in (0, 1):
        np.testing.assert_array_equal(student(eta, nu, order)[0], value)
    normal = 0.5 * size * np.log(2 * np.pi)
    expected = [stats.multivariate_t.logpdf(u, None, np.eye(size), df=nu) + normal for u in eta.T]
    # Of many degrees of freedom SciPy's constant is the difference of two large numbers.
    np.testing.assert_allclose(value, expected, rtol=1e-9, atol=1e-9 * max(1.0, 1e-3 * nu))
    step = 1e-4 * max(far, 0.1)
    for k in range(size):
        up, down = (student(eta + s * step * np.eye(size)[:, [k]], nu, 0)[0] for s in (1, -1))
        np.testing.assert_allclose(score[k], (up - down) / (2 * step), rtol=1e-5, atol=1e-6)
    h = 1e-4 * nu
    up, down = (student(eta, nu + s * h, 0)[0].sum() for s in (1, -1))
    np.testing.assert_allclose(slope, (up - down) / (2 * h), rtol=1e-6, atol=1e-11 + 1e-9 / nu)
    # The curvature is that of the normal whose slope this is: a precision, the same for all effects.
    weight = (nu + size) / (nu + (eta**2).sum(0))
    np.testing.assert_allclose(score, -weight * eta, rtol=1e-12)
    pairs = [(a, b) for a in range(size) for b in range(a + 1)]
    for (a, b), found in zip(pairs, curvature, strict=True):
        np.testing.assert_allclose(found, weight if a == b else 0.0, rtol=1e-12)


def test_student_effects_of_many_degrees_of_freedom_are_normal():
    eta = np.random.default_rng(0).normal(size=(3, 5))
    value, score, curvature, _ = student(eta, 1e9, 2)
    np.testing.assert_allclose(value, -0.5 * (eta**2).sum(0), atol=1e-6)
    np.testing.assert_allclose(score, -eta, atol=1e-6)
    np.testing.assert_allclose(curvature[[0, 2, 5]], 1, atol=1e-6)


@SEEDS
@pytest.mark.parametrize("share", [0.05, 0.5, 0.95])
def test_spreads_of_neighbouring_areas(share, seed):
    """Of BYM2, a mixture of variances; of a conditional autoregression, that of each eigenvector."""
    rng = np.random.default_rng(seed)
    sd, g, w = rng.uniform(0.2, 2), rng.exponential(size=5), rng.uniform(-1, 1, size=5)
    found, addition = forward(f.mixed_root, [sd, share], g, 5)
    np.testing.assert_allclose(found**2, share * sd**2 * g + (1 - share) * sd**2, rtol=1e-12)
    assert addition == 0.0
    check_adjoint((f.mixed_root, f.mixed_root_adjoint), [sd, share], g, 5, seed)
    found, addition = forward(f.conditional_root, [sd, share], w, 5)
    np.testing.assert_allclose(sd**2 / found**2, 1 - share * w, rtol=1e-12)
    assert addition == 0.0
    check_adjoint((f.conditional_root, f.conditional_root_adjoint), [sd, share], w, 5, seed)
