"""What the effects that are integrated look like at each draw."""

from __future__ import annotations

import numpy as np
import xarray as xr

from shoal.fit.new_levels import square_root
from shoal.scores.loo.factors import Factor


def student_sets(factor: Factor) -> tuple[tuple[int, ...], ...]:
    """Return the sets of effects that are multivariate Student-t, numbered over all groups of the factor."""
    sets, at = [], 0
    for _, group in factor.groups:
        if group.student:
            sets += [tuple(at + k for k in block) for block in group.blocks]
        at += len(group.effects)
    return tuple(sets)


def freedom(factor: Factor, posterior: xr.Dataset) -> np.ndarray:
    """Return the degrees of freedom of each of these sets, (S, sets)."""
    size = posterior.sizes["chain"] * posterior.sizes["draw"]
    columns = [
        posterior[group.nu].values.astype(float).ravel()
        for _, group in factor.groups
        if group.student
        for _ in group.blocks
    ]
    return np.stack(columns, axis=1) if columns else np.zeros((size, 0))


def loaded(factor: Factor, posterior: xr.Dataset) -> np.ndarray:
    """Return Λ at each draw, (S, J, K): roots of the groups' covariances, then the loadings of latents."""
    size = posterior.sizes["chain"] * posterior.sizes["draw"]
    ordinary = sum(len(group.effects) for _, group in factor.groups)
    lam = np.zeros((size, ordinary + len(factor.loadings), factor.effects))
    at = 0
    for _, group in factor.groups:
        end = at + len(group.effects)
        lam[:, at:end, at:end] = square_root(group, posterior).reshape(size, end - at, end - at)
        at = end
    for j, (_, latent) in enumerate(factor.loadings):
        column = ordinary + factor.latents.index(latent.name)
        lam[:, ordinary + j, column] = posterior[latent.loading].values.astype(float).ravel()
    return lam
