"""MathML Core, which browsers typeset without help: elements, and what families print as mathematics."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from markupsafe import Markup

# Signs and functions as they are printed, and as they are written.
SIGNS = {"<=": "≤", ">=": "≥", "-": "−", "*": "⋅"}
FUNCTIONS = {
    "expit": Markup("<mi>logit⁻¹</mi>"),
    "Phi": Markup('<mi mathvariant="normal">Φ</mi>'),
    "exp": Markup("<mi>exp</mi>"),
}
SPACE = Markup('<mspace width="0.3em"></mspace>')
_TOKEN = re.compile(r"[A-Za-z_]\w*|\d+(?:\.\d+)?|<=|>=|[^\s\w]")


def name(text: str) -> Markup:
    """Return a variable of one or more letters."""
    return Markup("<mi>{}</mi>").format(text)


def words(text: object) -> Markup:
    """Return upright text, such as the name of a column."""
    return Markup("<mtext>{}</mtext>").format(text)


def sign(text: str) -> Markup:
    """Return an operator."""
    return Markup("<mo>{}</mo>").format(text)


def relation(text: str) -> Markup:
    """Return an operator with space on both sides, also where a piece begins or ends with it."""
    return Markup('<mo form="infix">{}</mo>').format(text)


def number(text: object) -> Markup:
    """Return a number."""
    return Markup("<mn>{}</mn>").format(text)


def row(*parts: Markup) -> Markup:
    """Return parts side by side."""
    return parts[0] if len(parts) == 1 else Markup("<mrow>{}</mrow>").format(Markup("").join(parts))


def sub(base: Markup, index: Markup) -> Markup:
    """Return `base` with an index below."""
    return Markup("<msub>{}{}</msub>").format(base, index)


def sup(base: Markup, index: Markup) -> Markup:
    """Return `base` with an index, or a power, above."""
    return Markup("<msup>{}{}</msup>").format(base, index)


def subsup(base: Markup, below: Markup, above: Markup) -> Markup:
    """Return `base` with one index below and one above."""
    return Markup("<msubsup>{}{}{}</msubsup>").format(base, below, above)


def root(inside: Markup) -> Markup:
    """Return a square root."""
    return Markup("<msqrt>{}</msqrt>").format(inside)


def enclosed(inside: Markup, left: str = "(", right: str = ")") -> Markup:
    """Return `inside` between brackets that keep their size."""
    form = Markup('<mrow><mo stretchy="false">{}</mo>{}<mo stretchy="false">{}</mo></mrow>')
    return form.format(left, inside, right)


def listed(parts: Sequence[Markup]) -> Markup:
    """Return parts with commas between."""
    separated = [piece for part in parts for piece in (sign(","), part)]
    return row(*separated[1:])


def math(*parts: Markup) -> Markup:
    """Return one formula, which is not broken into lines."""
    return Markup("<math>{}</math>").format(Markup("").join(parts))


def expression(text: str, symbols: Mapping[str, Markup]) -> Markup:
    """Return what a family prints of its distribution as mathematics.

    Parameters
    ----------
    text : str
        Such as ``Normal(eta, sqrt(se^2 + sigma^2))``: names, numbers, signs, calls, ``^`` and ``[ ]``.
    symbols : mapping
        Names that stand for quantities; the others are printed as they are.

    Raises
    ------
    ValueError
        A bracket without its partner.
    """
    tokens = iter(_TOKEN.findall(text))
    return row(*_until("", tokens, symbols))


def _until(end: str, tokens: Iterator[str], symbols: Mapping[str, Markup]) -> list[Markup]:
    """Return the parts up to the token `end`, or to the end of the text if that is empty."""
    parts: list[Markup] = []
    previous = ""
    for token in tokens:
        if token == end:
            return parts
        if token == "^":
            parts.append(sup(parts.pop(), _word(next(tokens), symbols)))
        elif token == "[":
            parts.append(sub(parts.pop(), row(*_until("]", tokens, symbols))))
        elif token == "(":
            inside = row(*_until(")", tokens, symbols))
            if parts and parts[-1] == name("sqrt"):
                parts[-1] = root(inside)
            else:
                parts.append(enclosed(inside))
        else:
            beside = bool(parts) and previous.isidentifier() and token.isidentifier()
            parts += [SPACE, _word(token, symbols)] if beside else [_word(token, symbols)]
        previous = token
    if end:
        raise ValueError(f"There is no {end!r} to the bracket before it.")
    return parts


def _word(token: str, symbols: Mapping[str, Markup]) -> Markup:
    if token in symbols:
        return symbols[token]
    if token in FUNCTIONS:
        return FUNCTIONS[token]
    if token[0].isdigit():
        return number(token)
    return name(token) if token[0].isalpha() else sign(SIGNS.get(token, token))
