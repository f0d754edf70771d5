"""Arguments that are no data: ``degree=2``, ``levels=['low', 'high']``, ``zero_sum=True``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from shoal.errors import FormulaError, nearest
from shoal.formula.functions import CONTRASTS
from shoal.formula.option_values import conflict, wanted
from shoal.formula.tree import Call, Constant, Listing, Node, Number, Signed, Text, unparse


def category_arguments(call: Call, formula: str = "") -> tuple[Call | None, list | None]:
    """Return the contrasts and the levels of ``C(x, contr.sum, levels=['a', 'b'])``, each None if not given.

    Raises
    ------
    FormulaError
        If an argument is unknown, or is not of the kind it must be.
    """

    def refuse(code: str, found: str, needed: str, remedy: str = "", at: Node = call) -> FormulaError:
        return FormulaError(code, found, needed, remedy, formula=formula, span=at.span)

    given = [*zip(("contrasts", "levels"), call.arguments[1:], strict=False), *call.keywords]
    names = [name for name, _ in given]
    if len(call.arguments) > 3 or not set(names) <= {"contrasts", "levels"} or len(set(names)) < len(names):
        raise refuse(
            "function-arguments",
            "C(...) has an argument it does not know, or one twice.",
            "It takes C(x, contrasts, levels=[...]).",
        )
    parts = dict(given)
    contrasts = parts.get("contrasts", Constant(None))
    if not (contrasts == Constant(None) or isinstance(contrasts, Call) and contrasts.function in CONTRASTS):
        raise refuse(
            "unknown-contrasts",
            f"Found {unparse(contrasts)} as contrasts.",
            f"Contrasts are {', '.join(CONTRASTS)}.",
            "For example C(x, contr.treatment('b')).",
            contrasts,
        )
    levels = literal(parts.get("levels", Constant(None)), formula)
    if levels is not None and not (isinstance(levels, list) and 1 < len(set(levels)) == len(levels)):
        raise refuse(
            "category-levels",
            f"Found {unparse(parts['levels'])} as levels.",
            "A list of two or more distinct values was needed.",
            "For example C(x, levels=['low', 'high']).",
            parts["levels"],
        )
    return (contrasts if isinstance(contrasts, Call) else None), levels


def bind(call: Call, names: tuple[str, ...], formula: str = "", skip: int = 1) -> dict[str, object]:
    """Return the literal arguments of a call, by name; its first `skip` arguments, the data, are left out.

    Raises
    ------
    FormulaError
        If a name is unknown or given twice, or a value is not a literal of reasonable size.
    """

    def refuse(code: str, found: str, needed: str, at: Node = call) -> FormulaError:
        return FormulaError(code, found, needed, formula=formula, span=at.span)

    positional = call.arguments[skip:]
    if len(positional) > len(names):
        raise refuse(
            "function-arguments",
            f"{call.function}(...) has too many arguments.",
            f"Known: {', '.join(names) or 'none'}.",
        )
    bound = dict(zip(names, positional, strict=False))
    for key, value in call.keywords:
        if key not in names:
            known = nearest(key, names) or "It takes none with a name."
            raise refuse("unknown-option", f"{call.function}(...) has no argument {key!r}.", known, value)
        if key in bound:
            raise refuse(
                "given-twice", f"{call.function}(...) is given {key!r} twice.", "Give it once.", value
            )
        bound[key] = value
    values = {key: literal(value, formula) for key, value in bound.items()}
    for key, given in values.items():
        if needed := wanted(key, given):
            raise refuse("option-value", f"Found {key} = {unparse(bound[key])}.", needed, bound[key])
    found, needed = conflict(call.function, values)
    if found:
        raise refuse("function-arguments", found, needed)
    return values


def literal(node: Node, formula: str = "") -> object:
    """Return the value of a number, string, True, False, None, or a list of these.

    Raises
    ------
    FormulaError
        If the node is anything else.
    """
    match node:
        case Number() | Text() | Constant():
            return node.value
        case Signed(operand=Number(value=value)):
            return -value if node.sign == "-" else value
        case Listing() if not any(isinstance(item, Listing) for item in node.items):
            return [literal(item, formula) for item in node.items]
    raise FormulaError(
        "option-not-literal",
        f"Found {unparse(node)} as an option.",
        "A number, a string, True, False, None or a list of these was needed.",
        formula=formula,
        span=node.span,
    )


def only_argument(call: Call, formula: str) -> Node:
    """Return the one argument of a call.

    Raises
    ------
    FormulaError
        If it has several, none, or arguments with a name.
    """
    if len(call.arguments) != 1 or call.keywords:
        raise FormulaError(
            "term-arguments",
            f"Found {unparse(call)}.",
            f"{call.function}(...) takes one argument.",
            formula=formula,
            span=call.span,
        )
    return call.arguments[0]


def without_options(call: Call, known: tuple[str, ...], formula: str) -> Call:
    """Return a call without its keyword arguments.

    Raises
    ------
    FormulaError
        If one of them is not known.
    """
    for key, node in call.keywords:
        if key not in known:
            raise FormulaError(
                "unknown-option",
                f"{call.function}(...) has no argument {key!r}.",
                nearest(key, known),
                formula=formula,
                span=node.span,
            )
    return replace(call, keywords=())


def flag(call: Call, name: str, formula: str) -> bool:
    """Return the value of ``name=True`` or ``name=False`` in a call, False if it is not given.

    Raises
    ------
    FormulaError
        If the value is neither True nor False.
    """
    node = dict(call.keywords).get(name, Constant(False))
    given = literal(node, formula)
    if not isinstance(given, bool):
        raise FormulaError(
            "option-value",
            f"Found {name} = {unparse(node)}.",
            "True or False was needed.",
            formula=formula,
            span=node.span,
        )
    return given


def one_of(node: Node, option: str, what: str, known: Sequence[str], formula: str) -> str:
    """Return a text that is one of those known, the value of an option.

    Raises
    ------
    FormulaError
        If it is another, or no text.
    """
    if isinstance(node, Text) and node.value in known:
        return node.value
    raise FormulaError(
        "option-value",
        f"Found {option} = {unparse(node)}.",
        f"{what} was needed between quotes: {' or '.join(map(repr, known))}.",
        nearest(node.value if isinstance(node, Text) else unparse(node), known),
        formula=formula,
        span=node.span,
    )
