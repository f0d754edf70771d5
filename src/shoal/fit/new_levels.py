"""Draws of the effects of some levels: those that were fitted, and new ones from the population."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import numpy as np
import xarray as xr

from shoal.fit.results import not_kept
from shoal.model.design import Group, Latent


def group_effects(
    group: Group, posterior: xr.Dataset, levels: np.ndarray, fitted: int, seed: int | None
) -> np.ndarray:
    """Return draws of the effects of some levels, (chain, draw, U, K).

    Parameters
    ----------
    group : Group
        With labels of all levels, the fitted ones first.
    posterior : Dataset
        Draws of ``r_<group>``, ``sd_<group>`` and so on.
    levels : (U,) int array
        Level numbers.
    fitted : int
        Number of fitted levels.
    seed : int or None
        None sets the effects of new levels to zero. Otherwise each new level has one draw from the population
        per posterior draw, given that draw's standard deviations and correlations; it depends on the seed and
        on the level's label, not on the table.

    Raises
    ------
    ModelError
        If draws of the effects were not kept.
    """
    out = _kept(group.r, posterior, levels, fitted, (len(group.effects),))
    if seed is not None and (levels >= fitted).any():
        new = levels >= fitted
        if group.root is None:
            drawn = _independent(group, posterior, levels[new], seed)
        else:
            drawn = _given_fitted(group, posterior, fitted, seed)[:, :, levels[new] - fitted]
        out[:, :, new] = drawn
    return out


def _independent(group: Group, posterior: xr.Dataset, levels: np.ndarray, seed: int) -> np.ndarray:
    """Return effects of some levels from the population, (chain, draw, U, K), each by its own numbers."""
    root = square_root(group, posterior)
    each = (_generator(seed, group.r, group.labels[level]) for level in levels)
    return np.stack([from_population(group, posterior, root, rng) for rng in each], axis=2)


def _given_fitted(group: Group, posterior: xr.Dataset, fitted: int, seed: int) -> np.ndarray:
    """Return effects of all new levels given those of the fitted ones, (chain, draw, new, K).

    Effects are ``r = L u``, L the Cholesky factor of the known covariance of all levels, those fitted first,
    and the rows of u independent: ``r_new = L_nf L_ff^-1 r_f + L_nn u_n``, which is the conditional
    distribution (kriging). What a level is does not depend on those named after it.
    """
    root = group.root
    assert root is not None
    fitted_effects = _kept(group.r, posterior, np.arange(fitted), fitted, (len(group.effects),))
    behind = np.linalg.solve(root[:fitted, :fitted], fitted_effects)
    own = _independent(group, posterior, np.arange(fitted, len(group.labels)), seed)
    return root[fitted:, :fitted] @ behind + root[fitted:, fitted:] @ own


def latent_effects(
    latent: Latent, posterior: xr.Dataset, levels: np.ndarray, fitted: int, seed: int | None
) -> np.ndarray:
    """Return draws of a latent at some levels, (chain, draw, U); arguments as those of `group_effects`.

    A new level's value is standard normal, the same in every response that shares the latent.
    """
    name = f"latent_{latent.name}"
    out = _kept(name, posterior, levels, fitted, ())
    if seed is not None:
        for place in np.flatnonzero(levels >= fitted):
            out[:, :, place] = _generator(seed, name, latent.labels[levels[place]]).normal(size=out.shape[:2])
    return out


def _kept(
    name: str, posterior: xr.Dataset, levels: np.ndarray, fitted: int, effects: tuple[int, ...]
) -> np.ndarray:
    """Return the draws of fitted levels, zeros for new ones."""
    old = levels < fitted
    out = np.zeros((posterior.sizes["chain"], posterior.sizes["draw"], len(levels), *effects))
    if old.any():
        if name not in posterior:
            raise not_kept(name)
        out[:, :, old] = posterior[name][:, :, levels[old]].values
    return out


def square_root(group: Group, posterior: xr.Dataset) -> np.ndarray:
    """Return a square root of the effects' covariance for each draw, (chain, draw, K, K).

    Block by block: effects of different blocks do not share a column.
    """
    sd = posterior[group.sd].values.astype(float)
    if group.cor not in posterior:
        return sd[..., None] * np.eye(len(group.effects))
    correlation = posterior[group.cor].values.astype(float)
    root = np.zeros(correlation.shape)
    for block in map(list, group.blocks):
        # By eigenvalues: a Cholesky factor fails where rounding puts a correlation on the edge.
        values, vectors = np.linalg.eigh(correlation[..., block, :][..., block])
        root[..., np.array(block)[:, None], block] = vectors * np.sqrt(np.maximum(values, 0.0))[..., None, :]
    return sd[..., None] * root


def from_population(
    group: Group, posterior: xr.Dataset, root: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Return one level's effects from the population whose `square_root` is given, (chain, draw, K)."""
    r = np.einsum("...ij,...j->...i", root, rng.normal(size=root.shape[:-1]))
    if group.student:
        nu = posterior[group.nu].values.astype(float)
        for block in group.blocks:  # effects of a block share their stretch: a multivariate t
            r[..., list(block)] *= np.sqrt(nu / rng.chisquare(nu))[..., None]
    return r


def _generator(seed: int, variable: str, label: Any) -> np.random.Generator:
    """Return the random numbers of one level, whatever other levels there are."""
    key = blake2b(f"{variable}\0{label}".encode(), digest_size=16).digest()
    return np.random.default_rng([seed, int.from_bytes(key, "little")])
