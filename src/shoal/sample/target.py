"""What a sampler is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

LARGE = 1000  # coordinates; with more, sampling takes longer than compiling


class LogDensity(Hashable, Protocol):
    """Static, hashable log density of (theta, z), traceable by JAX."""

    @property
    def n_theta(self) -> int:
        """Length of theta."""

    @property
    def n_latent(self) -> int:
        """Length of z."""

    @property
    def batchable(self) -> bool:
        """Whether several evaluations may be vectorised into one."""

    def marginal(self, data: Any, theta: Any) -> Any:
        """Log density of theta, z integrated (exactly or by Laplace's approximation)."""

    def joint(self, data: Any, theta: Any, z: Any) -> tuple[Any, Any]:
        """Log density of (theta, z), and the point (a tree of arrays) it stands for."""

    def anchored(self, data: Any, theta: Any, scout: Any) -> Any:
        """Return the data with the map from z laid at `theta`, explored by `scout`."""


@dataclass(frozen=True)
class Target:
    """A log density with its data.

    Attributes
    ----------
    density : LogDensity
    data : tree of arrays
        On the device, float64.
    start : (n_theta,) array
        Where the density of theta is finite.
    scout : LogDensity, optional
        The density whose marginal is explored before sampling, after which `density.anchored` prepares the
        data; None if that is `density` itself and it needs no preparation.
    """

    density: LogDensity
    data: Any
    start: np.ndarray
    scout: LogDensity | None = None

    @property
    def size(self) -> int:
        """Length of (theta, z)."""
        return self.density.n_theta + self.density.n_latent


@dataclass(frozen=True)
class Settings:
    """How much to sample.

    Attributes
    ----------
    draws, chains : int
        Kept draws of each chain; chains.
    warmup : int
        Iterations of each chain spent on its step size, not kept.
    seed : int
    target_accept : float or None
        None leaves the choice to `accept`.
    cores : int
        Threads; the draws do not depend on it.
    single : bool
        Keep effects in float32.
    keep_effects : bool
    """

    draws: int = 1000
    chains: int = 4
    warmup: int = 200
    seed: int = 0
    target_accept: float | None = None
    cores: int = 2
    single: bool = False
    keep_effects: bool = True


def accept(settings: Settings, target: Target) -> float:
    """Return the acceptance that Hamiltonian samplers aim at.

    Small steps waste fewer draws, and cost little but where gradients do.
    """
    if settings.target_accept is not None:
        return settings.target_accept
    return 0.9 if target.size <= LARGE else 0.8


@dataclass(frozen=True)
class Draws:
    """Draws of all chains.

    Attributes
    ----------
    point : tree of (chains, draws, ...) arrays
        As the density's points.
    stats : dict
        (chains, draws) arrays by their ArviZ names.
    sampler : str
    facts : dict
        Numbers about the run: step sizes, efficiency, Pareto k.
    """

    point: Any
    stats: dict[str, np.ndarray]
    sampler: str
    facts: dict[str, Any] = field(default_factory=dict)


def generators(seed: int, count: int) -> list[np.random.Generator]:
    """Return independent random generators, the same for a seed on every machine."""
    return [np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(count)]
