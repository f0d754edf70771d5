"""Standard deviations and the effects they scale: known for Shoal's models, recognised in other draws.

In any program's draws a standard deviation ``s`` of effects ``v`` gives itself away. Where the effects are
sampled as they are (centered), the spread of v over its levels follows s from draw to draw; where they are
sampled in units of s (non-centered), the spread of the units falls as s rises, because the data hold their
product.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from shoal.fit.results import Results
from shoal.model import ResolvedPrior
from shoal.model.terms.group_effects import GroupEffects
from shoal.model.terms.group_parameters import moved, sd_names
from shoal.model.terms.term import Term
from shoal.priors import Fixed

MANY = 40  # scalars of a variable beyond which it holds effects, not standard deviations
PRIOR_DRAWS = 4000
LOOKED_AT = 250  # draws of each chain, enough to see what goes with what
FOLLOWS = 0.5  # correlation of logarithms that shows by itself that v follows s
FITS = 0.15  # correlation that does so together with a spread about as large as s


@dataclass(frozen=True)
class Scale:
    """A standard deviation.

    Attributes
    ----------
    name : str
    draws : (chains, draws) array
    effects : str
        The variable it scales; empty if unknown, or if it is that of the residuals.
    over : str
        What the levels of the effects are, such as "school".
    levels : int
        Number of levels; 0 if unknown.
    values : (chains, draws, levels) array or None
        The effects, if they were kept.
    along : float
        Correlation, within chains, of the logarithms of the standard deviation and of the spread of the
        effects; below zero for effects in units of the standard deviation (non-centered). 0 where it was
        not looked at.
    prior : (S,) array or None
        Draws from its prior.
    stated : str
        The prior in words.
    """

    name: str
    draws: np.ndarray
    effects: str = ""
    over: str = ""
    levels: int = 0
    values: np.ndarray | None = None
    along: float = 0.0
    prior: np.ndarray | None = None
    stated: str = "its prior"

    @property
    def units(self) -> bool:
        """Whether the effects are in units of the standard deviation."""
        return self.along < 0


def scales_of_model(results: Results) -> tuple[Scale, ...]:
    """Return the standard deviations of a fit of Shoal: of every group effect, and of the residuals.

    Those that are known are left out. An sd whose prior speaks of average columns is that of effects there.
    """
    posterior, model = results.posterior, results.model
    scales = [scale for term in model.terms for scale in _of_term(term, posterior)]
    residuals = [d.prefix + "sigma" for d in model.designs if "sigma" in d.scalars]
    scales += [Scale(name, posterior[name].values) for name in residuals]
    unknown = [scale for scale in scales if not isinstance(model.priors[scale.name].prior, Fixed)]
    rng = np.random.default_rng(0)
    return tuple(_with_prior(scale, model.priors[scale.name], rng) for scale in unknown)


def _of_term(term: Term, posterior: xr.Dataset) -> Iterator[Scale]:
    if not isinstance(term, GroupEffects):
        return
    for _, group in term.factor.groups:
        kept = [name for name in (group.sd, group.cor, group.r) if name in posterior]
        draws = {name: posterior[name].values for name in kept}
        draws |= moved(group, term.to_average(group), draws)
        for k, name in enumerate(sd_names(group)):
            values = draws[group.r][..., k] if group.r in draws else None
            yield Scale(name, draws[group.sd][..., k], group.r, group.name, len(group.labels), values)


def _with_prior(scale: Scale, given: ResolvedPrior, rng: np.random.Generator) -> Scale:
    stated = f"{given.prior} at average columns" if given.centered else str(given.prior)
    return replace(scale, prior=given.prior.draw(rng, PRIOR_DRAWS), stated=stated)


def scales_of_draws(posterior: xr.Dataset, prior: xr.Dataset) -> tuple[Scale, ...]:
    """Return the positive parameters of another program's draws, with the effects that each scales."""
    candidates = [n for n, v in posterior.data_vars.items() if _holds_scales(v)]
    found = []
    for name in candidates:
        array = posterior[name]
        flat = array.values.reshape(*array.shape[:2], -1)
        known = _prior_of(name, posterior, prior)
        for k in range(flat.shape[-1]):
            label = str(array[array.dims[2]].values[k]) if array.ndim > 2 else ""
            found.append(
                _matched(
                    f"{name}[{label}]" if label else str(name),
                    flat[..., k].astype(float),
                    None if known is None else known[:, k].astype(float),
                    _effects_beside(posterior, name, k),
                )
            )
    return tuple(found)


