"""Units: sets of effects that are independent of each other given the hyperparameters, and their rows.

Where all population coefficients are coordinates of theta, the effects of a level meet those of no other: the
posterior given theta is a product over units, and a unit's rows are all that its effects depend on. So rows
are sorted by unit once, and each unit is integrated by itself.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components

from shoal.engine.kinds import Floats, Ints, RowFunctions, UInt32s
from shoal.engine.problem import ZERO, Problem

NO_UNIT = -1  # of rows that no effect enters


class Units(NamedTuple):
    """Units one after the other, each with its rows; those of R blocks (families) in the blocks' order.

    A segment is what a unit has of one block. Of segment s the rows are ``row[s]`` to ``row[s + 1]``, the
    lines, one predictor after the other, ``line[s]`` to ``line[s + 1]``, and so on.

    Attributes
    ----------
    functions : list of row functions
        Two a block: its row function, and its interval function.
    phi_start, phi, link : (R + 1,), (...), (...) int arrays
        As in `problem.Rows`: places in h of the families' parameters, and how they are predicted.
    row, line, y_at, interval_at : (U R + 1,) int arrays
        Where each segment begins.
    y, trials, weight, se, interval : arrays
        As in `problem.Rows`.
    offset : (lines,) array
    base_start, base_place, base_value : (lines + 1,), (...), (...) arrays
        What no effect enters: a line's predictor is its offset, values by the numbers in h at these places,
    term_start, term_slot, term_place, term_value : (lines + 1,), (...), (...), (...) arrays
        and what effects enter: values by numbers in h by the unit's effect in that slot.
    effects : (U,) int array
        Of each unit; its effects are independent and standard normal a priori.
    levels : (U,) int array
        How many levels have these very rows: they are integrated once.
    number : (U,) int array
        Of each unit among all, wherever it is held.
    """

    functions: RowFunctions
    phi_start: Ints
    phi: Ints
    link: Ints
    row: Ints
    line: Ints
    y_at: Ints
    interval_at: Ints
    y: Floats
    trials: Floats
    weight: Floats
    se: Floats
    interval: Floats
    offset: Floats
    base_start: Ints
    base_place: UInt32s
    base_value: Floats
    term_start: Ints
    term_slot: UInt32s
    term_place: UInt32s
    term_value: Floats
    effects: Ints
    levels: Ints
    number: Ints


class Terms(NamedTuple):
    """Entries of ``J S``: (entries,) arrays of the line, the effect, the place in h, and the value."""

    line: np.ndarray
    effect: np.ndarray
    place: np.ndarray
    value: np.ndarray


class Components(NamedTuple):
    """Which unit each effect and each row belongs to.

    Attributes
    ----------
    of_effect : (nx,) int array
        Unit of each effect; `NO_UNIT` of those that enter nothing.
    of_row : (rows,) int array
        Unit of each row; `NO_UNIT` of those that no effect enters.
    total : int
        Units.
    """

    of_effect: np.ndarray
    of_row: np.ndarray
    total: int

    @property
    def sizes(self) -> np.ndarray:
        """Effects of each unit, (total,)."""
        return np.bincount(self.of_effect[self.of_effect != NO_UNIT], minlength=self.total)


def terms_of(p: Problem) -> Terms:
    """Return what effects enter: entries of J by the entries of S that they meet."""
    line = np.repeat(np.arange(len(p.columns.offset)), np.diff(p.columns.start))
    live = p.scales.place != ZERO
    element = np.repeat(np.arange(len(p.scales.constant)), np.diff(p.scales.start))[live]
    effect, place = p.scales.effect[live].astype(np.int64), p.scales.place[live]
    start = np.concatenate([[0], np.cumsum(np.bincount(element, minlength=len(p.scales.constant)))])
    each = np.diff(start)[p.columns.column]
    entry = np.repeat(np.arange(len(each)), each)
    at = start[p.columns.column[entry]] + within(each)
    return Terms(line[entry], effect[at], place[at], p.columns.value[entry])


def within(counts: np.ndarray) -> np.ndarray:
    """Return 0, 1, … in each of consecutive runs of these lengths."""
    return np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)


def row_of_line(p: Problem) -> np.ndarray:
    """Return the row that each line is a predictor of, (lines,)."""
    rows = p.rows
    counts = np.diff(rows.start)
    parts = [
        rows.start[b] + np.arange(rows.line[b + 1] - rows.line[b]) % max(counts[b], 1)
        for b in range(len(counts))
    ]
    return np.concatenate([np.zeros(0, np.int64), *parts]).astype(np.int64)


def components(p: Problem, terms: Terms) -> Components:
    """Return the units of a problem: effects that meet in a row, or in the prior's precision, are of one."""
    n, rows = len(p.prior.mean), len(p.rows.weight)
    row = row_of_line(p)[terms.line]
    first = np.full(rows, n)
    np.minimum.at(first, row, terms.effect)
    apart = terms.effect != first[row]
    coupled = (p.prior.row != p.prior.column) & (p.prior.value != 0)
    left = np.concatenate([first[row[apart]], p.prior.row[coupled]])
    right = np.concatenate([terms.effect[apart], p.prior.column[coupled]])
    _, label = connected_components(
        sp.coo_array((np.ones(len(left), np.int8), (left, right)), shape=(n, n)), directed=False
    )
    live = np.zeros(n, bool)
    live[p.scales.effect[p.scales.place != ZERO]] = True
    used, numbered = np.unique(label[live], return_inverse=True)
    of_effect = np.full(n + 1, NO_UNIT)
    of_effect[:n][live] = numbered
    return Components(of_effect[:n], of_effect[first], len(used))


