"""Prior distributions: immutable values with a log density, draws and a one-line print.

Arguments are those of PyMC. A prior's *kind* (its class) has a compiled log density, to which its numbers are
data: changing a number compiles nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from shoal.errors import PriorError
from shoal.priors.base import Fixed, Prior
from shoal.priors.correlation import LKJ, PartialCorrelation
from shoal.priors.positive import (
    Beta,
    Dirichlet,
    Exponential,
    Gamma,
    Gap,
    HalfCauchy,
    HalfNormal,
    HalfStudentT,
    InverseGamma,
)
from shoal.priors.real import Laplace, Normal, StudentT
from shoal.priors.shrinkage import R2D2, Horseshoe, Shrinkage, Shrunk

__all__ = [
    "Beta",
    "Dirichlet",
    "Exponential",
    "Fixed",
    "Gamma",
    "Gap",
    "HalfCauchy",
    "HalfNormal",
    "HalfStudentT",
    "Horseshoe",
    "InverseGamma",
    "LKJ",
    "Laplace",
    "Normal",
    "PartialCorrelation",
    "Prior",
    "R2D2",
    "Shrinkage",
    "Shrunk",
    "StudentT",
    "KINDS",
    "from_record",
    "middle",
    "to_record",
]

KINDS: dict[str, type[Prior]] = {
    kind.__name__: kind
    for kind in (
        Normal,
        StudentT,
        Laplace,
        HalfNormal,
        HalfStudentT,
        HalfCauchy,
        Exponential,
        Gamma,
        InverseGamma,
        Beta,
        Dirichlet,
        LKJ,
        Fixed,
        Shrunk,
        Horseshoe,
        R2D2,
    )
}


def to_record(prior: Prior) -> dict[str, Any]:
    """Return `prior` as plain data for JSON."""
    return {"kind": type(prior).__name__, **prior.arguments()}


INTERNAL = (Gap, PartialCorrelation, Shrunk)  # parts of other priors, which nobody gives


def from_record(record: dict[str, Any]) -> Prior:
    """Rebuild a prior from `to_record`.

    Raises
    ------
    PriorError
        If the record names no known kind or its arguments do not fit.
    """
    arguments = dict(record)
    name = arguments.pop("kind", None)
    if name not in KINDS:
        raise PriorError("unknown-prior", f"A prior of kind {name!r}.", f"One of {', '.join(KINDS)}.")
    try:
        return KINDS[name](**arguments)
    except TypeError as problem:
        raise PriorError(
            "prior-arguments", f"The arguments {arguments} do not fit {name}.", str(problem)
        ) from problem


def middle(prior: Prior) -> float:
    """Return about the median of a prior: where a search for its parameter begins."""
    if prior.support == "correlation":
        return 0.0
    if isinstance(prior, Gap):
        return 0.4 * prior.sigma
    return float(np.median(prior.draw(np.random.default_rng(0), 501)))
