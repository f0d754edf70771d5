"""What varies over levels: group terms ``(1 + x | g)`` and latent terms ``latent(u | g)``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shoal.errors import FormulaError
from shoal.formula.algebra import expand
from shoal.formula.factors import crossed, factors
from shoal.formula.members import read_members
from shoal.formula.options import flag, one_of, only_argument, without_options
from shoal.formula.suggestions import rewrite
from shoal.formula.terms import GroupTerm, LatentTerm
from shoal.formula.tree import Bar, Call, Chain, Column, Node, Text, quote, unparse

DISTRIBUTIONS = ("normal", "student")


def group_terms(bars: Sequence[Bar], formula: str) -> tuple[GroupTerm, ...]:
    """Return the group terms of a formula, ``(1 | a/b)`` as two.

    Raises
    ------
    FormulaError
        If a bar holds something else than effects and a factor, or two terms are equal.
    """
    groups: list[GroupTerm] = []
    seen = set()
    for group in (group for bar in bars for group in _of_bar(bar, formula)):
        key = (group.effects, frozenset(group.factor), group.membership is None)
        if key in seen:
            raise FormulaError(
                "term-twice",
                f"The group term ({group.effects.text} | {group.name}) is there twice.",
                "Each effect of a grouping factor is named once.",
                "Remove one of the two.",
                formula=formula,
                span=group.span,
            )
        seen.add(key)
        groups.append(group)
    return tuple(groups)


def _of_bar(bar: Bar, formula: str) -> list[GroupTerm]:
    effects = expand(bar.effects, formula, outermost=False)
    if not (effects.intercept or effects.terms):
        raise FormulaError(
            "no-effects",
            "There are no effects left of the bar.",
            "For example 1, or 0 + x.",
            formula=formula,
            span=bar.effects.span,
        )
    if isinstance(bar.factor, Call) and bar.factor.function == "gr":
        names, options = _read_gr(bar.factor, formula)
    elif isinstance(bar.factor, Call) and bar.factor.function == "mm":
        columns, membership = read_members(bar.factor, formula)
        names, options = [columns], {"membership": membership}
    else:
        _refuse_sums(bar, formula)
        names, options = factors(bar.factor, formula), {}
    if bar.id and options.get("by"):
        raise FormulaError(
            "id-with-by",
            f"The id {bar.id!r} stands before gr(..., by={quote(options['by'])}).",
            "An id joins effects with the same spread at all levels.",
            "Leave out the id, or by.",
            formula=formula,
            span=bar.span,
        )
    expression = effects.expression(formula, bar.effects.span)
    return [
        GroupTerm(expression, factor, bar.correlated, id=bar.id, span=bar.span, **options) for factor in names
    ]


def _refuse_sums(bar: Bar, formula: str) -> None:
    """Refuse ``(1 | a + b)`` and ``(1 | a*b)``, which are several terms."""
    chain = bar.factor
    if not isinstance(chain, Chain) or not set(chain.signs) <= {"+", "*"}:
        return
    names = [unparse(operand) for operand in chain.operands]
    names += [":".join(names)] if chain.signs == ("*",) else []
    sign = "|" if bar.correlated else "||"
    raise FormulaError(
        "not-a-factor",
        f"Found {unparse(chain)} right of a bar.",
        "Crossed factors are a term each.",
        rewrite(formula, bar.span, " + ".join(f"({unparse(bar.effects)} {sign} {name})" for name in names)),
        formula=formula,
        span=chain.span,
    )


def _read_gr(call: Call, formula: str) -> tuple[list[tuple[str, ...]], dict[str, Any]]:
    """Return the factors of ``gr(g, zero_sum=True, dist="student", cov=K, by=f)``, and its options."""
    factor = only_argument(without_options(call, ("zero_sum", "dist", "cov", "by"), formula), formula)
    names = factors(factor, formula)
    zero_sum, dist, cov = flag(call, "zero_sum", formula), _dist(call, formula), _cov(call, formula)
    by = _by(call, formula)
    if by is not None and cov is not None:
        raise FormulaError(
            "by-with-cov",
            f"by={quote(by)} and cov={quote(cov)} cannot be combined.",
            "Levels of different categories are independent, each category with a spread of its own.",
            "Drop one of the two.",
            formula=formula,
            span=call.span,
        )
    if cov is not None and zero_sum:
        raise FormulaError(
            "cov-with-zero-sum",
            f"cov={quote(cov)} and zero_sum=True cannot be combined.",
            "A sum of zero takes all levels as alike; a covariance between levels says how they differ.",
            "Drop one of the two.",
            formula=formula,
            span=call.span,
        )
    if cov is not None and len(names) > 1:
        raise FormulaError(
            "cov-of-nested",
            f"{unparse(factor)} makes the factors {' and '.join(map(':'.join, names))}.",
            f"The covariance {quote(cov)} belongs to the levels of one factor.",
            "Write one term for each: (1 | gr(a, cov=K)) + (1 | a:b).",
            formula=formula,
            span=factor.span,
        )
    return names, {"zero_sum": zero_sum, "dist": dist, "cov": cov, "by": by}


def _by(call: Call, formula: str) -> str | None:
    node = dict(call.keywords).get("by")
    if node is None or isinstance(node, Column):
        return node.name if node else None
    raise FormulaError(
        "by-not-a-column",
        f"Found by = {unparse(node)}.",
        "A column of categories was needed, the same in all rows of a level.",
        "Write by=f, without quotes.",
        formula=formula,
        span=node.span,
    )


def _dist(call: Call, formula: str) -> str:
    node = dict(call.keywords).get("dist", Text("normal"))
    return one_of(node, "dist", "The distribution of effects", DISTRIBUTIONS, formula)


def _cov(call: Call, formula: str) -> str | None:
    node = dict(call.keywords).get("cov")
    if node is None:
        return None
    if isinstance(node, Column):
        return node.name
    raise FormulaError(
        "cov-not-a-name",
        f"Found cov = {unparse(node)}.",
        "The name of a matrix was needed, without quotes.",
        'Write cov=K, and give the matrix to the model: covariances={"K": matrix}.',
        formula=formula,
        span=node.span,
    )


def latent_terms(calls: Sequence[Call], columns: tuple[str, ...], formula: str) -> tuple[LatentTerm, ...]:
    """Return the latent terms of a formula.

    Parameters
    ----------
    calls : sequence of Call
        The calls of ``latent`` among the terms.
    columns : tuple of str
        The columns that the other parts of the formula name.
    formula : str

    Raises
    ------
    FormulaError
        If a call holds something else than a name and a factor, or a name is taken.
    """
    found = [_latent(call, formula) for call in calls]
    used = {*columns, *(column for term, _ in found for column in term.factor)}
    seen = set()
    for term, at in found:
        if term.name in used:
            raise FormulaError(
                "latent-is-column",
                f"The latent quantity {term.name!r} is called like a column of the formula.",
                "A name of its own was needed: it has no values in the table.",
                "Rename it.",
                formula=formula,
                span=at,
            )
        if term.name in seen:
            raise FormulaError(
                "term-twice",
                f"The latent quantity {term.name!r} is there twice.",
                "Each is named once.",
                "Remove one of the two, or rename it.",
                formula=formula,
                span=term.span,
            )
        seen.add(term.name)
    return tuple(term for term, _ in found)


def _latent(call: Call, formula: str) -> tuple[LatentTerm, tuple[int, int]]:
    """Return one term, and where its name stands."""
    bar = _latent_bar(call, formula)
    name = _latent_name(bar.effects, formula)
    factor = crossed(bar.factor, formula, "right of the bar of latent(...)")
    return LatentTerm(name, factor, span=call.span), bar.effects.span


def _latent_bar(call: Call, formula: str) -> Bar:
    bar = call.arguments[0] if len(call.arguments) == 1 and not call.keywords else None
    if isinstance(bar, Bar) and bar.correlated and not bar.id:
        return bar
    raise FormulaError(
        "term-arguments",
        f"Found {unparse(call)}.",
        "latent(...) takes a name, one bar and a grouping factor.",
        "Write latent(u | g).",
        formula=formula,
        span=call.span,
    )


def _latent_name(node: Node, formula: str) -> str:
    if isinstance(node, Column) and quote(node.name) == node.name:
        return node.name
    raise FormulaError(
        "latent-name",
        f"Found {unparse(node)} left of the bar of latent(...).",
        "A bare name was needed: letters, digits and underscores.",
        "Write latent(u | g); slopes and several quantities are terms of their own.",
        formula=formula,
        span=node.span,
    )
