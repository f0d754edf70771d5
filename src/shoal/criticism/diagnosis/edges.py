"""Floors and ceilings: levels all of whose responses lie at one end of what is possible.

Given such a level alone its effect has no finite estimate. For the standard deviation between levels it is
worse: as that grows, the likelihood of a level at an edge tends to a constant, and only levels inside bound
it. With two or fewer of those, and a mean to be estimated besides, its upper tail is the prior's alone.
"""

from __future__ import annotations

import numpy as np

from shoal.criticism.diagnosis.case import Case
from shoal.criticism.diagnosis.findings import Finding
from shoal.errors import listing
from shoal.priors import Fixed

FEWEST_INSIDE = 3


def edges(case: Case) -> list[Finding]:
    """Report grouping factors with levels at a floor or a ceiling; of rows that stay none is known."""
    if case.model and case.model.stays:
        return []
    return _of_model(case) if case.model else _of_draws(case)


def _of_model(case: Case) -> list[Finding]:
    assert case.model is not None
    findings = []
    for group in case.model.groups:
        design = case.model.design_of(group)
        low, high = design.edges
        name = design.formula.response.value.text
        priors = [case.model.priors[f"{group.sd}[{effect}]"].prior for effect in group.effects]
        known = all(isinstance(prior, Fixed) for prior in priors)
        row, level, _ = group.entries
        ends = np.asarray(low)[row], np.asarray(high)[row]
        findings += _found(name, group.name, group.labels, level, *ends, sd_known=known)
    return findings


def _of_draws(case: Case) -> list[Finding]:
    """Read binary responses and the level of each row from the data that came with the draws."""
    findings, seen = [], set[tuple[str, str]]()
    for response, dim, index, y in binary_by_level(case):
        if (response, dim) in seen:
            continue
        seen.add((response, dim))
        labels = case.posterior[dim].values
        findings += _found(response, dim, labels, index, y == 0, y == 1)
    return findings


def binary_responses(case: Case) -> dict[str, np.ndarray]:
    """Return the observed variables of zeros and ones."""
    flat = {str(name): response.values.ravel() for name, response in case.observed.data_vars.items()}
    return {
        name: y
        for name, y in flat.items()
        if y.dtype.kind in "fiub" and y.size > 1 and np.isin(y, (0, 1)).all()
    }


def binary_by_level(case: Case) -> list[tuple[str, str, np.ndarray, np.ndarray]]:
    """Return (response, dim of the levels, level of each row, response of each row) of binary responses.

    The level of each row is an integer variable of the constant data, as long as the response, whose values
    number the entries of a dimension of the posterior.
    """
    out = []
    sizes = {str(d): n for d, n in case.posterior.sizes.items() if d not in ("chain", "draw")}
    for name, y in binary_responses(case).items():
        for index in case.constant.data_vars.values():
            levels = index.values.ravel()
            if levels.dtype.kind not in "iu" or levels.shape != y.shape or len(set(levels)) < 2:
                continue
            first = levels.min()  # Stan counts from 1
            for dim, size in sizes.items():
                if first in (0, 1) and levels.max() - first == size - 1 and dim in case.posterior.coords:
                    out.append((name, dim, levels - first, y))
    return out


def _found(
    response: str,
    over: str,
    labels: np.ndarray,
    index: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    sd_known: bool = False,
) -> list[Finding]:
    counts = np.bincount(index, minlength=len(labels))
    floor, ceiling = (np.bincount(index, edge, len(labels)) == counts for edge in (low, high))
    floor, ceiling = floor & (counts > 0), ceiling & (counts > 0)
    at_edge = floor | ceiling
    if not at_edge.any():
        return []
    parts = []
    for where, what in ((floor, "at the floor"), (ceiling, "at the ceiling")):
        shown = listing(f"{labels[i]} (n {counts[i]})" for i in np.flatnonzero(where))
        parts += [f"{int(where.sum())} {what}: {shown}"] if where.any() else []
    number = int(at_edge.sum())
    have, their = ("has", "its") if number == 1 else ("have", "their")
    keeper = "their prior, whose sd is fixed," if sd_known else "pooling"
    said = (
        f"{number} of {len(labels)} levels of {over} {have} all of {response} at one end "
        f"({'; '.join(parts)}), so that only {keeper} keeps {their} effects finite."
    )
    return [_judged(said, int((counts > 0).sum()) - number, sd_known)]


def _judged(said: str, inside: int, sd_known: bool) -> Finding:
    """Return the finding: with an sd to be learnt, levels inside are what bounds it."""
    if sd_known:
        remedy = "Nothing to do, but how far out they lie is that prior's choice: report its sd."
        return Finding("edges", "note", said, remedy)
    if inside >= FEWEST_INSIDE:
        remedy = "No action needed: pooling keeps them finite. Alone (no pooling) they have no estimate."
        return Finding("edges", "note", said, remedy)
    few = "The 1 inside does" if inside == 1 else f"The {inside} inside do"
    bounds = f"{few} not bound" if inside else "None is inside to bound"
    held = f"{said} {bounds} the sd between levels: its upper tail is the prior's."
    return Finding("edges", "warning", held, "Give that sd a prior that you can defend, and report it.")
