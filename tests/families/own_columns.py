"""A family of a user's own that reads columns of the table: successes of a test that is known to err."""

import numpy as np
from scipy.special import expit

from shoal.errors import DataError
from shoal.families import Family
from shoal.families.row_functions import row_function
from shoal.families.special import above_zero, logistic


@row_function
def erring_rows(y, trials, weight, se, eta, phi, order, value, score, curvature, slope, information):
    columns = y.reshape((weight.shape[0], 3))  # the response, then those of vint and vreal
    for i in range(weight.shape[0]):
        k, n, wrong = columns[i, 0], columns[i, 1], columns[i, 2]
        p, q, _ = logistic(eta[0, i])
        positive = wrong + (1.0 - 2.0 * wrong) * p
        negative = wrong + (1.0 - 2.0 * wrong) * q
        value[i] = weight[i] * (k * np.log(positive) + (n - k) * np.log(negative))
        rate = (1.0 - 2.0 * wrong) * p * q
        if order > 0:
            score[0, i] = weight[i] * rate * (k / positive - (n - k) / negative)
        if order > 1:
            curvature[0, i] = above_zero(weight[i] * n * rate * rate / (positive * negative))


class Erring(Family):
    """Successes of `vint(n)` trials, each of which is read wrongly with the probability in `vreal(wrong)`."""

    name = "erring"
    links = ("logit",)
    takes = frozenset({"vint", "vreal"})
    requires = frozenset({"vint", "vreal"})
    discrete = True
    row_functions = {"logit": erring_rows}

    def distribution(self, known_se, se_sigma):
        return "Binomial(n, wrong + (1 - 2 wrong) expit(eta))"

    def check(self, rows, name):
        if np.any(rows.y > rows.columns[0]):
            raise DataError("more-than-trials", f"{name!r} has more successes than trials.")

    def scale(self, rows):
        return 0.0, 1.0

    def no_pooling_sd(self, rows):
        return 1.5

    def start(self, rows):
        return np.log(rows.y + 0.5) - np.log(rows.columns[0] - rows.y + 0.5)

    def draw(self, rng, rows, eta, phi):
        n, wrong = rows.columns
        return rng.binomial(n.astype(int), wrong + (1 - 2 * wrong) * expit(eta)).astype(float)

    def mean(self, rows, eta, phi):
        n, wrong = rows.columns
        return n * (wrong + (1 - 2 * wrong) * expit(eta))

    def residual_variance(self, rows, phi):
        return None
