"""Each level's own coefficients, and the mean of these levels beside the population's."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr

from shoal.estimands.common import INTERVAL, describe, group_of, linear_scale, these_levels
from shoal.estimands.table import Estimates
from shoal.fit.level_summaries import shared, summaries_of
from shoal.fit.results import Results, not_kept

EVERY = slice(None)
DRAWS_AT_ONCE = 2**24  # numbers that are read together to summarise levels


def effects_draws(results: Results, name: str | None = None, some: slice = EVERY) -> xr.DataArray:
    """Return draws of the group effects r: deviations from the population, (chain, draw, level, effect).

    Parameters
    ----------
    some : slice
        Of the levels.

    Raises
    ------
    ModelError
        If they were not kept.
    """
    _, group = group_of(results, name)
    posterior = results.posterior
    if group.r not in posterior:
        raise not_kept(group.r)
    return posterior[group.r].isel({group.levels_dim: some}).astype(float)


def levels(results: Results, name: str | None = None, some: slice = EVERY) -> xr.DataArray:
    """Return draws of each level's own coefficients: population coefficient plus deviation.

    On the linear predictor's scale; dims (chain, draw, <group>, <group>_effect). An effect without a
    population column of its name has population coefficient 0.
    """
    design, group = group_of(results, name)
    out = effects_draws(results, name, some)
    for k, coefficient in shared(results.model, group).items():
        out[..., k] += results.posterior[coefficient]
    out.attrs = {"scale": linear_scale(design), "population": these_levels(group)}
    return out.rename(f"{group.prefix}levels_{group.name}")


def summarised(
    results: Results, name: str | None, probabilities: Sequence[float]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return mean and sd of each level's coefficients, (G, K), and their quantiles, (P, G, K).

    Of draws a part of the levels at a time, or of what was summarised as the draws came.
    """
    _, group = group_of(results, name)
    if group.r not in results.posterior and (found := results.summaries) is not None:
        return summaries_of(found, group, np.asarray(probabilities))
    over, parts = ("chain", "draw"), []
    sizes = results.posterior.sizes
    at_once = max(1, DRAWS_AT_ONCE // (sizes["chain"] * sizes["draw"] * len(group.effects)))
    for begin in range(0, len(group.labels), at_once):
        draws = levels(results, name, slice(begin, begin + at_once))
        quantiles = draws.quantile(probabilities, over, skipna=False).values
        parts.append((draws.mean(over).values, draws.std(over).values, quantiles))
    means, sds, quantiles = zip(*parts, strict=True)
    return np.concatenate(means), np.concatenate(sds), np.concatenate(quantiles, axis=1)


def finite_population(results: Results, name: str | None = None, prob: float = INTERVAL) -> pd.DataFrame:
    """Return the mean of each effect over *these* levels beside the population's.

    The population mean is uncertain by the sd between levels over the square root of their number,
    however well each level is known; the mean of these levels is not. Gelman and Hill (2007), section 21.2.
    In a zero-sum term the two are one.
    """
    (design, group), draws = group_of(results, name), levels(results, name)
    rows = []
    population_of = shared(results.model, group)
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
