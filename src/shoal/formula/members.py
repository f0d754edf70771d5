"""Rows that belong to several levels of one factor: ``mm(g, h, weights=[v, w])``."""

from __future__ import annotations

from shoal.errors import FormulaError
from shoal.formula.options import flag, without_options
from shoal.formula.safety import Place, check
from shoal.formula.terms import Expression, Membership
from shoal.formula.tree import Call, Column, Listing, Node, columns_of, unparse

OPTIONS = ("weights", "scale", "any_sum")


def read_members(call: Call, formula: str) -> tuple[tuple[str, ...], Membership]:
    """Return the columns of ``mm(...)``, each of which names a level, and how much each counts.

    Raises
    ------
    FormulaError
        If there are fewer than two columns, one twice, or weights that are not as many.
    """
    bare = without_options(call, OPTIONS, formula)
    names = tuple(node.name for node in bare.arguments if isinstance(node, Column))
    if len(names) < len(bare.arguments) or len(set(names)) < max(len(names), 2):
        raise FormulaError(
            "term-arguments",
            f"Found {unparse(call)}.",
            "mm(...) takes two or more different columns, each of which names a level.",
            "For example (1 | mm(school1, school2)).",
            formula=formula,
            span=call.span,
        )
    weights = _weights(call, formula)
    if weights and len(weights) != len(names):
        raise FormulaError(
            "term-arguments",
            f"mm(...) has {len(names)} columns and {len(weights)} weights.",
            "A weight for each column.",
            f"weights=[{', '.join(f'w{i + 1}' for i in range(len(names)))}].",
            formula=formula,
            span=call.span,
        )
    scale = flag(call, "scale", formula) if "scale" in dict(call.keywords) else True
    return names, Membership(weights, scale, flag(call, "any_sum", formula))


def _weights(call: Call, formula: str) -> tuple[Expression, ...]:
    node = dict(call.keywords).get("weights")
    if node is None:
        return ()
    parts = _listed(node)
    if parts is None:
        raise FormulaError(
            "term-arguments",
            f"Found weights = {unparse(node)}.",
            "A weight for each column was needed.",
            "Write weights=[w1, w2], or as in R, weights=cbind(w1, w2).",
            formula=formula,
            span=node.span,
        )
    for part in parts:
        check(part, Place.ELEMENTWISE, formula)
    return tuple(
        Expression(unparse(part), tuple(dict.fromkeys(columns_of(part))), part.span) for part in parts
    )


def _listed(node: Node) -> tuple[Node, ...] | None:
    """Return the parts of ``[a, b]``, ``c(a, b)`` or ``cbind(a, b)``."""
    if isinstance(node, Listing):
        return node.items
    if isinstance(node, Call) and node.function in ("c", "cbind") and not node.keywords:
        return node.arguments
    return None
