"""What a formula needs of each column: rows are grouped by it, or sums are made of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from shoal.errors import FormulaError
from shoal.formula.algebra import Sum, expand
from shoal.formula.formula import Formula
from shoal.formula.functions import BASES, GROUPED, STANDARDISING
from shoal.formula.reader import read_piece
from shoal.formula.terms import Expression
from shoal.formula.tree import Call, Column, Node, children, columns_of, unparse
from shoal.model import Response
from shoal.reduction.expressions import is_said

Product = tuple[Node, ...]


@dataclass
class Roles:
    """How rows are reduced.

    Attributes
    ----------
    keys : dict
        Columns that rows are grouped by, in order.
    numbers : dict of str to tuple of Node
        What sums are made of: products of expressions, by the names that terms have in the formula.
    standardised : dict of str to Call
        Calls that learn a mean and a standard deviation from all rows, such as ``scale(x)``.
    weights : Node, optional
        What a row counts in sums.
    """

    keys: dict[str, None] = field(default_factory=dict)
    numbers: dict[str, Product] = field(default_factory=dict)
    standardised: dict[str, Call] = field(default_factory=dict)
    weights: Node | None = None


def summable(responses: Sequence[Response]) -> bool:
    """Return whether rows enter by sums of squares and products alone.

    They do where a single response is normal around its linear predictor, with one sigma for all rows.
    """
    if len(responses) != 1:
        return False
    formula, predictors = responses[0].formulas
    r = formula.response
    special = (r.se, r.cens, r.trunc_lower, r.trunc_upper, r.subset, r.rate, r.mi_se, *r.columns, *r.vint)
    plain = not any(special) and not r.vreal and not r.mi and r.trials is None
    family = responses[0].family
    name = family if isinstance(family, str) else family.name
    return name == "gaussian" and plain and not predictors and not formula.imputed


def roles_of(responses: Sequence[Response], categories: Mapping[str, bool]) -> Roles:
    """Return what each column of some formulas is for.

    Parameters
    ----------
    categories : mapping of str to bool
        Whether each column is a category where it is named alone: text and categories are.

    Raises
    ------
    FormulaError
        A function that learns more from the rows than a mean and a standard deviation; weights that no
        engine computes.
    """
    roles = Roles()
    for response in responses:
        formula, predictors = response.formulas
        for own in (formula, *predictors.values()):
            _standardised(own, roles)
    if not summable(responses):
        roles.keys = dict.fromkeys(c for response in responses for c in response.columns)
        return roles
    formula, _ = responses[0].formulas
    for name in _grouping(formula):
        roles.keys[name] = None
    for expression in _sums(formula):
        for term in _terms(expression).terms:
            _term(term, categories, roles)
    for alone in (formula.response.value, *formula.offsets):
        node = read_piece(alone.text)
        if is_said(node):
            roles.numbers[_name(node)] = (node,)
        else:
            roles.keys |= dict.fromkeys(alone.columns)
    if formula.response.weights is not None:
        roles.weights = read_piece(formula.response.weights.text)
        if not is_said(roles.weights):
            raise FormulaError(
                "weights-not-computed",
                f"weights({unparse(roles.weights)}), and the table is not in memory.",
                "Weights of log, log2, log10, exp, sqrt, abs and arithmetic.",
                "Make a column of it in the engine that holds the rows, and name that.",
                formula=formula.text,
                span=formula.response.weights.span,
            )
        if _name(roles.weights) in roles.numbers:
            # A column cannot be both a sum and the weight of it: within a group it has one value then.
            roles.keys |= dict.fromkeys(columns_of(roles.weights))
    # A group has one value of a product of its keys: no sum is needed, unless it is the response.
    response_name = _name(read_piece(formula.response.value.text))
    roles.numbers = {
        name: product
        for name, product in roles.numbers.items()
        if name == response_name or not set(_columns(product)) <= set(roles.keys)
    }
    return roles


def roles_where_rows_stay(formulas: Sequence[Formula], categories: Mapping[str, bool]) -> Roles:
    """Return what each column is for where rows are asked where they are.

    Levels are apart: what names them is no key, unless it is something else as well. The response and all
    that stands beside it are keys, for default priors are scaled by more than their sums.

    Parameters
    ----------
    formulas : sequence of Formula
        The response's own, and those of other linear predictors.
    categories : mapping of str to bool
        Whether each column is a category where it is named alone.

    Raises
    ------
    FormulaError
        As `roles_of` does.
    """
    roles = Roles()
    for formula in formulas:
        _standardised(formula, roles)
        for expression in _sums(formula):
            for term in _terms(expression).terms:
                _term(term, categories, roles)
        roles.keys |= {c: None for own in (*formula.response.parts, *formula.offsets) for c in own.columns}
    others = {*roles.keys, *(c for product in roles.numbers.values() for c in _columns(product))}
    grouping = [name for formula in formulas for name in _grouping(formula)]
    roles.keys |= {name: None for name in grouping if name in others}
    roles.numbers = {
        name: product
        for name, product in roles.numbers.items()
        if not set(_columns(product)) <= set(roles.keys)
    }
    return roles


def _grouping(formula: Formula) -> Iterator[str]:
    """Columns that name levels, and those of curves, which are no sums of products."""
    for group in formula.groups:
        yield from group.columns
    for latent in formula.latents:
        yield from latent.factor
    for curve in formula.curves:
        yield from curve.columns


def _sums(formula: Formula) -> list[Expression]:
    return [formula.population, *(group.effects for group in formula.groups)]


def _terms(expression: Expression) -> Sum:
    return expand(read_piece(expression.text), expression.text, outermost=False)


def _term(term: Product, categories: Mapping[str, bool], roles: Roles) -> None:
    """Make its categories keys, and the product of its numbers a number; where none is, of their columns."""
    numbers = []
    for factor in term:
        if _is_category(factor, categories) or not is_said(factor):
            roles.keys |= dict.fromkeys(columns_of(factor))
        else:
            numbers.append(factor)
    if numbers:
        roles.numbers[product_name(tuple(numbers))] = tuple(numbers)


def _is_category(factor: Node, categories: Mapping[str, bool]) -> bool:
    if isinstance(factor, Column):
        return categories[factor.name]
    return isinstance(factor, Call) and factor.function == "C"


def product_name(factors: Product) -> str:
    """Return the name of a product of factors, as a term of a formula has it."""
    return ":".join(map(_name, factors))


def _name(factor: Node) -> str:
    return factor.name if isinstance(factor, Column) else unparse(factor)


def _columns(product: Product) -> Iterator[str]:
    for factor in product:
        yield from columns_of(factor)


def _standardised(formula: Formula, roles: Roles) -> None:
    """Note the calls that learn from all rows; refuse those that learn more than two numbers."""
    for expression in [*_sums(formula), *([formula.specific] if formula.specific else [])]:
        for factor in (factor for term in _terms(expression).terms for factor in term):
            for call in _calls(factor):
                if call.function in GROUPED or call.function in BASES:
                    raise FormulaError(
                        "function-learns-from-rows",
                        f"{unparse(call)} learns from all rows, and the table is not in memory.",
                        "Functions of a row alone; center and scale; s(x) of a column of few values.",
                        "Make columns of it in the engine that holds the rows, and name these.",
                        formula=formula.text,
                        span=expression.span,
                    )
                if call.function in STANDARDISING:
                    if any(inner.function in STANDARDISING for a in call.arguments for inner in _calls(a)):
                        raise FormulaError(
                            "function-learns-from-rows",
                            f"{unparse(call)} standardises what is standardised, and the table is not in "
                            "memory.",
                            "center or scale of functions of a row.",
                            "Write one of them.",
                            formula=formula.text,
                            span=expression.span,
                        )
                    roles.standardised[unparse(call)] = call


def _calls(node: Node) -> Iterator[Call]:
    if isinstance(node, Call):
        yield node
    for child in children(node):
        yield from _calls(child)
