"""Grouping factors: ``g``, the combination ``a:b``, and nesting ``a/b``, which is a and a:b."""

from __future__ import annotations

from typing import NoReturn

from shoal.errors import FormulaError
from shoal.formula.absent import absent
from shoal.formula.dialects import factor_of
from shoal.formula.tree import LEVELS, Call, Chain, Column, Node, unparse


def factors(node: Node, formula: str) -> list[tuple[str, ...]]:
    """Return the columns of each factor right of the bar of a group term.

    Raises
    ------
    FormulaError
        If the node is no factor, or names a column twice.
    """
    node = factor_of(node)
    if isinstance(node, Column):
        return [(node.name,)]
    if not isinstance(node, Chain) or node.level == 1 or "*" in node.signs:
        _refuse(node, formula)
    result = factors(node.operands[0], formula)
    for sign, operand in zip(node.signs, node.operands[1:], strict=True):
        inner = factors(operand, formula)
        if sign == "/":
            result = result + [(*result[-1], *names) for names in inner]
        elif len(result) == len(inner) == 1:
            result = [(*result[0], *inner[0])]
        else:
            _refuse(node, formula)
    for names in result:
        _require_distinct(names, node, formula)
    return result


def crossed(node: Node, formula: str, where: str) -> tuple[str, ...]:
    """Return the columns of the one factor ``g`` or ``a:b``.

    Parameters
    ----------
    node : Node
    formula : str
        The text the spans of `node` refer to.
    where : str
        Where it stands, for the error: "right of the bar of latent(...)".

    Raises
    ------
    FormulaError
        If the node is anything else, or names a column twice.
    """
    parts = _crossed_parts(node)
    names = tuple(part.name for part in parts if isinstance(part, Column))
    if len(names) < len(parts):
        raise FormulaError(
            "not-a-factor",
            f"Found {unparse(node)} {where}.",
            "One grouping factor was needed: a column g, or a combination a:b.",
            "Make other groupings a column of the table.",
            formula=formula,
            span=node.span,
        )
    _require_distinct(names, node, formula)
    return names


def _crossed_parts(node: Node) -> list[Node]:
    node = factor_of(node)
    if isinstance(node, Chain) and node.level == LEVELS[":"]:
        return [part for operand in node.operands for part in _crossed_parts(operand)]
    return [node]


def _require_distinct(names: tuple[str, ...], node: Node, formula: str) -> None:
    if len(set(names)) < len(names):
        raise FormulaError(
            "factor-column-twice",
            f"The grouping factor {':'.join(names)} names a column twice.",
            "Each column was needed once.",
            formula=formula,
            span=node.span,
        )


def _refuse(node: Node, formula: str) -> NoReturn:
    if isinstance(node, Call) and (error := absent(node, formula)) is not None:
        raise error
    raise FormulaError(
        "not-a-factor",
        f"Found {unparse(node)} right of a bar.",
        "A grouping factor is a column g, a combination a:b, nesting a/b, or gr(g, zero_sum=True).",
        "For crossed factors write two terms: (1 | a) + (1 | b).",
        formula=formula,
        span=node.span,
    )
