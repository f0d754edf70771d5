"""How alike two responses of one level are, on the scale of the linear predictor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from shoal.errors import DataError, ModelError, listing, nearest
from shoal.estimands.adjusted import require_equal
from shoal.estimands.categories import categories_of
from shoal.estimands.common import INTERVAL, describe, interval_names, linear_scale
from shoal.estimands.grids import columns_in, value_in
from shoal.estimands.r2 import without_effects
from shoal.estimands.spread import Spread, share, spread
from shoal.estimands.table import Estimates
from shoal.estimands.variance import variances
from shoal.fit.results import Results
from shoal.fit.row_blocks import blocks, part, shared_draws
from shoal.model.design import Design, Group, Latent
from shoal.model.predictors import linear_predictor
from shoal.model.replay import columns_of, replay
from shoal.tables import assigned

AS_FITTED = "rows as fitted"
NOTES = (
    "Adjusted: correlation of two responses of one level that have the same predictors, given these: the "
    "variance between levels over that and the residual's.",
    "Unadjusted: the same where predictors are unknown: the variance of the population part over the rows is "
    "added to the total.",
)


def icc(
    results: Results,
    at: Mapping[str, Any] | None = None,
    response: str | None = None,
    prob: float = INTERVAL,
) -> pd.DataFrame:
    """Return intraclass correlations of each grouping factor; see `Fit.icc`.

    Raises
    ------
    DataError, ModelError
    """
    interval_names(prob)
    design = results.model.response(response)
    factors = _factors(design)
    if results.model.pooling == "none":
        raise ModelError(
            "icc-without-pooling",
            "Without pooling the standard deviation between levels is a given number, and no estimate: a "
            "correlation made of it would say nothing of the data.",
            "The model itself, or its variant of partial pooling.",
        )
    if not _weights(design).any():
        raise ModelError("no-weight", "No row has weight.", "Rows that count.")
    rows = [
        {"at": name, **row}
        for name, there in _settings(results, design, at)
        for row in _rows(_correlations(results, design, there, factors), prob)
    ]
    table = Estimates(rows).set_index(["at", "factor", "kind"])
    if at is None:
        table = table.droplevel("at")
    others = "other predictors" if at else "predictors"
    left = [group.name for group in design.groups if group.weight is not None]
    weighted = "" if _alike(design) else ", each row by its weight times its trials"
    several = f"Rows belong to several levels of {listing(left)}, or to none: they are in the total alone."
    table.attrs = {
        "scale": linear_scale(design),
        "population": f"that of the levels, with {others} as in the rows{weighted}",
        "notes": [*NOTES, *_nested(factors), *([several] if left else [])],
    }
    return table


def _factors(design: Design) -> dict[str, list[str]]:
    """Return the parts that two rows of a level share, by factor: its own, and those it is nested in.

    Raises
    ------
    ModelError
        Of responses without a residual variance, or without levels.
    """
    if design.family.joint:
        raise ModelError(
            "response-of-categories",
            f"The categories of {design.formula.response.value.text!r} have a linear predictor each.",
            "A response with one linear predictor.",
        )
    index = {group.name: group.index for group in design.groups if group.weight is None}
    index |= {f"latent_{latent.name}": latent.index for latent in design.latents}
    if not index:
        raise ModelError(
            "no-grouping-factor",
            "The model has no grouping factor with each row in one level.",
            "A term such as `(1 | group)` in the formula.",
        )
    return {
        name: [other for other, theirs in index.items() if _determines(own, theirs)]
        for name, own in index.items()
    }


def _determines(levels: np.ndarray, others: np.ndarray) -> bool:
    """Return whether all rows of a level are in one level of the other factor."""
    pairs = np.unique(np.stack([levels, others]), axis=1).shape[1]
    return pairs == len(np.unique(levels))


def _nested(factors: Mapping[str, Sequence[str]]) -> Iterator[str]:
    for name, shared in factors.items():
        others = [other for other in shared if other != name]
        if others:
            yield f"Two rows of one level of {name} are in one level of {listing(others)}, too."


def _settings(results: Results, design: Design, at: Mapping[str, Any] | None) -> Iterator[tuple[str, Design]]:
    """Yield the rows as they are, or with columns set to values in all of them."""
    if at is None:
        yield AS_FITTED, design
        return
    require_equal(results, "What levels share at other values of a column")
    name, values = _column(at)
    columns = columns_of(design, False, False)
    if name not in columns:
        raise DataError("column-not-in-model", f"No term reads a column {name!r}.", nearest(name, columns))
    factors: list[Group | Latent] = [*design.groups, *design.latents]
    if name not in design.predicting and any(name in factor.columns for factor in factors):
        raise ModelError(
            "factor-not-a-predictor",
            f"{name!r} names levels.",
            "A predictor, at whose values levels vary more or less.",
        )
    frame = results.model.table.frame
    categories = categories_of(design, frame)
    for given in values:
        value = value_in(design, frame, categories, name, given)
        changed = assigned(frame[columns], {name: value})
        if isinstance(kind := frame[name].dtype, pd.CategoricalDtype):
            changed[name] = pd.Categorical([value] * len(frame), dtype=kind)
        yield f"{name}={value}", replay(design, frame, changed, False, False, "error").design


def _column(at: Any) -> tuple[str, list[Any]]:
    """Return the column that is set, and to what."""
    if not isinstance(at, Mapping) or len(at) != 1:
        raise ModelError(
            "at-unreadable",
            f"at={at!r}.",
            "One column, and the values to set it to.",
            "Such as at={'x': [0, 1]}.",
        )
    ((name, values),) = columns_in(
        {str(name): [None] if values is None else values for name, values in at.items()}, "at"
    ).items()
    if not all(map(pd.api.types.is_scalar, values)):
        raise ModelError("at-unreadable", f"at={at!r}.", f"A value for {name!r}, or a list of values.")
    return name, values


def _correlations(
    results: Results, fitted: Design, rows: Design, factors: Mapping[str, Sequence[str]]
) -> dict[tuple[str, str], np.ndarray]:
    """Return draws (chain, draw) by factor and kind."""
    parts, included = variances(results, fitted, rows, _weights(fitted))
    if not included:
        raise ModelError(
            "no-residual-variance",
            f"Responses of family {fitted.family.name!r} have no one variance around the linear predictor.",
            "A family with a residual on that scale: normal ones; binary and ordered ones, by the variable "
            "behind them.",
            "fit.r2() is on the scale of responses; fit.variance_partition() has the factors' own shares.",
        )
    total = np.asarray(sum(parts.values()))
    whole = total + _population(results, fitted, rows)
    out = {}
    for name, shared in factors.items():
        together = np.asarray(sum(parts[other] for other in shared))
        for kind, of in (("adjusted", total), ("unadjusted", whole)):
            out[name, kind] = share(together, of)
    return out


def _alike(design: Design) -> bool:
    """Return whether all rows of the table count alike, with one trial each."""
    counts = np.ones(design.n_rows) if design.counts is None else design.counts
    return bool((np.abs(_weights(design) - counts) <= 1e-12 * counts).all())


def _weights(design: Design) -> np.ndarray:
    """Return how much each row counts: a trial is a response, and one that is missing has no weight."""
    weight = np.asarray(design.rows.weight, float)
    return np.where(weight > 0, weight * np.asarray(design.rows.trials, float), 0.0)


def _population(results: Results, fitted: Design, rows: Design) -> np.ndarray:
    """Return the variance over rows of the linear predictor without effects, (chain, draw)."""
    posterior, found = results.posterior, None
    shape = posterior.sizes["chain"], posterior.sizes["draw"]
    shared, weight, counts = shared_draws(fitted, posterior), _weights(fitted), fitted.counts
    bare, fitted = without_effects(rows), without_effects(fitted)
    for where in blocks(rows.n_rows, shape[0] * shape[1]):
        own, _ = part(bare, fitted, posterior, where)
        eta = np.broadcast_to(linear_predictor(own, shared), (*shape, own.n_rows))
        one: Spread = spread(eta, weight[where], None if counts is None else counts[where])
        found = one if found is None else found.plus(one)
    assert found is not None
    return found.variance


def _rows(found: Mapping[tuple[str, str], np.ndarray], prob: float) -> Iterator[dict[str, Any]]:
    for (name, kind), values in found.items():
        yield {"factor": name, "kind": kind, **describe(values, prob)}
