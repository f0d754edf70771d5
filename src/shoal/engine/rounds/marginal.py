"""The marginal density of theta and the population's coefficients, by rounds to whoever holds the rows."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from shoal.engine.evaluate import Target
from shoal.engine.progress import Progress
from shoal.engine.rounds.holders import Holder
from shoal.engine.rules import Rule


@dataclass
class Marginal:
    """Evaluates points in rounds, and counts what they cost.

    Attributes
    ----------
    target : Target
        A problem whose population coefficients are all coordinates of theta.
    holder : Holder
    progress : Progress
        Asked between rounds whether to stop.
    rounds, points : int
        So far.
    seconds : float
        Wall time of the rounds so far.
    """

    target: Target
    holder: Holder
    progress: Progress
    rounds: int = field(default=0, init=False)
    points: int = field(default=0, init=False)
    seconds: float = field(default=0.0, init=False)
    reference: np.ndarray | None = field(default=None, init=False)  # h of a point, where searches begin

    def refer_to(self, theta: np.ndarray) -> None:
        """Let each round's searches for the modes of effects begin at those of one theta.

        Of points near it all searches take as many steps, so that what they end with is smooth in theta.
        """
        self.reference = self.target.values(theta[None])

    def log_density(self, thetas: np.ndarray, rule: Rule) -> np.ndarray:
        """Return the log density of each theta (B, T), effects integrated by a rule: one round."""
        prior, hs = self.target.log_prior(thetas)
        if self.reference is None:
            own = self._round(len(hs), self.holder.log_integrals, hs, rule).sum(0)
        else:  # rounds begin where their first point has its modes
            hs = np.concatenate([self.reference, hs])
            own = self._round(len(hs), self.holder.log_integrals, hs, rule).sum(0)[1:]
        value = prior + own
        return np.where(np.isfinite(value), value, -np.inf)

    def draw(self, hs: np.ndarray, seed: tuple[int, ...], single: bool) -> list[np.ndarray]:
        """Return draws of the effects of each part's levels at each row of `hs`: one round."""
        return self._round(len(hs), self.holder.draw, hs, seed, single)

    def _round(self, points: int, call: Any, *arguments: Any) -> Any:
        self.progress.check()
        began = time.perf_counter()
        answer = call(*arguments)
        self.rounds, self.points = self.rounds + 1, self.points + points
        self.seconds += time.perf_counter() - began
        return answer

    def facts(self) -> dict[str, Any]:
        """Return what the rounds cost, for the record of a run."""
        return {
            "rounds": self.rounds,
            "points": self.points,
            "seconds_a_round": round(self.seconds / max(self.rounds, 1), 4),
            "bytes_sent": self.holder.sent,
            "bytes_received": self.holder.received,
            "parts_made_again": self.holder.lost,
        }
