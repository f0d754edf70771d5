"""Average predictions with predictors set to what they might have been, row by row of the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from shoal.errors import DataError, ModelError, listing, nearest
from shoal.estimands import linear_scale
from shoal.estimands.predictions import predict
from shoal.fit.results import Results
from shoal.model.design import Design, Group, Latent
from shoal.model.replay import columns_of
from shoal.tables import Table

SCALES = ("response", "probability", "linear")
COPY = " (levels)"  # what the name of a column ends in that stands for another one as a factor
CHUNK = 2**23  # numbers predicted at a time: rows of a chunk times draws (and categories)
Factor = Group | Latent


@dataclass(frozen=True)
class Sides:
    """What is contrasted: draws (chain, draw, side[, category]), their scale and their population."""

    draws: xr.DataArray
    scale: str
    population: str


def settings_draws(
    results: Results,
    settings: Mapping[str, Any],
    at: Mapping[str, Any] | str | None,
    scale: str,
    response: str | None,
    draws: int | None,
    seed: int,
) -> Sides:
    """Return draws of the mean prediction over all rows under each setting.

    Parameters
    ----------
    settings : mapping
        From columns to the values they take, one a setting; a single value holds in all.
    at : mapping, "population" or None
        Columns held at a value in every setting; None as a value stands for a new level from the population.
    scale : {"response", "probability", "linear"}

    Raises
    ------
    DataError, ModelError

    Notes
    -----
    With weights w and trials t, the mean of expected successes m is ``sum(w m) / sum(w t)``, the expected
    share of successes over all trials (t = 1 elsewhere): the g-formula over the rows of the data, Robins
    (1986), Mathematical Modelling 7, 1393-1512.
    """
    results, at = _levels_apart(results, results.model.response(response), at)
    design = results.model.response(response)
    if scale == "response" and design.family.categorical and design.family.joint:
        scale = "probability"  # categories without an order have no mean
    if scale == "probability" and not design.family.categorical:
        raise ModelError(
            f"scale='probability', and family {design.family.name!r} has no categories.",
            "'response' is the expected response: of 0/1 rows, their probability.",
        )
    frame = results.model.table.frame[columns_of(design, scale != "linear", False)]
    cases, held = _cases(settings, frame), _held(design, at)
    _check_columns(design, [*cases[0], *held])
    new = [c for c, value in held.items() if value is None]
    fixed = {c: _known(design, frame, c, value) for c, value in held.items() if value is not None}
    fixed |= {c: _new_label(design, frame[c]) for c in new}
    ask = _Ask(results, design, scale, "population" if new else "error", draws, seed)
    sides = []
    for case in cases:
        case = {c: _known(design, frame, c, value) for c, value in case.items()}
        sides.append(_mean(ask, frame, fixed | case))
    names = [_words(case) for case in cases]
    joined = xr.concat(sides, pd.Index(names, name="side")).transpose("chain", "draw", "side", ...)
    return Sides(joined, _scale_words(design, scale), _population_words(design, held))


def _cases(settings: Any, frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return one dict of values a setting."""
    if not isinstance(settings, Mapping) or not settings:
        name = settings if settings in list(frame) else next(iter(frame), "column")
        values = frame[name].drop_duplicates().tolist()[:2] if name in frame else [0, 1]
        raise ModelError(
            f"settings={settings!r}.",
            "A mapping from columns to the values to compare.",
            f"Such as contrast({{{name!r}: {values}}}).",
        )
    many = {c: list(v) for c, v in settings.items() if isinstance(v, Sequence | np.ndarray) and _several(v)}
    lengths = {len(values) for values in many.values()}
    if len(lengths) != 1 or min(lengths) < 2:
        counts = listing(f"{c!r} has {len(v)}" for c, v in many.items()) or "none has several values"
        raise ModelError(
            f"The settings differ in length, or there is one only: {counts}.",
            "The same number of values for each column, at least two.",
            "A column may have a single value, which then holds in all settings.",
        )
    (count,) = lengths
    return [{c: many[c][i] if c in many else v for c, v in settings.items()} for i in range(count)]


