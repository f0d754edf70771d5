"""Spellings of R, Bambi and patsy that mean what a formula can say: they are read as that.

A call is translated when it is read, so that canonical text holds one spelling of each thing. What has no
equal here is refused, in `absent`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from shoal.formula.functions import CONTRASTS, ELEMENTWISE, registered
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
    unparse,
)

BARRED = {"diag": False, "us": True}  # of glmmTMB: whether the effects are correlated
_CONTRASTS = {
    "Treatment": "contr.treatment",
    "treatment": "contr.treatment",
    "Sum": "contr.sum",
    "sum": "contr.sum",
    "Helmert": "contr.helmert",
    "helmert": "contr.helmert",
    "Poly": "contr.poly",
    "poly": "contr.poly",
    "Diff": "contr.diff",
} | {name: name for name in CONTRASTS}
# What stands after these is a column or a matrix, which may be called T or F.
COLUMNS_AFTER = {"cov", "by", "gr", "time", "lb", "ub", "y2"}
_MODULES = ("np.", "numpy.")
_SUCCESSES = ("p", "prop", "proportion")


def translated(call: Call) -> Node:
    """Return a call as Shoal spells it; one that is no spelling of another tongue, or a user's, as it is."""
    if registered(call.function):
        return call
    keywords = tuple((key, value if key in COLUMNS_AFTER else _truth(value)) for key, value in call.keywords)
    call = replace(call, arguments=tuple(map(arithmetic, call.arguments)), keywords=keywords)
    name, (first, *rest) = call.function, call.arguments or (None,)
    match name:
        case "c" if not call.keywords and all(map(_is_literal, call.arguments)):
            return Listing(call.arguments, span=call.span)
        case "Q" if isinstance(first, Text) and not rest:
            return Column(first.value, span=call.span)
        case "diag" | "us" if isinstance(first, Bar):
            return replace(first, correlated=BARRED[name] and first.correlated, span=call.span)
        case "log" if first is not None and isinstance(base := _base(rest, call), Number):
            return _logarithm(call, first, base)
        case "standardize" if not (rest or call.keywords):
            return replace(call, function="scale", keywords=(("ddof", Number(0)),))
        case "np.square" | "numpy.square" if not rest and first is not None:
            return _power(call, first, Number(2))
        case "np.power" | "numpy.power" if len(rest) == 1 and first is not None:
            return _power(call, first, rest[0])
    if name.startswith(_MODULES) and (bare := name.split(".")[1]) in ELEMENTWISE:
        return replace(call, function=bare)
    return _category(call)


def arithmetic(node: Node) -> Node:
    """Return what stands where numbers are computed, with powers written ``**``."""
    match node:
        case Power():
            return replace(node, sign="**", base=arithmetic(node.base), exponent=arithmetic(node.exponent))
        case Signed():
            return replace(node, operand=arithmetic(node.operand))
        case Chain():
            return replace(node, operands=tuple(map(arithmetic, node.operands)))
    return node


def factor_of(node: Node) -> Node:
    """Return a grouping factor without ``factor(...)`` around it, and ``interaction(a, b)`` as ``a:b``."""
    match node:
        case Call(function="C", arguments=(Column() as column,), keywords=()):
            return column
        case Call(function="interaction", arguments=(_, _, *_), keywords=()):
            signs = (":",) * (len(node.arguments) - 1)
            return Chain(signs, tuple(map(factor_of, node.arguments)), span=node.span)
    return node


def response_parts(node: Node) -> tuple[Node, dict[str, Node]]:
    """Return the response itself, and the trials or weights that a call around it gave.

    ``p(k, n)`` is ``k | trials(n)``, ``weighted(y, w)`` is ``y | weights(w)``.
    """
    match node:
        case Call(arguments=(value, second), keywords=()) if registered(node.function) is None:
            if node.function in _SUCCESSES:
                return value, {"trials": second}
            if node.function == "weighted":
                return value, {"weights": second}
    return node, {}


