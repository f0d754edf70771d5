"""Levels that can be integrated one by one, where their rows are; and parts of these rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components

from shoal.engine.rounds.independent import WIDEST
from shoal.engine.rounds.parts import PARTS, cuts
from shoal.errors import listing
from shoal.families import get_family
from shoal.formula.formula import Formula
from shoal.model import Response

ROWS_OF_A_PART = 500_000  # beyond which there are more parts


def in_the_way(responses: Sequence[Response]) -> str:
    """Return what keeps a model's levels from being integrated where their rows are; empty if nothing does.

    It is what can be told before rows are looked at (`Cut`), and what has no passes here.
    """
    found = list(dict.fromkeys(what for response in responses for what in _of_response(response)))
    several = ["several responses"] if len(responses) > 1 else []
    return listing([*several, *found])


def _of_response(response: Response) -> Iterator[str]:
    formula, predictors = response.formulas
    family = get_family(response.family, response.link)
    if family.several or family.joint:
        yield f"family {family.name!r}"
    if formula.response.thres is not None:
        yield "thres(...) with numbers of cutpoints"
    if formula.specific is not None:
        yield "cs(...)"
    if not any(own.groups for own in (formula, *predictors.values())):
        yield "no grouping factor"
    for own in (formula, *predictors.values()):
        yield from _of_predictor(own)


def _of_predictor(formula: Formula) -> Iterator[str]:
    for own in formula.curves:
        yield own.name
    if formula.latents:
        yield "latent(...)"
    for group in formula.groups:
        named = {"mm(...)": group.membership, "by=": group.by, "cov=": group.cov, "an id": group.id}
        yield from (what for what, there in named.items() if there)
        if group.zero_sum:
            yield "zero_sum=True"
        if group.dist != "normal":
            yield f"dist={group.dist!r}"


class Cut(NamedTuple):
    """Combinations of the columns that name levels, in parts: no level has rows in two of them.

    Attributes
    ----------
    order : (C,) int array
        Of the combinations: parts stand one after the other.
    part : (C,) int array
        In that order.
    by : str
        The column whose range tells best where the rows of a part are.
    """

    order: np.ndarray
    part: np.ndarray
    by: str


def cut(levels: pd.DataFrame, rows: np.ndarray, factors: Sequence[tuple[str, ...]]) -> Cut | None:
    """Cut all rows into parts of about as many, or return None where levels meet each other in rows.

    Parameters
    ----------
    levels : DataFrame
        C combinations of the columns that name levels.
    rows : (C,) array
    factors : sequence of tuple of str
        The columns of each grouping factor.
    """
    together = _together(levels, factors)
    if together is None:
        return None
    count = max(PARTS, int(rows.sum() // ROWS_OF_A_PART) + 1)
    found = [_cut(levels, rows, together, str(name), count) for name in levels]
    return min(found, key=lambda own: _read(levels, rows, own))


def _together(levels: pd.DataFrame, factors: Sequence[tuple[str, ...]]) -> np.ndarray | None:
    """Return a number for each combination that those share whose levels meet; None if many levels do."""
    codes, nodes = list[np.ndarray](), len(levels)
    for factor in factors:
        own = levels.groupby(list(factor), sort=False, observed=True).ngroup().to_numpy()
        codes.append(nodes + own)
        nodes += int(own.max()) + 1
    left, right = np.tile(np.arange(len(levels)), len(factors)), np.concatenate(codes)
    edges = sp.coo_array((np.ones(len(left), np.int8), (left, right)), shape=(nodes, nodes))
    _, label = connected_components(edges, directed=False)
    most = np.bincount(label[len(levels) :]).max()
    return None if most > WIDEST else label[: len(levels)]


def _cut(levels: pd.DataFrame, rows: np.ndarray, together: np.ndarray, by: str, count: int) -> Cut:
    """Return parts along one of the columns, each combination beside those that it belongs to."""
    columns = [pd.factorize(levels[name], sort=True)[0] for name in (by, *levels.columns.drop(by))]
    order = np.lexsort(columns[::-1])
    _, first, unit = np.unique(together[order], return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    size = np.bincount(rank[unit], rows[order])
    part_of_unit = np.searchsorted(cuts(size, count), np.arange(len(size)), "right") - 1
    part = part_of_unit[rank[unit]]
    stable = np.argsort(part, kind="stable")
    return Cut(order[stable], part[stable], by)


def _read(levels: pd.DataFrame, rows: np.ndarray, own: Cut) -> float:
    """Return how many rows lie in the ranges of all parts together."""
    code, values = pd.factorize(levels[own.by].iloc[own.order], sort=True)
    ends = np.concatenate([[0], np.cumsum(np.bincount(code, rows[own.order], len(values)))])
    starts = np.flatnonzero(np.diff(own.part, prepend=-1))
    low, high = np.minimum.reduceat(code, starts), np.maximum.reduceat(code, starts)
    return float((ends[high + 1] - ends[low]).sum())
