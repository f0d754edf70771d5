"""From a model to the structure of its posterior, and the priors of its hyperparameters."""

from __future__ import annotations

from shoal.model import Specification
from shoal.model import covariance as groups
from shoal.model.design import Design, Group
from shoal.posterior.layout import Gathered, gather
from shoal.posterior.structure import Factor, ResponseShape, Shrinking, Slot, Structure
from shoal.priors import LKJ, Fixed, Gap, Normal, Prior, Shrinkage, Shrunk


def structure_of(model: Specification) -> Structure:
    """Return the static part of the model's posterior."""
    scalars = scalar_priors(model)
    free = [name for name, prior in scalars.items() if not isinstance(prior, Fixed)]
    fixed = [name for name, prior in scalars.items() if isinstance(prior, Fixed)]
    where = {name: i for i, name in enumerate([*free, *fixed])}
    main, border = gather(model)
    starts = column_starts(model)
    return Structure(
        responses=tuple(_response(design, where) for design in model.designs),
        slots=tuple(Slot(name, type(scalars[name])) for name in free),
        names=(*free, *fixed),
        coefficients=tuple(where[c] for d in model.designs for c in d.columns if c in where),
        main=_factor(main, where, starts) if main else None,
        border=tuple(_factor(f, where, starts) for f in border),
        n_normal=sum(_normal_columns(model, d) for d in model.designs),
        shrinking=tuple(_shrinking(model, d, where) for d in model.designs if d.prefix + "b" in model.priors),
    )


def is_normal(model: Specification, column: str) -> bool:
    """Return True if a population column has a normal prior."""
    return isinstance(model.priors[column].prior, Normal)


def _normal_columns(model: Specification, design: Design) -> int:
    return sum(is_normal(model, c) for c in design.columns) + design.family.ordinal


def shrinkage_of(model: Specification, design: Design) -> Shrinkage:
    """Return the prior of all slopes of a response; there must be one."""
    prior = model.priors[design.prefix + "b"].prior
    assert isinstance(prior, Shrinkage)
    return prior


def shrinkage_slots(model: Specification, design: Design) -> tuple[dict[str, Prior], dict[str, Prior]]:
    """Return the priors of a shrinkage prior's common hyperparameters and of the slopes' own, by slot."""
    prior, name = shrinkage_of(model, design), f"{design.prefix}shrinkage"
    slopes = [c for c in design.columns if isinstance(model.priors[c].prior, Shrunk)]
    common = {f"{name}:{key}": value for key, value in prior.common().items()}
    return common, {f"{name}:{column}": prior.own() for column in slopes}


def _shrinking(model: Specification, design: Design, where: dict[str, int]) -> Shrinking:
    prefixes = [d.prefix for d in model.designs]
    before = model.designs[: prefixes.index(design.prefix)]
    start = sum(_normal_columns(model, d) for d in before)
    normal = [c for c in design.columns if is_normal(model, c)]
    common, own = shrinkage_slots(model, design)
    shrunk = [i for i, c in enumerate(normal, start) if isinstance(model.priors[c].prior, Shrunk)]
    return Shrinking(
        type(shrinkage_of(model, design)),
        tuple(shrunk),
        tuple(where[name] for name in common),
        tuple(where[name] for name in own),
        where.get(f"{design.prefix}sigma", -1),
    )


def column_starts(model: Specification) -> dict[str, int]:
    """Return where each response's coefficients begin, by prefix.

    An ordered response has one more coefficient after those of its columns: the mean of its cutpoints.
    """
    starts, at = {}, 0
    for design in model.designs:
        starts[design.prefix] = at
        at += len(design.columns) + design.family.ordinal
    return starts


def _response(design: Design, where: dict[str, int]) -> ResponseShape:
    gaps = design.family.n_cutpoints - 1 if design.family.ordinal else 0
    return ResponseShape(
        family=design.family,
        phi=tuple((name, where[design.prefix + name]) for name in design.parameters),
        gaps=tuple(where[gap_name(design, i)] for i in range(gaps)),
        live=design.family.linear_gaussian and not (design.known_se and design.se_sigma),
    )


def gap_name(design: Design, number: int) -> str:
    """Return the slot name of the gap after cutpoint `number` (0-based)."""
    return f"{design.prefix}gap:{number + 1}"


def _factor(factor: Gathered, where: dict[str, int], starts: dict[str, int]) -> Factor:
    sd: list[int] = []
    partial, blocks, zero_sum, student, matched = [], [], [], [], []
    for design, group in factor.groups:
        at, size = len(sd), len(group.effects)
        sd += [where[f"{group.sd}[{e}]"] for e in group.effects]
        partial += [where[name] for name in partial_names(group)]
        own = [tuple(at + i for i in block) for block in group.blocks]
        blocks += own
        zero_sum += [group.zero_sum] * size
        if group.student:
            student += [(block, where[group.nu]) for block in own]
        start = starts[design.prefix]
        matched += [start + c if c >= 0 else -1 for c in design.matched(group)]
    return Factor(
        name=factor.name,
        levels=factor.levels,
        sd=tuple(sd),
        partial=tuple(partial),
        blocks=tuple(blocks),
        latents=len(factor.latents),
        loadings=tuple(
            (factor.latents.index(latent.name), where[latent.loading]) for _, latent in factor.loadings
        ),
        zero_sum=tuple(zero_sum),
        student=tuple(student),
        known=factor.root is not None,
        dense=factor.dense,
        matched=tuple(matched),
    )


def partial_names(group: Group) -> list[str]:
    """Return the slot names of a group's partial correlations, in the order of `groups.partial_positions`."""
    return [
        f"partial:{group.r}:{group.effects[i]},{group.effects[j]}"
        for i, j, *_ in groups.partial_positions(group.blocks)
    ]


def scalar_priors(model: Specification) -> dict[str, Prior]:
    """Return the priors of all scalar hyperparameters, in a fixed order."""
    scalars: dict[str, Prior] = {}
    for design in model.designs:
        _effects(model, design, scalars)
        for latent in design.latents:
            scalars[latent.loading] = model.priors[latent.loading].prior
        for name in design.parameters:
            scalars[design.prefix + name] = model.priors[design.prefix + name].prior
        if design.family.ordinal:
            prior = model.priors[design.cutpoints].prior
            assert isinstance(prior, Normal)
            for i in range(design.family.n_cutpoints - 1):
                scalars[gap_name(design, i)] = Gap(prior.sigma)
        if design.prefix + "b" in model.priors:
            common, own = shrinkage_slots(model, design)
            scalars |= common | own
        for column in design.columns:
            prior = model.priors[column].prior
            if not isinstance(prior, Normal | Fixed):
                scalars[column] = prior
    return scalars


def _effects(model: Specification, design: Design, scalars: dict[str, Prior]) -> None:
    for group in design.groups:
        for effect in group.effects:
            name = f"{group.sd}[{effect}]"
            scalars[name] = model.priors[name].prior
        if group.correlated:
            lkj = model.priors[group.cor].prior
            assert isinstance(lkj, LKJ)
            positions = groups.partial_positions(group.blocks)
            for name, (_, _, size, position) in zip(partial_names(group), positions, strict=True):
                scalars[name] = lkj.partial(size, position)
        if group.student:
            scalars[group.nu] = model.priors[group.nu].prior
