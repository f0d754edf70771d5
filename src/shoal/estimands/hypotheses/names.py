"""The numbers that a hypothesis may name: those of a fit's tables, and the levels' own coefficients."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from shoal.errors import nearest, spelt
from shoal.estimands.common import held_by
from shoal.fit.results import Results
from shoal.model import Specification

Element = tuple[str, tuple[int, ...]]  # a variable, and a position in it
FEW = 20  # numbers of a variable that are all suggested
IGNORED = " \t\n`"  # signs in which spellings of a name differ


@dataclass(frozen=True)
class Quantity:
    """A number with a name.

    Attributes
    ----------
    name : str
        As tables print it.
    elements : tuple of Element
        What it is the sum of: one number, or a level's deviation and the population's coefficient.
    """

    name: str
    elements: tuple[Element, ...]

    def draws(self, of: Callable[[str], np.ndarray]) -> np.ndarray:
        """Return its draws from those of variables, the axes of whose numbers are the last."""
        parts = []
        for variable, position in self.elements:
            where: Any = (..., *position)
            parts.append(of(variable)[where].astype(float))
        return np.asarray(sum(parts[1:], parts[0]))


@dataclass(frozen=True)
class Labelled:
    """A variable, or the sums of several, whose numbers have labels.

    Attributes
    ----------
    name : str
    labels : tuple of tuple of str
        Along each dimension.
    added : mapping from int to str
        Coefficients that are added, by the position along the last dimension.
    of : str
        The variable; `name`, but for levels' own coefficients.
    estimated : tuple of tuple of int, optional
        Positions of the numbers that tables print, where these are not all.
    """

    name: str
    labels: tuple[tuple[str, ...], ...]
    added: Mapping[int, str]
    of: str
    estimated: tuple[tuple[int, ...], ...] | None = None

    @property
    def printed(self) -> list[str]:
        """Its numbers as tables print them."""
        at = self.estimated or np.ndindex(*map(len, self.labels))
        return [f"{self.name}[{self._label(position)}]" if position else self.name for position in at]

    def _label(self, position: tuple[int, ...]) -> str:
        return ", ".join(own[i] for own, i in zip(self.labels, position, strict=True))

    @cached_property
    def positions(self) -> dict[str, tuple[int, ...]]:
        """Positions by label, as tables print it, and by what all its spellings have in common."""
        printed = {self._label(position): position for position in np.ndindex(*map(len, self.labels))}
        short = [spelt(label) for label in printed]
        unique = {s for s, n in zip(*np.unique(short, return_counts=True), strict=True) if n == 1}
        others = {s: p for s, p in zip(short, printed.values(), strict=True) if s in unique}
        return others | printed

    def find(self, label: str) -> Quantity | None:
        """Return the number with a label, such as ``3, Intercept``, if there is one."""
        position = self.positions.get(label.strip(), self.positions.get(spelt(label)))
        if position is None:
            return None
        return self.at(f"{self.name}[{self._label(position)}]", position)

    @property
    def only(self) -> Quantity | None:
        """Its number, if it has no other."""
        if not self.labels:
            return self.at(self.name, ())
        alone = all(len(own) == 1 for own in self.labels)
        return self.find(", ".join(own[0] for own in self.labels)) if alone else None

    def at(self, name: str, position: tuple[int, ...]) -> Quantity:
        """Return the number at a position."""
        own: list[Element] = [(self.of, position)]
        if position and position[-1] in self.added:
            own.append((self.added[position[-1]], ()))
        return Quantity(name, tuple(own))


class Names:
    """All numbers of a fit by name.

    Parameters
    ----------
    results : Results
    """

    def __init__(self, results: Results):
        model = results.model
        there = set(map(str, results.posterior.data_vars))
        known = [*_variables(model), *_levels(results)]
        self.lost = [one.name for one in known if one.of not in there]
        self.variables = {one.name: one for one in known if one.of in there}
        # Names may begin alike, and hold signs: the longest that fits is meant.
        self._longest = sorted(self.variables, key=len, reverse=True)

    def begin(self, text: str, start: int) -> tuple[Labelled, int] | None:
        """Return the variable whose name begins at a place of a text, and where it ends."""
        for name in self._longest:
            end = _end_of(name, text, start)
            if end is not None:
                return self.variables[name], end
        return None

    def printed(self, text: str) -> Quantity | None:
        """Return the number whose printed name, label included, is all of a text."""
        for name in self._longest:
            end = _end_of(name, text, 0) if text else None
            if end is not None and text[end : end + 1] == "[" and text[-1] == "]":
                if (one := self.variables[name].find(text[end + 1 : -1])) is not None:
                    return one
        return None

    def suggest(self, name: str) -> str:
        """Return what may be meant by a name that there is not."""
        lost = [variable for variable in self.lost if spelt(name).startswith(spelt(variable))]
        if lost:
            return f"The draws of {lost[0]} were not kept: fit with store='single'."
        few = {v: math.prod(map(len, own.labels)) <= FEW for v, own in self.variables.items()}
        rows = ([v] if not few[v] else own.printed for v, own in self.variables.items())
        return nearest(name, [row for own in rows for row in own])


def _variables(model: Specification) -> Iterator[Labelled]:
    for variable in model.variables:
        labels = tuple(tuple(map(str, own)) for own in variable.dims.values())
        yield Labelled(variable.name, labels, {}, variable.name, variable.positions)


def _levels(results: Results) -> Iterator[Labelled]:
    """Yield the coefficients of each factor's levels, population part and deviation, as `levels` has them."""
    seen = set()
    for part in results.model.parts:
        for group in part.groups:
            if group.r in seen:
                continue
            seen.add(group.r)
            added = {
                k: owner.columns[column]
                for owner, held in held_by(results, group)
                for k, column in enumerate(owner.matched(held))
                if column >= 0
            }
            labels = tuple(str(label) for label in group.labels), tuple(group.effects)
            yield Labelled(f"{group.prefix}levels_{group.name}", labels, added, group.r)


def _end_of(name: str, text: str, start: int) -> int | None:
    """Return where a name that begins at `start` ends, whatever its blanks; None if another is there.

    Backquotes around it, or around a part of it, belong to it; R's power is a spelling of ``**``.
    """
    at, wanted = start, spelt(name)
    if text[start].isspace():
        return None
    for sign in wanted.replace("**", "^"):
        while at < len(text) and text[at] in IGNORED:
            at += 1
        if sign == "^" and text.startswith("**", at):
            at += 2
        elif at < len(text) and text[at] == sign:
            at += 1
        else:
            return None
    if text.count("`", start, at) % 2:
        if not text.startswith("`", at):
            return None
        at += 1
    inside = at < len(text) and (text[at].isalnum() or text[at] in "_.")
    return None if inside and (wanted[-1].isalnum() or wanted[-1] == "_") else at
