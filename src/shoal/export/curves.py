"""Curves as PyMC variables, and their part of a linear predictor."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from shoal.export.parameters import scalar
from shoal.export.responses import data
from shoal.model import Specification
from shoal.model.design import Design
from shoal.model.terms.gaussian_processes import GaussianProcess
from shoal.model.terms.monotonic import Monotonic
from shoal.model.terms.smooths import Smooth

Values = dict[str, Any]


def variables(model: Specification, design: Design) -> Values:
    """Return the variables of all curves of one response."""
    out: Values = {}
    for term in _of(model, design):
        if isinstance(term, Monotonic):
            out |= _monotonic(model, term)
        else:
            out[term.name] = _smooth(model, term) if isinstance(term, Smooth) else _process(model, term)
    return out


def predictors(model: Specification, design: Design, values: Values) -> Iterator[Any]:
    """Yield what each curve adds to the linear predictor of the rows."""
    for number, term in enumerate(_of(model, design)):
        curve = term.curve
        x = data(design, f"curve_{number}", curve.columns, f"{design.prefix}curve_{number}_column")
        if isinstance(term, Monotonic):
            whole = values[term.name] * term.basis.size
            yield whole * (x @ values[term.simplex])
        else:
            by_level = values[term.name].reshape((curve.copies, curve.basis.size))
            level = data(design, f"level_curve_{number}", curve.index)
            yield (x * by_level[level]).sum(axis=1)


def _of(model: Specification, design: Design) -> list[Smooth | GaussianProcess | Monotonic]:
    kinds = Smooth, GaussianProcess, Monotonic
    return [term for term in model.terms if isinstance(term, kinds) and term.design is design]


def _vector(model: Specification, variable: str, names: tuple[str, ...], dim: str | None) -> Any:
    """Return parameters with priors of their own, as one vector; a single one as it is."""
    if dim is None:
        return pt.stack([scalar(variable, model.priors[names[0]].prior)])
    each = [scalar(name, model.priors[name].prior) for name in names]
    return pm.Deterministic(variable, pt.stack(each), dims=dim)


def _dim(term: Smooth | GaussianProcess | Monotonic, variable: str) -> str | None:
    found = next(v for v in term.variables() if v.name == variable)
    return next(iter(found.dims), None)


def _smooth(model: Specification, term: Smooth) -> Any:
    sds = _vector(model, term.sds, term.names, _dim(term, term.sds))
    return _normal(term, sds[term.sd_of])


def _process(model: Specification, term: GaussianProcess) -> Any:
    pairs, basis = term.pairs(), term.basis
    names = [tuple(own) for own in zip(*pairs, strict=True)]
    sds = _vector(model, term.sd, names[0], _dim(term, term.sd))
    lengths = _vector(model, term.lengthscale, names[1], _dim(term, term.lengthscale))
    scaled, nu = (lengths[:, None] * basis.frequencies) ** 2, basis.smoothness
    shape = pt.exp(-scaled / 2) if np.isinf(nu) else (1 + scaled / (2 * nu)) ** -(nu + 0.5)
    scales = sds[:, None] * pt.sqrt(np.float64(basis.peak) * lengths[:, None] * shape)
    return _normal(term, scales.flatten())


def _normal(term: Smooth | GaussianProcess, scales: Any) -> Any:
    """Return coefficients with standard deviations, sampled in units of these."""
    dim = _dim(term, term.name)
    return pm.Deterministic(term.name, scales * pm.Normal(f"{term.name}_z", 0.0, 1.0, dims=dim), dims=dim)


def _monotonic(model: Specification, term: Monotonic) -> Values:
    dim, name = _dim(term, term.simplex), term.simplex
    coefficient = scalar(term.name, model.priors[term.name].prior)
    if term.basis.size == 1:
        return {term.name: coefficient, name: pm.Deterministic(name, pt.ones(1), dims=dim)}
    alpha = np.full(term.basis.size, term.prior.alpha)
    return {term.name: coefficient, name: pm.Dirichlet(name, alpha, dims=dim)}
