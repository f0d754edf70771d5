"""Rows of a response cut into blocks, each with the draws that its rows depend on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import xarray as xr

from shoal.fit.new_levels import group_effects, latent_effects
from shoal.model.design import Design
from shoal.model.terms.all_terms import terms_of, variables_of
from shoal.model.terms.variable import OF_ROWS

BLOCK = 2**21  # numbers computed at a time: rows of a block times draws


def blocks(rows: int, each: int) -> Iterator[slice]:
    """Cut `rows` rows into blocks of at most `BLOCK` numbers, `each` of them a row."""
    # The size does not depend on the table, so that the random numbers of its first rows do not.
    size = max(1, BLOCK // each)
    for start in range(0, rows, size):
        yield slice(start, min(start + size, rows))


def spread(there: int, wanted: int) -> np.ndarray:
    """Return `wanted` positions out of `there`, evenly spread."""
    return np.linspace(0, there - 1, wanted).round().astype(int)


def shared_draws(design: Design, posterior: xr.Dataset) -> dict[str, np.ndarray]:
    """Return the draws that all rows share: coefficients, loadings, curves, the family's parameters."""
    variables = variables_of(terms_of((design,), {}), (design,))
    names = [*(v.name for v in variables if v.kind in OF_ROWS), *design.shared, *design.unknowns]
    return {name: posterior[name].values.astype(float) for name in names}


def part(
    whole: Design, fitted: Design, posterior: xr.Dataset, rows: slice | np.ndarray, seed: int | None = None
) -> tuple[Design, dict[str, np.ndarray]]:
    """Return the design of some rows, and draws of the effects of their levels alone.

    Parameters
    ----------
    whole : Design
        On the rows of some table; its levels begin with those of `fitted`.
    rows : slice or int array
    seed : int, optional
        Of the effects of new levels; without one they are zero.
    """
    effects = dict[str, np.ndarray]()
    parts = [
        _part(one, before, posterior, rows, seed, effects)
        for one, before in zip(whole.parts, fitted.parts, strict=True)
    ]
    return replace(parts[0], predictors=tuple(parts[1:])), effects


def _part(
    whole: Design,
    fitted: Design,
    posterior: xr.Dataset,
    rows: slice | np.ndarray,
    seed: int | None,
    effects: dict[str, np.ndarray],
) -> Design:
    """Return one linear predictor of `part`, and fill in draws of the effects of its levels."""
    groups, latents = [], []
    for group, before in zip(whole.groups, fitted.groups, strict=True):
        own = group.at(rows)
        levels, index = np.unique(own.index, return_inverse=True)
        effects[group.r] = group_effects(group, posterior, levels, len(before.labels), seed)
        groups.append(replace(own, index=index.reshape(own.index.shape)))
    for latent, old in zip(whole.latents, fitted.latents, strict=True):
        levels, index = np.unique(latent.index[rows], return_inverse=True)
        effects[f"latent_{latent.name}"] = latent_effects(latent, posterior, levels, len(old.labels), seed)
        latents.append(replace(latent, index=index))
    return replace(
        whole,
        rows=whole.rows.at(rows),
        offset=whole.offset[rows],
        x=whole.x[rows],
        groups=tuple(groups),
        latents=tuple(latents),
        curves=tuple(curve.at(rows) for curve in whole.curves),
        imputed=tuple(own.at(rows) for own in whole.imputed),
        missing=None if whole.missing is None else whole.missing[rows],
        thresholds=None if whole.thresholds is None else whole.thresholds.at(rows),
        residuals=whole.residuals.at(rows) if whole.residuals else None,
    )
