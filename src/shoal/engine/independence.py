"""Independence sampler: theta from a fitted mixture, accepted by exact weight; effects drawn given theta.

For densities whose effects integrate out. Proposals do not depend on the chain, so they are evaluated in
batches; each kept draw may choose among several (`thinning`), so that draws are nearly independent. Tierney
(1994), Annals of Statistics 22, 1701-1728. The weights are a certificate: their Pareto k tells whether the
mixture covers the density's tails (Vehtari et al. 2024, J. Machine Learning Research 25(72)).
"""

from __future__ import annotations

from functools import partial

import numba as nb
import numpy as np

from shoal.engine.convergence import pareto_k
from shoal.engine.density import effects_at, find_mode, scale
from shoal.engine.evaluate import Room, Target
from shoal.engine.explore import marginal_batches
from shoal.engine.handles import MAP, PROBLEM, SPACE
from shoal.engine.kinds import FLOATS, INT64S, MATRIX
from shoal.engine.mixture import MarginalFit
from shoal.engine.moves import GENERATOR
from shoal.engine.progress import Progress
from shoal.engine.settings import Chains, Settings, generators
from shoal.engine.threads import in_threads
from shoal.priors.compiled import compiled_as

MOST_THINNING = 8
LEFT_STUCK = 0.02  # share of the draws that repeat the one before
CHUNK = 125  # draws between looks at progress and Ctrl-C


@compiled_as(nb.void(GENERATOR, PROBLEM, MATRIX, SPACE, MAP, INT64S, MATRIX, FLOATS))
def draw_effects(rng, p, thetas, space, where, elements, points, values):
    """Draw the effects given each theta (S, T).

    Parameters
    ----------
    elements : (E,) int array
        Elements of (v, x) to write.
    points : (S, E) array
        Written.
    values : (S,) array
        Written: the log marginal density of each theta.
    """
    z = np.empty(space.x.size)
    for i in range(len(thetas)):
        value = find_mode(p, thetas[i], space, where)
        values[i] = value if np.isfinite(value) else -np.inf
        for k in range(z.size):
            z[k] = rng.standard_normal()
        effects_at(p, space, where, z)
        scale(p, space.h, space.x, space.v)
        v, x = space.v, space.x
        for k in range(elements.size):
            e = elements[k]
            points[i, k] = v[e] if e < v.size else x[e - v.size]


def thinning(fit: MarginalFit) -> int:
    """Return proposals per kept draw: about `LEFT_STUCK` of the draws may repeat."""
    # With weights w of mean one, an independence sampler in equilibrium accepts E min(w, w') of the time.
    order = np.sort(fit.weight * len(fit.weight))
    acceptance = float(2 * np.mean(order * (1 - (np.arange(len(order)) + 0.5) / len(order))))
    if acceptance >= 1 - LEFT_STUCK:
        return 1
    return int(np.clip(np.ceil(np.log(LEFT_STUCK) / np.log1p(-acceptance)), 1, MOST_THINNING))


def sample(
    target: Target, fit: MarginalFit, elements: np.ndarray, settings: Settings, progress: Progress
) -> Chains:
    """Return draws of every chain.

    Where an evaluation is dear, a draw has one proposal, whose effects are drawn in the same evaluation.
    """
    at_once = target.dear
    thin = 1 if at_once else thinning(fit)
    batch = marginal_batches(target, settings.cores)
    rngs = generators(settings.seed, settings.chains)
    first = [fit.sample[rng.choice(len(fit.weight), p=fit.weight)] for rng in rngs]
    count = settings.draws * thin
    proposals = [
        np.concatenate([t[None], fit.proposal.draw(rng, count)]) for t, rng in zip(first, rngs, strict=True)
    ]
    draw = partial(_draw, target, elements, settings, progress)
    if at_once:
        tasks = [partial(draw, thetas, rng) for thetas, rng in zip(proposals, rngs, strict=True)]
        found = in_threads(tasks, settings.cores, progress)
        values = [v for _, v in found]
    else:
        values = [batch(thetas) for thetas in proposals]
    weights = [_log_weight(fit, t, v) for t, v in zip(proposals, values, strict=True)]
    chosen = [_accepted(w, settings.draws, thin, rng) for w, rng in zip(weights, rngs, strict=True)]
    theta = np.stack([t[kept] for t, (kept, _) in zip(proposals, chosen, strict=True)])
    if at_once:
        points = [
            _repeated_anew(draw, p, t, c, rng)
            for (p, _), t, c, rng in zip(found, proposals, chosen, rngs, strict=True)
        ]
    else:
        tasks = [partial(draw, thetas, rng) for thetas, rng in zip(theta, rngs, strict=True)]
        points = [p for p, _ in in_threads(tasks, settings.cores, progress)]
    pairs = list(zip(values, chosen, strict=True))
    stats = {
        "lp": np.stack([v[kept] for v, (kept, _) in pairs]),
        "acceptance_rate": np.stack([moved for _, moved in chosen]),
        "log_weight": np.stack([w[kept] for w, (kept, _) in zip(weights, chosen, strict=True)]),
        "diverging": np.zeros((settings.chains, settings.draws), bool),
    }
    k = _certificate(fit, np.concatenate([w[1:] for w in weights]))
    facts = {"proposals_per_draw": thin, "efficiency": fit.efficiency, "pareto_k": k}
    return Chains(theta, np.stack(points), stats, "independence", facts)


def _draw(
    target: Target,
    elements: np.ndarray,
    settings: Settings,
    progress: Progress,
    thetas: np.ndarray,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the elements of (v, x) drawn given each theta, and its log marginal density."""
    room: Room = target.room()
    points = np.empty((len(thetas), len(elements)), np.float32 if settings.single else float)
    values = np.empty(len(thetas))
    for i in range(0, len(thetas), CHUNK):
        progress.check()
        part = np.ascontiguousarray(thetas[i : i + CHUNK])
        own = np.empty((len(part), len(elements)))
        here = slice(i, i + len(part))
        draw_effects(rng, target.handle, part, room.space, room.where, elements, own, values[here])
        points[here] = own
        progress.drawn(len(part))
    return points, values


def _repeated_anew(
    draw: partial[tuple[np.ndarray, np.ndarray]],
    points: np.ndarray,
    thetas: np.ndarray,
    chosen: tuple[np.ndarray, np.ndarray],
    rng: np.random.Generator,
) -> np.ndarray:
    """Return the effects of the proposals that were kept, those of a theta kept again drawn anew."""
    kept, moved = chosen
    out = points[kept]
    again = np.flatnonzero(moved == 0)
    if again.size:
        out[again] = draw(thetas[kept[again]], rng)[0]
    return out


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


def _certificate(fit: MarginalFit, log_weight: np.ndarray) -> float:
    """Return Pareto k of the run's own weights, or of the pilot's where those are more."""
    enough = len(log_weight) >= len(fit.weight)
    return pareto_k(log_weight if enough else np.log(fit.weight[fit.weight > 0]))
