"""Evaluate a problem's densities at given points: what samplers, tests and the lab call from Python."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from shoal.engine import coordinates, density, gradient, laplace
from shoal.engine.handles import map_handle, problem_handle, space_handle
from shoal.engine.hyper import RAMP, ramp_inverse
from shoal.engine.problem import Problem
from shoal.engine.space import Map, Space, empty_map, new_space
from shoal.priors.compiled import Compiled


def log_density_in(name: str) -> Compiled:
    """Return the log density in named coordinates; its map must be laid for them (`Target.room`)."""
    return gradient.joint_density if name == "transport" else coordinates.log_density


BENDS = (0.25, 0.5, 1.0, 2.0, 4.0)  # of a median, where its ramp may bend
ROUNDS, PAIRS = 3, 16  # of averaging the rows
DEAR = 2e6  # elementary operations of a marginal density, some milliseconds


def is_quadratic(p: Problem) -> bool:
    """Return True if all effects integrate out exactly."""
    return not len(p.rows.y)


def cost_of(p: Problem) -> float:
    """Return about how many operations a marginal density takes: a number, so that seeds reproduce."""
    each = _cost_of_factor(p) + 30.0 * len(p.columns.value)
    return each * (1.0 if is_quadratic(p) else 4.0)


def step_cost_of(p: Problem) -> float:
    """Return about how many operations a step of a trajectory takes, a joint density and its gradient."""
    return 4.0 * _cost_of_factor(p) + 8.0 * len(p.columns.value)


def _cost_of_factor(p: Problem) -> float:
    columns = np.diff(p.pattern.l_start).astype(float)
    factor = float((columns**2).sum()) / (10.0 if p.pattern.dense < len(p.prior.mean) else 1.0)
    return factor + 6.0 * len(p.pattern.l_row) + 4.0 * len(p.terms.place)


@dataclass(frozen=True)
class Room:
    """What one thread works in; `space` and `where` are handles of the two records."""

    numbers: Space
    map: Map
    space: Any
    where: Any


@dataclass(frozen=True)
class Target:
    """A problem ready to be evaluated.

    Attributes
    ----------
    problem : Problem
    start : (T,) array
        Where a search for the mode of theta begins.
    predictors : (lines,) array
        Linear predictors near the rows' own estimates, at which the expansion begins.
    kinked : bool
        Rows have kinks in their linear predictors, so that marginals jump from one expansion to the next.
    """

    problem: Problem
    start: np.ndarray
    predictors: np.ndarray
    kinked: bool = False
    handle: Any = field(init=False, repr=False, compare=False)
    units: np.ndarray = field(init=False, repr=False, compare=False)  # of ramps, where they begin

    def __post_init__(self) -> None:
        object.__setattr__(self, "handle", problem_handle(self.problem))
        object.__setattr__(self, "units", self.problem.slots.unit.copy())
        self.restart()

    @property
    def n_theta(self) -> int:
        """Length of theta."""
        return len(self.problem.slots.place)

    @property
    def n_effects(self) -> int:
        """Length of x and of z."""
        return len(self.problem.prior.mean)

    @property
    def quadratic(self) -> bool:
        """All effects integrate out exactly."""
        return is_quadratic(self.problem)

    @property
    def cost(self) -> float:
        """About how many elementary operations a marginal density takes."""
        return cost_of(self.problem)

    @property
    def dear(self) -> bool:
        """A marginal density takes milliseconds: fewer of them are made."""
        return self.cost > DEAR

    def room(self, name: str = "transport") -> Room:
        """Return what one thread needs, for densities in named coordinates."""
        numbers, where = new_space(self.problem), empty_map(self.problem)
        room = Room(numbers, where, space_handle(numbers), map_handle(where))
        if name != "transport":
            coordinates.lay_standard(self.handle, coordinates.NAMES.index(name), room.space, room.where)
        return room

    def restart(self) -> None:
        """Move the expansion point and units to where they begin: what follows forgets what was sampled."""
        self.problem.slots.unit[:] = self.units
        self.problem.expansion.x[:] = self.problem.prior.mean
        if not self.quadratic:
            laplace.expand_at_predictors(self.handle, self.start, self.predictors, self.room().space)

    def expand(self, theta: np.ndarray) -> None:
        """Move the expansion point to the mode of the effects given `theta`."""
        self.mode_at(theta)

    def bend(self, thetas: np.ndarray) -> np.ndarray:
        """Let each ramp bend where draws of theta (S, T) are least skewed; return them in the new units.

        Where the data know more than the prior, the prior's unit leaves all they allow in the lower end of
        the ramp, and the tail towards zero many times as long as the other. No unit grows beyond the prior's.
        """
        slots, moved = self.problem.slots, thetas.copy()
        values = self.values(thetas)[:, slots.place]
        for k in np.flatnonzero(slots.transform == RAMP):
            low, middle, high = np.quantile(values[:, k], (0.05, 0.5, 0.95))

            def skewness(unit: float, ends: tuple[float, ...] = (low, middle, high)) -> float:
                below, at, above = (ramp_inverse(value / unit) for value in ends)
                return abs((below + above - 2 * at) / (above - below))

            own = self.units[k]
            slots.unit[k] = min((own, *(m * middle for m in BENDS if m * middle < own)), key=skewness)
            moved[:, k] = [ramp_inverse(value / slots.unit[k]) for value in values[:, k]]
        return moved

    def mode_at(self, theta: np.ndarray) -> Room:
        """Return a room with the map at the mode of the effects given `theta`; the expansion moves there."""
        room = self.room()
        laplace.marginals(self.handle, np.array([theta]), True, room.space, room.where, np.empty(1))
        return room

    def average(self, theta: np.ndarray, rng: np.random.Generator) -> None:
        """Let the expansion be the rows averaged over the effects given `theta`, while the map grows wider.

        Where it would grow narrower, as with rare counts, tails of the effects would be out of reach.
        """
        if self.quadratic:
            return
        room, expansion = self.room(), self.problem.expansion
        widest, kept = -np.inf, (expansion.a.copy(), expansion.b.copy())
        for _ in range(ROUNDS + 1):
            here = expansion.a.copy(), expansion.b.copy()
            volume = laplace.average(rng, self.handle, theta, PAIRS, room.space, room.where)
            if not volume > widest:
                break
            widest, kept = volume, here
        expansion.a[:], expansion.b[:] = kept

    def marginals(self, thetas: np.ndarray, room: Room | None = None) -> np.ndarray:
        """Return the log density of each theta (S, T), effects integrated; Laplace's where not gaussian."""
        values, room = np.empty(len(thetas)), room or self.room()
        thetas = np.ascontiguousarray(thetas, float)
        laplace.marginals(self.handle, thetas, False, room.space, room.where, values)
        return values

    def joint(self, theta: np.ndarray, z: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        """Return the log density of (theta, z), the standard normal's constant left out, and its gradient."""
        by_theta, by_z, room = np.zeros(self.n_theta), np.zeros(self.n_effects), self.room()
        value = gradient.joint_density(self.handle, theta, z, room.space, room.where, by_theta, by_z)
        return value, by_theta, by_z

    def in_coordinates(
        self, name: str, theta: np.ndarray, z: np.ndarray
    ) -> tuple[float, np.ndarray, np.ndarray, np.ndarray]:
        """Return the log density of (theta, z) in named coordinates, its gradient, and elements (v, x)."""
        by_theta, by_z, room = np.zeros(self.n_theta), np.zeros(self.n_effects), self.room(name)
        function = log_density_in(name)
        value = function(self.handle, theta, z, room.space, room.where, by_theta, by_z)
        return value, by_theta, by_z, np.concatenate([room.numbers.v, room.numbers.x])

    def refined(self, theta: np.ndarray, z: np.ndarray, steps: int) -> tuple[float, np.ndarray]:
        """Return the log density of (theta, z) by a map with `steps` Newton steps, and elements (v, x)."""
        room = self.room()
        by_z = np.zeros(self.n_effects)
        value = density.refined(self.handle, steps, theta, z, room.space, room.where, by_z)
        return value, np.concatenate([room.numbers.v, room.numbers.x])

    @property
    def size(self) -> int:
        """Length of (theta, z)."""
        return self.n_theta + self.n_effects

    def values(self, theta: np.ndarray) -> np.ndarray:
        """Return h at each theta, (..., T) to (..., H)."""
        thetas = np.ascontiguousarray(theta.reshape(int(np.prod(theta.shape[:-1])), self.n_theta), float)
        out = np.empty((int(np.prod(theta.shape[:-1])), len(self.problem.h)))
        density.hyperparameters(self.handle, thetas, self.room().space, out)
        return out.reshape(*theta.shape[:-1], -1)

    def log_prior(self, thetas: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the log prior density of each theta (S, T), with the density's constant, and h there."""
        hs, values = np.empty((len(thetas), len(self.problem.h))), np.empty(len(thetas))
        density.log_priors(self.handle, np.ascontiguousarray(thetas, float), self.room().space, hs, values)
        return values + self.problem.constant, hs

    def elements(self, hs: np.ndarray, xs: np.ndarray, elements: np.ndarray) -> np.ndarray:
        """Return elements of (v, x) at hyperparameters (S, H) and effects (S, nx)."""
        out = np.empty((len(hs), len(elements)))
        density.elements_at(self.handle, hs, xs, self.room().space, elements, out)
        return out
