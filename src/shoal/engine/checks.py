"""Checks of a finished run, on its raw draws.

Thresholds: R-hat 1.01 and 100 effective draws a chain (Vehtari et al. 2021, Bayesian Analysis 16, 667-718);
E-BFMI 0.3 (Betancourt 2016, arXiv:1604.00695).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import chdtri

from shoal.engine.convergence import ess_bulk, ess_tail, examined, rhat
from shoal.engine.settings import Chains
from shoal.errors import listing

WORST_RHAT = 1.01
LEAST_ESS = 100  # a chain
WORST_K = 0.7  # above it importance weights have no reliable mean (Vehtari et al. 2024)
LEAST_BFMI = 0.3
MOST_ERROR = 0.05  # of integrals, standard deviation of the log density
NEARLY = 1.05  # R-hat below which chains agree but for their length
MOST_LONGER = 12  # times as many iterations, that are tried before another sampler
FEWEST = 400  # draws of a chain below which R-hat and ESS say too little to decide anything
SCREENED = 16  # effects screened at a time: what fits the processor's cache
EXAMINED = 40  # group effects examined in full: those that look worst in a quick screen


class Measures(NamedTuple):
    """How well a run's draws represent a distribution: the worst of what was examined.

    Attributes
    ----------
    quantities : int
        That vary or not, of which those that look worst were examined.
    chains, draws : int
    rhat, bulk, tail : float
        R-hat, and effective sample sizes in the bulk and in the tails.
    halves : float
        Between the chains' first and second halves, in Monte Carlo standard errors.
    bfmi : float or None
        E-BFMI of the worst chain; None without energies.
    """

    quantities: int
    chains: int
    draws: int
    rhat: float
    bulk: float
    tail: float
    halves: float
    bfmi: float | None


def measured(
    draws: Chains, variables: Sequence[np.ndarray], effects: Sequence[np.ndarray]
) -> Measures | None:
    """Return what the draws say of their own convergence; None where they are too few to say anything.

    Parameters
    ----------
    variables, effects : sequences of (chains, draws, ...) arrays
        Hyperparameters and coefficients; what has one value a level.
    """
    chains, count = draws.stats["lp"].shape
    if count < FEWEST or not all(np.isfinite(part).all() for part in (*variables, *effects)):
        return None
    values = _columns(variables, effects)
    if not len(values) or (np.ptp(values, axis=2) == 0).any():
        return None
    seen = examined(values)
    size = sum(int(np.prod(part.shape[2:])) for part in (*variables, *effects))
    energy = draws.stats.get("energy")
    return Measures(
        size,
        chains,
        count,
        float(seen.rhat.max()),
        float(seen.bulk.min()),
        float(seen.tail.min()),
        float(seen.halves.max()),
        None if energy is None else float(bfmi(energy).min()),
    )


def failures(
    draws: Chains,
    variables: Sequence[np.ndarray],
    effects: Sequence[np.ndarray],
    measures: Measures | None = None,
) -> list[str]:
    """Return what is wrong with a run, in words; empty if nothing is.

    Parameters
    ----------
    variables, effects : sequences of (chains, draws, ...) arrays
        Hyperparameters and coefficients; what has one value a level.
    measures : Measures, optional
        Of these draws, if they are known.
    """
    problems = []
    if (k := draws.facts.get("pareto_k", 0.0)) > WORST_K:
        problems.append(f"Pareto k {k:.2f} of the proposals' weights")
    if not (error := draws.facts.get("integration_error", 0.0)) <= MOST_ERROR:  # undefined, too
        problems.append(f"integrals with an error of {error:.2f}")
    divergent = int(draws.stats["diverging"].sum())
    if divergent:
        problems.append(f"{divergent} divergent trajectories")
    seen = measures or measured(draws, variables, effects)
    if seen is None:
        return problems + _unmeasured(variables, effects)
    if seen.bfmi is not None and seen.bfmi < LEAST_BFMI:
        problems.append(f"E-BFMI {seen.bfmi:.2f}")
    if seen.rhat > rhat_limit(seen.chains, seen.draws, seen.quantities):
        problems.append(f"R-hat {seen.rhat:.3f}")
    if (ess := min(seen.bulk, seen.tail)) < LEAST_ESS * seen.chains:
        problems.append(f"effective sample size {ess:.0f}")
    return problems


def _unmeasured(variables: Sequence[np.ndarray], effects: Sequence[np.ndarray]) -> list[str]:
    """Return why draws that could not be measured are wrong, if they are: they may just be few."""
    if not all(np.isfinite(part).all() for part in (*variables, *effects)):
        return ["draws that are not finite"]
    values = _columns(variables, effects)
    stuck = np.flatnonzero((np.ptp(values, axis=2) == 0).any(0))
    return [f"stuck chains {listing(stuck)}"] if stuck.size and values.shape[2] > 1 else []


def longer(draws: Chains, variables: Sequence[np.ndarray], effects: Sequence[np.ndarray]) -> int:
    """Return how many times as many iterations give enough draws; 0 where a run is more than too short.

    Enough are twice as many effective draws as a run must have; where that takes too long, hardly more.
    """
    values = _columns(variables, effects)
    if draws.sampler not in ("hmc", "alternating") or draws.stats["diverging"].any() or not len(values):
        return 0
    if not np.isfinite(values).all() or (np.ptp(values, axis=2) == 0).any():
        return 0
    rhat, ess = convergence(values)
    least = LEAST_ESS * values.shape[1]
    reachable = rhat.max() < NEARLY and 1.25 * least < MOST_LONGER * ess.min()
    if not reachable or ess.min() >= 2 * least:
        return 0
    return int(min(np.ceil(2 * least / ess.min()), MOST_LONGER))


def convergence(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return R-hat (1 for one chain) and the smaller of bulk and tail ESS of (V, chains, draws) values."""
    return rhat(values), np.minimum(ess_bulk(values), ess_tail(values))


