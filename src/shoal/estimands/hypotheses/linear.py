"""Which hypotheses are about a sum of parameters, each times a number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shoal.estimands.hypotheses.names import Element
from shoal.estimands.hypotheses.reader import Hypothesis
from shoal.formula.evaluate import compute
from shoal.formula.tree import Chain, Column, Node, Signed, columns_of


@dataclass(frozen=True)
class Linear:
    """``constant + sum of weights times quantities``."""

    constant: float
    weights: dict[str, float]

    def plus(self, other: Linear, times: float = 1.0) -> Linear:
        """Return the sum with a multiple of another."""
        weights = dict(self.weights)
        for name, weight in other.weights.items():
            weights[name] = weights.get(name, 0.0) + times * weight
        return Linear(self.constant + times * other.constant, weights)


def linear(hypothesis: Hypothesis) -> tuple[float, dict[Element, float]] | None:
    """Return the left side less the right as a constant and weights of numbers of the posterior, if it is."""
    left, right = _linear(hypothesis.left), _linear(hypothesis.right)
    if left is None or right is None:
        return None
    found = left.plus(right, -1.0)
    weights: dict[Element, float] = {}
    for name, weight in found.weights.items():
        for element in hypothesis.quantities[name].elements:
            weights[element] = weights.get(element, 0.0) + weight
    return found.constant, {element: weight for element, weight in weights.items() if weight != 0}


def product_at_zero(hypothesis: Hypothesis) -> bool:
    """Return whether a hypothesis is that a product of several sums of quantities is 0."""
    for side, other in ((hypothesis.left, hypothesis.right), (hypothesis.right, hypothesis.left)):
        if columns_of(other) or compute(other, _none) != 0 or not isinstance(side, Chain):
            continue
        signs = "".join(("*", *side.signs))
        factors = [node for sign, node in zip(signs, side.operands, strict=False) if sign == "*"]
        if (
            set(signs) <= set("*/")
            and sum(bool(columns_of(n)) and _linear(n) is not None for n in factors) > 1
        ):
            return True
    return False


def _linear(node: Node) -> Linear | None:
    match node:
        case _ if not columns_of(node):
            return Linear(float(compute(node, _none)), {})
        case Column():
            return Linear(0.0, {node.name: 1.0})
        case Signed():
            inside = _linear(node.operand)
            return inside and Linear(0.0, {}).plus(inside, -1.0 if node.sign == "-" else 1.0)
        case Chain():
            return _sum(node) if node.signs[0] in "+-" else _product(node)
    return None


def _sum(node: Chain) -> Linear | None:
    out = Linear(0.0, {})
    for sign, operand in zip(("+", *node.signs), node.operands, strict=True):
        one = _linear(operand)
        if one is None:
            return None
        out = out.plus(one, -1.0 if sign == "-" else 1.0)
    return out


def _product(node: Chain) -> Linear | None:
    """Return a product in which one factor at most names a quantity, and no divisor does."""
    times, inside = 1.0, None
    for sign, operand in zip(("*", *node.signs), node.operands, strict=True):
        if not columns_of(operand):
            value = float(compute(operand, _none))
            times = times / value if sign == "/" else times * value
        elif sign == "/" or inside is not None:
            return None
        else:
            inside = operand
    of = None if inside is None else _linear(inside)
    return of and Linear(0.0, {}).plus(of, times)


def _none(name: str) -> np.ndarray:
    raise TypeError(f"a constant names {name!r}")
