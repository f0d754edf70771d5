"""Evaluate a problem's densities at given points: what samplers, tests and the lab call from Python."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shoal.engine import density, gradient, hyper
from shoal.engine.density import Expansion
from shoal.engine.problem import Functions, Map, Problem, Space, empty_map, space


@dataclass(frozen=True)
class Target:
    """A problem with its functions and an expansion of its rows.

    Attributes
    ----------
    problem : Problem
    functions : Functions
    expansion : Expansion
        Moved in place by `expand`; read by everything else.
    start : (T,) array
        Where a search for the mode of theta begins.
    """

    problem: Problem
    functions: Functions
    expansion: Expansion
    start: np.ndarray

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
        return not len(self.problem.rows.y)

    def room(self) -> tuple[Space, Map]:
        """Return the room that one thread needs."""
        return space(self.problem), empty_map(self.problem)

    def expand(self, theta: np.ndarray) -> None:
        """Move the expansion point to the mode of the effects given `theta`."""
        density.expand(self.problem, self.functions, theta, self.expansion, *self.room())

    def marginals(self, thetas: np.ndarray, room: tuple[Space, Map] | None = None) -> np.ndarray:
        """Return the log density of each theta (S, T), effects integrated; Laplace's where not gaussian."""
        values = np.empty(len(thetas))
        thetas = np.ascontiguousarray(thetas, float)
        density.marginals(self.problem, self.functions, thetas, self.expansion, *(room or self.room()), values)
        return values

    def joint(self, theta: np.ndarray, z: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        """Return the log density of (theta, z), the standard normal's constant left out, and its gradient."""
        by_theta, by_z = np.zeros(self.n_theta), np.zeros(self.n_effects)
        own, where = self.room()
        value = gradient.joint(
            self.problem, self.functions, theta, z, self.expansion, own, where, by_theta, by_z
        )
        return value, by_theta, by_z

    def refined(self, theta: np.ndarray, z: np.ndarray, steps: int) -> tuple[float, np.ndarray]:
        """Return the log density of (theta, z) by a map with `steps` Newton steps, and the elements (v, x)."""
        own, where = self.room()
        value = density.transport(self.problem, self.functions, steps, theta, self.expansion, own, where)
        value += where.volume[0] + self.problem.constant
        value += density.given_theta(
            self.problem, self.functions, z, where, own, np.zeros(self.n_effects)
        )
        return value, np.concatenate([own.v, own.x])

    def hyperparameters(self, theta: np.ndarray) -> np.ndarray:
        """Return h at `theta`."""
        own, _ = self.room()
        hyper.hyperparameters(self.problem, self.functions, theta, own)
        return own.h


def new_target(
    problem: Problem, functions: Functions, start: np.ndarray, predictors: np.ndarray
) -> Target:
    """Return a target whose expansion is at given linear predictors (lines,), parameters at `start`."""
    at = Expansion(
        np.zeros(len(problem.gram.row)), np.zeros(len(problem.scales.constant)), problem.prior.mean.copy()
    )
    if len(problem.rows.y):
        density.expand_at_predictors(problem, functions, start, predictors, space(problem), at)
    return Target(problem, functions, at, start)
