"""Grouping factors with the effects that all responses have on them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shoal.model import Specification
from shoal.model.design import Design, Group, Latent


@dataclass(frozen=True)
class Gathered:
    """One grouping factor with the effects that all responses have on it.

    Attributes
    ----------
    name : str
    levels : int
    groups : tuple of (Design, Group)
        Their effects stand one after the other, in this order.
    latents : tuple of str
        Latents on this factor; their effects stand after those of `groups`.
    loadings : tuple of (Design, Latent)
        Where the latents enter.
    root : array or None
        Cholesky factor of a known covariance between levels.
    """

    name: str
    levels: int
    groups: tuple[tuple[Design, Group], ...]
    latents: tuple[str, ...] = ()
    loadings: tuple[tuple[Design, Latent], ...] = ()
    root: np.ndarray | None = None

    @property
    def effects(self) -> int:
        """Effects of a level, latents included."""
        return sum(len(group.effects) for _, group in self.groups) + len(self.latents)

    @property
    def n_columns(self) -> int:
        """Columns of z, J."""
        return sum(len(group.effects) for _, group in self.groups) + len(self.loadings)

    def columns(self, design: Design, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return z (M, J) and the level (M,) of some rows of one response."""
        z = [
            group.z[rows] if owner is design else np.zeros((len(rows), len(group.effects)))
            for owner, group in self.groups
        ]
        z += [np.full((len(rows), 1), float(owner is design)) for owner, _ in self.loadings]
        members = [group.index for owner, group in self.groups if owner is design]
        members += [latent.index for owner, latent in self.loadings if owner is design]
        index = members[0][rows] if members else np.zeros(len(rows), np.int64)
        return np.concatenate(z, axis=1), index


def ordered(model: Specification) -> tuple[Gathered, ...]:
    """Return all grouping factors with the effects of all responses, in the order of the formulas."""
    return tuple(_by_factor(model).values())


def _by_factor(model: Specification) -> dict[tuple[str, str | None], Gathered]:
    found: dict[tuple[str, str | None], Gathered] = {}
    for design in model.designs:
        for group in design.groups:
            key = (group.name, group.cov if group.root is not None else None)
            old = found.get(key, Gathered(group.name, len(group.labels), (), root=group.root))
            found[key] = Gathered(old.name, old.levels, (*old.groups, (design, group)), root=old.root)
    for design in model.designs:
        for latent in design.latents:
            old = found.get((latent.factor, None), Gathered(latent.factor, len(latent.labels), ()))
            found[latent.factor, None] = Gathered(
                old.name,
                old.levels,
                old.groups,
                tuple(dict.fromkeys([*old.latents, latent.name])),
                (*old.loadings, (design, latent)),
            )
    return found
