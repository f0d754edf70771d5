"""Tokens -> syntax tree.

Signs bind as in R: ``~``, then ``|``, ``+ -``, ``* /``, ``:``, a sign in front, and ``^ **`` most tightly.
"""

from __future__ import annotations

import math
from dataclasses import replace

from shoal.errors import FormulaError
from shoal.formula.cursor import Cursor
from shoal.formula.dialects import BARRED, translated
from shoal.formula.functions import ELSEWHERE
from shoal.formula.suggestions import rewrite
from shoal.formula.tokens import Kind, Token, tokenize
from shoal.formula.tree import (
    CONSTANTS,
    LEVELS,
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
)


class Reader(Cursor[Token]):
    """Recursive-descent reader of one formula or of one piece of it."""

    def __init__(self, text: str, *, expanded: bool = False):
        super().__init__(text, tokenize(text, expanded=expanded))

    def at_end(self) -> bool:
        """Say whether the whole text is read."""
        return self.token.kind is Kind.END

    def close(self, opening: Token, closing: str) -> Token:
        """Take the sign that closes `opening`, or say why it is not there."""
        token = self.take(closing)
        if token is not None:
            return token
        if self.token.kind is Kind.END:
            raise self.error(
                "not-closed", f"{opening} is never closed.", f"A {closing!r} was needed.", span=opening.span
            )
        if self.token.is_sign("|", "||"):
            raise self.second_bar()
        if self.token.is_sign("="):
            raise self.error(
                "equals-sign",
                "Found '='.",
                "A keyword argument is a name, '=' and a value, as in sigma=True.",
            )
        raise self.unexpected(
            f"An operator or {closing!r} was needed after {self.tokens[self.position - 1]}."
        )

    def second_bar(self) -> FormulaError:
        """Return the error for a bar that is neither that of a term nor that of its id."""
        return self.error(
            "second-bar",
            f"Found {self.token}.",
            "One bar inside parentheses, as in (1 + x | g); or two around a name that terms of several "
            "linear predictors share, as in (1 + x | id | g): their effects are then correlated.",
        )

    def unexpected(self, needed: str) -> FormulaError:
        """Return the error for a token that cannot stand here."""
        token, remedy = self.token, ""
        if token.is_sign("["):
            remedy = "Subscripts are not part of a formula; compute the value as a column of the table."
        elif token.is_sign("~"):
            needed, remedy = (
                "A formula has one '~', outside all parentheses.",
                ELSEWHERE.get(self.tokens[0].text, "Write one formula for each response."),
            )
        elif token.is_sign(")"):
            before = [t for t in self.tokens[: self.position] if t.is_sign("(") or t.is_sign(")")]
            if 2 * sum(t.is_sign("(") for t in before) == len(before):
                remedy = "There is no '(' for it."
        elif token.kind in (Kind.NAME, Kind.QUOTED, Kind.DOTTED):
            remedy = "Put a column's name between backticks if it has spaces or signs."
        return self.error("unexpected-token", f"Found {token}.", needed, remedy)

    def chain(self, level: int = 1) -> Node:
        """Read operands joined by signs of `level` or of tighter levels."""
        left = self.operand()
        while self.token.kind is Kind.SIGN and LEVELS.get(self.token.text, 0) >= level:
            sign = self.token.text
            self.position += 1
            right = self.chain(LEVELS[sign] + 1)
            left = _join(left, sign, right)
        return left

    def operand(self) -> Node:
        """Read ``-a``, ``a`` or ``a ** b``."""
        sign = self.take("-", "+")
        if sign is not None:
            with self.nested():
                operand = self.operand()
            return Signed(sign.text, operand, span=(sign.span[0], operand.span[1]))
        base = self.atom()
        power = self.take("**", "^")
        if power is None:
            return base
        with self.nested():
            exponent = self.operand()
        return Power(power.text, base, exponent, span=(base.span[0], exponent.span[1]))

    def atom(self) -> Node:
        """Read a column, a literal, a call, or something between parentheses or brackets."""
        token = self.token
        self.position += 1
        if token.kind is Kind.QUOTED:
            return Column(token.value, span=token.span)
        if token.kind is Kind.NUMBER:
            return self.number(token)
        if token.kind is Kind.TEXT:
            return Text(token.value, span=token.span)
        if token.kind in (Kind.NAME, Kind.DOTTED):
            return self.name(token)
        if token.is_sign("("):
            return self.parenthesised(token)
        if token.is_sign("["):
            return self.listing(token)
        if token.is_sign("{"):
            return self.braced(token)
        self.position -= 1
        previous = self.tokens[self.position - 1] if self.position else None
        after = f"after {previous}" if previous else "at the start"
        raise self.unexpected(f"A column, a number or a function was needed {after}.")

    def number(self, token: Token) -> Number:
        """Read a number; whole ones stay whole, for options such as ``df=5``."""
        value = int(token.text) if token.text.isdecimal() and len(token.text) <= 15 else float(token.text)
        if not math.isfinite(value):
            raise self.error(
                "number-too-large",
                "The number is too large.",
                "A number below 1.8e308 was needed.",
                span=token.span,
            )
        return Number(value, span=token.span)

    def name(self, token: Token) -> Node:
        """Read what starts with a name: a column, a constant, a contrast or a call."""
        opening = self.take("(")
        if opening is not None:
            return self.call(token, opening)
        if token.kind is Kind.DOTTED:
            if token.text.startswith("contr."):
                return Call(token.text, span=token.span)
            raise self.error(
                "dotted-name",
                f"Found {token}, a name with a dot.",
                "A dot would be attribute access, which formulas do not have; a column's name with one "
                "goes between backticks.",
                rewrite(self.text, token.span, f"`{token.text}`"),
                span=token.span,
            )
        if token.text in CONSTANTS:
            return Constant(CONSTANTS[token.text], span=token.span)
        if token.text.startswith("__"):
            raise self.error(
                "underscored-name",
                f"Found {token}.",
                "Names that start with two underscores are refused.",
                f"Write `{token.text}`, between backticks, if that is a column's name.",
                span=token.span,
            )
        return Column(token.text, span=token.span)

    def call(self, name: Token, opening: Token) -> Node:
        """Read the arguments of a call, and what it is in Shoal's spelling."""
        arguments: list[Node] = []
        keywords: dict[str, Node] = {}
        with self.nested():
            while not self.token.is_sign(")"):
                key = self.token
                if key.kind is Kind.NAME and self.tokens[self.position + 1].is_sign("="):
                    self.position += 2
                    if key.text in keywords:
                        raise self.error(
                            "given-twice",
                            f"The argument {key} is given twice.",
                            "Give it once.",
                            span=key.span,
                        )
                    keywords[key.text] = self.chain()
                elif keywords:
                    raise self.error(
                        "argument-order", f"Found {key}.", "Arguments with a name come after those without."
                    )
                else:
                    arguments.append(self.barred() if name.text in ("latent", *BARRED) else self.chain())
                if not self.take(","):
                    break
            closing = self.close(opening, ")")
        span = (name.span[0], closing.span[1])
        return translated(Call(name.text, tuple(arguments), tuple(keywords.items()), span=span))

    def parenthesised(self, opening: Token) -> Node:
        """Read ``(a + b)`` or ``(a | g)``."""
        with self.nested():
            inside = self.barred()
            closing = self.close(opening, ")")
        return replace(inside, span=(opening.span[0], closing.span[1]))

    def braced(self, opening: Token) -> Node:
        """Read ``{x / 2}``, which is ``I(x / 2)`` in Bambi."""
        with self.nested():
            inside = self.chain()
            closing = self.close(opening, "}")
        return translated(Call("I", (inside,), span=(opening.span[0], closing.span[1])))

    def barred(self) -> Node:
        """Read ``a`` or ``a | g``, without the parentheses around it."""
        inside = self.chain()
        bar = self.take("|", "||")
        if bar is None:
            return inside
        factor, name = self.chain(), ""
        if bar.text == "|" and isinstance(factor, Column) and self.take("|"):
            name, factor = factor.name, self.chain()
        return Bar(inside, factor, bar.text == "|", name, span=(inside.span[0], factor.span[1]))

    def listing(self, opening: Token) -> Listing:
        """Read ``[a, b]``."""
        items = []
        with self.nested():
            while not self.token.is_sign("]"):
                items.append(self.chain())
                if not self.take(","):
                    break
            closing = self.close(opening, "]")
        return Listing(tuple(items), span=(opening.span[0], closing.span[1]))


def _join(left: Node, sign: str, right: Node) -> Chain:
    span = (left.span[0], right.span[1])
    if isinstance(left, Chain) and left.level == LEVELS[sign]:
        return Chain((*left.signs, sign), (*left.operands, right), span=span)
    return Chain((sign,), (left, right), span=span)


def read_piece(text: str) -> Node:
    """Return the tree of a piece of a formula, such as the text of an `Expression`."""
    reader = Reader(text, expanded=True)
    tree = reader.chain()
    if reader.token.kind is not Kind.END:
        raise reader.unexpected("An operator, or the end, was needed.")
    return tree
