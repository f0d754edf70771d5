"""Several Student-t responses of a row: the density of SciPy, derivatives by differences and expectation."""

import numpy as np
import pytest
from scipy import stats

from shoal.families.multi_student import multi_student_rows

SIZES = pytest.mark.parametrize("size", [1, 2, 4])
NU = pytest.mark.parametrize("nu", [1.0, 2.5, 30.0])
ROWS = 6


def parameters(size, nu, seed=0, most=0.9):
    """Return sigmas, nu and correlations as the row function has them, and the matrix."""
    rng = np.random.default_rng(seed)
    root = np.linalg.cholesky(np.eye(size) + most / (1 - most) * np.ones((size, size)))
    root = root * rng.choice([-1, 1], size)[:, None]
    matrix = root @ root.T + np.diag(rng.uniform(0, 1, size))
    matrix /= np.sqrt(np.outer(np.diag(matrix), np.diag(matrix)))
    sigma = rng.uniform(0.1, 30, size)
    return np.array([*sigma, nu, *matrix[np.tril_indices(size, -1)]]), matrix * np.outer(sigma, sigma)


def evaluate(y, eta, phi, order=0, weight=None):
    """Call the row function: y (N, K), eta (K, N), phi (k,) or (k, N)."""
    size, rows = eta.shape
    phi = np.array(phi if np.ndim(phi) > 1 else np.array(phi)[:, None])
    ones = np.ones(rows)
    out = [np.full(rows, np.nan), np.full((size, rows), np.nan)]
    out += [np.full((size * (size + 1) // 2, rows), np.nan), np.zeros(phi.shape), np.zeros(phi.shape)]
    weight = ones if weight is None else weight
    multi_student_rows.compiled(np.ravel(y).copy(), ones, weight, ones * 0, eta.copy(), phi, order, *out)
    return dict(zip(("value", "score", "curvature", "slope", "information"), out, strict=True))


def rows_of(phi, size, far=3.0, rows=ROWS):
    rng = np.random.default_rng(size)
    return far * rng.normal(size=(rows, size)) * phi[:size], rng.normal(size=(size, rows))


def difference(function, h):
    return (8 * (function(h) - function(-h)) - (function(2 * h) - function(-2 * h))) / (12 * h)


@SIZES
@NU
@pytest.mark.parametrize("far", [0.01, 1.0, 1e3])
def test_the_density_is_that_of_scipy(size, nu, far):
    phi, shape = parameters(size, nu)
    y, eta = rows_of(phi, size, far)
    weight = np.arange(float(ROWS))
    found = evaluate(y, eta, phi, weight=weight)["value"]
    known = [stats.multivariate_t.logpdf(own, m, shape, df=nu) for own, m in zip(y, eta.T, strict=True)]
    np.testing.assert_allclose(found, weight * (np.array(known) + 0.5 * size * np.log(np.pi)), rtol=1e-9)
    # What parameters the rows share, or have each for itself, is one density.
    each = evaluate(y, eta, np.tile(phi[:, None], ROWS), 2, weight)
    together = evaluate(y, eta, phi, 2, weight)
    for part in ("value", "score", "curvature"):
        np.testing.assert_allclose(each[part], together[part], rtol=1e-12)
    for part in ("slope", "information"):
        np.testing.assert_allclose(each[part].sum(1), together[part][:, 0], rtol=1e-9, atol=1e-12)


@SIZES
def test_many_degrees_of_freedom_are_normal(size):
    phi, shape = parameters(size, 1e9)
    y, eta = rows_of(phi, size, 1.0)
    found = evaluate(y, eta, phi, 2)
    normal = [stats.multivariate_normal.logpdf(own, m, shape) for own, m in zip(y, eta.T, strict=True)]
    np.testing.assert_allclose(found["value"] - 0.5 * size * np.log(np.pi), normal, atol=1e-6)
    precision = np.linalg.inv(shape)
    np.testing.assert_allclose(found["score"], precision @ (y.T - eta), rtol=1e-5)
    lower = precision[np.tril_indices(size)]
    np.testing.assert_allclose(found["curvature"], np.tile(lower[:, None], ROWS), rtol=1e-6)


@SIZES
@NU
def test_score_and_slope_are_derivatives_of_the_value(size, nu):
    phi, _ = parameters(size, nu)
    y, eta = rows_of(phi, size)
    found = evaluate(y, eta, phi, 1)
    for a in range(size):
        step = phi[a] * np.eye(size)[:, [a]]
        slope = difference(lambda t, step=step: evaluate(y, eta + t * step, phi)["value"], 1e-3) / phi[a]
        np.testing.assert_allclose(found["score"][a], slope, rtol=1e-7, atol=1e-9 / phi[a])
    for k in range(len(phi)):
        h = (1e-3 if k <= size else 1e-4) * min(1.0, abs(phi[k]))
        step = np.eye(len(phi))[k]
        slope = difference(lambda t, step=step: evaluate(y, eta, phi + t * step)["value"].sum(), h)
        np.testing.assert_allclose(found["slope"][k, 0], slope, rtol=1e-6, atol=1e-7)


@SIZES
@pytest.mark.parametrize("nu", [2.5, 30.0])
def test_curvature_and_information_are_variances_of_score_and_slope(size, nu):
    """Fisher's information, by draws."""
    phi, shape = parameters(size, nu)
    rows = 200_000
    y = stats.multivariate_t.rvs(np.zeros(size), shape, nu, rows, np.random.default_rng(1))
    y = y.reshape(rows, size)
    eta = np.zeros((size, rows))
    found = evaluate(y, eta, np.tile(phi[:, None], rows), 2)
    inside = np.zeros((size, size))
    inside[np.tril_indices(size)] = found["curvature"][:, 0]
    inside += np.tril(inside, -1).T
    unit = np.outer(phi[:size], phi[:size])
    scores = found["score"] @ found["score"].T / rows
    np.testing.assert_allclose(unit * scores, unit * inside, atol=0.02 * (unit * inside).max())
    squares = (found["slope"][:size] ** 2).mean(1)
    np.testing.assert_allclose(found["information"][:size, 0], squares, rtol=0.03)


def test_any_of_the_responses_are_of_the_same_form():
    """The density of some responses is that of all of them, the others integrated out."""
    phi, _ = parameters(2, 3.0)
    # Far ends are heavy: the map from the unit interval takes them in.
    u = (np.arange(400_000) + 0.5) / 400_000
    other = np.tan(np.pi * (u - 0.5)) * phi[1]
    jacobian = np.pi * phi[1] * (1 + (other / phi[1]) ** 2)
    y = np.column_stack([np.full(len(other), 4.0), other])
    both = evaluate(y, np.zeros((2, len(other))), phi)["value"] - np.log(np.pi)
    alone = evaluate(np.array([[4.0]]), np.zeros((1, 1)), phi[[0, 2]])["value"] - 0.5 * np.log(np.pi)
    np.testing.assert_allclose(np.mean(np.exp(both) * jacobian), np.exp(alone[0]), rtol=1e-8)
