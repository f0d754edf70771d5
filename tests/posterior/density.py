"""The joint log density of a model, plain and slow: the oracle that the fast densities are tested against.

It speaks of raw rows and of parameters on their natural scales, under their names in the posterior; it
loops, and takes every density from `scipy.stats`. It shares the model's description with the engine, and none
of its mathematics.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import lgamma
from typing import Any

import numpy as np
from scipy import stats
from scipy.special import betaln, expit

from families import scipy_densities
from posterior import curves
from shoal.errors import ModelError
from shoal.model import Specification
from shoal.model.design import Design, Group
from shoal.priors import (
    LKJ,
    Beta,
    Exponential,
    Fixed,
    Gamma,
    HalfCauchy,
    HalfNormal,
    HalfStudentT,
    Horseshoe,
    InverseGamma,
    Laplace,
    Normal,
    Prior,
    Shrunk,
    StudentT,
)

INVERSE = {"log": np.exp, "logit": expit, "identity": np.asarray}

LOG_DENSITY: dict[type[Prior], Callable[[Any, float], float]] = {
    Normal: lambda p, x: stats.norm.logpdf(x, p.mu, p.sigma),
    StudentT: lambda p, x: stats.t.logpdf(x, p.nu, p.mu, p.sigma),
    Laplace: lambda p, x: stats.laplace.logpdf(x, p.mu, p.b),
    HalfNormal: lambda p, x: stats.halfnorm.logpdf(x, scale=p.sigma),
    HalfStudentT: lambda p, x: np.log(2) + stats.t.logpdf(x, p.nu, 0, p.sigma),
    HalfCauchy: lambda p, x: stats.halfcauchy.logpdf(x, scale=p.beta),
    Exponential: lambda p, x: stats.expon.logpdf(x, scale=1 / p.rate),
    Gamma: lambda p, x: stats.gamma.logpdf(x, p.alpha, scale=1 / p.beta),
    InverseGamma: lambda p, x: stats.invgamma.logpdf(x, p.alpha, scale=p.beta),
    Beta: lambda p, x: stats.beta.logpdf(x, p.alpha, p.beta),
    Fixed: lambda p, x: 0.0,
}


def log_joint(model: Specification, values: Mapping[str, Any]) -> float:
    """Return ``log p(y, parameters)``, every constant included.

    Parameters
    ----------
    model : Specification
    values : mapping
        Parameters by their names in the posterior: population coefficients, the families' parameters,
        degrees of freedom and loadings (numbers), cutpoints (C,), ``sd_<group>`` (K,), ``cor_<group>`` (K, K)
        where effects are correlated, ``r_<group>`` (G, K) and ``latent_<latent>`` (G,); of a shrinkage prior
        ``shrinkage:<name>`` and ``shrinkage:<column>`` (numbers); of curves what `posterior.curves` names.
        What is `Fixed` is not read.

    Returns
    -------
    float
        Log density with respect to the coefficients, cutpoints, standard deviations, correlations below the
        diagonal and effects. Zero-sum effects have a density in orthonormal coordinates of the space they lie
        in.

    Raises
    ------
    ModelError
        If zero-sum effects do not sum to zero.
    """
    values = known(model, values)
    return log_hyper(model, values) + log_effects(model, values) + log_rows(model, values)


def known(model: Specification, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return `values` with the `Fixed` ones in their places."""
    out = dict(values)
    for name, resolved in model.priors.items():
        if isinstance(resolved.prior, Fixed):
            out[name] = resolved.prior.value
    for group in model.groups:
        sd = [model.priors[f"{group.sd}[{effect}]"].prior for effect in group.effects]
        given = np.broadcast_to(out.get(group.sd, np.nan), len(sd))
        out[group.sd] = np.array(
            [p.value if isinstance(p, Fixed) else v for p, v in zip(sd, given, strict=True)]
        )
    return curves.known(model, out)


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


