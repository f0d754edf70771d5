"""How residuals correlate: ``ar(t, gr=g)``, ``cosy(gr=g)``, ``unstr(t, gr=g)`` and ``sar(W)``."""

from __future__ import annotations

from collections.abc import Sequence

from shoal.errors import FormulaError
from shoal.formula.options import one_of
from shoal.formula.suggestions import rewrite
from shoal.formula.terms import ResidualTerm
from shoal.formula.tree import Call, Column, Node, Number, Text, unparse

EXAMPLES = {"ar": "ar(week, gr=person)", "cosy": "cosy(gr=person)", "unstr": "unstr(visit, gr=person)"}
TIMED = ("ar", "unstr")  # which depend on when a row was observed
GROUPED = ("cosy", "unstr")  # which are nothing without a group
SPATIAL = ("lag", "error")  # what neighbours tell of: a row itself, or its residual


def residual_term(calls: Sequence[Call], formula: str) -> ResidualTerm | None:
    """Return the correlation of the residuals, if the formula has one.

    Raises
    ------
    FormulaError
        If there are several, or a call has other arguments than its function takes.
    """
    if len(calls) > 1:
        raise FormulaError(
            "two-correlations",
            f"The residuals have two correlations, {unparse(calls[0])} and {unparse(calls[1])}.",
            "One of them.",
            formula=formula,
            span=calls[1].span,
        )
    if not calls:
        return None
    return _spatial(calls[0], formula) if calls[0].function == "sar" else _term(calls[0], formula)


def _term(call: Call, formula: str) -> ResidualTerm:
    options = dict(call.keywords)
    _of_first_order(call, options, formula)
    several = call.function in TIMED or len(call.arguments) > 1 or "gr" in options
    places = ["time", "gr"] if several else ["gr"]
    for name, node in zip(places, call.arguments, strict=False):
        if name in options:
            raise _refused(call, "given-twice", f"{name} is given twice.", formula)
        options[name] = node
    unknown = [name for name in options if name not in ("time", "gr")]
    if unknown or len(call.arguments) > len(places):
        raise _refused(call, "term-arguments", f"Found {unparse(call)}.", formula)
    time, factor = (_column(call, options.get(name), formula) for name in ("time", "gr"))
    if (time is None and call.function in TIMED) or (factor is None and call.function in GROUPED):
        missing = "gr" if factor is None and call.function in GROUPED else "time"
        raise _refused(call, "term-arguments", f"{unparse(call)} has no {missing}.", formula)
    return ResidualTerm(call.function, time if call.function in TIMED else None, factor, span=call.span)


def _spatial(call: Call, formula: str) -> ResidualTerm:
    """Return the term of one ``sar(W, gr=area, type="lag")``."""
    options = dict(call.keywords)
    for name, node in zip(("M", "type"), call.arguments, strict=False):
        options.setdefault(name, node)
    matrix, area, kind = options.pop("M", None), options.pop("gr", None), options.pop("type", Text("lag"))
    if options or len(call.arguments) > 2 or not isinstance(matrix, Column):
        raise FormulaError(
            "term-arguments",
            f"Found {unparse(call)}.",
            "sar(...) takes the name of a matrix of neighbours: of the table's rows, or of the labels in the "
            "column gr.",
            rewrite(formula, call.span, "sar(W, gr=area)"),
            formula=formula,
            span=call.span,
        )
    chosen = one_of(kind, "type", "What depends on the neighbours", SPATIAL, formula)
    return ResidualTerm("sar", None, _column(call, area, formula), matrix.name, chosen, call.span)


def _of_first_order(call: Call, options: dict[str, Node], formula: str) -> None:
    """Take ``p = 1`` and ``cov = TRUE``, which other programs write, out of the options."""
    order, cov = options.pop("p", None), options.pop("cov", None)
    if order is not None and not (call.function == "ar" and isinstance(order, Number) and order.value == 1):
        raise FormulaError(
            "residual-order",
            f"Found p = {unparse(order)}.",
            "Residuals depend on the one before, ar(time, gr=g), which is of order 1.",
            formula=formula,
            span=order.span,
        )
    if cov is not None and unparse(cov) not in ("TRUE", "True"):
        raise FormulaError(
            "residual-covariance",
            f"Found cov = {unparse(cov)}.",
            "Residuals are stationary: their covariance is modelled, also where rows begin.",
            "Leave cov out.",
            formula=formula,
            span=cov.span,
        )


def _column(call: Call, node: Node | None, formula: str) -> str | None:
    if node is None or isinstance(node, Column):
        return None if node is None else node.name
    raise FormulaError(
        "not-a-column",
        f"Found {unparse(node)} in {call.function}(...).",
        "The name of a column was needed.",
        "Compute it as a column of the table.",
        formula=formula,
        span=node.span,
    )


def _refused(call: Call, code: str, found: str, formula: str) -> FormulaError:
    return FormulaError(
        code,
        found,
        f"{call.function}(...) takes {'a time and ' if call.function in TIMED else ''}a grouping factor.",
        rewrite(formula, call.span, EXAMPLES[call.function]),
        formula=formula,
        span=call.span,
    )
