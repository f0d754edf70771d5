"""The numbers of the page's pictures, as plain data: levels, densities, the funnel, the run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from shoal.engine import convergence
from shoal.errors import ModelError
from shoal.estimands import INTERVAL, interval_names
from shoal.estimands.scalars import scalars
from shoal.fit.results import Results
from shoal.plots.density import CAREFUL, QUICK
from shoal.plots.funnel import funnel_draws
from shoal.plots.groups import Levels, interval_words, levels_of, pooled_levels_of, size_axis
from shoal.plots.prior_posterior import MOST, densities
from shoal.plots.quantities import choose

MOST_POINTS = 1500
MOST_LEVELS, MOST_WHILE_MOVING = 20_000, 2000
NOT_ALONE = ("no-estimates-alone", "several-levels-a-row")  # of levels that have pooled estimates only
DIGITS = 5


def picture(results: Results, group: str | None, effect: str | None, moving: bool) -> dict[str, Any]:
    """Return all that follows from draws alone.

    Parts that this model does not have hold a ``message`` that says why.

    Parameters
    ----------
    group, effect : str, optional
        The effect whose levels are shown.
    moving : bool
        The next picture is on its way: fewer levels, and densities of a quicker bandwidth.
    """
    return {
        "run": run_of(results),
        "levels": levels_of_picture(results, group, effect, moving),
        "densities": _or_message(densities_of, results, QUICK if moving else CAREFUL),
        "funnel": _or_message(funnel_of, results, group, effect),
    }


def levels_of_picture(
    results: Results, group: str | None, effect: str | None, moving: bool
) -> dict[str, Any]:
    """Return `levels_table`, or why there is none."""
    most = MOST_WHILE_MOVING if moving else MOST_LEVELS
    return _or_message(levels_table, results, group, effect, most)


def _or_message(part: Any, *arguments: Any) -> dict[str, Any]:
    """Return a part, or why there is none: a model without groups has no levels, and says so."""
    try:
        found: dict[str, Any] = part(*arguments)
    except ModelError as problem:
        return {"message": str(problem)}
    return found


def run_of(results: Results) -> dict[str, Any]:
    """Return how the draws were made and how far their chains agree."""
    posterior = results.posterior
    names = [name for name in results.hyperparameters() if name in posterior]
    values = np.array([v for _, v in scalars(posterior, names, results.model) if np.ptp(v) > 0])
    sizes = posterior.sizes
    found: dict[str, Any] = {
        "draws": sizes["chain"] * sizes["draw"],
        "chains": sizes["chain"],
        "sampler": str(results.attrs["sampler"]),
        "coordinates": str(results.attrs["sampled_coordinates"]),
        "divergences": int(results.stats["diverging"].sum()) if "diverging" in results.stats else 0,
    }
    if len(values):
        found["rhat"] = number(convergence.rhat(values).max())
        found["ess"] = number(min(convergence.ess_bulk(values).min(), convergence.ess_tail(values).min()))
    return found


def levels_table(results: Results, group: str | None, effect: str | None, most: int) -> dict[str, Any]:
    """Return each level alone and pooled, and where it stands by its size; of many those with most rows."""
    levels, missing = _alone_or_pooled(results, group, effect)
    table = levels.table.reindex(columns=[*levels.table, *({"no_pooling", "shrinkage"} - {*levels.table})])
    axis = size_axis(levels, table["mean" if missing else "no_pooling"].to_numpy())
    kept = np.sort(np.argsort(-table["size"].to_numpy(), kind="stable")[:most])
    low, high = interval_names(INTERVAL)
    columns = {
        "alone": "no_pooling",
        "pooled": "mean",
        "low": low,
        "high": high,
        "n": "n",
        "shrinkage": "shrinkage",
    }
    return {
        **heading_of(levels),
        "missing": missing,
        "labels": [str(label) for label in table[levels.label].iloc[kept]],
        "at": numbers(axis.position[kept]),
        "size": {"words": axis.words, "log": axis.logarithmic},
        "of": len(table),
        **{name: numbers(table[column].to_numpy()[kept]) for name, column in columns.items()},
    }


def _alone_or_pooled(results: Results, group: str | None, effect: str | None) -> tuple[Levels, str]:
    """Return levels, alone and pooled, and why they are not there alone: then they are pooled only."""
    try:
        return levels_of(results, group, effect, INTERVAL), ""
    except ModelError as problem:
        if problem.code not in NOT_ALONE:
            raise
        return pooled_levels_of(results, group, effect, INTERVAL), problem.found


def heading_of(levels: Levels) -> dict[str, Any]:
    """Return what the levels are, and the population's coefficient."""
    return {
        "group": levels.group.name,
        "effect": levels.effect,
        "scale": levels.axis,
        "interval": interval_words(INTERVAL),
        "population": number(levels.population),
        "column": _column_of(levels),
    }


def _column_of(levels: Levels) -> str | None:
    """Return the population's coefficient that goes with the effect, by name."""
    place = levels.design.matched(levels.group)[levels.group.effects.index(levels.effect)]
    return levels.design.columns[place] if place >= 0 else None


def pooled_completely(alone: dict[str, Any], results: Results) -> dict[str, Any]:
    """Return levels as they stand alone, and at the population's coefficient, which all of them share."""
    if "message" in alone:
        return alone
    name = alone["column"]
    there = results.posterior[name] if name in results.posterior else None
    value = 0.0 if there is None else float(there.mean())
    low, high = (value, value) if there is None else there.quantile([0.05, 0.95]).values
    each = len(alone["labels"])
    return alone | {
        "population": number(value),
        "pooled": [number(value)] * each,
        "low": [number(low)] * each,
        "high": [number(high)] * each,
        "shrinkage": [1.0] * each,
    }


def densities_of(results: Results, bandwidth: str) -> dict[str, Any]:
    """Return prior and posterior densities of the first quantities that have a prior."""
    quantities = choose(results, None, MOST)
    tables, estimated = densities(results, quantities.draws, bandwidth)
    return {
        "note": quantities.note,
        "panels": [
            {"name": name, "estimated": name in estimated, **frame(table)} for name, table in tables.items()
        ],
    }


def funnel_of(results: Results, group: str | None, effect: str | None) -> dict[str, Any]:
    """Return draws of a log sd and one level's effect: some, evenly spread, and all that diverged."""
    table, names = funnel_draws(results, group, effect)
    step = max(1, len(table) // MOST_POINTS)
    kept = table[(np.arange(len(table)) % step == 0) | table["diverging"]]
    return {
        "names": names,
        "effect": numbers(kept["effect"].to_numpy()),
        "log_sd": numbers(kept["log_sd"].to_numpy()),
        "diverging": kept["diverging"].tolist(),
    }


def frame(table: pd.DataFrame) -> dict[str, Any]:
    """Return the columns of a table as lists: text as it is, numbers as `number` writes them."""
    return {
        str(name): numbers(column.to_numpy())
        if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
        else column.tolist()
        for name, column in table.items()
    }


def numbers(values: Iterable[Any]) -> list[float | None]:
    """Return numbers of five digits, None where they are not finite: JSON has no such numbers."""
    every = np.asarray(list(values), float)
    pairs = zip(every.tolist(), np.isfinite(every).tolist(), strict=True)
    return [float(f"{value:.{DIGITS}g}") if finite else None for value, finite in pairs]


def number(value: Any) -> float | None:
    """Return a number as `numbers` does."""
    return numbers([value])[0]