def proportion_as_trials(value: Node) -> str:
    """Return ``k | trials(n)`` for the response ``k / n``, and nothing for another."""
    if isinstance(value, Call) and value.function == "I" and len(value.arguments) == 1:
        value = value.arguments[0]
    if isinstance(value, Chain) and value.signs == ("/",):
        return f"{unparse(value.operands[0])} | trials({unparse(value.operands[1])})"
    return ""


def response_columns(node: Node) -> tuple[Node, ...]:
    """Return the columns of a response, ``cbind(a, b, c)`` or one."""
    match node:
        case Call(function="cbind", arguments=(_, _, *_), keywords=()) if registered("cbind") is None:
            return node.arguments
    return (node,)


def total(columns: Sequence[Node]) -> Node:
    """Return the trials that several columns sum to: n of ``cbind(k, n - k)``."""
    first, *others = columns
    match others:
        case [Chain(signs=("-",), operands=(whole, less))] if less == first:
            return whole
    return Chain(("+",) * len(others), tuple(columns), span=(first.span[0], others[-1].span[1]))


def _power(call: Call, base: Node, exponent: Node) -> Call:
    return Call("I", (Power("**", base, exponent, span=call.span),), call.keywords, span=call.span)


def _truth(node: Node) -> Node:
    """Return R's ``T`` and ``F`` as what they are; no data stand where an option does."""
    match node:
        case Column(name="T" | "F" as name):
            return Constant(name == "T", span=node.span)
    return node


def _base(rest: list[Node], call: Call) -> Node | None:
    """Return the base of ``log(x, 2)`` or ``log(x, base=2)``."""
    given = [*rest, *(value for _, value in call.keywords)]
    return given[0] if len(given) == 1 and all(key == "base" for key, _ in call.keywords) else None


def _logarithm(call: Call, data: Node, base: Number) -> Call:
    if base.value in (2, 10):
        return Call(f"log{base.value}", (data,), span=call.span)
    parts = (Call("log", (data,), span=data.span), Call("log", (base,), span=base.span))
    return Call("I", (Chain(("/",), parts, span=call.span),), span=call.span)


def _is_literal(node: Node) -> bool:
    return isinstance(node, Number | Text | Constant | Signed)


def _category(call: Call) -> Call:
    """Return ``C(...)`` for all the ways to say that a column is a category, and how it is coded."""
    if not call.arguments:
        return call
    column, *rest = call.arguments
    options = dict(call.keywords)
    if isinstance(column, Call) and column.function == "C" and len(column.arguments) == 1:
        options = dict(column.keywords) | options
        (column,) = column.arguments
    match call.function:
        case "factor" | "as.factor" | "as_factor" | "ordered" as name:
            if rest and isinstance(rest[0], Listing):
                options["levels"] = rest.pop(0)
            rest[:0] = [Call("contr.poly")] if name == "ordered" else []
        case "T" | "relevel":
            base = [*rest, *(options.pop(key) for key in ("ref", "base") if key in options)]
            rest = [Call("contr.treatment", tuple(base))] if base else []
        case "S":
            rest.insert(0, Call("contr.sum"))
        case "C":
            rest[:1] = map(_coding, rest[:1])
            options = {"contrasts" if key == "contr" else key: value for key, value in options.items()}
            options |= {key: _coding(value) for key, value in options.items() if key == "contrasts"}
        case _:
            return call
    return Call("C", (column, *rest), tuple(options.items()), span=call.span)


def _coding(node: Node) -> Node:
    """Return contrasts under the names that R gives them: ``Treatment("b")`` is ``contr.treatment('b')``."""
    match node:
        case Column(name=name) | Text(value=name) if name in _CONTRASTS:
            return Call(_CONTRASTS[name], span=node.span)
        case Call(function=name) if name in _CONTRASTS:
            renamed = tuple(("base" if k == "reference" else k, v) for k, v in node.keywords)
            return replace(node, function=_CONTRASTS[name], keywords=renamed)
    return node