def log_hyper(model: Specification, values: Mapping[str, Any]) -> float:
    """Return the log prior of all that is neither an effect, nor a coefficient, nor a cutpoint."""
    scalars = list(dict.fromkeys(d.named(name) for d in model.designs for name in d.scalars))
    scalars += [latent.loading for d in model.parts for latent in d.latents]
    scalars += [group.nu for group in model.groups if group.student]
    total = sum(log_prior(model.priors[name].prior, values[name]) for name in scalars)
    for design in model.parts:
        if shrinkage := _shrinkage(model, design):
            name = f"{design.prefix}shrinkage"
            total += sum(log_prior(p, values[f"{name}:{key}"]) for key, p in shrinkage.common().items())
            total += sum(log_prior(shrinkage.own(), values[f"{name}:{c}"]) for c in _shrunk(model, design))
    if model.designs[0].rescor:
        total += log_lkj(values["rescor"], model.priors["rescor"].prior.eta)
    for group in model.groups:
        sds, correlation = at_average(model, group, values)
        for effect, sd in zip(group.effects, sds, strict=True):
            total += log_prior(model.priors[f"{group.sd}[{effect}]"].prior, sd)
        for block in group.blocks:
            if len(block) > 1:
                lkj = model.priors[group.cor].prior
                assert isinstance(lkj, LKJ)
                total += log_lkj(correlation[np.ix_(block, block)], lkj.eta)
    return float(total + curves.log_hyper(model, values, log_prior))


