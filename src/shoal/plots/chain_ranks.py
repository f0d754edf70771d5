"""Ranks of each chain's draws among those of all chains, with a band that chains of one target stay in.

Of M chains of N draws, the draws of one chain among the t smallest of all are hypergeometric. The band is
that of Säilynoja, Bürkner and Vehtari (2022), Statistics and Computing 32:32, section 4: pointwise intervals
widened until all chains stay inside everywhere with the probability wanted; ranks are simulated as
permutations, which keeps the chains' dependence. (arviz-plots' own bands are wrong for two and three chains:
it simulates chains that do not share their ranks.)
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.stats import hypergeom, rankdata

SIMULATED, AT_ONCE, POINTS = 2000, 2**22, 100
PROB = 0.99


def rank_counts(draws: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return cuts t (K,), and how many of each chain's draws are among the t smallest, (chain, K).

    Parameters
    ----------
    draws : (chain, draw) array
        Ties, such as a stuck chain makes, keep the order of the draws.
    """
    cuts = cuts_of(draws.size)
    ranks = np.sort(rankdata(draws, method="ordinal").reshape(draws.shape), axis=1)
    return cuts, np.stack([np.searchsorted(own, cuts, side="right") for own in ranks])


def cuts_of(total: int) -> np.ndarray:
    """Return the numbers of smallest draws at which chains are compared."""
    return np.unique(np.linspace(0, total, min(total, POINTS) + 1).round().astype(int))[1:-1]


@lru_cache(maxsize=8)
def band(chains: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the least and largest count of one chain at each cut, (K,) each, the same on every call.

    Parameters
    ----------
    chains, size : int
        M chains of N draws; together they stay inside with probability `PROB` if draws are independent.
    """
    total = chains * size
    cuts, counts = cuts_of(total), np.arange(size + 1)
    share = hypergeom.pmf(counts, total, cuts[:, None], size)
    below, above = share.cumsum(1), share[:, ::-1].cumsum(1)[:, ::-1]
    tail = np.minimum(1.0, 2 * np.minimum(below, above))
    rng = np.random.default_rng(32)
    labels = np.repeat(np.arange(chains, dtype=np.int16), size)
    rows = max(1, AT_ONCE // total)
    least = [
        _most_extreme(rng.permuted(np.tile(labels, (rows, 1)), axis=1), chains, cuts, tail)
        for _ in range(0, SIMULATED, rows)
    ]
    inside = tail >= np.quantile(np.concatenate(least), 1 - PROB, method="lower")
    return inside.argmax(1), size - inside[:, ::-1].argmax(1)


def _most_extreme(labels: np.ndarray, chains: int, cuts: np.ndarray, tail: np.ndarray) -> np.ndarray:
    """Return the smallest tail probability of each simulation, over its chains and cuts."""
    places = np.arange(len(cuts))
    each = [
        tail[places, np.cumsum(labels == chain, axis=1)[:, cuts - 1]].min(axis=1) for chain in range(chains)
    ]
    return np.min(each, axis=0)
