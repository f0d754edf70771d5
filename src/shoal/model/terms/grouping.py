"""Grouping factors with the effects that all linear predictors have on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from shoal.model.design import Design, Group


@dataclass(frozen=True)
class Gathered:
    """One grouping factor with the effects that all linear predictors have on it.

    Attributes
    ----------
    name : str
    labels : (G,) array
        Its levels.
    groups : tuple of (Design, Group)
        Their effects stand one after the other, in this order.
    root : array or None
        Cholesky factor of a known covariance between levels.
    """

    name: str
    labels: np.ndarray
    groups: tuple[tuple[Design, Group], ...]
    root: np.ndarray | None = None

    @property
    def levels(self) -> int:
        """Number of levels."""
        return len(self.labels)

    @property
    def effects(self) -> int:
        """Effects of a level, K."""
        return sum(len(group.effects) for _, group in self.groups)

    def columns(self, design: Design, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return z (M, K) and the level (M,) of some rows of one response."""
        z = [
            group.z[rows] if owner is design else np.zeros((len(rows), len(group.effects)))
            for owner, group in self.groups
        ]
        index = next(group.index for owner, group in self.groups if owner is design)
        return np.concatenate(z, axis=1), index[rows]


def gathered(designs: Sequence[Design]) -> tuple[Gathered, ...]:
    """Return all grouping factors with the effects of all linear predictors, in the order of the formulas."""
    found: dict[tuple[str, str | None], Gathered] = {}
    for part in (part for design in designs for part in design.parts):
        for group in part.groups:
            key = (group.name, group.cov if group.root is not None else None)
            groups = found[key].groups if key in found else ()
            found[key] = Gathered(group.name, group.labels, (*groups, (part, group)), group.root)
    return tuple(found.values())
