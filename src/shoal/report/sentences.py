"""A model in plain sentences, written from its parts."""

from __future__ import annotations

from collections.abc import Iterator

from shoal.drawing.style import scale_of
from shoal.errors import listing
from shoal.model import Specification
from shoal.model.design import Design, Group
from shoal.model.terms.latents import SharedLatent
from shoal.priors import Fixed
from shoal.report.symbols import INTERCEPT, response_of

MOST_NAMES = 12


def sentences(model: Specification) -> list[str]:
    """Return what the model says, a paragraph a response and one for what responses share."""
    paragraphs = [" ".join(_response(model, design)) for design in model.designs]
    shared = [*_latents(model), *_pooling(model)]
    return [*paragraphs, " ".join(shared)] if shared else paragraphs


def _response(model: Specification, design: Design) -> Iterator[str]:
    r = design.formula.response
    came = f"{design.observations:,} rows of {response_of(design)} come from the family {design.family.name}"
    if design.family.joint:
        yield f"{came}."
    else:
        yield f"{came} with {design.family.link} link. η is on the scale “{scale_of(design)}”."
    if r.trials:
        what = "each category's part" if design.family.several else "successes"
        yield f"Each row counts {what} of {r.trials.text} trials."
    if r.se:
        beside = " beside the residual σ, which is estimated" if r.se_sigma else ""
        yield f"Each row's standard error, {r.se.text}, is known{beside}."
    if r.weights:
        yield f"Each row's log density is multiplied by {r.weights.text}."
    for item in design.items:
        yield f"Each of the {len(design.cutpoint_sets):,} items of {item} has cutpoints of its own."
    if not design.family.joint:
        yield _population(design)
    if design.rescor:
        shared = f", which share {_together(list(design.shared))}" if design.shared else ""
        yield f"Its residual correlates with those of the other responses of the row{shared}."
    if design.residuals is not None:
        yield design.residuals.sentence()
    if design.formula.offsets:
        yield f"Added as it is: {_together([o.text for o in design.formula.offsets])}."
    for group in design.groups:
        yield from _group(group.unjoined)
    if design.family.specific:
        terms = _together(list(design.predictors[0].terms))
        yield f"The effects of {terms} differ from cutpoint to cutpoint, and add to η there."
    for number, part in enumerate(() if design.family.specific else design.predictors, 1):
        if part.parameter in design.family.together:
            first, own = design.categories[0], design.categories[number]
            odds = f"the log odds of {own} against {first}"
            yield f"{part.parameter}, {odds}, has a linear predictor of its own."
        else:
            yield f"{part.parameter} has a linear predictor of its own, with {part.family.link} link."
        yield _population(part)
        for group in part.groups:
            yield from _group(group.unjoined)
    if joined := [group for part in design.parts for group in part.groups if group.sections]:
        factors = _together(sorted({group.name for group in joined}))
        yield f"An id joins effects of {factors} on several linear predictors: they are correlated."
    yield from _learnt(model, design)


def _together(names: list[str]) -> str:
    """Return names joined as in a sentence; of many, the first ones and how many more."""
    if len(names) > MOST_NAMES or len(names) < 2:
        return listing(names, MOST_NAMES)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _population(design: Design) -> str:
    slopes = [term for term in design.terms if term != INTERCEPT]
    has_intercept = INTERCEPT in design.terms
    of = f"of {_together(slopes)}"
    if not slopes:
        return (
            "The population part is an intercept alone."
            if has_intercept
            else "There is no population part beside the cutpoints."
            if design.family.ordinal
            else "There is no population part."
        )
    if has_intercept:
        return f"The population part has an intercept and slopes {of}."
    return f"The population part has slopes {of}."


def _group(group: Group) -> Iterator[str]:
    own = ["mean" if e == INTERCEPT else f"slope of {e}" for e in group.effects]
    yield (
        f"Each of the {len(group.labels):,} levels of {group.name} deviates from the population in its "
        f"{_together(own)}."
    )
    if group.correlated:
        yield "The deviations of a level are correlated with each other, and the correlation is estimated."
    if group.student:
        yield "Deviations have Student-t tails, which leave outlying levels where they are."
    if group.zero_sum:
        yield (
            "Deviations sum to zero over the levels, so the population part is the mean of these levels and "
            "says nothing of levels not seen."
        )
    if group.root is not None:
        yield f"Levels covary as the known matrix {group.cov} says."


def _learnt(model: Specification, design: Design) -> Iterator[str]:
    """Say whether the standard deviations between levels are estimated."""
    groups = [group for part in design.parts for group in part.groups]
    sds = [model.priors[f"{g.sd}[{e}]"].prior for g in groups for e in g.effects]
    fixed = [isinstance(prior, Fixed) for prior in sds]
    if sds and all(fixed):
        yield "How much levels differ is fixed beforehand, not learnt from them."
    elif sds:
        which = "mostly estimated" if any(fixed) else "estimated"
        yield (
            f"How much levels differ is {which}, so a level of few rows is drawn towards the others: "
            "partial pooling."
        )


def _latents(model: Specification) -> Iterator[str]:
    for term in (term for term in model.terms if isinstance(term, SharedLatent)):
        latent, shared = term.one, [response_of(design) for design, _ in term.members]
        yield (
            f"{latent.name} is not observed: a standard normal value for each of the {len(latent.labels):,} "
            f"levels of {latent.factor}, shared by {_together(shared)} with a loading in each."
        )
        if term.foldable:
            yield "Its sign is not known from the data: the first loading is taken to be positive."


def _pooling(model: Specification) -> Iterator[str]:
    if model.pooling == "complete":
        yield "This is the variant with complete pooling: the group terms of the formula are left out."
    if model.pooling == "none":
        yield (
            "This is the variant without pooling: each level has its own coefficients under a fixed, wide "
            "prior."
        )
