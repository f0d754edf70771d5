"""Text -> `Formula`: `additions` reads what follows the bar of a response, `grouping` the group terms."""

from __future__ import annotations

import re
from dataclasses import replace

from shoal.errors import FormulaError
from shoal.formula.additions import elementwise, with_additions
from shoal.formula.algebra import expand
from shoal.formula.curves import curve_terms
from shoal.formula.dialects import response_columns, response_parts, total
from shoal.formula.formula import Formula
from shoal.formula.grouping import group_terms, latent_terms
from shoal.formula.imputed import imputed_terms
from shoal.formula.options import only_argument
from shoal.formula.reader import Reader
from shoal.formula.residuals import residual_term
from shoal.formula.specific import specific_terms
from shoal.formula.suggestions import rewrite, write
from shoal.formula.terms import Expression, ResponseTerm
from shoal.formula.tree import Call, Column, Listing, Node, Number, Text, unparse

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
    response = _response(value, options, text)
    formula = Formula(
        text=text,
        response=response,
        population=terms.expression(text, right.span),
        offsets=_offsets(terms.offsets, response, text),
        groups=group_terms(terms.groups, text),
        curves=curve_terms(terms.curves, text),
        imputed=imputed_terms(terms.imputed, text),
        residuals=residual_term(terms.residuals, text),
        specific=specific_terms(terms.specific, text),
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
        raise FormulaError(
            "parameter-predictor",
            f"The predictor of {parameter!r} is {given!r}.",
            "A text such as '~ z + (1 | g)', or a number, to hold it at.",
        )
    left, tilde, right = text.partition("~")
    if not tilde:
        raise FormulaError(
            "parameter-predictor",
            f"The predictor of {parameter!r} has no '~'.",
            "A text such as '~ z + (1 | g)'.",
            formula=text,
        )
    if left.strip() not in ("", parameter):
        raise FormulaError(
            "parameter-predictor",
            f"The predictor of {parameter!r} has {left.strip()!r} left of '~'.",
            f"Nothing, or {parameter!r}.",
            write(f"~{right}"),
            formula=text,
            span=(0, len(left.rstrip())),
        )
    return replace(parse(f"{parameter} ~{right}"), response=of.response)


def _offsets(calls: tuple[Call, ...], response: ResponseTerm, text: str) -> tuple[Expression, ...]:
    """Return the offsets, each of which is added once, and the logarithm of an exposure."""
    found = tuple(elementwise(only_argument(call, text), text) for call in calls)
    for number, offset in enumerate(found):
        if offset.text in [other.text for other in found[:number]]:
            raise FormulaError(
                "term-twice",
                f"offset({offset.text}) is there twice, and would be added twice.",
                "Each offset once.",
                f"Leave one out; if twice is meant, write offset(2 * ({offset.text})).",
                formula=text,
                span=calls[number].span,
            )
    if response.rate is None:
        return found
    exposure = replace(response.rate, text=f"log({response.rate.text})")
    if exposure in found:
        raise FormulaError(
            "term-twice",
            f"rate({response.rate.text}) and offset({exposure.text}) are the same, and would be added twice.",
            "One of them.",
            formula=text,
            span=response.rate.span,
        )
    return (*found, exposure)


def _read_response(reader: Reader) -> tuple[Node, Node | None]:
    """Read ``y | trials(n) + ...`` and the ``~`` after it."""
    if reader.at_end():
        raise reader.error(
            "formula-empty", "The formula is empty.", "A response, '~' and terms were needed.", _EXAMPLE
        )
    if reader.token.is_sign("~"):
        raise reader.error("no-response", "There is nothing left of '~'.", "A response was needed.", _EXAMPLE)
    value, options = reader.chain(), None
    if reader.take("|"):
        options = reader.chain()
    elif reader.token.is_sign("||"):
        raise reader.error(
            "response-bar", "Found '||' left of '~'.", "One bar was needed: y | trials(n) ~ x."
        )
    if reader.take("~"):
        return value, options
    if reader.at_end():
        raise reader.error("no-tilde", "There is no '~'.", "A response, '~' and terms were needed.", _EXAMPLE)
    if reader.token.is_sign("|", "||"):
        raise reader.error(
            "response-bar",
            "Found a second bar left of '~'.",
            "Join with '+': y | trials(n) + weights(w) ~ x.",
        )
    if reader.token.is_sign("="):
        joined = rewrite(reader.text, reader.token.span, "~")
        raise reader.error("equals-sign", "Found '='.", "A response and its terms are joined by '~'.", joined)
    if isinstance(value, Column) and (opening := reader.take("[")):
        raise _subscript(value, reader.listing(opening), reader.text)
    raise reader.unexpected("An operator or '~' was needed.")


def _read_right(reader: Reader) -> Node:
    if reader.at_end():
        raise reader.error(
            "no-terms", "There is nothing right of '~'.", "At least 1, the intercept, was needed.", _EXAMPLE
        )
    right = reader.chain()
    if reader.token.is_sign("|", "||"):
        raise _bare_bar(reader, right)
    if reader.token.is_sign(","):
        raise _comma(reader, right)
    if not reader.at_end():
        raise reader.unexpected("An operator, or the end, was needed.")
    return right


def _comma(reader: Reader, right: Node) -> FormulaError:
    """Return the error for ``y ~ x, sigma ~ z``, or for an argument that is inside the quotes."""
    rest = reader.text[reader.token.span[1] :]
    parts = [[side.strip() for side in part.split("~")] for part in rest.split(",")]
    own = "Model(formula, data, family)"
    if all(len(part) == 2 and part[0].isidentifier() for part in parts):
        given = ", ".join(f"{name!r}: {'~ ' + terms!r}" for name, terms in parts)
        own = f"Model(formula, data, predictors={{{given}}})"
    return reader.error(
        "comma",
        "Found ','.",
        f"The formula ends here; what follows is an argument of its own: {own}.",
        write(reader.text[: right.span[1]]),
    )


def _subscript(column: Column, levels: Listing, text: str) -> FormulaError:
    """Return the error for ``y['Yes'] ~ x``, whose response is y == 'Yes' in Bambi."""
    level = levels.items[0] if levels.items else column
    own, value = f"data[{column.name!r}]", level.value if isinstance(level, Text | Number) else unparse(level)
    return FormulaError(
        "subscript",
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
        "bar-without-parentheses",
        "Found a bar without parentheses.",
        "A group term stands in parentheses.",
        write(f"{before} + ({effects} {bar} {after.strip()})")
        if re.fullmatch(r"\s*[\w.`:/]+\s*", after) and "|" not in effects
        else "Write (1 + x | g).",
    )


def _response(value: Node, options: Node | None, text: str) -> ResponseTerm:
    columns = response_columns(value)
    if len(columns) > 1:
        each = tuple(elementwise(column, text) for column in columns)
        names = tuple(dict.fromkeys(name for column in each for name in column.columns))
        response = ResponseTerm(Expression(unparse(value), names, value.span), columns=each)
    else:
        value, around = response_parts(value)
        given = {name: elementwise(node, text) for name, node in around.items()}
        response = ResponseTerm(elementwise(value, text), given.get("trials"), weights=given.get("weights"))
    if not response.value.columns:
        raise FormulaError(
            "no-response",
            "The response names no column.",
            "A column was needed.",
            formula=text,
            span=value.span,
        )
    response = with_additions(response, options, text)
    if response.columns and response.trials is None:
        response = replace(response, trials=elementwise(total(columns), text))
    return response
