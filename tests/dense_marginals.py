"""Laws of any exactly gaussian posterior: its marginal density is a normal one, its gradient a slope."""

import numpy as np
from scipy import stats


def check_marginal(posterior, theta, y, covariance):
    """The marginal density of y at a theta is normal, of mean zero, with a covariance of all rows.

    The prior is taken away by the posterior of the table's first row alone. `y` holds the rows of one
    response after those of another, and NaN where nothing is known.
    """
    model = posterior.model
    rows, n = np.arange(len(y)), model.designs[0].n_rows
    first = posterior.given(model.without(np.arange(n) > 0))
    found = posterior.target.marginals(theta[None])[0] - first.target.marginals(theta[None])[0]
    whole, alone = np.flatnonzero(np.isfinite(y)), np.flatnonzero(np.isfinite(y) & (rows % n == 0))
    density = [
        stats.multivariate_normal.logpdf(y[some], np.zeros(len(some)), covariance[np.ix_(some, some)])
        for some in (whole, alone)
    ]
    np.testing.assert_allclose(found, density[0] - density[1], rtol=1e-8, atol=1e-6)


def named_values(posterior, theta):
    """Return the hyperparameters at a theta by name."""
    h = posterior.target.values(theta)
    return {name: h[place] for name, place in posterior.assembled.places.items()}


def check_gradient(target):
    """The gradient in theta is the slope of the joint density."""
    rng = np.random.default_rng(1)
    theta, z = rng.normal(0, 0.5, target.n_theta), rng.normal(size=target.n_effects)
    _, by_theta, _ = target.joint(theta, z)
    for i, step in enumerate(1e-5 * np.eye(len(theta))):
        slope = (target.joint(theta + step, z)[0] - target.joint(theta - step, z)[0]) / 2e-5
        np.testing.assert_allclose(by_theta[i], slope, rtol=1e-5, atol=1e-5)


def check_adjoint(function, adjoint, inputs, constants, size):
    """The adjoint of a derived pair is the slope of what its function writes, `size` numbers."""
    inputs, constants = np.array(inputs, float), np.array(constants, float)
    bar, out = np.random.default_rng(0).normal(size=size), np.zeros(size)

    def value(x):
        function(x, constants, out)
        return bar @ out

    found = np.zeros(len(inputs))
    value(inputs)
    adjoint(inputs, constants, out.copy(), bar, found)
    for i in range(len(inputs)):
        room = min(abs(inputs[i]), 1 - abs(inputs[i]) if i == 0 else 1.0)
        h = max(1e-4 * room, 1e-12) if 0 < room else 1e-6
        step = h * np.eye(len(inputs))[i]
        slope = (
            8 * (value(inputs + step) - value(inputs - step))
            - value(inputs + 2 * step)
            + value(inputs - 2 * step)
        ) / (12 * h)
        np.testing.assert_allclose(found[i], slope, rtol=2e-4, atol=1e-6 * abs(found).max())
