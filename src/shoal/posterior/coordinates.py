"""Coordinates (theta, z) of the posterior: maps to the effects, with log determinants.

Every choice is the same posterior; they differ in how hard it is to sample.

``noncentered``  x = z.
``centered``     z holds each level's own effects; of the first factor, population part included.
``zero_sum``     z holds the mean over *these* levels in place of the population coefficient, and the
                 effects rotated into their mean and G - 1 deviations.
``transport``    x = m(theta) + F(theta)'^-1 z (`laplace`): z is near standard normal whatever the data.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from shoal.posterior import constraint, laplace, rows
from shoal.posterior.blocks import LARGEST_UNROLLED, Effects, dot, gather, solve_lower, split
from shoal.posterior.data import Data, Hyper, coefficients
from shoal.posterior.hyper import hyperparameters
from shoal.posterior.structure import Factor, Structure

COORDINATES = ("transport", "noncentered", "centered", "zero_sum")


class Point(NamedTuple):
    """One draw on natural scales.

    Attributes
    ----------
    values : (V,) array
        Hyperparameters.
    beta : (P,) array
        Population coefficients.
    r : tuple of (K, G) arrays
        Effects of each factor, latents after the ordinary ones.
    """

    values: Any
    beta: Any
    r: tuple[Any, ...]


@dataclass(frozen=True)
class Density:
    """Log density of a posterior in one set of coordinates; hashable, so that programs can be kept.

    Parameters
    ----------
    structure : Structure
    coordinates : {"transport", "noncentered", "centered", "zero_sum"}
    refinements : int
        Newton steps of the transport map, or `laplace.FROZEN` (see `laplace.conditional`).
    """

    structure: Structure
    coordinates: str = "transport"
    refinements: int = 0

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
        s = self.structure
        constraints = sum(sum(f.zero_sum) for f in s.factors)
        return max(s.n_border, constraints, *s.main_shape[:1]) <= LARGEST_UNROLLED

    def marginal(self, data: Data, theta: Any) -> Any:
        """Return the log density of theta with all effects integrated; Laplace's where not quadratic."""
        s = self.structure
        hyper = hyperparameters(s, data, theta)
        c = laplace.conditional(s, data, hyper, self.refinements)
        if c.value is not None:
            return hyper.log_prior + c.value + data.constant
        _, log_volume = laplace.transport(s, c, self.split(jnp.zeros(self.n_latent)))
        return self._log_density(data, hyper, c.mode) + log_volume

    def joint(self, data: Data, theta: Any, z: Any) -> tuple[Any, Point]:
        """Return the log density of (theta, z) and the point it stands for."""
        s = self.structure
        hyper = hyperparameters(s, data, theta)
        if self.coordinates == "transport":
            c = self._conditional(data, theta, hyper)
            x, log_volume = laplace.transport(s, c, self.split(z))
            if c.value is not None:
                value = hyper.log_prior + c.value - 0.5 * z @ z + data.constant
                return value, self.point(data, hyper, x)
        else:
            x, log_volume = _MAPS[self.coordinates](s, data, hyper, self.split(z))
        return self._log_density(data, hyper, x) + log_volume, self.point(data, hyper, x)

    def anchored(self, data: Data, theta: Any, scout: Density) -> Data:
        """Return the data with the anchor at the mode of the effects given `theta`, as `scout` finds it."""
        s = self.structure
        hyper = hyperparameters(s, data, theta)
        if not s.quadratic:
            x = laplace.conditional(s, data, hyper, scout.refinements).mode
            data = data._replace(anchor=rows.linearized(s, data, hyper, x))
        return data if self.refinements != laplace.FROZEN else data._replace(frozen=self._frozen(data, theta))

    def _frozen(self, data: Data, theta: Any) -> laplace.Frozen:
        """Return the map at `theta`, and how its mode moves with theta."""

        def mode(at: Any) -> Effects:
            return laplace.conditional(
                self.structure, data, hyperparameters(self.structure, data, at), 0
            ).mode

        # One direction after the other: side by side they would be batched LAPACK calls.
        slope = jax.lax.map(lambda way: jax.jvp(mode, (theta,), (way,))[1], jnp.eye(self.n_theta))
        hyper = hyperparameters(self.structure, data, theta)
        c = laplace.conditional(self.structure, data, hyper, 0)
        return laplace.Frozen(theta, c._replace(value=None), slope)

    def _conditional(self, data: Data, theta: Any, hyper: Hyper) -> laplace.Conditional:
        if self.refinements == laplace.FROZEN:
            return data.frozen.at(theta)
        return laplace.conditional(self.structure, data, hyper, self.refinements)

    def point(self, data: Data, hyper: Hyper, x: Effects) -> Point:
        """Return the point that standardised effects `x` stand for."""
        parts, population = split(self.structure, x)
        r = []
        for f, out, root, u in zip(self.structure.factors, hyper.out, data.roots, parts, strict=True):
            own = out @ u
            r.append(own @ root.T if f.known else own)
        return Point(hyper.values, coefficients(data, hyper, population), tuple(r))

    def split(self, z: Any) -> Effects:
        """Return a flat z (R + K G,) as effects."""
        border = self.structure.n_border
        return Effects(z[border:].reshape(self.structure.main_shape), z[:border])

    def _log_density(self, data: Data, hyper: Hyper, x: Effects) -> Any:
        likelihood = rows.log_likelihood(self.structure, data, hyper, x)
        return hyper.log_prior + likelihood + rows.log_prior(self.structure, hyper, x) + data.constant


