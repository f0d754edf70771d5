"""Quantities people ask of a multilevel fit; each says its scale and its population."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr

from shoal.design import Design, Group
from shoal.errors import ModelError, listing, nearest
from shoal.no_pooling import estimates
from shoal.prior_draws import linear_predictor, phi_of
from shoal.results import Results

INTERVAL = 0.9


def interval_names(prob: float, kind: str = "eti") -> tuple[str, str]:
    """Return the column names of an interval, such as ``eti90_lb`` and ``eti90_ub``."""
    if not 0 < prob < 1:
        raise ModelError(f"prob={prob!r}.", "The probability of an interval lies between 0 and 1.")
    share = f"{100 * prob:g}"
    return f"{kind}{share}_lb", f"{kind}{share}_ub"


def group_of(results: Results, name: str | None) -> tuple[Design, Group]:
    """Return the effects on the grouping factor called `name`, or the only ones, with their response.

    With several responses, a name is that of a factor if only one response has effects on it, or the
    response, an underscore and the factor.

    Raises
    ------
    ModelError
        If there is no such factor, or several fit.
    """
    pairs = [(d, g) for d in results.model.designs for g in d.groups]
    if not pairs:
        raise ModelError("The model has no grouping factor.", "A term such as `(1 | group)` in the formula.")
    found = [(d, g) for d, g in pairs if name in (None, g.name, g.prefix + g.name)]
    if len(found) == 1:
        return found[0]
    names = [g.prefix + g.name for _, g in pairs]
    if not found:
        raise ModelError(f"There is no grouping factor {name!r}.", nearest(str(name), names))
    raise ModelError(f"The model has {len(names)} sets of group effects.", f"One of {listing(names)}.")


def summary(results: Results, names: Sequence[str] | None, prob: float, kind: str) -> pd.DataFrame:
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
    _, group = group_of(results, name)
    if group.r not in results.posterior:
        raise ModelError(f"The draws of {group.r} were not kept (store='none').", "Fit with store='single'.")
    return results.posterior[group.r].astype(float)


def levels(results: Results, name: str | None = None) -> xr.DataArray:
    """Return draws of each level's own coefficients: population coefficient plus deviation.

    On the linear predictor's scale; dims (chain, draw, <group>, <group>_effect). An effect without a
    population column of its name has population coefficient 0.
    """
    design, group = group_of(results, name)
    out = effects_draws(results, name)
    for k, column in enumerate(design.matched(group)):
        if column >= 0:
            out[..., k] += results.posterior[design.columns[column]]
    return out.rename(f"{group.prefix}levels_{group.name}")


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
    design, group = group_of(results, name)
    draws = levels(results, name)
    means = _means(results, design)
    columns = [design.columns[c] if c >= 0 else None for c in design.matched(group)]
    population = np.array([means[c] if c else 0.0 for c in columns])
    phi = {key: value[0] for key, value in phi_of(design, means).items()}
    rest = linear_predictor(design, means | {group.r: np.zeros_like(means[group.r])})
    alone = estimates(design, group, phi, rest, population)
    lower, upper = interval_names(prob)
    low, high = draws.quantile([(1 - prob) / 2, (1 + prob) / 2], ("chain", "draw"), skipna=False).values
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
        "scale": f"linear predictor ({design.family.link})",
        "no_pooling_prior": dict(zip(group.effects, alone.prior_sd.tolist(), strict=True)),
    }
    return table


def _means(results: Results, design: Design) -> dict[str, np.ndarray]:
    """Return the posterior mean of every parameter that the response's rows depend on."""
    latents = [(t.loading, f"latent_{t.name}") for t in design.latents]
    names = [*design.columns, *(g.r for g in design.groups), *(n for pair in latents for n in pair)]
    names += [design.prefix + n for n in design.parameters]
    names += [design.cutpoints] if design.family.ordinal else []
    return {name: results.posterior[name].mean(("chain", "draw")).values.astype(float) for name in names}


