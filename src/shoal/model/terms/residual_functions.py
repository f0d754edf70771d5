"""Precisions of correlated residuals, each with its derivative: hyperparameters as `functions` has them.

The exponent of a normal density of residuals r with a precision matrix Ω is a sum of squares,

    r'Ωr = sum_i (sum_j Ω_ij) r_i^2 + sum_{i<j} -Ω_ij (r_i - r_j)^2,

so that each distinct number in Ω is the precision tau of one sum over the rows; tau may be negative.
"""

from __future__ import annotations

import math

import numpy as np

from shoal.model.residuals import NEAREST
from shoal.priors.compiled import DerivedAdjoint, DerivedFunction, inner


@inner
def _power(phi: float, gap: float) -> float:
    """Return ``phi^gap`` of a whole number."""
    size = min(math.pow(abs(phi), gap), NEAREST)
    return -size if phi < 0.0 and gap % 2.0 == 1.0 else size


@DerivedFunction
def autoregressive(inputs, constants, outputs):
    """Write ``1 / sigma^2``, and of each gap in `constants` four numbers, from phi and sigma.

    With c = phi^gap between rows s and t: tau of (r_t - r_s)^2, of r_t^2 and of r_s^2, which together are
    ``(r_t - c r_s)^2 / (1 - c^2)``, and ``1 / (1 - c^2)``, which enters by its logarithm.
    """
    phi, p = inputs[0], 1.0 / (inputs[1] * inputs[1])
    outputs[0] = p
    for k in range(constants.size):
        c = _power(phi, constants[k])
        left = 1.0 - c * c
        outputs[4 * k + 1] = p * c / left
        outputs[4 * k + 2] = p / (1.0 + c)
        outputs[4 * k + 3] = -p * c / (1.0 + c)
        outputs[4 * k + 4] = 1.0 / left
    return 0.0


@DerivedAdjoint
def autoregressive_adjoint(inputs, constants, outputs, outputs_bar, inputs_bar):
    """Transpose `autoregressive`."""
    phi, p = inputs[0], outputs[0]
    scaled = outputs_bar[0] * p
    for k in range(constants.size):
        gap = constants[k]
        c = _power(phi, gap)
        left = 1.0 - c * c
        by_c = outputs_bar[4 * k + 1] * p * (1.0 + c * c) / (left * left)
        by_c -= (outputs_bar[4 * k + 2] + outputs_bar[4 * k + 3]) * p / ((1.0 + c) * (1.0 + c))
        by_c += outputs_bar[4 * k + 4] * 2.0 * c / (left * left)
        inputs_bar[0] += by_c * gap * (_power(phi, gap - 1.0) if gap > 1.0 else 1.0)
        for j in range(1, 4):
            scaled += outputs_bar[4 * k + j] * outputs[4 * k + j]
    inputs_bar[1] -= 2.0 * scaled / inputs[1]


@DerivedFunction
def exchangeable(inputs, constants, outputs):
    """Write ``1 / (sigma^2 (1 - rho))``, tau of r_i^2, and of each size n in `constants` two numbers.

    These are tau of ``(sum_i r_i)^2`` in a cluster of n rows, and ``(1 - rho) / (1 + (n - 1) rho)``, which
    enters by its logarithm.
    """
    rho = inputs[0]
    rest = max(1.0 - rho, 1.0 - NEAREST)
    outputs[0] = 1.0 / (inputs[1] * inputs[1] * rest)
    for k in range(constants.size):
        whole = 1.0 + (constants[k] - 1.0) * rho
        outputs[2 * k + 1] = -outputs[0] * rho / whole
        outputs[2 * k + 2] = rest / whole
    return 0.0


