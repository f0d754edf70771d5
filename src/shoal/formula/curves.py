"""Curves: ``s(x)``, ``t2(x, z)``, ``gp(x)``, ``mo(x)``, ``car(W, gr=g)``, whose shapes the data decide."""

from __future__ import annotations

from collections.abc import Sequence

from shoal.errors import FormulaError, counted, nearest
from shoal.formula.areas import areas
from shoal.formula.dialects import arithmetic
from shoal.formula.option_values import MAX_BASIS
from shoal.formula.options import literal
from shoal.formula.safety import Place, check
from shoal.formula.suggestions import rewrite
from shoal.formula.terms import CurveTerm, Expression
from shoal.formula.tree import Call, Column, Node, Text, columns_of, unparse

# Options of each besides `by`, and how many predictors it takes.
OPTIONS = {"s": ("k", "bs"), "t2": ("k",), "gp": ("k", "c", "cov"), "mo": ()}
PREDICTORS = {"s": (1, 1), "t2": (2, 3), "gp": (1, 1), "mo": (1, 1)}
LEAST = {"s": 3, "t2": 3, "gp": 1}  # basis functions of a predictor
COVARIANCES = ("exp_quad", "matern15", "matern25")


def curve_terms(calls: Sequence[Call], formula: str) -> tuple[CurveTerm, ...]:
    """Return the curves of a formula.

    Raises
    ------
    FormulaError
        If a call has other arguments than its function takes, or two curves have one name.
    """
    found: dict[str, CurveTerm] = {}
    for call in calls:
        curve = _curve(call, formula)
        if curve.name in found:
            raise FormulaError(
                "term-twice",
                f"The curve {curve.name} is there twice.",
                "Each curve is named once.",
                "Remove one of the two.",
                formula=formula,
                span=call.span,
            )
        found[curve.name] = curve
    return tuple(found.values())


def _curve(call: Call, formula: str) -> CurveTerm:
    if call.function == "car":
        return areas(call, formula)
    least, most = PREDICTORS[call.function]
    if not least <= len(call.arguments) <= most:
        raise _wrong_count(call, formula)
    options = dict(call.keywords)
    by = _by(options.pop("by"), call, formula) if "by" in options else None
    values = {key: _option(call, key, node, formula) for key, node in options.items()}
    predictors = tuple(_predictor(call, argument, formula) for argument in call.arguments)
    return CurveTerm(call.function, predictors, by, tuple(values.items()), call.span)


def _wrong_count(call: Call, formula: str) -> FormulaError:
    several = call.function in ("s", "gp") and len(call.arguments) > 1
    surface = f"t2({', '.join(map(unparse, call.arguments[:3]))})"
    wanted = "two or three predictors" if call.function == "t2" else "one predictor"
    return FormulaError(
        "term-arguments",
        f"{call.function}(...) has {counted(len(call.arguments), 'argument')} without a name.",
        f"It takes {wanted}.",
        rewrite(formula, call.span, surface) if several else "",
        formula=formula,
        span=call.span,
    )


def _by(node: Node, call: Call, formula: str) -> str:
    if call.function == "mo":
        raise FormulaError(
            "term-arguments",
            f"Found {unparse(call)}.",
            "mo(...) takes no by=.",
            formula=formula,
            span=call.span,
        )
    if isinstance(node, Column):
        return node.name
    raise FormulaError(
        "by-not-a-column",
        f"Found by = {unparse(node)}.",
        "A column was needed: a category, for a curve a level, or numbers, which multiply the curve.",
        formula=formula,
        span=node.span,
    )


def _predictor(call: Call, node: Node, formula: str) -> Expression:
    if call.function == "mo" and not isinstance(node, Column):
        raise FormulaError(
            "term-arguments",
            f"Found {unparse(call)}.",
            "mo(...) takes the name of a column: integers, or an ordered category.",
            formula=formula,
            span=node.span,
        )
    node = arithmetic(node)
    check(node, Place.ELEMENTWISE, formula)
    return Expression(unparse(node), columns_of(node), node.span)


def _other_basis(call: Call, node: Node, formula: str) -> FormulaError:
    """Return the error for a basis that is not there; ``s(g, bs="re")`` is a grouping factor."""
    level = node == Text("re") and len(call.arguments) == 1
    remedy = rewrite(formula, call.span, f"(1 | {unparse(call.arguments[0])})") if level else ""
    return FormulaError(
        "unknown-basis",
        f"Found bs = {unparse(node)}.",
        "Smooths are natural cubic splines, bs='cr', which may be left out.",
        remedy,
        formula=formula,
        span=call.span,
    )


def _option(call: Call, key: str, node: Node, formula: str) -> object:
    """Return the value of an option, checked."""
    known = OPTIONS[call.function]

    def refuse(code: str, found: str, needed: str, remedy: str = "") -> FormulaError:
        return FormulaError(code, found, needed, remedy, formula=formula, span=node.span)

    if key not in known:
        raise refuse(
            "unknown-option", f"{call.function}(...) has no argument {key!r}.", nearest(key, (*known, "by"))
        )
    value, given = literal(node, formula), f"Found {key} = {unparse(node)}."
    if key == "k":
        each = value if isinstance(value, list) and call.function == "t2" else [value]
        right = all(type(k) is int and LEAST[call.function] <= k <= MAX_BASIS for k in each)
        if not right or (isinstance(value, list) and len(value) != len(call.arguments)):
            least = f"A whole number from {LEAST[call.function]} to {MAX_BASIS} was needed"
            each_own = ", or one for each predictor" if call.function == "t2" else ""
            raise refuse("option-value", given, f"{least}{each_own}.")
    elif key == "c" and not (isinstance(value, int | float) and not isinstance(value, bool) and value > 1):
        raise refuse(
            "option-value",
            given,
            "The boundary, in half ranges of the predictor, was needed: a number above 1.",
        )
    elif key == "cov" and value not in COVARIANCES:
        raise refuse("option-value", given, f"One of {', '.join(map(repr, COVARIANCES))} was needed.")
    elif key == "bs" and value != "cr":
        raise _other_basis(call, node, formula)
    return tuple(value) if isinstance(value, list) else value
