"""A standard deviation between levels held fixed along a grid, scored, and held against the learned one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from shoal.api import Fit, Model
from shoal.comparison import compared
from shoal.errors import ModelError
from shoal.estimands import INTERVAL, describe, interval_names
from shoal.loo import Loo, loo
from shoal.loo.units import units_of
from shoal.model import Specification
from shoal.pooling.settings import check_model, fitted, learned_sd, sd_draws, settings_for
from shoal.posterior.posterior import Posterior, posterior_of
from shoal.priors import Fixed
from shoal.progress import shown
from shoal.refit import refit
from shoal.results import Results
from shoal.variants import with_priors

if TYPE_CHECKING:
    from shoal.plots.picture import Picture

POINTS = 15  # of the default grid


@dataclass(frozen=True, repr=False, eq=False)
class SdProfile:
    """Scores along a fixed standard deviation, and the learned one.

    Attributes
    ----------
    name : str
        The standard deviation, as its prior is called.
    table : pandas.DataFrame
        One row a value ``sd``: ``elpd`` with ``se``, ``p``, ``mcse``; ``elpd_diff`` from the learned model's
        with ``diff_se``; ``worst_k``.
    learned : Fit
        In which the standard deviation has its prior.
    score : Loo
        Of `learned`.
    prob : float
        Probability of the interval of the learned standard deviation.
    """

    name: str
    table: pd.DataFrame
    learned: Fit
    score: Loo
    prob: float

    @property
    def best(self) -> float:
        """The value of the grid with the highest elpd."""
        return float(self.table["elpd"].idxmax())

    @property
    def draws(self) -> np.ndarray:
        """Draws of the learned standard deviation, (S,)."""
        return sd_draws(self.learned, self.name)

    @property
    def interval(self) -> tuple[float, float]:
        """Equal-tailed interval of the learned standard deviation."""
        about = describe(self.draws, self.prob)
        lower, upper = interval_names(self.prob)
        return about[lower], about[upper]

    @property
    def covers(self) -> bool:
        """Whether that interval holds `best`."""
        return bool(self.interval[0] <= self.best <= self.interval[1])

    @property
    def verdict(self) -> str:
        """Where cross-validation and learning put the standard deviation."""
        low, high = self.interval
        top = self.table.loc[self.best]
        ends = self.best in (self.table.index[0], self.table.index[-1])
        edge = " That is an end of the grid: look beyond it." if ends else ""
        return (
            f"Cross-validation puts {self.name} at {self.best:.3g} (elpd {top['elpd']:.1f}).{edge} Learned, "
            f"it is {self.draws.mean():.3g}, {100 * self.prob:g}% interval {low:.3g} to {high:.3g}, which "
            f"{'holds' if self.covers else 'does not hold'} that value; elpd {self.score.elpd:.1f}, in one "
            f"fit in place of {len(self.table)}."
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """What to mind: scores that are not to be relied on."""
        limit, bad = self.score.good_k, int((self.table["worst_k"] > self.score.good_k).sum())
        fixed = f"Pareto k above {limit:.2f} at {bad} of {len(self.table)} values: do not rely on their elpd."
        learned = f"Learned: {self.score.complaint}"
        return (*([fixed] if bad else []), *([] if self.score.ok else [learned]))

    def plot(self) -> Picture:
        """Draw the scores along the grid above the posterior of the learned standard deviation."""
        from shoal.pooling.pictures import profile

        return profile(self)

    def __str__(self) -> str:
        return "\n".join([self.score.question, self.table.round(3).to_string(), self.verdict, *self.notes])

    def __repr__(self) -> str:
        return str(self)


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
    cores: int | None = None,
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
        As in `Model.fit`. The fits along the grid share one compilation and run side by side.
    prob : float
        Of the interval.

    Returns
    -------
    SdProfile

    Raises
    ------
    ModelError
        Unknown names, values that are not positive, a standard deviation that is not learned.
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
    score = loo(learned.results, what, cores=settings.cores)

    def scored(_: int, results: Results) -> Loo:
        return loo(results, what, cores=1)

    posteriors = [partial(_held, spec, name, value) for value in values]
    with shown(progress, len(values), "fits") as bar:
        scores = refit(posteriors, settings, scored, cores=settings.cores, progress=bar)
    rows = [_row(value, own, score) for value, own in zip(values, scores, strict=True)]
    return SdProfile(name, pd.DataFrame(rows).set_index("sd"), learned, score, prob)


def _held(model: Specification, name: str, value: float) -> Posterior:
    return posterior_of(with_priors(model, {name: Fixed(value)}))


def _row(value: float, own: Loo, learned: Loo) -> dict[str, Any]:
    pair = compared({"fixed": own, "learned": learned}).table
    sign = 1.0 if pair.index[0] == "learned" else -1.0
    other = pair.iloc[1]
    return {
        "sd": value,
        "elpd": own.elpd,
        "se": own.se,
        "p": own.p,
        "mcse": own.mcse,
        "elpd_diff": sign * other["elpd_diff"],
        "diff_se": other["diff_se"],
        "worst_k": float(own.pointwise["pareto_k"].max()),
    }


def _around(draws: np.ndarray) -> list[float]:
    """Return the default grid, ascending: well beyond both ends of the learned standard deviation."""
    low, high = np.quantile(draws, [0.05, 0.95])
    return [float(f"{value:.3g}") for value in np.geomspace(low / 4, high * 4, POINTS)]


def _grid(given: Any) -> list[float]:
    """Return the values given, ascending."""
    try:
        values = np.unique(np.asarray(given, float))
    except (TypeError, ValueError):
        values = np.array([])
    if len(values) < 2 or not np.all(np.isfinite(values) & (values > 0)):
        raise ModelError(f"grid={given!r}.", "Two positive numbers or more.", "grid=[0.5, 1, 2].")
    return [float(value) for value in values]