def _noncentered(s: Structure, data: Data, hyper: Hyper, z: Effects) -> tuple[Effects, Any]:
    if not s.zero_sum:
        return z, jnp.zeros(())
    # A zero-sum term is iid normal effects less their mean, whose own density is that of z.
    x = constraint.centered(s, z)
    return x, -0.5 * (dot(z, z) - dot(x, x))


def _zero_sum(s: Structure, data: Data, hyper: Hyper, z: Effects) -> tuple[Effects, Any]:
    parts, population = split(s, z)
    parts = tuple(_rotate(part) for part in parts)
    shift: Any = 0.0
    for f, lam, u in zip(s.factors, hyper.out, parts, strict=True):
        if not any(f.zero_sum):
            # The population coefficients move by the mean of the effects: volume is kept.
            shift = shift + _to_coefficients(f, lam @ u.mean(1), data.mean.shape[0])
    if not isinstance(shift, float):
        population = population - _standardized(data, hyper, shift)
    x, log_volume = _noncentered(s, data, hyper, gather(s, parts, population))
    return x, log_volume


def _centered(s: Structure, data: Data, hyper: Hyper, z: Effects) -> tuple[Effects, Any]:
    parts, b = split(s, z)
    beta = coefficients(data, hyper, b)
    out, log_volume = [], jnp.zeros(())
    for number, (f, lam, root, r) in enumerate(zip(s.factors, hyper.out, data.roots, parts, strict=True)):
        flags = np.array([*f.zero_sum, *[False] * f.latents], bool)
        count = f.levels - flags.astype(float)
        if flags.any():
            # The mean over levels is free of the model; a standard normal keeps it in place.
            mean = jnp.where(flags[:, None], r.mean(1, keepdims=True), 0.0)
            r = r - mean
            log_volume = log_volume - 0.5 * f.levels * (mean**2).sum()
        elif number == 0:
            r = r - _from_coefficients(f, beta)[:, None]
        if f.known:
            r = solve_lower(root, r.T).T
            log_volume = log_volume - f.effects * jnp.log(jnp.diagonal(root)).sum()
        out.append(solve_lower(lam, r))
        log_volume = log_volume - (count * jnp.log(jnp.diagonal(lam))).sum()
    return gather(s, tuple(out), b), log_volume


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


def _to_coefficients(factor: Factor, effects: Any, size: int) -> Any:
    out = jnp.zeros(size)
    for k, column in enumerate(factor.matched):
        if column >= 0:
            out = out.at[column].add(effects[k])
    return out


def _from_coefficients(factor: Factor, beta: Any) -> Any:
    own = [beta[c] if c >= 0 else jnp.zeros(()) for c in factor.matched]
    return jnp.stack([*own, *[jnp.zeros(())] * factor.latents])


def _standardized(data: Data, hyper: Hyper, shift: Any) -> Any:
    """Return the change of b that changes the normal coefficients by `shift`."""
    if not data.scale.shape[1]:
        return jnp.zeros(0)
    return jnp.linalg.lstsq(data.scale, shift)[0] / hyper.scale_b
