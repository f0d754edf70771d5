"""How well draws of chains represent a distribution: R-hat, effective sample sizes, Monte Carlo errors.

Vehtari, Gelman, Simpson, Carpenter and Bürkner (2021), Bayesian Analysis 16, 667-718: rank-normalised split
R-hat, bulk and tail effective sample sizes. The autocorrelation time is Geyer's initial monotone sequence
estimator (Geyer 1992, Statistical Science 7, 473-483). All functions take many quantities at once,
(V, chains, draws). Those that arviz-stats has, too, agree with it to rounding; they are here because every
fit needs them, and that package takes longer to import than a small model to sample.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.fft
from scipy.special import ndtri

TAIL = 0.05  # probability of each tail whose quantile's effective sample size is computed
FAR_OUT = 20  # widths of the 90% interval, beyond which a draw may be of a tail without a mean
PLATEAU = 3.0  # times their mean, that weights without a tail may reach


def split(values: np.ndarray) -> np.ndarray:
    """Return the halves of each chain as chains; of an odd number of draws the middle one is left out."""
    half = values.shape[-1] // 2
    return np.concatenate([values[..., :half], values[..., -half:]], axis=-2)


def rank_normalized(values: np.ndarray) -> np.ndarray:
    """Return the normal scores of the ranks over all chains, ties at their average rank (Blom 1958)."""
    flat = values.reshape(len(values), -1)
    count = flat.shape[1]
    order = np.argsort(flat, axis=1, kind="stable")
    sorted_values = np.take_along_axis(flat, order, axis=1)
    fresh = np.ones(flat.shape, bool)
    fresh[:, 1:] = np.diff(sorted_values, axis=1) != 0
    positions = np.arange(count)
    first = np.maximum.accumulate(np.where(fresh, positions, 0), axis=1)
    last = np.ones(flat.shape, bool)
    last[:, :-1] = fresh[:, 1:]
    end = np.minimum.accumulate(np.where(last, positions, count)[:, ::-1], axis=1)[:, ::-1]
    ranks = np.empty(flat.shape)
    np.put_along_axis(ranks, order, 1.0 + 0.5 * (first + end), axis=1)
    return ndtri((ranks - 0.375) / (count + 0.25)).reshape(values.shape)


def ess(values: np.ndarray) -> np.ndarray:
    """Return the effective sample size of each mean, (V,); of what never varies, the number of draws."""
    count, chains, draws = values.shape
    total = chains * draws
    if not count:
        return np.zeros(0)
    centred = values - values.mean(-1, keepdims=True)
    length = scipy.fft.next_fast_len(2 * draws)
    spectrum = scipy.fft.rfft(centred, length, axis=-1)
    covariance = scipy.fft.irfft((spectrum * spectrum.conj()).real, length, axis=-1)[..., :draws] / draws
    covariance = covariance.mean(1)  # over chains
    within = covariance[:, 0] * draws / (draws - 1.0)
    variance = covariance[:, 0].copy()
    if chains > 1:
        variance += values.mean(-1).var(-1, ddof=1)
    constant = np.ptp(values, axis=(1, 2)) < np.finfo(float).resolution
    with np.errstate(divide="ignore", invalid="ignore"):
        rho = 1.0 - (within[:, None] - covariance) / variance[:, None]
    rho[:, 0] = 1.0
    out = total / np.maximum(_time(rho), 1.0 / np.log10(total))
    return np.where(constant, float(total), out)


def _time(rho: np.ndarray) -> np.ndarray:
    """Return the integrated autocorrelation time from autocorrelations (V, draws).

    Sums of neighbours ``rho[2k] + rho[2k + 1]`` are positive and decrease for a reversible chain: they are
    summed while they are positive, none counted for more than those before it.
    """
    most = max((rho.shape[1] - 1) // 2, 1)
    pairs = rho[:, 0 : 2 * most : 2] + rho[:, 1 : 2 * most : 2]
    kept = np.logical_and.accumulate(pairs > 0, axis=1)
    kept[:, -1] = False  # the last lags are sums of hardly any products
    monotone = np.minimum.accumulate(pairs, axis=1)
    here, end = np.arange(len(rho)), kept.sum(1)
    after = rho[here, 2 * end]
    after = np.where((after > 0) | (pairs[here, end] >= 0), after, 0.0)
    return -1.0 + 2.0 * np.where(kept, monotone, 0.0).sum(1) + after


def ess_bulk(values: np.ndarray) -> np.ndarray:
    """Return the effective sample size in the bulk of each quantity."""
    return ess(rank_normalized(split(values)))


def ess_tail(values: np.ndarray) -> np.ndarray:
    """Return the smaller effective sample size of the two tail quantiles of each quantity."""
    flat = values.reshape(len(values), -1)
    cuts = np.quantile(flat, [TAIL, 1 - TAIL], axis=1)
    below = [ess(split((values <= cut[:, None, None]).astype(float))) for cut in cuts]
    return np.minimum(*below)


def rhat(values: np.ndarray) -> np.ndarray:
    """Return R-hat of each quantity, the larger of those of location and spread; 1 for one chain."""
    if values.shape[1] < 2:
        return np.ones(len(values))
    halves = split(values)
    return np.maximum(_rhat(rank_normalized(halves)), _rhat(rank_normalized(away(halves))))


def away(values: np.ndarray) -> np.ndarray:
    """Return how far each draw of each quantity is from its median."""
    return np.abs(values - np.median(values, axis=(1, 2), keepdims=True))


class Examined(NamedTuple):
    """What is known of quantities from their draws, an element each.

    Attributes
    ----------
    rhat, bulk, tail : (V,) arrays
        R-hat, and effective sample sizes in the bulk and in the tails.
    halves : (V,) array
        Between the means of the chains' first and second halves, in Monte Carlo standard errors.
    """

    rhat: np.ndarray
    bulk: np.ndarray
    tail: np.ndarray
    halves: np.ndarray


def examined(values: np.ndarray) -> Examined:
    """Return all of these of (V, chains, draws) values: the ranks, which take longest, are taken once.

    Means are those of the ranks' normal scores, which exist where those of the draws do not.
    """
    halves, chains = split(values), values.shape[1]
    scores = rank_normalized(halves)
    found = np.ones(len(values))
    if chains > 1:
        found = np.maximum(_rhat(scores), _rhat(rank_normalized(away(halves))))
    bulk = ess(scores)
    between = scores[:, :chains].mean((1, 2)) - scores[:, chains:].mean((1, 2))
    # Each half has half of the effective draws, so that the difference has twice the error of the whole.
    error = 2 * scores.std(axis=(1, 2)) / np.sqrt(bulk)
    with np.errstate(divide="ignore", invalid="ignore"):
        return Examined(found, bulk, ess_tail(values), np.abs(between) / error)


def _rhat(values: np.ndarray) -> np.ndarray:
    draws = values.shape[-1]
    between = values.mean(-1).var(-1, ddof=1)
    within = values.var(-1, ddof=1).mean(-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.sqrt(between / within + (draws - 1) / draws)


def mcse_mean(values: np.ndarray) -> np.ndarray:
    """Return the Monte Carlo standard error of each mean."""
    return values.std(axis=(1, 2), ddof=1) / np.sqrt(ess(split(values)))


def mcse_sd(values: np.ndarray) -> np.ndarray:
    """Return the Monte Carlo standard error of each sd, from that of the squared deviations."""
    # In units of a large sd, so that fourth powers are numbers; a power of two, so that nothing is rounded.
    unit = np.maximum(2.0 ** np.frexp(values.std(axis=(1, 2)))[1], 1.0)
    squares = ((values - values.mean(axis=(1, 2), keepdims=True)) / unit[:, None, None]) ** 2
    variance = squares.mean(axis=(1, 2))
    spread = (squares**2).mean(axis=(1, 2)) - variance**2
    with np.errstate(divide="ignore", invalid="ignore"):
        return unit * np.sqrt(spread / ess(split(squares)) / (4 * variance))


def interval(values: np.ndarray, prob: float, kind: str = "eti") -> np.ndarray:
    """Return the bounds of an interval of each quantity, (V, 2).

    Parameters
    ----------
    kind : {"eti", "hdi"}
        Equal tails, or the shortest interval between draws that holds `prob` of them.
    """
    flat = values.reshape(len(values), -1)
    if kind == "eti":
        return np.quantile(flat, [(1 - prob) / 2, (1 + prob) / 2], axis=1).T
    ordered = np.sort(flat, axis=1)
    held = int(np.floor(prob * flat.shape[1]))
    widths = ordered[:, held:] - ordered[:, : flat.shape[1] - held]
    start = widths.argmin(1)
    here = np.arange(len(flat))
    return np.stack([ordered[here, start], ordered[here, start + held]], axis=1)


def without_mean(values: np.ndarray) -> np.ndarray:
    """Return which quantities (V, chains, draws) have too heavy a tail for a mean, (V,).

    Where the Pareto shape of a tail is above one, the mean is infinite, and that of draws means nothing.
    """
    flat = values.reshape(len(values), -1)
    low, middle, high = np.quantile(flat, [0.05, 0.5, 0.95], axis=1)
    away = np.abs(flat - middle[:, None])
    out = away.max(axis=1) > FAR_OUT * (high - low)
    with np.errstate(divide="ignore"):  # a draw may be the median
        out[out] = [pareto_k(np.log(one)) > 1.0 for one in away[out]]
    return out


def pareto_k(log_weights: np.ndarray) -> float:
    """Return the Pareto shape of the largest importance weights: above 0.7 their mean is unreliable.

    Vehtari, Simpson, Gelman, Yao and Gabry (2024), J. Machine Learning Research 25(72): the tail holds the
    ``min(S / 5, 3 sqrt(S))`` largest weights, the generalised Pareto distribution is fitted as by Zhang and
    Stephens (2009), Technometrics 51, 316-325, and its shape drawn a little towards one half.
    """
    log_weights = np.sort(log_weights[np.isfinite(log_weights)])
    count = len(log_weights)
    size = int(np.ceil(min(count / 5, 3 * np.sqrt(count))))
    if size < 5 or np.ptp(log_weights[-size - 1 :]) < 1e-12:
        return -np.inf  # there is no tail
    weights = np.exp(log_weights - log_weights[-1])
    excess = weights[-size:] - weights[-size - 1]
    grid = 1.0 - np.sqrt((30 + int(np.sqrt(size))) / (np.arange(1, 31 + int(np.sqrt(size))) - 0.5))
    quarter = max(excess[int(size / 4 + 0.5) - 1], excess[excess > 0].min())  # equal weights, by rounding
    rate = 1.0 / excess[-1] + grid / (3.0 * quarter)
    shape = np.log1p(-rate[:, None] * excess).mean(1)
    profile = size * (np.log(-rate / shape) - shape - 1.0)
    best = np.exp(profile - profile.max())
    k = float(np.log1p(-(best @ rate / best.sum()) * excess).mean())
    return (size * k + 5.0) / (size + 10.0)


def tail_of(weight: np.ndarray) -> float:
    """Return the Pareto shape of weights; none where all are near their mean.

    A few that stand a little above a plateau of the others have the shape of a tail, and are none.
    """
    if weight.max() < PLATEAU * weight.mean():
        return -np.inf
    return pareto_k(np.log(weight[weight > 0]))
