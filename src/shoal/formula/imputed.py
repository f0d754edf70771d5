"""Predictors with values that are not known: ``mi(x)``, x being a response of its own, ``x | mi() ~ z``."""

from __future__ import annotations

from collections.abc import Sequence

from shoal.errors import FormulaError
from shoal.formula.terms import ImputedTerm
from shoal.formula.tree import Call, Column, unparse


def imputed_terms(calls: Sequence[Call], formula: str) -> tuple[ImputedTerm, ...]:
    """Return the imputed predictors of a formula.

    Raises
    ------
    FormulaError
        If a call holds anything but a column, or a column is there twice.
    """
    found: dict[str, ImputedTerm] = {}
    for call in calls:
        if len(call.arguments) != 1 or call.keywords or not isinstance(call.arguments[0], Column):
            raise FormulaError(
                "term-arguments",
                f"Found {unparse(call)}.",
                "mi(...) takes the name of a column, which has a formula of its own: x | mi() ~ z.",
                "Compute the predictor as a column of the table.",
                formula=formula,
                span=call.span,
            )
        name = call.arguments[0].name
        if name in found:
            raise FormulaError(
                "term-twice",
                f"{unparse(call)} is there twice.",
                "Each predictor is named once.",
                "Remove one of the two.",
                formula=formula,
                span=call.span,
            )
        found[name] = ImputedTerm(name, call.span)
    return tuple(found.values())
