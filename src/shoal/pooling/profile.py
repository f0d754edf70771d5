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
from shoal.model import Specification
from shoal.pooling.settings import check_model, fitted, name_of_sd, sd_draws, settings_for
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

    def plot(self) -> Picture:
        """Draw the scores along the grid above the posterior of the learned standard deviation."""
        from shoal.pooling.pictures import profile

        return profile(self)

    def __str__(self) -> str:
        return "\n".join([self.score.question, self.table.round(3).to_string(), self.verdict])

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
    check_model(model)
    interval_names(prob)
    settings = settings_for(draws, chains, seed, cores)
    learned = fitted(model, settings, progress)
    factor, name = name_of_sd(learned.results, group, effect)
    spec = model.specification
    if isinstance(spec.priors[name].prior, Fixed):
        raise ModelError(f"{name} is fixed: {spec.priors[name].prior}.", "A prior, to learn it.")
    values = _grid(grid, sd_draws(learned, name))
    what = unit or factor
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


def _grid(given: Any, draws: np.ndarray) -> list[float]:
    """Return values of the standard deviation, ascending."""
    if given is None:
        low, high = np.quantile(draws, [0.05, 0.95])
        return [float(f"{value:.3g}") for value in np.geomspace(low / 4, high * 4, POINTS)]
    numbers = isinstance(given, Sequence | np.ndarray) and not isinstance(given, str)
    values = np.asarray(given if numbers else [], float).ravel()
    if len(values) < 2 or not np.all(np.isfinite(values) & (values > 0)):
        raise ModelError(f"grid={given!r}.", "Two positive numbers or more.")
    return [float(value) for value in np.unique(values)]
