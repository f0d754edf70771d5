"""What is learnt of the marginal density of theta before sampling: its mode, and a mixture near it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from shoal.engine import mixture, mode
from shoal.engine.evaluate import Target
from shoal.engine.mixture import PILOT, SMALL_PILOT, Batch, Mixture
from shoal.engine.proposals import DEGREE, MarginalFit, follow, plain
from shoal.engine.threads import workers

SEARCHES, AGREED = 4, 0.1  # for the mode; how far a marginal may be from itself once it is expanded there
CLIMBS = 4  # towards the mode of many hyperparameters, where rows are expanded anew
WORTH_THREADS = 3e6  # operations, some milliseconds: threads take one or two to start
LARGEST_MIXTURE = 12  # hyperparameters; importance sampling in more dimensions has few effective draws


def marginal_batches(target: Target, cores: int) -> Batch:
    """Return the log marginal density of many thetas, on several cores; values do not depend on them."""
    cores = workers(cores)
    rooms = [target.room() for _ in range(cores)]

    def batch(thetas: np.ndarray) -> np.ndarray:
        if cores == 1 or len(thetas) * target.cost < WORTH_THREADS:
            return target.marginals(thetas, rooms[0])
        parts = np.array_split(thetas, cores)
        with ThreadPoolExecutor(cores) as pool:
            return np.concatenate(list(pool.map(target.marginals, parts, rooms)))

    return batch


def fit_marginal(target: Target, seed: int, cores: int, pilot: int = PILOT) -> MarginalFit:
    """Return proposals fitted to the marginal of theta, or its normal approximation in many dimensions.

    The target's expansion point is moved: to where it begins, to the mode, then to the mean of theta, where
    the rows are averaged. Each round of exploration evaluates the marginal at `pilot` points.
    """
    d = target.n_theta
    target.restart()
    if d == 0:
        target.expand(np.zeros(0))
        target.average(np.zeros(0), np.random.default_rng([seed, 1]))
        return _normal(np.zeros(0), np.zeros((0, 0)), np.zeros((1, 0)))
    # A stream of its own: chains draw the same numbers whatever the fit needed.
    rng = np.random.default_rng([seed, 1])
    if d <= LARGEST_MIXTURE:
        batch, pilot = marginal_batches(target, cores), SMALL_PILOT if target.dear else pilot
        center, root = _mode(target, batch)
        # A polynomial follows the marginal by Laplace's method. Where that is not exact, what is sampled has
        # heavier tails, for which a mixture leaves more room; cheap evaluations can afford its refusals.
        highest = DEGREE if target.quadratic or target.dear else 0
        found = mixture.fit(batch, center, root, rng, pilot, target.dear, followed=highest > 0)
        fit = follow(found, highest)
    else:
        center, root = _climbed(target)
        fit = _normal(center, root, center + rng.normal(size=(1024, d)) @ root.T)
    target.expand(fit.mean)
    target.average(fit.mean, rng)
    return fit


def _mode(target: Target, batch: Batch) -> tuple[np.ndarray, np.ndarray]:
    """Return mode and root of the marginal; the expansion is moved there.

    Laplace's approximation depends on where its rows are expanded: effects that begin too far from their mode
    do not reach it. The search goes on from where it has ended until the marginal agrees with itself.
    """
    steps = mode.FEW_STEPS if target.dear else mode.STEPS
    center, spacing = target.start, mode.WIDE if target.kinked else mode.SPACING
    for _ in range(SEARCHES):
        center, root = mode.find(batch, center, steps, spacing)
        if target.quadratic:
            target.expand(center)  # which moves no marginal
            break
        before = batch(center[None])[0]
        target.expand(center)
        moved = batch(center[None])[0] - before
        if not AGREED < abs(moved) < np.inf:
            break
    return center, root


def _climbed(target: Target) -> tuple[np.ndarray, np.ndarray]:
    """Return mode and root of the marginal by gradients of the joint density at z = 0, which is the marginal.

    But for a constant, and where everything is gaussian; else at the expansion's own theta, which follows.
    """
    center, root, origin = target.start, np.eye(target.n_theta), np.zeros(target.n_effects)
    target.expand(center)
    for _ in range(1 if target.quadratic else CLIMBS):
        center, root = mode.climb(lambda theta: target.joint(theta, origin)[:2], center)
        target.expand(center)
    return center, root


def _normal(center: np.ndarray, root: np.ndarray, sample: np.ndarray) -> MarginalFit:
    """Return proposals about normal, and a sample from that."""
    proposal = plain(Mixture(np.ones(1), center[None], root[None]), center, root)
    return MarginalFit(proposal, center, root, sample, np.full(len(sample), 1 / len(sample)))
