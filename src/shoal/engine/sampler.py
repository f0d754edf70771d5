"""Sample a target: explore its marginal, then run chains by the move that suits it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from scipy.special import gammaln

from shoal.engine import alternating, moves, nuts, trajectories
from shoal.engine.convergence import pareto_k
from shoal.engine.evaluate import Target
from shoal.engine.explore import fit_marginal
from shoal.engine.gradient import joint_density
from shoal.engine.moves import ANGLE, USED
from shoal.engine.progress import Progress
from shoal.engine.proposals import MarginalFit, Proposal, thinning
from shoal.engine.settings import Chains, Settings, generators
from shoal.engine.threads import in_threads

CHUNK = 100  # draws between looks at progress and Ctrl-C
KICKS = 3  # of a trajectory given theta: a quarter turn
STEPS = 1  # Newton steps by which independent proposals refine their map, if they are needed
PILOT = 60  # iterations of the run that chooses the move
GOOD_ACCEPTANCE = 0.7  # from which on the map needs no step from the rows
LEAST_ACCEPTANCE = 0.2  # of independent proposals of theta, below which trajectories move it
# Share of draws that may repeat the theta before; less of many hyperparameters, which have more tails.
LEFT_STUCK = 0.3
LEFT_STUCK_OF_MANY, MANY = 0.25, 5
MOST_PROPOSALS = 4
COSTLY = 1e5  # operations of an evaluation, some tenths of a millisecond, for which repeats are let be
RARELY_REPEATED = 0.9  # acceptance that leaves four fifths of the effective draws, or more
SELDOM = 2  # draws between proposals nearby, where an evaluation costs milliseconds
HARDLY_EVER = 10  # draws between them where nearly all independent proposals are accepted
AIM = 0.8  # acceptance of trajectories
WALK = 1.7  # length of steps to proposals nearby, in sds of theta over the root of its dimension


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
            theta, rng.standard_normal(n), np.zeros(t + n), target.problem.h.copy(), np.zeros(6)
        )
        self.state.numbers[ANGLE] = moves.QUARTER / KICKS
        self.room, self.other = target.room(), target.room()

    def output(self, count: int) -> moves.Output:
        """Return room for draws."""
        return moves.Output(
            np.empty((count, self.target.n_theta)),
            np.empty((count, len(self.elements))),
            np.zeros((count, 6)),
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


def choose_move(target: Target, fit: MarginalFit, sampler: str, seed: int, aim: float) -> Move:
    """Return the move of a sampler; of "pilot" the one for which a short run speaks."""
    if sampler == "hmc":
        return Move(False)
    every = SELDOM if target.dear else 1
    if sampler == "independence":
        costly = target.cost > COSTLY and fit.acceptance > RARELY_REPEATED
        single = target.dear or costly or not target.n_theta
        per = 1 if single else thinning(fit.acceptance)
        return Move(True, per, exact=True, every=HARDLY_EVER if costly else every)
    acceptance, steps = 0.0, 0
    for steps in sorted({0, STEPS}):  # most rows need no step, which spares them a pass at each proposal
        acceptance = _acceptance(target, fit, Move(True, steps=steps, every=every), seed, aim)
        if acceptance > GOOD_ACCEPTANCE:
            break
    if sampler == "pilot" and acceptance < LEAST_ACCEPTANCE:
        return Move(False, acceptance=acceptance)
    left = LEFT_STUCK if target.n_theta < MANY else LEFT_STUCK_OF_MANY
    per = int(np.ceil(np.log(left) / np.log1p(-np.clip(acceptance, 0.01, 0.99))))
    return Move(True, int(np.clip(per, 1, MOST_PROPOSALS)), acceptance, steps=steps, every=every)


def _acceptance(target: Target, fit: MarginalFit, move: Move, seed: int, aim: float) -> float:
    """Return how often a short chain accepts theta."""
    chain = Chain(target, fit, np.random.default_rng([seed, 3]), np.zeros(0, np.int64))
    return float(chain.alternate(0, PILOT, move, aim).stats[PILOT // 4 :, 2].mean())


def sample(
    target: Target,
    sampler: str,
    coordinates: str,
    elements: np.ndarray,
    settings: Settings,
    progress: Progress,
) -> Chains:
    """Return draws of every chain.

    Parameters
    ----------
    sampler : {"independence", "alternating", "hmc", "nuts", "pilot"}
    coordinates : str
        Of NUTS; all others move in transported ones.
    elements : (E,) int array
        Elements of (v, x) that are kept.

    Raises
    ------
    SamplingError
        If the density is zero where it should not be, or the run is interrupted.
    """
    progress.stage("exploring")
    fit = fit_marginal(target, settings.seed, settings.cores) if coordinates == "transport" else None
    if sampler == "nuts" or fit is None:
        progress.stage("sampling")
        return nuts.sample(target, coordinates, fit, elements, settings, progress)
    aim = settings.target_accept or AIM
    move = choose_move(target, fit, sampler, settings.seed, aim)
    progress.stage("sampling")
    return _chains(target, fit, move, aim, elements, settings, progress)


def _chains(
    target: Target,
    fit: MarginalFit,
    move: Move,
    aim: float,
    elements: np.ndarray,
    settings: Settings,
    progress: Progress,
) -> Chains:
    tasks = [
        partial(_chain, target, fit, move, settings, aim, elements, rng, progress)
        for rng in generators(settings.seed, settings.chains)
    ]
    theta, points, stats, angle = (
        np.stack(parts) for parts in zip(*in_threads(tasks, settings.cores, progress), strict=True)
    )
    named = {
        "lp": stats[..., 0],
        "acceptance_rate": stats[..., 1],
        "diverging": stats[..., 4] > moves.DIVERGENT,
        "n_steps": stats[..., 5].astype(int),
        "step_size": np.broadcast_to(angle, stats.shape[:2]).copy(),
    }
    facts = {"step_size": angle[:, 0].tolist(), "target_accept": aim}
    if not move.independent:
        return Chains(theta, points, named | {"energy": stats[..., 3]}, "hmc", facts)
    facts |= {"proposals_per_draw": move.per, "efficiency": fit.efficiency}
    named["acceptance_theta"] = stats[..., 2]
    if not move.exact:
        facts["acceptance_theta"] = move.acceptance
        return Chains(theta, points, named, "alternating", facts)
    # Where proposals have the marginal's own weights, these are a certificate.
    facts["pareto_k"] = pareto_k(np.log(fit.weight[fit.weight > 0]))
    named["acceptance_rate"] = stats[..., 2]
    return Chains(theta, points, named, "independence", facts)


def _chain(
    target: Target,
    fit: MarginalFit,
    move: Move,
    settings: Settings,
    aim: float,
    elements: np.ndarray,
    rng: np.random.Generator,
    progress: Progress,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    chain = Chain(target, fit, rng, elements)
    if move.independent:
        advance: Callable[..., Any] = partial(chain.alternate, move=move, aim=aim)
    else:
        chain.state.numbers[ANGLE] = 0.6
        advance = partial(chain.joint, aim=aim)
    if not move.exact:  # which has nothing to adapt
        advance(max(settings.warmup, 1), 0)
    progress.warmed(settings.warmup)
    store = np.float32 if settings.single else np.float64
    theta = np.empty((settings.draws, target.n_theta))
    points = np.empty((settings.draws, len(elements)), store)
    stats = np.empty((settings.draws, 6))
    for i in range(0, settings.draws, CHUNK):
        progress.check()
        count = min(CHUNK, settings.draws - i)
        out = advance(0, count * settings.thin)
        here, kept = slice(i, i + count), slice(settings.thin - 1, None, settings.thin)
        theta[here], points[here], stats[here] = (part[kept] for part in out)
        # Of the iterations between two draws the worst loss is kept, as a divergence among them counts.
        stats[here, 4] = out.stats[:, 4].reshape(count, -1).max(1)
        progress.drawn(count)
    return theta, points, stats, chain.state.numbers[[ANGLE]]