def _several(values: Any) -> bool:
    return not isinstance(values, str | bytes)


def _factors(design: Design) -> list[Factor]:
    factors: list[Factor] = []
    for part in design.parts:
        factors += [*part.groups, *part.latents]
    return factors


def _held(design: Design, at: Mapping[str, Any] | str | None) -> dict[str, Any]:
    """Return the columns held at a value in all settings, None for a new level."""
    if at is None:
        return {}
    if isinstance(at, Mapping):
        return dict(at)
    if at != "population":
        raise ModelError(
            f"at={at!r}.", "'population', or a mapping from columns to values.", "at={'tank': 3}."
        )
    if not _factors(design):
        raise ModelError("at='population', and the model has no grouping factor.", "Leave `at` out.")
    predictors = design.predicting
    return {c: None for factor in _factors(design) for c in factor.columns if c not in predictors}


def _levels_apart(
    results: Results, design: Design, at: Mapping[str, Any] | str | None
) -> tuple[Results, Mapping[str, Any] | str | None]:
    """Return results in which columns that are to name new levels, and are predictors, name them by a copy.

    The predictor keeps the values that it has, so that the mean over the rows is one over them, too.
    """
    factors, predictors = _factors(design), set(design.predicting)
    if at == "population":
        shared = {c for factor in factors if predictors.issuperset(factor.columns) for c in factor.columns}
    elif isinstance(at, Mapping):
        new = {c for c, value in at.items() if value is None}
        shared = new & predictors & {c for factor in factors for c in factor.columns}
    else:
        shared = set()
    if not shared:
        return results, at
    copies = {c: f"{c}{COPY}" for c in sorted(shared)}
    own = design.changed(
        lambda part: replace(
            part,
            groups=tuple(replace(g, columns=_renamed(g.columns, copies)) for g in part.groups),
            latents=tuple(replace(f, columns=_renamed(f.columns, copies)) for f in part.latents),
        )
    )
    frame = results.model.table.frame
    frame = frame.assign(**{copy: frame[c] for c, copy in copies.items()})
    designs = tuple(own if other is design else other for other in results.model.designs)
    model = replace(results.model, designs=designs, table=Table(frame, tuple(frame.columns)))
    if isinstance(at, Mapping):
        at = {copies.get(c, c) if value is None else c: value for c, value in at.items()}
    return Results(model, results.tree), at


