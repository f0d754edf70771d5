"""A response's design on another table: the columns that were learnt, row by row, and levels that are new."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from shoal.errors import DataError, ShoalWarning, counted, listing
from shoal.families import Rows
from shoal.formula import evaluate
from shoal.formula.terms import Expression
from shoal.formula.text_values import measured
from shoal.model import checks
from shoal.model.build_residuals import replayed
from shoal.model.build_thresholds import replayed as replayed_thresholds
from shoal.model.coarse_rows import bounds
from shoal.model.design import Design
from shoal.model.replay_levels import factors_of, replayed_levels, with_new_levels
from shoal.tables import Table, read
from shoal.tables.table import check_sizes

NEW_LEVELS = ("error", "population", "average", "zero")


@dataclass(frozen=True)
class Replay:
    """A design on N rows of another table.

    Attributes
    ----------
    design : Design
        Its arrays are those of the new rows; levels that are new stand behind the fitted ones in `labels`.
        The response is zeros.
    missing : (N,) bool array
        Rows with missing values. They stand in `design` with the values of a fitted row.
    """

    design: Design
    missing: np.ndarray


def columns_of(design: Design, additions: bool, se: bool) -> list[str]:
    """Return the columns that a prediction needs.

    Parameters
    ----------
    additions : bool
        Trials are needed, and the bounds of truncated responses.
    se : bool
        Standard errors are needed, and what tells which residuals correlate.
    """
    residuals = design.residuals if design.residuals and (se or _means_depend(design, additions)) else None
    names = [*design.predicting, *_factor_columns(design)]
    names += [c for part in _additions(design, additions, se) for c in part.columns]
    names += residuals.term.columns if residuals else ()
    return list(dict.fromkeys(names))


def _means_depend(design: Design, additions: bool) -> bool:
    """Return whether means are asked for, which depend on what tells which residuals correlate."""
    return additions and design.residuals is not None and design.residuals.lag


def _factor_columns(design: Design) -> list[str]:
    return [c for factor in factors_of(design) for c in factor.columns]


def _additions(design: Design, trials: bool, se: bool) -> list[Expression]:
    response = design.formula.response
    wanted = [response.trials if trials else None, response.se if se else None]
    wanted += [response.trunc_lower, response.trunc_upper, *response.vint, *response.vreal] if trials else []
    return [part for part in wanted if part is not None]


def read_new(source: Any, designs: Sequence[Design], trials: bool, se: bool) -> Table:
    """Read the columns of a new table that predictions of some responses need.

    Raises
    ------
    DataError
        If the table cannot be read, or lacks a column.
    """
    needed = list(dict.fromkeys(c for d in designs for c in columns_of(d, trials, se)))
    predictors = list(dict.fromkeys(c for d in designs for c in columns_of(d, False, False)))
    try:
        return read(source, needed)
    except DataError:
        there = read(source, predictors).column_names
        absent = [c for d in designs for p in _additions(d, trials, se) for c in p.columns if c not in there]
        if not absent:
            raise
        remedy = "Add the column (trials of 1 give a probability), or ask for kind='linear'."
        if several := [d.formula.response for d in designs if d.family.several and d.formula.response.trials]:
            remedy += f" A model of `{several[0].value.text} | trials(n) ~ …` needs n alone."
        raise DataError(
            "unknown-column",
            f"The table has no column {listing(map(repr, absent))}.",
            "New observations need the trials (and known standard errors) that they would have.",
            remedy,
        ) from None


def fitted(design: Design) -> Replay:
    """Return the rows that were fitted; those outside a subset have no predictors of their own."""
    outside = design.formula.response.subset is not None
    return Replay(design, design.absent if outside else np.zeros(design.n_rows, bool))


def replay(
    design: Design, learnt: pd.DataFrame, new: pd.DataFrame, trials: bool, se: bool, new_levels: str
) -> Replay:
    """Return a design on the rows of another table.

    Parameters
    ----------
    learnt : DataFrame
        The fitted table.
    new : DataFrame
        N rows with the columns that `columns_of` names.
    trials, se : bool
        Whether these are read; otherwise they are 1 and 0.
    new_levels : {"error", "population", "average", "zero"}
        What is to become of levels that were not fitted.

    Raises
    ------
    DataError
        Categories or levels that were not fitted, values of another kind, infinite values.
    ModelError
        New levels whose distribution is not known.
    """
    missing = new[columns_of(design, trials, se)].isna()
    incomplete = missing.any(axis=1).to_numpy()
    _warn(missing.sum(), int(incomplete.sum()), len(new))
    _check_kinds(design, learnt, new)
    complete = learnt[list(missing)].notna().all(axis=1).to_numpy()  # rows outside a subset may lack values
    stand_in = int(complete.argmax())
    columns = {str(name): as_learnt(new[name], learnt[name], incomplete, stand_in) for name in missing}
    frame = pd.DataFrame(columns, index=pd.RangeIndex(len(new)))
    check_sizes(frame)
    rows = _rows(design, frame, trials, se)
    there = design.changed(lambda part: predictor_on(part, frame, rows))
    if design.residuals is not None:
        needed = se or _means_depend(design, trials)
        there = replace(there, residuals=replayed(design.residuals, frame, ~incomplete) if needed else None)
    if design.thresholds is not None:
        there = replace(there, thresholds=replayed_thresholds(design.thresholds, frame))
    return Replay(with_new_levels(design, there, new_levels), incomplete)


def predictor_on(part: Design, frame: pd.DataFrame, rows: Rows) -> Design:
    """Return one linear predictor on new rows."""
    return replace(
        replayed_levels(part.on(frame), frame),
        rows=rows,
        offset=sum((_numbers(o, frame) for o in part.formula.offsets), np.zeros(len(frame))),
    )


def _warn(counts: pd.Series, rows: int, total: int) -> None:
    if rows:
        which = listing(f"{name!r} ({count})" for name, count in counts.items() if count)
        warnings.warn(
            f"{rows} of {total} rows have missing values in {which}: their predictions are NaN.",
            ShoalWarning,
            stacklevel=2,
        )


def _check_kinds(design: Design, learnt: pd.DataFrame, new: pd.DataFrame) -> None:
    """Refuse text for numbers, or numbers for text, as levels: each would be taken for a new one."""
    for name in dict.fromkeys([*_factor_columns(design), *design.items]):
        (before,), now = learnt[name].dropna().iloc[:1].tolist(), new[name].dropna()
        if len(now) and isinstance(before, str) != isinstance(now.iloc[0], str):
            raise DataError(
                "column-kind",
                f"Column {name!r} holds {listing(map(repr, now.drop_duplicates().tolist()))}.",
                f"The model learnt levels such as {before!r}.",
                "Convert the column to what it was when the model was made.",
            )


def as_learnt(column: pd.Series, learnt: pd.Series, incomplete: np.ndarray, stand_in: int = 0) -> pd.Series:
    """Return a complete column, in the type that was fitted if no value changes by it.

    Incomplete rows take the values of the fitted row `stand_in`, so that no other row's values depend on
    them and row numbers in messages stay those of the table.
    """
    numbers = column.dtype.kind in "biuf" and learnt.dtype.kind in "biuf"
    values = column.to_numpy() if numbers else _objects(column)
    if incomplete.any():
        values = np.where(incomplete, learnt.iloc[stand_in], values)
    if not numbers:
        return pd.Series(values, dtype=object)
    # Integers with a gap were read as floats; the label of a level in `a:b` is 1, not 1.0.
    with np.errstate(invalid="ignore"):
        cast = values.astype(learnt.dtype)
    return pd.Series(cast if (cast == values).all() else values)


def _objects(column: pd.Series) -> np.ndarray:
    if isinstance(column.dtype, pd.CategoricalDtype):
        # Not by pandas, which makes floats of integer categories beside a gap; a gap is replaced anyway.
        return column.cat.categories.to_numpy(dtype=object)[column.cat.codes.to_numpy()]
    return column.to_numpy(dtype=object)


def _numbers(expression: Expression, frame: pd.DataFrame) -> np.ndarray:
    # Without a column of some kind a constant would have no number of rows.
    rows = {"": np.zeros(len(frame))}
    values = np.asarray(evaluate(expression, rows | {str(name): frame[name].to_numpy() for name in frame}))
    checks.numeric(expression.text, values, measured)
    return values.astype(float)


def _rows(design: Design, frame: pd.DataFrame, trials: bool, se: bool) -> Rows:
    response, n = design.formula.response, len(frame)
    out = Rows(np.zeros(n), np.ones(n), np.ones(n), np.zeros(n))
    if trials and response.trials is not None:
        out = out._replace(trials=_numbers(response.trials, frame))
        bad = np.flatnonzero((out.trials < 0) | (out.trials != np.round(out.trials)))
        if bad.size:
            raise DataError(
                "trials-not-known",
                f"{response.trials.text!r} holds no number of trials in {counted(bad.size, 'row')} "
                f"({listing(f'row {i}: {out.trials[i]:g}' for i in bad)}).",
                "Integers of at least 0.",
            )
    if se and response.se is not None:
        out = out._replace(se=_numbers(response.se, frame))
        checks.positive("Standard errors", response.se.text, out.se)
    if trials and (own := [_numbers(column, frame) for column in (*response.vint, *response.vreal)]):
        for column, values in zip(response.vint, own, strict=False):
            checks.whole(column.text, values)
        out = out._replace(columns=np.stack([np.broadcast_to(column, n) for column in own]))
    if trials:
        out = out._replace(bounds=bounds(response, frame, design.family.discrete))
    return out
