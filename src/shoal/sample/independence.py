"""Independence sampler: theta from a fitted mixture, accepted by exact weight; effects drawn given theta.

For densities whose effects integrate out. Proposals do not depend on the chain, so they are evaluated in
batches; each kept draw may choose among several (`thinning`), so that draws are nearly independent. Tierney
(1994), Annals of Statistics 22, 1701-1728. The weights are a certificate: their Pareto k tells whether the
mixture covers the density's tails (Vehtari et al. 2024, J. Machine Learning Research 25(72)).
"""

from __future__ import annotations

from functools import partial
from operator import itemgetter
from typing import Any

import jax
import numpy as np

from shoal.sample.evaluate import SMALL_BATCH, points, points_program
from shoal.engine.mixture import Batch, MarginalFit
from shoal.engine.progress import Progress
from shoal.sample.target import Draws, Settings, Target, generators
from shoal.engine.threads import in_threads
from shoal.sample.trees import join, keep, stack

MOST_THINNING = 8
LEFT_STUCK = 0.05  # share of the draws that repeat the one before
CHUNK = 125  # draws whose effects are computed in one call


def prepare(target: Target) -> Any:
    """Compile (or find) the program that draws effects; can run in a thread of its own."""
    return points_program(target, _chunk(target))


def _chunk(target: Target) -> int:
    return CHUNK if target.density.batchable else SMALL_BATCH


def thinning(fit: MarginalFit) -> int:
    """Return proposals per kept draw: about `LEFT_STUCK` of the draws may repeat."""
    # With weights w of mean one, an independence sampler in equilibrium accepts E min(w, w') of the time.
    w = fit.weight * len(fit.weight)
    order = np.sort(w)
    acceptance = float(2 * np.mean(order * (1 - (np.arange(len(w)) + 0.5) / len(w))))
    if acceptance >= 1 - LEFT_STUCK:
        return 1
    return int(np.clip(np.ceil(np.log(LEFT_STUCK) / np.log1p(-acceptance)), 1, MOST_THINNING))


def sample(target: Target, batch: Batch, fit: MarginalFit, settings: Settings, progress: Progress) -> Draws:
    """Return draws of every chain.

    Parameters
    ----------
    batch : callable
        Log marginal density of (S, d) thetas.
    fit : MarginalFit
        Where the proposals come from.
    progress : Progress
        Told of finished draws.
    """
    thin = thinning(fit) if target.density.batchable else 1
    if thin == 1:
        return _sample_at_once(target, fit, settings, progress)
    chains, log_weights = [], []
    for rng in generators(settings.seed, settings.chains):
        theta, stats, log_weight = _chain(batch, fit, settings.draws, thin, rng)
        log_weights.append(log_weight)
        chains.append((theta, stats, rng))
    k = _certificate(fit, np.concatenate(log_weights))
    tasks = [partial(_draw_effects, target, theta, rng, settings, progress) for theta, _, rng in chains]
    parts = in_threads(tasks, settings.cores, progress)
    return Draws(
        point=stack([p[1] for p in parts]),
        stats={
            "lp": np.stack([p[0] for p in parts]),
            **{name: np.stack([c[1][name] for c in chains]) for name in chains[0][1]},
        },
        sampler="independence",
        facts={"proposals_per_draw": thin, "efficiency": fit.efficiency, "pareto_k": k},
    )


def _chain(
    batch: Batch, fit: MarginalFit, draws: int, thin: int, rng: np.random.Generator
) -> tuple[np.ndarray, dict[str, np.ndarray], np.ndarray]:
    """Return kept thetas (draws, d), their statistics, and the log weights of all proposals."""
    first = fit.sample[rng.choice(len(fit.weight), p=fit.weight)]
    proposals = np.concatenate([first[None], fit.proposal.draw(rng, draws * thin)])
    log_weight = _log_weight(fit, proposals, batch(proposals))
    kept, moved = _accepted(log_weight, draws, thin, rng)
    stats = {"acceptance_rate": moved, "log_weight": log_weight[kept], "diverging": np.zeros(draws, bool)}
    return proposals[kept], stats, log_weight[1:]


def _log_weight(fit: MarginalFit, proposals: np.ndarray, log_density: np.ndarray) -> np.ndarray:
    log_weight = log_density - fit.proposal.log_density(proposals)
    return np.where(np.isfinite(log_weight), log_weight, -np.inf)


