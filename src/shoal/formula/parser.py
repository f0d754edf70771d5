"""Text -> `Formula`; this file reads the response side, `grouping` the group terms and latent terms."""

from __future__ import annotations

import re
from dataclasses import replace

from shoal.errors import FormulaError, nearest
from shoal.formula.algebra import expand
from shoal.formula.curves import curve_terms
from shoal.formula.dialects import arithmetic, response_parts
from shoal.formula.grouping import group_terms, latent_terms
from shoal.formula.imputed import imputed_terms
from shoal.formula.options import flag, only_argument, without_options
from shoal.formula.reader import Reader
from shoal.formula.safety import Place, check
from shoal.formula.suggestions import rewrite, write
from shoal.formula.terms import Expression, Formula, ResponseTerm
from shoal.formula.tree import Call, Chain, Column, Listing, Node, Number, Text, children, columns_of, unparse

_OPTIONS = ("trials", "se", "weights", "mi")
_ABSENT_OPTIONS = {
    "cens": "censored responses",
    "trunc": "truncated responses",
    "cat": "categories known to some raters alone",
    "thres": "thresholds of several scales",
    "subset": "subsets of rows",
}
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
        offsets=_offsets(terms.offsets, text),
        groups=group_terms(terms.groups, text),
        curves=curve_terms(terms.curves, text),
        imputed=imputed_terms(terms.imputed, text),
    )
    return replace(formula, latents=latent_terms(terms.latents, formula.columns, text))


def parse_predictor(text: str, parameter: str, of: Formula) -> Formula:
    """Read the linear predictor of a parameter of a response's family, such as ``"~ z + (1 | g)"``.

    Parameters
    ----------
    parameter : str
        Its name, which may stand left of ``~``.
    of : Formula
        That of the response.

    Returns
    -------
    Formula
        With the response of `of`.

    Raises
    ------
    FormulaError
    """
    given: object = text  # by callers without types
    if not isinstance(given, str):
        raise FormulaError(f"The predictor of {parameter!r} is {given!r}.", "A text such as '~ z + (1 | g)'.")
    left, tilde, right = text.partition("~")
    if not tilde:
        raise FormulaError(
            f"The predictor of {parameter!r} has no '~'.", "A text such as '~ z + (1 | g)'.", formula=text
        )
    if left.strip() not in ("", parameter):
        raise FormulaError(
            f"The predictor of {parameter!r} has {left.strip()!r} left of '~'.",
            f"Nothing, or {parameter!r}.",
            write(f"~{right}"),
            formula=text,
            span=(0, len(left.rstrip())),
        )
    return replace(parse(f"{parameter} ~{right}"), response=of.response)


def _offsets(calls: tuple[Call, ...], text: str) -> tuple[Expression, ...]:
    """Return the offsets, each of which is added once."""
    found = tuple(_expression(only_argument(call, text), text) for call in calls)
    for number, offset in enumerate(found):
        if offset.text in [other.text for other in found[:number]]:
            raise FormulaError(
                f"offset({offset.text}) is there twice, and would be added twice.",
                "Each offset once.",
                f"Leave one out; if twice is meant, write offset(2 * ({offset.text})).",
                formula=text,
                span=calls[number].span,
            )
    return found


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
    if reader.token.is_sign("="):
        joined = rewrite(reader.text, reader.token.span, "~")
        raise reader.error("Found '='.", "A response and its terms are joined by '~'.", joined)
    if isinstance(value, Column) and (opening := reader.take("[")):
        raise _subscript(value, reader.listing(opening), reader.text)
    raise reader.unexpected("An operator or '~' was needed.")


def _read_right(reader: Reader) -> Node:
    if reader.at_end():
        raise reader.error(
            "There is nothing right of '~'.", "At least 1, the intercept, was needed.", _EXAMPLE
        )
    right = reader.chain()
    if reader.token.is_sign("|", "||"):
        raise _bare_bar(reader, right)
    if reader.token.is_sign(","):
        raise reader.error(
            "Found ','.",
            "The formula ends here; what follows is an argument of its own: Model(formula, data, family).",
            write(reader.text[: right.span[1]]),
        )
    if not reader.at_end():
        raise reader.unexpected("An operator, or the end, was needed.")
    return right


