"""Effects of neighbouring areas: ``car(W, gr=area)``, W being a matrix that says which are neighbours."""

from __future__ import annotations

from shoal.errors import FormulaError
from shoal.formula.options import one_of
from shoal.formula.suggestions import rewrite
from shoal.formula.terms import CurveTerm, Expression
from shoal.formula.tree import Call, Column, Text, unparse

TYPES = ("bym2", "icar", "escar")


def areas(call: Call, formula: str) -> CurveTerm:
    """Return the term of one ``car(W, gr=area, type="bym2")``.

    Raises
    ------
    FormulaError
        If it has other arguments.
    """
    options = dict(call.keywords)
    for name, node in zip(("M", "gr"), call.arguments, strict=False):
        options.setdefault(name, node)
    matrix, area, kind = options.pop("M", None), options.pop("gr", None), options.pop("type", Text("bym2"))
    if options or len(call.arguments) > 2 or not (isinstance(matrix, Column) and isinstance(area, Column)):
        raise FormulaError(
            "term-arguments",
            f"Found {unparse(call)}.",
            "car(...) takes the name of a matrix of neighbours, and the column of areas.",
            rewrite(formula, call.span, "car(W, gr=area)"),
            formula=formula,
            span=call.span,
        )
    given = (("W", matrix.name), ("type", one_of(kind, "type", "How areas correlate", TYPES, formula)))
    return CurveTerm("car", (Expression(area.name, (area.name,), area.span),), None, given, call.span)
