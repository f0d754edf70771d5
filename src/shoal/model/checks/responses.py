"""Refusals of several responses that are no joint model."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence

from shoal.errors import FormulaError, ModelError, ShoalWarning, listing
from shoal.formula.formula import Formula
from shoal.model import spreads
from shoal.model.checks.response import in_the_way
from shoal.model.design import Design
from shoal.model.terms.all_terms import terms_of, variables_of
from shoal.tables import Table

DIMENSIONS = ("chain", "draw", "row")  # of draws of responses


def order(formulas: Sequence[Formula]) -> None:
    """Raise if two responses are one column, or predict each other, directly or round about."""
    of = [set(f.response.value.columns) for f in formulas]
    shared = [c for c, count in Counter(c for columns in of for c in columns).items() if count > 1]
    if shared:
        raise ModelError(
            "responses-share-column",
            f"Two formulas have responses made from {shared[0]!r}.",
            "Responses of different columns: the same data would count twice.",
            "Keep one of the two formulas.",
        )
    left = list(range(len(formulas)))
    while left:
        there = set().union(*(of[i] for i in left))
        free = [i for i in left if not (set(formulas[i].columns) - of[i]) & there]
        if not free:
            raise ModelError(
                "responses-in-circle",
                f"The responses {listing(repr(formulas[i].response.value.text) for i in left)} predict each "
                "other.",
                "An order in which each depends on earlier ones alone: mutually conditional responses define "
                "no joint distribution.",
                "Leave one out of the predictors, or let them share a latent: latent(u | g) in each.",
            )
        left = [i for i in left if i not in free]


def names(formulas: Sequence[Formula]) -> None:
    """Raise if a response is called like a dimension of the results that hold its draws."""
    for formula in formulas:
        value = formula.response.value
        if value.is_column and (name := value.name) in DIMENSIONS:
            raise ModelError(
                "response-name-taken",
                f"The response is called {name!r}, as a dimension of the results is.",
                f"Any name but {listing(map(repr, DIMENSIONS))}.",
                f"Rename the column: data = data.rename(columns={{{name!r}: {name + '_'!r}}}).",
            )


def latent_names(formulas: Sequence[Formula], table: Table, quiet: bool) -> None:
    """Raise if a latent is called like a column of another formula; warn if like another of the table."""
    used = {c for f in formulas for c in f.columns}
    for f in formulas:
        for term in f.latents:
            if term.name in used:
                raise FormulaError(
                    "latent-is-column",
                    f"The latent quantity {term.name!r} is called like a column of another formula.",
                    "A name of its own was needed: it has no values in the table.",
                    "Rename it.",
                    formula=f.text,
                    span=term.span,
                )
    for name in dict.fromkeys(term.name for f in formulas for term in f.latents):
        if name in table.column_names and not quiet:
            warnings.warn(
                f"The table has a column {name!r}, which latent({name} | …) does not read: a latent has no "
                "values in the table.",
                ShoalWarning,
                stacklevel=2,
            )


def distinct(designs: Sequence[Design]) -> None:
    """Raise if two variables or dimensions of a result would have one name."""
    variables = variables_of(terms_of(designs, {}), designs)
    dims = dict.fromkeys((dim, tuple(labels)) for v in variables for dim, labels in v.dims.items())
    names = [*(variable.name for variable in variables), *(dim for dim, _ in dims)]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ModelError(
            "names-alike",
            f"Two parts of the result would be called {twice[0]!r}.",
            "Names of columns, factors and responses that stay distinct when joined by an underscore.",
            "Rename a column.",
        )


def correlated(designs: Sequence[Design]) -> None:
    """Raise unless the residuals of all responses are normal, or Student-t, and can correlate."""
    if len(designs) < 2:
        raise ModelError(
            "residual-correlation",
            "rescor=True, and there is one response.",
            "Two or more gaussian responses, or student ones.",
        )
    for design in designs:
        able = design.family.name == "gaussian" or design.family.plain.joint_rows is not None
        own = ["a correlation of its own residuals"] if design.residuals is not None else []
        for what in [*in_the_way(design.formula, design.family, design.rows, able), *own]:
            raise ModelError(
                "residual-correlation",
                f"rescor=True, and the response {design.formula.response.value.text!r} has {what}.",
                "Residuals of gaussian responses correlate, and those of student ones.",
                "(1 | p | g) in all of them correlates the effects of levels, in every family.",
            )
        for part in design.predictors:
            if part.parameter in design.family.of_row:
                raise ModelError(
                    "residual-correlation",
                    f"rescor=True, and {part.parameter} of {design.formula.response.value.text!r} has a "
                    "predictor.",
                    f"The responses of a row share one {part.parameter}.",
                    f"Its prior, or its value, is one of the model: priors={{'{part.parameter}': ...}}.",
                )
        if design.family.linear_gaussian:
            spreads.check(design)
    if len(families := dict.fromkeys(design.family.name for design in designs)) > 1:
        raise ModelError(
            "residual-correlation",
            f"rescor=True, and the responses have the families {listing(map(repr, families))}.",
            "One family: residuals of a row are normal together, or Student-t together, of one nu.",
            "Student-t ones of a large nu are nearly normal: family 'student' for all.",
        )


def shared(designs: tuple[Design, ...]) -> None:
    """Raise if a latent stands in one response only, or varies over two factors."""
    latents = [latent for design in designs for part in design.parts for latent in part.latents]
    for latent in latents:
        same = [other for other in latents if other.name == latent.name]
        if len(same) == 1:
            raise ModelError(
                "latent-of-one-response",
                f"The latent {latent.name!r} appears in one response only.",
                "A latent is what two or more responses share.",
                f"For effects of one response write (1 | {latent.factor}).",
            )
        if len({other.factor for other in same}) > 1:
            raise ModelError(
                "latent-of-two-factors",
                f"The latent {latent.name!r} varies over {listing(sorted({o.factor for o in same}))}.",
                "One grouping factor for a latent.",
            )


def imputed(designs: Sequence[Design]) -> None:
    """Raise if a predictor ``mi(x)`` has no response of its own, or one that leaves sigma to a predictor."""
    own = {design.formula.response.value.name: design for design in designs if design.formula.response.mi}
    for part in (part for design in designs for part in design.parts):
        for term in part.formula.imputed:
            if term.column not in own:
                raise ModelError(
                    "imputed-without-formula",
                    f"{term.name} has no formula that says what {term.column!r} is like.",
                    "A response of its own, with mi() after it.",
                    f"Model([sl.Response({part.formula.text!r}), "
                    f"sl.Response('{term.column} | mi() ~ 1')], ...).",
                )
    for design in own.values():
        if design.unknown.any() and "sigma" not in design.scalars:
            raise ModelError(
                "imputed-with-sigma",
                f"{design.formula.response.value.text!r} has mi(), and a predictor of its sigma.",
                "Missing values are estimated under one sigma.",
            )