def at_average(model: Specification, group: Group, values: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return the sds and correlations that priors speak of: by default those at average columns."""
    inside = covariance(group, values)
    if any(model.priors[f"{group.sd}[{effect}]"].centered for effect in group.effects):
        moved = np.eye(len(group.effects))
        terms = group.terms or group.effects
        for intercept in (k for k, term in enumerate(terms) if term == "Intercept"):
            if not model.priors[f"{group.sd}[{group.effects[intercept]}]"].centered:
                continue
            (block,) = (block for block in group.sections or group.blocks if intercept in block)
            for k in block:
                if k != intercept:
                    moved[intercept, k] = group.averages[k]
        inside = moved @ inside @ moved.T
    sds = np.sqrt(np.diag(inside))
    return sds, inside / np.outer(sds, sds)


def log_effects(model: Specification, values: Mapping[str, Any]) -> float:
    """Return the log prior of coefficients, cutpoints, group effects and latents, given the rest."""
    total = sum(_coefficients(model, design, values) for design in model.parts)
    total += sum(_group(model, group, values) for group in model.groups)
    for name in {f"latent_{latent.name}" for design in model.parts for latent in design.latents}:
        total += stats.norm.logpdf(values[name]).sum()
    return float(total + curves.log_effects(model, values))


def _shrinkage(model: Specification, design: Design) -> Any:
    return model.priors[design.prefix + "b"].prior if design.prefix + "b" in model.priors else None


def _shrunk(model: Specification, design: Design) -> list[str]:
    return [c for c in design.columns if isinstance(model.priors[c].prior, Shrunk)]


def slope_sd(model: Specification, design: Design, column: str, values: Mapping[str, Any]) -> float:
    """Return the sd of a slope under a shrinkage prior, given that prior's hyperparameters."""
    name = f"{design.prefix}shrinkage"
    own = {c: values[f"{name}:{c}"] for c in _shrunk(model, design)}
    if isinstance(_shrinkage(model, design), Horseshoe):
        wide = values[f"{name}:tau"] * own[column]
        variance = 1 / (1 / wide**2 + 1 / values[f"{name}:slab"])  # horseshoe and slab: precisions add up
    else:
        r2 = values[f"{name}:r2"]
        variance = own[column] / sum(own.values()) * r2 / (1 - r2)
    unit = values[f"{design.prefix}sigma"] if "sigma" in design.scalars else 1.0
    return float(model.priors[column].prior.sigma * unit * np.sqrt(variance))


def _coefficients(model: Specification, design: Design, values: Mapping[str, Any]) -> float:
    total, (joint, mean, inside) = 0.0, joint_normal(model, design)
    if joint:
        total += stats.multivariate_normal.logpdf([values[design.columns[i]] for i in joint], mean, inside)
    for name in design.columns:
        resolved, value = model.priors[name], values[name]
        if resolved.joint:
            continue
        if isinstance(resolved.prior, Shrunk):
            total += stats.norm.logpdf(value, 0, slope_sd(model, design, name, values))
            continue
        if resolved.centered:  # the prior speaks of the linear predictor at average columns
            value = sum(values[c] * a for c, a in zip(design.columns, design.averages, strict=True))
        total += log_prior(resolved.prior, value)
    for name, cutpoints in cutpoint_sets(design, values).items():
        if design.family.name == "cumulative":
            # C independent values in ascending order: C! orders of them have the same density.
            assert (np.diff(cutpoints) > 0).all()
            total += lgamma(len(cutpoints) + 1)
        if model.priors[name].centered:  # of the linear predictor less its average
            cutpoints = cutpoints - sum(
                values[c] * a for c, a in zip(design.columns, design.averages, strict=True)
            )
        total += sum(log_prior(model.priors[name].prior, c) for c in cutpoints)
    return total


def cutpoint_sets(design: Design, values: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Return the cutpoints of all rows, or of each item, by the names of their priors; none of others."""
    if design.thresholds is None:
        return {}
    cutpoints, labels = np.asarray(values[design.cutpoints]), design.thresholds.labels
    if labels is None:
        return {design.cutpoints: cutpoints}
    pairs = zip(labels, cutpoints, design.thresholds.counts, strict=True)
    return {f"{design.cutpoints}[{label}]": own[:count] for label, own, count in pairs}


def joint_normal(model: Specification, design: Design) -> tuple[list[int], Any, Any]:
    """Return the slopes of the default prior, its mean and covariance: such that no basis is preferred."""
    slopes = [i for i, term in enumerate(design.terms) if term != "Intercept"]
    joint = [i for i in slopes if model.priors[design.columns[i]].joint]
    if not joint:
        return [], np.zeros(0), np.zeros((0, 0))
    spread = design.scatter[np.ix_(slopes, slopes)]
    if "Intercept" not in design.terms and not design.family.ordinal:
        rank = np.linalg.matrix_rank(np.column_stack([np.ones(design.n_rows), design.x]))
        if rank == design.x.shape[1]:  # the constant is a combination of the columns
            spread = spread + np.outer(design.averages, design.averages)
    own = [slopes.index(i) for i in joint]
    shape = np.linalg.inv(spread)[np.ix_(own, own)]
    priors = [model.priors[design.columns[i]].prior for i in joint]
    sds, unit = np.array([p.sigma for p in priors]), np.sqrt(np.diag(shape))
    return joint, np.array([p.mu for p in priors]), shape / np.outer(unit, unit) * np.outer(sds, sds)


def _group(model: Specification, group: Group, values: Mapping[str, Any]) -> float:
    effects = np.asarray(values[group.r], float)
    total = 0.0
    if group.zero_sum:
        if not np.allclose(effects.sum(0), 0, atol=1e-8 * (1 + np.abs(effects).max())):
            raise ModelError("sums", f"Effects of {group.name!r} sum to {effects.sum(0)}.", "Sums of zero.")
        effects = zero_sum_basis(len(effects)) @ effects
    if group.root is not None:
        # With K = R R', effects are R times effects of independent levels.
        root = np.linalg.cholesky(known_covariance(model, group))
        effects = np.linalg.solve(root, effects)
        total -= effects.shape[1] * np.log(np.diag(root)).sum()
    for block in group.blocks:
        inside = covariance(group, values)[np.ix_(block, block)]
        for own in effects[:, list(block)]:
            if group.student:
                total += stats.multivariate_t.logpdf(own, None, inside, df=values[group.nu])
            else:
                total += stats.multivariate_normal.logpdf(own, None, inside)
    return float(total)


def covariance(group: Group, values: Mapping[str, Any]) -> np.ndarray:
    """Return the covariance (or scale matrix) of the effects of a level, (K, K)."""
    sd, correlation = np.asarray(values[group.sd]), np.eye(len(group.effects))
    for block in group.blocks:
        if len(block) > 1:
            inside = np.ix_(block, block)
            correlation[inside] = np.asarray(values[group.cor])[inside]
    return correlation * np.outer(sd, sd)


def known_covariance(model: Specification, group: Group) -> np.ndarray:
    """Return the covariance between levels that the user gave, in the order of the levels."""
    term = next(t for t in model.design_of(group).formula.groups if t.name == group.name)
    given = model.covariances[term.cov]
    if hasattr(given, "index"):
        given = given.loc[list(group.labels), list(group.labels)]
    return np.asarray(given, float)


def zero_sum_basis(levels: int) -> np.ndarray:
    """Return orthonormal rows (G - 1, G) that span the vectors of sum zero (Helmert contrasts)."""
    basis = np.zeros((levels - 1, levels))
    for i in range(1, levels):
        basis[i - 1, :i], basis[i - 1, i] = 1.0, -float(i)
    return basis / np.linalg.norm(basis, axis=1, keepdims=True)


def _of_row(group: Group, effects: np.ndarray, i: int) -> np.ndarray:
    """Return the effects (K,) in row i: those of its level, or of its levels, weighted."""
    if group.weight is None:
        return effects[group.index[i]]
    return sum(w * effects[level] for w, level in zip(group.weight[i], group.index[i], strict=True))


def linear_predictor(design: Design, values: Mapping[str, Any]) -> np.ndarray:
    """Return the linear predictor of every row, (N,)."""
    eta = np.array(design.offset, float)
    for i in range(design.n_rows):
        eta[i] += sum(values[c] * x for c, x in zip(design.columns, design.x[i], strict=True))
        for group in design.groups:
            eta[i] += group.z[i] @ _of_row(group, np.asarray(values[group.r]), i)
        for latent in design.latents:
            eta[i] += values[latent.loading] * np.asarray(values[f"latent_{latent.name}"])[latent.index[i]]
    return eta + curves.linear_predictor(design, values)


def log_rows(model: Specification, values: Mapping[str, Any]) -> float:
    """Return the log density of all responses."""
    if model.designs[0].rescor:
        return sum(_log_row(model, values, i) for i in range(model.designs[0].n_rows))
    return float(sum(log_density_of_rows(design, values).sum() for design in model.designs))


def _log_row(model: Specification, values: Mapping[str, Any], i: int) -> float:
    """Return the log density of those of a row's Student-t responses that are known, given correlations."""
    known = [k for k, design in enumerate(model.designs) if design.rows.weight[i] > 0]
    designs = [model.designs[k] for k in known]
    if not designs:
        return 0.0
    sigma = [np.broadcast_to(phi_of(d, values)["sigma"], d.n_rows)[i] for d in designs]
    shape = np.asarray(values["rescor"])[np.ix_(known, known)] * np.outer(sigma, sigma)
    away = [design.rows.y[i] - linear_predictor(design, values)[i] for design in designs]
    return float(stats.multivariate_t.logpdf(away, None, shape, df=values["nu"]))


def log_density_of_rows(design: Design, values: Mapping[str, Any], eta: Any = None) -> np.ndarray:
    """Return the log density of each response, (N,), or at linear predictors (..., N) that are given."""
    eta = linear_predictor(design, values) if eta is None else eta
    if not design.family.ordinal:
        return scipy_densities.log_density(design.family, design.rows, eta, phi_of(design, values))
    if eta.ndim > 1:
        return np.stack([log_density_of_rows(design, values, one) for one in eta])
    out = np.zeros(design.n_rows)
    for number, cutpoints in enumerate(cutpoint_sets(design, values).values()):
        own = design.thresholds.index == number
        if design.family.specific:
            added = [linear_predictor(part, values)[own] for part in design.predictors]
            cutpoints = cutpoints - np.column_stack(added)[:, : len(cutpoints)]
        rows, phi = design.rows.at(own), {"cutpoints": cutpoints}
        out[own] = scipy_densities.log_density(design.family, rows, eta[own], phi)
    return out


def phi_of(design: Design, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the family's parameters: numbers, or (N,) arrays of those that have predictors."""
    phi = {name: values[design.named(name)] for name in design.scalars}
    for part in design.predictors:
        phi[part.parameter] = INVERSE[part.family.link](linear_predictor(part, values))
    return phi
