"""Rows and fits that the tests of estimands share."""

import numpy as np
import pandas as pd
import xarray as xr

import shoal as sl
from shoal.api import Fit
from shoal.fit.results import Results

RUN = {"draws": 400, "chains": 2, "seed": 7, "cores": 1}
FEW = {**RUN, "draws": 90}  # too few for the run to be judged, and sampled again


def rows(groups=6, size=8):
    rng = np.random.default_rng(3)
    g = np.repeat(np.arange(groups), size)
    x = rng.normal(size=g.size)
    level, slope = rng.normal(0, 1.5, groups), rng.normal(0, 0.7, groups)
    return pd.DataFrame(
        {"g": g * 10, "x": x, "y": 2 + level[g] + (1 + slope[g]) * x + rng.normal(0, 0.5, g.size)}
    )


def draws(fit, name):
    return fit.tree["posterior"][name].values


def from_prior(formula, data, draws=120, **settings):
    """Return a fit whose draws are from the prior: predictions are functions of draws, whatever they are."""
    model = sl.Model(formula, data, **settings)
    drawn = model.prior_predictive(draws=draws, seed=3)
    tree = xr.DataTree.from_dict(
        {"posterior": drawn["prior"].to_dataset(), "observed_data": drawn["observed_data"].to_dataset()}
    )
    return Fit(Results(model.specification, tree))
