"""How much to sample, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from shoal.engine.mixture import PILOT
from shoal.engine.proposals import MarginalFit


@dataclass(frozen=True)
class Settings:
    """How much to sample.

    Attributes
    ----------
    draws, chains : int
        Kept draws of each chain; chains.
    warmup : int
        Iterations of each chain spent on the length of its steps, not kept.
    seed : int
    target_accept : float or None
        None leaves the choice to the sampler.
    cores : int
        Threads; the draws do not depend on it.
    single : bool
        Keep effects in float32.
    keep_effects : bool
    thin : int
        Iterations to a kept draw, of Shoal's own moves.
    pilot : int
        Evaluations of the marginal of theta in each round that explores it.
    """

    draws: int = 1000
    chains: int = 4
    warmup: int = 200
    seed: int = 0
    target_accept: float | None = None
    cores: int = 2
    single: bool = False
    keep_effects: bool = True
    thin: int = 1
    pilot: int = PILOT

    def __post_init__(self) -> None:
        # NumPy's numbers are taken, and kept as Python's: files hold these alone.
        for own in fields(self):
            if isinstance(value := getattr(self, own.name), np.generic):
                object.__setattr__(self, own.name, value.item())


@dataclass(frozen=True)
class Chains:
    """Draws of all chains.

    Attributes
    ----------
    theta : (chains, draws, T) array
    points : (chains, draws, E) array
        The elements of (v, x) that were asked for.
    stats : dict
        (chains, draws) arrays by their ArviZ names.
    sampler : str
    facts : dict
        Numbers about the run: step sizes, efficiency, Pareto k.
    seconds : float
        That all chains together have taken, also in processes that were killed.
    fit : MarginalFit, optional
        What was learnt of the marginal of theta before; of coordinates that were asked for there is none.
    """

    theta: np.ndarray
    points: np.ndarray
    stats: dict[str, np.ndarray]
    sampler: str
    facts: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    fit: MarginalFit | None = None


def generators(seed: int, count: int) -> list[np.random.Generator]:
    """Return independent random generators, the same for a seed on every machine."""
    return [np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(count)]
