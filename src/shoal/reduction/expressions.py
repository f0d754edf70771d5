"""A checked tree of a formula as an expression of the engine that holds the rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from operator import add, mul, sub, truediv
from typing import TYPE_CHECKING, Any

from shoal.formula.functions import STANDARDISING
from shoal.formula.tree import Call, Chain, Column, Node, Number, Power, Signed, children, unparse

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw

_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {"+": add, "-": sub, "*": mul, "/": truediv}
_FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "log": lambda x: x.log(),
    "log2": lambda x: x.log(2.0),
    "log10": lambda x: x.log(10.0),
    "exp": lambda x: x.exp(),
    "sqrt": lambda x: x.sqrt(),
    "abs": lambda x: x.abs(),
    "I": lambda x: x,
}


def as_expression(node: Node, states: Mapping[str, Any]) -> nw.Expr:
    """Return a tree of columns, numbers, arithmetic and functions as a narwhals expression of floats.

    Parameters
    ----------
    node : Node
        As `shoal.formula.safety.check` lets through.
    states : mapping
        What ``center(x)`` and ``scale(x)`` have learnt, by their text.

    Notes
    -----
    `is_said` tells which trees have one.
    """
    import narwhals.stable.v2 as nw

    match node:
        case Number():
            return nw.lit(float(node.value))
        case Column():
            return nw.col(node.name).cast(nw.Float64)
        case Signed():
            inner = as_expression(node.operand, states)
            return 0.0 - inner if node.sign == "-" else inner
        case Power(exponent=Number() as power):
            return as_expression(node.base, states) ** float(power.value)
        case Power():
            return as_expression(node.base, states) ** as_expression(node.exponent, states)
        case Chain():
            first, *others = (as_expression(operand, states) for operand in node.operands)
            pairs = zip(node.signs, others, strict=True)
            return reduce(lambda left, pair: _OPERATORS[pair[0]](left, pair[1]), pairs, first)
        case Call() if node.function in _FUNCTIONS:
            return _FUNCTIONS[node.function](as_expression(node.arguments[0], states))
        case Call() if unparse(node) in states:
            learnt = states[unparse(node)]
            inner = as_expression(node.arguments[0], states)
            inner = inner if learnt.get("center") is None else inner - float(learnt["center"])
            return inner if learnt.get("scale") is None else inner / float(learnt["scale"])
    raise TypeError(f"no expression: {unparse(node)}")


def is_said(node: Node) -> bool:
    """Return whether an engine can compute a tree, once what it learns from all rows is known."""
    match node:
        case Number() | Column():
            return True
        case Signed() | Power() | Chain():
            return all(map(is_said, children(node)))
        case Call(function=function) if function in _FUNCTIONS or function in STANDARDISING:
            return is_said(node.arguments[0])
    return False
