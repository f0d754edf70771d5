"""Mean and covariance of many hyperparameters, from short chains.

The curvature at a mode says little of many dimensions: of 79 standard deviations and correlations, the
variances of some directions are six times what it promises, and trajectories cross those slowly.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from shoal.engine.chain import FIRST_ANGLE, Chain
from shoal.engine.evaluate import Target
from shoal.engine.moves import ANGLE
from shoal.engine.progress import Progress
from shoal.engine.proposals import MarginalFit
from shoal.engine.threads import in_threads

CHAINS = 4
LENGTHS = (100, 200)  # draws of each chain, round after round, after half as many of warmup
AIM = 0.8  # acceptance


def learnt(target: Target, fit: MarginalFit, seed: int, cores: int, progress: Progress) -> MarginalFit:
    """Return a fit with mean, root and sample of the draws of short chains, which its own whiten first.

    Theta is in new units then: the target's ramps are bent by what is drawn.
    """
    nothing = np.zeros(0, np.int64)

    def draws(count: int, rng: np.random.Generator) -> np.ndarray:
        progress.check()
        chain = Chain(target, fit, rng, nothing)
        chain.state.numbers[ANGLE] = FIRST_ANGLE
        chain.joint(count // 2, 0, AIM)
        return chain.joint(0, count, AIM).theta

    # Streams of their own: chains draw the same numbers whatever was learnt.
    rngs = np.random.default_rng([seed, 4]).spawn(CHAINS)
    for count in LENGTHS:
        sample = np.concatenate(in_threads([partial(draws, count, rng) for rng in rngs], cores, progress))
        before, sample = sample.std(0), target.bend(sample)
        mean, root = sample.mean(0), (sample.std(0) / before)[:, None] * fit.root
        root = root @ np.linalg.cholesky(shrunk(np.linalg.solve(root, (sample - mean).T).T))
        fit = replace(fit, mean=mean, root=root, sample=sample, weight=np.full(len(sample), 1 / len(sample)))
    return fit


def shrunk(z: np.ndarray) -> np.ndarray:
    """Return the covariance of draws (S, d) of mean zero, shrunk towards a multiple of the identity.

    By as much as brings it nearest to the true one: Ledoit and Wolf (2004), J. Multivariate Analysis 88,
    365-411, section 3.3. What it is shrunk towards is what the draws were whitened by.
    """
    count, d = z.shape
    sample = z.T @ z / count
    target = np.trace(sample) / d * np.eye(d)
    away = ((sample - target) ** 2).sum()
    noise = (((z**2).sum(1) ** 2).sum() / count - (sample**2).sum()) / count
    share = min(noise / away, 1.0) if away > 0 else 1.0
    return share * target + (1 - share) * sample
