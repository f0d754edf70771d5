"""One program fits one case in a process of its own: what it took, how good its draws are, what they say."""

from __future__ import annotations

import importlib
import resource
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from _process import TOGETHER, memory, worst

from peers import PEERS
from peers.cases import CASES

LIKELY = 1e-3  # that some quantity differs by more, of two programs that are right


def work(case: str, peer: str, path: str, means: str, draws: int, seed: int) -> dict[str, Any]:
    """Fit, and return what is known of it; run by `_process.child`.

    Everything up to the summary is counted. Effective sizes of all quantities, and their means, which are
    written to `means`, are computed afterwards in the same way for every program.
    """
    program, this = importlib.import_module(f"peers.{PEERS[peer].module}"), CASES[case]
    fit = program.fit(this, path, draws, seed)
    signal.alarm(0)  # the limit is of what is counted
    wall, processor, peak = time.perf_counter(), _processor(), _peak()
    found = program.quantities(this, pd.read_parquet(path), fit)
    quality = worst(found.values())
    np.savez(means, **{name: _means(draws) for name, draws in found.items()})
    return {
        **quality,
        "div": program.divergences(fit),
        "peak MB": peak,
        "uncounted": time.perf_counter() - wall,
        "uncounted processor": _processor() - processor,
    }


def _processor() -> float:
    """Return CPU seconds of this process and of those that it waited for."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in both)


def _peak() -> float:
    """Return the most memory that this process, or one that it waited for, has held, in MB."""
    return max(memory(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)


def _means(draws: np.ndarray) -> np.ndarray:
    """Return means and their Monte Carlo standard errors, (2, quantities)."""
    from shoal.engine import convergence

    flat = np.moveaxis(draws.reshape(*draws.shape[:2], -1), -1, 0)
    parts = (flat[i : i + TOGETHER].astype(float) for i in range(0, len(flat), TOGETHER))
    return np.concatenate([[part.mean((1, 2)), convergence.mcse_mean(part)] for part in parts], axis=1)


def disagreement(one: Path, other: Path) -> tuple[float, float]:
    """Return the largest difference of two posteriors' means, and what it may be.

    Returns
    -------
    z : float
        In Monte Carlo standard errors of the difference.
    bound : float
        That z exceeds with probability `LIKELY` if both are right, by Bonferroni's inequality.

    Raises
    ------
    ValueError
        They are not of the same quantities.
    """
    from scipy.special import ndtri

    with np.load(one) as ours, np.load(other) as theirs:
        sizes = [{name: file[name].shape for name in file.files} for file in (ours, theirs)]
        if sizes[0] != sizes[1]:
            raise ValueError(f"{one.name} and {other.name} are of other quantities: {sizes[0]}, {sizes[1]}.")
        differences = np.concatenate([ours[name][0] - theirs[name][0] for name in ours.files])
        errors = np.concatenate([np.hypot(ours[name][1], theirs[name][1]) for name in ours.files])
    with np.errstate(divide="ignore", invalid="ignore"):
        each = np.where(differences == 0, 0.0, np.abs(differences) / errors)
    z = float(np.nan_to_num(each, nan=np.inf).max())  # what is no number agrees with nothing
    return z, float(-ndtri(LIKELY / (2 * len(errors))))