def _subscript(column: Column, levels: Listing, text: str) -> FormulaError:
    """Return the error for ``y['Yes'] ~ x``, whose response is y == 'Yes' in Bambi."""
    level = levels.items[0] if levels.items else column
    own, value = f"data[{column.name!r}]", level.value if isinstance(level, Text | Number) else unparse(level)
    return FormulaError(
        f"Found a subscript of {unparse(column)}.",
        "Subscripts are not part of a formula; a response of zeros and ones was needed: "
        f"{own} = ({own} == {value!r}).astype(int).",
        rewrite(text, levels.span, ""),
        formula=text,
        span=levels.span,
    )


def _bare_bar(reader: Reader, right: Node) -> FormulaError:
    """Return the error for ``y ~ x | g``, which elsewhere means that x has a slope in each level of g."""
    before, bar, after = reader.text[: right.span[1]], reader.token.text, reader.text[reader.token.span[1] :]
    effects = before[right.span[0] :]
    return reader.error(
        "Found a bar without parentheses.",
        "A group term stands in parentheses.",
        write(f"{before} + ({effects} {bar} {after.strip()})")
        if re.fullmatch(r"\s*[\w.`:/]+\s*", after) and "|" not in effects
        else "Write (1 + x | g).",
    )


def _expression(node: Node, text: str) -> Expression:
    """Return arithmetic that is computed row by row, checked."""
    node = arithmetic(node)
    check(node, Place.ELEMENTWISE, text)
    return Expression(unparse(node), columns_of(node), node.span)


def _response(value: Node, options: Node | None, text: str) -> ResponseTerm:
    value, around = response_parts(value)
    given = {name: _expression(node, text) for name, node in around.items()}
    response = ResponseTerm(_expression(value, text), given.get("trials"), weights=given.get("weights"))
    if not response.value.columns:
        raise FormulaError(
            "The response names no column.", "A column was needed.", formula=text, span=value.span
        )
    for call in _option_calls(options, text):
        if getattr(response, call.function) not in (None, False):
            raise FormulaError(
                f"{call.function}(...) is given twice.", "Give it once.", formula=text, span=call.span
            )
        if call.function == "mi":
            given_se = _expression(only_argument(call, text), text) if call.arguments else None
            response = replace(response, mi=True, mi_se=given_se)
            continue
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
    if options is None:
        return []
    joined = isinstance(options, Chain) and set(options.signs) == {"+"}
    operands = children(options) if joined else (options,)
    calls = []
    for operand in operands:
        if isinstance(operand, Call) and operand.function == "rate":
            raise _rate(operand, [o for o in operands if o is not operand], text)
        if not (isinstance(operand, Call) and operand.function in _OPTIONS):
            raise _no_option(operand, text)
        calls.append(operand)
    return calls


def _no_option(node: Node, text: str) -> FormulaError:
    """Return the error for what stands after the bar of a response and is no option."""
    found, needed = f"Found {unparse(node)} after the bar of the response.", ""
    remedy = "Write y | trials(n) + se(s) + weights(w) ~ x, with any of the three, joined by '+'."
    if isinstance(node, Call):
        needed = nearest(node.function, _OPTIONS)
        if node.function in _ABSENT_OPTIONS:
            found = f"Found {unparse(node)}: {_ABSENT_OPTIONS[node.function]} are not available yet."
    if isinstance(node, Column):
        needed = (
            "What it is was needed: " + " or ".join(f"{option}({unparse(node)})" for option in _OPTIONS) + "."
        )
        remedy = rewrite(text, node.span, f"trials({unparse(node)})")
    return FormulaError(found, needed, remedy, formula=text, span=node.span)


def _rate(call: Call, others: list[Node], text: str) -> FormulaError:
    """Return the error for ``y | rate(t)``, which is an offset."""
    exposure = unparse(only_argument(call, text))
    bar, tilde = text.index("|"), text.index("~", call.span[1])
    options = f" | {' + '.join(map(unparse, others))}" if others else ""
    line = f"{text[:bar].rstrip()}{options} ~ {text[tilde + 1 :].strip()} + offset(log({exposure}))"
    return FormulaError(
        f"Found {unparse(call)} after the bar of the response.",
        f"With a log link, counts during {exposure} have the offset log({exposure}).",
        write(line),
        formula=text,
        span=call.span,
    )
