"""Conclusions that would be others under a firmer or a weaker prior.

Power-scaling: Kallioinen, Paananen, Bürkner and Vehtari (2024), Statistics and Computing 34:57. Only priors
are scaled here, so that no row is looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import xarray as xr

from shoal.diagnosis.case import Case
from shoal.diagnosis.findings import Finding
from shoal.diagnosis.priors import location_priors, scale_priors
from shoal.errors import listing
from shoal.model import Specification
from shoal.results import Results
from shoal.row_blocks import spread
from shoal.sensitivity import THRESHOLD, Movement, log_priors, movements, quantities

ENOUGH, PLENTY = 400, 4000  # draws of all chains: fewer are all noise, more are thinned
OTHERS = 2 * THRESHOLD  # for what is no coefficient: an sd of few levels leans on any prior somewhat
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
    "Report the prior beside the result, and see whether another that you could defend changes it; "
    "fit.sensitivity() has all quantities.",
)


def prior_sensitivity(case: Case) -> list[Finding]:
    """Report priors that move a conclusion, unless another rule has said so of that conclusion."""
    if case.results is None or case.chains * case.draws < ENOUGH:
        return []
    results = _thinned(case.results)
    seen = movements(quantities(results), log_priors(results).values, THRESHOLD / 2)
    moved = [m for m in seen if _matters(results.model, m) and not _said(case, m)]
    moved.sort(key=_weakness)
    far = {m.driver for m in moved if abs(m.pull) >= FAR}
    kinds = [AGAINST if m.driver in far else _kind(results.model, m) for m in moved]
    pairs = list(zip(moved, kinds, strict=True))
    by_kind = {kind: [m for m, own in pairs if own is kind] for kind in (AGAINST, UNCHOSEN, ALONG)}
    return [_finding(results.model, kind, own) for kind, own in by_kind.items() if own]


def _thinned(results: Results) -> Results:
    """Return a fit with as many of its draws as are looked at, evenly spread."""
    posterior = results.posterior
    kept = PLENTY // posterior.sizes["chain"]
    if posterior.sizes["draw"] <= kept:
        return results
    some = posterior.isel(draw=spread(posterior.sizes["draw"], max(1, kept)))
    return replace(results, tree=xr.DataTree.from_dict({"posterior": some}))


def _matters(model: Specification, movement: Movement) -> bool:
    """Return whether what moves a quantity is worth a word.

    What only describes the scatter of rows or effects (sigma, degrees of freedom, shapes) is a conclusion
    where its prior and the data disagree, and else not: few data tell it well.
    """
    if _is_coefficient(model, movement.name):
        return movement.by_driver >= THRESHOLD
    scatter = {design.prefix + name for design in model.designs for name in design.parameters}
    scatter |= {group.nu for group in model.groups}
    if movement.name in scatter or "scale_b[" in movement.name:
        return movement.by_driver >= OTHERS and abs(movement.pull) >= FAR
    return movement.by_driver >= OTHERS


def _is_coefficient(model: Specification, name: str) -> bool:
    """Return whether a quantity is a population coefficient or a loading."""
    return any(name in d.columns or name in [t.loading for t in d.latents] for d in model.designs)


def _weakness(movement: Movement) -> float:
    return -movement.by_driver


def _said(case: Case, movement: Movement) -> bool:
    """Return whether another rule speaks of this parameter and its own prior."""
    results, name = case.results, movement.name
    if results is None or movement.driver != name:
        return False
    of_intercept = [
        d for d in results.model.designs if ("Intercept", name) in zip(d.terms, d.columns, strict=True)
    ]
    model = replace(results.model, designs=tuple(of_intercept))
    scales = tuple(scale for scale in case.scales if scale.name == name)
    alone = replace(case, results=replace(results, model=model), scales=scales)
    return bool(scale_priors(alone) or location_priors(alone))


def _kind(model: Specification, movement: Movement) -> _Kind:
    strong = movement.by_driver >= OTHERS and _is_coefficient(model, movement.name)
    return UNCHOSEN if strong and model.priors[movement.driver].default else ALONG


def _finding(model: Specification, kind: _Kind, moved: Sequence[Movement]) -> Finding:
    """Return a finding on the priors that move these, strongest first."""
    of: dict[str, list[Movement]] = {}
    for movement in moved:
        of.setdefault(movement.driver, []).append(movement)
    parts = [_part(model, driver, own) for driver, own in list(of.items())[:SHOWN]]
    more = f"; and {len(of) - SHOWN} more priors" if len(of) > SHOWN else ""
    evidence = f"{'; '.join(parts)}{more}. {_doubled(model, moved[0])}{kind.ending}"
    return Finding("prior-sensitivity", kind.severity, evidence, kind.remedy)


def _part(model: Specification, driver: str, moved: Sequence[Movement]) -> str:
    """Return a prior and what it moves, with the sensitivities."""
    given = model.priors[driver]
    names = ["it" if m.name == driver else m.name for m in moved]
    numbers = [f"{'' if i else 'sensitivity '}{m.by_driver:.2g}" for i, m in enumerate(moved)]
    what = listing((f"{name} ({number})" for name, number in zip(names, numbers, strict=True)), SHOWN)
    return f"{given.prior} of {driver}{' (default)' if given.default else ''} moves {what}"


def _doubled(model: Specification, movement: Movement) -> str:
    """Return what twice a prior's weight would do: to the mean, or to the sd if that is more."""
    if abs(movement.pull) >= abs(movement.spread):
        side = "higher" if movement.pull > 0 else "lower"
        what = f"the mean of {movement.name} would be {abs(movement.pull):.2g} posterior sds {side}"
    else:
        side = "wider" if movement.spread > 0 else "narrower"
        what = f"the posterior of {movement.name} would be {100 * abs(movement.spread):.0f}% {side}"
    return f"With twice the weight of {model.priors[movement.driver].prior} {what}."
