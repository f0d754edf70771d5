"""Posterior variables as tables: their summary, and their draws."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product

import numpy as np
import pandas as pd
import xarray as xr

from shoal.engine import convergence
from shoal.errors import ModelError, as_known, listing, nearest
from shoal.estimands.common import interval_names
from shoal.estimands.levels import levels as draws_of_levels
from shoal.estimands.table import Estimates
from shoal.fit.certificate import of_attrs
from shoal.fit.results import Results

BOUNDED = {"correlation", "unit"}  # supports of priors


def summary(
    results: Results, names: Sequence[str] | None, prob: float, kind: str, levels: str | None = None
) -> pd.DataFrame:
    """Return mean, sd, interval and reliability of posterior variables, by default all but the group effects.

    Of a matrix of correlations each one that is estimated has a row, ``cor_g[x, Intercept]``: those below the
    diagonal. With `levels`, the name of a grouping factor, the table is of each level's own coefficients,
    population part included.

    Raises
    ------
    ModelError
        If a variable or factor does not exist, both are named, or the interval makes no sense.
    """
    if kind not in ("eti", "hdi"):
        raise ModelError(
            "unknown-choice", f"kind={kind!r}.", "kind is 'eti' (equal-tailed) or 'hdi' (highest density)."
        )
    stated = interval_names(prob, kind)
    dataset = _chosen(results, names, levels)
    rows: list[str] = []
    values: list[np.ndarray] = []
    for name, array in dataset.data_vars.items():
        dims = [d for d in array.dims if d not in ("chain", "draw")]
        stacked = array.transpose(*dims, "chain", "draw").values.astype(float)
        labels = [[str(v) for v in array[d].values] for d in dims]
        entries = [", ".join(entry) for entry in product(*labels)]
        rows += [f"{name}[{entry}]" if entry else str(name) for entry in entries]
        values.append(stacked.reshape(-1, *stacked.shape[-2:]))
    if not values:
        raise ModelError(
            "no-parameters", "The model has no parameters: all that it says of the rows is known."
        )
    drawn = np.concatenate(values)
    table = Estimates(_described(drawn, prob, kind, stated), index=rows)
    table.attrs = dict(dataset.attrs)
    fixed = np.ptp(drawn, axis=(1, 2)) == 0
    if fixed.any():
        table.attrs["fixed"] = listing((row for row, same in zip(rows, fixed, strict=True) if same), 10)
    none = convergence.without_mean(drawn) & ~_bounded(results, rows)
    table.loc[none, ["mean", "sd", "mcse_mean", "mcse_sd"]] = np.nan
    if none.any():
        names = listing(name for name, gone in zip(rows, none, strict=True) if gone)
        table.attrs["mean"] = f"none of {names}, whose tail is too heavy for a finite one: read the interval"
    certificate = of_attrs(results.attrs)
    if certificate is not None and certificate.ok:
        table.attrs["notes"] = (*table.attrs.get("notes", ()), certificate.verdict)
    elif certificate is not None:  # what cannot be trusted says so first
        table.attrs["first"] = certificate.verdict
    return table


def _bounded(results: Results, rows: Sequence[str]) -> np.ndarray:
    """Return which quantities have bounds, as correlations and probabilities do, and therefore a mean."""
    variables = [v for v in results.model.variables if not v.many]
    within = {
        v.name for v in variables if {results.model.priors[p].prior.support for p in v.priors} & BOUNDED
    }
    return np.array([any(row == name or row.startswith(f"{name}[") for name in within) for row in rows])


def _described(values: np.ndarray, prob: float, kind: str, stated: tuple[str, str]) -> dict[str, np.ndarray]:
    """Return the columns of a summary of quantities (V, chains, draws)."""
    bounds = convergence.interval(values, prob, kind)
    several = values.shape[1] > 1
    fixed = np.ptp(values, axis=(1, 2)) == 0  # of which there is no R-hat, and no draw is worth more than one
    return {
        "mean": values.mean(axis=(1, 2)),
        "sd": values.std(axis=(1, 2), ddof=1),
        stated[0]: bounds[:, 0],
        stated[1]: bounds[:, 1],
        "ess_bulk": np.where(fixed, np.nan, convergence.ess_bulk(values)),
        "ess_tail": np.where(fixed, np.nan, convergence.ess_tail(values)),
        "r_hat": np.where(fixed | (not several), np.nan, convergence.rhat(values)),
        "mcse_mean": convergence.mcse_mean(values),
        "mcse_sd": convergence.mcse_sd(values),
    }


def _chosen(results: Results, names: Sequence[str] | None, levels: str | None) -> xr.Dataset:
    """Return what a summary is of, a row an entry; attributes say the scale of levels' coefficients."""
    if levels is None:
        wanted = results.hyperparameters() if names is None else known_variables(results, names)
        return free_variables(results, wanted)
    if names is not None:
        raise ModelError(
            "names-and-levels",
            f"var_names={names!r} beside levels={levels!r}.",
            "Posterior variables, or the coefficients of one factor's levels.",
            "Ask for two tables.",
        )
    draws = draws_of_levels(results, levels)
    return xr.Dataset({draws.name: draws}, attrs=draws.attrs)


def free_variables(results: Results, names: Sequence[str]) -> xr.Dataset:
    """Return variables as they are, and each correlation that is estimated as one of its own."""
    posterior, out = results.posterior, dict[str, xr.DataArray]()
    pairs = {variable.name: variable.positions for variable in results.model.variables if variable.positions}
    for name in names:
        if name not in pairs:
            out[name] = posterior[name]
            continue
        rows, columns = posterior[name].dims[2:]
        for i, j in pairs[name]:
            one = posterior[name].isel({rows: i, columns: j})
            out[f"{name}[{one[rows].item()}, {one[columns].item()}]"] = one.drop_vars([rows, columns])
    return xr.Dataset(out)


def known_variables(results: Results, names: Sequence[str]) -> list[str]:
    """Return `names`, all of them posterior variables.

    Raises
    ------
    ModelError
        If one is not.
    """
    there = list(map(str, results.posterior.data_vars))
    if not isinstance(names, Iterable):
        raise ModelError(
            "not-names", f"Variables were given as {names!r}.", f"A list of names, some of {listing(there)}."
        )
    names = [names] if isinstance(names, str) else list(names)
    if not names:
        raise ModelError("nothing-named", "No variable is named.", f"Some of {listing(there)}.")
    known = [as_known(str(name), there) for name in names]
    for name in known:
        if name not in there:
            raise ModelError("unknown-variable", f"There is no variable {name!r}.", nearest(name, there))
    return known


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
