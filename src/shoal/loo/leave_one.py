"""One unit left out at a time: by importance sampling, and by fits without a unit where that fails."""

from __future__ import annotations

import os
from functools import partial

import numpy as np
import pandas as pd

from shoal.loo.densities import Densities, densities
from shoal.loo.result import PSIS, REFIT, Loo
from shoal.loo.smoothing import Elpd, averaged, efficiency, good_k, smoothed
from shoal.loo.units import ROW, Units, units_of
from shoal.loo.words import advice, question
from shoal.posterior.posterior import Posterior, posterior_of
from shoal.refit import refit, settings_of
from shoal.results import Results
from shoal.sample.progress import Progress
from shoal.sample.target import Settings
from shoal.sample.threads import one_thread_lapack


def loo(
    results: Results,
    unit: str = ROW,
    refit_bad: bool = False,
    cores: int | None = None,
    progress: Progress | None = None,
) -> Loo:
    """Return the score of leaving out one unit at a time; see `Fit.loo`.

    Raises
    ------
    ModelError
        An unknown unit, or draws of effects that are needed and were not kept.
    SamplingError
        A fit without a unit that could not be made.
    """
    cores = cores or os.cpu_count() or 1
    units = units_of(results.model, unit)
    draws = results.posterior.sizes["chain"] * results.posterior.sizes["draw"]
    table, limit = _smoothed(results, units, cores), good_k(draws)
    bad = np.flatnonzero(table["pareto_k"] > limit)
    if refit_bad and bad.size:
        posterior, settings = posterior_of(results.model), settings_of(results)
        exact = leave_out(posterior, units, [np.array([u]) for u in bad], settings, cores, progress)
        exact["within"] = table["within"].to_numpy()[bad]
        table = pd.concat([table.drop(index=table.index[bad]), exact]).loc[table.index]
    return Loo(unit, question(results.model, units), table, draws, limit, advice(results.model, units))


def _smoothed(results: Results, units: Units, cores: int) -> pd.DataFrame:
    """Return the pointwise table of all units by importance sampling."""
    share = efficiency(results)
    with one_thread_lapack():
        blocks = densities(results, units, np.arange(len(units.labels)), cores)
        parts = [_table(units, block, smoothed(block.values, block.means, share), PSIS) for block in blocks]
    return _joined(units, parts)


def leave_out(
    posterior: Posterior,
    units: Units,
    sets: list[np.ndarray],
    settings: Settings,
    cores: int,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Fit without each set of units, and return the pointwise table of all of them.

    Parameters
    ----------
    sets : list of int arrays
        Units left out together.
    """

    def without(which: np.ndarray) -> Posterior:
        return posterior.given(units.without(posterior.model, which))

    def score(number: int, results: Results) -> pd.DataFrame:
        share = efficiency(results)
        whole = Results(posterior.model, results.tree)  # in which the rows left out have their weights
        blocks = densities(whole, units, sets[number], 1, unseen=True)
        return pd.concat([_table(units, b, averaged(b.values, b.means, share), REFIT) for b in blocks])

    todo = [partial(without, which) for which in sets]
    return _joined(units, refit(todo, settings, score, cores=cores, progress=progress))


def _table(units: Units, block: Densities, scores: Elpd, method: str) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "n": units.sizes[block.units],
            "elpd": scores.elpd,
            "within": scores.within,
            "pareto_k": scores.k,
            "mcse": scores.mcse,
            "predicted": scores.predicted,
            "method": method,
            "integral": block.method,
            "integral_error": block.error,
        },
        index=block.units,
    )


def _joined(units: Units, parts: list[pd.DataFrame]) -> pd.DataFrame:
    """Return one table in the order of the units, under their labels."""
    table = pd.concat(parts).sort_index()
    return table.set_axis(pd.Index(units.labels[table.index], name=units.name), axis=0)
