"""Responses that a model expects, before it has seen the data and after, as ArviZ reads them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from shoal.errors import ModelError
from shoal.estimands.predictions import LARGEST, check_integer, predict
from shoal.fit.results import Results, coords_of, escaped, observed_data
from shoal.model import Specification
from shoal.model.grouping_factors import safe
from shoal.model.prior_draws import draw_prior, simulate_responses
from shoal.tables.reduction import SAMPLE


def prior_predictive(model: Specification, draws: int, seed: int) -> xr.DataTree:
    """Return draws of parameters from their priors and of responses given them; see `Model.prior_predictive`.

    Raises
    ------
    ModelError
    """
    check_integer("draws", draws, 1)
    check_integer("seed", seed, 0)
    model.require_rows("A simulation of every response", SAMPLE)
    rows = model.designs[0].n_rows
    if (size := 8 * draws * rows * len(model.designs)) > LARGEST:
        raise ModelError(
            "result-too-large",
            f"{draws} draws of {rows:,} rows take {size / 2**30:.1f} GB.",
            f"At most {LARGEST / 2**30:g} GB.",
            "Take fewer draws.",
        )
    rng = np.random.default_rng(seed)
    prior = draw_prior(model, rng, draws)
    responses = {
        safe(design.formula.response.value.text): (
            ("chain", "draw", "row", *design.category_dims),
            design.as_in_the_table(y)[None],
        )
        for design, y in zip(model.designs, simulate_responses(model, prior, rng), strict=True)
    }
    labels = {dim: list(design.categories) for design in model.designs for dim in design.category_dims}
    return xr.DataTree.from_dict(
        {
            "prior": escaped(as_dataset(model, prior, draws)),
            "prior_predictive": xr.Dataset(
                responses, {"chain": [0], "draw": np.arange(draws), "row": np.arange(rows), **labels}
            ),
            "observed_data": observed_data(model),
        }
    )


def as_dataset(model: Specification, prior: Mapping[str, np.ndarray], draws: int) -> xr.Dataset:
    """Return draws of parameters, their first axis over draws, as one chain with names for all axes."""
    variables = model.variables
    return xr.Dataset(
        {v.name: (("chain", "draw", *v.dims), prior[v.name][None]) for v in variables if v.name in prior},
        {"chain": [0], "draw": np.arange(draws), **coords_of(variables)},
    )


def posterior_predictive(results: Results, draws: int | None, seed: int) -> xr.DataTree:
    """Return draws of new responses for the fitted rows; see `Fit.posterior_predictive`.

    Raises
    ------
    ModelError
    """
    drawn = predict(results, kind="response", draws=draws, seed=seed)
    dataset = drawn.to_dataset() if isinstance(drawn, xr.DataArray) else drawn
    return xr.DataTree.from_dict(
        {"posterior_predictive": dataset, "observed_data": observed_data(results.model)}
    )