def finite_population(results: Results, name: str | None = None, prob: float = INTERVAL) -> pd.DataFrame:
    """Return the mean of each effect over *these* levels beside the population's.

    The population mean is uncertain by the sd between levels over the square root of their number,
    however well each level is known; the mean of these levels is not. Gelman and Hill (2007), section 21.2.
    In a zero-sum term the two are one.
    """
    (design, group), draws = group_of(results, name), levels(results, name)
    matched, rows = design.matched(group), []
    for k, effect in enumerate(group.effects):
        finite = draws[..., k].mean(group.name).values
        rows.append({"effect": effect, "over": "these levels", **describe(finite, prob)})
        column = matched[k]
        if column >= 0 and not group.zero_sum:
            population = results.posterior[design.columns[column]].values
            rows.append({"effect": effect, "over": "population", **describe(population, prob)})
    table = pd.DataFrame(rows).set_index(["effect", "over"])
    table.attrs["scale"] = f"linear predictor ({design.family.link})"
    return table


def variance_partition(results: Results, prob: float = INTERVAL, response: str | None = None) -> pd.DataFrame:
    """Return each part's variance and its share of the variance around the population's prediction.

    Parts: each grouping factor and latent (averaged over the rows, slopes included; of Student-t effects, the
    squared scale) and the residual. Shares refer to the linear predictor's scale; a logit model's residual is
    the logistic distribution's, pi^2 / 3. Goldstein, Browne and Rasbash (2002), Understanding Statistics 1,
    223-231. Families without a residual on that scale (counts and beta responses) give the shares of the
    grouping factors among themselves; ``attrs["residual"]`` says so.
    """
    design = design_of(results, response)
    if not design.groups and not design.latents:
        raise ModelError("The model has no grouping factor.", "A term such as `(1 | group)` in the formula.")
    phi = {name: results.posterior[design.prefix + name].values for name in design.parameters}
    residual = design.family.residual_variance(design.rows, phi)
    parts = {group.name: _between(results, group) for group in design.groups}
    parts |= {f"latent_{t.name}": results.posterior[t.loading].values ** 2 for t in design.latents}
    if residual is not None:
        parts["residual"] = np.broadcast_to(residual, results.stats["lp"].shape)
    shares = _shares(parts)
    rows = [
        {"part": part, "sd": float(np.sqrt(v).mean()), **_share(shares[part], prob)}
        for part, v in parts.items()
    ]
    table = pd.DataFrame(rows).set_index("part")
    table.attrs["scale"] = f"linear predictor ({design.family.link})"
    table.attrs["residual"] = "included" if residual is not None else "none on this scale"
    return table


def _shares(parts: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return each part's share; all is residual where that has no variance (a Student-t of nu <= 2)."""
    total = sum(parts.values())
    endless = np.isinf(total)
    finite = np.where(endless, 1.0, total)
    return {name: np.where(endless, float(name == "residual"), v / finite) for name, v in parts.items()}


def design_of(results: Results, response: str | None) -> Design:
    """Return the design of the response of that name, or the only one.

    Raises
    ------
    ModelError
        If there is no such response, or none is named and there are several.
    """
    designs = {d.formula.response.value.text: d for d in results.model.designs}
    if response is None and len(designs) == 1:
        return next(iter(designs.values()))
    if response not in designs:
        given = "No response is named." if response is None else f"There is no response {response!r}."
        raise ModelError(given, f"One of {listing(designs)}.")
    return designs[response]


def _between(results: Results, group: Group) -> np.ndarray:
    """Return the mean over rows of ``z' Σ z`` for each draw, (chain, draw)."""
    sd = results.posterior[group.sd].values
    known = 1.0 if group.root is None else (group.root**2).sum(1)[group.index]
    second = group.z.T @ (group.z * np.reshape(known, (-1, 1))) / len(group.z)
    if group.cor not in results.posterior:
        return sd**2 @ np.diagonal(second)
    return np.einsum("...i,...ij,...j,ij->...", sd, results.posterior[group.cor].values, sd, second)


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
