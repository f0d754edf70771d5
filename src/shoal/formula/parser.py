"""Text -> `Formula`: the response side, the population part, the group terms."""

from __future__ import annotations

from dataclasses import replace
from typing import NoReturn

from shoal.errors import FormulaError, nearest
from shoal.formula.algebra import Sum, expand
from shoal.formula.options import literal
from shoal.formula.reader import Reader
from shoal.formula.safety import Place, check
from shoal.formula.terms import Expression, Formula, GroupTerm, ResponseTerm
from shoal.formula.tree import Bar, Call, Chain, Column, Node, children, columns_of, unparse

_EXAMPLE = "For example 'y ~ x + (1 | g)'."


def parse(text: str) -> Formula:
    """Read a formula.

    Parameters
    ----------
    text : str
        For example ``"y | trials(n) ~ x * z + offset(o) + (1 + x | g)"``. Columns with unusual names stand
        between backticks.

    Returns
    -------
    Formula
        Its expressions hold canonical text: operators of the population part and of bars are expanded into
        terms, with an explicit intercept, ``1 + x`` or ``0 + x``.

    Raises
    ------
    FormulaError
        If the text is not a formula, or names anything but columns and listed functions. The message marks
        the token.
    """
    reader = Reader(text)
    value, options = _read_response(reader)
    right = _read_right(reader)
    terms = expand(right, text)
    return Formula(
        text=text,
        response=_response(value, options, text),
        population=terms.expression(text, right.span),
        offsets=tuple(_expression(_only_argument(call, text), text) for call in terms.offsets),
        groups=_groups(terms, text),
    )


def _read_response(reader: Reader) -> tuple[Node, Node | None]:
    """Read ``y | trials(n) + ...`` and the ``~`` after it."""
    if reader.at_end():
        raise reader.error("The formula is empty.", "A response, '~' and terms were needed.", _EXAMPLE)
    if reader.token.is_sign("~"):
        raise reader.error("There is nothing left of '~'.", "A response was needed.", _EXAMPLE)
    value, options = reader.chain(), None
    if reader.take("|"):
        options = reader.chain()
    elif reader.token.is_sign("||"):
        raise reader.error("Found '||' left of '~'.", "One bar was needed: y | trials(n) ~ x.")
    if reader.take("~"):
        return value, options
    if reader.at_end():
        raise reader.error("There is no '~'.", "A response, '~' and terms were needed.", _EXAMPLE)
    if reader.token.is_sign("|", "||"):
        raise reader.error(
            "Found a second bar left of '~'.", "Join with '+': y | trials(n) + weights(w) ~ x."
        )
    raise reader.unexpected("An operator or '~' was needed.")


def _read_right(reader: Reader) -> Node:
    if reader.at_end():
        raise reader.error(
            "There is nothing right of '~'.", "At least 1, the intercept, was needed.", _EXAMPLE
        )
    right = reader.chain()
    if reader.token.is_sign("|", "||"):
        raise reader.error(
            "Found a bar without parentheses.", "A group term stands in parentheses.", "Write (1 + x | g)."
        )
    if not reader.at_end():
        raise reader.unexpected("An operator, or the end, was needed.")
    return right


def _expression(node: Node, text: str) -> Expression:
    """Return arithmetic that is computed row by row, checked."""
    check(node, Place.ELEMENTWISE, text)
    return Expression(unparse(node), columns_of(node), node.span)


def _only_argument(call: Call, text: str) -> Node:
    if len(call.arguments) != 1 or call.keywords:
        raise FormulaError(
            f"Found {unparse(call)}.",
            f"{call.function}(...) takes one argument.",
            formula=text,
            span=call.span,
        )
    return call.arguments[0]


def _response(value: Node, options: Node | None, text: str) -> ResponseTerm:
    response = ResponseTerm(_expression(value, text))
    if not response.value.columns:
        raise FormulaError(
            "The response names no column.", "A column was needed.", formula=text, span=value.span
        )
    for call in _option_calls(options, text):
        if getattr(response, call.function) is not None:
            raise FormulaError(
                f"{call.function}(...) is given twice.", "Give it once.", formula=text, span=call.span
            )
        if call.function == "se":
            call, sigma = _without_flag(call, "sigma", text)
            response = replace(response, se_sigma=sigma)
        argument = _expression(_only_argument(call, text), text)
        if call.function == "trials":
            response = replace(response, trials=argument)
        elif call.function == "se":
            response = replace(response, se=argument)
        else:
            response = replace(response, weights=argument)
    return response


