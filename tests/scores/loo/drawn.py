"""Results without a fit: a model of `posterior.cases`, and draws of its parameters from their priors."""

import numpy as np
import xarray as xr

from posterior.cases import Case, specification
from posterior.density import log_density_of_rows
from shoal.estimands.predictive import as_dataset
from shoal.fit.results import Results
from shoal.model.prior_draws import draw_prior


def drawn(case: Case, draws: int = 3, seed: int = 0) -> Results:
    """Return results whose posterior draws are prior draws, scales within what quadrature resolves."""
    model = specification(case, seed)
    values = draw_prior(model, np.random.default_rng(seed), draws)
    for name in values:
        if "sd_" in name:
            values[name] = np.minimum(values[name], 2.0)
    tree = xr.DataTree.from_dict({"posterior": as_dataset(model, values, draws)})
    return Results(model, tree)


def at(results: Results, draw: int) -> dict[str, np.ndarray]:
    """Return one draw's parameters by name."""
    return {str(k): v.values[0, draw] for k, v in results.posterior.data_vars.items()}


def row_densities(design, eta, values) -> np.ndarray:
    """Return the log density of every row of a response by scipy, weights included."""
    return log_density_of_rows(design, values, eta)
