"""Hyperparameters that are functions of others, each with its derivative written out.

A forward function fills `outputs` and returns what it adds to the log prior; its adjoint adds to `inputs_bar`
the derivative of ``outputs_bar' outputs`` and of that addition.
"""

from __future__ import annotations

import math

from shoal.families.special import log1mexp, normal_distribution
from shoal.priors.compiled import DerivedAdjoint, DerivedFunction


@DerivedFunction
def covariance_root(inputs, constants, outputs):
    """Write Λ (K, K), lower triangle row after row, from K standard deviations and the partial correlations.

    ``Λ = diag(sd) L``; row i of L is ``L[i, j] = p_ij sqrt(1 - sum_{k<j} L[i, k]^2)`` (Lewandowski,
    Kurowicka and Joe 2009, J. Multivariate Analysis 100, 1989-2001).
    """
    size = int(math.sqrt(2.0 * outputs.size))
    at, taken = 0, size
    for i in range(size):
        left = 1.0
        for _ in range(i):
            entry = inputs[taken] * math.sqrt(left)
            taken += 1
            left = max(left - entry * entry, 1e-30)
            outputs[at] = inputs[i] * entry
            at += 1
        outputs[at] = inputs[i] * math.sqrt(left)
        at += 1
    return 0.0


@DerivedAdjoint
def covariance_root_adjoint(inputs, constants, outputs, outputs_bar, inputs_bar):
    """Transpose `covariance_root`."""
    size = int(math.sqrt(2.0 * outputs.size))
    for i in range(size):
        first, taken = i * (i + 1) // 2, size + i * (i - 1) // 2
        left = 1.0
        for j in range(i):
            left = max(left * (1.0 - inputs[taken + j] ** 2), 1e-30)
        sd = inputs[i]
        inputs_bar[i] += outputs_bar[first + i] * math.sqrt(left)
        left_bar = 0.5 * outputs_bar[first + i] * sd / math.sqrt(left)
        for j in range(i - 1, -1, -1):
            partial = inputs[taken + j]
            left = 1.0
            for k in range(j):
                left = max(left * (1.0 - inputs[taken + k] ** 2), 1e-30)
            root = math.sqrt(left)
            entry = partial * root
            inputs_bar[i] += outputs_bar[first + j] * entry
            entry_bar = outputs_bar[first + j] * sd - 2.0 * entry * left_bar
            inputs_bar[taken + j] += entry_bar * root
            left_bar += 0.5 * entry_bar * partial / root


