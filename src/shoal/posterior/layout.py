"""Where a model's effects live in its posterior: grouping factors gathered from all responses."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from shoal.model import Specification
from shoal.model.design import Design, Group, Latent

DENSE_IS_FASTER = 16  # multiplications of a dense product in the time of one gathered pair
ALWAYS_DENSE = 64  # levels


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
    dense : bool
        In the border: products with it are dense (see `gather`).
    """

    name: str
    levels: int
    groups: tuple[tuple[Design, Group], ...]
    latents: tuple[str, ...] = ()
    loadings: tuple[tuple[Design, Latent], ...] = ()
    root: np.ndarray | None = None
    dense: bool = True

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


def gather(model: Specification) -> tuple[Gathered | None, tuple[Gathered, ...]]:
    """Return the factor to eliminate level by level, and the others.

    The first is the one with most effects; its levels must be independent given the hyperparameters. Those
    with few meetings between their levels and its, for their size, come next: sums over pairs of meetings are
    faster than dense products there.
    """
    factors = list(_by_factor(model).values())
    free = [f for f in factors if f.root is None]
    if not free:
        return None, tuple(factors)
    main = max(free, key=_size)
    border = [replace(f, dense=_is_dense(main, f)) for f in factors if f is not main]
    return main, tuple([f for f in border if not f.dense] + [f for f in border if f.dense])


def _is_dense(main: Gathered, other: Gathered) -> bool:
    """Return True if a dense product over all levels costs less than one over the pairs that meet."""
    met = _meetings(main, other)
    if other.levels <= ALWAYS_DENSE or not met.size:
        return other.levels <= ALWAYS_DENSE
    return main.levels * other.levels**2 <= DENSE_IS_FASTER * int((met * (met + 1) // 2).sum())


def _meetings(main: Gathered, other: Gathered) -> np.ndarray:
    """Return with how many levels of `other` each level of `main` meets, (G,); empty if none can meet."""
    codes = [_codes(main, other, design) for design in _responses(main, other)]
    if not codes:
        return np.zeros(0, np.int64)
    return np.bincount(np.unique(np.concatenate(codes)) // other.levels)


def pairs(model: Specification) -> int:
    """Return how many pairs of levels the sparse elimination multiplies."""
    main, border = gather(model)
    sparse = [f for f in border if not f.dense]
    if main is None or not sparse:
        return 0
    met = np.zeros(main.levels)
    for factor in sparse:
        own = _meetings(main, factor) * factor.effects
        met[: len(own)] += own
    return int((met * (met + 1) / 2).sum())


def _responses(main: Gathered, other: Gathered) -> list[Design]:
    """Return the responses that have effects on both factors."""
    return [d for d in _members(main) if any(d is e for e in _members(other))]


def _members(factor: Gathered) -> list[Design]:
    designs: list[Design] = []
    for design, _ in (*factor.groups, *factor.loadings):
        if not any(design is d for d in designs):
            designs.append(design)
    return designs


def _codes(main: Gathered, other: Gathered, design: Design) -> np.ndarray:
    rows = np.arange(design.n_rows)
    return main.columns(design, rows)[1] * other.levels + other.columns(design, rows)[1]


def ordered(model: Specification) -> tuple[Gathered, ...]:
    """Return all factors, the main one first, as `Structure.factors` has them."""
    main, border = gather(model)
    return (*((main,) if main else ()), *border)


def _size(factor: Gathered) -> int:
    return factor.effects * factor.levels


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


def places(model: Specification) -> dict[str, tuple[int, slice]]:
    """Return, for each posterior variable of effects, its factor and where its effects stand in it."""
    out: dict[str, tuple[int, slice]] = {}
    for number, factor in enumerate(ordered(model)):
        at = 0
        for _, group in factor.groups:
            out[group.r] = (number, slice(at, at + len(group.effects)))
            at += len(group.effects)
        for latent in factor.latents:
            out[f"latent_{latent}"] = (number, slice(at, at + 1))
            at += 1
    return out
