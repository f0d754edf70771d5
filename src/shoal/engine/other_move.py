"""What a run is held against: a short run by another move, and the density that the map proposes.

Two moves share the log density and nothing else that could be wrong of a run: their proposals, their step
sizes and what is left invariant are others. Where both have converged they agree but for their Monte Carlo
errors.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.special import ndtri

from shoal.engine import nuts
from shoal.engine.convergence import away, ess, pareto_k, rank_normalized, split
from shoal.engine.evaluate import Target
from shoal.engine.gradient import joint_density
from shoal.engine.plan import MOST_INDEPENDENT, QUADRATURE
from shoal.engine.proposals import MarginalFit
from shoal.engine.settings import Settings

# Iterations of a run to one of the other's: about a tenth of the time. NUTS makes some seven gradients an
# iteration, trajectories two or three.
SHARE = {"hmc": 15, "alternating": 15, "nuts": 27}
CHAINS = {"hmc": 2, "alternating": 2, "nuts": 1}
LEAST_WARMUP = {"hmc": 40, "alternating": 40, "nuts": nuts.FIRST + nuts.LAST}
FEWEST = 50  # draws of a chain that are worth the name
MOST = 1000
WEIGHTED = 200  # draws of the map that are weighted
FALSE_ALARM = 1e-3  # of all comparisons of a fit together
# Errors that are estimated from a few hundred draws are too small now and then.
ALLOWANCE = 1.25


def other(sampler: str, n_theta: int) -> str:
    """Return the move that a run is compared with: trajectories, or for these another."""
    if sampler in ("independence", QUADRATURE, "alternating", "nuts"):
        return "hmc"
    return "alternating" if 0 < n_theta <= MOST_INDEPENDENT else "nuts"


def short(settings: Settings, sampler: str) -> Settings | None:
    """Return how much of the other move is made beside a run; None if a tenth of its time is too little."""
    iterations = settings.chains * (settings.warmup + settings.draws * settings.thin) // SHARE[sampler]
    each = iterations // CHAINS[sampler]
    warmup = max(LEAST_WARMUP[sampler], each // 4)
    if each - warmup < FEWEST:
        return None
    return replace(
        settings,
        draws=min(each - warmup, MOST),
        chains=CHAINS[sampler],
        warmup=warmup,
        seed=another(settings.seed),
        target_accept=None,
        thin=1,
    )


def another(seed: int) -> int:
    """Return the seed of a run beside that of `seed`, whose random numbers are others."""
    return int(np.random.SeedSequence([seed, 4]).generate_state(1)[0])


def lay_map(target: Target, fit: MarginalFit, seed: int) -> None:
    """Expand a target's rows where theta is on average.

    Rounds to the rows integrate the effects and have no map of them; what such a run is held against has one.
    """
    target.restart()
    target.expand(fit.mean)
    target.average(fit.mean, np.random.default_rng([seed, 6]))


def weights_of_map(target: Target, fit: MarginalFit, seed: int) -> float:
    """Return the Pareto k of the posterior's density over that of the map, at draws of the map.

    The map proposes theta from what was fitted to its marginal, and effects ``x = m(theta) + L'^-1 z``, z
    standard normal. Below 0.7 such draws, weighted, would do for the posterior's; of thousands of effects
    they hardly ever do, and moves make up for it.
    """
    rng, room = np.random.default_rng([seed, 5]), target.room()
    t = target.n_theta
    theta = fit.proposal.draw(rng, WEIGHTED) if t else np.zeros((WEIGHTED, 0))
    proposed = fit.proposal.log_density(theta) if t else np.zeros(WEIGHTED)
    log_weight, by_theta, by_z = np.empty(WEIGHTED), np.empty(t), np.empty(target.n_effects)
    for k, own in enumerate(theta):
        z = rng.standard_normal(target.n_effects)
        value = joint_density(target.handle, own, z, room.space, room.where, by_theta, by_z)
        log_weight[k] = value + 0.5 * z @ z - proposed[k]
    return pareto_k(log_weight)


def differences(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how far two runs are apart in location and in spread, in Monte Carlo standard errors, (V, 2).

    Of the normal scores of all draws' ranks, and of their distances from the median: like R-hat these exist
    where a mean or a variance does not. The second value is the smaller effective size of each run's worst
    comparison, (2,).

    Parameters
    ----------
    first, second : (V, chains, draws) arrays
    """
    shapes = first.shape[1:], second.shape[1:]
    size = int(np.prod(shapes[0]))
    both = np.concatenate([first.reshape(len(first), -1), second.reshape(len(second), -1)], axis=1)[:, None]
    out, least = np.empty((len(first), 2)), np.full(2, np.inf)
    for k, values in enumerate((both, away(both))):
        scores = rank_normalized(values)[:, 0]
        parts = scores[:, :size].reshape(-1, *shapes[0]), scores[:, size:].reshape(-1, *shapes[1])
        sizes = [ess(split(part)) for part in parts]
        variance = sum(part.var(axis=(1, 2)) / own for part, own in zip(parts, sizes, strict=True))
        out[:, k] = (parts[0].mean((1, 2)) - parts[1].mean((1, 2))) / np.sqrt(variance)
        least = np.minimum(least, [own.min() for own in sizes])
    return out, least


def limit(count: int) -> float:
    """Return the difference, in Monte Carlo standard errors, that one of `count` hardly ever passes."""
    return float(ALLOWANCE * -ndtri(FALSE_ALARM / (2 * max(count, 1))))