@DerivedFunction
def products_of_rows(inputs, constants, outputs):
    """Write ``(L L')[i, j]`` for j < i, row after row, of a lower triangle L (K, K), row after row."""
    at, i, j = 0, 1, 0
    while at < outputs.size:
        outputs[at] = 0.0
        for k in range(j + 1):
            outputs[at] += inputs[i * (i + 1) // 2 + k] * inputs[j * (j + 1) // 2 + k]
        at += 1
        i, j = (i, j + 1) if j + 1 < i else (i + 1, 0)
    return 0.0


@DerivedAdjoint
def products_of_rows_adjoint(inputs, constants, outputs, outputs_bar, inputs_bar):
    """Transpose `products_of_rows`."""
    i, j = 1, 0
    for own in outputs_bar:
        for k in range(j + 1):
            one, two = i * (i + 1) // 2 + k, j * (j + 1) // 2 + k
            inputs_bar[one] += own * inputs[two]
            inputs_bar[two] += own * inputs[one]
        i, j = (i, j + 1) if j + 1 < i else (i + 1, 0)


@DerivedFunction
def cutpoints(inputs, constants, outputs):
    """Write cutpoints less their mean, (C,), from the gaps between them; return the log prior of the gaps.

    With c iid Normal(mu, s) in ascending order, ``prod N(c_j; mu, s) C! = N(mean; mu, s / sqrt(C))
    p(gaps)``; `constants` holds s.
    """
    count, s = outputs.size, constants[0]
    outputs[0] = 0.0
    total = 0.0
    for j in range(1, count):
        outputs[j] = outputs[j - 1] + inputs[j - 1]
        total += outputs[j]
    square = 0.0
    for j in range(count):
        outputs[j] -= total / count
        square += outputs[j] * outputs[j]
    constant = math.lgamma(count + 1.0) - 0.5 * math.log(count) - 0.5 * (count - 1) * math.log(2 * math.pi)
    return constant - (count - 1) * math.log(s) - 0.5 * square / (s * s)


@DerivedAdjoint
def cutpoints_adjoint(inputs, constants, outputs, outputs_bar, inputs_bar):
    """Transpose `cutpoints`."""
    count, square = outputs.size, constants[0] ** 2
    mean = 0.0
    for j in range(count):
        mean += outputs_bar[j] / count  # the outputs, of which the density is, have a mean of zero
    later = 0.0
    for j in range(count - 1, 0, -1):
        later += outputs_bar[j] - outputs[j] / square - mean
        inputs_bar[j - 1] += later


@DerivedFunction
def contrasts(inputs, constants, outputs):
    """Write numbers that sum to zero, (C,), from C - 1 coordinates by Helmert's orthonormal contrasts.

    Where these are iid normal, so are the numbers less their mean.
    """
    outputs[0] = 0.0
    for k in range(1, outputs.size):
        step = inputs[k - 1] / math.sqrt(k * (k + 1.0))
        for j in range(k):
            outputs[j] -= step
        outputs[k] = k * step
    return 0.0


@DerivedAdjoint
def contrasts_adjoint(inputs, constants, outputs, outputs_bar, inputs_bar):
    """Transpose `contrasts`."""
    before = outputs_bar[0]
    for k in range(1, outputs.size):
        inputs_bar[k - 1] += (k * outputs_bar[k] - before) / math.sqrt(k * (k + 1.0))
        before += outputs_bar[k]


@DerivedFunction
def precision(inputs, constants, outputs):
    """Write ``1 / sigma^2``."""
    outputs[0] = 1.0 / (inputs[0] * inputs[0])
    return 0.0


@DerivedAdjoint
def precision_adjoint(inputs, constants, outputs, outputs_bar, inputs_bar):
    """Transpose `precision`."""
    inputs_bar[0] -= 2.0 * outputs_bar[0] * outputs[0] / inputs[0]


@DerivedFunction
def multiples(inputs, constants, outputs):
    """Write the first inputs times the last."""
    for k in range(outputs.size):
        outputs[k] = inputs[k] * inputs[outputs.size]
    return 0.0


@DerivedAdjoint
def multiples_adjoint(inputs, constants, outputs, outputs_bar, inputs_bar):
    """Transpose `multiples`."""
    last = outputs.size
    for k in range(last):
        inputs_bar[k] += outputs_bar[k] * inputs[last]
        inputs_bar[last] += outputs_bar[k] * inputs[k]


@DerivedFunction
def simplex(inputs, constants, outputs):
    """Write a simplex from normal scores t, one less; return what its log prior has besides theirs.

    Each score says which fraction ``1 - Φ(-t)^(1/m)`` of what is left goes to a share that m shares follow:
    of a standard normal score it is a Beta(1, m) variable, and the simplex uniform (Connor and Mosimann 1969,
    J. American Statistical Association 64, 194-206). `constants` holds alpha, and the addition is
    ``log Dirichlet(alpha) - log Dirichlet(1)``.
    """
    alpha, size = constants[0], outputs.size
    addition = math.lgamma(size * alpha) - size * math.lgamma(alpha) - math.lgamma(float(size))
    left = 0.0  # logarithm of what is left
    for k in range(size - 1):
        rest = normal_distribution(-inputs[k])[0] / (size - 1 - k)
        outputs[k] = -math.expm1(rest) * math.exp(left)
        addition += (alpha - 1.0) * (left + log1mexp(-rest))
        left += rest
    outputs[size - 1] = math.exp(left)
    return addition + (alpha - 1.0) * left


@DerivedAdjoint
def simplex_adjoint(inputs, constants, outputs, outputs_bar, inputs_bar):
    """Transpose `simplex`: what is left before a share goes to it and to all after it."""
    excess, size = constants[0] - 1.0, outputs.size
    later = outputs_bar[size - 1] * outputs[size - 1]  # derivative in the logarithm of what is left
    later += excess
    for k in range(size - 2, -1, -1):
        log_below, slope, _ = normal_distribution(-inputs[k])
        rest = log_below / (size - 1 - k)
        # A share is (1 - exp(rest)) of what is left before it, of which exp(rest) is left after it.
        odds = 1.0 / math.expm1(max(-rest, 1e-300))
        own = outputs_bar[k] * outputs[k] + excess
        inputs_bar[k] += (own * odds - later) * slope / (size - 1 - k)
        later += own


@DerivedFunction
def squared_exponential_root(inputs, constants, outputs):
    """Write roots of a spectral density at frequencies, from standard deviation and lengthscale.

    ``sd^2 sqrt(2 pi) l exp(-l^2 w^2 / 2)``, the transform of ``sd^2 exp(-r^2 / 2 l^2)``.
    """
    sd, length = inputs[0], inputs[1]
    peak = sd * math.sqrt(math.sqrt(2.0 * math.pi) * length)
    for k in range(outputs.size):
        scaled = length * constants[k]
        outputs[k] = peak * math.exp(-0.25 * scaled * scaled)
    return 0.0


@DerivedAdjoint
def squared_exponential_root_adjoint(inputs, constants, outputs, outputs_bar, inputs_bar):
    """Transpose `squared_exponential_root`."""
    sd, length = inputs[0], inputs[1]
    for k in range(outputs.size):
        own, scaled = outputs_bar[k] * outputs[k], length * constants[k]
        inputs_bar[0] += own / sd
        inputs_bar[1] += own * (0.5 - 0.5 * scaled * scaled) / length


@DerivedFunction
def matern_root(inputs, constants, outputs):
    """Write roots of a Matern spectral density at frequencies, as `squared_exponential_root` does.

    With smoothness nu, the first constant, ``sd^2 2 sqrt(pi / 2 nu) l G(nu + 1/2) / G(nu) (1 + l^2 w^2 / 2
    nu)^-(nu + 1/2)`` (Rasmussen and Williams 2006, Gaussian Processes for Machine Learning, equation 4.15).
    """
    sd, length, nu = inputs[0], inputs[1], constants[0]
    gammas = math.exp(math.lgamma(nu + 0.5) - math.lgamma(nu))
    peak = sd * math.sqrt(2.0 * math.sqrt(math.pi / (2.0 * nu)) * gammas * length)
    for k in range(outputs.size):
        scaled = length * constants[k + 1]
        outputs[k] = peak * (1.0 + scaled * scaled / (2.0 * nu)) ** (-0.5 * (nu + 0.5))
    return 0.0


@DerivedAdjoint
def matern_root_adjoint(inputs, constants, outputs, outputs_bar, inputs_bar):
    """Transpose `matern_root`."""
    sd, length, nu = inputs[0], inputs[1], constants[0]
    for k in range(outputs.size):
        own, scaled = outputs_bar[k] * outputs[k], length * constants[k + 1]
        square = scaled * scaled / (2.0 * nu)
        inputs_bar[0] += own / sd
        inputs_bar[1] += own * (0.5 - (nu + 0.5) * square / (1.0 + square)) / length


@DerivedFunction
def mixed_root(inputs, constants, outputs):
    """Write ``sd sqrt(rho g + 1 - rho)`` for each g of `constants`."""
    sd, rho = inputs[0], inputs[1]
    for k in range(outputs.size):
        outputs[k] = sd * math.sqrt(max(rho * constants[k] + 1.0 - rho, 1e-300))
    return 0.0


@DerivedAdjoint
def mixed_root_adjoint(inputs, constants, outputs, outputs_bar, inputs_bar):
    """Transpose `mixed_root`."""
    sd = inputs[0]
    for k in range(outputs.size):
        inputs_bar[0] += outputs_bar[k] * outputs[k] / sd
        inputs_bar[1] += 0.5 * outputs_bar[k] * (constants[k] - 1.0) * sd * sd / outputs[k]


@DerivedFunction
def conditional_root(inputs, constants, outputs):
    """Write ``sd / sqrt(1 - alpha w)`` for each w of `constants`."""
    for k in range(outputs.size):
        outputs[k] = inputs[0] / math.sqrt(max(1.0 - inputs[1] * constants[k], 1e-15))
    return 0.0


@DerivedAdjoint
def conditional_root_adjoint(inputs, constants, outputs, outputs_bar, inputs_bar):
    """Transpose `conditional_root`."""
    for k in range(outputs.size):
        own = outputs_bar[k] * outputs[k]
        inputs_bar[0] += own / inputs[0]
        inputs_bar[1] += 0.5 * own * constants[k] / max(1.0 - inputs[1] * constants[k], 1e-15)
