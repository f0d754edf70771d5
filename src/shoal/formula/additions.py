"""Additions to a response: ``y | trials(n) + se(s) + weights(w) + cens(c, y2) + trunc(lb, ub) + ...``."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from shoal.errors import FormulaError, listing, nearest
from shoal.formula.dialects import arithmetic
from shoal.formula.options import flag, only_argument, without_options
from shoal.formula.safety import Place, check
from shoal.formula.suggestions import rewrite
from shoal.formula.terms import Expression, ResponseTerm
from shoal.formula.tree import Call, Chain, Column, Node, children, columns_of, unparse

# Of each addition, the names of its arguments, and what they are of a `ResponseTerm`.
ADDITIONS: dict[str, dict[str, str]] = {
    "trials": {"n": "trials"},
    "se": {"s": "se"},
    "weights": {"w": "weights"},
    "cens": {"c": "cens", "y2": "cens_upper"},
    "trunc": {"lb": "trunc_lower", "ub": "trunc_upper"},
    "rate": {"d": "rate"},
    "subset": {"s": "subset"},
    "thres": {"x": "thres", "gr": "thres_gr"},
    "mi": {"s": "mi_se"},
    "vint": {"vint": "vint"},
    "vreal": {"vreal": "vreal"},
}
# Of additions with several arguments, what they are.
SAID = {
    "cens": "cens(c, y2) takes how each response is censored and, of intervals, their upper ends.",
    "trunc": "trunc(lb, ub) takes a lower bound, an upper bound, or both: trunc(lb=0), trunc(ub=10).",
    "thres": "thres(gr=item) takes the column of items, each with its own cutpoints; thres(n, gr=item) also "
    "how many each has.",
}
NEEDED = {"cens": "c", "thres": "gr"}  # of these
COLUMNS = ("vint", "vreal")  # which take any number of them
_ABSENT = {"cat": "categories known to some raters alone"}


def elementwise(node: Node, text: str) -> Expression:
    """Return arithmetic that is computed row by row, checked.

    Raises
    ------
    FormulaError
    """
    node = arithmetic(node)
    check(node, Place.ELEMENTWISE, text)
    return Expression(unparse(node), columns_of(node), node.span)


def with_additions(response: ResponseTerm, options: Node | None, text: str) -> ResponseTerm:
    """Return a response with what stands after its bar.

    Raises
    ------
    FormulaError
    """
    for call in _calls(options, text):
        fields = ADDITIONS[call.function]
        given = [getattr(response, name) for name in fields.values()]
        if any(given) or (call.function == "mi" and response.mi):
            raise FormulaError(
                "given-twice",
                f"{call.function}(...) is given twice.",
                "Give it once.",
                formula=text,
                span=call.span,
            )
        if call.function == "mi":
            response = replace(response, mi=True)
            if not (call.arguments or call.keywords):
                continue
        if call.function == "se":
            response = replace(response, se_sigma=flag(call, "sigma", text))
            call = without_options(call, ("sigma",), text)
        if call.function in COLUMNS:
            found: dict[str, Any] = {call.function: _columns(call, text)}
        else:
            found = {fields[n]: elementwise(node, text) for n, node in _arguments(call, text).items()}
        response = replace(response, **found)
    return response


def _calls(options: Node | None, text: str) -> list[Call]:
    """Return the calls of ``trials(n) + se(s) + weights(w)``."""
    if options is None:
        return []
    joined = isinstance(options, Chain) and set(options.signs) == {"+"}
    calls = []
    for operand in children(options) if joined else (options,):
        if not (isinstance(operand, Call) and operand.function in ADDITIONS):
            raise _unknown(operand, text)
        calls.append(operand)
    return calls


def _arguments(call: Call, text: str) -> dict[str, Node]:
    """Return the arguments of an addition by name."""
    names = list(ADDITIONS[call.function])
    if len(names) == 1:
        return {names[0]: only_argument(call, text)}
    given = [*zip(names, call.arguments, strict=False), *call.keywords]
    found = dict(given)
    known = len(call.arguments) <= len(names) and found.keys() <= set(names) and len(found) == len(given)
    if not (known and found and NEEDED.get(call.function, next(iter(found), "")) in found):
        raise FormulaError(
            "term-arguments", f"Found {unparse(call)}.", SAID[call.function], formula=text, span=call.span
        )
    return found


def _columns(call: Call, text: str) -> tuple[Expression, ...]:
    """Return the columns of ``vint(a, b)``."""
    if call.keywords or not call.arguments:
        raise FormulaError(
            "term-arguments",
            f"Found {unparse(call)}.",
            f"{call.function}(a, b) takes columns for a family of your own.",
            formula=text,
            span=call.span,
        )
    return tuple(elementwise(argument, text) for argument in call.arguments)


def _unknown(node: Node, text: str) -> FormulaError:
    """Return the error for what stands after the bar of a response and is no addition."""
    found, needed = f"Found {unparse(node)} after the bar of the response.", ""
    remedy = f"Write y | trials(n) + weights(w) ~ x, with any of {listing(ADDITIONS, 10)}, joined by '+'."
    if isinstance(node, Call):
        needed = nearest(node.function, ADDITIONS)
        if node.function in _ABSENT:
            found = f"Found {unparse(node)}: {_ABSENT[node.function]} are not available yet."
    if isinstance(node, Column):
        common = ("trials", "se", "weights")
        needed = (
            "What it is was needed: " + " or ".join(f"{option}({unparse(node)})" for option in common) + "."
        )
        remedy = rewrite(text, node.span, f"trials({unparse(node)})")
    return FormulaError("unknown-addition", found, needed, remedy, formula=text, span=node.span)
