"""Each level's own coefficients, and the mean of these levels beside the population's."""

from __future__ import annotations

import pandas as pd
import xarray as xr

from shoal.errors import ModelError
from shoal.estimands.common import INTERVAL, describe, group_of, held_by, linear_scale, these_levels
from shoal.estimands.table import Estimates
from shoal.fit.results import Results


def effects_draws(results: Results, name: str | None = None) -> xr.DataArray:
    """Return draws of the group effects r: deviations from the population, (chain, draw, level, effect).

    Raises
    ------
    ModelError
        If they were not kept.
    """
    _, group = group_of(results, name)
    if group.r not in results.posterior:
        raise ModelError(
            "effects-not-kept",
            f"The draws of {group.r} were not kept (store='none').",
            "Fit with store='single'.",
        )
    return results.posterior[group.r].astype(float)


def levels(results: Results, name: str | None = None) -> xr.DataArray:
    """Return draws of each level's own coefficients: population coefficient plus deviation.

    On the linear predictor's scale; dims (chain, draw, <group>, <group>_effect). An effect without a
    population column of its name has population coefficient 0.
    """
    design, group = group_of(results, name)
    out = effects_draws(results, name)
    for part, held in held_by(results, group):
        for k, column in enumerate(part.matched(held)):
            if column >= 0:
                out[..., k] += results.posterior[part.columns[column]]
    out.attrs = {"scale": linear_scale(design), "population": these_levels(group)}
    return out.rename(f"{group.prefix}levels_{group.name}")


def finite_population(results: Results, name: str | None = None, prob: float = INTERVAL) -> pd.DataFrame:
    """Return the mean of each effect over *these* levels beside the population's.

    The population mean is uncertain by the sd between levels over the square root of their number,
    however well each level is known; the mean of these levels is not. Gelman and Hill (2007), section 21.2.
    In a zero-sum term the two are one.
    """
    (design, group), draws = group_of(results, name), levels(results, name)
    rows = []
    population_of = {
        k: part.columns[column]
        for part, held in held_by(results, group)
        for k, column in enumerate(part.matched(held))
        if column >= 0
    }
    for k, effect in enumerate(group.effects):
        finite = draws[..., k].mean(group.levels_dim).values
        rows.append({"effect": effect, "over": "these levels", **describe(finite, prob)})
        if k in population_of and not group.zero_sum:
            population = results.posterior[population_of[k]].values
            rows.append({"effect": effect, "over": "population", **describe(population, prob)})
    table = Estimates(rows).set_index(["effect", "over"])
    table.attrs = {
        "scale": linear_scale(design),
        "population": f"{these_levels(group)}, or the population they come from, as `over` says",
    }
    return table
