"""The log density of every top-level prior at every draw, on natural scales.

Top-level priors are those of numbers that stand for themselves: coefficients, standard deviations,
correlations, loadings, cutpoints, the families' own parameters. The distribution of group effects given
their standard deviations belongs to the model, and so does that of slopes given what they share under a
shrinkage prior.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import xarray as xr
from scipy.special import betaln

from shoal.fit.results import Results
from shoal.model import Specification
from shoal.model.design import Design, Group
from shoal.model.terms.shrinkage import shrinkage_of
from shoal.priors import LKJ, R2D2, Fixed, Prior, Shrunk

SINGULAR = 1e-30  # determinant of a correlation matrix that rounding made singular


@dataclass(frozen=True)
class LogPriors:
    """Log prior densities of a fit, by the parameter's name; parameters that are fixed have none.

    Attributes
    ----------
    values : dict of (chain, draw) arrays
    limits : tuple of str
        What is left out, and why: a sentence a prior.
    """

    values: dict[str, np.ndarray]
    limits: tuple[str, ...]


@dataclass(frozen=True)
class _Part:
    """A prior, and the values (chain, draw, ...) that are independent under it; none if they are not kept."""

    name: str
    prior: Prior
    at: tuple[np.ndarray, ...]
    constant: float = 0.0
    limit: str = ""


def log_priors(results: Results) -> LogPriors:
    """Return the normalised log density of each prior at each draw of its parameter.

    A default prior of the Intercept, or of cutpoints, speaks of the linear predictor at average columns: its
    density is taken there. Cutpoints together have the density of independent normal variables in ascending
    order, the correlations of a term that of their matrix. Of `R2D2` it is the density of R^2, which the
    slopes' scales tell; of `Horseshoe` there is none, for they do not tell its global scale.
    """
    values, limits, draws = dict[str, np.ndarray](), list[str](), results.posterior
    for part in (p for design in results.model.designs for p in _parts(results.model, design, draws)):
        if isinstance(part.prior, Fixed):
            continue
        if part.at:
            values[part.name] = sum((log_density(part.prior, x) for x in part.at), np.array(part.constant))
        if part.limit:
            limits.append(f"{part.prior} of {part.name} {part.limit}.")
    return LogPriors(values, tuple(limits))


def log_density(prior: Prior, x: np.ndarray) -> np.ndarray:
    """Return the log density of a prior at values of any shape; of `LKJ` at matrices (..., K, K)."""
    if isinstance(prior, LKJ):
        return lkj_log_density(prior.eta, x)
    if isinstance(prior, R2D2):
        prior = prior.common()["r2"]
    return prior.log_density(x, *prior.params)


def lkj_log_density(eta: float, matrices: np.ndarray) -> np.ndarray:
    """Return the log density ``(eta - 1) log det R - log c`` of correlation matrices (..., K, K).

    With ``c = prod_k (2^(2 eta - 2 + K - k) B(b_k, b_k))^(K - k)``, ``b_k = eta + (K - k - 1) / 2``, k from 1
    to K - 1: Lewandowski, Kurowicka and Joe (2009), J. Multivariate Analysis 100, 1989-2001.
    """
    size = matrices.shape[-1]
    log_c = 0.0
    for k in range(1, size):
        shape = eta + (size - k - 1) / 2
        log_c += (size - k) * ((2 * eta - 2 + size - k) * math.log(2) + float(betaln(shape, shape)))
    determinant = np.maximum(np.linalg.det(matrices), SINGULAR)
    return np.asarray((eta - 1) * np.log(determinant) - log_c)


def _parts(model: Specification, design: Design, draws: xr.Dataset) -> Iterator[_Part]:
    """Yield the priors of a response's parameters, in the order of the posterior's variables."""

    def scalar(name: str, values: np.ndarray) -> _Part:
        return _Part(name, model.priors[name].prior, (values,))

    values = {name: draws[name].values for name in design.columns}
    moved = sum((m * values[name] for name, m in zip(design.columns, design.averages, strict=True)), 0.0)
    for term, name in zip(design.terms, design.columns, strict=True):
        centered = term == "Intercept" and model.priors[name].centered
        if not isinstance(model.priors[name].prior, Shrunk):
            yield scalar(name, np.asarray(moved) if centered else values[name])
    if design.prefix + "b" in model.priors:
        yield _shrinkage(model, design, draws)
    if design.family.ordinal:
        yield _cutpoints(model, design, draws, np.asarray(moved))
    for group in design.groups:
        for k, effect in enumerate(group.effects):
            yield scalar(f"{group.sd}[{effect}]", draws[group.sd].values[..., k])
        if group.correlated:
            yield _Part(group.cor, model.priors[group.cor].prior, _blocks(group, draws))
        if group.student:
            yield scalar(group.nu, draws[group.nu].values)
    for name in (*(t.loading for t in design.latents), *(design.prefix + n for n in design.parameters)):
        yield scalar(name, draws[name].values)


def _cutpoints(model: Specification, design: Design, draws: xr.Dataset, moved: np.ndarray) -> _Part:
    """Return the prior of all cutpoints: C! times the product of their densities, in ascending order."""
    resolved, name = model.priors[design.cutpoints], design.cutpoints
    cutpoints = np.moveaxis(draws[name].values, -1, 0)
    at = tuple(c - moved if resolved.centered else c for c in cutpoints)
    return _Part(name, resolved.prior, at, math.lgamma(len(at) + 1))


def _blocks(group: Group, draws: xr.Dataset) -> tuple[np.ndarray, ...]:
    """Return the correlation matrices of a group's sets of correlated effects."""
    matrices = draws[group.cor].values
    return tuple(matrices[..., block, :][..., block] for block in map(list, group.blocks) if len(block) > 1)


def _shrinkage(model: Specification, design: Design, draws: xr.Dataset) -> _Part:
    """Return the prior of what all slopes share, read off their scales."""
    prior, name = shrinkage_of(model, design), f"{design.prefix}b"
    assert prior is not None
    if not isinstance(prior, R2D2):
        limit = "is not scaled: of it only the slopes' own scales are kept, not what they share"
        return _Part(name, prior, (), limit=limit)
    scales = draws[f"{design.prefix}scale_b"].values
    if "sigma" in design.parameters:
        scales = scales / draws[f"{design.prefix}sigma"].values[..., None]
    explained = np.square(scales).sum(-1)  # R^2 / (1 - R^2), divided among the slopes
    limit = "is scaled as the prior of R^2; how that is divided among the slopes belongs to the model"
    return _Part(name, prior, (explained / (1 + explained),), limit=limit)