def _option_calls(options: Node | None, text: str) -> list[Call]:
    """Return the calls of ``trials(n) + se(s) + weights(w)``."""
    known = ("trials", "se", "weights")
    if options is None:
        return []
    joined = isinstance(options, Chain) and set(options.signs) == {"+"}
    calls = []
    for operand in children(options) if joined else (options,):
        if not (isinstance(operand, Call) and operand.function in known):
            raise FormulaError(
                f"Found {unparse(operand)} after the bar of the response.",
                nearest(operand.function, known) if isinstance(operand, Call) else "",
                "Write y | trials(n) + se(s) + weights(w) ~ x, with any of the three, joined by '+'.",
                formula=text,
                span=operand.span,
            )
        calls.append(operand)
    return calls


def _without_flag(call: Call, name: str, text: str) -> tuple[Call, bool]:
    """Take ``name=True`` or ``name=False`` out of a call; return the rest and the flag."""
    flag = False
    for key, node in call.keywords:
        if key != name:
            raise FormulaError(
                f"{call.function}(...) has no argument {key!r}.",
                nearest(key, [name]),
                formula=text,
                span=node.span,
            )
        given = literal(node, text)
        if not isinstance(given, bool):
            raise FormulaError(
                f"Found {name} = {unparse(node)}.", "True or False was needed.", formula=text, span=node.span
            )
        flag = given
    return replace(call, keywords=()), flag


def _groups(terms: Sum, text: str) -> tuple[GroupTerm, ...]:
    groups: list[GroupTerm] = []
    seen = set()
    for bar in terms.groups:
        for group in _group_terms(bar, text):
            key = (group.effects, frozenset(group.factor))
            if key in seen:
                raise FormulaError(
                    f"The group term ({group.effects.text} | {group.name}) is there twice.",
                    "Each effect of a grouping factor is named once.",
                    "Remove one of the two.",
                    formula=text,
                    span=group.span,
                )
            seen.add(key)
            groups.append(group)
    return tuple(groups)


def _group_terms(bar: Bar, text: str) -> list[GroupTerm]:
    effects = expand(bar.effects, text, outermost=False)
    if not (effects.intercept or effects.terms):
        raise FormulaError(
            "There are no effects left of the bar.",
            "For example 1, or 0 + x.",
            formula=text,
            span=bar.effects.span,
        )
    factor, zero_sum = bar.factor, False
    if isinstance(factor, Call) and factor.function == "gr":
        factor, zero_sum = _without_flag(factor, "zero_sum", text)
        factor = _only_argument(factor, text)
    expression = effects.expression(text, bar.effects.span)
    return [
        GroupTerm(expression, names, bar.correlated, zero_sum, span=bar.span)
        for names in _factors(factor, text)
    ]


def _factors(node: Node, text: str) -> list[tuple[str, ...]]:
    """Return the grouping factors of ``g``, ``a:b`` or ``a/b``, which is a and a:b."""
    if isinstance(node, Column):
        return [(node.name,)]
    if not isinstance(node, Chain) or node.level == 1 or "*" in node.signs:
        _refuse_factor(node, text)
    result = _factors(node.operands[0], text)
    for sign, operand in zip(node.signs, node.operands[1:], strict=True):
        inner = _factors(operand, text)
        if sign == "/":
            result = result + [(*result[-1], *names) for names in inner]
        elif len(result) == len(inner) == 1:
            result = [(*result[0], *inner[0])]
        else:
            _refuse_factor(node, text)
    for names in result:
        if len(set(names)) < len(names):
            raise FormulaError(
                f"The grouping factor {':'.join(names)} names a column twice.",
                "Each column was needed once.",
                formula=text,
                span=node.span,
            )
    return result


def _refuse_factor(node: Node, text: str) -> NoReturn:
    raise FormulaError(
        f"Found {unparse(node)} right of a bar.",
        "A grouping factor is a column g, a combination a:b, nesting a/b, or gr(g, zero_sum=True).",
        "For crossed factors write two terms: (1 | a) + (1 | b).",
        formula=text,
        span=node.span,
    )
