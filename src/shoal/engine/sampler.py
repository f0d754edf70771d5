"""Sample a target: explore its marginal, then run chains by the move that suits it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from shoal.engine import moves, nuts, whitening
from shoal.engine.chain import FIRST_ANGLE, Chain, Move
from shoal.engine.convergence import tail_of
from shoal.engine.evaluate import Target
from shoal.engine.explore import LARGEST_MIXTURE, fit_marginal
from shoal.engine.moves import ANGLE
from shoal.engine.progress import Progress
from shoal.engine.proposals import MarginalFit, thinning
from shoal.engine.settings import Chains, Settings, generators
from shoal.engine.threads import in_threads

CHUNK = 100  # draws between looks at progress and Ctrl-C
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
    if fit is not None and target.n_theta > LARGEST_MIXTURE:
        fit = whitening.learnt(target, fit, settings.seed, settings.cores, progress)
    if fit is None:
        progress.stage("sampling")
        return nuts.sample(target, coordinates, None, elements, settings, progress)
    return replace(explored(target, fit, sampler, elements, settings, progress), fit=fit)


def explored(
    target: Target,
    fit: MarginalFit,
    sampler: str,
    elements: np.ndarray,
    settings: Settings,
    progress: Progress,
) -> Chains:
    """Return draws of every chain, in transported coordinates, where the marginal is known; see `sample`."""
    if sampler == "nuts":
        progress.stage("sampling")
        return nuts.sample(target, "transport", fit, elements, settings, progress)
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
    facts["pareto_k"] = tail_of(fit.weight)
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
        chain.state.numbers[ANGLE] = FIRST_ANGLE
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
