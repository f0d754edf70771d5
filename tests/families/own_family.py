"""A family as a user writes it, in a module of the user's own: failures before the first success."""

import numpy as np
from scipy.special import expit

from shoal.errors import DataError
from shoal.families import Family
from shoal.families.row_functions import row_function
from shoal.families.special import above_zero, logistic


@row_function
def geometric_rows(y, trials, weight, se, eta, phi, order, value, score, curvature, slope, information):
    for i in range(y.shape[0]):
        p, q, size = logistic(eta[0, i])
        value[i] = weight[i] * (y[i] * min(eta[0, i], 0.0) + min(-eta[0, i], 0.0) - (y[i] + 1.0) * size)
        if order > 0:
            score[0, i] = weight[i] * (y[i] * q - p)
        if order > 1:
            curvature[0, i] = above_zero(weight[i] * (y[i] + 1.0) * p * q)


class Geometric(Family):
    """Counts of failures of probability ``expit(eta)`` before the first success; the mean is ``exp(eta)``."""

    name = "geometric"
    links = ("log",)
    log_concave = True
    discrete = True
    row_functions = {"log": geometric_rows}

    def distribution(self, known_se, se_sigma):
        return "Geometric(exp(eta))"

    def check(self, rows, name):
        if np.any(rows.y < 0):
            raise DataError("negative-counts", f"{name!r} has counts below zero.")

    def scale(self, rows):
        return float(np.log(np.mean(rows.y) + 0.5)), 1.0

    def no_pooling_sd(self, rows):
        return 2.5

    def start(self, rows):
        return np.log(rows.y + 0.5)

    def draw(self, rng, rows, eta, phi):
        return (rng.geometric(expit(-eta)) - 1).astype(float)

    def mean(self, rows, eta, phi):
        return np.exp(eta)

    def residual_variance(self, rows, phi):
        return None
