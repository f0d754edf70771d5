"""Draws from a model's priors, and responses simulated from them.

Written from the priors' own words, parameter by parameter, in NumPy: only the layout of partial correlations
is shared with the densities that `posterior` compiles, so that simulation-based calibration compares two
statements of a model.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from shoal.errors import ModelError
from shoal.model import covariance
from shoal.model.design import Design, Group
from shoal.model.model import Specification, is_foldable
from shoal.model.predictors import linear_predictor, phi_of
from shoal.priors import LKJ, Shrinkage, Shrunk


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
    value less the averages times their coefficients. Zero-sum effects are independent normal effects
    conditioned on their sums: for exchangeable levels, the effects less their mean over the levels (Rue and
    Held 2005, Gaussian Markov Random Fields, section 2.3.3). A latent and its loadings are drawn with the
    first loading at or above zero, as posterior draws are reported.
    """
    draws: dict[str, np.ndarray] = {}
    for design in model.designs:
        for name in (design.prefix + n for n in design.parameters):
            draws[name] = model.priors[name].prior.draw(rng, size)
        draws |= _coefficients(model, design, rng, size, draws)
        for group in design.groups:
            draws |= _covariance(model, group, rng, size)
    for group in model.groups:
        draws[group.r] = _effects(group, draws, rng)
    return draws | _latents(model, rng, size)


def _coefficients(
    model: Specification,
    design: Design,
    rng: np.random.Generator,
    size: int,
    given: Mapping[str, np.ndarray],
) -> dict[str, np.ndarray]:
    draws = {name: model.priors[name].prior.draw(rng, size) for name in design.columns}
    if design.prefix + "b" in model.priors:
        prior = model.priors[design.prefix + "b"].prior
        assert isinstance(prior, Shrinkage)
        shrunk = [c for c in design.columns if isinstance(model.priors[c].prior, Shrunk)]
        common = [p.draw(rng, (size, 1)) for p in prior.common().values()]
        scales = prior.scales(common, prior.own().draw(rng, (size, len(shrunk))))
        if "sigma" in design.parameters:
            scales = scales * given[design.prefix + "sigma"][:, None]
        draws |= {c: draws[c] * scales[:, i] for i, c in enumerate(shrunk)}
        draws[f"{design.prefix}scale_b"] = scales
    if "Intercept" in design.terms:
        intercept = design.columns[design.terms.index("Intercept")]
        if model.priors[intercept].centered:
            others = zip(design.columns, design.averages, strict=True)
            draws[intercept] -= sum(mean * draws[name] for name, mean in others if name != intercept)
    if design.family.ordinal:
        prior = model.priors[design.cutpoints].prior
        draws[design.cutpoints] = np.sort(prior.draw(rng, (size, design.family.n_cutpoints)), axis=1)
        if model.priors[design.cutpoints].centered:
            pairs = zip(design.columns, design.averages, strict=True)
            moved = sum((mean * draws[name] for name, mean in pairs), np.zeros(size))
            draws[design.cutpoints] += moved[:, None]
    return draws


def _covariance(
    model: Specification, group: Group, rng: np.random.Generator, size: int
) -> dict[str, np.ndarray]:
    sd = [model.priors[f"{group.sd}[{effect}]"].prior.draw(rng, size) for effect in group.effects]
    out = {group.sd: np.stack(sd, axis=-1)}
    positions = covariance.partial_positions(group.blocks)
    if positions:
        lkj = model.priors[group.cor].prior
        assert isinstance(lkj, LKJ)
        partial = np.stack([lkj.partial(k, column).draw(rng, size) for _, _, k, column in positions], axis=-1)
        out[group.cor] = covariance.correlations(partial, group.blocks, len(group.effects))
    if group.student:
        out[group.nu] = model.priors[group.nu].prior.draw(rng, size)
    return out


def _effects(group: Group, draws: Mapping[str, np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """Return (S, G, K) effects given their standard deviations and correlations."""
    sd, correlation = draws[group.sd], draws.get(group.cor)
    r = rng.normal(size=(len(sd), len(group.labels), len(group.effects)))
    if correlation is not None:
        r = r @ np.swapaxes(np.linalg.cholesky(correlation), -1, -2)
    r *= sd[:, None, :]
    if group.student:
        nu = draws[group.nu][:, None]
        for block in group.blocks:  # effects of a block share their stretch: a multivariate t
            stretch = np.sqrt(nu / rng.chisquare(nu, size=r.shape[:2]))
            r[..., list(block)] *= stretch[..., None]
    if group.root is not None:
        r = np.einsum("gh,shk->sgk", group.root, r)
    return r - r.mean(1, keepdims=True) if group.zero_sum else r


def _latents(model: Specification, rng: np.random.Generator, size: int) -> dict[str, np.ndarray]:
    draws: dict[str, np.ndarray] = {}
    members = [latent for design in model.designs for latent in design.latents]
    for name in dict.fromkeys(latent.name for latent in members):
        own = [latent for latent in members if latent.name == name]
        effects = rng.normal(size=(size, len(own[0].labels)))
        loadings = {latent.loading: model.priors[latent.loading].prior.draw(rng, size) for latent in own}
        if all(is_foldable(model, latent.loading) for latent in own):
            sign = np.where(loadings[own[0].loading] < 0, -1.0, 1.0)
            loadings = {key: sign * value for key, value in loadings.items()}
            effects = sign[:, None] * effects
        draws |= {**loadings, f"latent_{name}": effects}
    return draws


def simulate_responses(
    model: Specification, draws: Mapping[str, np.ndarray], rng: np.random.Generator
) -> list[np.ndarray]:
    """Return responses simulated at draws of the parameters, one array (..., N) a response.

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
    out = []
    for design in model.designs:
        if np.any(design.rows.weight != 1):
            raise ModelError(
                "The rows have weights.",
                "Weights multiply log densities, which leaves no distribution to simulate responses from.",
                "Simulate from the model without weights(...).",
            )
        eta = linear_predictor(design, draws)
        out.append(design.family.draw(rng, design.rows, eta, phi_of(design, draws)))
    return out
