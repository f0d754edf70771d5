"""Curves, plain and slow: their part of `posterior.density`.

A smooth has ``sds_<curve>``, a process ``sdgp_<curve>`` and ``lscale_<curve>``: numbers, or one for each part
or level; both have ``basis_<curve>``, the coefficients of their columns. A monotonic effect has its
coefficient ``<curve>`` and ``simo_<curve>``, a simplex.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from scipy import stats
from scipy.special import gamma

from shoal.model import Specification
from shoal.model.design import Curve, Design
from shoal.priors import Dirichlet, Fixed, Normal, Prior


def positive(curve: Curve) -> list[str]:
    """Return the names of the positive parameters of a curve."""
    kinds = {"s": ["sds"], "t2": ["sds"], "gp": ["sdgp", "lscale"], "mo": []}[curve.term.function]
    return [f"{curve.prefix}{kind}_{curve.name}" for kind in kinds]


def elements(model: Specification, name: str) -> list[Prior]:
    """Return the priors of a parameter's elements, in order."""
    if name in model.priors:
        return [model.priors[name].prior]
    return [p.prior for key, p in model.priors.items() if key.startswith(f"{name}[")]


def all_curves(model: Specification) -> Iterator[Curve]:
    return (curve for part in model.parts for curve in part.curves)


def normal_steps(model: Specification) -> list[str]:
    """Return the coefficients of monotonic effects that are effects: those with normal priors."""
    names = [f"{c.prefix}{c.name}" for c in all_curves(model) if c.term.function == "mo"]
    return [name for name in names if isinstance(model.priors[name].prior, Normal)]


def known(model: Specification, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return `values` with the fixed elements in their places."""
    out = dict(values)
    for name in (name for curve in all_curves(model) for name in positive(curve)):
        priors = elements(model, name)
        given = np.broadcast_to(np.asarray(out.get(name, np.nan), float), len(priors))
        out[name] = np.array(
            [p.value if isinstance(p, Fixed) else v for p, v in zip(priors, given, strict=True)]
        )
    return out


def log_hyper(model: Specification, values: Mapping[str, Any], log_prior: Callable[..., float]) -> float:
    total = 0.0
    for curve in all_curves(model):
        for name in positive(curve):
            pairs = zip(elements(model, name), np.atleast_1d(values[name]), strict=True)
            total += sum(log_prior(prior, value) for prior, value in pairs)
        if curve.term.function == "mo":
            own, simplex = f"{curve.prefix}{curve.name}", f"{curve.prefix}simo_{curve.name}"
            total += log_prior(model.priors[own].prior, values[own])
            prior, shares = model.priors[simplex].prior, np.asarray(values[simplex])
            assert isinstance(prior, Dirichlet)
            if len(shares) > 1:
                total += stats.dirichlet.logpdf(shares[:-1], np.full(len(shares), prior.alpha))
    return total


def log_effects(model: Specification, values: Mapping[str, Any]) -> float:
    smooth = (curve for curve in all_curves(model) if curve.term.function != "mo")
    return sum(
        stats.norm.logpdf(values[f"{c.prefix}basis_{c.name}"], 0, scales(c, values)).sum() for c in smooth
    )


def scales(curve: Curve, values: Mapping[str, Any]) -> np.ndarray:
    """Return the standard deviation of each coefficient, level by level."""
    own = [np.atleast_1d(values[name]) for name in positive(curve)]
    if curve.term.function == "gp":
        pairs = zip(*own, strict=True)
        return np.concatenate([sd * np.sqrt(spectral_density(curve.basis, length)) for sd, length in pairs])
    by_level = own[0].reshape(curve.copies, -1)
    return by_level[:, curve.basis.part_of].ravel()


def spectral_density(basis: Any, length: float) -> np.ndarray:
    """Rasmussen and Williams (2006), chapter 4, in one dimension."""
    s = np.arange(1, basis.functions + 1) / (4 * basis.boundary * basis.half)  # cycles per unit
    if np.isinf(basis.smoothness):
        return np.sqrt(2 * np.pi * length**2) * np.exp(-2 * np.pi**2 * length**2 * s**2)
    nu = basis.smoothness
    constant = 2 * np.sqrt(np.pi) * gamma(nu + 0.5) * (2 * nu) ** nu / (gamma(nu) * length ** (2 * nu))
    return constant * (2 * nu / length**2 + 4 * np.pi**2 * s**2) ** -(nu + 0.5)


def linear_predictor(design: Design, values: Mapping[str, Any]) -> np.ndarray:
    eta = np.zeros(design.n_rows)
    for curve in design.curves:
        columns = curve.columns
        for i in range(design.n_rows):
            if curve.term.function == "mo":
                simplex = np.asarray(values[f"{curve.prefix}simo_{curve.name}"])
                steps = int(curve.x[i, 0])
                eta[i] += values[f"{curve.prefix}{curve.name}"] * len(simplex) * simplex[:steps].sum()
            else:
                own = np.reshape(values[f"{curve.prefix}basis_{curve.name}"], (curve.copies, -1))
                eta[i] += columns[i] @ own[curve.index[i]]
    return eta
