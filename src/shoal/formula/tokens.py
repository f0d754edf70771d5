"""Text of a formula -> tokens. Nothing that could be code beyond a formula's few signs gets through."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise

from shoal.errors import FormulaError
from shoal.formula.suggestions import rewrite, write

MAX_CHARACTERS = 10_000
MAX_TOKENS = 4_000
# canonical text names every term of an expansion, and may be this many times longer
EXPANSION = 20


class Kind(Enum):
    """What a token is."""

    NAME = "name"
    QUOTED = "name between backticks"
    DOTTED = "name with a dot"
    NUMBER = "number"
    TEXT = "string"
    SIGN = "sign"
    END = "end of the formula"


@dataclass(frozen=True, slots=True)
class Token:
    """One token; `value` is what it stands for, `text` how it was written."""

    kind: Kind
    text: str
    value: str
    span: tuple[int, int]

    def is_sign(self, *signs: str) -> bool:
        """Whether the token is one of `signs`."""
        return self.kind is Kind.SIGN and self.text in signs

    def __str__(self) -> str:
        return self.kind.value if self.kind is Kind.END else repr(self.text)


NUMBER = r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?(?![\w.])"
_PATTERN = re.compile(
    rf"""
      (?P<space>  \s+ )
    | (?P<QUOTED> `[^`]+` )
    | (?P<DOTTED> [^\W\d]\w*(?:\.\w+)+ )
    | (?P<NAME>   [^\W\d]\w* | \.(?![\w.]) )
    | (?P<NUMBER> {NUMBER} )
    | (?P<TEXT>   "[^"\\\n]*" | '[^'\\\n]*' )
    | (?P<refused> [<>=!]=|:=|[<>] )
    | (?P<SIGN>   \*\*|\|\||[-~+*/:^|(),=\[\]{{}}] )
    """,
    re.VERBOSE,
)

_LEADING_DOT = re.compile(r"\.[^\W\d][\w.]*")
# Signs that word processors put in the place of others, and keyboards of other scripts.
_ALIKE = {
    "–": "-",
    "—": "-",
    "−": "-",
    "×": "*",
    "·": "*",
    "÷": "/",
    "～": "~",
    "∼": "~",
    "｜": "|",
    "∣": "|",
}
_ALIKE |= {"“": '"', "”": '"', "‘": "'", "’": "'", "´": "`", "（": "(", "）": ")", "＋": "+", "，": ","}
_REMEDIES = {
    "`": "Close the backtick; there must be a name inside.",
    '"': "Close the string with the same quote; it cannot hold a backslash or a line break.",
    "'": "Close the string with the same quote; it cannot hold a backslash or a line break.",
    "%": "Use : or * for interactions and / for nesting.",
}


def tokenize(text: str, *, expanded: bool = False) -> list[Token]:
    """Split a formula into tokens, the last of kind END.

    Parameters
    ----------
    text : str
    expanded : bool
        The text is the canonical one of an `Expression`, which may be longer.

    Raises
    ------
    FormulaError
        If the text is too long, or holds a sign that formulas do not have.
    """
    if not isinstance(text, str):
        raise FormulaError(
            "formula-not-text",
            f"The formula is of type {type(text).__name__}.",
            "A formula is text.",
            "For example 'y ~ x + (1 | g)'.",
        )
    scale = EXPANSION if expanded else 1
    if len(text) > scale * MAX_CHARACTERS:
        raise FormulaError(
            "formula-too-long",
            f"The formula has {len(text):,} characters.",
            f"At most {scale * MAX_CHARACTERS:,} are read.",
            "Compute some of its parts as columns of the table.",
        )
    tokens, position = [], 0
    while position < len(text):
        match = _PATTERN.match(text, position)
        if match is None or match.lastgroup == "refused":
            raise _refusal(text, position, match)
        position = match.end()
        if match.lastgroup != "space":
            tokens.append(_token(match))
        if len(tokens) > scale * MAX_TOKENS:
            raise FormulaError(
                "formula-too-long",
                f"The formula has more than {scale * MAX_TOKENS:,} tokens.",
                f"At most {scale * MAX_TOKENS:,} are read.",
                "Compute some of its parts as columns of the table.",
                formula=text,
                span=match.span(),
            )
    tokens.append(Token(Kind.END, "", "", (len(text), len(text))))
    return tokens


def place_of(column: str, text: str) -> tuple[int, int] | None:
    """Return where a formula names a column first, start and end in characters; None if it is nowhere."""
    for token, after in pairwise(tokenize(text)):
        if token.kind in (Kind.NAME, Kind.QUOTED) and token.value == column and not after.is_sign("("):
            return token.span
    return None


def _token(match: re.Match[str]) -> Token:
    kind, text = Kind[str(match.lastgroup)], match.group()
    value = text[1:-1] if kind in (Kind.QUOTED, Kind.TEXT) else text
    return Token(kind, text, value, match.span())


def _refusal(text: str, position: int, match: re.Match[str] | None) -> FormulaError:
    if text.startswith("<-", position):
        return FormulaError(
            "arrow",
            "Found '<-'.",
            "A response and its terms are joined by '~'.",
            rewrite(text, (position, position + 2), "~"),
            formula=text,
            span=(position, position + 2),
        )
    if match is not None:
        return FormulaError(
            "comparison-sign",
            f"Found the comparison or assignment {match.group()!r}.",
            "A formula has the signs ~ | || + - * / : ^ ** ( ) and functions.",
            "Compute the comparison as a column of the table.",
            formula=text,
            span=match.span(),
        )
    if (dotted := _LEADING_DOT.match(text, position)) is not None:
        return _leading_dot(text, dotted)
    character = text[position]
    if character.isdigit():
        end = position  # a number glued to letters
        while end < len(text) and (text[end].isalnum() or text[end] in "._"):
            end += 1
        found, remedy = text[position:end], "Start a name with a letter, or put it between backticks."
    else:
        end, found = position + 1, character
        remedy = _REMEDIES.get(character, "Remove it, or put the column's name between backticks.")
        if character in _ALIKE:
            remedy = write("".join(_ALIKE.get(sign, sign) for sign in text))
    return FormulaError(
        "unexpected-sign",
        f"Found {found!r}.",
        "A formula has names, numbers, functions and the signs ~ | || + - * / : ^ ** ( ).",
        remedy,
        formula=text,
        span=(position, end),
    )


def _leading_dot(text: str, match: re.Match[str]) -> FormulaError:
    """Return the error for ``.row``, which numbers the rows elsewhere, and for names like it."""
    name = match.group()
    rows = name == ".row"
    alone = not re.search(r"[\w`)\]]\s*$", text[: match.start()])  # a name may begin here
    return FormulaError(
        "leading-dot",
        f"Found {name!r}.",
        "A factor with a level for every row is a column that numbers the rows: "
        "data['row_id'] = range(len(data))."
        if rows
        else "If that is a column's name, it goes between backticks.",
        rewrite(text, match.span(), "row_id" if rows else f"`{name}`") if alone else "",
        formula=text,
        span=match.span(),
    )
