"""What can be moved on the page: the numbers of every prior, within a range around where they stand."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from shoal.model import Specification
from shoal.model.print import notes_of
from shoal.priors import (
    LKJ,
    Beta,
    Dirichlet,
    Exponential,
    Gamma,
    HalfCauchy,
    HalfNormal,
    HalfStudentT,
    InverseGamma,
    Laplace,
    Normal,
    Prior,
    StudentT,
    middle,
    to_record,
)

REAL = (Normal, StudentT, Laplace)
POSITIVE = (HalfNormal, HalfStudentT, HalfCauchy, Exponential, Gamma, InverseGamma)
OTHERS = (Beta, LKJ, Dirichlet)
FACTOR = 30.0  # a size can be moved to so many times, or so small a part, of what it is
WIDTHS = 5.0  # a location, by so many of its scales
DEGREES = (1.0, 100.0)


def controls(model: Specification) -> list[dict[str, Any]]:
    """Return the priors that can be moved, in the model's order, as plain data.

    Each has its ``name``, ``kind``, what is special about it (``notes``), and ``kinds``: for each kind of
    prior that the parameter may have, its arguments with value, range and whether the range is logarithmic.
    Known values and parts of other priors are not among them.
    """
    owners = {name: variable for variable in model.variables for name in variable.priors}
    found = []
    for name, resolved in model.priors.items():
        if isinstance(resolved.prior, REAL + POSITIVE + OTHERS):
            kinds = {type(prior).__name__: _arguments(prior) for prior in _alternatives(resolved.prior)}
            notes = notes_of(model, owners.get(name), resolved)
            kind = type(resolved.prior).__name__
            found.append({"name": name, "kind": kind, "notes": ", ".join(notes), "kinds": kinds})
    return found


def _alternatives(prior: Prior) -> Iterator[Prior]:
    """Yield the prior, and those of other kinds with the same support and about the same size."""
    yield prior
    for other in _of_its_size(prior):
        if type(other) is not type(prior):
            yield other


def _of_its_size(prior: Prior) -> tuple[Prior, ...]:
    if isinstance(prior, REAL):
        mu, scale = float(prior.mu), float(prior.b if isinstance(prior, Laplace) else prior.sigma)
        return Normal(mu, scale), StudentT(3.0, mu, scale), Laplace(mu, scale)
    if isinstance(prior, POSITIVE):
        m = middle(prior)  # about its median, which that of each of these is
        return (
            HalfNormal(m / 0.6745),
            HalfStudentT(3.0, m / 0.7649),
            HalfCauchy(m),
            Exponential(math.log(2) / m),
            Gamma(2.0, 1.678 / m),
            InverseGamma(2.0, 1.678 * m),
        )
    return ()


def _arguments(prior: Prior) -> dict[str, dict[str, Any]]:
    record = {name: float(value) for name, value in to_record(prior).items() if name != "kind"}
    scale = record.get("sigma", record.get("b", 1.0))
    return {name: _range(name, value, scale) for name, value in record.items()}


def _range(name: str, value: float, scale: float) -> dict[str, Any]:
    if name == "mu":
        return {"value": value, "low": value - WIDTHS * scale, "high": value + WIDTHS * scale, "log": False}
    low, high = DEGREES if name == "nu" else (value / FACTOR, value * FACTOR)
    return {"value": value, "low": min(low, value), "high": max(high, value), "log": True}
