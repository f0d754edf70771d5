"""Draws from a model's priors, and responses simulated from them.

Written from the priors' own words, parameter by parameter, in NumPy: only the layout of partial correlations
is shared with the densities that `posterior` compiles, so that simulation-based calibration compares two
statements of a model.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from shoal import groups
from shoal.design import Group
from shoal.errors import ModelError
from shoal.model import Specification
from shoal.priors import LKJ


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
        ``sd_<group>`` (S, K), ``cor_<group>`` (S, K, K) if any effects are correlated, the family's own
        parameters (S,), and ``r_<group>`` (S, G, K).

    Notes
    -----
    A default Intercept prior speaks of the linear predictor at average columns; the Intercept drawn is that
    value less the averages times their coefficients. Zero-sum effects are independent normal effects
    conditioned on their sums: for exchangeable levels, the effects less their mean over the levels (Rue and
    Held 2005, Gaussian Markov Random Fields, section 2.3.3).
    """
    design = model.design
    draws = {name: model.priors[name].prior.draw(rng, size) for name in design.columns}
    if "Intercept" in draws and model.priors["Intercept"].centered:
        averages = design.averages
        others = [name for name in design.columns if name != "Intercept"]
        draws["Intercept"] -= sum(averages[design.columns.index(name)] * draws[name] for name in others)
    if design.group:
        draws |= _covariance(model, design.group, rng, size)
    for name in model.family.parameters(design.known_se, design.se_sigma):
        draws[name] = model.priors[name].prior.draw(rng, size)
    if design.group:
        draws[f"r_{design.group.name}"] = _effects(design.group, draws, rng)
    return draws


def _covariance(
    model: Specification, group: Group, rng: np.random.Generator, size: int
) -> dict[str, np.ndarray]:
    sd = [model.priors[f"sd_{group.name}[{effect}]"].prior.draw(rng, size) for effect in group.effects]
    out = {f"sd_{group.name}": np.stack(sd, axis=-1)}
    positions = groups.partial_positions(group.blocks)
    if positions:
        lkj = model.priors[f"cor_{group.name}"].prior
        assert isinstance(lkj, LKJ)
        partial = np.stack([lkj.partial(k, column).draw(rng, size) for _, _, k, column in positions], axis=-1)
        out[f"cor_{group.name}"] = groups.correlations(partial, group.blocks, len(group.effects))
    return out


def _effects(group: Group, draws: Mapping[str, np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """Return (S, G, K) effects given their standard deviations and correlations."""
    sd, correlation = draws[f"sd_{group.name}"], draws.get(f"cor_{group.name}")
    r = rng.normal(size=(len(sd), len(group.labels), len(group.effects)))
    if correlation is not None:
        r = r @ np.swapaxes(np.linalg.cholesky(correlation), -1, -2)
    r *= sd[:, None, :]
    return r - r.mean(1, keepdims=True) if group.zero_sum else r


def linear_predictor(model: Specification, draws: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the linear predictor of every raw row, (..., N).

    Parameters
    ----------
    draws : mapping of arrays
        Parameters by name, with any common leading axes, or none.
    """
    design, group = model.design, model.design.group
    eta = design.offset
    for name, column in zip(design.columns, design.x.T, strict=True):
        eta = eta + np.multiply.outer(draws[name], column)
    if group:
        eta = eta + np.einsum("...nk,nk->...n", draws[f"r_{group.name}"][..., group.index, :], group.z)
    return eta


def simulate_response(
    model: Specification, draw: Mapping[str, np.ndarray], rng: np.random.Generator
) -> np.ndarray:
    """Return responses simulated at one draw of the parameters.

    Parameters
    ----------
    model : Specification
        Its predictors, offsets, trials and standard errors are kept; its responses are not looked at.
    draw : mapping
        One draw of every parameter, without leading axes, as ``{name: d[i] for name, d in draws.items()}``.
    rng : numpy.random.Generator

    Returns
    -------
    (N,) array
        One response for every row of the table.

    Raises
    ------
    ModelError
        If rows are weighted: a density to a power is not a distribution to simulate from.
    """
    design = model.design
    if np.any(design.rows.weight != 1):
        raise ModelError(
            "The rows have weights.",
            "Weights multiply log densities, which leaves no distribution to simulate responses from.",
            "Simulate from the model without weights(...).",
        )
    phi = {name: draw[name] for name in model.family.parameters(design.known_se, design.se_sigma)}
    return model.family.draw(rng, design.rows, linear_predictor(model, draw), phi)
