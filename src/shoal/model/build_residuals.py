"""Which residuals correlate, read from a table, refusing times that make no sense."""

from __future__ import annotations

import numpy as np
import pandas as pd

from shoal.errors import DataError, counted, listing
from shoal.formula.terms import ResidualTerm
from shoal.model.residuals import Residuals

MOST_TIMES = 30  # of unstr: 435 correlations
MOST_GAPS = 200  # of ar: each is a sum of its own


def residuals_of(term: ResidualTerm, prefix: str, frame: pd.DataFrame) -> Residuals:
    """Return how the residuals of a table's rows correlate.

    Raises
    ------
    DataError
        Times that are not whole numbers, or stand twice in a level; too many times, or gaps.
    """
    own = _read(term, prefix + term.function, frame, None)
    there = np.ones(len(frame), bool)
    if term.function == "ar":
        _, after, before = own.steps(there)
        gaps = np.unique(own.time[after] - own.time[before])
        if not len(after):
            raise DataError(f"{_text(term)}: no level has two rows.", "Rows that follow each other.")
        if len(gaps) > MOST_GAPS:
            raise DataError(
                f"{_text(term)}: the times between rows take {len(gaps):,} values.",
                f"At most {MOST_GAPS}.",
                f"Count {term.time!r} in larger units.",
            )
    elif np.bincount(own.cluster).max() < 2:
        raise DataError(f"{_text(term)}: no level of {term.factor!r} has two rows.", "Rows that correlate.")
    return own


def replayed(residuals: Residuals, frame: pd.DataFrame) -> Residuals:
    """Return how the residuals of the rows of another table correlate.

    Raises
    ------
    DataError
        If a time was not fitted, or a level has a time twice.
    """
    return _read(residuals.term, residuals.name, frame, residuals.labels)


def _read(term: ResidualTerm, name: str, frame: pd.DataFrame, labels: tuple[object, ...] | None) -> Residuals:
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
                f"{term.time!r} has the time {strange}, which was not fitted.",
                f"One of {listing(map(repr, labels))}.",
            )
        time = codes.astype(float)
    if term.time is not None:
        _once(term, frame, cluster, time)
    return Residuals(term, name, cluster, time, labels or ())


def _text(term: ResidualTerm) -> str:
    inside = ", ".join([*([term.time] if term.time else []), *([f"gr={term.factor}"] if term.factor else [])])
    return f"{term.function}({inside})"


def _whole(term: ResidualTerm, frame: pd.DataFrame) -> np.ndarray:
    column = frame[term.time]
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(float) if column.dtype.kind in "biufO" else None
    if numbers is None or not np.isfinite(numbers).all() or (numbers != np.round(numbers)).any():
        wrong = column if numbers is None else column[~(numbers == np.round(numbers))]
        raise DataError(
            f"The times {term.time!r} of {_text(term)} hold {listing(map(repr, wrong.tolist()), 3)}.",
            "Whole numbers: the residual of a time is correlated with that of one time unit before.",
            f"Number the times, for example data[{term.time!r}].rank(method='dense').astype(int).",
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
            f"{_text(term)}: {term.time!r} takes {counted(len(times), 'value')}.",
            f"From 2 to {MOST_TIMES} times, each pair of which has a correlation of its own.",
            "ar(time, gr=g) has one correlation for any number of times." if len(times) > 1 else "",
        )
    return tuple(times)


def _once(term: ResidualTerm, frame: pd.DataFrame, cluster: np.ndarray, time: np.ndarray) -> None:
    twice = pd.DataFrame({"cluster": cluster, "time": time}).duplicated()
    if twice.any():
        row = int(np.flatnonzero(twice)[0])
        level = f" of {term.factor} {frame[term.factor].iloc[row]!r}" if term.factor else ""
        raise DataError(
            f"{counted(int(twice.sum()), 'row')} share time and level with another: "
            f"{term.time} {frame[term.time].iloc[row]!r}{level} (row {row}) is there before.",
            f"Each time once{f' in a level of {term.factor}' if term.factor else ''}.",
            ""
            if term.factor
            else f"Are these several series? Write {term.function}({term.time}, gr=series).",
        )
