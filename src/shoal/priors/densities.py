"""Log densities of priors and their slopes, compiled: one function a kind of prior.

Each takes x, the prior's arguments in the order of its class, and a place for the derivative in x.
"""

from __future__ import annotations

import math

import numba as nb
import numpy as np

from shoal.priors.compiled import PRIOR_FUNCTION_TYPE, VECTOR, PriorFunction, compiled_as

LOG_2 = math.log(2)
LOG_ROOT_2_PI = 0.5 * math.log(2 * math.pi)

prior_function = PriorFunction  # the decorator of a log density


@prior_function
def normal_density(x: float, params: np.ndarray, slope: np.ndarray) -> float:
    """Return the density of Normal(mu, sigma)."""
    mu, sigma = params[0], params[1]
    z = (x - mu) / sigma
    slope[0] = -z / sigma
    return -0.5 * z * z - math.log(sigma) - LOG_ROOT_2_PI


@prior_function
def half_normal_density(x: float, params: np.ndarray, slope: np.ndarray) -> float:
    """Absolute value of a normal variable of standard deviation sigma."""
    z = x / params[0]
    slope[0] = -z / params[0]
    return LOG_2 - 0.5 * z * z - math.log(params[0]) - LOG_ROOT_2_PI


@prior_function
def student_t_density(x: float, params: np.ndarray, slope: np.ndarray) -> float:
    """Student-t of nu degrees of freedom, location mu and scale sigma."""
    nu, mu, sigma = params[0], params[1], params[2]
    z = (x - mu) / sigma
    constant = math.lgamma((nu + 1) / 2) - math.lgamma(nu / 2) - 0.5 * math.log(nu * math.pi)
    slope[0] = -(nu + 1) * z / ((nu + z * z) * sigma)
    return constant - math.log(sigma) - (nu + 1) / 2 * math.log1p(z * z / nu)


@prior_function
def half_student_t_density(x: float, params: np.ndarray, slope: np.ndarray) -> float:
    """Absolute value of a Student-t variable of nu degrees of freedom and scale sigma."""
    nu, sigma = params[0], params[1]
    z = x / sigma
    constant = math.lgamma((nu + 1) / 2) - math.lgamma(nu / 2) - 0.5 * math.log(nu * math.pi)
    slope[0] = -(nu + 1) * z / ((nu + z * z) * sigma)
    return LOG_2 + constant - math.log(sigma) - (nu + 1) / 2 * math.log1p(z * z / nu)


@prior_function
def half_cauchy_density(x: float, params: np.ndarray, slope: np.ndarray) -> float:
    """Absolute value of a Cauchy variable of scale beta."""
    z = x / params[0]
    slope[0] = -2 * z / ((1 + z * z) * params[0])
    return math.log(2 / math.pi) - math.log(params[0]) - math.log1p(z * z)


@prior_function
def laplace_density(x: float, params: np.ndarray, slope: np.ndarray) -> float:
    """Double exponential of location mu and scale b; the slope at mu, where there is none, is 0."""
    mu, b = params[0], params[1]
    slope[0] = -np.sign(x - mu) / b
    return -abs(x - mu) / b - math.log(2 * b)


@prior_function
def exponential_density(x: float, params: np.ndarray, slope: np.ndarray) -> float:
    """Exponential of a given rate."""
    slope[0] = -params[0]
    return math.log(params[0]) - params[0] * x


@prior_function
def gamma_density(x: float, params: np.ndarray, slope: np.ndarray) -> float:
    """Gamma of shape alpha and rate beta."""
    alpha, beta = params[0], params[1]
    slope[0] = (alpha - 1) / x - beta
    return alpha * math.log(beta) - math.lgamma(alpha) + (alpha - 1) * math.log(x) - beta * x


@prior_function
def inverse_gamma_density(x: float, params: np.ndarray, slope: np.ndarray) -> float:
    """Reciprocal of a gamma variable of shape alpha and rate beta."""
    alpha, beta = params[0], params[1]
    slope[0] = (beta / x - (alpha + 1)) / x
    return alpha * math.log(beta) - math.lgamma(alpha) - (alpha + 1) * math.log(x) - beta / x


@prior_function
def beta_density(x: float, params: np.ndarray, slope: np.ndarray) -> float:
    """Beta of shapes alpha and beta; a shape of one leaves out its logarithm, which may be infinite."""
    alpha, beta = params[0], params[1]
    total = math.lgamma(alpha + beta) - math.lgamma(alpha) - math.lgamma(beta)
    slope[0] = 0.0
    if alpha != 1:
        total += (alpha - 1) * math.log(x)
        slope[0] += (alpha - 1) / x
    if beta != 1:
        total += (beta - 1) * math.log1p(-x)
        slope[0] -= (beta - 1) / (1 - x)
    return total


@prior_function
def partial_correlation_density(x: float, params: np.ndarray, slope: np.ndarray) -> float:
    """Beta(alpha, alpha) stretched to (-1, 1)."""
    alpha = params[0]
    constant = math.lgamma(2 * alpha) - 2 * math.lgamma(alpha) - (2 * alpha - 1) * LOG_2
    rest = (1 - x) * (1 + x)
    slope[0] = -2 * (alpha - 1) * x / rest
    return constant + (alpha - 1) * math.log(rest)


@prior_function
def no_density(x: float, params: np.ndarray, slope: np.ndarray) -> float:
    """Zero: of a known value, and where another expression holds the density."""
    slope[0] = 0.0
    return 0.0


@compiled_as(nb.void(PRIOR_FUNCTION_TYPE, VECTOR, nb.float64[:, ::1], VECTOR))
def _each(density: PriorFunction, x: np.ndarray, params: np.ndarray, value: np.ndarray) -> None:
    slope = np.zeros(1)
    for i in range(x.shape[0]):
        value[i] = density(x[i], params[i % params.shape[0]], slope)


def density_values(density: PriorFunction, x: np.ndarray, *params: np.ndarray | float) -> np.ndarray:
    """Return the normalised log density at each x; arguments and x broadcast against each other."""
    shape = np.broadcast_shapes(np.shape(x), *(np.shape(p) for p in params))
    at = np.array(np.broadcast_to(x, shape), float, order="C")
    if all(np.ndim(p) == 0 for p in params):
        each = np.array([params], float)
    else:
        each = np.stack([np.broadcast_to(np.asarray(p, float), shape).ravel() for p in params], axis=-1)
    value = np.empty(at.size)
    _each.compiled(density.compiled, at.ravel(), np.ascontiguousarray(each), value)
    return value.reshape(shape)