def _renamed(columns: tuple[str, ...], names: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(names.get(column, column) for column in columns)


def _check_columns(design: Design, names: Sequence[str]) -> None:
    trials = design.formula.response.trials
    allowed = columns_of(design, False, False)
    for name in names:
        if trials is not None and name in trials.columns:
            raise ModelError(
                f"{name!r} is the number of trials of {design.formula.response.value.text!r}.",
                "Columns that predict: trials are part of the response, and keep their values.",
            )
        if name not in allowed:
            raise DataError(f"No term reads a column {name!r}.", nearest(str(name), allowed))
    if twice := [name for name in names if names.count(name) > 1]:
        raise ModelError(f"{twice[0]!r} is both in the settings and in `at`.", "One of the two.")


def _known(design: Design, frame: pd.DataFrame, name: str, value: Any) -> Any:
    """Return a value as it stands in the table, if the column names levels; else as it is."""
    if np.ndim(value):
        raise ModelError(
            f"{name!r} is held at {value!r}.", "`at` takes one value; put several in `settings`."
        )
    if pd.isna(value):
        raise DataError(f"The value {value!r} of {name!r} is missing.", "A value to set the column to.")
    if not _names_levels(design, name):
        return value
    there = frame[name].drop_duplicates().tolist()
    found = [v for v in there if v == value] or [v for v in there if str(v) == str(value)]
    if len(found) != 1:
        raise DataError(
            f"{name!r} has no level {value!r}.",
            nearest(str(value), [str(v) for v in there]),
            f"at={{{name!r}: None}} asks for a new level, drawn from the population.",
        )
    return found[0]


def _names_levels(design: Design, name: str) -> bool:
    """Whether a column only names levels."""
    return name not in design.predicting and any(name in f.columns for f in _factors(design))


def _new_label(design: Design, column: pd.Series) -> Any:
    """Return a label that no row has, of the column's kind.

    Raises
    ------
    ModelError
        If the column does more than naming levels.
    """
    if not _names_levels(design, str(column.name)):
        raise ModelError(
            f"at={{{column.name!r}: None}}, and {column.name!r} is a predictor.",
            "None stands for a new level; a predictor needs a value.",
        )
    if column.dtype.kind in "biuf":
        return int(np.ceil(column.max())) + 1
    label, taken = "new", set(column.astype(str))
    while label in taken:
        label += "_"
    return label


@dataclass(frozen=True)
class _Ask:
    """What every setting's prediction has in common."""

    results: Results
    design: Design
    scale: str
    new_levels: str
    draws: int | None
    seed: int


def _mean(ask: _Ask, frame: pd.DataFrame, values: Mapping[str, Any]) -> xr.DataArray:
    """Return draws of the mean prediction over rows with some columns set, (chain, draw[, category])."""
    design = ask.design
    changed = frame.assign(**{name: _column(frame[name], value) for name, value in values.items()})
    code = changed.groupby(list(changed), sort=False, observed=True, dropna=False).ngroup().to_numpy()
    _, first = np.unique(code, return_index=True)
    distinct = changed.iloc[first].reset_index(drop=True)
    linear = ask.scale == "linear"
    weight = np.bincount(code, design.row_weight if linear else design.rows.weight)
    chunk = _chunk(ask)
    total: Any = 0.0
    for start in range(0, len(distinct), chunk):
        rows = slice(start, start + chunk)
        predicted = predict(
            ask.results,
            distinct.iloc[rows].reset_index(drop=True),
            "linear" if linear else "mean",
            ask.new_levels,
            response=design.formula.response.value.text,
            draws=ask.draws,
            seed=ask.seed,
        )
        total = total + predicted.dot(xr.DataArray(weight[rows], dims="row"), dim="row")
    mean = total / design.row_weight.sum()
    if ask.scale == "response" and design.family.ordinal:
        category = mean.dims[-1]
        return mean.dot(xr.DataArray(design.category_numbers, dims=category), dim=category)
    return mean


def _chunk(ask: _Ask) -> int:
    """Return how many rows are predicted at a time."""
    sizes = ask.results.posterior.sizes
    each = ask.scale != "linear" or ask.design.family.joint
    categories = max(1, len(ask.design.categories)) if each else 1
    return max(1, CHUNK // (sizes["chain"] * (ask.draws or sizes["draw"]) * categories))


def _column(column: pd.Series, value: Any) -> Any:
    """Return a constant column, categorical where the fitted one is and knows the value."""
    if isinstance(column.dtype, pd.CategoricalDtype) and value in column.cat.categories:
        return pd.Categorical([value] * len(column), dtype=column.dtype)
    return value


def _words(case: Mapping[str, Any]) -> str:
    return ", ".join(f"{column}={value}" for column, value in case.items())


def _scale_words(design: Design, scale: str) -> str:
    response = design.formula.response
    name = response.value.text
    if scale == "linear":
        return linear_scale(design)
    if scale == "probability":
        return f"probability of each category of {name}"
    if design.family.ordinal:
        labels, numbers = design.categories, design.category_numbers
        return f"mean of {name}, {labels[0]} as {numbers[0]:g} to {labels[-1]} as {numbers[-1]:g}"
    if design.family.several:
        return f"expected share of each column of {name}"
    if response.trials is not None:
        return f"expected share of {name} among its trials"
    return f"expected {name}"


def _population_words(design: Design, held: Mapping[str, Any]) -> str:
    rows = f"mean over the {design.n_rows:,} rows of the data, other columns as they are"
    kept = _words({c: v for c, v in held.items() if v is not None})
    new = listing(c.removesuffix(COPY) for c, v in held.items() if v is None)
    words = [rows, *([f"with {kept}"] if kept else [])]
    return ", ".join([*words, *([f"in a new level of {new} drawn from the population"] if new else [])])
