"""Posterior predictive checks: new responses from the fit against those observed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from shoal.drawing.picture import Picture
from shoal.drawing.style import new_figure, plain
from shoal.errors import ModelError, nearest
from shoal.estimands import one_level
from shoal.estimands.predictions import check_integer
from shoal.estimands.predictive import posterior_predictive
from shoal.fit.results import Results
from shoal.model import Specification
from shoal.model.grouping_factors import safe
from shoal.plots.against_data import Replicates, bars, by_level, check_kind, curves, kind_of

INTERVALS = 400  # data sets that intervals of counts and of means are taken from
LARGEST = 2**26  # numbers simulated for one picture


def ppc(
    results: Results, draws: int = 50, kind: str = "auto", by: str | None = None, seed: int = 0
) -> Picture:
    """Draw new responses for the fitted rows against those observed; see `FitPlots.ppc`."""
    check_integer("draws", draws, 1)
    check_kind(kind)
    return compared(results.model, simulate(results, draws, seed), draws, kind, by)


def compared(
    model: Specification, every: list[Replicates], draws: int, kind: str = "auto", by: str | None = None
) -> Picture:
    """Draw data sets that were simulated already against the data; see `FitPlots.ppc`.

    Raises
    ------
    ModelError
        If there is no factor `by`.
    """
    figure = new_figure(7.0, 0.6 + 3.2 * len(every))
    panels = figure.subplots(len(every), 1, squeeze=False)[:, 0]
    if by is not None:
        labels, index = level_of_rows(model, by)
        tables = [by_level(a, r, labels, index) for a, r in zip(panels, every, strict=True)]
        panels[-1].set_xlabel(f"{plain(by)}, {len(labels):,} levels in order of their observed mean")
        caption = (
            f"Mean of each level of {by}: observed, and of new responses to the fitted rows "
            f"(the interval of 90% of {len(every[0].simulated)} simulated data sets). A mean outside is a "
            "level that the model does not describe."
        )
        return Picture(figure, _stacked(every, tables), caption)
    tables, kinds = [], []
    for axes, replicates in zip(panels, every, strict=True):
        kinds.append(own := kind_of(replicates, kind))
        if own == "bars":
            tables.append(bars(axes, replicates))
        else:
            some = replace(replicates, simulated=replicates.simulated[:draws])
            tables.append(curves(figure, axes, some, own))
    return Picture(figure, _stacked(every, tables), _caption(every, kinds, draws))


def simulate(results: Results, draws: int, seed: int) -> list[Replicates]:
    """Return new responses for the fitted rows, of all responses; enough of them for intervals.

    Their order is that of a fixed permutation: the first ones are from all chains and parts of them.
    """
    sizes = results.posterior.sizes
    rows = results.model.designs[0].n_rows * len(results.model.designs)
    wanted = max(draws, min(INTERVALS, LARGEST // rows))
    each = min(-(-wanted // sizes["chain"]), sizes["draw"])
    predicted = posterior_predictive(results, each, seed)["posterior_predictive"].to_dataset()
    order = np.random.default_rng(seed).permutation(each * sizes["chain"])
    out = []
    for design in results.model.designs:
        values = predicted[safe(design.formula.response.value.text)].values
        out += Replicates.of(design, values.reshape(-1, *values.shape[2:])[order])
    return out


def level_of_rows(model: Specification, by: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the labels of a grouping factor and the level of each row.

    Raises
    ------
    ModelError
        If there is no such factor, or a row belongs to several of its levels.
    """
    for design in model.parts:
        for group in design.groups:
            if group.name == by:
                one_level(group)
                return group.labels, group.index
        for latent in design.latents:
            if latent.factor == by:
                return latent.labels, latent.index
    raise ModelError(
        "unknown-factor", f"There is no grouping factor {by!r}.", nearest(str(by), model.factors)
    )


def _stacked(every: list[Replicates], tables: list[pd.DataFrame]) -> pd.DataFrame:
    named = [t.assign(response=r.name) for r, t in zip(every, tables, strict=True)]
    numbers = pd.concat(named, ignore_index=True)
    return numbers[["response", *numbers.columns.drop("response")]]


def _caption(every: list[Replicates], kinds: list[str], draws: int) -> str:
    there = len(every[0].simulated)
    lines = f"each of {min(draws, there)} simulated data sets (thin) and of the data"
    words = {
        "bars": "bars are the rows observed with each value, lines the interval of 90% "
        f"of {there} simulated data sets, dots their median",
        "density": f"a density of {lines}",
        "ecdf": f"the distribution function of {lines}",
    }
    parts = [f"{r.name}: {words[k]}" for r, k in zip(every, kinds, strict=True)]
    said = f"New responses to the fitted rows against those observed. {'; '.join(parts)}."
    for replicates in every:
        if censored := int((~replicates.design.rows.observed).sum()):
            said += (
                f" Of {replicates.name}, {censored:,} rows are censored: they are drawn at the value they "
                "are known by, and new responses are not censored, so that the two differ there."
            )
    return said
