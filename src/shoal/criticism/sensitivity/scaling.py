"""Power-scaling: how far a posterior moves when one of its factors is raised to a power near one.

Kallioinen, Paananen, Bürkner and Vehtari (2024), Statistics and Computing 34:57. The sensitivity of a
quantity is the cumulative Jensen-Shannon distance between its posteriors per doubling of the power, from
importance weights on the draws at hand. With log density l of the factor, F the distribution function of the
quantity X and ``G(x) = Cov(l, 1{X <= x})`` it tends to ``sqrt(ln 2 / 8 * int G^2 / F dx / int F dx)`` as the
powers go to one, or to the same of -X if that is larger.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence

import numpy as np
import xarray as xr

ALPHAS = (0.99, 1.01)  # powers between which the gradient is taken, as in the paper
AT_ONCE = 2**24  # numbers: draws of several quantities beside their weights
STILL = 10  # rounding errors of the largest value: draws that differ by no more are all the same
RARE = 2.0  # times its root mean square: what chance exceeds in 1 to 5% of quantities


def power_scaling(quantities: Sequence[np.ndarray], component: np.ndarray, group: str) -> np.ndarray:
    """Return the sensitivity of each quantity to scaling a component, by `arviz_stats.psense`.

    Parameters
    ----------
    quantities : sequence of (chain, draw) arrays
    component : (chain, draw) array
        The log density of a prior, of several together, or of all rows.
    group : {"prior", "likelihood"}

    Returns
    -------
    (Q,) array
        0 for a component that is the same at all draws, as a uniform prior is. NaN where chains stand still,
        so that the weights of their draws have no tail.
    """
    from arviz_stats import psense

    if not varied(component):
        return np.zeros(len(quantities))
    size, scaled = max(1, AT_ONCE // component.size), xr.Dataset({"l": (("chain", "draw"), component)})
    found = []
    for start in range(0, len(quantities), size):
        some = np.stack(quantities[start : start + size], axis=-1)
        posterior = xr.Dataset({"x": (("chain", "draw", "at"), some)})
        tree = xr.DataTree.from_dict({"posterior": posterior, f"log_{group}": scaled})
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            # Of few draws the smoothed tails are cut shorter, and it says so.
            warnings.filterwarnings("ignore", message="Number of tail draws", category=UserWarning)
            try:
                out = psense(tree, group=group, sample_dims=["chain", "draw"], alphas=ALPHAS)
            except ValueError:  # draws of a chain that stands still: its tail has no shape
                return np.full(len(quantities), np.nan)
        found.append(out["x"].values)
    return np.concatenate(found) if found else np.zeros(0)


def error(component: np.ndarray) -> float:
    """Return the Monte Carlo standard error of the mean of a log density, (chain, draw)."""
    from arviz_stats.base import array_stats

    if not varied(component):
        return 0.0
    effective = float(array_stats.ess(component, method="mean"))
    # Antithetic draws count for more than there are; not every mean profits as this one does.
    effective = min(effective, component.size) if effective >= 1 else 1.0
    return float(component.std()) / math.sqrt(effective)


def reach(quantity: np.ndarray, sd: float) -> float:
    """Return the largest sensitivity of a quantity to a component whose log density has sd `sd`.

    By the inequality of Cauchy and Schwarz ``G^2 <= sd^2 F (1 - F)``.
    """
    middle, low, high = float(quantity.mean()), float(quantity.min()), float(quantity.max())
    below, above = middle - low, high - middle  # the integrals of 1 - F and of F over the range of the draws
    return sd * math.sqrt(math.log(2) / 8 * max(below / above, above / below))


def noise(quantity: np.ndarray, error: float) -> float:
    """Return the sensitivity that chance alone rarely exceeds, where a component does not touch a quantity.

    G is then a mean of independent terms, of variance ``error^2 F (1 - F)``; see `reach` and `error`.
    """
    return RARE * reach(quantity, error)


def pull(quantity: np.ndarray, component: np.ndarray) -> tuple[float, float]:
    """Return what twice the weight of a component does to a mean, in posterior sds, and to an sd, relatively.

    To first order: the derivative of an expectation by the power is its covariance with the log density.
    """
    sd = float(quantity.std())
    z, own = (quantity - quantity.mean()) / sd, component - component.mean()
    return math.log(2) * float((z * own).mean()), math.log(2) / 2 * float((z**2 * own).mean())


def varied(values: np.ndarray) -> bool:
    """Return whether draws are finite and differ by more than rounding."""
    size = float(np.abs(values).max())
    return bool(np.isfinite(size) and np.ptp(values) > STILL * np.finfo(float).eps * size)
