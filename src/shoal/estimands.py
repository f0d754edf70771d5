"""Quantities people ask of a multilevel fit; each says its scale and its population."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr

from shoal.design import Group
from shoal.errors import ModelError, listing, nearest
from shoal.no_pooling import estimates
from shoal.results import Results

INTERVAL = 0.9


def interval_names(prob: float, kind: str = "eti") -> tuple[str, str]:
    """Return the column names of an interval, such as ``eti90_lb`` and ``eti90_ub``."""
    if not 0 < prob < 1:
        raise ModelError(f"prob={prob!r}.", "The probability of an interval lies between 0 and 1.")
    share = f"{100 * prob:g}"
    return f"{kind}{share}_lb", f"{kind}{share}_ub"


def group_of(results: Results, name: str | None) -> Group:
    """Return the grouping factor called `name`, or the only one.

    Raises
    ------
    ModelError
        If there is no such factor.
    """
    group = results.model.design.group
    if group is None:
        raise ModelError("The model has no grouping factor.", "A term such as `(1 | group)` in the formula.")
    if name not in (None, group.name):
        raise ModelError(f"There is no grouping factor {name!r}.", nearest(str(name), [group.name]))
    return group


def summary(
    results: Results, names: Sequence[str] | None, prob: float, kind: str
) -> pd.DataFrame:
    """Return `arviz_stats.summary` of posterior variables, by default all but the group effects.

    Raises
    ------
    ModelError
        If a variable does not exist, or the interval makes no sense.
    """
    from arviz_stats import summary as arviz_summary

    if kind not in ("eti", "hdi"):
        raise ModelError(f"kind={kind!r}.", "kind is 'eti' (equal-tailed) or 'hdi' (highest density).")
    stated = interval_names(prob, kind)
    chosen = known_variables(results, results.hyperparameters() if names is None else names)
    dataset = results.posterior[chosen]
    tree = xr.DataTree.from_dict({"posterior": dataset})
    with np.errstate(invalid="ignore", divide="ignore"):  # the ones on the diagonal of correlations
        table = arviz_summary(tree, ci_prob=prob, ci_kind="eti", round_to="none")
    # arviz-stats 0.8 gives equal-tailed bounds whatever the kind, and cuts the name of a prob such as 0.575.
    where = [i for i, name in enumerate(table.columns) if str(name).endswith(("_lb", "_ub"))]
    bounds = dataset.azstats.hdi(prob=prob) if kind == "hdi" else dataset.azstats.eti(prob=prob)
    stacked = np.concatenate([bounds[name].values.reshape(-1, 2) for name in chosen])
    for i, position in enumerate(where):
        table.isetitem(position, stacked[:, i])
    return table.rename(columns=dict(zip([table.columns[i] for i in where], stated, strict=True)))


def known_variables(results: Results, names: Sequence[str]) -> list[str]:
    """Return `names`, all of them posterior variables.

    Raises
    ------
    ModelError
        If one is not.
    """
    names = [names] if isinstance(names, str) else list(names)
    if not names:
        known = listing(map(str, results.posterior.data_vars))
        raise ModelError("No variable is named.", f"Some of {known}.")
    for name in names:
        if name not in results.posterior:
            there = map(str, results.posterior.data_vars)
            raise ModelError(f"There is no variable {name!r}.", nearest(str(name), there))
    return names


def effects_draws(results: Results, name: str | None = None) -> xr.DataArray:
    """Return draws of the group effects r: deviations from the population, (chain, draw, level, effect).

    Raises
    ------
    ModelError
        If they were not kept.
    """
    group = group_of(results, name)
    if f"r_{group.name}" not in results.posterior:
        raise ModelError(
            f"The draws of r_{group.name} were not kept (store='none').", "Fit with store='single'."
        )
    return results.posterior[f"r_{group.name}"].astype(float)


def levels(results: Results, name: str | None = None) -> xr.DataArray:
    """Return draws of each level's own coefficients: population coefficient plus deviation.

    On the linear predictor's scale; dims (chain, draw, <group>, <group>_effect). An effect without a
    population column of its name has population coefficient 0.
    """
    group = group_of(results, name)
    out = effects_draws(results, name)
    design = results.model.design
    for k, column in enumerate(design.matched):
        if column >= 0:
            out[..., k] += results.posterior[design.columns[column]]
    return out.rename(f"levels_{group.name}")


def effects(results: Results, name: str | None = None, prob: float = INTERVAL) -> pd.DataFrame:
    """Return one row per level and effect: no-pooling and pooled estimates, interval, shrinkage.

    Columns
    -------
    n : rows of the level.
    no_pooling, no_pooling_sd : the level's estimate alone, given its own rows and a wide normal prior
        (sd in ``attrs["no_pooling_prior"]``), other coefficients at their posterior means.
    mean, sd, interval : the pooled coefficient (population plus deviation).
    shrinkage : share of the way from the no-pooling estimate to the population mean; NaN where the two differ
        by less than a tenth of the estimate's sd. It can leave 0 to 1 where the wide prior itself pulls.
    at_edge : True if only the prior keeps the no-pooling estimate finite (all responses at one edge).
    """
    group, design = group_of(results, name), results.model.design
    draws = levels(results, name)
    means = _coefficient_means(results)
    population = np.array([means[c] if c >= 0 else 0.0 for c in design.matched])
    alone = estimates(results.model, _phi_means(results), means, population)
    lower, upper = interval_names(prob)
    low, high = draws.quantile(
        [(1 - prob) / 2, (1 + prob) / 2], ("chain", "draw"), skipna=False
    ).values
    pooled = draws.mean(("chain", "draw")).values
    away = alone.mean - population
    clear = np.abs(away) > 0.1 * alone.sd
    shrinkage = np.full(away.shape, np.nan)
    shrinkage[clear] = 1 - (pooled - population)[clear] / away[clear]
    size = len(group.effects)
    table = pd.DataFrame(
        {
            group.name: np.repeat(group.labels, size),
            "effect": np.tile(group.effects, len(group.labels)),
            "n": np.repeat(group.counts, size),
            "no_pooling": alone.mean.ravel(),
            "no_pooling_sd": alone.sd.ravel(),
            "mean": pooled.ravel(),
            "sd": draws.std(("chain", "draw")).values.ravel(),
            lower: low.ravel(),
            upper: high.ravel(),
            "shrinkage": shrinkage.ravel(),
            "at_edge": np.repeat(alone.at_edge, size),
        }
    )
    table.attrs = {
        "scale": f"linear predictor ({results.model.family.link})",
        "no_pooling_prior": dict(zip(group.effects, alone.prior_sd.tolist(), strict=True)),
    }
    return table


def _phi_means(results: Results) -> dict[str, float]:
    design = results.model.design
    names = results.model.family.parameters(design.known_se, design.se_sigma)
    return {name: float(results.posterior[name].mean()) for name in names}


def _coefficient_means(results: Results) -> np.ndarray:
    return np.array([float(results.posterior[c].mean()) for c in results.model.design.columns])


def finite_population(results: Results, name: str | None = None, prob: float = INTERVAL) -> pd.DataFrame:
    """Return the mean of each effect over *these* levels beside the population's.

    The population mean is uncertain by the sd between levels over the square root of their number,
    however well each level is known; the mean of these levels is not. Gelman and Hill (2007), section 21.2.
    In a zero-sum term the two are one.
    """
    group, draws, design = group_of(results, name), levels(results, name), results.model.design
    rows = []
    for k, effect in enumerate(group.effects):
        finite = draws[..., k].mean(group.name).values
        rows.append({"effect": effect, "over": "these levels", **describe(finite, prob)})
        column = design.matched[k]
        if column >= 0 and not group.zero_sum:
            population = results.posterior[design.columns[column]].values
            rows.append({"effect": effect, "over": "population", **describe(population, prob)})
    table = pd.DataFrame(rows).set_index(["effect", "over"])
    table.attrs["scale"] = f"linear predictor ({results.model.family.link})"
    return table


def variance_partition(results: Results, prob: float = INTERVAL) -> pd.DataFrame:
    """Return each part's variance and its share of the variance around the population's prediction.

    Parts: the grouping factor (averaged over the rows, slopes included) and the residual. Shares refer to the
    linear predictor's scale; a logit model's residual is the logistic distribution's, pi^2 / 3.
    Goldstein, Browne and Rasbash (2002), Understanding Statistics 1, 223-231.
    """
    group, model = group_of(results, None), results.model
    phi = {name: results.posterior[name].values for name in _phi_means(results)}
    residual = np.broadcast_to(
        model.family.residual_variance(model.design.rows, phi), results.stats["lp"].shape
    )
    between = _between(results, group)
    total = between + residual
    rows = [
        {"part": part, "sd": float(np.sqrt(v).mean()), **_share(v / total, prob)}
        for part, v in ((group.name, between), ("residual", residual))
    ]
    table = pd.DataFrame(rows).set_index("part")
    table.attrs["scale"] = f"linear predictor ({model.family.link})"
    return table


def _between(results: Results, group: Group) -> np.ndarray:
    """Return the mean over rows of ``z' Σ z`` for each draw, (chain, draw)."""
    sd = results.posterior[f"sd_{group.name}"].values
    second = group.z.T @ group.z / len(group.z)
    name = f"cor_{group.name}"
    if name not in results.posterior:
        return sd**2 @ np.diagonal(second)
    return np.einsum("...i,...ij,...j,ij->...", sd, results.posterior[name].values, sd, second)


