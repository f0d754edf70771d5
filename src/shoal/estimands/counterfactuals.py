"""Average predictions with predictors set to what they might have been, row by row of the data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from shoal.errors import ModelError, listing
from shoal.estimands.adjusted import (
    Ask,
    averages,
    check_columns,
    check_points,
    counted_by,
    over_data,
)
from shoal.estimands.comparisons import Answer
from shoal.estimands.grids import (
    check_apart,
    columns_in,
    held_columns,
    listed,
    unquoted,
    value_in,
    varied,
)
from shoal.estimands.level_rules import is_several, level_rule
from shoal.estimands.scales import of_shares, scale_for, scale_words, words_of, words_of_each
from shoal.fit.results import Results
from shoal.model.replay import columns_of


def settings_answer(
    results: Results,
    settings: Mapping[str, Any],
    by: Any,
    at: Mapping[str, Any] | str | None,
    levels: str | None,
    scale: str | None,
    response: str | None,
    draws: int | None,
    seed: int,
    prob: float,
) -> list[tuple[str, Answer]]:
    """Return the mean prediction over all rows under each setting, for each value of `by` with its words.

    Parameters
    ----------
    settings : mapping
        From columns to the values they take, one a setting; a single value holds in all.
    by : column, columns or mapping, optional
        Set to each of its values, too.
    at : mapping, "population" or None
        Columns held at a value in every setting; None as a value stands for a new level from the population.
    levels : {"typical", "population", "fitted"}, label or None

    Raises
    ------
    DataError, ModelError
    """
    design = results.model.response(response)
    scale = scale_for(design, scale or "response")
    cases = _cases(settings, results.model.table.frame[columns_of(design, scale != "linear", False)])
    between = {} if by is None else columns_in(by, "by")
    own = held_columns(at)
    at = own if isinstance(at, Mapping) else at
    check_columns(design, [*cases[0], *between, *own])
    check_apart(design, cases[0], between, own, "the settings")
    rule = level_rule(
        of_shares(results, response), response, at, levels, [*cases[0], *between], over_data=True
    )
    ask = Ask(rule, design.formula.response.value.text, scale, draws, seed)
    categories = ask.categories

    def values(case: Mapping[str, Any]) -> dict[str, Any]:
        return {c: value_in(ask.design, ask.frame, categories, c, v) for c, v in case.items()}

    cases = list(map(values, cases))
    own = values({c: v for c, v in own.items() if v is not None})
    grid = varied(ask, {}, between)
    check_points(ask, grid.count * len(cases))
    apart = grid.cases
    base = over_data(ask)
    found = averages(ask, base, [{**own, **case, **value} for value in apart for case in cases])
    population = population_words(ask, own)
    answers, sides = [], words_of_each(cases)
    for i, words in enumerate(words_of_each(apart)):
        part = found.isel(case=slice(i * len(cases), (i + 1) * len(cases))).rename(case="side")
        part = part.assign_coords(side=sides)
        answers.append((words, Answer(part, scale_words(design, scale), population, prob)))
    return answers


def population_words(ask: Ask, held: Mapping[str, Any]) -> str:
    """Return the words for a mean over the rows of the data."""
    rows = np.count_nonzero(ask.design.row_weight)
    words = [f"mean over the {rows:,} rows of the data{counted_by(ask)}, other columns as they are"]
    kept = words_of(held)
    words += [f"with {kept}"] if kept else []
    return ", ".join([*words, *([ask.levels.words] if ask.levels.words else [])])


def _cases(settings: Any, frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return one dict of values a setting."""
    if not isinstance(settings, Mapping) or not settings:
        name = settings if isinstance(settings, str) and settings in frame else next(iter(frame), "column")
        values = frame[name].drop_duplicates().tolist()[:2] if name in frame else [0, 1]
        raise ModelError(
            "settings-type",
            f"settings={settings!r}.",
            "A mapping from columns to the values to compare.",
            f"Such as contrast({{{name!r}: {values}}}).",
        )
    settings = {unquoted(name): values for name, values in settings.items()}
    many = {c: listed(c, v) for c, v in settings.items() if is_several(v)}
    lengths = {len(values) for values in many.values()}
    if len(lengths) != 1 or min(lengths) < 2:
        counts = listing(f"{c!r} has {len(v)}" for c, v in many.items()) or "none has several values"
        raise ModelError(
            "settings-lengths",
            f"The settings differ in length, or there is one only: {counts}.",
            "The same number of values for each column, at least two.",
            "A column may have a single value, which then holds in all settings.",
        )
    (count,) = lengths
    return [{c: many[c][i] if c in many else v for c, v in settings.items()} for i in range(count)]
