"""Run a sampler on a target: marginal first, chains next."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np

from shoal.errors import SamplingError
from shoal.engine import mode
from shoal.sample import hmc, independence, nuts
from shoal.sample.evaluate import anchor, anchored_shapes, marginal_batches
from shoal.engine.mixture import PILOT, MarginalFit, Mixture
from shoal.engine.mixture import fit as fit_mixture
from shoal.engine.progress import Progress
from shoal.sample.target import Draws, Settings, Target

SMALL_PILOT = 192  # evaluations a round where one costs milliseconds
LARGEST_MIXTURE = 12  # hyperparameters; importance sampling in more dimensions has few effective draws


_PREPARE = {"hmc": hmc.prepare, "independence": independence.prepare}


def run(target: Target, sampler: str, whiten: bool, settings: Settings, progress: Progress) -> Draws:
    """Return draws of `target`.

    Parameters
    ----------
    sampler : {"independence", "hmc", "nuts"}
    whiten : bool
        Begin with the marginal of theta, for whitening and starting points.

    Raises
    ------
    SamplingError
        If the density is zero where it should not be, or the run is interrupted.
    """
    progress.stage("compiling")
    with ThreadPoolExecutor(1) as pool:
        # Two compilations side by side: the sampler's, and the marginal's with the search for its mode.
        shapes = anchored_shapes(target) if whiten else target
        ready = pool.submit(_PREPARE[sampler], shapes) if sampler in _PREPARE else None
        fit = fit_marginal(target, settings) if whiten else None
        if fit is not None and target.scout is not None:
            target = replace(target, data=anchor(target, fit.mean))
        if ready is not None:
            ready.result()
    progress.stage("sampling")
    if sampler == "nuts":
        return nuts.sample(target, fit, settings, progress)
    if fit is None:
        raise SamplingError(f"The {sampler} sampler needs whitened coordinates.")
    if sampler == "hmc":
        return hmc.sample(target, fit, settings, progress)
    return independence.sample(target, marginal_batches(target, settings.cores), fit, settings, progress)


def fit_marginal(target: Target, settings: Settings) -> MarginalFit:
    """Return a mixture fitted to the marginal of theta, or its normal approximation in many dimensions."""
    d = target.density.n_theta
    if d == 0:
        nothing = Mixture(np.ones(1), np.zeros((1, 0)), np.zeros((1, 0, 0)))
        return MarginalFit(nothing, np.zeros(0), np.zeros((0, 0)), np.zeros((1, 0)), np.ones(1), 1.0)
    explored = target if target.scout is None else replace(target, density=target.scout)
    batch = marginal_batches(explored, settings.cores)
    cheap = explored.density.batchable
    center, root = mode.find(batch, target.start, mode.STEPS if cheap else mode.FEW_STEPS)
    # A stream of its own: chains draw the same numbers whatever the fit needed.
    rng = np.random.default_rng([settings.seed, 1])
    if d <= LARGEST_MIXTURE:
        return fit_mixture(batch, center, root, rng, PILOT if cheap else SMALL_PILOT)
    normal = center + rng.normal(size=(1024, d)) @ root.T
    mixture = Mixture(np.ones(1), center[None], root[None])
    return MarginalFit(mixture, center, root, normal, np.full(1024, 1 / 1024), float("nan"))