def _share(values: np.ndarray, prob: float) -> dict[str, float]:
    described = describe(values, prob)
    return {f"share_{name}" if name in ("mean", "sd") else name: v for name, v in described.items()}


def describe(values: np.ndarray, prob: float) -> dict[str, float]:
    """Return mean, sd and equal-tailed interval of draws."""
    lower, upper = interval_names(prob)
    low, high = np.quantile(values, [(1 - prob) / 2, (1 + prob) / 2])
    mean, sd = float(np.mean(values)), float(np.std(values))
    return {"mean": mean, "sd": sd, lower: float(low), upper: float(high)}


def to_frame(results: Results, names: Sequence[str] | None = None) -> pd.DataFrame:
    """Return draws as one row each, one column per scalar: ``r_district[7,Intercept]``.

    Raises
    ------
    ModelError
        If a variable does not exist.
    """
    posterior = results.posterior
    chosen = known_variables(results, list(map(str, posterior.data_vars)) if names is None else names)
    columns: dict[str, np.ndarray] = {}
    for name in chosen:
        array = posterior[name]
        dims = [d for d in array.dims if d not in ("chain", "draw")]
        total = array.chain.size * array.draw.size
        stacked = array.transpose(*dims, "chain", "draw").values.reshape(-1, total)
        labels = [[str(v) for v in array[d].values] for d in dims]
        for index, values in zip(np.ndindex(*[len(v) for v in labels]), stacked, strict=True):
            key = ",".join(v[i] for v, i in zip(labels, index, strict=True))
            columns[f"{name}[{key}]" if key else name] = values
    order = [posterior.chain.values, posterior.draw.values]
    return pd.DataFrame(columns, index=pd.MultiIndex.from_product(order, names=["chain", "draw"]))

