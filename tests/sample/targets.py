"""Densities with known moments, as samplers see them: static, hashable, with a tree of arrays as point."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from shoal.sample.programs import to_device
from shoal.sample.target import Target


class Point(NamedTuple):
    values: Any
    beta: Any
    r: Any


@dataclass(frozen=True)
class Normal:
    """Theta normal with data's mean and precision root; z standard normal given theta.

    The point: `values` theta, `beta` exponentials of thirds of theta, `r` of one factor (1, n_latent) z plus
    theta's sum.
    """

    n_theta: int
    n_latent: int = 0
    batchable: bool = True

    def marginal(self, data: Any, theta: Any) -> Any:
        away = data["whiten"] @ (theta - data["mean"])
        return -0.5 * away @ away

    def joint(self, data: Any, theta: Any, z: Any) -> Any:
        point = Point(theta, jnp.exp(theta / 3), ((z + theta.sum())[None, :],))
        return self.marginal(data, theta) - 0.5 * z @ z, point


@dataclass(frozen=True)
class LogGamma:
    """Independent logarithms of Gamma(shape, 1) variables: skewed, with known moments; no z."""

    n_theta: int
    n_latent: int = 0
    batchable: bool = True

    def marginal(self, data: Any, theta: Any) -> Any:
        return (data["shape"] * theta - jnp.exp(theta)).sum()

    def joint(self, data: Any, theta: Any, z: Any) -> Any:
        return self.marginal(data, theta), Point(theta, jnp.zeros(0), ())


def covariance(size: int) -> np.ndarray:
    """A covariance with scales from 0.1 to 10 and correlations of 0.7."""
    scale = 10.0 ** np.linspace(-1, 1, size) if size > 1 else np.ones(size)
    return np.outer(scale, scale) * (0.7 + 0.3 * np.eye(size))


def normal(n_theta: int, n_latent: int = 0, batchable: bool = True) -> tuple[Target, np.ndarray, np.ndarray]:
    """Return a normal target with its mean and covariance."""
    mean, cov = np.arange(n_theta) - 1.0, covariance(n_theta)
    data = {"mean": mean, "whiten": np.linalg.inv(np.linalg.cholesky(cov))}
    return Target(Normal(n_theta, n_latent, batchable), to_device(data), np.zeros(n_theta)), mean, cov


def log_gamma(*shape: float) -> Target:
    """Return a skewed target."""
    return Target(LogGamma(len(shape)), to_device({"shape": np.array(shape)}), np.zeros(len(shape)))
