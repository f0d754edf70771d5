"""Expected log predictive densities of units left out, from draws of the fit that had them.

Vehtari, Gelman and Gabry (2017), Statistics and Computing 27, 1413-1432; Vehtari, Simpson, Gelman, Yao and
Gabry (2024), Journal of Machine Learning Research 25(72), 1-58: Pareto-smoothed importance sampling, as
arviz-stats has it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import logsumexp

from shoal.fit.results import Results

WORST_K = 0.7
NARROWEST, WIDEST = 1e-12, 300.0  # spread of the logarithms of weights that can be smoothed


class Elpd(NamedTuple):
    """What is said of U units, arrays (U,).

    Attributes
    ----------
    elpd : array
        Log density of each, left out.
    within : array
        Log mean density of each under the fit that had it.
    pareto_k : array
        Pareto shape of its importance weights; NaN where there are none.
    mcse : array
        Monte Carlo standard error of `elpd`.
    predicted : array
        Expected response, left out; NaN where it was not asked for.
    """

    elpd: np.ndarray
    within: np.ndarray
    pareto_k: np.ndarray
    mcse: np.ndarray
    predicted: np.ndarray


def smoothed(log_likelihood: np.ndarray, means: np.ndarray | None, efficiency: float) -> Elpd:
    """Return the units' densities by importance sampling, weights ``1 / p(y_u | draw)`` smoothed.

    Parameters
    ----------
    log_likelihood : (S, U) array
    means : (S, U) array, optional
        Expected response.
    efficiency : float
        Effective draws of S, as a share.
    """
    from arviz_stats.base import array_stats

    size, count = log_likelihood.shape
    log_weights, k = np.empty((size, count)), np.zeros(count)
    spread = _tail_spread(log_likelihood, efficiency)
    # Where the largest weights are one number there is no tail to smooth, nor any that grows; where they
    # differ by hundreds of orders of magnitude none has a shape.
    k[spread > WIDEST] = np.inf
    plain = (spread < NARROWEST) | (spread > WIDEST)
    raw = -log_likelihood[:, plain]
    log_weights[:, plain] = raw - logsumexp(raw, axis=0)
    smooth, k[~plain] = array_stats.psislw(log_likelihood[:, ~plain], r_eff=efficiency, axis=0)
    log_weights[:, ~plain] = smooth.T
    elpd = logsumexp(log_weights + log_likelihood, axis=0)
    # Delta method: the ratio of the weighted densities to their mean (Vehtari et al. 2024, equation 6).
    away = np.exp(log_weights + log_likelihood - elpd) - np.exp(log_weights)
    mcse = np.sqrt((away**2).sum(0) / efficiency)
    predicted = np.full(count, np.nan) if means is None else (np.exp(log_weights) * means).sum(0)
    return Elpd(elpd, _log_mean(log_likelihood), k, mcse, predicted)


def _tail_spread(log_likelihood: np.ndarray, efficiency: float) -> np.ndarray:
    """Return by how much the logarithms of the weights that would be smoothed differ, (U,)."""
    size = len(log_likelihood)
    tail = int(np.ceil(min(0.2 * size, 3 * np.sqrt(size / efficiency))))
    largest = np.partition(log_likelihood, tail, axis=0)[: tail + 1]
    return np.ptp(largest, axis=0)


def averaged(log_likelihood: np.ndarray, means: np.ndarray | None, efficiency: float) -> Elpd:
    """Return the units' densities from draws of a fit that did not have them; arguments as of `smoothed`."""
    elpd = _log_mean(log_likelihood)
    away = np.exp(log_likelihood - elpd)
    mcse = away.std(0) / np.sqrt(len(away) * efficiency)
    nothing = np.full(elpd.shape, np.nan)
    return Elpd(elpd, nothing, nothing, mcse, nothing if means is None else means.mean(0))


def _log_mean(values: np.ndarray) -> np.ndarray:
    return logsumexp(values, axis=0) - np.log(len(values))


def good_k(draws: int) -> float:
    """Return the Pareto shape above which so many draws give no reliable mean: at most 0.7."""
    return min(1 - 1 / np.log10(draws), WORST_K)


def efficiency(results: Results) -> float:
    """Return effective draws as a share of all: the mean over hyperparameters, at most 1."""
    from arviz_stats.base import array_stats

    posterior, shares = results.posterior, []
    for name in results.hyperparameters():
        draws = posterior[name].values
        columns = draws.reshape(*draws.shape[:2], -1)
        columns = columns[..., np.ptp(columns, axis=(0, 1)) > 0]
        if columns.size:
            shares.append(array_stats.ess(columns, method="mean", chain_axis=0, draw_axis=1).ravel())
    total = posterior.sizes["chain"] * posterior.sizes["draw"]
    return float(np.clip(np.concatenate(shares).mean() / total, 1e-3, 1.0)) if shares else 1.0
