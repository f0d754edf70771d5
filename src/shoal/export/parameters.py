"""Priors as PyMC variables; arguments are PyMC's already, but for one name."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from pymc.distributions.shape_utils import rv_size_is_none
from pymc.distributions.transforms import ordered

from shoal import priors
from shoal.priors import Fixed, Prior

KINDS: dict[type[Prior], Any] = {
    priors.Normal: pm.Normal,
    priors.StudentT: pm.StudentT,
    priors.Laplace: pm.Laplace,
    priors.HalfNormal: pm.HalfNormal,
    priors.HalfStudentT: pm.HalfStudentT,
    priors.HalfCauchy: pm.HalfCauchy,
    priors.Exponential: pm.Exponential,
    priors.Gamma: pm.Gamma,
    priors.InverseGamma: pm.InverseGamma,
    priors.Beta: pm.Beta,
}
RENAMED = {"rate": "lam"}


def scalar(name: str, prior: Prior, shift: Any = 0.0) -> Any:
    """Return the variable `name`; a constant, reported all the same, where its prior is `Fixed`.

    Parameters
    ----------
    shift : tensor
        Added to the location of a prior that has one.
    """
    if isinstance(prior, Fixed):
        return pm.Deterministic(name, pt.constant(prior.value, dtype="float64"))
    arguments = _arguments(prior)
    if "mu" in arguments:
        arguments["mu"] = arguments["mu"] + shift
    return KINDS[type(prior)](name, **arguments)


def vector(name: str, labels: Sequence[str], members: Sequence[Prior], dim: str) -> Any:
    """Return the variable `name` along `dim`: one distribution if all priors are of one kind."""
    kinds = {type(prior) for prior in members}
    if len(kinds) == 1 and Fixed not in kinds:
        each = [_arguments(prior) for prior in members]
        arguments = {key: np.array([own[key] for own in each]) for key in each[0]}
        return KINDS[kinds.pop()](name, **arguments, dims=dim)
    parts = [_part(f"{name}[{label}]", prior) for label, prior in zip(labels, members, strict=True)]
    return pm.Deterministic(name, pt.stack(parts), dims=dim)


def folded(name: str, prior: Prior) -> Any:
    """Return the variable `name` with a prior symmetric about zero, folded to the positive side."""
    match prior:
        case priors.Normal():
            return pm.HalfNormal(name, sigma=prior.sigma)
        case priors.StudentT():
            return pm.HalfStudentT(name, nu=prior.nu, sigma=prior.sigma)
        case priors.Laplace():
            return pm.Exponential(name, lam=1 / prior.b)
    raise AssertionError(f"{type(prior).__name__} is not symmetric about zero.")


def ascending(name: str, nu: float, mu: np.ndarray, sigma: float, dim: str | None) -> Any:
    """Return the variable `name`, independent values about `mu` (C,), all alike, in ascending order.

    They are Student-t, or normal where `nu` is infinite.

    A Normal with the transform `ordered` would lack the factor C! of the density, draw unordered values from
    the prior, and need initial values, which PyMC's transformations of models refuse.
    """
    return pm.CustomDist(
        name,
        mu,
        sigma,
        logp=partial(_ascending_logp, nu),
        dist=partial(_ascending_draw, nu),
        support_point=_ascending_start,
        signature="(c),()->(c)",
        transform=ordered,
        dims=dim,
    )


def _unordered(nu: float, mu: Any, sigma: Any, **size: Any) -> Any:
    if np.isfinite(nu):
        return pm.StudentT.dist(nu=nu, mu=mu, sigma=sigma, **size)
    return pm.Normal.dist(mu, sigma, **size)


def _ascending_logp(nu: float, value: Any, mu: Any, sigma: Any) -> Any:
    unordered = pm.logp(_unordered(nu, mu, sigma), value).sum(axis=-1) + pt.gammaln(value.shape[-1] + 1.0)
    return pt.switch(pt.all(pt.diff(value) >= 0, axis=-1), unordered, -np.inf)


def _ascending_draw(nu: float, mu: Any, sigma: Any, size: Any) -> Any:
    whole = None if rv_size_is_none(size) else pt.concatenate([size, mu.shape[-1:]])
    return pt.sort(_unordered(nu, mu, sigma, size=whole), axis=-1)


def _ascending_start(rv: Any, size: Any, mu: Any, sigma: Any) -> Any:
    """Return evenly spaced values: equal ones have no logarithm of their gaps."""
    count = mu.shape[-1]
    return mu + sigma * ((pt.arange(count) + 0.5) / count - 0.5)


def _part(name: str, prior: Prior) -> Any:
    return pt.constant(prior.value, dtype="float64") if isinstance(prior, Fixed) else scalar(name, prior)


def _arguments(prior: Prior) -> dict[str, Any]:
    return {RENAMED.get(key, key): value for key, value in prior.arguments().items()}
