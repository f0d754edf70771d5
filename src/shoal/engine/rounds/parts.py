"""Units taken apart: levels with the very same rows as one, and parts that are held by different workers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from shoal.engine import one_sided
from shoal.engine.problem import Problem
from shoal.engine.rounds.units import Components, Terms, Units, components, terms_of, units_of, within
from shoal.families.row_functions import RowFunction, row_list

PARTS = 32  # of the rows: draws are the same wherever, and by however many workers, these are held
UNITS_EACH = ("effects", "levels", "number")
# Arrays with numbers of segments and of lines, by the array that says where these begin.
OF_SEGMENTS = {
    "row": ("trials", "weight", "se"),
    "line": ("offset",),
    "y_at": ("y",),
    "interval_at": ("interval",),
}
OF_LINES = {
    "base_start": ("base_place", "base_value"),
    "term_start": ("term_slot", "term_place", "term_value"),
}


class Extent(NamedTuple):
    """What must be known of a part where it is not held.

    Attributes
    ----------
    lines : int
        Linear predictors.
    widest : int
        Effects of the largest unit.
    places : (...) int array
        Places in x of the effects that it draws, level after level.
    """

    lines: int
    widest: int
    places: np.ndarray

    @property
    def nbytes(self) -> int:
        """Bytes that are sent."""
        return 16 + self.places.nbytes


@dataclass(frozen=True)
class Part:
    """Some of the units, as they are sent and kept: all that a holder of rows must know.

    Attributes
    ----------
    number : int
    units : Units
        Without functions.
    functions : tuple of RowFunction
    places : (...) int array
        As `Extent` has them.
    constant : float
        Of the log density of its rows, beside what the problem has.
    """

    number: int
    units: Units
    functions: tuple[RowFunction, ...]
    places: np.ndarray
    constant: float = 0.0

    def open(self) -> Units:
        """Return the units with their functions compiled."""
        return self.units._replace(functions=row_list(self.functions))

    @property
    def extent(self) -> Extent:
        """How large it is, and what it draws."""
        return Extent(len(self.units.offset), int(self.units.effects.max(initial=0)), self.places)


class ByUnit:
    """A problem sorted by unit; each step is made when it is first asked for, by a plan or a run, and once.

    Parameters
    ----------
    given : Problem

    Attributes
    ----------
    coefficients : (K,) int array
        Population coefficients that are effects there, places in x: here they are coordinates of theta.
    """

    def __init__(self, given: Problem) -> None:
        self.given, self.coefficients = given, one_sided.coefficients(given)

    @cached_property
    def problem(self) -> Problem:
        """The same density with all coefficients among the coordinates of theta."""
        return one_sided.moved(self.given, self.coefficients) if len(self.coefficients) else self.given

    @cached_property
    def terms(self) -> Terms:
        """What effects enter."""
        return terms_of(self.problem)

    @cached_property
    def components(self) -> Components:
        """Which unit each effect and each row belongs to."""
        return components(self.problem, self.terms)

    @cached_property
    def units(self) -> tuple[Units, np.ndarray, np.ndarray]:
        """The units, and where their effects are (`units_of`)."""
        return units_of(self.problem, self.terms, self.components)

    @cached_property
    def same(self) -> np.ndarray:
        """For each unit the first one with the very same rows (`equal`)."""
        return equal(self.units[0])


def divide(by_unit: ByUnit, functions: tuple[RowFunction, ...], parts: int = PARTS) -> tuple[Part, ...]:
    """Return the units of a problem, equal ones together, in parts of about as many rows."""
    (units, places, starts), same = by_unit.units, by_unit.same
    order = np.argsort(same, kind="stable")
    kept, counts = np.unique(same, return_counts=True)
    distinct = taken(units, kept)._replace(levels=counts, number=np.arange(len(kept)))
    each = np.diff(starts)[order]
    level_places = places[np.repeat(starts[order], each) + within(each)]
    rows = np.diff(distinct.row[:: len(distinct.phi_start) - 1])
    drawn = np.concatenate([[0], np.cumsum(counts * distinct.effects)])
    ends = cuts(rows, parts)
    return tuple(
        Part(k, taken(distinct, np.arange(a, b)), functions, level_places[drawn[a] : drawn[b]])
        for k, (a, b) in enumerate(zip(ends[:-1], ends[1:], strict=True))
    )


def cuts(rows: np.ndarray, parts: int) -> np.ndarray:
    """Return where parts begin and end, in units, so that they have about as many rows each."""
    total = np.cumsum(rows + 1)
    wanted = total[-1] * np.arange(1, parts) / parts
    return np.unique(np.concatenate([[0], np.searchsorted(total, wanted), [len(rows)]])).astype(np.int64)


def taken(units: Units, which: np.ndarray) -> Units:
    """Return some of the units."""
    blocks = len(units.phi_start) - 1
    segments = (which[:, None] * blocks + np.arange(blocks)).ravel()
    new: dict[str, Any] = {name: getattr(units, name)[which] for name in UNITS_EACH}
    for name, arrays in OF_SEGMENTS.items():
        new |= _cut(units, name, arrays, segments)
    lines = _entries(units.line, segments)
    for name, arrays in OF_LINES.items():
        new |= _cut(units, name, arrays, lines)
    return units._replace(**new)


def _cut(units: Units, name: str, arrays: tuple[str, ...], which: np.ndarray) -> dict[str, np.ndarray]:
    start = getattr(units, name)
    entries = _entries(start, which)
    out = {array: getattr(units, array)[entries] for array in arrays}
    return out | {name: np.concatenate([[0], np.cumsum(np.diff(start)[which])]).astype(np.int64)}


def _entries(start: np.ndarray, which: np.ndarray) -> np.ndarray:
    """Return the places of all entries of some runs, one run after the other."""
    each = np.diff(start)[which]
    return np.repeat(start[which], each) + within(each)


def equal(units: Units) -> np.ndarray:
    """Return for each unit the first one with the very same rows, (U,)."""
    blocks, everything = len(units.phi_start) - 1, np.arange(len(units.effects))
    prints = _print(units.effects, np.arange(len(everything) + 1))
    for name, arrays in OF_SEGMENTS.items():
        start = getattr(units, name)
        prints += _print(np.diff(start), blocks * np.arange(len(everything) + 1))
        for array in arrays:
            prints = _turned(prints) + _print(getattr(units, array), start[::blocks])
    for name, arrays in OF_LINES.items():
        start, of_unit = getattr(units, name), units.line[::blocks]
        prints = _turned(prints) + _print(np.diff(start), of_unit)
        for array in arrays:
            prints = _turned(prints) + _print(getattr(units, array), start[of_unit])
    _, first, which = np.unique(prints, return_index=True, return_inverse=True)
    same = first[which]
    others = np.flatnonzero(same != everything)
    left, right = taken(units, others), taken(units, same[others])
    names = [*OF_SEGMENTS, *OF_LINES, "effects"]
    names += [array for arrays in (*OF_SEGMENTS.values(), *OF_LINES.values()) for array in arrays]
    sure = all(np.array_equal(getattr(left, name), getattr(right, name)) for name in names)
    return same if sure else everything  # two different units with one print: nothing is merged


def _print(values: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Return a number for each run of values that tells runs apart, with near certainty."""
    bits = np.asarray(values, float).view(np.uint64)
    place = within(np.diff(start)).astype(np.uint64)
    mixed = _turned(bits + _turned(place))
    total = np.concatenate([[np.uint64(0)], np.cumsum(mixed, dtype=np.uint64)])
    return total[start[1:]] - total[start[:-1]]


def _turned(x: np.ndarray) -> np.ndarray:
    """Return 64 bits, each of which depends on all of `x` (Steele, Lea and Flood 2014, OOPSLA, 453-472)."""
    x = (x + np.uint64(0x9E3779B97F4A7C15)).astype(np.uint64)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