@DerivedAdjoint
def exchangeable_adjoint(inputs, constants, outputs, outputs_bar, inputs_bar):
    """Transpose `exchangeable`."""
    rho = inputs[0]
    rest = max(1.0 - rho, 1.0 - NEAREST)
    first = outputs_bar[0]
    for k in range(constants.size):
        n = constants[k]
        whole = 1.0 + (n - 1.0) * rho
        first -= outputs_bar[2 * k + 1] * rho / whole
        inputs_bar[0] -= outputs_bar[2 * k + 1] * outputs[0] / (whole * whole)
        inputs_bar[0] -= outputs_bar[2 * k + 2] * n / (whole * whole)
    inputs_bar[0] += first * outputs[0] / rest
    inputs_bar[1] -= 2.0 * first * outputs[0] / inputs[1]


@inner
def _inverse(root, constants):
    """Return Ω of some rows of ``ΛΛ'``, (m, m), and the logarithm of its determinant.

    `root` holds Λ, lower triangle row after row; `constants` the rows, then the unit of each.
    """
    m = constants.size // 2
    low = np.zeros((m, m))
    log_determinant = 0.0
    for i in range(m):
        a = int(constants[i])
        for j in range(i + 1):
            b, entry = int(constants[j]), 0.0
            for k in range(min(a, b) + 1):
                entry += root[a * (a + 1) // 2 + k] * root[b * (b + 1) // 2 + k]
            entry /= constants[m + i] * constants[m + j]
            for k in range(j):
                entry -= low[i, k] * low[j, k]
            low[i, j] = math.sqrt(max(entry, 1e-300)) if i == j else entry / low[j, j]
        log_determinant -= 2.0 * math.log(low[i, i])
    back = np.zeros((m, m))
    for j in range(m):
        back[j, j] = 1.0 / low[j, j]
        for i in range(j + 1, m):
            total = 0.0
            for k in range(j, i):
                total -= low[i, k] * back[k, j]
            back[i, j] = total / low[i, i]
    precision = np.zeros((m, m))
    for i in range(m):
        for j in range(m):
            for k in range(max(i, j), m):
                precision[i, j] += back[k, i] * back[k, j]
    return precision, log_determinant


@DerivedFunction
def unstructured(inputs, constants, outputs):
    """Write tau of each r_i^2, then of each (r_i - r_j)^2 with i > j, then a mean of Ω's eigenvalues.

    From Λ (`functions.covariance_root`), for residuals in units; `constants` as `_inverse` takes them. The
    last is ``det(Ω)^(1/m)`` of residuals in their own units, and enters by its logarithm.
    """
    m = constants.size // 2
    precision, log_determinant = _inverse(inputs, constants)
    at = m
    for i in range(m):
        outputs[i] = precision[i, i]
        for j in range(i):
            outputs[i] += precision[i, j]
            outputs[j] += precision[i, j]
            outputs[at] = -precision[i, j]
            at += 1
    for i in range(m):
        log_determinant -= 2.0 * math.log(constants[m + i])
    outputs[at] = math.exp(log_determinant / m)
    return 0.0


@DerivedAdjoint
def unstructured_adjoint(inputs, constants, outputs, outputs_bar, inputs_bar):
    """Transpose `unstructured`: with C the covariance, ``C_bar = -Ω Ω_bar Ω`` and ``Λ_bar = 2 C_bar Λ``."""
    m = constants.size // 2
    precision, _ = _inverse(inputs, constants)
    bar, at = np.zeros((m, m)), m
    for i in range(m):
        bar[i, i] = outputs_bar[i]
        for j in range(i):
            bar[i, j] = bar[j, i] = 0.5 * (outputs_bar[i] + outputs_bar[j] - outputs_bar[at])
            at += 1
    covariance_bar = -(precision @ (bar @ precision)) - outputs_bar[at] * outputs[at] / m * precision
    for i in range(m):
        a = int(constants[i])
        for j in range(m):
            b = int(constants[j])
            entry = 2.0 * covariance_bar[i, j] / (constants[m + i] * constants[m + j])
            for k in range(min(a, b) + 1):
                inputs_bar[a * (a + 1) // 2 + k] += entry * inputs[b * (b + 1) // 2 + k]
