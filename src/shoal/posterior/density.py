"""The joint log density of a model, plain and slow: the oracle that the fast densities are tested against.

It speaks of raw rows and of parameters on their natural scales, under their names in the posterior; it loops
over rows, and takes every density from `scipy.stats`. It shares the model's description with the rest of
`shoal.posterior`, and none of its mathematics.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy import stats
from scipy.special import betaln, expit

from shoal.design import Group
from shoal.errors import ModelError
from shoal.model import Specification
from shoal.priors import (
    LKJ,
    Exponential,
    Fixed,
    Gamma,
    HalfCauchy,
    HalfNormal,
    HalfStudentT,
    Normal,
    Prior,
    StudentT,
)

LOG_DENSITY: dict[type[Prior], Callable[[Any, float], float]] = {
    Normal: lambda p, x: stats.norm.logpdf(x, p.mu, p.sigma),
    StudentT: lambda p, x: stats.t.logpdf(x, p.nu, p.mu, p.sigma),
    HalfNormal: lambda p, x: stats.halfnorm.logpdf(x, scale=p.sigma),
    HalfStudentT: lambda p, x: np.log(2) + stats.t.logpdf(x, p.nu, 0, p.sigma),
    HalfCauchy: lambda p, x: stats.halfcauchy.logpdf(x, scale=p.beta),
    Exponential: lambda p, x: stats.expon.logpdf(x, scale=1 / p.rate),
    Gamma: lambda p, x: stats.gamma.logpdf(x, p.alpha, scale=1 / p.beta),
    Fixed: lambda p, x: 0.0,
}


def log_joint(model: Specification, values: Mapping[str, Any]) -> float:
    """Return ``log p(y, parameters)``, every constant included.

    Parameters
    ----------
    model : Specification
    values : mapping
        The population coefficients and the family's parameters (numbers), ``sd_<group>`` (K,),
        ``cor_<group>`` (K, K) where effects are correlated, and ``r_<group>`` (G, K). What is `Fixed` is not
        read.

    Returns
    -------
    float
        Log density with respect to the coefficients, standard deviations, correlations below the diagonal
        and effects. Zero-sum effects have a density in orthonormal coordinates of the space they lie in.

    Raises
    ------
    ModelError
        If zero-sum effects do not sum to zero.
    """
    values = dict(values)
    for name, resolved in model.priors.items():
        if isinstance(resolved.prior, Fixed):
            values[name] = resolved.prior.value
    total = _coefficients(model, values) + _rows(model, values)
    for name in model.family.parameters(model.design.known_se, model.design.se_sigma):
        total += log_prior(model.priors[name].prior, values[name])
    if model.design.group:
        total += _group(model, model.design.group, values)
    return total


def log_prior(prior: Prior, value: float) -> float:
    """Return the log density of a scalar's prior; 0 for a known value."""
    return float(LOG_DENSITY[type(prior)](prior, value))


def log_lkj(correlation: np.ndarray, eta: float) -> float:
    """Return the log density of a correlation matrix, normalised (Lewandowski et al. 2009, equation 16)."""
    size = len(correlation)
    constant = 0.0
    for k in range(1, size):
        a = eta + (size - k - 1) / 2
        constant += (size - k) * ((2 * a - 1) * np.log(2) + betaln(a, a))
    return float((eta - 1) * np.linalg.slogdet(correlation)[1] - constant)


def _coefficients(model: Specification, values: Mapping[str, Any]) -> float:
    design = model.design
    averages = design.averages
    total = 0.0
    for name in design.columns:
        resolved, value = model.priors[name], values[name]
        if resolved.centered:  # the prior speaks of the linear predictor at average columns
            value = sum(values[c] * a for c, a in zip(design.columns, averages, strict=True))
        total += log_prior(resolved.prior, value)
    return total


def _group(model: Specification, group: Group, values: Mapping[str, Any]) -> float:
    size = len(group.effects)
    effects = np.asarray(values[f"r_{group.name}"], float)
    sd = np.array(np.broadcast_to(values.get(f"sd_{group.name}", np.nan), size), float)
    correlation = np.eye(size)
    total = 0.0
    for k, effect in enumerate(group.effects):
        prior = model.priors[f"sd_{group.name}[{effect}]"].prior
        sd[k] = prior.value if isinstance(prior, Fixed) else sd[k]
        total += log_prior(prior, sd[k])
    for block in group.blocks:
        if len(block) > 1:
            prior, inside = model.priors[f"cor_{group.name}"].prior, np.ix_(block, block)
            assert isinstance(prior, LKJ)
            correlation[inside] = np.asarray(values[f"cor_{group.name}"])[inside]
            total += log_lkj(correlation[inside], prior.eta)
    covariance = correlation * np.outer(sd, sd)
    if group.zero_sum:
        if not np.allclose(effects.sum(0), 0, atol=1e-8 * (1 + np.abs(effects).max())):
            raise ModelError(f"Effects of {group.name!r} sum to {effects.sum(0)}.", "Sums of zero.")
        effects = zero_sum_basis(len(effects)) @ effects
    return total + float(stats.multivariate_normal(np.zeros(size), covariance).logpdf(effects).sum())


def zero_sum_basis(levels: int) -> np.ndarray:
    """Return orthonormal rows (G - 1, G) that span the vectors of sum zero (Helmert contrasts)."""
    basis = np.zeros((levels - 1, levels))
    for i in range(1, levels):
        basis[i - 1, :i], basis[i - 1, i] = 1.0, -float(i)
    return basis / np.linalg.norm(basis, axis=1, keepdims=True)


def _rows(model: Specification, values: Mapping[str, Any]) -> float:
    design, total = model.design, 0.0
    group = design.group
    for i in range(design.n_rows):
        eta = design.offset[i] + sum(values[c] * x for c, x in zip(design.columns, design.x[i], strict=True))
        if group:
            eta += group.z[i] @ np.asarray(values[f"r_{group.name}"])[group.index[i]]
        y, trials, weight, se = (part[i] for part in design.rows)
        if model.family.name == "gaussian":
            spread = np.hypot(se, values.get("sigma", 0.0))
            total += weight * stats.norm.logpdf(y, eta, spread)
        elif model.family.name in ("bernoulli", "binomial"):
            # Successes or failures, whichever are rarer: no probability rounds to one.
            count = y if eta < 0 else trials - y
            total += weight * stats.binom.logpmf(count, trials, expit(-abs(eta)))
        else:
            raise ModelError(f"The plain density does not know family {model.family.name!r}.")
    return float(total)
