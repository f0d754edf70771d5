"""Sample a target: explore its marginal, then run chains by the move that suits it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from shoal.engine import blocks, moves, nuts, whitening
from shoal.engine.blocks import Drawn, Run, Take
from shoal.engine.chain import Chain, Move, Moving
from shoal.engine.convergence import tail_of
from shoal.engine.evaluate import Target
from shoal.engine.explore import LARGEST_MIXTURE, fit_marginal
from shoal.engine.explored import Explored, explored_in, keep
from shoal.engine.progress import Progress
from shoal.engine.proposals import MarginalFit, repeats_let_be, thinning
from shoal.engine.record import Record
from shoal.engine.settings import Chains, Settings

STEPS = 1  # Newton steps by which independent proposals refine their map, if they are needed
PILOT = 60  # iterations of the run that chooses the move
GOOD_ACCEPTANCE = 0.7  # from which on the map needs no step from the rows
LEAST_ACCEPTANCE = 0.2  # of independent proposals of theta, below which trajectories move it
# Share of draws that may repeat the theta before; less of many hyperparameters, which have more tails.
LEFT_STUCK = 0.3
LEFT_STUCK_OF_MANY, MANY = 0.25, 5
MOST_PROPOSALS = 4
SELDOM = 2  # draws between proposals nearby, where an evaluation costs milliseconds
HARDLY_EVER = 10  # draws between them where nearly all independent proposals are accepted
AIM = 0.8  # acceptance of trajectories


def choose_move(target: Target, fit: MarginalFit, sampler: str, seed: int, aim: float) -> Move:
    """Return the move of a sampler; of "pilot" the one for which a short run speaks."""
    if sampler == "hmc":
        return Move(False)
    every = SELDOM if target.dear else 1
    if sampler == "independence":
        per = thinning(fit.acceptance, target.cost) if target.n_theta else 1
        seldom = repeats_let_be(fit.acceptance, target.cost)
        return Move(True, per, exact=True, every=HARDLY_EVER if seldom else every)
    acceptance, steps = 0.0, 0
    for steps in sorted({0, STEPS}):  # most rows need no step, which spares them a pass at each proposal
        acceptance = _acceptance(target, fit, Move(True, steps=steps, every=every), seed, aim)
        if acceptance > GOOD_ACCEPTANCE:
            break
    if sampler == "pilot" and acceptance < LEAST_ACCEPTANCE:
        return Move(False, acceptance=acceptance)
    left = LEFT_STUCK if target.n_theta < MANY else LEFT_STUCK_OF_MANY
    per = int(np.ceil(np.log(left) / np.log1p(-np.clip(acceptance, 0.01, 0.99))))
    every = HARDLY_EVER if repeats_let_be(acceptance, target.cost) else every
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
    record: Record | None = None,
    kept: int | None = None,
    take: Take | None = None,
) -> Chains:
    """Return draws of every chain.

    Parameters
    ----------
    sampler : {"independence", "alternating", "hmc", "nuts", "pilot"}
    coordinates : str
        Of NUTS; all others move in transported ones.
    elements : (E,) int array
        Elements of (v, x) that are written.
    record : Record, optional
        Where all of the run is written while it goes: what stands there already is not made again.
    kept : int, optional
        How many of the elements are kept, the first ones; all by default.
    take : callable, optional
        Is given all elements of each block (`blocks.make`).

    Raises
    ------
    SamplingError
        If the density is zero where it should not be, or the run is interrupted.
    """
    record = record or Record()
    run = known_run(target, coordinates, elements, settings, record)
    if run is None:
        progress.stage("exploring")
        keep(record, target, _explored(target, sampler, coordinates, settings, progress))
        run = known_run(target, coordinates, elements, settings, record)
    assert run is not None
    progress.stage("sampling")
    kept = len(elements) if kept is None else kept
    drawn = blocks.make(run, kept, settings, progress, record, take)
    return replace(run.named(drawn), seconds=float(drawn.done[:, 1].sum()))


def known_run(
    target: Target, coordinates: str, elements: np.ndarray, settings: Settings, record: Record
) -> Run | None:
    """Return the run that a record is of, its target as it was explored; None if that is yet to be done."""
    known = explored_in(record, target)
    if known is None:
        return None
    if known.move is None:
        return nuts.run_of(target, coordinates, known.fit, elements, settings)
    assert known.fit is not None
    return _run_of(target, known.fit, known.move, elements, settings)


def _explored(
    target: Target, sampler: str, coordinates: str, settings: Settings, progress: Progress
) -> Explored:
    """Learn of the marginal, and choose the move: none where NUTS samples."""
    if coordinates != "transport":
        return Explored(None, None)
    fit = fit_marginal(target, settings.seed, settings.cores, settings.pilot)
    if target.n_theta > LARGEST_MIXTURE:
        fit = whitening.learnt(target, fit, settings.seed, settings.cores, progress)
    if sampler == "nuts":
        return Explored(fit, None)
    return Explored(fit, choose_move(target, fit, sampler, settings.seed, settings.target_accept or AIM))


def sample_explored(
    target: Target,
    fit: MarginalFit,
    sampler: str,
    elements: np.ndarray,
    settings: Settings,
    progress: Progress,
) -> Chains:
    """Return draws of every chain in transported coordinates where the marginal is known; see `sample`.

    NUTS makes as few iterations of warmup as its windows allow, if the settings say no more.
    """
    if sampler == "nuts":
        run = nuts.run_of(target, "transport", fit, elements, settings, nuts.FIRST + nuts.LAST)
    else:
        move = choose_move(target, fit, sampler, settings.seed, settings.target_accept or AIM)
        run = _run_of(target, fit, move, elements, settings)
    return run.named(blocks.make(run, len(elements), settings, progress, Record()))


def _run_of(target: Target, fit: MarginalFit, move: Move, elements: np.ndarray, settings: Settings) -> Run:
    aim = settings.target_accept or AIM

    def start(rng: np.random.Generator) -> Moving:
        return Moving(Chain(target, fit, rng, elements), move, aim, settings.warmup)

    def named(drawn: Drawn) -> Chains:
        return _named(drawn, fit, move, aim)

    return Run(start, named, target.n_theta, moves.STATISTICS, target.size + moves.NUMBERS)


def _named(drawn: Drawn, fit: MarginalFit, move: Move, aim: float) -> Chains:
    stats, theta, points = drawn.stats[...], drawn.theta[...], drawn.points[...]
    named = {
        "lp": stats[..., 0],
        "acceptance_rate": stats[..., 1],
        "diverging": stats[..., 4] > moves.DIVERGENT,
        "n_steps": stats[..., 5].astype(int),
        "step_size": stats[..., 6],
    }
    facts = {"step_size": stats[:, 0, 6].tolist(), "target_accept": aim}
    if not move.independent:
        return Chains(theta, points, named | {"energy": stats[..., 3]}, "hmc", facts, fit=fit)
    facts |= {"proposals_per_draw": move.per, "efficiency": fit.efficiency}
    named["acceptance_theta"] = stats[..., 2]
    if not move.exact:
        facts["acceptance_theta"] = move.acceptance
        return Chains(theta, points, named, "alternating", facts, fit=fit)
    # Where proposals have the marginal's own weights, these are a certificate.
    facts["pareto_k"] = tail_of(fit.weight)
    named["acceptance_rate"] = stats[..., 2]
    return Chains(theta, points, named, "independence", facts, fit=fit)
