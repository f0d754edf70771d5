"""Conclusions that would be others under a firmer or a weaker prior.

Power-scaling: Kallioinen, Paananen, Bürkner and Vehtari (2024), Statistics and Computing 34:57. Only priors
are scaled here, so that no row is looked at. Of other programs' draws those of single numbers are, if their
log densities were kept: a vector may hold group effects, whose distribution belongs to the model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import xarray as xr

from shoal.criticism.diagnosis.case import Case
from shoal.criticism.diagnosis.findings import Finding
from shoal.criticism.diagnosis.priors import location_priors, scale_priors
from shoal.criticism.sensitivity import THRESHOLD, Movement, log_priors, movements, quantities
from shoal.errors import listing
from shoal.fit.results import Results
from shoal.fit.row_blocks import spread
from shoal.model import Specification

ENOUGH, PLENTY = 400, 4000  # draws of all chains: fewer are all noise, more are thinned
SHIFT = 0.3  # posterior sds, or of the sd, that twice a prior's weight changes if it is worth a word
FAR = 1.0  # posterior sds that twice its weight moves a mean by, if prior and data disagree
SHOWN = 3  # priors of a finding


@dataclass(frozen=True)
class _Kind:
    """How a prior that moves a conclusion is reported."""

    severity: str
    ending: str
    remedy: str


AGAINST = _Kind(
    "warning",
    " The prior and the data disagree.",
    "Is the prior in the units of the parameter? If it is meant that firmly, report it beside the result; if "
    "not, widen it.",
)
UNCHOSEN = _Kind(
    "warning",
    " It is a default, which nobody chose for this question.",
    "Give it a prior that you can defend, priors={...}, and report it beside the result.",
)
ALONG = _Kind(
    "note",
    "",
    "Report the prior beside the result, and see whether another that you could defend changes it",
)


@dataclass(frozen=True)
class _Known:
    """What is known of parameters by name; of other programs nothing.

    Attributes
    ----------
    priors : mapping of str to str
    defaults : set of str
        Parameters whose prior is Shoal's choice.
    coefficients : set of str
        Population coefficients and loadings.
    scatter : set of str
        What only describes the scatter of rows or effects: sigma, degrees of freedom, shapes.
    """

    priors: Mapping[str, str] = field(default_factory=dict)
    defaults: frozenset[str] = frozenset()
    coefficients: frozenset[str] = frozenset()
    scatter: frozenset[str] = frozenset()


def prior_sensitivity(case: Case) -> list[Finding]:
    """Report priors that move a conclusion, unless another rule has said so of that conclusion."""
    if case.chains * case.draws < ENOUGH:
        return []
    if case.results is None:
        known, seen = _Known(), _of_draws(case)
    else:
        known, seen = _known(case.results.model), _of_results(case.results)
    moved = [m for m in seen if _matters(known, m) and not _said(case, m)]
    moved.sort(key=_weakness)
    far = {m.driver for m in moved if abs(m.pull) >= FAR}
    kinds = [AGAINST if m.driver in far else _kind(known, m) for m in moved]
    pairs = list(zip(moved, kinds, strict=True))
    by_kind = {kind: [m for m, own in pairs if own is kind] for kind in (AGAINST, UNCHOSEN, ALONG)}
    return [_finding(case, known, kind, own) for kind, own in by_kind.items() if own]


def _known(model: Specification) -> _Known:
    coefficients = [name for d in model.parts for name in (*d.columns, *(t.loading for t in d.latents))]
    scatter = [d.named(name) for d in model.designs for name in d.scalars]
    joint = [f"{d.prefix}b" for d in model.parts if any(model.priors[name].joint for name in d.columns)]
    return _Known(
        {name: str(given.prior) for name, given in model.priors.items()}
        | dict.fromkeys(joint, "The joint normal prior"),
        frozenset([*(name for name, given in model.priors.items() if given.default), *joint]),
        frozenset(coefficients),
        frozenset(scatter) | {group.nu for group in model.groups},
    )


def _of_results(results: Results) -> list[Movement]:
    thinned = results.with_posterior(_thinned(results.posterior))
    return movements(quantities(thinned), log_priors(thinned).values, THRESHOLD / 2)


def _of_draws(case: Case) -> list[Movement]:
    """Return what the priors of single numbers do to single numbers."""
    chosen, priors = (_single(_thinned(data)) for data in (case.posterior, case.log_prior))
    shapes = {values.shape for values in (*chosen.values(), *priors.values())}
    return movements(chosen, priors, THRESHOLD / 2) if priors and len(shapes) == 1 else []


def _single(data: xr.Dataset) -> dict[str, np.ndarray]:
    return {str(n): v.values.astype(float) for n, v in data.data_vars.items() if v.ndim == 2}


def _thinned(data: xr.Dataset) -> xr.Dataset:
    """Return as many draws as are looked at, evenly spread."""
    if not data.data_vars:
        return data
    there, kept = data.sizes["draw"], max(1, PLENTY // data.sizes["chain"])
    return data if there <= kept else data.isel(draw=spread(there, kept))


def _matters(known: _Known, movement: Movement) -> bool:
    """Return whether what moves a quantity is worth a word.

    Scatter is a conclusion where its prior and the data disagree, and else not: few data tell it well.
    """
    if movement.name in known.scatter or "scale_b[" in movement.name:
        return movement.by_driver >= THRESHOLD and abs(movement.pull) >= FAR
    return movement.by_driver >= THRESHOLD and max(abs(movement.pull), abs(movement.spread)) >= SHIFT


def _weakness(movement: Movement) -> float:
    return -movement.by_driver


def _said(case: Case, movement: Movement) -> bool:
    """Return whether another rule speaks of this parameter and its own prior."""
    results, name = case.results, movement.name
    if movement.driver != name:
        return False
    alone = replace(case, scales=tuple(scale for scale in case.scales if scale.name == name))
    if results is None:
        own = case.posterior[[name]]
        return bool(scale_priors(alone) or location_priors(replace(case, posterior=own)))
    of_intercept = [
        d for d in results.model.designs if ("Intercept", name) in zip(d.terms, d.columns, strict=True)
    ]
    model = replace(results.model, designs=tuple(of_intercept))
    return bool(scale_priors(alone) or location_priors(replace(alone, results=replace(results, model=model))))


def _kind(known: _Known, movement: Movement) -> _Kind:
    return UNCHOSEN if movement.name in known.coefficients and movement.driver in known.defaults else ALONG


def _finding(case: Case, known: _Known, kind: _Kind, moved: Sequence[Movement]) -> Finding:
    """Return a finding on the priors that move these, strongest first."""
    of: dict[str, list[Movement]] = {}
    for movement in moved:
        of.setdefault(movement.driver, []).append(movement)
    parts = [_part(known, driver, own) for driver, own in list(of.items())[:SHOWN]]
    more = f"; and {len(of) - SHOWN} more priors" if len(of) > SHOWN else ""
    evidence = f"{'; '.join(parts)}{more}. {_doubled(known, moved[0])}{kind.ending}"
    remedy = kind.remedy
    if kind is ALONG:
        remedy += case.remedy("; fit.sensitivity() has all quantities.", ".")
    return Finding("prior-sensitivity", kind.severity, evidence, remedy)


def _part(known: _Known, driver: str, moved: Sequence[Movement]) -> str:
    """Return a prior and what it moves, with the sensitivities."""
    names = ["it" if m.name == driver else m.name for m in moved]
    numbers = [f"{'' if i else 'sensitivity '}{m.by_driver:.2g}" for i, m in enumerate(moved)]
    what = listing((f"{name} ({number})" for name, number in zip(names, numbers, strict=True)), SHOWN)
    prior = known.priors.get(driver, "The prior")
    return f"{prior} of {driver}{' (default)' if driver in known.defaults else ''} moves {what}"


def _doubled(known: _Known, movement: Movement) -> str:
    """Return what twice a prior's weight would do: to the mean, or to the sd if that is more."""
    if abs(movement.pull) >= abs(movement.spread):
        side = "higher" if movement.pull > 0 else "lower"
        what = f"the mean of {movement.name} would be {abs(movement.pull):.2g} posterior sds {side}"
    else:
        side = "wider" if movement.spread > 0 else "narrower"
        what = f"the posterior of {movement.name} would be {100 * abs(movement.spread):.0f}% {side}"
    prior = known.priors.get(movement.driver, f"the prior of {movement.driver}")
    return f"With twice the weight of {prior} {what}."