def _holds_scales(array: xr.DataArray) -> bool:
    """Return whether a variable is a few positive numbers that vary."""
    values = array.values
    few = array.ndim <= 3 and values.dtype.kind == "f" and values[0, 0].size <= MANY
    return bool(
        few and values.size and (values > 0).all() and np.isfinite(values).all() and np.ptp(values) > 0
    )


def _prior_of(name: Hashable, posterior: xr.Dataset, prior: xr.Dataset) -> np.ndarray | None:
    """Return draws (S, K) of a variable of K entries from its prior, if they were kept."""
    if name not in prior or prior[name].shape[2:] != posterior[name].shape[2:]:
        return None
    return prior[name].values.reshape(-1, posterior[name][0, 0].size)


def _effects_beside(posterior: xr.Dataset, name: Hashable, k: int) -> Iterator[tuple[str, xr.DataArray]]:
    """Return what entry `k` of a scale may scale: variables of two and more levels, by name.

    A vector of standard deviations scales tables that share its dimension, entry by entry; a single one
    scales vectors and whole tables.
    """
    own = posterior[name].dims[2:]
    for other, array in posterior.data_vars.items():
        if other == name or array.dtype.kind != "f" or array.ndim < 3:
            continue
        axis = _shared(posterior[name], array) if own else None
        if own and axis is None:
            continue
        part = array if axis is None else array.isel({axis: k})
        if part[0, 0].size > 1:
            yield str(other), part


def _shared(vector: xr.DataArray, table: xr.DataArray) -> Hashable | None:
    """Return the dimension a table shares with a vector: by name, or by length where it is but numbered."""
    own = vector.dims[2]
    if table.ndim < 4:
        return None
    if own in table.dims:
        return own
    alike = [dim for dim in table.dims[2:] if table.sizes[dim] == vector.sizes[own]]
    return alike[-1] if alike and str(own).endswith("_dim_0") else None


def _matched(
    name: str, draws: np.ndarray, prior: np.ndarray | None, beside: Iterator[tuple[str, xr.DataArray]]
) -> Scale:
    """Return a scale with the effects that follow it best, or with none; the smaller ones if as good."""
    best = Scale(name, draws, prior=prior)
    every = max(1, draws.shape[1] // LOOKED_AT)
    own = draws[:, ::every]
    for effects, part in beside:
        spread = _spread(part.values[:, ::every])
        if not np.isfinite(spread).all() or (spread <= 0).any() or np.ptp(spread) < 1e-6 * spread.max():
            continue
        along, levels = _correlation(np.log(own), np.log(spread)), int(part[0, 0].size)
        alike = 1 / 3 < np.median(spread / own) < 3
        if not (abs(along) > FOLLOWS or (along > FITS and alike)):
            continue
        better = abs(along) > abs(best.along) + 0.05
        as_good = abs(along) > abs(best.along) - 0.05 and levels < best.levels
        if better or as_good:
            values = part.values.reshape(*draws.shape, levels)
            over = " × ".join(map(str, part.dims[2:]))
            best = Scale(name, draws, effects, over, levels, values, along, prior)
    return best


def _spread(values: np.ndarray) -> np.ndarray:
    """Return the standard deviation over all levels of (chains, draws, ...) values."""
    return np.asarray(values.reshape(*values.shape[:2], -1).std(-1, dtype=float))


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Return the correlation of two (chains, draws) quantities within chains, whose means may differ."""
    a, b = a - a.mean(1, keepdims=True), b - b.mean(1, keepdims=True)
    size = float(np.sqrt((a**2).sum() * (b**2).sum()))
    return float((a * b).sum()) / size if size > 0 else 0.0
