"""A standard deviation between levels held fixed along a grid, scored, and held against the learned one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from shoal.api import Model
from shoal.errors import ModelError
from shoal.estimands import INTERVAL, interval_names
from shoal.fit.fingerprint import fingerprint
from shoal.fit.many import where
from shoal.fit.posterior import Posterior, posterior_of
from shoal.fit.progress import shown
from shoal.fit.refit import Refits
from shoal.fit.refit import refit as sample
from shoal.fit.results import Results
from shoal.model import Specification
from shoal.model.variants import with_priors
from shoal.priors import Fixed
from shoal.scores.compare import compared
from shoal.scores.loo import Loo, loo
from shoal.scores.loo.units import units_of
from shoal.studies.pooling.profiled import SdProfile
from shoal.studies.pooling.settings import check_model, fitted, learned_sd, sd_draws, settings_for

POINTS = 15  # of the default grid


def sd_profile(
    model: Model,
    group: str | None = None,
    grid: Sequence[float] | None = None,
    *,
    effect: str | None = None,
    unit: str | None = None,
    draws: int = 1000,
    chains: int = 4,
    seed: int = 1,
    prob: float = INTERVAL,
    refit: bool = False,
    cores: int | None = None,
    workers: int | None = None,
    client: Any = None,
    checkpoint: str | Path | None = None,
    progress: bool | None = None,
) -> SdProfile:
    """Find a standard deviation between levels by cross-validation, and beside it learn it.

    Parameters
    ----------
    model : Model
    group, effect : str, optional
        Whose standard deviation; needed where there are several.
    grid : sequence of float, optional
        Values to hold it at; by default 15 around the learned one.
    unit : str, optional
        What is left out, as in `Fit.loo`; by default the levels of `group`.
    draws, chains, seed, cores, progress
        As in `Model.fit`. The fits along the grid run side by side.
    workers, client, checkpoint
        As in `shoal.kfold`, for the fits along the grid.
    prob : float
        Of the interval.
    refit : bool
        As in `Fit.loo`: fit anew without each unit whose Pareto k is too large, at each value of the grid and
        with the standard deviation learned.

    Returns
    -------
    SdProfile

    Raises
    ------
    ModelError
        Unknown names, a grid that is no sequence of positive numbers, a standard deviation that is not
        learned.
    """
    spec = check_model(model).specification
    interval_names(prob)
    settings = settings_for(draws, chains, seed, cores)
    found = learned_sd(spec, group, effect)
    name, what = found.sd, found.group.name if unit is None else unit
    units_of(spec, what)
    given = None if grid is None else _grid(grid)
    learned = fitted(model, settings, progress)
    values = _around(sd_draws(learned, name)) if given is None else given

    at = where(settings.cores, workers, client, checkpoint)
    held = _Held(spec, name, tuple(values), what, refit)
    about = fingerprint(spec, settings, unit=what, sd=name, refit=refit, grid=values)
    with shown(progress, len(values), "fits") as bar:
        score = loo(learned.results, what, refit, settings.cores, bar)
        tables = sample(Refits(held.posterior, held.scored, settings, len(values)), at, about, bar)
    # What else a score says does not depend on the value.
    found_at = [replace(score, pointwise=table, **table.attrs) for table in tables]
    scores = dict(zip(values, found_at, strict=True))
    best = max(found_at, key=lambda own: own.elpd)
    rows = [_row(value, own, score, best) for value, own in scores.items()]
    return SdProfile(name, pd.DataFrame(rows).set_index("sd"), learned, score, scores, prob)


@dataclass(frozen=True)
class _Held:
    """Fits with a standard deviation held at each value of a grid, and their scores."""

    model: Specification
    name: str
    values: tuple[float, ...]
    unit: str
    refit: bool

    def posterior(self, number: int) -> Posterior:
        """Return the posterior at a value of the grid."""
        return posterior_of(with_priors(self.model, {self.name: Fixed(self.values[number])}))

    def scored(self, _: int, results: Results) -> pd.DataFrame:
        """Return the pointwise table of a fit, with what its score says beside it."""
        score = loo(results, self.unit, self.refit, cores=1)
        table = score.pointwise.copy()
        table.attrs = {"question": score.question, "advice": score.advice}
        return table


def _row(value: float, own: Loo, learned: Loo, best: Loo) -> dict[str, Any]:
    from_learned, from_best = _difference(own, learned), _difference(own, best)
    return {
        "sd": value,
        "elpd": own.elpd,
        "se": own.se,
        "p": own.p,
        "mcse": own.mcse,
        "elpd_diff": from_learned[0],
        "diff_se": from_learned[1],
        "from_best": from_best[0],
        "from_best_se": from_best[1],
        "worst_k": float(own.pointwise["pareto_k"].max()),
    }


def _difference(own: Loo, other: Loo) -> tuple[float, float]:
    """Return the difference of elpd of two scores, and its standard error."""
    if own is other:
        return 0.0, 0.0
    pair = compared({"own": own, "other": other}).table
    sign = 1.0 if pair.index[0] == "other" else -1.0
    return sign * float(pair["elpd_diff"].iloc[1]), float(pair["diff_se"].iloc[1])


def _around(draws: np.ndarray) -> list[float]:
    """Return the default grid, ascending: well beyond both ends of the learned standard deviation."""
    low, high = np.quantile(draws, [0.05, 0.95])
    return [float(f"{value:.3g}") for value in np.geomspace(low / 4, high * 4, POINTS)]


def _grid(given: Any) -> list[float]:
    """Return the values given, ascending."""
    try:
        values = np.asarray(given, float)
    except (TypeError, ValueError):
        values = np.array([])
    if values.ndim != 1 or len(np.unique(values)) < 2 or not np.all(np.isfinite(values) & (values > 0)):
        zero = "An sd of 0 is model.with_pooling('complete'). " if np.any(values == 0) else ""
        needed = "One sequence of two positive numbers or more."
        raise ModelError("grid-unreadable", f"grid={given!r}.", needed, f"{zero}grid=[0.5, 1, 2].")
    return np.unique(values).tolist()
