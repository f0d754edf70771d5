"""Effects that sum to zero: over which axis, and what their mean is then the mean of.

A zero-sum constraint holds in every draw to rounding, so it can be read off the draws. PyMC's ZeroSumNormal
constrains the last axis, which is the wrong one where that is not the axis of the levels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from shoal.criticism.diagnosis.case import Case
from shoal.criticism.diagnosis.findings import Finding
from shoal.errors import listing
from shoal.model import Specification
from shoal.model.design import Group

LOOKED_AT = 50  # draws of each chain: a constraint holds in all of them
ROUNDING = 20  # rounding errors that a sum may have for each of its terms


@dataclass(frozen=True)
class Sums:
    """Sums of a variable over one axis.

    Attributes
    ----------
    dim : str
    largest : float
        Of all draws looked at, in absolute value.
    closed : bool
        Zero to rounding.
    """

    dim: str
    largest: float
    closed: bool


def zero_sums(case: Case) -> list[Finding]:
    """Report effects that sum to zero over another axis than their levels', and whose mean theirs is."""
    return _of_model(case) if case.model else _of_draws(case)


def sums_of(array: xr.DataArray) -> list[Sums]:
    """Return the sums of a variable (chain, draw, ...) over each of its own axes."""
    kept = array[:, :: max(1, array.shape[1] // LOOKED_AT)]
    values = kept.values.astype(float)
    size, eps = np.abs(values).max(initial=0.0), float(np.finfo(array.dtype).eps)
    out = []
    for axis, dim in enumerate(array.dims[2:], start=2):
        largest = float(np.abs(values.sum(axis)).max(initial=0.0))
        closed = values.shape[axis] > 1 and 0 < size and largest <= ROUNDING * eps * size * values.shape[axis]
        out.append(Sums(str(dim), largest, closed))
    return out


def _of_model(case: Case) -> list[Finding]:
    assert case.model is not None
    findings = []
    for group in case.model.groups:
        if not group.zero_sum:
            continue
        if group.r in case.posterior and not (over := sums_of(case.posterior[group.r])[0]).closed:
            findings.append(
                Finding(
                    "zero-sum",
                    "error",
                    f"{group.r} should sum to zero over {group.name}; its sums go up to {over.largest:.2g}.",
                    "These are not draws of this model: fit it again.",
                )
            )
        findings.append(
            Finding(
                "finite-population",
                "note",
                f"{group.name} is zero-sum: {_means_of(case.model, group)} of these {len(group.labels)} "
                "levels, and the interval says nothing about a population they come from.",
                "For the population's mean drop zero_sum.",
            )
        )
    return findings


def _means_of(model: Specification, group: Group) -> str:
    """Return the words for the population columns whose effects sum to zero."""
    design = model.design_of(group)
    columns = [design.columns[c] for c in design.matched(group) if c >= 0]
    if not columns:
        return "a mean beside its effects is that"
    return f"{listing(columns)} is the mean" if len(columns) == 1 else f"{listing(columns)} are the means"


def _of_draws(case: Case) -> list[Finding]:
    findings, means = list[Finding](), list[str]()
    for name, array in case.posterior.data_vars.items():
        if array.dtype.kind != "f" or array.ndim < 3 or not np.isfinite(array.values).all():
            continue
        sums = sums_of(array)
        over = [s.dim for s in sums if s.closed]
        if not over and _is_called_zero_sum(str(name)):
            findings.append(_not_at_all(str(name), sums))
        elif array.ndim == 4 and len(over) == 1 and (suspect := _wrong_axis(case, str(name), array, sums)):
            findings.append(suspect)
        elif over:
            means += [f"{name} sums to zero over {listing(over)} ({_sizes(array, over)})"]
    if means:
        findings.append(
            Finding(
                "finite-population",
                "note",
                f"{'; '.join(means)}: a mean beside it is that of just these levels, and its interval says "
                "nothing about a population they come from.",
                "For a population's mean give the effects independent normal priors.",
            )
        )
    return findings


def _sizes(array: xr.DataArray, dims: list[str]) -> str:
    return " × ".join(str(array.sizes[dim]) for dim in dims)


def _is_called_zero_sum(name: str) -> bool:
    return not name.endswith("__") and "zerosum" in name.lower().replace("_", "")


def _not_at_all(name: str, sums: list[Sums]) -> Finding:
    shown = listing(f"{s.largest:.2g} over {s.dim}" for s in sums)
    return Finding(
        "zero-sum",
        "warning",
        f"{name} is called zero-sum and sums to zero over none of its axes: sums up to {shown}.",
        "Look at what it is made of; a constraint on a part is none on the whole.",
    )


def _wrong_axis(case: Case, name: str, array: xr.DataArray, sums: list[Sums]) -> Finding | None:
    """Return a finding if the axis that sums to zero is not that of the levels.

    The axis of the effects is the one along which there are several standard deviations; failing those, the
    shorter one is more likely to be.
    """
    (closed,), (other,) = [s for s in sums if s.closed], [s for s in sums if not s.closed]
    scaled = _scaled_by(case, array, closed.dim, other.dim)
    if _scaled_by(case, array, other.dim, closed.dim):
        return None
    if not scaled and array.sizes[closed.dim] >= array.sizes[other.dim]:
        return None
    why = (
        f"{listing(scaled)} has one value for each {closed.dim}, so {other.dim} holds the levels"
        if scaled
        else f"{other.dim} is the longer axis, so it seems to hold the levels"
    )
    return Finding(
        "zero-sum-axis",
        "error" if scaled else "warning",
        f"{name} ({other.dim} {array.sizes[other.dim]} × {closed.dim} {array.sizes[closed.dim]}) sums to "
        f"zero over {closed.dim} (largest sum {closed.largest:.1g}), not over {other.dim} (sums up to "
        f"{other.largest:.2g}): {why}. Each level's effects are tied to cancel one another, which biases "
        "all of them.",
        f'Constrain the levels: in PyMC, whose last axis sums to zero, ZeroSumNormal(dims=("{closed.dim}", '
        f'"{other.dim}")).T; in Shoal, gr({other.dim}, zero_sum=True), which takes no other axis. If sums '
        f"over {closed.dim} are what you meant, all is well.",
    )


def _scaled_by(case: Case, array: xr.DataArray, dim: str, other: str) -> list[str]:
    """Return the positive vectors along `dim`, by its name or, if axes are only numbered, by its length."""
    same, size = array.sizes[dim] == array.sizes[other], array.sizes[dim]
    names = []
    for name, vector in case.posterior.data_vars.items():
        if vector.ndim != 3 or vector.dtype.kind != "f" or not (vector.values > 0).all():
            continue
        numbered = str(vector.dims[2]).endswith("_dim_0") and not same and vector.shape[2] == size
        if vector.dims[2] == dim or numbered:
            names.append(str(name))
    return names
