"""From theta to hyperparameters: transforms, priors, and what they make.

Positive parameters stand in theta by a logarithm or an inverse softplus (`priors.Prior.unit`), shares by the
logit, partial correlations by the inverse hyperbolic tangent, and coefficients whose prior is not normal as
they are. Cutpoints ``c_1 < ... < c_C`` with independent normal priors in ascending order are their mean,
which is normal and moves every linear predictor alike (a population coefficient, of column -1), and the
logarithms of their gaps.
"""

from __future__ import annotations

import math
from dataclasses import fields
from typing import Any

import jax.numpy as jnp
import numpy as np

from shoal.model import covariance as groups
from shoal.posterior.data import Data, Hyper
from shoal.posterior.structure import Factor, ResponseShape, Structure
from shoal.priors import Prior


def hyperparameters(structure: Structure, data: Data, theta: Any) -> Hyper:
    """Return the hyperparameters at `theta`, with the log prior density of theta (Jacobian included)."""
    free, log_prior = _to_natural(structure, data, theta)
    values = jnp.concatenate([free, data.fixed])
    phi = []
    for response in structure.responses:
        own = {name: values[i] for name, i in response.phi}
        if response.family.ordinal:
            own["cutpoints"], extra = _cutpoints(response, data, values)
            log_prior = log_prior + extra
        phi.append(own)
    out = tuple(_reported(f, values) for f in structure.factors)
    return Hyper(
        values=values,
        lam=tuple(_loaded(f, o, values) for f, o in zip(structure.factors, out, strict=True)),
        out=out,
        phi=tuple(phi),
        coefficients=values[np.array(structure.coefficients, int)],
        scale_b=_shrunk(structure, values),
        log_prior=log_prior,
    )


def _shrunk(structure: Structure, values: Any) -> Any:
    """Return the relative scales of the normal coefficients, (p,)."""
    scale = jnp.ones(structure.n_normal)
    for prior in structure.shrinking:
        common = [values[i] for i in prior.common]
        own = prior.kind.scales(common, values[np.array(prior.own, int)])
        own = own if prior.sigma < 0 else own * values[prior.sigma]
        scale = scale.at[np.array(prior.columns, int)].set(own)
    return scale


def _reported(factor: Factor, values: Any) -> Any:
    """Return what turns a level's standardised effects into its effects, (K, K): latents stay as they are."""
    ordinary, size = len(factor.sd), factor.effects
    out = jnp.eye(size)
    if not ordinary:
        return out
    partial = [values[i] for i in factor.partial]
    lam = groups.factor(values[np.array(factor.sd, int)], partial, factor.blocks)
    return out.at[:ordinary, :ordinary].set(lam) if size > ordinary else lam


def _loaded(factor: Factor, out: Any, values: Any) -> Any:
    """Return Λ (J, K): the effects' own columns, then one column for each loading of a latent."""
    if not factor.latents:
        return out
    ordinary = len(factor.sd)
    lam = jnp.zeros((factor.columns, factor.effects))
    lam = lam.at[:ordinary].set(out[:ordinary])
    for j, (latent, where) in enumerate(factor.loadings):
        lam = lam.at[ordinary + j, ordinary + latent].set(values[where])
    return lam


def _cutpoints(response: ResponseShape, data: Data, values: Any) -> tuple[Any, Any]:
    """Return cutpoints less their mean (C,), and the log prior density of the gaps.

    With c iid Normal(mu, s) in ascending order, ``prod N(c_j; mu, s) C! = N(mean; mu, s / sqrt(C)) p(gaps)``.
    """
    gaps = values[np.array(response.gaps, int)]
    steps = jnp.concatenate([jnp.zeros(1), jnp.cumsum(gaps)])
    away = steps - steps.mean()
    count = len(response.gaps) + 1
    if count == 1:
        return away, 0.0
    s = data.prior[response.gaps[0], 0]
    constant = math.lgamma(count + 1) - 0.5 * math.log(count) - 0.5 * (count - 1) * math.log(2 * math.pi)
    return away, constant - (count - 1) * jnp.log(s) - 0.5 * (away**2).sum() / s**2


def _to_natural(structure: Structure, data: Data, theta: Any) -> tuple[Any, Any]:
    """Transform theta kind by kind; slots of one kind are one vector operation."""
    kinds: dict[type[Prior], list[int]] = {}
    for i, slot in enumerate(structure.slots):
        kinds.setdefault(slot.prior, []).append(i)
    natural: list[Any] = [None] * len(structure.slots)
    total = jnp.zeros(())
    for kind, where in kinds.items():
        t = theta[np.array(where)]
        params = data.prior[np.array(where)].T[: len(fields(kind))]
        value, log_jacobian = _value(kind, t, params)
        at = jnp.zeros_like(t) if kind.support == "correlation" else value
        total = total + (kind.log_density(at, *params) + log_jacobian).sum()
        for position, i in enumerate(where):
            natural[i] = value[position]
    return jnp.stack(natural) if natural else jnp.zeros(0), total


def _value(kind: type[Prior], t: Any, params: Any) -> tuple[Any, Any]:
    """Return natural values and the log Jacobians of slots of one kind."""
    unit = kind.unit(*params)
    if unit is not None:
        return unit * jnp.logaddexp(0.0, t), jnp.log(unit) - jnp.logaddexp(0.0, -t)
    if kind.support == "positive":
        return jnp.exp(t), t
    if kind.support == "unit":
        return jnp.exp(-jnp.logaddexp(0.0, -t)), -jnp.logaddexp(0.0, t) - jnp.logaddexp(0.0, -t)
    if kind.support == "correlation":
        # (1 - p^2)^(alpha - 1) times the Jacobian 1 - p^2, where 1 - tanh(t)^2 would cancel
        log_rest = 2 * (jnp.log(2.0) - jnp.logaddexp(t, -t))
        return jnp.tanh(t), params[0] * log_rest
    return t, jnp.zeros_like(t)


def to_unconstrained(prior: Prior, value: float) -> float:
    """Return the slot coordinate of a natural `value` under `prior`."""
    kind, unit = type(prior), prior.unit(*prior.params)
    if unit is not None:
        return float(value / unit + np.log(-np.expm1(-value / unit)))
    if kind.support == "positive":
        return float(np.log(value))
    if kind.support == "unit":
        return float(np.log(value) - np.log1p(-value))
    return float(np.arctanh(value)) if kind.support == "correlation" else float(value)
