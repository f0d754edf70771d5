"""Refusals of grouping factors and their levels, and warnings of levels numbered anew."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import comb

from shoal.errors import DataError, ModelError, listing
from shoal.model.checks.remark import Remark

if TYPE_CHECKING:
    import pandas as pd

    from shoal.model.grouping_factors import Group

CHANCE = 0.1  # that a crossed factor lacks nothing but last labels, beyond which nothing is said


def group_name(name: str, reserved: set[str]) -> None:
    """Raise if a grouping factor has the name of something else in a result."""
    if name in reserved:
        raise ModelError(
            "factor-name",
            f"The grouping factor is called {name!r}, which names something else in every result.",
            f"Another name than {listing(sorted(reserved))}.",
            "Rename the column.",
        )


def levels(name: str, labels: np.ndarray) -> None:
    """Raise if a grouping factor has fewer than two levels."""
    if len(labels) < 2:
        raise DataError(
            "one-level",
            f"The grouping factor {name!r} has one level ({labels.tolist()[0]!r}).",
            "At least two levels, or nothing can vary between them.",
            f"Drop the term `(… | {name})`.",
        )


def constant_within(group: Group, column: str, category: np.ndarray, categories: np.ndarray) -> None:
    """Raise if a level has rows of several categories of a column, (N,) places among `categories`."""
    least, most = np.full(len(group.labels), len(categories)), np.full(len(group.labels), -1)
    np.minimum.at(least, group.index, category)
    np.maximum.at(most, group.index, category)
    wrong = np.flatnonzero(least != most)
    if wrong.size:
        one, labels = wrong[0], group.labels.tolist()
        both = listing(map(repr, [categories.tolist()[least[one]], categories.tolist()[most[one]]]))
        raise DataError(
            "varies-within-levels",
            f"{column!r} is not constant within {wrong.size} of {len(labels)} levels of {group.name!r} "
            f"({listing(repr(labels[i]) for i in wrong)}): {labels[one]!r} has {both}.",
            f"by={column} groups the levels, so that each has one category.",
            f"For effects of a level in each category write (0 + C({column}) || {group.name}).",
        )


def distinct(parts: pd.DataFrame, codes: np.ndarray, labels: np.ndarray) -> None:
    """Raise if two levels of an interaction read alike: ("a:b", "c") and ("a", "b:c")."""
    pairs = parts.assign(code=codes).drop_duplicates()
    alike = pairs["code"].value_counts()
    if (alike > 1).any():
        code = alike.index[0]
        both = pairs[pairs["code"] == code].drop(columns="code").to_dict("records")
        shown = "; ".join(", ".join(f"{name} = {value!r}" for name, value in own.items()) for own in both)
        raise DataError(
            "levels-alike",
            f"Different levels of {':'.join(parts.columns)!r} read alike, as {labels[code]!r}: {shown}.",
            "Labels that stay distinct when joined by a colon.",
            f"Replace the colons in the labels: {_replaced(parts)}",
        )


def _replaced(parts: pd.DataFrame) -> str:
    """Return the lines that replace the colons of whatever column has some."""
    with_colons = [name for name in parts if parts[name].astype(str).str.contains(":").any()]
    own = (f"data[{name!r}] = data[{name!r}].astype(str).str.replace(':', '.')" for name in with_colons)
    return "".join(f"\n    {line}" for line in own)


def effects(name: str, effects: list[str]) -> None:
    """Raise if a grouping factor has no effect, or the same effect twice."""
    if not effects:
        raise ModelError(
            "factor-without-effects",
            f"The term of grouping factor {name!r} has no effects.",
            "Write `(1 | …)`.",
        )
    twice = sorted({e for e in effects if effects.count(e) > 1})
    if twice:
        raise ModelError(
            "effect-twice",
            f"Effect {listing(twice)} of grouping factor {name!r} appears twice.",
            "Each effect once per factor.",
            f"Note that `(x | {name})` includes the intercept: write `(0 + x | {name})` for the slope alone.",
        )


def nesting(factors: list[tuple[str, ...]], frame: pd.DataFrame) -> list[Remark]:
    """Return a remark where labels of one factor look numbered anew within each level of another.

    That is so if every level of `a` has the first few labels of `b`, and not always as many: a crossed
    factor would give every level all labels, or leave gaps that are hardly all at the end by chance.
    """
    single = list(dict.fromkeys(f[0] for f in factors if len(f) == 1))
    known = {frozenset(f) for f in factors}
    return [
        Remark(
            "numbered-anew",
            f"Each {parent} has the first few labels of {child}: is {child} numbered anew within each "
            f"{parent}?",
            f"`(1 | {parent}) + (1 | {child})` takes equal labels for the same {child} everywhere; "
            f"`(1 | {parent}/{child})` takes them for different ones in different {parent}s.",
        )
        for parent, child in permutations(single, 2)
        if frozenset((parent, child)) not in known and _renumbered(frame, parent, child)
    ]


def _renumbered(frame: pd.DataFrame, parent: str, child: str) -> bool:
    pairs = frame[[parent, child]].drop_duplicates()
    codes = pairs[child].rank(method="dense")
    within = codes.groupby(pairs[parent].to_numpy())
    counts, highest = within.size(), within.max()
    # Most parents have several children, else nothing was numbered.
    if not (highest == counts).all() or counts.median() <= 1:
        return False
    # Of a crossed factor, the labels that a level happens not to meet are any of them.
    return bool((1 / comb(counts.max(), counts)).prod() < CHANCE)
