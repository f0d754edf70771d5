"""Text of a hypothesis -> tokens. Names are those of the fit; nothing that could be code gets through."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from shoal.errors import FormulaError, nearest
from shoal.estimands.hypotheses.names import Labelled, Names, Quantity
from shoal.formula.suggestions import rewrite
from shoal.formula.tokens import NUMBER

MAX_CHARACTERS = 2_000
FUNCTIONS = ("log", "log2", "log10", "log1p", "exp", "expm1", "sqrt", "abs", "tanh")
RELATIONS = {"<": "<", "<=": "<", ">": ">", ">=": ">", "=": "=", "==": "="}
SIGNS = "A hypothesis has names, numbers, + - * / ^ ( ), functions such as exp, and one of < > =."
EXAMPLE = "For example 'x > 0'."


class Kind(Enum):
    """What a token is."""

    QUANTITY = "name"
    FUNCTION = "function"
    NUMBER = "number"
    SIGN = "sign"
    RELATION = "relation"
    END = "end of the hypothesis"


@dataclass(frozen=True, slots=True)
class Token:
    """One token; `quantity` is what a name stands for."""

    kind: Kind
    text: str
    span: tuple[int, int]
    quantity: Quantity | None = None

    def is_sign(self, *signs: str) -> bool:
        """Whether the token is one of `signs`."""
        return self.kind is Kind.SIGN and self.text in signs

    def __str__(self) -> str:
        return f"the {self.kind.value}" if self.kind is Kind.END else repr(self.text)


_NUMBER = re.compile(NUMBER)
_PATTERN = re.compile(
    rf"""
      (?P<space>    \s+ )
    | (?P<refused>  != | <> | ~=? | [<>=]{{3,}} | =[<>] )
    | (?P<RELATION> [<>]=? | ==? )
    | (?P<NUMBER>   {NUMBER} )
    | (?P<SIGN>     \*\* | [-+*/^()] )
    """,
    re.VERBOSE,
)
_NAME = re.compile(r"`[^`]*`|[^\W\d]\w*(?:\.\w+)*")
_CALLED = re.compile(r"\s*\(")


def tokenize(text: str, names: Names) -> list[Token]:
    """Split a hypothesis into tokens, the last of kind END.

    Raises
    ------
    FormulaError
        If the text is too long, holds a sign that hypotheses do not have, or names what the fit does not.
    """
    if not isinstance(text, str):
        raise FormulaError(
            "hypothesis-not-text", f"A hypothesis is of type {type(text).__name__}.", "It is text.", EXAMPLE
        )
    if len(text) > MAX_CHARACTERS:
        raise FormulaError(
            "hypothesis-too-long",
            f"The hypothesis has {len(text):,} characters.",
            f"At most {MAX_CHARACTERS:,} are read.",
            "Compute from the draws, fit.to_frame(), what takes more.",
        )
    tokens, position = list[Token](), 0
    while position < len(text):
        token = _name(text, position, names) or _other(text, position)
        position = token.span[1]
        if token.text.strip():
            tokens.append(token)
    return [*tokens, Token(Kind.END, "", (len(text), len(text)))]


def _other(text: str, position: int) -> Token:
    match = _PATTERN.match(text, position)
    if match is None or match.lastgroup == "refused":
        raise _refusal(text, position, match)
    kind = Kind.SIGN if match.lastgroup == "space" else Kind[str(match.lastgroup)]
    return Token(kind, match.group(), match.span())


def _name(text: str, position: int, names: Names) -> Token | None:
    """Read a name, the longest that the fit has; or that of a function, which has parentheses.

    What could be a number is one: columns that are called so stand between backticks.
    """
    if _NUMBER.match(text, position):
        return None
    word = _NAME.match(text, position)
    called = word is not None and _CALLED.match(text, word.end())
    found = names.begin(text, position)
    if word is not None and called and word.group() in FUNCTIONS and (not found or found[1] <= word.end()):
        return Token(Kind.FUNCTION, word.group(), word.span())
    if found is not None:
        return _quantity(text, position, *found, names)
    if word is None:
        return None
    if (one := names.printed(word.group().strip("`"))) is not None:
        return Token(Kind.QUANTITY, word.group(), word.span(), one)
    raise _unknown(text, word, bool(called), names)


def _quantity(text: str, start: int, variable: Labelled, end: int, names: Names) -> Token:
    """Read the labels of a variable's number, and return its token."""
    if not text.startswith("[", end):
        if (only := variable.only) is not None:
            return Token(Kind.QUANTITY, text[start:end], (start, end), only)
        rows = variable.printed
        raise FormulaError(
            "label-not-named",
            f"{variable.name} has {len(rows):,} numbers.",
            "The label of one of them.",
            f"Such as {rows[0]}.",
            formula=text,
            span=(start, end),
        )
    closing = [i for i, sign in enumerate(text[end:], end) if sign == "]"]
    for close in closing:  # a label may hold brackets itself
        if (one := variable.find(text[end + 1 : close])) is not None:
            return Token(Kind.QUANTITY, text[start : close + 1], (start, close + 1), one)
    if not closing:
        raise FormulaError(
            "not-closed", "'[' is never closed.", "A ']' was needed.", formula=text, span=(end, end + 1)
        )
    label = text[end + 1 : closing[0]]
    raise FormulaError(
        "unknown-name",
        f"There is no {variable.name}[{label}].",
        nearest(f"{variable.name}[{label}]", variable.printed)
        if variable.labels
        else f"{variable.name} is a single number: it has no labels.",
        formula=text,
        span=(start, closing[0] + 1),
    )


