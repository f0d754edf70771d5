"""Syntax tree of a formula: what stands where. `algebra` and `safety` say what it means."""

from __future__ import annotations

import keyword
from dataclasses import dataclass, field

# Python's words and R's.
CONSTANTS = {"True": True, "False": False, "None": None, "TRUE": True, "FALSE": False, "NULL": None}
# How tightly signs bind, as in R: a sign in front lies between the interaction and the power.
LEVELS = {"+": 1, "-": 1, "*": 2, "/": 2, ":": 3}
_SIGNED, _POWER = 4, 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A part of the tree; two nodes are equal when they mean the same, wherever they stand."""

    span: tuple[int, int] = field(compare=False, default=(0, 0))


@dataclass(frozen=True, slots=True)
class Number(Node):
    """A number; whole ones are int."""

    value: float | int


@dataclass(frozen=True, slots=True)
class Text(Node):
    """A string between quotes."""

    value: str


@dataclass(frozen=True, slots=True)
class Constant(Node):
    """``True``, ``False`` or ``None``."""

    value: bool | None


@dataclass(frozen=True, slots=True)
class Column(Node):
    """A column of the table."""

    name: str


@dataclass(frozen=True, slots=True)
class Listing(Node):
    """``[a, b]``."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Call(Node):
    """``function(a, key=b)``; a contrast without parentheses is one without arguments."""

    function: str
    arguments: tuple[Node, ...] = ()
    keywords: tuple[tuple[str, Node], ...] = ()


@dataclass(frozen=True, slots=True)
class Signed(Node):
    """``+x`` or ``-x``."""

    sign: str
    operand: Node


@dataclass(frozen=True, slots=True)
class Chain(Node):
    """``a + b - c``: operands of one level, read from the left; flat, so that long sums are not deep."""

    signs: tuple[str, ...]
    operands: tuple[Node, ...]

    @property
    def level(self) -> int:
        """How tightly its signs bind."""
        return LEVELS[self.signs[0]]


@dataclass(frozen=True, slots=True)
class Power(Node):
    """``base ** exponent``, or with ``^``."""

    sign: str
    base: Node
    exponent: Node


@dataclass(frozen=True, slots=True)
class Bar(Node):
    """``(effects | factor)``, or ``||``; ``(effects | id | factor)`` with a name that several terms share."""

    effects: Node
    factor: Node
    correlated: bool
    id: str = ""


def quote(name: str) -> str:
    """Return a column's name as a formula writes it, between backticks where it must be."""
    plain = name.isidentifier() and name not in CONSTANTS and not keyword.iskeyword(name)
    return name if plain and not name.startswith("__") else f"`{name}`"


def unparse(node: Node, level: int = 0) -> str:
    """Return the canonical text of a tree, in which the same expression is always written the same."""
    match node:
        case Column():
            return quote(node.name)
        case Number() | Constant():
            return repr(node.value)
        case Text():
            return f'"{node.value}"' if "'" in node.value else f"'{node.value}'"
        case Listing():
            return f"[{', '.join(map(unparse, node.items))}]"
        case Call(arguments=(Bar() as bar,), keywords=()):
            return node.function + unparse(bar)
        case Call():
            arguments = [unparse(a) for a in node.arguments] + [f"{k}={unparse(v)}" for k, v in node.keywords]
            dotted_name = "." in node.function and not arguments
            return node.function if dotted_name else f"{node.function}({', '.join(arguments)})"
        case Bar():
            sign = f"| {quote(node.id)} |" if node.id else "|" if node.correlated else "||"
            return f"({unparse(node.effects)} {sign} {unparse(node.factor)})"
        case Signed():
            own, text = _SIGNED, node.sign + unparse(node.operand, _SIGNED)
        case Power():
            own = _POWER
            text = f"{unparse(node.base, _POWER + 1)} {node.sign} {unparse(node.exponent, _SIGNED)}"
        case Chain():
            own, text = node.level, unparse(node.operands[0], node.level)
            for sign, operand in zip(node.signs, node.operands[1:], strict=True):
                space = "" if sign == ":" else " "
                text += f"{space}{sign}{space}{unparse(operand, own + 1)}"
        case _:
            raise TypeError(f"not a node: {node!r}")
    return f"({text})" if own < level else text


def children(node: Node) -> tuple[Node, ...]:
    """Return the parts of a node, in the order of the text."""
    match node:
        case Listing():
            return node.items
        case Call():
            return (*node.arguments, *(value for _, value in node.keywords))
        case Signed():
            return (node.operand,)
        case Power():
            return (node.base, node.exponent)
        case Chain():
            return node.operands
        case Bar():
            return (node.effects, node.factor)
    return ()


def columns_of(node: Node) -> tuple[str, ...]:
    """Return the columns a tree names, once each, in order of appearance."""
    if isinstance(node, Column):
        return (node.name,)
    return tuple(dict.fromkeys(name for child in children(node) for name in columns_of(child)))
