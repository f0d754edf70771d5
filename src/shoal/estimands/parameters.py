"""Posterior variables as tables: their summary, and their draws."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr

from shoal.errors import ModelError, listing, nearest
from shoal.estimands.common import interval_names
from shoal.results import Results


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
