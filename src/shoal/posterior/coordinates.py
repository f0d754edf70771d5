"""Coordinates (theta, z) of the posterior: maps to the effects, with log determinants.

Every choice is the same posterior; they differ in how hard it is to sample.

``noncentered``  x = z.
``centered``     z holds each level's own coefficients, population part included.
``zero_sum``     z holds the mean over *these* levels in place of the population coefficient, and the
                 effects rotated into their mean and G - 1 deviations.
``transport``    x = m(theta) + F(theta)'^-1 z (`laplace`): z is near standard normal whatever the data.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from shoal.posterior import laplace, rows
from shoal.posterior.blocks import LARGEST_UNROLLED, Effects, dot
from shoal.posterior.structure import Data, Hyper, Structure, coefficients, hyperparameters

COORDINATES = ("transport", "noncentered", "centered", "zero_sum")


class Point(NamedTuple):
    """One draw on natural scales: hyperparameter `values`, coefficients `beta` (P,), effects `r` (K, G)."""

    values: Any
    beta: Any
    r: Any


@dataclass(frozen=True)
class Density:
    """Log density of a posterior in one set of coordinates; hashable, so that programs can be kept.

    Parameters
    ----------
    structure : Structure
    coordinates : {"transport", "noncentered", "centered", "zero_sum"}
    """

    structure: Structure
    coordinates: str = "transport"

    @property
    def n_theta(self) -> int:
        """Length of theta."""
        return self.structure.n_theta

    @property
    def n_latent(self) -> int:
        """Length of z."""
        return self.structure.n_latent

    @property
    def batchable(self) -> bool:
        """Several evaluations may run side by side in one vectorised step (see `blocks.cholesky`)."""
        return self.structure.n_normal <= LARGEST_UNROLLED

    def marginal(self, data: Data, theta: Any) -> Any:
        """Return the log density of theta with all effects integrated; Laplace's for non-gaussian rows."""
        hyper = hyperparameters(self.structure, data, theta)
        c = laplace.conditional(self.structure, data, hyper)
        if c.quadratic is not None:
            return hyper.log_prior + c.quadratic + data.constant
        assert data.rows is not None
        log_likelihood = rows.log_likelihood(self.structure, data.rows, hyper, c.mode)
        _, log_volume = laplace.transport(c, self.split(jnp.zeros(self.n_latent)))
        return hyper.log_prior + log_likelihood - 0.5 * dot(c.mode, c.mode) + log_volume + data.constant

    def joint(self, data: Data, theta: Any, z: Any) -> tuple[Any, Point]:
        """Return the log density of (theta, z) and the point it stands for."""
        hyper = hyperparameters(self.structure, data, theta)
        if self.coordinates == "transport":
            x, log_density = self._transported(data, hyper, self.split(z))
        else:
            x, log_density = _MAPS[self.coordinates](self.structure, data, hyper, self.split(z))
            assert data.rows is not None
            log_density += rows.log_likelihood(self.structure, data.rows, hyper, x)
        point = Point(hyper.values, coefficients(data, x.b, hyper.coefficients), hyper.lam @ x.u)
        return hyper.log_prior + log_density + data.constant, point

    def split(self, z: Any) -> Effects:
        """Return a flat z (p + K G,) as effects."""
        p, shape = self.structure.n_normal, (self.structure.n_effects, self.structure.n_levels)
        return Effects(z[p:].reshape(shape), z[:p])

    def _transported(self, data: Data, hyper: Hyper, z: Effects) -> tuple[Effects, Any]:
        c = laplace.conditional(self.structure, data, hyper)
        x, log_volume = laplace.transport(c, z)
        if c.quadratic is not None:
            return x, c.quadratic - 0.5 * dot(z, z)
        assert data.rows is not None
        log_likelihood = rows.log_likelihood(self.structure, data.rows, hyper, x)
        return x, log_likelihood - 0.5 * dot(x, x) + log_volume


def _noncentered(structure: Structure, data: Data, hyper: Hyper, z: Effects) -> tuple[Effects, Any]:
    # A zero-sum term is iid normal effects less their mean, whose own density is that of z.
    u = z.u - z.u.mean(1, keepdims=True) if structure.zero_sum else z.u
    return Effects(u, z.b), -0.5 * dot(z, z)


def _zero_sum(structure: Structure, data: Data, hyper: Hyper, z: Effects) -> tuple[Effects, Any]:
    u = _rotate(z.u)
    if structure.zero_sum:
        return Effects(u - u.mean(1, keepdims=True), z.b), -0.5 * dot(z, z)
    # Shift the population coefficients by the mean of the effects: volume is kept.
    shift = _to_coefficients(structure, hyper.lam @ u.mean(1), data.mean.shape[0])
    b = z.b - _standardized(data, shift)
    return Effects(u, b), -0.5 * (u * u).sum() - 0.5 * b @ b


def _centered(structure: Structure, data: Data, hyper: Hyper, z: Effects) -> tuple[Effects, Any]:
    beta = coefficients(data, z.b, hyper.coefficients)
    population = _from_coefficients(structure, beta)
    if structure.zero_sum:
        # The mean over levels is free of the model; a standard normal keeps it in place.
        mean = z.u.mean(1, keepdims=True)
        r, extra, count = z.u - mean, -0.5 * structure.n_levels * (mean**2).sum(), structure.n_levels - 1
    else:
        r, extra, count = z.u - population[:, None], 0.0, structure.n_levels
    u = jnp.linalg.solve(hyper.lam, r) if structure.n_effects else r
    log_volume = -count * jnp.log(jnp.diagonal(hyper.lam)).sum()
    return Effects(u, z.b), -0.5 * (u * u).sum() - 0.5 * z.b @ z.b + log_volume + extra


_MAPS: dict[str, Callable[[Structure, Data, Hyper, Effects], tuple[Effects, Any]]] = {
    "noncentered": _noncentered,
    "zero_sum": _zero_sum,
    "centered": _centered,
}


def _rotate(v: Any) -> Any:
    """Reflect rows of (K, G) so that the first entry becomes ``sqrt(G)`` times the mean (Householder)."""
    levels = v.shape[1]
    if levels < 2:
        return v
    normal = np.full(levels, levels**-0.5)
    normal[0] -= 1.0
    normal /= np.linalg.norm(normal)
    return v - 2 * (v @ normal)[:, None] * normal


def _to_coefficients(structure: Structure, effects: Any, size: int) -> Any:
    out = jnp.zeros(size)
    for k, column in enumerate(structure.matched):
        if column >= 0:
            out = out.at[column].add(effects[k])
    return out


def _from_coefficients(structure: Structure, beta: Any) -> Any:
    return jnp.stack([beta[c] if c >= 0 else jnp.zeros(()) for c in structure.matched] or [jnp.zeros(())])[
        : structure.n_effects
    ]


def _standardized(data: Data, shift: Any) -> Any:
    """Return the change of b that changes the normal coefficients by `shift`."""
    return jnp.linalg.lstsq(data.scale, shift)[0] if data.scale.shape[1] else jnp.zeros(0)
