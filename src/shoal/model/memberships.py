"""Rows that belong to several levels of one factor, ``mm(g, h)``: which levels, and how much each counts.

The effects of a row are those of its levels, each times its weight (multiple-membership models: Browne,
Goldstein and Rasbash 2001, Statistical Modelling 1, 103-124).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from shoal.errors import DataError, listing
from shoal.formula import evaluate
from shoal.formula.terms import Membership
from shoal.model import checks
from shoal.model.grouping_factors import By, Group

ROUNDING = 1e-6  # by which a sum of weights may miss one: of decimals such as 0.3333333


def split(
    group: Group, column: str, category: np.ndarray, categories: np.ndarray, weight: np.ndarray
) -> Iterator[Group]:
    """Yield the effects on the levels of each category of a column, a factor each.

    Parameters
    ----------
    category : (N,) int array
        That of each row, among `categories`.
    weight : (N,) array
        Observations that a row stands for.

    Raises
    ------
    DataError
        A level with rows of several categories, a category with one level.
    """
    checks.constant_within(group, column, category, categories)
    of_level = np.zeros(len(group.labels), np.int64)
    of_level[group.index] = category
    for number, label in enumerate(categories.tolist()):
        own, there = np.flatnonzero(of_level == number), category == number
        name = f"{group.name}({column}={label})"
        checks.levels(name, group.labels[own])
        yield replace(
            group,
            name=name,
            labels=group.labels[own],
            index=np.where(there, np.searchsorted(own, group.index), 0)[:, None],
            weight=there[:, None].astype(float),
            averages=np.average(group.z, axis=0, weights=weight * there),
            by=By(column, label),
        )


def of_category(by: By, names: np.ndarray, frame: pd.DataFrame) -> Members:
    """Return which rows have a level of this category."""
    return Members(names[:, None], (frame[by.column].to_numpy() == by.category)[:, None].astype(float))


class Members(NamedTuple):
    """The levels of N rows as a table names them, and their weights, (N, M) each; of weight 0, whatever."""

    names: np.ndarray
    weight: np.ndarray

    @property
    def levels(self) -> np.ndarray:
        """The names that count for something, row after row."""
        return pd.Series(self.names[self.weight != 0]).infer_objects().to_numpy()


def read_members(columns: tuple[str, ...], membership: Membership, frame: pd.DataFrame) -> Members:
    """Return the levels of each row and how much they count.

    Raises
    ------
    DataError
        Columns of text and of numbers, weights that are no finite numbers, that cannot be scaled, or that do
        not sum to one and were not said to.
    """
    text = {name: frame[name].map(lambda value: isinstance(value, str)).any() for name in columns}
    if len(set(text.values())) > 1:
        words = listing(f"{name!r} {'text' if own else 'numbers'}" for name, own in text.items())
        raise DataError(
            "members-differ",
            f"The columns of mm({', '.join(columns)}) hold {words}.",
            "Levels that are named alike in every column.",
            "Convert the columns to one type.",
        )
    names = np.stack([frame[name].to_numpy(dtype=object) for name in columns], axis=1)
    if not membership.weights:
        return Members(names, np.full(names.shape, 1 / len(columns)))
    table = {str(name): frame[name].to_numpy() for name in frame}
    given = [np.asarray(evaluate(expression, table)) for expression in membership.weights]
    for expression, values in zip(membership.weights, given, strict=True):
        checks.numeric(expression.text, values)
    weight = np.stack([np.broadcast_to(values.astype(float), len(frame)) for values in given], axis=1)
    sums = weight.sum(axis=1)
    if membership.scale:
        _refuse(
            membership, weight, (weight < 0).any(axis=1) | (sums <= 0), "cannot be scaled to a sum of one"
        )
        return Members(names, weight / sums[:, None])
    if not membership.any_sum:
        _refuse(membership, weight, np.abs(sums - 1) > ROUNDING, "do not sum to one")
    return Members(names, weight)


_REMEDIES = {
    True: ("Weights of at least 0 with a sum above 0.", "Correct these rows."),
    False: (
        "Weights that sum to one in every row.",
        "Leave out scale=False, and they are divided by their sum; with any_sum=True they are taken as they "
        "are, such as 1 and -1 for a difference.",
    ),
}


def _refuse(membership: Membership, weight: np.ndarray, wrong: np.ndarray, what: str) -> None:
    """Raise if weights of some rows are wrong."""
    rows = np.flatnonzero(wrong)
    if rows.size:
        shown = listing(f"row {i}: {', '.join(f'{w:g}' for w in weight[i])}" for i in rows)
        raise DataError(
            "member-weights",
            f"The weights {', '.join(w.text for w in membership.weights)} {what} in {rows.size} of "
            f"{len(weight)} rows ({shown}).",
            *_REMEDIES[membership.scale],
        )


def settled(numbers: np.ndarray, members: Members) -> tuple[np.ndarray, np.ndarray]:
    """Return level numbers and weights, (N, M) each: in a row ascending, each once, those of no weight last.

    Parameters
    ----------
    numbers : int array
        Of `Members.levels`.
    """
    weight = members.weight.copy()
    index = np.zeros(weight.shape, np.int64)
    index[weight != 0] = numbers
    for later in range(1, weight.shape[1]):
        for earlier in range(later):
            same = (index[:, later] == index[:, earlier]) & (weight[:, later] != 0)
            weight[same, earlier] += weight[same, later]
            weight[same, later] = 0.0
    order = np.argsort(np.where(weight != 0, index, np.iinfo(np.int64).max), axis=1, kind="stable")
    index, weight = np.take_along_axis(index, order, 1), np.take_along_axis(weight, order, 1)
    # What counts for nothing stands at the row's first level, so that it is no level more.
    first = np.where(weight[:, :1] != 0, index[:, :1], 0)
    return np.where(weight != 0, index, first), weight
