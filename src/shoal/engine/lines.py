"""Entries of J as terms declare them, and the lines of all rows that they become."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from shoal.engine.problem import Columns


class Lines(NamedTuple):
    """Entries of J, (entries,) each: lines, places in v, values; of equal places the sum counts."""

    line: np.ndarray
    column: np.ndarray
    value: np.ndarray


def stack(parts: list[Lines], counts: list[int]) -> Columns:
    """Return lines one after the other, entries that are zero left out; offsets are filled in later."""
    base = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    line = np.concatenate([np.zeros(0, np.int64), *(p.line + at for p, at in zip(parts, base, strict=False))])
    column, value = (
        np.concatenate([np.zeros(0, np.int64), *(p.column for p in parts)]),
        np.concatenate([np.zeros(0), *(p.value for p in parts)]),
    )
    keep = value != 0
    line, column, value = line[keep], column[keep], value[keep]
    order = np.lexsort((column, line))
    line, column, value = line[order], column[order], value[order]
    fresh = np.append(True, (np.diff(line) != 0) | (np.diff(column) != 0))[: len(line)]
    if not fresh.all():  # a row that meets a column twice has their sum
        value = np.add.reduceat(value, np.flatnonzero(fresh))
        line, column = line[fresh], column[fresh]
    start = np.concatenate([[0], np.cumsum(np.bincount(line, minlength=base[-1]))]).astype(np.int64)
    return Columns(start, column.astype(np.uint32), value, np.zeros(base[-1]))
