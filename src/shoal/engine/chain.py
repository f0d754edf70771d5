"""One chain of either move, how it moves, and as a run makes it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.special import gammaln

from shoal.engine import alternating, moves, trajectories
from shoal.engine.evaluate import Target
from shoal.engine.gradient import joint_density
from shoal.engine.moves import ANGLE, USED
from shoal.engine.proposals import MarginalFit, Proposal

KICKS = 3  # of a trajectory given theta: a quarter turn
WALK = 1.7  # length of steps to proposals nearby, in sds of theta over the root of its dimension
FIRST_ANGLE = 0.6  # between kicks of joint trajectories, where its adaptation begins


@dataclass(frozen=True)
class Move:
    """How chains move: by independent proposals of theta, `per` of them a draw, or by joint trajectories.

    `exact`: effects are drawn anew, not moved, as everything is gaussian given theta.
    `steps`: Newton steps that refine the map at each proposal.
    `every`: draws from one proposal nearby to the next.
    """

    independent: bool
    per: int = 1
    acceptance: float = float("nan")
    exact: bool = False
    steps: int = 0
    every: int = 1


class Chain:
    """One chain and the room it works in."""

    def __init__(self, target: Target, fit: MarginalFit, rng: np.random.Generator, elements: np.ndarray):
        self.target, self.fit, self.rng, self.elements = target, fit, rng, elements
        t, n = target.n_theta, target.n_effects
        theta = fit.sample[rng.choice(len(fit.weight), p=fit.weight)].copy()
        self.state = moves.State(
            theta, rng.standard_normal(n), np.zeros(t + n), target.problem.h.copy(), np.zeros(moves.NUMBERS)
        )
        self.state.numbers[ANGLE] = moves.QUARTER / KICKS
        self.room, self.other = target.room(), target.room()

    def output(self, count: int) -> moves.Output:
        """Return room for draws."""
        return moves.Output(
            np.empty((count, self.target.n_theta)),
            np.empty((count, len(self.elements))),
            np.zeros((count, moves.STATISTICS)),
        )

    def alternate(self, warm: int, count: int, move: Move, aim: float) -> moves.Output:
        """Make some iterations with independent proposals of theta."""
        out = self.output(count)
        self.state.numbers[USED] = 0.0
        alternating.alternate(
            self.rng,
            self.target.handle,
            move.steps,
            as_compiled(self.fit.proposal),
            np.ascontiguousarray(self.fit.proposal.draw(self.rng, (warm + count) * move.per)),
            np.ascontiguousarray(WALK / np.sqrt(max(self.target.n_theta, 1)) * self.fit.root),
            move.every,
            0 if move.exact else KICKS,
            move.per,
            warm,
            count,
            aim,
            self.room.space,
            self.room.where,
            self.other.where,
            self.state,
            self.elements,
            out,
        )
        return out

    def joint(self, warm: int, count: int, aim: float) -> moves.Output:
        """Make some iterations by trajectories over (theta, z)."""
        out = self.output(count)
        trajectories.trajectories(
            self.rng,
            self.target.handle,
            joint_density.compiled,
            self.fit.mean,
            np.ascontiguousarray(self.fit.root),
            warm,
            count,
            aim,
            self.room.space,
            self.room.where,
            self.state,
            self.elements,
            out,
        )
        return out


class Moving:
    """A chain that always makes the same move, in blocks (`blocks.Stepwise`)."""

    worst = 4  # of its statistics: the loss of log density, as a divergence between two draws counts

    def __init__(self, chain: Chain, move: Move, aim: float, warmup: int):
        self.chain, self.rng, self.warmup = chain, chain.rng, warmup
        self.adapts = not move.exact
        if move.independent:
            self._make: Callable[[int, int], moves.Output] = partial(chain.alternate, move=move, aim=aim)
        else:
            chain.state.numbers[ANGLE] = FIRST_ANGLE
            self._make = partial(chain.joint, aim=aim)

    @property
    def where(self) -> Sequence[np.ndarray]:
        """What all else is made from when a move begins."""
        state = self.chain.state
        return state.theta, state.z, state.numbers

    @property
    def step(self) -> float:
        """The angle between kicks."""
        return float(self.chain.state.numbers[ANGLE])

    def pieces(self) -> Sequence[Callable[[], int]]:
        """Return the one piece of warmup; none where there is nothing to adapt."""
        return [self._warm] if self.adapts else []

    def _warm(self) -> int:
        self._make(max(self.warmup, 1), 0)
        return self.warmup

    def advance(self, count: int) -> moves.Output:
        """Make some iterations."""
        return self._make(0, count)


def as_compiled(proposal: Proposal) -> alternating.Proposals:
    """Return a proposal as compiled code evaluates it."""
    mixture = proposal.mixture
    d, nu = mixture.mean.shape[1], mixture.freedom
    log_det = np.log(np.diagonal(mixture.root, axis1=1, axis2=2)).sum(1)
    constant = gammaln((nu + d) / 2) - gammaln(nu / 2) - d / 2 * np.log(nu * np.pi)
    roots = np.linalg.inv(mixture.root).reshape(len(mixture.weight) * d, d)
    return alternating.Proposals(
        np.log(mixture.weight) + constant - log_det,
        np.ascontiguousarray(mixture.mean),
        np.ascontiguousarray(roots),
        np.array([nu]),
        proposal.center,
        np.ascontiguousarray(proposal.inverse),
        proposal.terms.ravel(),
        proposal.coefficient,
    )
