"""Problems whose posterior has known moments."""

import numpy as np

from shoal.engine.build import Builder, Lines
from shoal.engine.evaluate import Target
from shoal.families import Rows
from shoal.families.row_functions import row_function
from shoal.priors import Gamma, Normal
from shoal.priors.compiled import DerivedAdjoint, DerivedFunction


@DerivedFunction
def correlated(inputs, constants, outputs):
    """Write the sum of the inputs; add to the log prior what turns independent normals into correlated ones.

    `constants`: means, then the difference of the precision matrices, row after row.
    """
    size = inputs.size
    total = 0.0
    outputs[0] = 0.0
    for i in range(size):
        outputs[0] += inputs[i]
        for j in range(size):
            left, right = inputs[i] - constants[i], inputs[j] - constants[j]
            total -= 0.5 * constants[size + i * size + j] * left * right
    return total


@DerivedAdjoint
def correlated_adjoint(inputs, constants, outputs, outputs_bar, inputs_bar):
    """Transpose `correlated`."""
    size = inputs.size
    for i in range(size):
        inputs_bar[i] += outputs_bar[0]
        for j in range(size):
            inputs_bar[i] -= constants[size + i * size + j] * (inputs[j] - constants[j])


@row_function
def log_gamma(y, trials, weight, se, eta, phi, order, value, score, curvature, slope, information):
    """The predictor is the logarithm of a Gamma(y, 1) variable."""
    for i in range(y.size):
        rate = np.exp(eta[0, i])
        value[i] = y[i] * eta[0, i] - rate
        if order > 0:
            score[0, i] = y[i] - rate
        if order > 1:
            curvature[0, i] = rate


def covariance(size):
    """A covariance with scales from 0.1 to 10 and correlations of 0.7."""
    scale = 10.0 ** np.linspace(-1, 1, size) if size > 1 else np.ones(size)
    return np.outer(scale, scale) * (0.7 + 0.3 * np.eye(size))


def normal(n_theta, n_effects=0):
    """Return a normal target, and mean and covariance of theta.

    Theta has them; given theta the first elements v are normal around theta's sum, with the precision (5 on
    the diagonal, 2 beside it) that a prior and gaussian rows make together.
    """
    mean, cov = np.arange(n_theta) - 1.0, covariance(n_theta)
    b = Builder()
    places = []
    for i in range(n_theta):
        places.append(b.hyperparameter(f"t{i}", Normal(mean[i], np.sqrt(cov[i, i]))))
    more = np.linalg.inv(cov) - np.diag(1 / np.diag(cov)) if n_theta else np.zeros((0, 0))
    pair = (correlated, correlated_adjoint)
    (total,) = b.derive(pair, places, [*mean, *more.ravel()], 1) if n_theta else [0]
    x = b.effects(n_effects, None, 3 * np.eye(n_effects) + 2 * beside(n_effects))
    v, own = b.columns(n_effects), b.columns(n_effects)
    b.scale(v, x, 1)
    b.shift(v, np.full(n_effects, total))
    b.scale(own, x, 1)
    lines = Lines(np.arange(n_effects), own, np.full(n_effects, np.sqrt(2.0)))
    b.gaussian_rows(lines, np.zeros(n_effects), np.ones(n_effects), 0.0, 1)
    return Target(b.build(), np.zeros(n_theta), np.zeros(0)), mean, cov


def beside(size):
    """Return ones beside the diagonal."""
    return np.eye(size, k=1) + np.eye(size, k=-1)


def given_theta(size):
    """Return the covariance of the effects of `normal` given theta."""
    return np.linalg.inv(5 * np.eye(size) + 2 * beside(size))


def gammas(*shape):
    """Return a target of independent Gamma(shape, 1) hyperparameters, and no effects: skewed."""
    b = Builder()
    for i, a in enumerate(shape):
        b.hyperparameter(f"g{i}", Gamma(a, 1.0))
    return Target(b.build(), np.zeros(len(shape)), np.zeros(0))


SCALE = 3.0  # shape of the scale of `skewed`


def skewed(*shape):
    """Return a target of skewed effects: ``v = h x`` are logarithms of Gamma(shape, 1) variables.

    h is a Gamma(SCALE, 1) variable; its prior is another, since what is normalised in v is not in x.
    """
    b = Builder()
    scale = b.hyperparameter("h", Gamma(SCALE + len(shape), 1.0))
    x, v = b.effects(len(shape), precision=0.0), b.columns(len(shape))
    b.scale(v, x, scale)
    count = np.arange(len(shape))
    ones = np.ones(len(shape))
    lines = Lines(count, v, ones)
    rows = Rows(np.array(shape), ones, ones, 0 * ones)
    b.rows(log_gamma, rows, [lines], np.zeros((1, len(shape))), [])
    return Target(b.build(), np.zeros(1), np.log(shape))
