"""Entries of J as terms declare them, and the lines of all rows that they become."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

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
    size = int(column.max(initial=-1)) + 1
    sorted_by_line = sp.csr_array((value[keep], (line[keep], column[keep])), shape=(base[-1], size))
    sorted_by_line.sum_duplicates()  # a row that meets a column twice has their sum
    start, column = sorted_by_line.indptr.astype(np.int64), sorted_by_line.indices.astype(np.uint32)
    return Columns(start, column, sorted_by_line.data, np.zeros(base[-1]))
