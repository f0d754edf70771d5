"""Precisions of correlated residuals, each with its derivative: hyperparameters as `functions` has them.

The exponent of a normal density of residuals r with a precision matrix Ω is a sum of squares,

    r'Ωr = sum_i (sum_j Ω_ij) r_i^2 + sum_{i<j} -Ω_ij (r_i - r_j)^2,

so that each distinct number in Ω is the precision tau of one sum over the rows; tau may be negative.
"""

from __future__ import annotations

import math

import numpy as np

from shoal.families.predicted_parameters import LARGEST
from shoal.model.residuals import NEAREST
from shoal.priors.compiled import DerivedAdjoint, DerivedFunction, inner


@inner
def _power(phi: float, gap: float) -> float:
    """Return ``phi^gap`` of a whole number."""
    size = min(math.pow(abs(phi), gap), NEAREST)
    return -size if phi < 0.0 and gap % 2.0 == 1.0 else size


@DerivedFunction
def spreads(inputs, constants, outputs):
    """Write standard deviations ``exp(c_k + sum_j x_kj inputs_j)``; `constants` hold c, then x row by row."""
    kinds = outputs.size
    for k in range(kinds):
        eta = constants[k]
        for j in range(inputs.size):
            eta += constants[kinds + k * inputs.size + j] * inputs[j]
        outputs[k] = math.exp(min(max(eta, -LARGEST), LARGEST))
    return 0.0


@DerivedAdjoint
def spreads_adjoint(inputs, constants, outputs, outputs_bar, inputs_bar):
    """Transpose `spreads`."""
    for k in range(outputs.size):
        for j in range(inputs.size):
            x = constants[outputs.size + k * inputs.size + j]
            inputs_bar[j] += outputs_bar[k] * outputs[k] * x


@DerivedFunction
def autoregressive(inputs, constants, outputs):
    """Write ``1 / s_k^2`` of each sd, and of each step in `constants` four numbers, from phi and sds.

    Constants are the gaps of all steps, then the numbers of the later rows' sds s_a, then of the earlier
    rows', s_b. With c = phi^gap the four are tau of (r_t - r_s)^2, of r_t^2 and of r_s^2, which together are
    ``(r_t / s_a - c r_s / s_b)^2 / (1 - c^2)``, and ``1 / (1 - c^2)``, which enters by its logarithm.
    """
    phi, kinds, steps = inputs[0], inputs.size - 1, constants.size // 3
    for k in range(kinds):
        outputs[k] = 1.0 / (inputs[1 + k] * inputs[1 + k])
    for k in range(steps):
        a, b, at = int(constants[steps + k]), int(constants[2 * steps + k]), kinds + 4 * k
        c, q = _power(phi, constants[k]), 1.0 / (inputs[1 + a] * inputs[1 + b])
        left = 1.0 - c * c
        outputs[at] = q * c / left
        outputs[at + 1] = q / (1.0 + c) + (outputs[a] - q) / left
        outputs[at + 2] = -q * c / (1.0 + c) + (outputs[b] - q) * c * c / left
        outputs[at + 3] = 1.0 / left
    return 0.0


@DerivedAdjoint
def autoregressive_adjoint(inputs, constants, outputs, outputs_bar, inputs_bar):
    """Transpose `autoregressive`."""
    phi, kinds, steps = inputs[0], inputs.size - 1, constants.size // 3
    for k in range(kinds):
        inputs_bar[1 + k] -= 2.0 * outputs_bar[k] * outputs[k] / inputs[1 + k]
    for k in range(steps):
        gap, a, b = constants[k], int(constants[steps + k]), int(constants[2 * steps + k])
        c, q = _power(phi, gap), 1.0 / (inputs[1 + a] * inputs[1 + b])
        left, at = 1.0 - c * c, kinds + 4 * k
        both, later, earlier = outputs_bar[at], outputs_bar[at + 1], outputs_bar[at + 2]
        by_c = both * q * (1.0 + c * c) - (later + earlier) * q * (1.0 - c) * (1.0 - c)
        by_c += 2.0 * c * (later * (outputs[a] - q) + earlier * (outputs[b] - q) + outputs_bar[at + 3])
        by_c /= left * left
        inputs_bar[0] += by_c * gap * (_power(phi, gap - 1.0) if gap > 1.0 else 1.0)
        of_a = 2.0 * later * outputs[a] + (both - later - earlier) * c * q
        of_b = 2.0 * earlier * c * c * outputs[b] + (both - later - earlier) * c * q
        inputs_bar[1 + a] -= of_a / (left * inputs[1 + a])
        inputs_bar[1 + b] -= of_b / (left * inputs[1 + b])


