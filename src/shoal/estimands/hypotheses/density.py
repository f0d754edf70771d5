"""The density of a quantity at a point, from its draws, with its error."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit

from shoal.engine import convergence

BEYOND = 10  # draws on the far side of a point, below which the density there is not estimated
WIDTH = 0.7  # of the kernel, in sds for one draw
QUARTILES = 1.349  # of a normal density, apart in sds
BARE = 3  # draws within a kernel, below which it tells nothing
FEWEST = 60  # draws within a kernel, below which no narrower one is looked at
APART = 3.0  # Monte Carlo errors by which estimates of two kernels differ
CONFIRMED = 2  # narrower kernels that agree with the one that is used
MOST = 200  # kernels
FARTHEST = 50.0  # in kernel sds


@dataclass(frozen=True)
class Density:
    """A density at a point.

    Attributes
    ----------
    log : float
    error : float
        Of the logarithm: that of finitely many draws, and of smoothing; 0 of one that is known, infinite
        where every narrower kernel finds another.
    """

    log: float
    error: float = 0.0


def density_at(draws: np.ndarray, point: float, support: str = "real") -> Density | None:
    """Return the density at a point, None where too few draws are near to tell.

    Parameters
    ----------
    draws : (chain, draw) array
    point : float
        Inside the support.
    support : {"real", "positive", "unit", "correlation"}
        Values that the quantity can have. The density is estimated where there are no bounds, of the
        logarithm or the log odds, and brought back: at a bound nothing is smoothed away.

    Notes
    -----
    With weights ``k = exp(-u^2 / (2 h^2))`` around the point, the density of draws so weighted is fitted by
    a normal one of their mean m and variance v, which makes that of the draws the exponential of a quadratic
    there: a local likelihood (Loader 1996, Annals of Statistics 24, 1602-1618; Hjort and Jones 1996, the same
    volume, 1619-1647), whose value at the point is, with s the mean weight,

    ``s / sqrt(2 pi v) exp(-m^2 / (2 v))``.

    It is exact for normal densities whatever the width h, and its bias elsewhere is of the order of h^4.
    Where the density has a heavy tail or a peak near the point, a width that suits all draws is too large:
    the widest one is taken with which all narrower ones agree within their Monte Carlo errors (Lepski 1991,
    Theory of Probability and its Applications 35, 454-466). The error of finitely many draws is that of s, m
    and v together, autocorrelations included (delta method); that of smoothing is how much a width
    ``sqrt(2) h`` would change.
    """
    u, log_slope = _free(draws, point, support)
    beyond = min(np.count_nonzero(u > 0), np.count_nonzero(u < 0))
    if beyond < BEYOND:
        return None
    h = _first_width(u)
    if _within(u, h) < BARE:
        return Density(math.nan, math.inf)
    found = [_local(u, math.sqrt(2) * h), _local(u, h)]
    while len(found) < MOST and _within(u, h / math.sqrt(2)) >= FEWEST:
        h /= math.sqrt(2)
        found.append(_local(u, h))
    i = next(i for i in range(1, len(found)) if all(_agree(found[i], other) for other in found[i + 1 :]))
    log, influence = found[i]
    if i > 1 and len(found) - 1 - i < CONFIRMED:
        return Density(log + log_slope, math.inf)
    return Density(log + log_slope, math.hypot(_error(influence), found[i - 1][0] - log))


def _first_width(u: np.ndarray) -> float:
    """Return the width that suits a normal density, or half the draws if these are nearer the point."""
    flat = u.ravel()
    with np.errstate(over="ignore", invalid="ignore"):
        sd = float(flat.std())
        quartiles = float(np.subtract(*np.quantile(flat, [0.75, 0.25]))) / QUARTILES
        half = float(np.quantile(np.abs(flat), 0.5))
    spreads = [spread for spread in (sd, quartiles) if spread > 0 and math.isfinite(spread)]
    effective = float(convergence.ess_bulk(u[None])[0])
    h = WIDTH * min(spreads, default=half) * effective ** (-1 / 9)
    return min(h, half) or h


def _within(u: np.ndarray, h: float) -> float:
    """Return how many draws a kernel counts."""
    with np.errstate(over="ignore"):
        return float(np.exp(-0.5 * (u / h) ** 2).sum()) if h > 0 else 0.0


def _agree(one: tuple[float, np.ndarray], other: tuple[float, np.ndarray]) -> bool:
    return abs(one[0] - other[0]) <= APART * _error(one[1] - other[1])


def _error(influence: np.ndarray) -> float:
    return float(convergence.mcse_mean(influence[None])[0])


def _free(draws: np.ndarray, point: float, support: str) -> tuple[np.ndarray, float]:
    """Return draws less the point where there are no bounds, and the log derivative of that in the point."""
    if support == "positive":
        tiny = np.finfo(float).tiny
        return np.log(np.maximum(draws, tiny)) - math.log(point), -math.log(point)
    if support in ("unit", "correlation"):
        low, width = (0.0, 1.0) if support == "unit" else (-1.0, 2.0)
        at, least = (point - low) / width, np.finfo(float).eps
        share = np.clip((draws - low) / width, least, 1 - least)
        return logit(share) - logit(at), -math.log(expit(logit(at)) * (1 - at) * width)
    return draws - point, 0.0


def _local(u: np.ndarray, h: float) -> tuple[float, np.ndarray]:
    """Return the log density at 0 by a kernel of sd h, and what each draw adds to its error."""
    with np.errstate(over="ignore"):
        z = np.clip(u / h, -FARTHEST, FARTHEST)  # where a kernel has no weight
    k = np.exp(-0.5 * z * z)
    each = np.stack([k, k * z, k * z * z])
    s, first, second = each.mean(axis=(1, 2))
    m, v = first / s, second / s - (first / s) ** 2
    log = math.log(s / h) - 0.5 * math.log(2 * math.pi * v) - m * m / (2 * v)
    of_m, of_v = -m / v, 0.5 * (m * m / v - 1) / v
    # Derivatives in the three means, with dm = (-m, 1, 0) / s and dv = (m^2 - v, -2 m, 1) / s.
    slope = np.array([1 - of_m * m + of_v * (m * m - v), of_m - 2 * m * of_v, of_v]) / s
    return log, np.tensordot(slope, each, 1)
