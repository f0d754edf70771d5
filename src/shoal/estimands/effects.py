"""What pooling did to each level: its estimate alone, its pooled one, and the way between."""

from __future__ import annotations

import numpy as np
import pandas as pd

from shoal.estimands.common import (
    INTERVAL,
    group_of,
    interval_names,
    label_column,
    linear_scale,
    these_levels,
)
from shoal.estimands.levels import summarised
from shoal.estimands.table import Estimates
from shoal.fit.level_summaries import shared
from shoal.fit.no_pooling import NoPooling, estimates
from shoal.fit.results import Results, not_kept
from shoal.model.design import Design
from shoal.model.predictors import linear_predictor, phi_of
from shoal.model.terms.all_terms import terms_of, variables_of
from shoal.model.terms.group_parameters import moved
from shoal.model.terms.variable import OF_ROWS

SHORTEST = 0.25  # sds of the no-pooling estimate: a shorter way to the population has no share


def effects(results: Results, name: str | None = None, prob: float = INTERVAL) -> pd.DataFrame:
    """Return one row per level and effect: no-pooling and pooled estimates, interval, shrinkage.

    Columns
    -------
    <group> : the level's label (``<group>_level`` if the factor is called like another column).
    n : rows of the level.
    no_pooling, no_pooling_sd : the level's estimate alone, given its own rows and a wide normal prior
        (`no_pooling.wide_sds`; its sd is in ``attrs["no_pooling_prior"]``), other coefficients at their
        posterior means.
    mean, sd, interval : the pooled coefficient (population plus deviation).
    shrinkage : share of the way from the no-pooling estimate to the population mean that pooling went,
        ``1 - (mean - population) / (no_pooling - population)``: 0 leaves the level alone, 1 takes it to the
        population mean. NaN where the way is shorter than a quarter of the estimate's sd: what the numerator
        carries besides pooling (a mode beside a mean, other coefficients held fixed) is as long, and the
        ratio says nothing. It can fall outside [0, 1] where a level's effects are correlated, or where the
        wide prior itself pulls; with few levels, whose population mean is hardly known, by much.
    at_edge : True if only the prior keeps the no-pooling estimate finite (all responses at one edge).
    """
    design, group = group_of(results, name)
    lower, upper = interval_names(prob)
    own = list(group.own)
    effects = [group.effects[k] for k in own]
    means, sds, ends = summarised(results, name, [(1 - prob) / 2, (1 + prob) / 2])
    alone, population = _alone(results, name)
    pooled, sd, (low, high) = means[:, own], sds[:, own], ends[..., own]
    away = alone.mean - population
    clear = np.abs(away) > SHORTEST * alone.sd
    shrinkage = np.full(away.shape, np.nan)
    shrinkage[clear] = 1 - (pooled - population)[clear] / away[clear]
    size = len(effects)
    columns = {
        "effect": np.tile(effects, len(group.labels)),
        "n": np.repeat(design.sizes(group), size),
        "no_pooling": alone.mean.ravel(),
        "no_pooling_sd": alone.sd.ravel(),
        "mean": pooled.ravel(),
        "sd": sd.ravel(),
        lower: low.ravel(),
        upper: high.ravel(),
        "shrinkage": shrinkage.ravel(),
        "at_edge": np.repeat(alone.at_edge, size),
    }
    table = Estimates({label_column(group, columns): np.repeat(group.labels, size), **columns})
    table.attrs = {
        "scale": linear_scale(design),
        "population": these_levels(group),
        "no_pooling_prior": dict(zip(effects, alone.prior_sd.tolist(), strict=True)),
    }
    return table


def _alone(results: Results, name: str | None) -> tuple[NoPooling, np.ndarray]:
    """Return no-pooling estimates and the population mean of each effect, (K,)."""
    design, group = group_of(results, name)
    means = _means(results, design)
    own = list(group.own)
    columns = [design.columns[c] if c >= 0 else None for c in np.array(design.matched(group))[own]]
    population = np.array([means[c] if c else 0.0 for c in columns])
    phi = {k: value[0] if len(value) == 1 else value for k, value in phi_of(design, means).items()}
    rest = linear_predictor(design, means | {group.r: np.zeros((len(group.labels), len(group.effects)))})
    names = [name for name in (group.sd, group.cor) if name in results.posterior]
    draws = {name: results.posterior[name].values for name in names}
    learned = (draws | moved(group, group.to_average, draws))[group.sd].mean((0, 1))[own]
    return estimates(design, group.unjoined, phi, rest, population, learned), population


def _means(results: Results, design: Design) -> dict[str, np.ndarray]:
    """Return the posterior mean of every parameter that the response's rows depend on."""
    variables = variables_of(terms_of((design,), {}), (design,))
    own = (v.name for v in variables if v.many or v.kind in OF_ROWS)
    names = [*own, *design.shared, *design.unknowns]
    means, posterior = dict[str, np.ndarray](), results.posterior
    for name in (name for name in names if name in posterior):
        means[name] = posterior[name].mean(("chain", "draw"), dtype=float).values
    for group in (group for group in design.groups if group.r not in means):
        means[group.r] = summarised(results, group.prefix + group.name, [])[0]
        for k, coefficient in shared(results.model, group).items():
            means[group.r][:, k] -= float(posterior[coefficient].mean())
    if lost := [name for name in names if name not in means]:
        raise not_kept(lost[0])
    return means
