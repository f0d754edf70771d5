"""Wilkinson-Rogers algebra: ``x * z`` -> the terms x, z and x:z.

A term is a tuple of factors, columns or calls; its order does not matter. Terms stay in the order of the
text, main effects before interactions, as in R.
"""

from __future__ import annotations

from dataclasses import dataclass

from shoal.errors import FormulaError
from shoal.formula.dialects import arithmetic
from shoal.formula.functions import CURVES, RESIDUALS
from shoal.formula.safety import Place, check, is_specific
from shoal.formula.suggestions import rewrite
from shoal.formula.terms import Expression
from shoal.formula.tokens import EXPANSION, MAX_CHARACTERS
from shoal.formula.tree import Bar, Call, Chain, Column, Node, Number, Power, Signed, columns_of, unparse

Term = tuple[Node, ...]
# by their set of factors, in the order of the text
Terms = dict[frozenset[Node], Term]
MAX_TERMS = 2_000
MAX_POWER = 10
MAX_FACTORS = 20


@dataclass(frozen=True)
class Sum:
    """The right-hand side of a formula, or the left of a bar."""

    intercept: bool
    terms: tuple[Term, ...]
    offsets: tuple[Call, ...] = ()
    groups: tuple[Bar, ...] = ()
    latents: tuple[Call, ...] = ()
    curves: tuple[Call, ...] = ()
    imputed: tuple[Call, ...] = ()
    residuals: tuple[Call, ...] = ()
    specific: tuple[Call, ...] = ()

    def expression(self, formula: str, span: tuple[int, int]) -> Expression:
        """Return the terms as an Expression that starts with ``1`` or ``0``."""
        text = " + ".join(
            ["1" if self.intercept else "0", *(":".join(map(unparse, term)) for term in self.terms)]
        )
        if len(text) > EXPANSION * MAX_CHARACTERS:
            raise FormulaError(
                "formula-too-long",
                f"The terms of this sum take {len(text):,} characters.",
                f"At most {EXPANSION * MAX_CHARACTERS:,} are read.",
                "Name fewer terms, or shorter columns.",
                formula=formula,
                span=span,
            )
        columns = tuple(
            dict.fromkeys(c for term in self.terms for factor in term for c in columns_of(factor))
        )
        return Expression(text, columns, span)


def expand(node: Node, formula: str, *, outermost: bool = True) -> Sum:
    """Expand the operators of a sum.

    Parameters
    ----------
    node : Node
    formula : str
        The text the spans of `node` refer to.
    outermost : bool
        Group terms, offsets, latent terms and curves may stand here: true right of ``~``, false left of
        a bar.

    Raises
    ------
    FormulaError
        If the tree means something else than a sum of terms.
    """
    found = _Expansion(formula, outermost).sum(node)
    return Sum(
        found.intercept is not False,
        tuple(sorted(found.terms.values(), key=len)),
        tuple(found.offsets),
        tuple(found.groups),
        tuple(found.latents),
        tuple(found.curves),
        tuple(found.imputed),
        tuple(found.residuals),
        tuple(found.specific),
    )


class _Found:
    """What was met so far; intercept is None until a number speaks of it."""

    def __init__(self) -> None:
        self.terms: Terms = {}
        self.intercept: bool | None = None
        self.offsets: list[Call] = []
        self.groups: list[Bar] = []
        self.latents: list[Call] = []
        self.curves: list[Call] = []
        self.imputed: list[Call] = []
        self.residuals: list[Call] = []
        self.specific: list[Call] = []


