"""How much of the variance between levels predictors explain: the same model with and without them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from shoal.api import Fit, Model
from shoal.errors import ModelError, listing, nearest
from shoal.estimands import INTERVAL, describe, interval_names
from shoal.fit.progress import shown
from shoal.model import Specification
from shoal.model.variants import with_priors
from shoal.priors import Fixed
from shoal.scores.compare import Comparison, compared
from shoal.scores.loo import loo
from shoal.studies.pooling.settings import (
    Between,
    check_model,
    fitted,
    learned_sd,
    rows_or_trials,
    sd_draws,
    settings_for,
)

if TYPE_CHECKING:
    from shoal.drawing.picture import Picture

WITH, WITHOUT = "with", "without"


@dataclass(frozen=True, repr=False, eq=False)
class Explained:
    """A model with and without predictors of its levels.

    Attributes
    ----------
    name : str
        The standard deviation between levels.
    predictors : tuple of str
        Population columns that one of the fits leaves out.
    table : pandas.DataFrame
        Posterior of the standard deviation ``with`` and ``without`` them, and of ``share_explained``, one
        less the ratio of the variances (of draws paired at random; below 0 where the variance grows). The
        share has a median, but no mean or sd where a variance of 0 is possible.
    fits : dict of str to Fit
        "with" and "without".
    observations, levels : Comparison
        By leaving out an observation of known levels, and by leaving out whole levels.
    prob : float
    """

    name: str
    predictors: tuple[str, ...]
    table: pd.DataFrame
    fits: dict[str, Fit]
    observations: Comparison
    levels: Comparison
    prob: float

    @property
    def verdict(self) -> str:
        """What the predictors explain, and what they do for predictions."""
        middle = self.table["median"]
        lower, upper = interval_names(self.prob)
        share = self.table.loc["share_explained"]
        words = (
            f"{self.name} is {middle[WITHOUT]:.3g} without {listing(self.predictors)} and {middle[WITH]:.3g} "
            f"with: {share['median']:.0%} of the variance between levels is explained "
            f"(medians; {100 * self.prob:g}% interval {share[lower]:.0%} to {share[upper]:.0%})."
        )
        known, new = (_gain(c) for c in (self.observations, self.levels))
        return f"{words} elpd with them: {known} for levels that are known, {new} for new ones."

    def plot(self) -> Picture:
        """Draw the posterior of the standard deviation with and without the predictors."""
        from shoal.studies.pooling.pictures import two_densities

        draws = {kind: sd_draws(fit, self.name) for kind, fit in self.fits.items()}
        return two_densities(self.name, self.predictors, draws)

    def __str__(self) -> str:
        return "\n".join(
            [
                self.table.round(3).to_string(),
                self.verdict,
                "",
                str(self.observations),
                "",
                str(self.levels),
            ]
        )

    def __repr__(self) -> str:
        return str(self)


def _gain(comparison: Comparison) -> str:
    """Return the difference that the predictors make, with its standard error."""
    table = comparison.table
    sign = 1.0 if table.index[0] == WITH else -1.0
    return f"{-sign * table['elpd_diff'].iloc[1]:+.1f} (se {table['diff_se'].iloc[1]:.1f})"


def explained(
    model: Model,
    group: str | None = None,
    predictors: Sequence[str] | str | None = None,
    *,
    effect: str | None = None,
    draws: int = 1000,
    chains: int = 4,
    seed: int = 1,
    prob: float = INTERVAL,
    refit: bool = False,
    cores: int | None = None,
    progress: bool | None = None,
) -> Explained:
    """Fit a model with and without predictors of its levels, and see what is left between the levels.

    Parameters
    ----------
    model : Model
        With the predictors.
    group, effect : str, optional
        Whose standard deviation; needed where there are several.
    predictors : str or sequence of str, optional
        Population columns to leave out (fixed at 0); by default all that are constant within each level, or
        for the effect of a column ``x`` those that are ``x`` times something constant within each level.
    draws, chains, seed, cores, progress
        As in `Model.fit`.
    prob : float
        Of the intervals.
    refit : bool
        As in `Fit.loo`: fit anew without each unit whose Pareto k is too large, with and without predictors.

    Returns
    -------
    Explained

    Raises
    ------
    ModelError
        Unknown names, no predictor of the levels, a standard deviation that is not learned.

    Notes
    -----
    Gelman and Pardoe (2006), Technometrics 48, 241-251. On a link's scale the residual variance of binary
    rows is fixed, so a predictor of single rows can raise the variance between levels.
    """
    spec = check_model(model).specification
    interval_names(prob)
    settings = settings_for(draws, chains, seed, cores)
    found = learned_sd(spec, group, effect)
    columns, name = _columns(spec, found, predictors), found.sd
    full = fitted(model, settings, progress)
    bare = Model._of(with_priors(spec, dict.fromkeys(columns, Fixed(0.0))))
    fits = {WITH: full, WITHOUT: fitted(bare, settings, progress)}
    draws_of = {key: sd_draws(fit, name) for key, fit in fits.items()}
    # Two posteriors are independent: any pairing of their draws is one at random.
    share = 1 - (draws_of[WITH] / np.random.default_rng(seed).permutation(draws_of[WITHOUT])) ** 2
    rows = {WITHOUT: draws_of[WITHOUT], WITH: draws_of[WITH], "share_explained": share}
    table = pd.DataFrame({key: describe(values, prob) for key, values in rows.items()}).T
    table.insert(2, "median", [np.median(values) for values in rows.values()])
    table.loc["share_explained", ["mean", "sd"]] = np.nan

    with shown(progress if refit else False, 0, "fits") as bar:

        def scored(unit: str) -> Comparison:
            return compared(
                {key: loo(fit.results, unit, refit, settings.cores, bar) for key, fit in fits.items()}
            )

        observations, levels = scored(rows_or_trials(spec)), scored(found.group.name)
    return Explained(name, columns, table, fits, observations, levels, prob)


def _columns(model: Specification, found: Between, given: Any) -> tuple[str, ...]:
    """Return the posterior names of the columns to leave out."""
    design, group = found.design, found.group
    if given is None:
        return _of_levels(model, found)
    several = isinstance(given, Iterable) and not isinstance(given, str)
    names: list[Any] = list(given) if several else [given]
    known = {**dict(zip(design.terms, design.columns, strict=True)), **{c: c for c in design.columns}}
    for name in names:
        if not isinstance(name, str) or name not in known:
            raise ModelError(
                "unknown-predictor",
                f"There is no population column {name!r}.",
                "Columns of the formula, by term or by posterior name.",
                nearest(str(name), design.columns),
            )
    own = [known[name] for name in names if design.terms[design.columns.index(known[name])] == "Intercept"]
    if own:
        raise ModelError(
            "unknown-predictor",
            f"predictors={given!r}, and {own[0]!r} is no predictor.",
            f"Predictors of the levels of {group.name}.",
            "Columns that differ between levels.",
        )
    if not names:
        raise ModelError(
            "nothing-named",
            "No predictor is named.",
            f"Predictors of the levels of {group.name}.",
            "predictors=[…].",
        )
    return tuple(dict.fromkeys(known[name] for name in names))


def _of_levels(model: Specification, found: Between) -> tuple[str, ...]:
    """Return the columns that are the effect's own (1 of an Intercept) times a trait of the levels."""
    design, group = found.design, found.group
    matched, z = design.matched(group), group.z[:, found.k]
    square = np.bincount(group.index, z**2)
    out = []
    for i, name in enumerate(design.columns):
        x, total = design.x[:, i], np.bincount(group.index, z * design.x[:, i])
        trait = np.divide(total, square, out=np.zeros_like(total), where=square > 0)
        close = 1e-9 * np.abs(x).max()
        if i in matched or isinstance(model.priors[name].prior, Fixed) or np.ptp(trait) <= close:
            continue
        if (np.abs(x - trait[group.index] * z) <= close).all():
            out.append(name)
    if not out:
        constant = "constant" if found.effect == "Intercept" else f"{found.effect!r} times a constant"
        raise ModelError(
            "no-predictor-of-levels",
            f"No predictor is {constant} within each level of {group.name}.",
            "Traits of the levels, which can explain how they differ.",
            "Name the population columns to leave out: predictors=[…].",
        )
    return tuple(out)
