"""Draws against reference numbers, both of which have Monte Carlo errors."""

import numpy as np
import pandas as pd

from shoal.engine.convergence import mcse_mean, mcse_sd

LIMIT = 4.5  # errors; of 600 comparisons with right draws one is beyond it in 250 runs


def away(draws, mean, error_of_mean, sd, error_of_sd):
    """Return how far means and sds of draws are from the reference, in the errors of both together.

    Parameters
    ----------
    draws : (V, chains, draws) array
    mean, error_of_mean, sd, error_of_sd : (V,) arrays
        Of the reference.

    Returns
    -------
    (V, 2) array
    """
    means = (draws.mean((1, 2)) - mean) / np.hypot(mcse_mean(draws), error_of_mean)
    sds = (draws.std((1, 2)) - sd) / np.hypot(mcse_sd(draws), error_of_sd)
    return np.stack([means, sds], axis=1)


def error_of_sd(draws, size):
    """Return the error of an sd of so many independent draws, whose fourth moments are those of `draws`."""
    squares = (draws - draws.mean((1, 2), keepdims=True)) ** 2
    return squares.std((1, 2)) / (2 * draws.std((1, 2)) * np.sqrt(size))


def assert_agrees(draws, names, *reference):
    """Every mean and sd is within `LIMIT` errors of the reference (see `away`)."""
    found = pd.DataFrame(away(draws, *reference), index=names, columns=["mean", "sd"])
    assert (found.abs() < LIMIT).to_numpy().all(), found.round(1)
