"""Category-specific effects: ``cs(x)``, ``cs(x * z)``, whose coefficients differ between cutpoints."""

from __future__ import annotations

from collections.abc import Sequence

from shoal.errors import FormulaError
from shoal.formula.algebra import Sum, Terms, expand
from shoal.formula.terms import Expression
from shoal.formula.tree import Call, unparse


def specific_terms(calls: Sequence[Call], formula: str) -> Expression | None:
    """Return what stands in all of a formula's ``cs(...)`` as one sum, None where there is none.

    Its intercept is that of the cutpoints, which ``1 +`` may name.

    Raises
    ------
    FormulaError
        If a call names no predictor, or takes the intercept away.
    """
    if not calls:
        return None
    terms: Terms = {}
    for call in calls:
        found = expand(call.arguments[0], formula, outermost=False)
        if not (found.terms and found.intercept):
            raise FormulaError(
                "term-arguments",
                f"Found {unparse(call)}.",
                "A predictor whose effects differ from cutpoint to cutpoint, such as cs(z); the cutpoints "
                "themselves stand where an intercept would.",
                formula=formula,
                span=call.span,
            )
        terms |= {frozenset(term): term for term in found.terms}
    return Sum(True, tuple(sorted(terms.values(), key=len))).expression(formula, calls[0].span)
