"""Which residuals correlate, read from a table, refusing times that make no sense."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from shoal.errors import DataError, counted, listing
from shoal.formula.terms import ResidualTerm
from shoal.model import build_spatial
from shoal.model.build_spatial import spatial_of
from shoal.model.residuals import Residuals
from shoal.model.spatial import Spatial

MOST_TIMES = 30  # of unstr: 435 correlations
MOST_GAPS = 200  # of ar: each is a sum of its own


def residuals_of(
    term: ResidualTerm, prefix: str, frame: pd.DataFrame, there: np.ndarray, matrices: Mapping[str, Any]
) -> Residuals | Spatial:
    """Return how the residuals of a table's rows correlate; `there`, (N,) bool, are those that count.

    Raises
    ------
    DataError
        Times that are not whole numbers, or stand twice in a level; too many times, or gaps; weights of
        neighbours that are not those of the rows.
    ModelError
        No such weights.
    """
    if term.function == "sar":
        return spatial_of(term, prefix, frame, matrices)
    own = _read(term, prefix + term.function, frame, None, there)
    if term.function == "ar":
        _, after, before = own.steps(there)
        gaps = (own.time[after] - own.time[before]).astype(np.int64)
        if len(after) and (unit := int(np.gcd.reduce(gaps))) > 1:
            own = replace(own, time=own.time / unit, unit=unit)
        gaps = np.unique(gaps)
        if not len(after):
            raise DataError(
                "nothing-correlates", f"{_text(term)}: no level has two rows.", "Rows that follow each other."
            )
        if len(gaps) > MOST_GAPS:
            raise DataError(
                "too-many-times",
                f"{_text(term)}: the times between rows take {len(gaps):,} values.",
                f"At most {MOST_GAPS}.",
                f"Count {term.time!r} in larger units.",
            )
    elif np.bincount(own.cluster[there]).max(initial=0) < 2:
        raise DataError(
            "nothing-correlates",
            f"{_text(term)}: no level of {term.factor!r} has two rows.",
            "Rows that correlate.",
        )
    return own


def replayed(residuals: Residuals | Spatial, frame: pd.DataFrame, there: np.ndarray) -> Residuals | Spatial:
    """Return how the residuals of the rows of another table correlate; `there`, (N,) bool, are complete.

    Raises
    ------
    DataError
        If a time was not fitted, or a level has a time twice; if rows are not those of the weights of
        neighbours.
    """
    if isinstance(residuals, Spatial):
        return build_spatial.replayed(residuals, frame)
    own = _read(residuals.term, residuals.name, frame, residuals.labels, there)
    if residuals.unit == 1:
        return own
    _, after, before = own.steps(there)
    odd = np.flatnonzero((own.time[after] - own.time[before]) % residuals.unit)
    if odd.size:
        one, two = before[odd[0]], after[odd[0]]
        raise DataError(
            "time-not-a-multiple",
            f"Rows {one} and {two} are {own.time[two] - own.time[one]:g} of {own.term.time!r} apart.",
            f"Multiples of {residuals.unit}, by which all times were apart that were fitted.",
        )
    return replace(own, time=own.time / residuals.unit, unit=residuals.unit)


def _read(
    term: ResidualTerm,
    name: str,
    frame: pd.DataFrame,
    labels: tuple[object, ...] | None,
    there: np.ndarray,
) -> Residuals:
    cluster = np.zeros(len(frame), int)
    if term.factor is not None:
        cluster = pd.factorize(frame[term.factor])[0]
    time = np.zeros(len(frame))
    if term.function == "ar":
        time = _whole(term, frame)
    elif term.function == "unstr":
        labels = _times(term, frame) if labels is None else labels
        codes = pd.Index(labels).get_indexer(pd.Index(frame[term.time]))
        if (codes < 0).any():
            strange = listing(map(repr, frame[term.time][codes < 0].drop_duplicates().tolist()))
            raise DataError(
                "time-not-fitted",
                f"{term.time!r} has the time {strange}, which was not fitted.",
                f"One of {listing(map(repr, labels))}.",
            )
        time = codes.astype(float)
    if term.time is not None:
        _once(term, frame, cluster, time, there)
    return Residuals(term, name, cluster, time, labels or ())


def _text(term: ResidualTerm) -> str:
    inside = ", ".join([*([term.time] if term.time else []), *([f"gr={term.factor}"] if term.factor else [])])
    return f"{term.function}({inside})"


def _whole(term: ResidualTerm, frame: pd.DataFrame) -> np.ndarray:
    column = frame[term.time]
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(float) if column.dtype.kind in "biufO" else None
    if numbers is None or not np.isfinite(numbers).all() or (numbers != np.round(numbers)).any():
        wrong = column if numbers is None else column[~(numbers == np.round(numbers))]
        times = listing(f"{value!r}: ..." for value in column.drop_duplicates().tolist())
        remedy = f"Number the times: data[{term.time!r}].map({{{times}}})."
        raise DataError(
            "times-not-whole",
            f"The times {term.time!r} of {_text(term)} hold {listing(map(repr, wrong.tolist()), 3)}.",
            "Whole numbers: the residual of a time is correlated with that of one time unit before.",
            remedy,
        )
    return numbers


def _times(term: ResidualTerm, frame: pd.DataFrame) -> tuple[object, ...]:
    column = frame[term.time]
    if isinstance(column.dtype, pd.CategoricalDtype):
        times = column.cat.remove_unused_categories().cat.categories.tolist()
    else:
        times = sorted(column.drop_duplicates().tolist())
    if not 1 < len(times) <= MOST_TIMES:
        raise DataError(
            "too-many-times",
            f"{_text(term)}: {term.time!r} takes {counted(len(times), 'value')}.",
            f"From 2 to {MOST_TIMES} times, each pair of which has a correlation of its own.",
            "ar(time, gr=g) has one correlation for any number of times." if len(times) > 1 else "",
        )
    return tuple(times)


def _once(
    term: ResidualTerm, frame: pd.DataFrame, cluster: np.ndarray, time: np.ndarray, there: np.ndarray
) -> None:
    rows = np.flatnonzero(there)
    twice = pd.DataFrame({"cluster": cluster, "time": time}).iloc[rows].duplicated().to_numpy()
    if twice.any():
        row = int(rows[twice][0])
        time_there = frame[term.time].tolist()[row]
        level = f" of {term.factor} {frame[term.factor].tolist()[row]!r}" if term.factor else ""
        shares = "shares" if twice.sum() == 1 else "share"
        raise DataError(
            "time-twice",
            f"{counted(int(twice.sum()), 'row')} {shares} time and level with another: "
            f"{term.time} {time_there!r}{level} (row {row}) is there before.",
            f"Each time once{f' in a level of {term.factor}' if term.factor else ''}.",
            ""
            if term.factor
            else f"Are these several series? Write {term.function}({term.time}, gr=series).",
        )
