"""All effects that the levels of a grouping factor have: those of group terms, then those of latents."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shoal.model import Specification
from shoal.model.design import Design, Group, Latent
from shoal.model.terms.grouping import Gathered, gathered


@dataclass(frozen=True)
class Factor(Gathered):
    """One grouping factor with all effects on it, which are left out together with a level.

    Attributes
    ----------
    latents : tuple of str
        Latents on this factor; their effects stand after those of `groups`.
    loadings : tuple of (Design, Latent)
        Where the latents enter.
    """

    latents: tuple[str, ...] = ()
    loadings: tuple[tuple[Design, Latent], ...] = ()

    @property
    def effects(self) -> int:
        """Effects of a level, K."""
        return super().effects + len(self.latents)

    @property
    def n_columns(self) -> int:
        """Columns of z, J: one for each effect of a group, and one for each loading."""
        return super().effects + len(self.loadings)

    def columns(self, design: Design, rows: np.ndarray) -> np.ndarray:
        """Return z (M, J) of some rows of one response."""
        loaded = np.array([owner is design for owner, _ in self.loadings], float)
        z = super().columns(design, rows)
        return np.concatenate([z, np.broadcast_to(loaded, (len(rows), len(loaded)))], axis=1)

    @property
    def owners(self) -> tuple[Design, ...]:
        """The linear predictors that effects enter."""
        return tuple({id(design): design for design, _ in (*self.members, *self.loadings)}.values())

    @property
    def several(self) -> bool:
        """Whether a row belongs to several levels."""
        return any(group.weight is not None for _, group in self.members)

    def belonging(self, design: Design) -> tuple[np.ndarray, np.ndarray]:
        """Return the levels of each row of one response and their weights, (N, M) each."""
        parts: tuple[tuple[Design, Group | Latent], ...] = (*self.members, *self.loadings)
        own = next(part for owner, part in parts if owner is design)
        if isinstance(own, Group) and own.weight is not None:
            return own.index, own.weight
        return own.index[:, None], np.ones((design.n_rows, 1))


def factors_of(model: Specification) -> tuple[Factor, ...]:
    """Return all grouping factors with all effects on them, in the order of the formulas."""
    found: dict[tuple[str, int], Factor] = {}
    for number, own in enumerate(gathered(model.designs)):
        key = (own.name, 0 if own.root is None else 1 + number)  # latents join effects of independent levels
        found[key] = Factor(own.name, own.labels, own.members, own.root)
    for design in model.parts:
        for latent in design.latents:
            old = found.get((latent.factor, 0), Factor(latent.factor, latent.labels, ()))
            latents = tuple(dict.fromkeys([*old.latents, latent.name]))
            loadings = (*old.loadings, (design, latent))
            found[latent.factor, 0] = Factor(old.name, old.labels, old.members, None, latents, loadings)
    return tuple(found.values())
