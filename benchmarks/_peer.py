"""The same model sampled by NUTS from its PyMC export, and how far apart the two answers are."""

import time
from importlib.util import find_spec
from typing import Any

import numpy as np


def sampled(model: Any, coordinates: str = "noncentered", seed: int = 1) -> tuple[Any, float]:
    """Sample `model` with nutpie if it is installed, else with PyMC: 4 chains of 1,000 draws after 1,000.

    Returns
    -------
    posterior : xarray.Dataset
    seconds : float
        Compiling included, imports not.
    """
    import pymc

    began = time.perf_counter()
    with model.to_pymc(coordinates):
        sampler = "nutpie" if find_spec("nutpie") else "pymc"
        theirs = pymc.sample(
            draws=1000, tune=1000, chains=4, random_seed=seed, nuts_sampler=sampler, progressbar=False
        )
    print(f"peer: {sampler}, {int(theirs['sample_stats']['diverging'].sum())} divergences")
    return theirs["posterior"], time.perf_counter() - began


def distances(fit: Any, theirs: Any) -> dict[str, np.ndarray]:
    """Return differences of posterior means by variable, in Monte Carlo standard errors of the difference.

    Raises
    ------
    ValueError
        The export lacks a variable of the fit, or has it in another shape.
    """
    ours = fit.tree["posterior"].to_dataset()
    if lacking := set(ours.data_vars) - set(theirs.data_vars):
        raise ValueError(f"The PyMC model has no {sorted(lacking)}; it has {sorted(theirs.data_vars)}.")
    return {str(name): _distance(ours[name], theirs[name]) for name in ours.data_vars}


def _distance(ours: Any, theirs: Any) -> np.ndarray:
    if set(ours.dims) == set(theirs.dims):
        theirs = theirs.transpose(*ours.dims)
    if np.squeeze(ours[0, 0]).shape != np.squeeze(theirs[0, 0]).shape:
        raise ValueError(f"{ours.name} is {ours.sizes} in the fit and {theirs.sizes} in the PyMC model.")
    (mean, error), (their_mean, their_error) = _mean(ours), _mean(theirs)
    varies = error > 0  # the diagonal of a correlation matrix does not
    return (mean - their_mean)[varies] / np.hypot(error, their_error)[varies]


def _mean(draws: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return means and their Monte Carlo standard errors."""
    from arviz_stats.base import array_stats

    values = np.asarray(draws, float).reshape(*draws.shape[:2], -1)
    varying = values.std((0, 1)) > 1e-9
    errors = np.zeros(values.shape[-1])
    errors[varying] = array_stats.mcse(values[..., varying], method="mean", chain_axis=0, draw_axis=1)
    return values.mean((0, 1)), errors
