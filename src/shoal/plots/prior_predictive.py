"""Prior predictive checks: what the priors expect of the rows, against what was observed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from shoal.drawing.picture import Picture
from shoal.drawing.style import COMPLETE, new_figure
from shoal.estimands.predictive import prior_predictive as simulated
from shoal.model import Specification
from shoal.model.grouping_factors import safe
from shoal.plots.against_data import Replicates, bars, curves

LINES = 100


def prior_predictive(model: Specification, draws: int = 200, seed: int = 0) -> Picture:
    """Draw responses simulated from the priors against those observed; see `ModelPlots.prior_predictive`.

    Continuous responses by distribution functions: under wide priors densities of single data sets have no
    common scale.
    """
    with np.errstate(over="ignore"):  # a very wide prior: such responses are infinite, and outside the window
        simulated_of = simulated(model, draws, seed)["prior_predictive"].to_dataset()
    every = list[Replicates]()
    for design in model.designs:
        values = simulated_of[safe(design.formula.response.value.text)].values[0]
        every += Replicates.of(design, values, COMPLETE)
    figure = new_figure(7.0, 0.6 + 3.2 * len(every))
    panels = figure.subplots(len(every), 1, squeeze=False)[:, 0]
    tables = []
    for axes, replicates in zip(panels, every, strict=True):
        if replicates.discrete:
            table = bars(axes, replicates)
        else:
            some = replace(replicates, simulated=replicates.simulated[:LINES])
            table = curves(figure, axes, some, "ecdf")
        tables.append(table.assign(response=replicates.name))
    numbers = pd.concat(tables, ignore_index=True)
    caption = (
        f"{draws:,} data sets that the priors alone expect (grey) against the data (black): "
        "distribution functions of continuous responses"
        f"{f', of the first {LINES}' if draws > LINES else ''}; of others the rows with each value, "
        "with the interval of 90% and the median of the simulated. The window holds 90% of simulated "
        "values."
    )
    return Picture(figure, numbers[["response", *numbers.columns.drop("response")]], caption)
