"""A response's design on another table: the columns that were learnt, row by row, and levels that are new."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from shoal.errors import DataError, ModelError, ShoalWarning, counted, listing
from shoal.families import Rows
from shoal.formula import evaluate
from shoal.formula.terms import Expression
from shoal.formula.text_values import measured
from shoal.model import checks
from shoal.model.design import Design, Group, Latent
from shoal.model.grouping_factors import level_names
from shoal.model.memberships import of_category, read_members, settled
from shoal.tables import Table, read
from shoal.tables.table import check_sizes

NEW_LEVELS = ("error", "population", "zero")


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
        Trials are needed.
    se : bool
        Standard errors are needed.
    """
    names = [*design.predicting, *_factor_columns(design)]
    names += [c for part in _additions(design, additions, se) for c in part.columns]
    return list(dict.fromkeys(names))


def _factor_columns(design: Design) -> list[str]:
    return [c for factor in _factors(design) for c in factor.columns]


def _factors(design: Design) -> list[Group | Latent]:
    groups = [group for part in design.parts for group in part.groups]
    return [*groups, *(latent for part in design.parts for latent in part.latents)]


def _additions(design: Design, trials: bool, se: bool) -> list[Expression]:
    response = design.formula.response
    wanted = [response.trials if trials else None, response.se if se else None]
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
        raise DataError(
            f"The table has no column {listing(map(repr, absent))}.",
            "New observations need the trials (and known standard errors) that they would have.",
            "Add the column (trials of 1 give a probability), or ask for kind='linear'.",
        ) from None


def fitted(design: Design) -> Replay:
    """Return the rows that were fitted."""
    return Replay(design, np.zeros(design.n_rows, bool))


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
    new_levels : {"error", "population", "zero"}
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
    columns = {str(name): _as_learnt(new[name], learnt[name], incomplete) for name in missing}
    frame = pd.DataFrame(columns, index=pd.RangeIndex(len(new)))
    check_sizes(frame)
    rows = _rows(design, frame, trials, se)
    there = design.changed(lambda part: _predictor(part, frame, rows))
    _check_levels(design, there, new_levels)
    if new_levels == "population":
        there = there.changed(lambda part: replace(part, groups=tuple(map(_with_new_levels, part.groups))))
    return Replay(there, incomplete)


def _predictor(part: Design, frame: pd.DataFrame, rows: Rows) -> Design:
    """Return one linear predictor on new rows."""
    _check_categories(part, frame)
    return replace(
        part.on(frame),
        rows=rows,
        offset=sum((_numbers(o, frame) for o in part.formula.offsets), np.zeros(len(frame))),
        groups=tuple(_group(group, frame) for group in part.groups),
        latents=tuple(_latent(latent, frame) for latent in part.latents),
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
    for name in dict.fromkeys(_factor_columns(design)):
        (before,), now = learnt[name].iloc[:1].tolist(), new[name].dropna()
        if len(now) and isinstance(before, str) != isinstance(now.iloc[0], str):
            raise DataError(
                f"Column {name!r} holds {listing(map(repr, now.drop_duplicates().tolist()))}.",
                f"The model learnt levels such as {before!r}.",
                "Convert the column to what it was when the model was made.",
            )


def _as_learnt(column: pd.Series, learnt: pd.Series, incomplete: np.ndarray) -> pd.Series:
    """Return a complete column, in the type that was fitted if no value changes by it.

    Incomplete rows take the values of a fitted row, so that no other row's values depend on them and row
    numbers in messages stay those of the table.
    """
    numbers = column.dtype.kind in "biuf" and learnt.dtype.kind in "biuf"
    values = column.to_numpy() if numbers else _objects(column)
    if incomplete.any():
        values = np.where(incomplete, learnt.iloc[0], values)
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
                f"{response.trials.text!r} holds no number of trials in {counted(bad.size, 'row')} "
                f"({listing(f'row {i}: {out.trials[i]:g}' for i in bad)}).",
                "Integers of at least 0.",
            )
    if se and response.se is not None:
        out = out._replace(se=_numbers(response.se, frame))
        checks.positive("Standard errors", response.se.text, out.se)
    return out


