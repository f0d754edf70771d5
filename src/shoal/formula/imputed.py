"""Predictors with values that are not known: ``mi(x)``, x being a response of its own, ``x | mi() ~ z``.

``me(x, s)`` is a predictor whose response is ``x | mi(s) ~ 1``.
"""

from __future__ import annotations

from collections.abc import Sequence

from shoal.errors import FormulaError
from shoal.formula.terms import ImputedTerm
from shoal.formula.tree import Call, Column, unparse

NEEDED = {
    "mi": "mi(...) takes the name of a column, which has a formula of its own: x | mi() ~ z.",
    "me": "me(...) takes the names of two columns, a predictor and its standard errors: me(x, s).",
}


def imputed_terms(calls: Sequence[Call], formula: str) -> tuple[ImputedTerm, ...]:
    """Return the imputed predictors of a formula.

    Raises
    ------
    FormulaError
        If a call holds anything but a column, or a column is there twice.
    """
    found: dict[str, ImputedTerm] = {}
    for call in calls:
        names = [argument.name for argument in call.arguments if isinstance(argument, Column)]
        needed = 1 if call.function == "mi" else 2
        if call.keywords or not len(names) == len(call.arguments) == needed:
            raise FormulaError(
                "term-arguments",
                f"Found {unparse(call)}.",
                NEEDED[call.function],
                "Compute the predictor as a column of the table.",
                formula=formula,
                span=call.span,
            )
        name, se = names[0], names[1] if needed == 2 else None
        if name in found:
            raise FormulaError(
                "term-twice",
                f"{unparse(call)} is there twice.",
                "Each predictor is named once.",
                "Remove one of the two.",
                formula=formula,
                span=call.span,
            )
        found[name] = ImputedTerm(name, se, call.span)
    return tuple(found.values())
