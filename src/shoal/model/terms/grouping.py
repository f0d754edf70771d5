"""Grouping factors with the effects that all linear predictors have on them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
    members : tuple of (Design, Group)
        Where effects enter.
    root : array or None
        Cholesky factor of a known covariance between levels.
    """

    name: str
    labels: np.ndarray
    members: tuple[tuple[Design, Group], ...]
    root: np.ndarray | None = None

    @property
    def groups(self) -> tuple[tuple[Design, Group], ...]:
        """Each set of effects once, with the first predictor that it enters; they stand in this order."""
        return tuple({group.r: (part, group) for part, group in reversed(self.members)}.values())[::-1]

    def of(self, group: Group) -> Iterator[tuple[Design, Group]]:
        """Yield the linear predictors that a set of effects enters, with the set as each holds it."""
        yield from ((part, own) for part, own in self.members if own.r == group.r)

    @property
    def levels(self) -> int:
        """Number of levels."""
        return len(self.labels)

    @property
    def effects(self) -> int:
        """Effects of a level, K."""
        return sum(len(group.effects) for _, group in self.groups)

    def columns(self, design: Design, rows: np.ndarray) -> np.ndarray:
        """Return z (M, K) of some rows of one response."""
        own = {group.r: group for owner, group in self.members if owner is design}
        z = [np.zeros((len(rows), 0))]
        z += [
            own[group.r].z[rows] if group.r in own else np.zeros((len(rows), len(group.effects)))
            for _, group in self.groups
        ]
        return np.concatenate(z, axis=1)

    def entries(self, design: Design, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return `Group.entries` of some rows of one response, numbered as they are given."""
        return next(group for owner, group in self.members if owner is design).at(rows).entries


def gathered(designs: Sequence[Design]) -> tuple[Gathered, ...]:
    """Return all grouping factors with the effects of all linear predictors, in the order of the formulas."""
    found: dict[tuple[str, str | None], Gathered] = {}
    for part in (part for design in designs for part in design.parts):
        for group in part.groups:
            key = (group.name, group.cov if group.root is not None else None)
            members = found[key].members if key in found else ()
            found[key] = Gathered(group.name, group.labels, (*members, (part, group)), group.root)
    return tuple(found.values())