class _Expansion:
    def __init__(self, formula: str, outermost: bool):
        self.formula, self.outermost = formula, outermost

    def error(self, node: Node, code: str, found: str, needed: str, remedy: str = "") -> FormulaError:
        return FormulaError(code, found, needed, remedy, formula=self.formula, span=node.span)

    def sum(self, node: Node) -> _Found:
        """Read ``a + b - c`` where numbers, and what stands alone (group terms, curves), may stand."""
        found = _Found()
        for sign, operand in _summands(node):
            match operand:
                case Number():
                    found.intercept = self.intercept(sign, operand)
                case Bar():
                    self.alone(sign, operand, "a group term", "x + (1 | g)", "Leave it out.")
                    found.groups.append(operand)
                case Call(function="offset"):
                    self.alone(sign, operand, "an offset", "x + offset(o)", "Write offset(-o).")
                    found.offsets.append(operand)
                case Call(function="latent"):
                    self.alone(sign, operand, "a latent term", "x + latent(u | g)", "Leave it out.")
                    found.latents.append(operand)
                case Call(function=function) if function in CURVES:
                    self.alone(sign, operand, "a curve", f"x + {function}(z)", "Leave it out.")
                    found.curves.append(operand)
                case Call(function="mi" | "me"):
                    self.alone(sign, operand, "an imputed predictor", "z + mi(x)", "Leave it out.")
                    found.imputed.append(operand)
                case Call(function=function) if function in RESIDUALS:
                    self.alone(
                        sign, operand, "a correlation of residuals", "x + ar(t, gr=g)", "Leave it out."
                    )
                    found.residuals.append(operand)
                case Call() if self.outermost and is_specific(operand):
                    self.alone(sign, operand, "a category-specific effect", "x + cs(z)", "Leave it out.")
                    found.specific.append(operand)
                case Chain() if operand.level == 1:
                    inner = _Expansion(self.formula, outermost=False).sum(operand)
                    self.merge(found, sign, inner.terms, operand)
                    if inner.intercept is not None:
                        found.intercept = inner.intercept is (sign == "+")
                case _:
                    self.merge(found, sign, self.terms(operand), operand)
        return found

    def merge(self, found: _Found, sign: str, terms: Terms, node: Node) -> None:
        if sign == "+":
            found.terms = self.limited(_union(found.terms, terms), node)
            return
        if not terms.keys() <= found.terms.keys():
            point = frozenset([Column(".")]) in found.terms
            raise self.error(
                node,
                "not-among-terms",
                f"{unparse(node)} is taken away.",
                "It is not among the terms before it.",
                "Name the columns that stay, in place of the point." if point else "Remove it.",
            )
        found.terms = {k: v for k, v in found.terms.items() if k not in terms}

    def intercept(self, sign: str, number: Number) -> bool:
        if number.value == 1:
            return sign == "+"
        if number.value == 0 and sign == "+":
            return False
        raise self.error(
            number,
            "number-as-term",
            f"Found the number {sign if sign == '-' else ''}{unparse(number)}.",
            "Only + 1, + 0 and - 1 have a meaning here: with or without an intercept.",
            "Put arithmetic in I(...), e.g. I(x / 2).",
        )

    def alone(self, sign: str, node: Node, what: str, example: str, remedy: str) -> None:
        """Refuse what can only be added to the terms, if it is part of one or is taken away."""
        name = what.capitalize()
        if not self.outermost:
            raise self.error(
                node, "not-alone", f"Found {what} inside another term.", f"{name} stands alone: {example}."
            )
        if sign == "-":
            raise self.error(node, "taken-away", f"{name} is taken away.", "It can only be added.", remedy)

    def arithmetic(self, node: Node) -> str:
        """Return the remedy that computes a node as numbers."""
        return rewrite(self.formula, node.span, f"I({unparse(arithmetic(node))})")

    def terms(self, node: Node, product: Chain | None = None) -> Terms:
        """Return the terms of an operand of a sum, or of `product`."""
        match node:
            case Column():
                return {frozenset([node]): (node,)}
            case Call():
                check(node, Place.FACTOR, self.formula)
                return {frozenset([node]): (node,)}
            case Chain() if node.level == 1:
                found = _Expansion(self.formula, outermost=False).sum(node)
                if found.intercept is not None:
                    raise self.error(
                        node,
                        "number-as-term",
                        "Found a number inside a product.",
                        "Numbers may only be added.",
                    )
                return found.terms
            case Chain():
                return self.product(node)
            case Power():
                return self.power(node)
            case Number():
                raise self.error(
                    node,
                    "number-as-term",
                    f"Found the number {unparse(node)} in a product.",
                    "Terms were needed; arithmetic stands in I(...).",
                    "" if product is None else self.arithmetic(product),
                )
            case Signed():
                raise self.error(
                    node,
                    "signed-term",
                    "Found a sign in front of a term.",
                    "Terms have no sign of their own; arithmetic stands in I(...).",
                    self.arithmetic(node),
                )
            case Bar():
                raise self.error(
                    node,
                    "not-alone",
                    "Found a group term inside a product or an interaction.",
                    "A group term stands alone: x + (1 | g).",
                )
        check(node, Place.FACTOR, self.formula)
        raise AssertionError("check() refuses every other node")

    def product(self, chain: Chain) -> Terms:
        result = self.terms(chain.operands[0], chain)
        for sign, operand in zip(chain.signs, chain.operands[1:], strict=True):
            right = self.terms(operand, chain)
            if len(result) == 1 and result.keys() == right.keys():
                start = chain.operands[0].span[0]
                raise self.error(
                    chain,
                    "times-itself",
                    f"Found {unparse(operand)} times itself.",
                    "In a formula that is the term itself.",
                    rewrite(self.formula, (start, operand.span[1]), f"I({unparse(operand)}**2)"),
                )
            if sign == ":":
                result = self.interaction(result, right, chain)
            elif sign == "*":
                result = self.limited(_union(result, right, self.interaction(result, right, chain)), chain)
            else:
                common = tuple(dict.fromkeys(factor for term in result.values() for factor in term))
                nested = self.interaction({frozenset(common): common}, right, chain)
                result = self.limited(_union(result, nested), chain)
        return result

    def power(self, node: Power) -> Terms:
        exponent, base = node.exponent, self.terms(node.base)
        if not (
            isinstance(exponent, Number) and type(exponent.value) is int and 1 <= exponent.value <= MAX_POWER
        ):
            raise self.error(
                exponent,
                "exponent",
                f"Found the exponent {unparse(exponent)}.",
                f"A whole number from 1 to {MAX_POWER} was needed.",
            )
        if len(base) == 1:
            raise self.error(
                node,
                "power-of-one-term",
                f"Found a power of the one term {unparse(node.base)}.",
                "In a formula that is the term itself; arithmetic stands in I(...).",
                self.arithmetic(node),
            )
        result = base
        for _ in range(exponent.value - 1):
            result = self.limited(_union(result, self.interaction(result, base, node)), node)
        return result

    def interaction(self, left: Terms, right: Terms, node: Node) -> Terms:
        # equal terms fall together, so many products may still be few terms; but not without end
        if len(left) * len(right) > 2 * MAX_TERMS:
            raise self.too_many(node)
        crossed: Terms = {}
        for a in left.values():
            for b in right.values():
                term = tuple(dict.fromkeys(a + b))
                crossed.setdefault(frozenset(term), term)
                if len(term) > MAX_FACTORS:
                    raise self.error(
                        node,
                        "too-many-terms",
                        f"This makes a term of {len(term)} factors.",
                        f"At most {MAX_FACTORS} are read.",
                    )
        return self.limited(crossed, node)

    def limited(self, terms: Terms, node: Node) -> Terms:
        if len(terms) > MAX_TERMS:
            raise self.too_many(node)
        return terms

    def too_many(self, node: Node) -> FormulaError:
        return self.error(
            node,
            "too-many-terms",
            f"This makes more than {MAX_TERMS:,} terms.",
            "Fewer were needed.",
            "Name them singly.",
        )


def _union(*parts: Terms) -> Terms:
    """Join terms; of two equal ones the first stays, as it was written."""
    joined: Terms = {}
    for part in parts:
        for key, term in part.items():
            joined.setdefault(key, term)
    return joined


def _summands(node: Node) -> list[tuple[str, Node]]:
    """Return the signed operands of a sum; a sign in front belongs to the first."""
    if not (isinstance(node, Chain) and node.level == 1):
        return [_signed(node)]
    return [_signed(node.operands[0]), *zip(node.signs, node.operands[1:], strict=True)]


def _signed(node: Node) -> tuple[str, Node]:
    return (node.sign, node.operand) if isinstance(node, Signed) else ("+", node)
