"""Student-t effects of a level, as rows whose predictors are the effects themselves."""

from __future__ import annotations

import math

from shoal.families.gamma_functions import log_gamma_ratio
from shoal.families.row_functions import row_function


@row_function
def student_effects(y, trials, weight, se, eta, phi, order, value, score, curvature, slope, information):
    """Multivariate t of ``phi[0]`` degrees of freedom and identity scale, relative to the normal's constant.

    Its gradient is ``-w u`` with ``w = (nu + k) / (nu + |u|^2)``, as a normal of precision w at zero: that
    is the curvature here (Lange, Little and Taylor 1989, J. American Statistical Association 84, 881-896).
    """
    size, nu = eta.shape[0], phi[0, 0]
    ratio, rate = log_gamma_ratio(0.5 * size, 0.5 * nu)
    constant = ratio - 0.5 * size * math.log(0.5 * nu)
    rate = 0.5 * rate - 0.5 * size / nu
    for i in range(eta.shape[1]):
        square = 0.0
        for k in range(size):
            square += eta[k, i] ** 2
        value[i] = constant - 0.5 * (nu + size) * math.log1p(square / nu)
        precision = (nu + size) / (nu + square)
        if order > 0:
            for k in range(size):
                score[k, i] = -precision * eta[k, i]
            slope[0, 0] += rate - 0.5 * math.log1p(square / nu) + 0.5 * precision * square / nu
        if order > 1:
            pair = 0
            for a in range(size):
                for b in range(a + 1):
                    curvature[pair, i] = precision if a == b else 0.0
                    pair += 1
