"""Variants of one model under the same names: complete, no and partial pooling, and other priors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from numbers import Real
from typing import Any

import numpy as np

from shoal.errors import ModelError, check_choice, nearest
from shoal.model.default_priors import resolve
from shoal.model.design import Design, Group
from shoal.model.grouping_factors import INTERCEPT
from shoal.model.model import Specification, check_priors
from shoal.model.terms.group_parameters import sd_names
from shoal.model.terms.units import location_of
from shoal.model.terms.variable import OF_GROUPS, ResolvedPrior
from shoal.priors import Fixed, Prior, Shrunk

VARIANTS = ("complete", "none", "partial")


def with_pooling(
    model: Specification, pooling: str, sd: float | Mapping[str, float] | None = None
) -> Specification:
    """Return a variant of a model.

    Parameters
    ----------
    pooling : {"complete", "none", "partial"}
        ``"complete"`` drops the group terms. ``"none"`` gives each level its own coefficients with a known,
        wide sd, independent of each other; population columns that have an effect of the same name are fixed:
        slopes at 0, the Intercept at the response's location on the link's scale less the average offset.
        All other priors stay as they were resolved.
    sd : float or mapping, optional
        For ``"none"``: the sd of every effect, or of some by name, ``{"sd_district[Intercept]": 3}``; by
        default the family's wide one per unit of the effect's column.

    Raises
    ------
    ModelError
        An unknown variant, an `sd` that is not positive, not used or of no effect, a model without group
        terms or with latents, a model that is a variant already.
    """
    check_choice("pooling", pooling, VARIANTS)
    if sd is not None:
        _check_sds(model, pooling, sd)
    if pooling == model.pooling and sd is None:
        return model
    if model.pooling != "partial":
        raise ModelError(
            "pooled-variant",
            f"This model was made with pooling {model.pooling!r}, which fixed or dropped some of its priors.",
            "The model as it was first written.",
            "Make all variants of that one.",
        )
    if not model.groups or any(part.latents for part in model.parts):
        what = "latents" if model.groups else "no group terms"
        raise ModelError(
            "nothing-to-pool", f"The model has {what}.", "Pooling variants are those of group terms (… | g)."
        )
    priors = {name: p for name, p in model.priors.items() if name not in _of_groups(model)}
    if pooling == "none":
        for part in model.parts:
            priors |= _alone(part, sd)
    return replace(model, designs=pooled(model.designs, pooling), priors=priors, pooling=pooling)


def _check_sds(model: Specification, pooling: str, sd: Any) -> None:
    numbers = sd.values() if isinstance(sd, Mapping) else [sd]
    if pooling != "none" or not all(map(_is_sd, numbers)):
        raise ModelError(
            "pooling-sd",
            f"with_pooling({pooling!r}, sd={sd!r}).",
            "sd is a positive number and belongs to 'none'.",
        )
    if isinstance(sd, Mapping):
        known = [name for variable in model.variables if variable.kind == "sd" for name in variable.priors]
        if unknown := [name for name in sd if name not in known]:
            raise ModelError(
                "unknown-effect", f"There is no effect of {unknown[0]!r}.", nearest(str(unknown[0]), known)
            )


def _is_sd(value: Any) -> bool:
    number = isinstance(value, Real) and not isinstance(value, bool)
    return number and 0 < float(value) < float("inf")


def pooled(designs: tuple[Design, ...], pooling: str) -> tuple[Design, ...]:
    """Return the designs of a variant: without groups, or with levels and effects independent."""
    if pooling == "complete":
        return tuple(d.changed(lambda part: replace(part, groups=())) for d in designs)
    if pooling == "none":
        return tuple(d.changed(_alone_in_levels) for d in designs)
    return designs


def _alone_in_levels(part: Design) -> Design:
    return replace(part, groups=tuple(map(_independent, part.groups)))


def _independent(group: Group) -> Group:
    blocks = tuple((k,) for k in range(len(group.effects)))
    return replace(group, blocks=blocks, zero_sum=False, student=False, root=None)


def _of_groups(model: Specification) -> set[str]:
    """Return the names of the parameters of all group terms."""
    return {name for variable in model.variables if variable.kind in OF_GROUPS for name in variable.priors}


def _alone(design: Design, sd: float | Mapping[str, float] | None) -> Mapping[str, ResolvedPrior]:
    """Return the known values of a response's parameters without pooling."""
    location = location_of(design)
    wide = design.family.no_pooling_sd(design.counting.rows)
    out: dict[str, ResolvedPrior] = {}
    for group in design.groups:
        spreads, own = design.effect_spreads(group), list(group.own)
        # Of an Intercept: as wide at average columns.
        there = float(np.linalg.norm(group.averages[own] / spreads[own]))
        matched, names, terms = design.matched(group), sd_names(group), group.own_terms
        for effect, name, spread, column in ((terms[k], names[k], spreads[k], matched[k]) for k in own):
            given = sd.get(name) if isinstance(sd, Mapping) else sd
            widest = wide * there if effect == INTERCEPT else wide / float(spread)
            value = widest if given is None else given
            out[name] = ResolvedPrior(Fixed(float(value)), given is None)
            if column >= 0:
                value = location if effect == "Intercept" else 0.0
                out[design.columns[column]] = ResolvedPrior(Fixed(value), True)
    return out


def with_priors(model: Specification, changes: Mapping[str, Prior]) -> Specification:
    """Return `model` with some of its priors changed; the others stay as they were resolved.

    Parameters
    ----------
    changes : mapping
        From names of parameters, or of several (``"b"``, ``"sd"``), to priors.

    Raises
    ------
    PriorError
        A name that fits no parameter, or a support that does not.
    """
    check_priors(changes)
    resolved = resolve(model.designs, changes)
    priors = {**model.priors, **{name: p for name, p in resolved.items() if not p.default}}
    for design in model.parts:
        # A shrinkage prior of all slopes has gone if none of them refers to it any more.
        if not any(isinstance(priors[name].prior, Shrunk) for name in design.columns):
            priors.pop(design.prefix + "b", None)
    return replace(model, priors=priors)