def _accepted(
    log_weight: np.ndarray, draws: int, thin: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return which proposal each draw is, and whether it differs from the draw before."""
    log_uniform = np.log(rng.random(draws * thin))
    at, kept, moved = 0, np.empty(draws, int), np.empty(draws)
    for i in range(draws):
        before = at
        for j in range(1 + i * thin, 1 + (i + 1) * thin):
            if log_uniform[j - 1] < log_weight[j] - log_weight[at]:
                at = j
        kept[i], moved[i] = at, at != before
    return kept, moved


def _sample_at_once(target: Target, fit: MarginalFit, settings: Settings, progress: Progress) -> Draws:
    """Return draws whose effects come with the evaluation of their proposal: nothing is computed twice.

    The joint density of theta and its effects is the marginal of theta times a standard normal of z.
    """
    tasks = [
        partial(_chain_at_once, target, fit, settings, rng, progress)
        for rng in generators(settings.seed, settings.chains)
    ]
    chains = in_threads(tasks, settings.cores, progress)
    k = _certificate(fit, np.concatenate([c[2] for c in chains]))
    return Draws(
        point=stack([c[0] for c in chains]),
        stats={name: np.stack([c[1][name] for c in chains]) for name in chains[0][1]},
        sampler="independence",
        facts={"proposals_per_draw": 1, "efficiency": fit.efficiency, "pareto_k": k},
    )


def _chain_at_once(
    target: Target, fit: MarginalFit, settings: Settings, rng: np.random.Generator, progress: Progress
) -> tuple[Any, dict[str, np.ndarray], np.ndarray]:
    first = fit.sample[rng.choice(len(fit.weight), p=fit.weight)]
    proposals = np.concatenate([first[None], fit.proposal.draw(rng, settings.draws)])
    lp, point, square = _draw_effects(target, proposals, rng, settings, progress)
    log_weight = _log_weight(fit, proposals, lp + 0.5 * square)
    kept, moved = _accepted(log_weight, settings.draws, 1, rng)
    lp, point = jax.tree.map(itemgetter(kept), (lp, point))
    again = np.flatnonzero(moved == 0)
    if again.size:  # a repeated theta has new effects
        fresh = _draw_effects(target, proposals[kept[again]], rng, settings, Progress())
        lp, point = jax.tree.map(partial(_replaced, again), (lp, point), fresh[:2])
    stats = {
        "lp": lp,
        "acceptance_rate": moved,
        "log_weight": log_weight[kept],
        "diverging": np.zeros(settings.draws, bool),
    }
    return point, stats, log_weight[1:]


def _replaced(where: np.ndarray, old: np.ndarray, new: np.ndarray) -> np.ndarray:
    old[where] = new
    return old


def _certificate(fit: MarginalFit, log_weight: np.ndarray) -> float:
    """Return Pareto k of the run's own weights, or of the pilot's where those are more."""
    enough = len(log_weight) >= len(fit.weight)
    return _pareto_k(log_weight if enough else np.log(fit.weight[fit.weight > 0]))


def _draw_effects(
    target: Target, theta: np.ndarray, rng: np.random.Generator, settings: Settings, progress: Progress
) -> tuple[np.ndarray, Any, np.ndarray]:
    """Return log densities, points and squared lengths of z for each theta; effects are drawn given it."""
    parts, size = [], _chunk(target)
    for i in range(0, len(theta), size):
        progress.check()
        part = theta[i : i + size]
        padded = np.concatenate([part, np.repeat(part[-1:], size - len(part), 0)])
        z = rng.normal(size=(size, target.density.n_latent))
        log_density, point = points(target, padded, z)
        parts.append(keep((log_density, point, (z**2).sum(1)), settings, len(part)))
        progress.drawn(len(part))
    return join(parts)


def _pareto_k(log_weight: np.ndarray) -> float:
    from arviz_stats.base import array_stats  # a second to import: not before the first run

    finite = log_weight[np.isfinite(log_weight)]
    if np.ptp(finite) < 1e-12:
        return -np.inf  # every proposal has the same weight: there is no tail
    # psislw takes log likelihoods, whose importance weights are their inverse.
    return float(array_stats.psislw(finite.max() - finite)[1])