def _check_categories(part: Design, frame: pd.DataFrame) -> None:
    """Refuse categories whose levels have no spread that was learnt."""
    known: dict[str, list[Any]] = {}
    for by in (group.by for group in part.groups if group.by):
        known.setdefault(by.column, []).append(by.category)
    for column, categories in known.items():
        values = frame[column].drop_duplicates()
        if unknown := values[~values.isin(categories)].tolist():
            raise DataError(
                f"{column!r} has categories that were not fitted: {listing(map(repr, unknown))}.",
                f"One of {listing(map(repr, categories))}: the levels of each have their own spread.",
            )


def _group(group: Group, frame: pd.DataFrame) -> Group:
    if group.weight is None:
        index, labels = _numbered(group.labels, level_names(group.columns, frame))
        return replace(group, index=index, labels=labels, z=group.values(frame))
    if group.by is not None:
        names = np.asarray(level_names(group.columns, frame), dtype=object)
        members = of_category(group.by, names, frame)
    else:
        assert group.membership is not None
        members = read_members(group.columns, group.membership, frame)
    numbers, labels = _numbered(group.labels, members.levels)
    index, weight = settled(numbers, members)
    return replace(group, index=index, weight=weight, labels=labels, z=group.values(frame))


def _latent(latent: Latent, frame: pd.DataFrame) -> Latent:
    index, labels = _numbered(latent.labels, level_names(latent.columns, frame))
    return replace(latent, index=index, labels=labels)


def _numbered(fitted: np.ndarray, names: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return level numbers and labels, the new levels behind the fitted ones in order of appearance."""
    index = pd.Index(fitted).get_indexer(pd.Index(names))
    new = index < 0
    if not new.any():
        return index, fitted
    codes, labels = pd.factorize(np.asarray(names, dtype=object)[new])
    index = index.copy()
    index[new] = len(fitted) + codes
    return index, np.concatenate([fitted.astype(object), labels])


def _check_levels(design: Design, there: Design, new_levels: str) -> None:
    pairs = zip(_factors(design), _factors(there), strict=True)
    grown = [(a, b) for a, b in pairs if len(b.labels) > len(a.labels)]
    if new_levels == "error":
        # A factor of group effects and of latents is named once.
        unknown = {_name(a): _count(a, b) for a, b in grown}
        if unknown:
            raise DataError(
                f"Levels that were not fitted: {'; '.join(unknown.values())}.",
                "new_levels='error' predicts for fitted levels only.",
                "new_levels='population' draws their effects from the population, 'zero' sets them to zero.",
            )
    if new_levels == "population":
        _check_population(b for _, b in grown)


def _name(factor: Group | Latent) -> str:
    return factor.name if isinstance(factor, Group) else factor.factor


def _count(before: Group | Latent, after: Group | Latent) -> str:
    labels = after.labels[len(before.labels) :].tolist()
    new = after.index >= len(before.labels)
    rows = int(new.reshape(len(new), -1).any(axis=1).sum())
    return f"{len(labels)} of {_name(before)!r} in {counted(rows, 'row')} ({listing(map(repr, labels))})"


def _check_population(factors: Iterable[Group | Latent]) -> None:
    """Refuse levels from a population that the model does not have."""
    for group in factors:
        if isinstance(group, Latent):
            continue
        if group.zero_sum:
            raise ModelError(
                f"{group.name!r} has new levels, and its effects sum to zero over the fitted ones.",
                "A zero-sum term is about these levels only: there is no population beyond them.",
                "Fit `(… | g)` without zero_sum, or predict with new_levels='zero' (the mean of the levels).",
            )
        if group.root is not None and (unknown := _without_covariance(group)):
            raise ModelError(
                f"{group.name!r} has new levels that its known covariance {group.cov!r} lacks: "
                f"{listing(map(repr, unknown))}.",
                "What is needed is their covariance with the fitted levels.",
                "Fit with a DataFrame of all levels, the new ones too, or predict with new_levels='zero'.",
            )


def _without_covariance(group: Group) -> list[Any]:
    """Return the levels whose covariance with others was not given."""
    labels = group.labels.tolist()
    if group.known is None:
        return labels[0 if group.root is None else len(group.root) :]
    return [label for label in labels if label not in group.known.index or label not in group.known.columns]


def _with_new_levels(group: Group) -> Group:
    """Return the group with the Cholesky factor of the covariance of all levels, the fitted ones first."""
    if group.root is None or len(group.root) == len(group.labels):
        return group
    assert group.cov is not None
    return replace(group, root=checks.covariance(group.cov, group.name, group.known, group.labels))
