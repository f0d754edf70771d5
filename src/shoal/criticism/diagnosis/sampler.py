"""What Hamiltonian samplers say of their own run: energy, depth of trees, acceptance.

Betancourt (2016), arXiv:1604.00695, for E-BFMI; Hoffman and Gelman (2014), JMLR 15, 1593-1623, for the rest.
"""

from __future__ import annotations

import json

import numpy as np

from shoal.criticism.diagnosis.case import Case
from shoal.criticism.diagnosis.findings import Finding
from shoal.engine.checks import LEAST_BFMI, bfmi

USUAL_DEPTH = 10  # the limit that Stan, PyMC and NumPyro have unless told otherwise
SATURATED = 0.01  # share of a chain's draws at the limit that is worth a word
LOWEST_AIM = 0.6  # acceptance below which nobody aims
BELOW, ABOVE = 0.2, 0.15  # distances from a known aim that adaptation does not leave
FEWEST = 3  # draws of a chain whose energies can be compared
MISSING = "no such statistics in sample_stats"
NOT_FINITE = "values that are not finite"


def missing(case: Case) -> dict[str, str]:
    """Return what the rules of this file examine, each with the reason why they cannot, or with none."""
    parts = {"energy": _energies(case), "tree depth": _cut_off(case), "acceptance": _rates(case)}
    return {what: found if isinstance(found, str) else "" for what, found in parts.items()}


def _energies(case: Case) -> np.ndarray | str:
    """Return energies (chains, draws), or why they say nothing."""
    energies = case.statistic("energy")
    if energies is None:
        return MISSING
    if energies.shape[1] < FEWEST:
        return f"fewer than {FEWEST} draws a chain"
    return energies.astype(float) if np.isfinite(energies).all() else NOT_FINITE


def _cut_off(case: Case) -> np.ndarray | str:
    """Return which trajectories reached the largest depth (chains, draws), or why that is not known.

    Where nothing says so, the limit is the usual one, or the depth of the deepest tree beyond it.
    """
    reached, depth = case.statistic("reached_max_treedepth"), _depth(case)
    if reached is not None:
        return reached.astype(bool) if np.isfinite(reached).all() else NOT_FINITE
    return MISSING if depth is None else depth >= max(USUAL_DEPTH, depth.max())


def _rates(case: Case) -> np.ndarray | str:
    """Return shares of acceptance (chains, draws), or why they say nothing."""
    rates = case.statistic("acceptance_rate")
    if rates is None:
        return MISSING
    if case.statistic("energy") is None:  # of a sampler without trajectories they mean something else
        return "without energies nothing says what was aimed at"
    return rates.astype(float) if np.isfinite(rates).all() else NOT_FINITE


def energy(case: Case) -> list[Finding]:
    """Report energies that move too slowly for the momenta's refreshing."""
    energies = _energies(case)
    if isinstance(energies, str):
        return []
    worst = bfmi(energies).min()
    if worst >= LEAST_BFMI:
        return []
    return [
        Finding(
            "energy",
            "warning",
            f"E-BFMI {worst:.2f}, below {LEAST_BFMI}: momenta move the energy too slowly.",
            "A heavy tail; a tighter prior on the standard deviations usually mends it.",
        )
    ]


def tree_depth(case: Case) -> list[Finding]:
    """Report trajectories that were cut off before they turned back."""
    reached, depth = _cut_off(case), _depth(case)
    if isinstance(reached, str):
        return []
    share = reached.mean(1).max()
    if share < SATURATED:
        return []
    limit = f" of {int(depth.max())}" if depth is not None else ""
    return [
        Finding(
            "tree-depth",
            "warning",
            f"{int(reached.sum())} of {reached.size:,} trajectories reached the largest tree depth{limit} "
            f"(up to {100 * share:.0f}% of a chain): they ended before they turned back.",
            "Steps are small for the posterior's longest direction: scale the predictors, remove directions "
            "that only the prior holds, or use coordinates that suit the data; a higher limit costs time.",
        )
    ]


def _depth(case: Case) -> np.ndarray | None:
    """Return the depth of each draw's tree; 2^depth - 1 leapfrog steps tell it, too."""
    depth, steps = case.statistic("tree_depth"), case.statistic("n_steps")
    if depth is None and steps is not None and case.results is None:
        return np.log2(steps.astype(float) + 1).astype(int)
    return depth


def acceptance(case: Case) -> list[Finding]:
    """Report chains whose acceptance is far from what step sizes are adapted to."""
    rates = _rates(case)
    if isinstance(rates, str):
        return []
    means = rates.mean(1)
    aim = _aim(case)
    lowest = LOWEST_AIM if aim is None else aim - BELOW
    aimed = "0.6 or more" if aim is None else f"{aim:g}"
    if (low := means.min()) < lowest:
        return [
            Finding(
                "acceptance",
                "warning",
                f"Chain {means.argmin()} accepts {low:.2f} of its proposals; step sizes aim at {aimed}.",
                "Its step size suits another part of the posterior than it sampled, as in a funnel: longer "
                "warmup, or other coordinates.",
            )
        ]
    if aim is not None and not _turns(case) and (high := means.max()) > aim + ABOVE:
        return [
            Finding(
                "acceptance",
                "note",
                f"Chain {means.argmax()} accepts {high:.2f} of its proposals; its step size aimed at "
                f"{aimed}.",
                "Slow, not wrong: steps are smaller than they need be. A longer warmup mends it.",
            )
        ]
    return []


def _turns(case: Case) -> bool:
    """Return True for Shoal's own trajectories: no step is longer than a quarter turn."""
    return case.results is not None and case.results.attrs["sampler"] == "hmc"


def _aim(case: Case) -> float | None:
    """Return the acceptance that was aimed at, if the draws tell."""
    if case.results:
        attrs = json.loads(case.results.attrs["sampler_facts"])
    else:
        attrs = {**case.posterior.attrs, **case.stats.attrs}
    aim = attrs.get("target_accept")
    return None if aim is None else float(aim)
