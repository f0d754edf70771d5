"""Draws from a model's priors, and responses simulated from them.

Every term draws its own variables in NumPy, from the priors' own words: only the layout of partial
correlations is shared with the densities that are compiled, so that simulation-based calibration compares two
statements of a model.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from shoal.errors import ModelError
from shoal.model.model import Specification
from shoal.model.predictors import linear_predictor, noise_of_responses, simulate


def draw_prior(model: Specification, rng: np.random.Generator, size: int) -> dict[str, np.ndarray]:
    """Return independent draws of every parameter from its prior, on natural scales.

    Parameters
    ----------
    model : Specification
    rng : numpy.random.Generator
    size : int
        Number of draws S.

    Returns
    -------
    dict of arrays
        Named and shaped as in the posterior, the first axis over draws: population coefficients (S,),
        cutpoints (S, C), ``sd_<group>`` (S, K), ``cor_<group>`` (S, K, K) if any effects are correlated,
        loadings and the family's own parameters (S,), ``r_<group>`` (S, G, K) and ``latent_<latent>`` (S, G).

    Notes
    -----
    A default Intercept prior speaks of the linear predictor at average columns; the Intercept drawn is that
    value less the averages times their coefficients. A latent and its loadings are drawn with the first
    loading at or above zero, as posterior draws are reported.
    """
    draws: dict[str, np.ndarray] = {}
    for term in model.terms:
        draws |= term.draw_prior(draws, rng, size)
    return draws


def simulate_responses(
    model: Specification, draws: Mapping[str, np.ndarray], rng: np.random.Generator
) -> list[np.ndarray]:
    """Return responses simulated at draws of the parameters, one array (..., N) a response.

    They are what `Design.with_response` takes: of an ordered response the codes of its categories, from 0.

    Parameters
    ----------
    model : Specification
        Its predictors, offsets, trials and standard errors are kept; its responses are not looked at.
    draws : mapping
        Parameters by name, with any common leading axes, or none.
    rng : numpy.random.Generator

    Raises
    ------
    ModelError
        If rows are weighted: a density to a power is not a distribution to simulate from.
    """
    out, noise = list[np.ndarray](), list[np.ndarray | None]([None] * len(model.designs))
    if (first := model.designs[0]).rescor:
        noise = list(noise_of_responses(rng, first, draws, first.n_rows))
    for design, own in zip(model.designs, noise, strict=True):
        if np.any((design.rows.weight != 1) & ~design.absent):
            raise ModelError(
                "weights-without-distribution",
                "The rows have weights.",
                "Weights multiply log densities, which leaves no distribution to simulate responses from.",
                "Simulate from the model without weights(...).",
            )
        eta = linear_predictor(design, draws)
        out.append(simulate(design, rng, eta, draws, own))
    return out
