"""Text -> `Formula`; this file reads the response side, `grouping` the group terms and latent terms."""

from __future__ import annotations

from dataclasses import replace

from shoal.errors import FormulaError, nearest
from shoal.formula.algebra import expand
from shoal.formula.grouping import group_terms, latent_terms
from shoal.formula.options import flag, only_argument, without_options
from shoal.formula.reader import Reader
from shoal.formula.safety import Place, check
from shoal.formula.terms import Expression, Formula, ResponseTerm
from shoal.formula.tree import Call, Chain, Node, children, columns_of, unparse

_EXAMPLE = "For example 'y ~ x + (1 | g)'."


def parse(text: str) -> Formula:
    """Read a formula.

    Parameters
    ----------
    text : str
        For example ``"y | trials(n) ~ x * z + offset(o) + (1 + x | g) + latent(u | h)"``. Columns with
        unusual names stand between backticks.

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
    formula = Formula(
        text=text,
        response=_response(value, options, text),
        population=terms.expression(text, right.span),
        offsets=tuple(_expression(only_argument(call, text), text) for call in terms.offsets),
        groups=group_terms(terms.groups, text),
    )
    return replace(formula, latents=latent_terms(terms.latents, formula.columns, text))


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
            response = replace(response, se_sigma=flag(call, "sigma", text))
            call = without_options(call, ("sigma",), text)
        argument = _expression(only_argument(call, text), text)
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
