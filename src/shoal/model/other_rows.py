"""A model on rows that are not those it was made of: with their responses, and some of its levels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from shoal.engine.rounds.parts import ByUnit, Part, divide
from shoal.families import Family, Rows
from shoal.formula.text_values import recoded
from shoal.model.assemble import Assembled, assemble
from shoal.model.build_design import additions, numbers, own_numbers
from shoal.model.build_thresholds import replayed
from shoal.model.coarse_rows import coarse
from shoal.model.design import Design, Group
from shoal.model.grouping_factors import level_names
from shoal.model.model import Specification
from shoal.model.replay import as_learnt, predictor_on
from shoal.model.terms.group_effects import PlacedGroupEffects


@dataclass(frozen=True)
class Recipe:
    """How some rows become a part of all, wherever they are read: numbers of theta stand where they do here.

    Attributes
    ----------
    number : int
        Of the part.
    units : int
        Units of the parts before, at most: what is random in a unit depends on its number.
    model : Specification
        With the levels of the part, and a row that is none of its.
    places : tuple of (levels, K) int arrays
        Of each grouping factor, the places in x of the whole model's effects of these levels.
    """

    number: int
    units: int
    model: Specification
    places: tuple[np.ndarray, ...]

    def part(self, frame: pd.DataFrame) -> Part:
        """Return the part that all rows of its levels make, in whatever order they are given."""
        assembled = assemble(on_rows(self.model, frame.iloc[_in_order(frame)]))
        (whole,) = divide(ByUnit(assembled.problem), assembled.functions, parts=1)
        elsewhere = np.empty(len(assembled.problem.prior.mean), np.int64)
        for own, there in zip(_places(assembled), self.places, strict=True):
            elsewhere[own] = there
        units = whole.units._replace(number=whole.units.number + self.units)
        constant, places = assembled.problem.constant, elsewhere[whole.places]
        return replace(whole, number=self.number, units=units, places=places, constant=constant)


def recipes_of(assembled: Assembled, levels: pd.DataFrame, part: np.ndarray) -> list[Recipe]:
    """Return how to make each part of a model's rows.

    Parameters
    ----------
    assembled : Assembled
        The whole model.
    levels : DataFrame
        Combinations of the columns that name levels, those of all rows.
    part : (combinations,) int array
        Which part the rows of each are in.
    """
    model, out, units = assembled.model, list[Recipe](), 0
    groups = {group.name: group for own in model.parts for group in own.groups}
    number = {name: _numbers(group, levels) for name, group in groups.items()}
    for k in range(int(part.max()) + 1):
        own = {name: np.unique(which[part == k]) for name, which in number.items()}
        placed = [term for term in assembled.placed if isinstance(term, PlacedGroupEffects)]
        pairs = zip(placed, _places(assembled), strict=True)
        places = tuple(there[own[term.term.factor.name]] for term, there in pairs)
        out.append(Recipe(k, units, _of_levels(model, own), places))
        units += int((part == k).sum())
    return out


def _numbers(group: Group, levels: pd.DataFrame) -> np.ndarray:
    return pd.Index(group.labels).get_indexer(pd.Index(level_names(group.columns, levels)))


def _places(assembled: Assembled) -> list[np.ndarray]:
    """Return the places in x of the effects of each grouping factor, (levels, K)."""
    order = assembled.problem.pattern.order
    return [order[own.x] for own in assembled.placed if isinstance(own, PlacedGroupEffects)]


def _of_levels(model: Specification, levels: Mapping[str, np.ndarray]) -> Specification:
    """Return a model with one row, and some of its levels by number."""

    def change(part: Design) -> Design:
        own = part.at(np.zeros(1, np.int64))
        groups = (replace(group, labels=group.labels[levels[group.name]]) for group in own.groups)
        return replace(own, groups=tuple(groups))

    table = replace(model.table, frame=model.table.frame.iloc[:1], reduction=None)
    return replace(model, designs=tuple(design.changed(change) for design in model.designs), table=table)


def on_rows(model: Specification, frame: pd.DataFrame) -> Specification:
    """Return a model on other rows, whose levels, categories and responses are among those it has."""
    learnt, none = model.table.frame, np.zeros(len(frame), bool)
    columns = {str(name): as_learnt(frame[name], learnt[name], none) for name in frame}
    own = pd.DataFrame(columns, index=pd.RangeIndex(len(frame)))
    return replace(model, designs=tuple(_on_rows(design, own) for design in model.designs))


def _on_rows(design: Design, frame: pd.DataFrame) -> Design:
    family, rows = _responses(design, frame)
    there = replace(
        design.changed(lambda part: replace(predictor_on(part, frame, rows), counts=None, stays=False)),
        family=family,
    )
    if design.thresholds is None:
        return there
    return replace(there, thresholds=replayed(design.thresholds, frame))


def _responses(design: Design, frame: pd.DataFrame) -> tuple[Family, Rows]:
    """Return a response's family, and its values in some rows."""
    formula, family = design.formula, design.family.plain
    trials, weight, se = additions(formula, frame)
    value = formula.response.value
    if family.categorical:
        given = frame[value.name] if value.is_column else numbers(value, frame, recoded)
        y = _codes(given, design.categories)
    else:
        y = numbers(value, frame, recoded)
    rows = Rows(y, trials, weight, se, columns=own_numbers(formula, frame))
    return coarse(formula, frame, family, rows)


def _codes(values: np.ndarray | pd.Series, labels: Sequence[object]) -> np.ndarray:
    """Return the place of each value among labels."""
    return pd.Index(labels).get_indexer(pd.Index(values)).astype(float)


def _in_order(frame: pd.DataFrame) -> np.ndarray:
    """Return an order of rows that depends on nothing but their values."""
    return np.lexsort([pd.factorize(frame[name], sort=True)[0] for name in frame])
