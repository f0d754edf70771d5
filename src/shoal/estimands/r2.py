"""How much of the responses' variance a model explains, on the scale of the responses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import xarray as xr

from shoal.errors import ModelError
from shoal.estimands.common import INTERVAL, describe, interval_names
from shoal.estimands.spread import Spread, share, spread
from shoal.estimands.table import Estimates
from shoal.fit.results import Results
from shoal.fit.row_blocks import blocks, part, shared_draws
from shoal.model.design import Design
from shoal.model.predictors import linear_predictor, phi_of
from shoal.model.spatial import Spatial

CONDITIONAL, MARGINAL = "conditional", "marginal"
NOTES = {
    CONDITIONAL: "Conditional: the expected responses of the rows, with the effects of {levels}, vary by "
    "this share of their variance and that of responses around them.",
    MARGINAL: "Marginal: the expected responses without these effects (zero), the population part alone; "
    "what the effects add counts as unexplained.",
}

ALONE = (
    "There is no marginal part without pooling: the population's coefficients that vary by "
    "level are given numbers, and no estimates."
)


@dataclass(frozen=True, repr=False)
class R2:
    """Shares of the variance of responses that a model explains.

    Attributes
    ----------
    draws : xarray.DataArray
        Dims (chain, draw, part): "conditional", "marginal" (not without pooling), and "loo" where it was
        asked for.
    scale, population : str
        What varies, and over which rows.
    notes : tuple of str
        What each part is, as sentences.
    prob : float
        Probability of the table's interval.
    unreliable : str
        What is wrong with the part "loo", as a sentence; empty if nothing is.
    """

    draws: xr.DataArray
    scale: str
    population: str
    notes: tuple[str, ...]
    prob: float
    unreliable: str = ""

    @property
    def reliable(self) -> bool:
        """Whether each part can be relied on."""
        return not self.unreliable

    @property
    def table(self) -> pd.DataFrame:
        """One row a part: mean, sd and equal-tailed interval of its share of the variance."""
        rows = [describe(values, self.prob) for values in np.moveaxis(self.draws.values, -1, 0)]
        table = Estimates(rows, index=pd.Index(self.draws["part"].values, name="r2"))
        table.attrs = {
            "scale": self.scale,
            "population": self.population,
            "notes": [*self.notes, *filter(None, [self.unreliable])],
        }
        return table

    def __repr__(self) -> str:
        return repr(self.table)

    def _repr_html_(self) -> str | None:
        return self.table._repr_html_()


def r2(results: Results, response: str | None = None, prob: float = INTERVAL) -> R2:
    """Return Bayesian R2, with the effects of levels and without; see `Fit.r2`.

    Raises
    ------
    ModelError
    """
    interval_names(prob)
    design = explained(results, response)
    whole, fixed, added, residual = _variances(results, design)
    shares = {CONDITIONAL: share(whole, whole + residual)}
    if results.model.pooling != "none":  # where the population part is given, and no estimate
        shares[MARGINAL] = share(fixed, fixed + added + residual)
    posterior = results.posterior
    draws = xr.DataArray(
        np.stack(list(shares.values()), axis=-1),
        {"chain": posterior.chain.values, "draw": posterior.draw.values, "part": list(shares)},
        ("chain", "draw", "part"),
    )
    scale, of_whom = words(design)
    return R2(draws, scale, of_whom, _notes(design, MARGINAL in shares), prob)


def explained(results: Results, response: str | None) -> Design:
    """Return the response that is meant, if it has a variance that could be explained.

    Raises
    ------
    ModelError
    """
    design = results.model.response(response)
    name = design.formula.response.value.text
    if design.family.categorical:
        raise ModelError(
            "response-of-categories",
            f"The responses {name!r} are categories.",
            "Numbers, whose variance can be explained: categories have what numbers are given to them.",
            "fit.loo() and sl.compare say how well categories are predicted; fit.icc() and "
            "fit.variance_partition() where the variance of the variable behind ordered ones lies.",
        )
    results.model.require_rows(
        "The variance of expected responses",
        "fit.variance_partition() and fit.icc() are of averages, which are known.",
        sums=True,
    )
    if isinstance(design.residuals, Spatial):
        raise ModelError(
            "no-residual-variance",
            "Rows depend on their neighbours, sar(...): their variance around the mean is not sigma squared.",
            "A model without sar(...).",
            "fit.loo() says how well rows are predicted from the others.",
        )
    lost = [group.r for one in design.parts for group in one.groups if group.r not in results.posterior]
    if lost:
        raise ModelError(
            "effects-not-kept",
            f"The draws of {lost[0]} were not kept (store='none').",
            "Fit with store='single'.",
        )
    if not np.any(design.rows.weight):
        raise ModelError("no-weight", f"No row of {name!r} has weight.", "Rows that count.")
    return design


def words(design: Design) -> tuple[str, str]:
    """Return the scale of the responses, and which rows they are, in words."""
    name, weight = design.formula.response.value.text, np.asarray(design.rows.weight)
    share = "share of successes, " if design.formula.response.trials is not None else ""
    counts = np.ones(len(weight)) if design.counts is None else design.counts
    count = int(np.rint(counts[weight > 0].sum()))
    weighted = "" if np.isin(weight / counts, (0, 1)).all() else ", by their weights"
    return f"{share}{name}", f"the {count:,} rows that were fitted{weighted}"


def _variances(results: Results, design: Design) -> tuple[np.ndarray, ...]:
    """Return variances over rows, (chain, draw) each, and the mean over rows of that of responses.

    Of the expected responses with all effects, of those without the levels' effects, and of what these add.
    """
    weight, found, residual = np.asarray(design.rows.weight, float), list[Spread](), np.zeros(())
    for where, means, population, variance in _means(results, design):
        counts = None if design.counts is None else design.counts[where]
        new = [spread(values, weight[where], counts) for values in (means, population, means - population)]
        found = [old.plus(one) for old, one in zip(found, new, strict=True)] if found else new
        # Rows without weight may have none: a response that is missing has no trials.
        residual = residual + np.where(weight[where] > 0, variance, 0.0) @ weight[where]
    return *(one.variance for one in found), residual / weight.sum()


def _means(results: Results, design: Design) -> Iterator[tuple[slice, np.ndarray, np.ndarray, np.ndarray]]:
    """Yield rows, their means with all effects and without those of levels, and variances around the first.

    Arrays are (chain, draw, rows). Successes are shares of the trials.
    """
    posterior = results.posterior
    shape = posterior.sizes["chain"], posterior.sizes["draw"]
    shared = shared_draws(design, posterior)
    for where in blocks(design.n_rows, shape[0] * shape[1]):
        own, effects = part(design, design, posterior, where)
        trials, whole = np.asarray(own.rows.trials, float), (*shape, own.n_rows)
        with np.errstate(over="ignore"):
            eta, phi = linear_predictor(own, shared | effects), phi_of(own, shared | effects)
            variance = own.family.variance(own.rows, eta, phi) / trials**2
            population = _mean(without_effects(own), shared)
            means = _mean(own, shared | effects)
        yield (
            where,
            np.broadcast_to(means, whole),
            np.broadcast_to(population, whole),
            np.broadcast_to(variance, whole),
        )


def _mean(design: Design, draws: dict[str, np.ndarray]) -> np.ndarray:
    eta = linear_predictor(design, draws)
    mean = design.family.mean(design.rows, eta, phi_of(design, draws))
    return np.asarray(mean / np.asarray(design.rows.trials, float))


def without_effects(design: Design) -> Design:
    """Return a design whose rows belong to no level: the population part of each linear predictor."""
    return design.changed(lambda one: replace(one, groups=(), latents=()))


def _notes(design: Design, marginal: bool) -> tuple[str, ...]:
    factors = [group.name for one in design.parts for group in one.groups]
    factors += [latent.factor for one in design.parts for latent in one.latents]
    if not factors:
        return ("The model has no effects of levels: conditional and marginal are the same.",)
    levels = " and ".join(dict.fromkeys(factors))
    return NOTES[CONDITIONAL].format(levels=levels), NOTES[MARGINAL] if marginal else ALONE
