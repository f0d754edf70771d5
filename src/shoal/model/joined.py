"""Effects of several linear predictors on one factor that an id correlates: ``(1 | id | g)`` in each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from shoal.errors import ModelError, listing
from shoal.model.design import Design
from shoal.model.grouping_factors import Group

Member = tuple[Design, Group]


def join(designs: Sequence[Design]) -> tuple[Design, ...]:
    """Return designs in which groups of one id are one set of correlated effects.

    Every predictor that the id stands in holds the whole set; the columns of effects on other predictors are
    zero there. An effect is called after its predictor, ``sigma_x``, unless that is the response's own.

    Raises
    ------
    ModelError
        Terms of one id that differ in their factor, or in how its levels are distributed.
    """
    members: dict[str, list[Member]] = {}
    for part in (part for design in designs for part in design.parts):
        for group in part.groups:
            if group.id:
                members.setdefault(group.id, []).append((part, group))
    alone = {group.r for design in designs for part in design.parts for group in part.groups if not group.id}
    wide: dict[int, Group] = {}
    for name, own in members.items():
        _check(name, [group for _, group in own])
        if len(own) > 1:
            widened = list(_widened(name, own, alone))
            alone.add(widened[0].r)
            wide |= {id(group): found for (_, group), found in zip(own, widened, strict=True)}

    def joined(part: Design) -> Design:
        return replace(part, groups=tuple(wide.get(id(group), group) for group in part.groups))

    return tuple(design.changed(joined) for design in designs)


def _check(name: str, groups: Sequence[Group]) -> None:
    factors = dict.fromkeys(group.name for group in groups)
    if len(factors) > 1:
        raise ModelError(
            "id-of-two-factors",
            f"The id {name!r} stands in terms of {listing(map(repr, factors))}.",
            "An id joins the effects of the levels of one factor.",
            "Give the terms of each factor an id of their own.",
        )
    for option in ("zero_sum", "cov"):
        if len({getattr(group, option) for group in groups}) > 1:
            raise ModelError(
                "id-terms-differ",
                f"Terms of the id {name!r} differ in {option}.",
                "One choice for all of them.",
            )
    if len(groups) > 1 and any(group.student for group in groups):
        raise ModelError(
            "id-of-student",
            f"Terms of the id {name!r} have dist='student'.",
            "Effects that an id joins are normal.",
        )


def _widened(name: str, members: Sequence[Member], taken: set[str]) -> Iterator[Group]:
    """Yield the set as each of its predictors holds it."""
    responses = {part.response_prefix for part, _ in members}
    prefix = responses.pop() if len(responses) == 1 else ""
    labels = [
        part.prefix.removeprefix(prefix) + effect for part, group in members for effect in group.effects
    ]
    if f"{prefix}r_{members[0][1].name}" in taken:
        prefix = f"{prefix}{name}_"
    ends = np.cumsum([0, *(len(group.effects) for _, group in members)]).tolist()
    sections = tuple(tuple(range(a, b)) for a, b in zip(ends, ends[1:], strict=False))
    for number, (_, group) in enumerate(members):
        z = np.zeros((len(group.z), len(labels)))
        z[:, sections[number]] = group.z
        yield replace(
            group,
            z=z,
            effects=tuple(labels),
            terms=tuple(effect for _, own in members for effect in own.effects),
            blocks=(tuple(range(len(labels))),),
            averages=np.concatenate([own.averages for _, own in members]),
            prefix=prefix,
            sections=sections,
            section=number,
        )
