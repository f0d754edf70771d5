"""Priors of the five models: those given, under the names that each model has for them, and defaults.

The defaults of chances are those of the lecture (`compare`), in the units of the table: there the trait's
standard deviation within groups, and that of the group's trait between them, are 1.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from shoal.errors import PriorError, listing, meant
from shoal.families import Binomial, Family
from shoal.formula.tree import quote
from shoal.model import Specification
from shoal.model.design import Design
from shoal.priors import Normal, Prior
from shoal.studies.confounding.question import Question


def is_chance(family: Family) -> bool:
    """Return whether the linear predictor is that of a probability of success."""
    return isinstance(family, Binomial)


def chosen(
    question: Question, specs: Mapping[str, Specification], given: Mapping[str, Prior]
) -> dict[str, dict[str, Prior]]:
    """Return the priors of each model, by the names of that model.

    Parameters
    ----------
    specs : mapping of str to Specification
        The models by estimator, with whatever priors.
    given : mapping of str to Prior
        By the names of a model of the outcome alone. Where the trait is a response as well they still are of
        the outcome; those of the trait's model begin with its name.

    Raises
    ------
    PriorError
        A name that fits no parameter of any of the models.
    """
    out: dict[str, dict[str, Prior]] = {}
    everything: dict[str, None] = {}
    taken: set[str] = set()
    for estimator, spec in specs.items():
        known, design = _names(spec), spec.response(quote(question.outcome))
        everything |= known
        names = {name: name if name in known else design.prefix + name for name in given}
        taken |= {name for name, own in names.items() if own in known}
        priors = {own: given[name] for name, own in names.items() if own in known}
        out[estimator] = _defaults(question, design, priors) | priors
    if unknown := [name for name in given if name not in taken]:
        raise PriorError(
            "unknown-parameter",
            f"There is no parameter {unknown[0]!r} to give a prior to.",
            f"The models of {listing(specs)} have: {listing(everything, 30)}.",
            meant(str(unknown[0]), everything),
        )
    return out


def _names(spec: Specification) -> dict[str, None]:
    """Return the names under which a model takes priors of one response: of a parameter, or of several."""
    names = dict.fromkeys(spec.priors)
    for design in spec.designs:
        if set(design.terms) - {"Intercept"}:
            names[f"{design.prefix}b"] = None
        if design.groups:
            names |= dict.fromkeys([f"{design.prefix}sd", *(group.sd for group in design.groups)])
        if design.latents:
            names[f"{design.prefix}loading"] = None
    return names


def _defaults(question: Question, design: Design, given: Mapping[str, Prior]) -> dict[str, Prior]:
    """Return the lecture's Normal(0, 1) for the slopes that are compared, where the outcome is a chance.

    A unit is the trait's sd within groups, and the group's trait's sd between them. Everything else has the
    defaults of `resolve`, which for the sd between groups is the lecture's, too.
    """
    if not is_chance(design.family) or f"{design.prefix}b" in given:
        return {}
    link, unit = design.family.scale(design.rows)[1], within_sd(question)
    units = {question.trait: unit, question.mean_term: unit}
    if question.group_trait is not None:
        units[question.group_trait] = between_sd(question)
    pairs = zip(design.terms, design.columns, strict=True)
    return {name: Normal(0.0, link / units[term]) for term, name in pairs if units.get(term, 0.0) > 0}


def within_sd(question: Question) -> float:
    """Return the standard deviation of the trait within groups."""
    values = question.frame[question.trait].to_numpy(dtype=float)
    means = pd.Series(values).groupby(question.index).transform("mean").to_numpy()
    return float(np.sqrt(((values - means) ** 2).sum() / (len(values) - len(question.labels))))


def between_sd(question: Question) -> float:
    """Return the standard deviation of the group's trait, each group counted once."""
    return float(question.frame[question.group_trait].groupby(question.index).first().std())