def _unknown(text: str, word: re.Match[str], called: bool, names: Names) -> FormulaError:
    """Return the error for a name that the fit does not have."""
    name = word.group().strip("`")
    if called:
        return FormulaError(
            "unknown-function",
            f"{name!r} is not a function that hypotheses know.",
            f"Functions: {', '.join(FUNCTIONS)}.",
            formula=text,
            span=word.span(),
        )
    end = word.end()
    if text.startswith("[", end) and "]" in text[end:]:
        end = text.index("]", end) + 1
        name = text[word.start() : end].replace("`", "")
    needed = names.suggest(name)
    dotted = "." in name.partition("[")[0]
    if dotted and not needed.startswith("Did"):
        needed = "A dot would be attribute access, which hypotheses do not have."
    return FormulaError(
        "unknown-name",
        f"There is no quantity {name!r}.",
        needed,
        "Names are those of the rows of fit.summary(), and of fit.summary(levels=...).",
        formula=text,
        span=(word.start(), end),
    )


def _refusal(text: str, position: int, match: re.Match[str] | None) -> FormulaError:
    if match is not None:
        span, found = match.span(), match.group()
        if found in ("!=", "<>"):
            needed = (
                "The probability that something is not a point is 1 minus that of the point: test '='. That "
                "it is not near a point: rope=(-0.1, 0.1) beside '='."
            )
            return FormulaError(
                "unexpected-sign",
                f"Found {found!r}.",
                needed,
                rewrite(text, span, "="),
                formula=text,
                span=span,
            )
        needed = "One of < > = joins the sides of a hypothesis."
        return FormulaError("unexpected-sign", f"Found {found!r}.", needed, EXAMPLE, formula=text, span=span)
    character = text[position]
    remedy = ""
    if character in "\"'":
        remedy = "Names and labels stand without quotes: x, r_g[a, Intercept]; or a name between backticks."
    elif character in ":[]{},":
        remedy = "Signs within a name are read where it is spelt as in the rows of fit.summary()."
        if text[:position].rstrip()[-1:].isdigit():
            remedy = "A name that starts with a digit goes between backticks."
    elif character in "&|":
        remedy = "Give several hypotheses as a list."
    elif character.isdigit():
        remedy = "A name that starts with a digit goes between backticks."
    return FormulaError(
        "unexpected-sign", f"Found {character!r}.", SIGNS, remedy, formula=text, span=(position, position + 1)
    )