@DerivedFunction
def exchangeable(inputs, constants, outputs):
    """Write ``1 / (s_k^2 (1 - rho))``, tau of r_i^2, and of each size n in `constants` some numbers.

    From rho and K sds. In a cluster of n rows, with R_k the sum of those of sd s_k, these are tau of
    ``R_k^2`` and of ``2 R_k R_l`` for l < k, and ``(1 - rho) / (1 + (n - 1) rho)``, which enters by its
    logarithm.
    """
    rho, kinds = inputs[0], inputs.size - 1
    rest = max(1.0 - rho, 1.0 - NEAREST)
    for k in range(kinds):
        outputs[k] = 1.0 / (inputs[1 + k] * inputs[1 + k] * rest)
    at = kinds
    for n in constants:
        whole = 1.0 + (n - 1.0) * rho
        for k in range(kinds):
            for j in range(k + 1):
                outputs[at] = -rho / (rest * whole * inputs[1 + k] * inputs[1 + j])
                at += 1
        outputs[at] = rest / whole
        at += 1
    return 0.0


@DerivedAdjoint
def exchangeable_adjoint(inputs, constants, outputs, outputs_bar, inputs_bar):
    """Transpose `exchangeable`."""
    rho, kinds = inputs[0], inputs.size - 1
    rest = max(1.0 - rho, 1.0 - NEAREST)
    for k in range(kinds):
        scaled = outputs_bar[k] * outputs[k]
        inputs_bar[0] += scaled / rest
        inputs_bar[1 + k] -= 2.0 * scaled / inputs[1 + k]
    at = kinds
    for n in constants:
        whole = 1.0 + (n - 1.0) * rho
        for k in range(kinds):
            for j in range(k + 1):
                scaled = outputs_bar[at] * outputs[at]
                by_rho = 1.0 / (rest * whole * whole * inputs[1 + k] * inputs[1 + j])
                inputs_bar[0] += scaled / rest - outputs_bar[at] * by_rho
                inputs_bar[1 + k] -= scaled / inputs[1 + k]
                inputs_bar[1 + j] -= scaled / inputs[1 + j]
                at += 1
        inputs_bar[0] -= outputs_bar[at] * n / (whole * whole)
        at += 1


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


@DerivedFunction
def simultaneous(inputs, constants, outputs):
    """Write tau of r^2, of (r - q)^2 and of q^2, and ``|A|^(2/N) / sigma^2``, which enters by its logarithm.

    From rho in units of 1 over the radius, and sigma; `constants` hold the radius, and real and imaginary
    parts of W's eigenvalues.
    """
    p = 1.0 / (inputs[1] * inputs[1])
    rho = min(max(inputs[0], -NEAREST), NEAREST) / constants[0]
    outputs[0], outputs[1], outputs[2] = p * (1.0 - rho), p * rho, p * (rho * rho - rho)
    size, total = constants.size // 2, 0.0
    for k in range(size):
        real, imaginary = 1.0 - rho * constants[1 + k], rho * constants[1 + size + k]
        total += math.log(real * real + imaginary * imaginary)
    outputs[3] = p * math.exp(total / size)
    return 0.0


@DerivedAdjoint
def simultaneous_adjoint(inputs, constants, outputs, outputs_bar, inputs_bar):
    """Transpose `simultaneous`."""
    p = 1.0 / (inputs[1] * inputs[1])
    rho = min(max(inputs[0], -NEAREST), NEAREST) / constants[0]
    by_rho = p * (outputs_bar[1] - outputs_bar[0] + (2.0 * rho - 1.0) * outputs_bar[2])
    size, slope = constants.size // 2, 0.0
    for k in range(size):
        a, b = constants[1 + k], constants[1 + size + k]
        real, imaginary = 1.0 - rho * a, rho * b
        slope += 2.0 * (imaginary * b - real * a) / (real * real + imaginary * imaginary)
    by_rho += outputs_bar[3] * outputs[3] * slope / size
    inputs_bar[0] += by_rho / constants[0]
    for j in range(4):
        inputs_bar[1] -= 2.0 * outputs_bar[j] * outputs[j] / inputs[1]
