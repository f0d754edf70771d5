"""A problem's arrays as dense matrices, in the engine's order of effects, and plain algebra on them."""

import numpy as np
from scipy.stats import norm


class DenseProblem:
    """``eta = offset + J v``, ``v = S x + v0``, ``x ~ N(mean, Q^-1)``, ``C x = 0``, at one theta.

    Attributes
    ----------
    h : (H,) array
    j, offset : (lines, nv), (lines,) arrays
    s, v0 : (nv, nx), (nv,) arrays
    q, mean : (nx, nx), (nx,) arrays
    c : (constraints, nx) array
    """

    def __init__(self, target, theta):
        p = self.problem = target.problem
        self.h = target.values(theta[None])[0]
        nv, nx = len(p.scales.constant), len(p.prior.mean)
        self.offset, self.j = p.columns.offset, np.zeros((len(p.columns.offset), nv))
        self.s, self.v0 = np.zeros((nv, nx)), self.h[p.scales.constant]
        self.q, self.mean = np.zeros((nx, nx)), p.prior.mean
        self.c = np.zeros((len(p.constraints.start) - 1, nx))
        for matrix, start, column, value in (
            (self.j, p.columns.start, p.columns.column, p.columns.value),
            (self.s, p.scales.start, p.scales.effect, self.h[p.scales.place]),
            (self.c, p.constraints.start, p.constraints.effect, np.ones(len(p.constraints.effect))),
        ):
            for row in range(len(matrix)):
                here = slice(start[row], start[row + 1])
                np.add.at(matrix[row], column[here], value[here])
        for row, column, value in zip(p.prior.row, p.prior.column, p.prior.value, strict=True):
            self.q[row, column] += value
            if row != column:
                self.q[column, row] += value

    def gram(self, entries):
        """Return numbers of A's pattern as a matrix (nv, nv)."""
        out, gram = np.zeros(self.j.shape[1:] * 2), self.problem.gram
        for row, column, value in zip(gram.row, gram.column, entries, strict=True):
            out[row, column] = out[column, row] = value
        return out

    def predictors(self, x):
        """Return the linear predictors of effects x."""
        return self.offset + self.j @ (self.s @ x + self.v0)

    def normal_equations(self, a, b):
        """Return H and its right side for a quadratic ``-1/2 v'Av + b'v`` of all rows."""
        return self.q + self.s.T @ a @ self.s, self.q @ self.mean + self.s.T @ (b - a @ self.v0)

    def conditioned(self, matrix, right):
        """Return the mean of x given its constraints, and a projection P: P H^-1 P' is its covariance."""
        inverse = np.linalg.inv(matrix)
        free = inverse @ right
        gain = inverse @ self.c.T @ np.linalg.inv(self.c @ inverse @ self.c.T)
        return free - gain @ (self.c @ free), np.eye(len(free)) - gain @ self.c


def dense(pattern, entries):
    """Return the upper triangle of a matrix, by columns, as the whole matrix."""
    size = len(pattern.order)
    out = np.zeros((size, size))
    for k in range(size):
        for t in range(pattern.start[k], pattern.start[k + 1]):
            out[pattern.row[t], k] = out[k, pattern.row[t]] = entries[t]
    return out


def lower(pattern, factor):
    """Return the factor as a matrix."""
    size = len(pattern.order)
    out = np.zeros((size, size))
    for k in range(size):
        for t in range(pattern.l_start[k], pattern.l_start[k + 1]):
            out[pattern.l_row[t], k] = factor[t]
    return out


def check_density(target, theta, z, log_theta, log_rows, steps=0):
    """Assert that a density of (theta, z) is the plain one, all effects free: prior, rows, volume of the map.

    Parameters
    ----------
    log_theta : float
        Log prior density of theta.
    log_rows : callable
        From effects x to the log density of all rows.
    """
    d, nv = DenseProblem(target, theta), len(target.problem.scales.constant)
    value, elements = target.refined(theta, z, steps)
    x = elements[nv:]
    moved = np.array([target.refined(theta, z + e, steps)[1][nv:] - x for e in np.eye(len(z))])
    away = x - d.mean
    expected = log_theta + log_rows(x) - 0.5 * away @ d.q @ away + np.linalg.slogdet(moved)[1]
    np.testing.assert_allclose(value, expected, rtol=1e-9, atol=1e-8)
    np.testing.assert_allclose(elements[:nv], d.s @ x + d.v0, rtol=1e-9, atol=1e-9)


def slopes(function, q, spacing=1e-5):
    """Return the gradient by central differences, (Q,)."""
    steps = spacing * np.eye(len(q))
    return np.array([(function(q + e) - function(q - e)) / (2 * spacing) for e in steps])


def log_exponential(target, theta, rates):
    """Return the log density of theta where all hyperparameters are exponential, and their values."""
    # value = (theta Phi(theta) + phi(theta)) / rate
    h = (theta * norm.cdf(theta) + norm.pdf(theta)) / rates
    np.testing.assert_allclose(target.values(theta[None])[0][target.problem.slots.place], h, rtol=1e-10)
    return float((np.log(rates) - rates * h + norm.logcdf(theta) - np.log(rates)).sum()), h