def rhat_limit(chains: int, draws: int, count: int) -> float:
    """Return the R-hat that the worst of `count` sound quantities passes once in a hundred runs.

    At least 1.01, and just that for few quantities. The 2 x chains half-chain means of a sound quantity
    scatter by chance, their scaled variance is chi-squared; among thousands of group effects the worst passes
    1.01 by that alone. A quarter of the draws is taken as effective.
    """
    if count <= EXAMINED:
        return WORST_RHAT
    freedom, effective = 2 * chains - 1, draws / 8
    return max(WORST_RHAT, float(np.sqrt(1 + chdtri(freedom, 0.01 / count) / (freedom * effective))))


def bfmi(energy: np.ndarray) -> np.ndarray:
    """Return E-BFMI of each chain from (chains, draws) energies."""
    return np.square(np.diff(energy, axis=1)).mean(1) / np.maximum(energy.var(1), 1e-300)


def _columns(variables: Sequence[np.ndarray], effects: Sequence[np.ndarray]) -> np.ndarray:
    """Return every varying hyperparameter and coefficient, and the effects that look worst, (V, C, D)."""
    parts = []
    for values in variables:
        own = np.moveaxis(values.reshape(*values.shape[:2], -1), -1, 0).astype(float)
        parts.append(own[np.ptp(own, axis=(1, 2)) > 0])
    for values in effects:
        own = np.moveaxis(values.reshape(*values.shape[:2], -1), -1, 0)
        parts.append(own[screen(own)].astype(float))
    return np.concatenate(parts) if parts else np.zeros((0, 1, 1))


def screen(effects: np.ndarray) -> np.ndarray:
    """Return which of the effects (V, C, D) have the largest lag-one autocorrelation or spread of chains."""
    if len(effects) <= EXAMINED:
        return np.arange(len(effects))
    autocorrelation, spread = np.empty(len(effects)), np.empty(len(effects))
    for i in range(0, len(effects), SCREENED):
        part = effects[i : i + SCREENED]
        away = part - part.mean(2, keepdims=True)
        variance = np.einsum("vcd,vcd->v", away, away) / away[0].size + 1e-300
        lagged = np.einsum("vcd,vcd->v", away[..., 1:], away[..., :-1]) / away[0].size
        autocorrelation[i : i + SCREENED] = lagged / variance
        spread[i : i + SCREENED] = part.mean(2).var(1) / variance
    half = EXAMINED // 2
    return np.union1d(np.argsort(autocorrelation)[-half:], np.argsort(spread)[-half:])
