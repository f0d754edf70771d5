"""Signs of latents: a latent and its loadings may change sign together without changing anything else."""

from __future__ import annotations

from typing import Any

import numpy as np

from shoal.model import Specification, is_foldable
from shoal.posterior.coordinates import Point
from shoal.posterior.structure import Structure


def folded(model: Specification, s: Structure, point: Point) -> Point:
    """Return draws with the first loading of each latent at or above zero.

    Parameters
    ----------
    point : Point
        With leading axes (chains, draws); its arrays are changed in place.

    Notes
    -----
    Draws keep their sign where a prior of a loading is not symmetric about zero: there the sign is part of
    the model.
    """
    for number, factor in enumerate(s.factors):
        for latent in range(factor.latents):
            where = [w for own, w in factor.loadings if own == latent]
            if all(is_foldable(model, s.names[w]) for w in where):
                _fold(point.values, point.r[number], where, len(factor.sd) + latent)
    return point


def loading_slots(s: Structure) -> list[int]:
    """Return the slots of loadings, at whose zero the density is stationary: no place to begin a search."""
    where = {w for factor in s.factors for _, w in factor.loadings}
    return sorted(w for w in where if w < s.n_theta)


def _fold(values: Any, r: Any, where: list[int], effect: int) -> None:
    sign = np.where(values[..., where[0]] < 0, -1.0, 1.0)
    for w in where:
        values[..., w] *= sign
    if r.shape[-1]:
        r[..., effect, :] *= sign[..., None]
