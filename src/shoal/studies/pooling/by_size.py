"""Errors of ways of pooling, told apart by how many observations a level has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from shoal import estimands
from shoal.api import Fit
from shoal.model.design import Design, Group
from shoal.scores.loo import Loo
from shoal.scores.loo.units import ROW, TRIAL, units_of
from shoal.studies.pooling.settings import Between

DIGITS = 10  # to which sizes are told apart
CLASSES = 5  # at most: every size if there are as few, otherwise classes of about as many levels


def by_size(
    fits: Mapping[str, Fit],
    scores: Mapping[str, Loo],
    found: Between,
    truth: Sequence[float] | None,
) -> pd.DataFrame:
    """Return errors by size of level and way of pooling.

    Parameters
    ----------
    found : Between
        The effect that `truth` (G,) is about, in the fit with partial pooling.
    """
    design, group = found.design, found.group
    size = np.bincount(group.index, design.row_weight, len(group.labels))
    classes = _classes(size)
    held_out = {name: _held_out(score, design, group, fits[name]) for name, score in scores.items()}
    rows = []
    for number, label in enumerate(classes.categories):
        levels = np.flatnonzero(classes.codes == number)
        for name, fit in fits.items():
            own = held_out[name][held_out[name]["level"].isin(levels)]
            alike, weight = own["alike"].to_numpy(), own["weight"].to_numpy()
            row = {
                "size": label,
                "pooling": name,
                "levels": len(levels),
                "observations": float(size[levels].sum()),
                "log_score": alike @ own["elpd"] / size[levels].sum(),
                "rmse": np.sqrt(weight @ own["off"] ** 2 / weight.sum()),
            }
            if truth is not None:
                row["error"] = float(np.abs(_estimates(fit, found) - truth)[levels].mean())
            rows.append(row)
    table = pd.DataFrame(rows).set_index(["size", "pooling"])
    return table.drop(columns="rmse") if table["rmse"].isna().all() else table


def _classes(size: np.ndarray) -> pd.Categorical:
    """Return the class of size of each level, in ascending order."""
    size = np.array([float(f"{s:.{DIGITS}g}") for s in size])  # sums of weights that differ by rounding
    distinct = np.unique(size)
    if len(distinct) <= CLASSES:
        return pd.Categorical.from_codes(np.searchsorted(distinct, size), [_range(d) for d in distinct])
    edges = np.unique(np.quantile(size, np.linspace(0, 1, CLASSES + 1), method="inverted_cdf"))
    code = np.clip(np.searchsorted(edges, size, side="left") - 1, 0, len(edges) - 2)
    names = [_range(size[code == i]) for i in range(len(edges) - 1)]
    return pd.Categorical.from_codes(code, categories=names)


def _range(size: np.ndarray) -> str:
    low, high = size.min(), size.max()
    ends = [f"{end:,.{DIGITS}g}" for end in dict.fromkeys((low, high))]
    return "–".join(ends)


def _held_out(score: Loo, design: Design, group: Group, fit: Fit) -> pd.DataFrame:
    """Return a row a unit: its level, log density, distance from what was expected.

    Each row stands for several units that are alike, and for the ``weight`` of their observations.
    """
    units = units_of(fit.results.model, score.unit)
    table = score.pointwise
    share = design.observed / design.rows.trials
    if units.singles is not None:
        first, each = units.singles.row, units.singles.each
        weight = score.alike * each.weight * each.trials
        observed = each.y if score.unit == TRIAL else share[first]
    else:
        first = np.unique(units.of_row, return_index=True)[1]
        weight = np.bincount(units.of_row, design.row_weight)
        observed = share if score.unit == ROW else np.full(len(first), np.nan)
    columns = {
        "level": group.index[first],
        "elpd": table["elpd"].to_numpy(),
        "off": observed - table["predicted"].to_numpy(),
        "alike": score.alike,
        "weight": weight,
    }
    return pd.DataFrame(columns)


def _estimates(fit: Fit, found: Between) -> np.ndarray:
    """Return the posterior mean of each level's own coefficient, (G,)."""
    design, group, k = found
    if fit.results.model.groups:
        return estimands.levels(fit.results, group.prefix + group.name).values[..., k].mean((0, 1))
    column = design.matched(group)[k]
    shared = float(fit.results.posterior[design.columns[column]].mean()) if column >= 0 else 0.0
    return np.full(len(group.labels), shared)
