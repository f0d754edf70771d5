"""Are ranks uniform? The simultaneous test of their distribution function, and a joint test of their spread.

Of S ranks among L draws, ``c_k = #(rank < k)`` is binomial(S, k / (L + 1)) for each k = 1, …, L. The
statistic of Säilynoja, Bürkner and Vehtari (2022), Statistics and Computing 32:32, equation 13, is the most
extreme of them, ``gamma = 2 min_k min(P(C_k <= c_k), P(C_k >= c_k))``. Its distribution is simulated from
uniform ranks (their Algorithm 1), and gives both a p-value and a band around the whole distribution function.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import bdtr, bdtrc, stdtr

SIMULATED = 20_000
AT_ONCE = 2_000


@dataclass(frozen=True, eq=False)
class Uniformity:
    """Null distribution of gamma for S = `count` ranks among L = `draws` draws.

    Attributes
    ----------
    count, draws : int
    tail : (L, S + 1) array
        Two-sided tail probability of each possible count, by k.
    null : (SIMULATED,) array
        Simulated gammas, sorted.
    """

    count: int
    draws: int
    tail: np.ndarray
    null: np.ndarray

    def gamma(self, ranks: np.ndarray) -> np.ndarray:
        """Return the statistic of each set of ranks, (..., S) to (...)."""
        bins = np.stack([(ranks == k).sum(-1) for k in range(self.draws + 1)], axis=-1)
        return _gamma(self.tail, bins)

    def p_value(self, ranks: np.ndarray) -> np.ndarray:
        """Return the p-value of each set of ranks, (..., S) to (...); never below 1 / (SIMULATED + 1)."""
        below = np.searchsorted(self.null, self.gamma(ranks), side="right")
        return (1 + below) / (1 + len(self.null))

    def band(self, alpha: float) -> tuple[np.ndarray, np.ndarray]:
        """Return the least and largest ``c_k / S`` (L,) that no test at level `alpha` rejects."""
        rejected = max(int(alpha * (1 + len(self.null))) - 1, 0)  # of the simulated gammas
        inside = self.tail >= self.null[rejected]
        low = inside.argmax(1)
        high = self.count - inside[:, ::-1].argmax(1)
        return low / self.count, high / self.count


@lru_cache(maxsize=16)
def uniformity(count: int, draws: int) -> Uniformity:
    """Return the test for `count` ranks among `draws` draws, the same on every call.

    Parameters
    ----------
    count : int
        Number of simulations S.
    draws : int
        Posterior draws L that each true value was ranked among; ranks are 0, …, L.
    """
    c, share = np.arange(count + 1), np.arange(1, draws + 1)[:, None] / (draws + 1)
    tail = np.minimum(1.0, 2 * np.minimum(bdtr(c, count, share), bdtrc(c - 1, count, share)))
    rng = np.random.default_rng(32)
    equal = np.full(draws + 1, 1 / (draws + 1))
    null = [_gamma(tail, rng.multinomial(count, equal, AT_ONCE)) for _ in range(SIMULATED // AT_ONCE)]
    return Uniformity(count, draws, tail, np.sort(np.concatenate(null)))


def _gamma(tail: np.ndarray, bins: np.ndarray) -> np.ndarray:
    counts = np.cumsum(bins, axis=-1)[..., :-1]
    return tail[np.arange(len(tail)), counts].min(-1)


def differences(ranks: np.ndarray, draws: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the points ``k / (L + 1)`` (L,) and the ranks' ECDF there less its expectation."""
    k = np.arange(1, draws + 1)
    return k / (draws + 1), np.searchsorted(np.sort(ranks), k) / len(ranks) - k / (draws + 1)


def joint_spread(ranks: np.ndarray, draws: int) -> tuple[float, float]:
    """Return the mean spread of all quantities' ranks and the p-value that it is that of uniform ranks.

    Quantities of one simulation depend on each other, simulations do not. The spread of a fractional rank u,
    ``12 (u - 1/2)^2``, has mean 1 when ranks are uniform, and more when posteriors are too narrow; averaged
    over the quantities it gives one independent number a simulation, for a t test.

    Parameters
    ----------
    ranks : (S, Q) array
    draws : int
    """
    u = (np.asarray(ranks) + 0.5) / (draws + 1)
    expected = 1 - (draws + 1) ** -2.0  # of the discrete uniform distribution
    spread = (12 * (u - 0.5) ** 2).mean(1) / expected
    error = max(spread.std(ddof=1) / np.sqrt(len(spread)), 1e-12)
    return float(spread.mean()), float(2 * stdtr(len(spread) - 1, -abs(spread.mean() - 1) / error))
