"""What a formula may compute.

A formula is data, never code. Every tree passes through `check` before anything is computed from it, and
nothing is ever handed to Python's ``eval``: `shoal.formula.evaluate` walks the tree.
"""

from __future__ import annotations

from enum import IntEnum

from shoal.errors import FormulaError, counted, nearest
from shoal.formula.absent import absent
from shoal.formula.factors import crossed
from shoal.formula.functions import (
    BASES,
    CONTRASTS,
    ELEMENTWISE,
    ELSEWHERE,
    GROUPED,
    SPECIAL,
    STANDARDISING,
    listed,
    registered,
)
from shoal.formula.options import bind, category_arguments
from shoal.formula.suggestions import rewrite
from shoal.formula.tree import (
    Bar,
    Call,
    Chain,
    Column,
    Constant,
    Listing,
    Node,
    Number,
    Power,
    Signed,
    Text,
    quote,
    unparse,
)


class Place(IntEnum):
    """Where an expression stands; each place allows what those before it allow."""

    ELEMENTWISE = 0  # response, trials, se, weights, offset: row by row
    STANDARDISING = 1  # inside a population factor: also center, scale and group_mean, which learn numbers
    FACTOR = 2  # a population factor itself: also bases and categories, which make several columns


def check(node: Node, place: Place, formula: str) -> None:
    """Refuse a tree that names anything but columns, numbers, arithmetic and listed functions.

    Parameters
    ----------
    node : Node
    place : Place
        What the surroundings allow.
    formula : str
        The text the spans of `node` refer to, for the error.

    Raises
    ------
    FormulaError
    """

    def refuse(code: str, found: str, needed: str, remedy: str = "", at: Node = node) -> FormulaError:
        return FormulaError(code, found, needed, remedy, formula=formula, span=at.span)

    inner = min(place, Place.STANDARDISING)
    match node:
        case Column() | Number():
            return
        case Call():
            _check_call(node, place, formula)
        case Signed():
            check(node.operand, inner, formula)
        case Power():
            check(node.base, inner, formula)
            check(node.exponent, inner, formula)
        case Chain():
            if ":" in node.signs:
                raise refuse(
                    "colon-in-arithmetic",
                    "Found ':' inside arithmetic.",
                    "Arithmetic has the signs + - * / **.",
                )
            for operand in node.operands:
                check(operand, inner, formula)
        case Bar():
            raise refuse(
                "not-alone",
                "Found a group term inside an expression.",
                "A group term stands alone: x + (1 | g).",
            )
        case Text() | Constant() | Listing():
            needed, remedy = "A column, a number or a function was needed.", ""
            if isinstance(node, Text) and node.value:
                needed += " A column's name goes between backticks, not quotes."
                remedy = rewrite(formula, node.span, quote(node.value))
            raise refuse("not-a-column", f"Found {unparse(node)}.", needed, remedy)


def _check_call(call: Call, place: Place, formula: str) -> None:
    name = call.function

    def refuse(code: str, found: str, needed: str, remedy: str = "") -> FormulaError:
        return FormulaError(code, found, needed, remedy, formula=formula, span=call.span)

    if name in SPECIAL:
        raise refuse("misplaced-function", f"Found {name}(...) where it has no meaning.", SPECIAL[name])
    if is_specific(call):
        raise refuse(
            "not-alone",
            f"Found {unparse(call)} inside another term.",
            "Category-specific effects are the population's, and stand alone: x + cs(z) + (1 | g). Effects "
            "of levels are the same at every cutpoint. Cubic splines have degrees of freedom: cs(x, df=5).",
        )
    if name in CONTRASTS:
        raise refuse(
            "contrasts-outside-category",
            f"Found {name} outside C(...).",
            f"Contrasts belong to a category: C(x, {name}).",
        )
    if name not in listed():
        if (error := absent(call, formula)) is not None:
            raise error
        raise FormulaError(
            "unknown-function",
            f"{name!r} is not a function that formulas know.",
            ELSEWHERE.get(name) or nearest(name, (*listed(), *SPECIAL)),
            "Compute the value as a column of the table, or add the function with register_function().",
            formula=formula,
            span=(call.span[0], call.span[0] + len(name)),
        )
    if name not in ELEMENTWISE and registered(name) is None and place is Place.ELEMENTWISE:
        allowed = (known for known in listed() if known in ELEMENTWISE or registered(known))
        raise refuse(
            "function-of-all-rows",
            f"{name}(...) learns from all rows.",
            f"Only elementwise functions may stand here: {', '.join(allowed)}.",
            "Compute the value as a column of the table.",
        )
    if (name in BASES or name == "C") and place is not Place.FACTOR:
        raise refuse(
            "function-of-columns",
            f"{name}(...) makes several columns.",
            "It cannot be part of arithmetic or of another function.",
        )
    if name == "C":
        _check_category(call, formula)
        return
    if name in GROUPED:
        _check_grouped(call, formula)
        return
    literals = STANDARDISING.get(name, BASES.get(name, ()))
    most = None if registered(name) else 1 + len(literals)
    if not call.arguments or (most is not None and len(call.arguments) > most):
        wanted = "at least one argument" if most is None or most > 1 else "one argument"
        raise refuse(
            "function-arguments",
            f"{name}(...) has {counted(len(call.arguments), 'argument')} without a name.",
            f"It takes {wanted}.",
        )
    data = len(call.arguments) if registered(name) else 1
    for argument in call.arguments[:data]:
        check(argument, min(place, Place.STANDARDISING), formula)
    bind(call, literals, formula, skip=data)


def is_specific(call: Call) -> bool:
    """Whether ``cs`` has category-specific effects; with more than what they are of, it is a cubic spline."""
    return call.function == "cs" and len(call.arguments) == 1 and not call.keywords


def _check_grouped(call: Call, formula: str) -> None:
    name = call.function
    if len(call.arguments) != 2 or call.keywords:
        raise FormulaError(
            "function-arguments",
            f"{name}(...) has {counted(len(call.arguments), 'argument')}, and "
            f"{len(call.keywords)} with a name.",
            "It takes two without a name: an expression and a grouping factor.",
            f"Write {name}(x, g).",
            formula=formula,
            span=call.span,
        )
    data, factor = call.arguments
    check(data, Place.STANDARDISING, formula)
    crossed(factor, formula, f"as the factor of {name}(...)")


def _check_category(call: Call, formula: str) -> None:
    if not call.arguments or not isinstance(call.arguments[0], Column):
        raise FormulaError(
            "function-arguments",
            "C(...) does not start with a column.",
            "C(x) takes the name of one column.",
            formula=formula,
            span=call.span,
        )
    contrasts, _ = category_arguments(call, formula)
    if contrasts is not None:
        bind(contrasts, CONTRASTS[contrasts.function], formula, skip=0)
