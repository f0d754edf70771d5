"""Several Student-t responses of a row, whose residuals correlate: one multivariate t.

``y = eta + sigma * t``, where the K numbers t of a row have nu degrees of freedom together and the scale
matrix R, of ones on its diagonal. Each response alone is Student-t of nu and its sigma, some of them together
are of this form, and where nu is large they are normal. Lange, Little and Taylor (1989), J. Amer. Statist.
Assoc. 84, 881-896; curvatures are those expected, of their appendix B.
"""

from __future__ import annotations

import math

import numpy as np

from shoal.families.gamma_functions import log_gamma_ratio
from shoal.families.row_functions import row_function
from shoal.families.special import above_zero, log1p_fast
from shoal.priors.compiled import inner

LEAST = 1e-15  # of a variance given those before it, 1 without correlations: the rounding of one


@inner
def invert_correlations(phi, j, inverse):
    """Write the inverse of R, of which ``phi[K + 1 :, j]`` is the lower triangle; return its log determinant.

    By sweeping one row and column after the other, which leaves minus the inverse (Goodnight 1979, The
    American Statistician 33, 149-158).
    """
    count, log_determinant = inverse.shape[0], 0.0
    at = count + 1
    for a in range(count):
        inverse[a, a] = 1.0
        for b in range(a):
            inverse[a, b] = inverse[b, a] = phi[at, j]
            at += 1
    for k in range(count):
        left = max(inverse[k, k], LEAST)
        log_determinant += math.log(left)
        for a in range(count):
            for b in range(count):
                if a != k and b != k:
                    inverse[a, b] -= inverse[a, k] * inverse[k, b] / left
        for a in range(count):
            inverse[a, k] /= left
            inverse[k, a] = inverse[a, k]
        inverse[k, k] = -1.0 / left
    for a in range(count):
        for b in range(count):
            inverse[a, b] = -inverse[a, b]
    return log_determinant


@row_function
def multi_student_rows(y, trials, weight, se, eta, phi, order, value, score, curvature, slope, information):
    """Rows of K responses, which follow one another in `y`, each with its predictor; without ``pi^(-K/2)``.

    `phi` holds K sigmas, nu, and the correlations of R below its diagonal, row after row. Only a sigma may
    have a predictor: of the others there is no information.
    """
    count, rows = eta.shape
    several = phi.shape[1]
    each = rows // several
    inverse, z, u = np.empty((count, count)), np.empty(count), np.empty(count)
    for j in range(several):
        nu = phi[count, j]
        constant, constant_slope = log_gamma_ratio(0.5 * count, 0.5 * nu)
        constant -= 0.5 * (count * math.log(nu) + invert_correlations(phi, j, inverse))
        constant_slope = 0.5 * (constant_slope - count / nu)
        for a in range(count):
            constant -= math.log(phi[a, j])
        expected = (nu + count) / (nu + count + 2)
        for i in range(j * each, (j + 1) * each):
            w, first, square = weight[i], i * count, 0.0
            for a in range(count):
                z[a] = (y[first + a] - eta[a, i]) / phi[a, j]
            for a in range(count):
                u[a] = 0.0
                for b in range(count):
                    u[a] += inverse[a, b] * z[b]
                square += z[a] * u[a]
            spread = log1p_fast(square / nu)
            value[i] = w * (constant - 0.5 * (nu + count) * spread)
            if order > 0:
                pull, at = (nu + count) / (nu + square), count + 1
                slope[count, j] += w * (constant_slope + 0.5 * (pull * square / nu - spread))
                for a in range(count):
                    score[a, i] = w * pull * u[a] / phi[a, j]
                    slope[a, j] += w * (pull * z[a] * u[a] - 1) / phi[a, j]
                    for b in range(a):
                        slope[at, j] += w * (pull * u[a] * u[b] - inverse[a, b])
                        at += 1
            if order > 1:
                pair = 0
                for a in range(count):
                    for b in range(a):
                        curvature[pair, i] = w * expected * inverse[a, b] / (phi[a, j] * phi[b, j])
                        pair += 1
                    precision = 1.0 / (phi[a, j] * phi[a, j])
                    curvature[pair, i] = above_zero(w * expected * inverse[a, a] * precision)
                    pair += 1
                    of_sigma = expected * (1 + inverse[a, a]) - 2 / (nu + count + 2)
                    information[a, j] += w * of_sigma * precision