def units_of(p: Problem, terms: Terms, found: Components) -> tuple[Units, np.ndarray, np.ndarray]:
    """Return the units of a problem, and where their effects are.

    Parameters
    ----------
    terms, found : Terms, Components
        Of the problem (`terms_of`, `components`).

    Returns
    -------
    tuple
        Units without their functions, by the number of their effects; the places in x of the effects of all
        of them, one unit after the other; and where each unit's begin, (U + 1,). Rows that no effect enters
        are units without one.
    """
    blocks = len(p.rows.start) - 1
    of_row = found.of_row.copy()
    outside = of_row == NO_UNIT
    of_row[outside] = found.total + np.arange(outside.sum())
    sizes = np.concatenate([found.sizes, np.zeros(outside.sum(), np.int64)])
    rank = np.empty(len(sizes), np.int64)
    rank[np.argsort(sizes, kind="stable")] = np.arange(len(sizes))
    unit = rank[of_row]
    block = np.repeat(np.arange(blocks), np.diff(p.rows.start))
    order = np.lexsort((block, unit))
    segment = (unit * blocks + block)[order]
    count = len(sizes) * blocks

    live = np.flatnonzero(found.of_effect != NO_UNIT)
    of_live = rank[found.of_effect[live]]
    by_unit = np.argsort(of_live, kind="stable")
    places = live[by_unit]
    starts = _starts(np.bincount(of_live, minlength=len(sizes)))
    slot = np.zeros(len(p.prior.mean), np.int64)
    slot[places] = np.arange(len(places)) - starts[of_live[by_unit]]

    inside, predictors = order - p.rows.start[block[order]], _per_row(np.diff(p.rows.line), p)
    line, at = _one_after_the_other(segment, predictors[block[order]])
    lines = p.rows.line[block[order]][line] + at * np.diff(p.rows.start)[block[order]][line] + inside[line]
    kinds = _per_row(np.diff(p.rows.interval_start), p)
    own, at = _one_after_the_other(segment, kinds[block[order]])
    intervals = (
        p.rows.interval_start[block[order]][own] + at * np.diff(p.rows.start)[block[order]][own] + inside[own]
    )
    width = _per_row(np.diff(p.rows.y_start), p)[block[order]]
    ys = np.repeat(p.rows.y_start[block[order]] + inside * width, width) + within(width)

    constant = p.scales.constant[p.columns.column]
    line_of_entry = np.repeat(np.arange(len(p.columns.offset)), np.diff(p.columns.start))
    known = constant != ZERO
    base = _sorted_by(line_of_entry[known], lines)
    term = _sorted_by(terms.line, lines)
    units = Units(
        functions=None,
        phi_start=p.rows.phi_start,
        phi=p.rows.phi,
        link=p.rows.link,
        row=_counted(segment, count),
        line=_counted(segment[line], count),
        y_at=_counted(np.repeat(segment, width), count),
        interval_at=_counted(segment[own], count),
        y=p.rows.y[ys],
        trials=p.rows.trials[order],
        weight=p.rows.weight[order],
        se=p.rows.se[order],
        interval=p.rows.interval[intervals],
        offset=p.columns.offset[lines],
        base_start=base[0],
        base_place=constant[known][base[1]].astype(np.uint32),
        base_value=p.columns.value[known][base[1]],
        term_start=term[0],
        term_slot=slot[terms.effect[term[1]]].astype(np.uint32),
        term_place=terms.place[term[1]].astype(np.uint32),
        term_value=terms.value[term[1]],
        effects=np.diff(starts),
        levels=np.ones(len(sizes), np.int64),
        number=np.arange(len(sizes)),
    )
    return units, places, starts


def _per_row(totals: np.ndarray, p: Problem) -> np.ndarray:
    """Return how many numbers a row of each block has, from their totals."""
    return totals // np.maximum(np.diff(p.rows.start), 1)


def _one_after_the_other(segment: np.ndarray, each: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return row and number of what each row has `each` of: in a segment, all rows' first ones come first."""
    row, number = np.repeat(np.arange(len(segment)), each), within(each)
    if len(each) and each.max() > 1:
        order = np.lexsort((row, number, segment[row]))
        row, number = row[order], number[order]
    return row, number


def _sorted_by(line: np.ndarray, lines: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where the entries of each line begin, once lines stand in another order; and their order."""
    new = np.empty(len(lines), np.int64)
    new[lines] = np.arange(len(lines))
    moved = new[line]
    return _counted(moved, len(lines)), np.argsort(moved, kind="stable")


def _counted(labels: np.ndarray, count: int) -> np.ndarray:
    return _starts(np.bincount(labels, minlength=count))


def _starts(counts: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
