"""Tokens of a hypothesis -> trees of its sides, computed by `formula.evaluate`: Python evaluates nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from shoal.errors import FormulaError
from shoal.estimands.hypotheses.names import Names, Quantity
from shoal.estimands.hypotheses.tokens import EXAMPLE, RELATIONS, Kind, Token, tokenize
from shoal.formula.cursor import Cursor
from shoal.formula.evaluate import compute
from shoal.formula.tree import Call, Chain, Column, Node, Number, Power, Signed, children, columns_of


@dataclass(frozen=True)
class Hypothesis:
    """A relation between two expressions.

    Attributes
    ----------
    text : str
    left, right : Node
        Trees whose columns are the quantities named.
    relation : {"<", ">", "="}
    quantities : mapping from str to Quantity
    """

    text: str
    left: Node
    right: Node
    relation: str
    quantities: Mapping[str, Quantity]

    def difference(self, draws: Callable[[str], np.ndarray], finite: bool = True) -> np.ndarray:
        """Return the left side less the right one.

        Raises
        ------
        FormulaError
            If `finite`, and that is no number at some of the draws; marks the part that is none.
        """
        if finite:
            self._check(self.left, draws)
            self._check(self.right, draws)
        with np.errstate(invalid="ignore", over="ignore"):
            return np.asarray(compute(self.left, draws) - compute(self.right, draws))

    def _check(self, node: Node, draws: Callable[[str], np.ndarray]) -> None:
        value = compute(node, draws)
        if np.isfinite(value).all():
            return
        for child in children(node):
            self._check(child, draws)
        bad = np.count_nonzero(~np.isfinite(value))
        start, end = node.span
        raise FormulaError(
            "hypothesis-not-finite",
            f"{self.text[start:end]} is infinite or undefined at {bad:,} of {value.size:,} draws.",
            "Finite numbers were needed.",
            "Check for logs and roots of what may be negative, divisions by 0, and numbers above 1.8e308.",
            formula=self.text,
            span=node.span,
        )


def read(text: str, names: Names) -> Hypothesis:
    """Read a hypothesis such as ``"2 * x - z > 0.5"``.

    Parameters
    ----------
    names : Names
        All that may be named.

    Raises
    ------
    FormulaError
        Whatever is no hypothesis about this fit; the message marks the token.
    """
    return _Reader(text, names).hypothesis()


class _Reader(Cursor[Token]):
    """Recursive-descent reader of one hypothesis."""

    noun = "hypothesis"
    simpler = "Compute from the draws, fit.to_frame(), what takes more."

    def __init__(self, text: str, names: Names):
        super().__init__(text, tokenize(text, names))
        self.quantities: dict[str, Quantity] = {}

    def at(self, kind: Kind) -> bool:
        """Whether the token at hand is of a kind."""
        return self.token.kind is kind

    def hypothesis(self) -> Hypothesis:
        """Read two sides and the relation between them."""
        if self.at(Kind.END):
            raise self.error(
                "hypothesis-empty", "The hypothesis is empty.", "Two sides and one of < > =.", EXAMPLE
            )
        left = self.sum()
        relation = self.token
        if relation.kind is not Kind.RELATION:
            needed = "An operator, or one of < > = and the other side, was needed."
            raise self.error("no-relation", f"Found {relation}.", needed, EXAMPLE)
        self.position += 1
        right = self.sum()
        if self.at(Kind.RELATION):
            raise self.error(
                "second-relation",
                f"Found a second relation, {self.token}.",
                "A hypothesis has one.",
                "Test two hypotheses. The probability of an interval: 'x = 0' with rope=(lower, upper).",
            )
        if not self.at(Kind.END):
            raise self.error(
                "unexpected-token", f"Found {self.token}.", "An operator, or the end, was needed."
            )
        if not self.quantities:
            raise self.error(
                "hypothesis-without-parameter",
                "The hypothesis names no parameter.",
                "",
                EXAMPLE,
                span=(0, len(self.text)),
            )
        for side in (left, right):
            self._check(side)
        return Hypothesis(self.text, left, right, RELATIONS[relation.text], self.quantities)

    def sum(self) -> Node:
        """Read terms joined by ``+`` and ``-``."""
        return self._chain(self.product, "+", "-")

    def product(self) -> Node:
        """Read factors joined by ``*`` and ``/``."""
        return self._chain(self.operand, "*", "/")

    def _chain(self, part: Callable[[], Node], *signs: str) -> Node:
        operands, between = [part()], list[str]()
        while (sign := self.take(*signs)) is not None:
            between.append(sign.text)
            operands.append(part())
        if not between:
            return operands[0]
        span = operands[0].span[0], operands[-1].span[1]
        return Chain(tuple(between), tuple(operands), span=span)

    def operand(self) -> Node:
        """Read ``-a``, ``a`` or ``a ^ b``."""
        sign = self.take("-", "+")
        if sign is not None:
            with self.nested():
                operand = self.operand()
            return Signed(sign.text, operand, span=(sign.span[0], operand.span[1]))
        base = self.atom()
        if self.take("^", "**") is None:
            return base
        with self.nested():
            exponent = self.operand()
        return Power("**", base, exponent, span=(base.span[0], exponent.span[1]))

    def atom(self) -> Node:
        """Read a name, a number, a function of one argument, or something between parentheses."""
        token = self.token
        if token.kind in (Kind.QUANTITY, Kind.NUMBER, Kind.FUNCTION):
            self.position += 1
        if token.quantity is not None:
            self.quantities[token.quantity.name] = token.quantity
            return Column(token.quantity.name, span=token.span)
        if token.kind is Kind.NUMBER:
            return self.number(token)
        opening = self.take("(")
        if opening is None:
            before = self.tokens[self.position - 1] if self.position else None
            after = f"after {before}" if before else "at the start"
            raise self.error(
                "unexpected-token", f"Found {token}.", f"A name, a number or a function was needed {after}."
            )
        with self.nested():
            inside = self.sum()
        closing = self.take(")")
        if closing is None:
            if self.at(Kind.END):
                raise self.error("not-closed", "'(' is never closed.", "A ')' was needed.", span=opening.span)
            raise self.error("unexpected-token", f"Found {self.token}.", "An operator or ')' was needed.")
        if token.kind is Kind.FUNCTION:
            return Call(token.text, (inside,), span=(token.span[0], closing.span[1]))
        return inside

    def number(self, token: Token) -> Number:
        """Read a number."""
        value = float(token.text)
        if not math.isfinite(value):
            raise self.error(
                "number-too-large",
                "The number is too large.",
                "One below 1.8e308 was needed.",
                span=token.span,
            )
        return Number(value, span=token.span)

    def _check(self, node: Node) -> None:
        """Refuse divisions by a zero, and other constants that are no finite number."""
        if isinstance(node, Chain):
            for sign, operand in zip(node.signs, node.operands[1:], strict=True):
                if sign == "/" and not columns_of(operand) and compute(operand, _no_column) == 0:
                    raise self.error(
                        "division-by-zero", "Found a division by 0.", "Another divisor.", span=operand.span
                    )
        for child in children(node):
            self._check(child)
        if not columns_of(node) and not np.isfinite(compute(node, _no_column)):
            start, end = node.span
            raise self.error(
                "hypothesis-not-finite",
                f"{self.text[start:end]} is no finite number.",
                "A number.",
                span=node.span,
            )


def _no_column(name: str) -> np.ndarray:
    raise TypeError(f"a constant names {name!r}")
