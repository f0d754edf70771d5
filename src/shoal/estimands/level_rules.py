"""Whose predictions they are: of which levels of grouping factors, or averaged over which."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from shoal.errors import DataError, ModelError, listing, nearest
from shoal.fit.results import Results
from shoal.model.design import Design
from shoal.model.replay_levels import factors_of
from shoal.tables import Table, assigned

RULES = {"typical": "zero", "population": "average", "fitted": "error"}  # what becomes of new levels
COPY = " (levels)"  # what the name of a column ends in that stands for another one as a factor


@dataclass(frozen=True)
class Levels:
    """A rule about levels, as it is applied to tables.

    Attributes
    ----------
    results : Results
        In them columns that the rule sets, and that are predictors, too, name levels by a copy.
    held : dict
        Columns set to one value in every row; those of new levels to a label that no row has.
    new_levels : str
        As `predict` takes it.
    combined : tuple of str
        Columns whose combinations in the data are averaged over: those of factors and of their categories.
    words : str
        The rule, as the end of a sentence; empty if all rows keep their levels.
    """

    results: Results
    held: dict[str, Any]
    new_levels: str
    combined: tuple[str, ...]
    words: str


def level_rule(
    results: Results,
    response: str | None,
    at: Mapping[str, Any] | str | None,
    levels: Any,
    settled: Iterable[str],
    over_data: bool,
) -> Levels:
    """Return what becomes of the levels of all grouping factors.

    Parameters
    ----------
    at : mapping, "population" or None
        Columns held at a value; None as a value stands for a new level, its effects drawn.
    levels : {"typical", "population", "fitted"}, label or None
        For the factors that neither `at` nor `settled` speaks of; by default their own in rows of the data,
        "typical" elsewhere.
    settled : iterable of str
        Columns that are set from case to case.
    over_data : bool
        Whether rows are those of the data.

    Raises
    ------
    DataError, ModelError
    """
    design = results.model.response(response)
    given = _given(design, at)
    if levels is not None and not factors_of(design):
        raise ModelError(
            "no-grouping-factor",
            f"levels={levels!r}, and the model has no grouping factor.",
            "Leave `levels` out.",
        )
    label = ""
    if levels is not None and not (isinstance(levels, str) and levels in RULES):
        given, label = _with_label(design, results.model.table.frame, given, levels)
        levels = None
    drawn = [c for c, value in given.items() if value is None]
    if drawn and levels is not None:
        raise ModelError(
            "levels-set-twice",
            f"at={{{drawn[0]!r}: None}} and levels={levels!r}.",
            "Either a new level whose effects are drawn, or a rule for all levels.",
        )
    rule = levels or ("fitted" if over_data or drawn else "typical")
    targets = [] if rule == "fitted" and over_data else _open(design, given, set(settled))
    _check_population(results, [*drawn, *([] if rule == "fitted" else targets)], levels or (drawn and at))
    results, copies = _apart(results, design, [*drawn, *targets])
    design, frame = results.model.response(response), results.model.table.frame
    held = {c: known_value(design, frame, c, value) for c, value in given.items() if value is not None}
    new = [copies.get(c, c) for c in (drawn if rule == "fitted" else targets)]
    for column in new:
        held[column] = _new_label(design, frame[column], held.values())
    combined = tuple(_identifying(design)) if rule == "fitted" and targets else ()
    return Levels(
        results,
        held,
        "population" if drawn else RULES[rule] if targets else "error",
        combined,
        label or _words(rule, targets, drawn, frame, combined),
    )


def _check_population(results: Results, columns: list[str], asked: Any) -> None:
    """Raise if levels without pooling are to have a typical one, an average or a new one."""
    if not columns or results.model.pooling != "none":
        return
    raise ModelError(
        "new-level-without-pooling",
        f"{f'{asked!r} asks for' if asked else 'The default is'} a level of {listing(columns)} beside those "
        "that were fitted, and this fit has no pooling: its levels have no population, only a wide sd that "
        "was set, around an Intercept and slopes that were fixed.",
        "levels='fitted', the average over the levels that were fitted; or one of them in `at`.",
        "The model with partial pooling has a typical level, and a population to average over.",
    )


def _given(design: Design, at: Mapping[str, Any] | str | None) -> dict[str, Any]:
    """Return the columns that are held, None for a new level."""
    if at is None or isinstance(at, Mapping):
        return dict(at or {})
    if at != "population":
        raise ModelError(
            "at-unreadable",
            f"at={at!r}.",
            "'population', or a mapping from columns to values.",
            "at={'tank': 3}.",
        )
    if not factors_of(design):
        raise ModelError(
            "no-grouping-factor", "at='population', and the model has no grouping factor.", "Leave `at` out."
        )
    return dict.fromkeys(_open(design, {}, set()))


def _open(design: Design, given: Mapping[str, Any], settled: set[str]) -> list[str]:
    """Return the columns that name levels of which nothing is said.

    A factor all of whose columns are predictors, too, has levels of its own, whatever the predictors are.
    """
    predictors, out = set(design.predicting), list[str]()
    for factor in factors_of(design):
        if predictors.issuperset(factor.columns):
            out += [c for c in factor.columns if c not in given]
        else:
            out += [c for c in factor.columns if c not in predictors | settled and c not in given]
    return list(dict.fromkeys(out))


def _with_label(
    design: Design, frame: pd.DataFrame, given: Mapping[str, Any], label: Any
) -> tuple[dict[str, Any], str]:
    """Return what is held where one level is named without its factor, and the words for it."""
    names = list(dict.fromkeys(factor.columns for factor in factors_of(design)))
    if is_several(label):
        raise ModelError(
            "several-values",
            f"levels={label!r}.",
            f"One of {', '.join(map(repr, RULES))}, or one level.",
            f"by={{{names[0][0]!r}: [...]}} has a row for each, .contrast('(b1 + b2) / 2') a mean.",
        )
    known = nearest(label, RULES) if isinstance(label, str) else ""
    if len(names) != 1 or len(names[0]) != 1:
        columns = listing(repr(c) for c in dict.fromkeys(c for own in names for c in own))
        raise ModelError(
            "level-of-several-columns",
            f"levels={label!r} is no rule, and levels are named by several columns: {columns}.",
            f"One of {', '.join(map(repr, RULES))}, or the columns' values in `at`.",
            known if known.startswith("Did") else f"at={_example(frame, names, label)}.",
        )
    ((column,),) = names
    if known.startswith("Did") and label not in set(frame[column].astype(str)):
        raise ModelError(
            "unknown-level-rule",
            f"levels={label!r} is no rule, and {column!r} has no such level.",
            f"One of {', '.join(map(repr, RULES))}, or a level of {column!r}.",
            known,
        )
    if column in given:
        raise ModelError(
            "levels-set-twice", f"levels={label!r}, and `at` sets {column!r}.", "One of the two."
        )
    return {**given, column: label}, f"in level {label} of {column}"


def _example(frame: pd.DataFrame, factors: Iterable[tuple[str, ...]], label: Any) -> dict[str, Any]:
    """Return the values of the columns that name a level: of the one that is written so, or of the first."""
    tables = [frame[list(columns)].dropna().drop_duplicates() for columns in factors]
    written = [rows[rows.astype(str).agg(":".join, axis=1) == str(label)] for rows in tables]
    row = next((rows for rows in written if len(rows)), tables[0])
    return {str(name): row[name].tolist()[0] for name in row}


def _identifying(design: Design) -> list[str]:
    """Return the columns that tell levels, and their categories, apart."""
    columns = [c for factor in factors_of(design) for c in factor.columns]
    columns += [group.by.column for part in design.parts for group in part.groups if group.by]
    return list(dict.fromkeys(columns))


def _apart(results: Results, design: Design, columns: Iterable[str]) -> tuple[Results, dict[str, str]]:
    """Return results in which some columns, if they are predictors, too, name levels by a copy.

    The predictor keeps the values that it has, so that the mean over the rows is one over them, too.
    """
    factors, predictors = factors_of(design), set(design.predicting)
    shared = {c for f in factors if predictors.issuperset(f.columns) for c in f.columns} & set(columns)
    if not shared:
        return results, {}
    copies, taken = dict[str, str](), set(results.model.table.frame)
    for column in sorted(shared):
        copy = f"{column}{COPY}"
        while copy in taken:
            copy += "_"
        copies[column] = copy
    own = design.changed(
        lambda part: replace(
            part,
            groups=tuple(replace(g, columns=_renamed(g.columns, copies)) for g in part.groups),
            latents=tuple(replace(f, columns=_renamed(f.columns, copies)) for f in part.latents),
        )
    )
    frame = results.model.table.frame
    frame = assigned(frame, {copy: frame[c] for c, copy in copies.items()})
    designs = tuple(own if other is design else other for other in results.model.designs)
    model = replace(results.model, designs=designs, table=Table(frame, tuple(frame.columns)))
    return Results(model, results.tree), copies


def _renamed(columns: tuple[str, ...], names: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(names.get(column, column) for column in columns)


def is_several(values: Any) -> bool:
    """Whether something holds values, rather than being one."""
    holds = isinstance(values, Iterable) and not isinstance(values, str | bytes)
    return holds and getattr(values, "ndim", 1) > 0


def known_value(design: Design, frame: pd.DataFrame, name: str, value: Any) -> Any:
    """Return a value as it stands in the table, if the column only names levels; else as it is.

    Raises
    ------
    DataError, ModelError
        Several values, a missing one, or a level that was not fitted.
    """
    if is_several(value):
        raise ModelError(
            "several-values",
            f"{name!r} is held at {value!r}.",
            "One value: a column that takes several stands in `by`, or in the settings of a contrast.",
        )
    if pd.isna(value):
        raise DataError(
            "value-missing", f"The value {value!r} of {name!r} is missing.", "A value to set the column to."
        )
    if name not in frame or not names_levels(design, name):
        return value
    there = frame[name].drop_duplicates().tolist()
    found = [v for v in there if v == value] or [v for v in there if str(v) == str(value)]
    if len(found) != 1:
        raise DataError(
            "unknown-level",
            f"{name!r} has no level {value!r}.",
            nearest(str(value), [str(v) for v in there]),
            f"at={{{name!r}: None}} asks for a new level, drawn from the population.",
        )
    return found[0]


def names_levels(design: Design, name: str) -> bool:
    """Whether a column only names levels."""
    return name not in design.predicting and any(name in f.columns for f in factors_of(design))


def _new_label(design: Design, column: pd.Series, others: Iterable[Any]) -> Any:
    """Return a label that no row has and that is none of `others`, of the column's kind.

    The levels that a row of a multiple membership names are different ones.

    Raises
    ------
    ModelError
        If the column does more than naming levels.
    """
    if not names_levels(design, str(column.name)):
        raise ModelError(
            "predictor-without-value",
            f"at={{{column.name!r}: None}}, and {column.name!r} is a predictor.",
            "None stands for a new level; a predictor needs a value.",
        )
    if column.dtype.kind in "biuf":
        # In Python's numbers: NumPy's lose digits of large identifiers.
        taken = [value for value in others if isinstance(value, int | float)]
        return math.ceil(max([column.max().item(), *taken])) + 1
    label, names = "new", {*column.astype(str), *map(str, others)}
    while label in names:
        label += "_"
    return label


def _words(
    rule: str, targets: list[str], drawn: list[str], frame: pd.DataFrame, combined: tuple[str, ...]
) -> str:
    if drawn:
        return f"in a new level of {listing(drawn)} drawn from the population"
    if not targets:
        return ""
    names = listing(targets)
    if rule == "typical":
        return f"in a typical level of {names}, whose effects are zero (not an average over levels)"
    if rule == "population":
        return f"averaged over the population of levels of {names}"
    if len(combined) == 1:
        return f"averaged over the {frame[combined[0]].nunique():,} levels of {names} that were fitted"
    return f"averaged over the combinations of levels of {names} that were fitted"
