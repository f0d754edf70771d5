"""Which effects belong together: the levels of a factor, and what stands for their mean in the population."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from shoal.engine.kinds import Floats, Ints, UInt32s


class Levels(NamedTuple):
    """Effects of levels, ``r = root x`` for each level, factor after factor.

    Kinds of effects (an intercept, a slope) are numbered over all factors.

    Attributes
    ----------
    start : (factors + 1,) int array
        Where the effects of each factor begin in `effect`.
    effect : (...) int array
        Places in x, level after level.
    first : (factors + 1,) int array
        The first kind of each factor.
    root_start, root : (factors + 1,), (...) int arrays
        Places in h of each factor's lower-triangular (K, K) root, row after row.
    summed : (kinds,) int array
        1 for effects that sum to zero.
    constant, own_start, own_column, own_weight : (kinds,), (kinds + 1,), (...), (...) arrays
        The population's part of each kind of effect in centered coordinates, ``constant + weight'v[column]``.
    move_start, move_effect, move_weight, move_place : (kinds + 1,), (...), (...), (...) arrays
        What a change of each kind by one, at all levels, takes off the population's effects in x: the weight
        by the number in h at that place.
    """

    start: Ints
    effect: UInt32s
    first: Ints
    root_start: Ints
    root: Ints
    summed: Ints
    constant: Floats
    own_start: Ints
    own_column: Ints
    own_weight: Floats
    move_start: Ints
    move_effect: Ints
    move_weight: Floats
    move_place: Ints


class Part(NamedTuple):
    """The population's part of one kind of effect: see `Levels` (an empty array where there is none)."""

    constant: float
    column: np.ndarray
    weight: np.ndarray


class Move(NamedTuple):
    """What one kind of effect moves in the population: see `Levels`."""

    effect: np.ndarray
    weight: np.ndarray
    place: np.ndarray


class LevelEffects(NamedTuple):
    """The effects of one factor; x (levels, K) and root (K, K) are places in x and in h."""

    x: np.ndarray
    root: np.ndarray
    summed: np.ndarray
    own: Sequence[Part]
    moves: Sequence[Move]


NO_PART = Part(0.0, np.zeros(0, np.int64), np.zeros(0))
NO_MOVE = Move(np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.int64))


def gather_levels(factors: Sequence[LevelEffects], order: np.ndarray) -> Levels:
    """Return the record of all factors; `order` holds the new places of effects."""
    own = [part for factor in factors for part in factor.own]
    moves = [move for factor in factors for move in factor.moves]
    return Levels(
        start=starts([factor.x.size for factor in factors]),
        effect=order[joined([factor.x.ravel() for factor in factors], np.int64)].astype(np.uint32),
        first=starts([factor.x.shape[1] for factor in factors]),
        root_start=starts([factor.root.size for factor in factors]),
        root=joined([factor.root.ravel() for factor in factors], np.int64),
        summed=joined([factor.summed for factor in factors], np.int64),
        constant=np.array([part.constant for part in own], float),
        own_start=starts([len(part.column) for part in own]),
        own_column=joined([part.column for part in own], np.int64),
        own_weight=joined([part.weight for part in own], float),
        move_start=starts([len(move.effect) for move in moves]),
        move_effect=order[joined([move.effect for move in moves], np.int64)].astype(np.int64),
        move_weight=joined([move.weight for move in moves], float),
        move_place=joined([move.place for move in moves], np.int64),
    )


def starts(counts: Sequence[int]) -> np.ndarray:
    """Return where parts of these lengths begin, and where the last ends."""
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def joined(parts: Sequence[np.ndarray], kind: type) -> np.ndarray:
    """Return the parts one after the other; an empty array of that kind where there are none."""
    return np.concatenate([np.zeros(0, kind), *parts]).astype(kind)
