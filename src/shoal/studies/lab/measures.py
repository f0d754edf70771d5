"""Figures of a run: effective sizes, R-hat, and distances from another run of the same posterior."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr

from shoal.api import Fit
from shoal.engine.checks import screen

AXES = {"chain_axis": 1, "draw_axis": 2}
SMALLEST = np.finfo(float).tiny  # below it a standard deviation has no logarithm


class Chosen(NamedTuple):
    """Scalars of one posterior variable.

    Attributes
    ----------
    variable : str
    positions : (V,) int array
        Of the scalars among all of the variable's, flattened.
    names : list of str
        Such as ``r_district[7, Intercept]``.
    """

    variable: str
    positions: np.ndarray
    names: list[str]


class Worst(NamedTuple):
    """The worst figure and the quantity it belongs to."""

    value: float
    of: str


class Quality(NamedTuple):
    """How well a run has sampled; R-hat is NaN for one chain."""

    bulk: Worst
    tail: Worst
    rhat: Worst


def posterior(fit: Fit) -> xr.Dataset:
    """Return the posterior draws of a fit."""
    return fit.results.posterior


def statistics(fit: Fit) -> xr.Dataset:
    """Return the sampler's statistics of a fit."""
    return fit.tree["sample_stats"].to_dataset()


def examined(fit: Fit) -> list[Chosen]:
    """Return the varying quantities of a fit: all hyperparameters, and the effects that look worst."""
    effects = set(fit.model.specification.group_effects)
    out = []
    for variable, array in posterior(fit).data_vars.items():
        flat = _flat(array)
        chosen = screen(flat) if variable in effects else np.arange(len(flat))
        chosen = chosen[np.ptp(flat[chosen], axis=(1, 2)) > 0]
        out.append(Chosen(str(variable), chosen, [_name(array, int(i)) for i in chosen]))
    return [chosen for chosen in out if len(chosen.names)]


def quality(fit: Fit) -> Quality:
    """Return the worst bulk and tail effective sizes and R-hat (Vehtari et al. 2021), by arviz-stats.

    A quantity of which none can be computed, such as one with infinite draws, counts as the worst.
    """
    from arviz_stats.base import array_stats

    chosen = examined(fit)
    if not chosen:
        nothing = Worst(float("nan"), "")
        return Quality(nothing, nothing, nothing)
    names, values = [n for c in chosen for n in c.names], draws(fit, chosen)
    bulk = np.nan_to_num(array_stats.ess(values, method="bulk", **AXES), nan=0.0)
    tail = np.nan_to_num(array_stats.ess(values, method="tail", prob=0.9, **AXES), nan=0.0)
    return Quality(_least(bulk, names), _least(tail, names), _rhat(values, names))


def _least(sizes: np.ndarray, names: list[str]) -> Worst:
    return Worst(float(sizes.min()), names[int(sizes.argmin())])


def _rhat(values: np.ndarray, names: list[str]) -> Worst:
    from arviz_stats.base import array_stats

    if values.shape[1] == 1:
        return Worst(float("nan"), "")
    rhat = np.nan_to_num(array_stats.rhat(values, **AXES), nan=np.inf)
    return Worst(float(rhat.max()), names[int(rhat.argmax())])


def distance(fit: Fit, reference: Fit) -> tuple[Worst, int]:
    """Return the largest difference of two runs in Monte Carlo standard errors, and of how many it is that.

    Compared are the means of what is examined in `fit`, and mean and sd of the logarithms of the standard
    deviations between levels, where a run that does not enter the neck of a funnel shows it first. The
    standard error of a difference is that of two independent runs.
    """
    chosen = examined(fit)
    if not chosen:
        return Worst(float("nan"), ""), 0
    names = [name for c in chosen for name in c.names]
    pair = draws(fit, chosen), draws(reference, chosen)
    scores = [_scores(*pair, "mean")]
    where = np.flatnonzero(
        np.repeat([c.variable in _sds(fit) for c in chosen], [len(c.names) for c in chosen])
    )
    if where.size:
        logs = _logs(pair[0][where]), _logs(pair[1][where])
        for method in ("mean", "sd"):
            scores.append(_scores(*logs, method))
            names += [f"{method} of log {names[i]}" for i in where]
    sizes = np.abs(np.concatenate(scores))
    return Worst(float(sizes.max()), names[int(sizes.argmax())]), len(sizes)


def _logs(sds: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(sds, SMALLEST))


def _scores(one: np.ndarray, other: np.ndarray, method: str) -> np.ndarray:
    """Return differences of means or sds in standard errors; infinite where one cannot be computed."""
    from arviz_stats.base import array_stats

    estimates = [v.mean((1, 2)) if method == "mean" else v.std((1, 2)) for v in (one, other)]
    errors = [array_stats.mcse(v, method=method, **AXES) for v in (one, other)]
    with np.errstate(invalid="ignore", divide="ignore"):
        scores = (estimates[0] - estimates[1]) / np.hypot(*errors)
    return np.nan_to_num(scores, nan=np.inf)


def _sds(fit: Fit) -> set[str]:
    return {group.sd for group in fit.model.specification.groups}


def draws(fit: Fit, chosen: list[Chosen]) -> np.ndarray:
    """Return draws of the chosen quantities, (V, chains, draws)."""
    data = posterior(fit)
    return np.concatenate([_flat(data[c.variable])[c.positions].astype(float) for c in chosen])


def _flat(array: xr.DataArray) -> np.ndarray:
    """Return the scalars of a variable as (V, chains, draws)."""
    return np.moveaxis(array.values.reshape(*array.shape[:2], -1), -1, 0)


def _name(array: xr.DataArray, position: int) -> str:
    dims, shape = array.dims[2:], array.shape[2:]
    where = zip(dims, np.unravel_index(position, shape), strict=True)
    labels = ", ".join(str(array[dim].values[i]) for dim, i in where)
    return f"{array.name}[{labels}]" if labels else str(array.name)
