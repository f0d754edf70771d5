"""Draws of parameters from their priors, with the names and shapes of a posterior."""

from __future__ import annotations

import numpy as np
import xarray as xr

from shoal.estimands.predictive import as_dataset
from shoal.model import Specification
from shoal.model.prior_draws import draw_prior


def prior_dataset(model: Specification, draws: int, seed: int) -> xr.Dataset:
    """Return draws of every parameter from its prior, as the posterior of one chain."""
    return as_dataset(model, draw_prior(model, np.random.default_rng(seed), draws), draws)
