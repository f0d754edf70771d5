"""Exceptions and warnings of Shoal.

Every message says three things: what was found, what was needed, and what to do. Its `code` names the kind of
mistake in a word or two that stay the same where the message is worded better; docs/errors.md lists them.

::

    ShoalError
    ├── FormulaError    the text of a formula; marks the token
    ├── DataError       the table: columns, rows, values
    ├── PriorError      a prior's name, support or arguments
    ├── ModelError      a combination that has no meaning, or is not supported
    ├── FileError       a result file that cannot be read or written
    └── SamplingError   a run that could not be made

    ShoalWarning        the run goes on, but a person should know
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

DEBUG = "SHOAL_DEBUG"  # environment variable: where "1", a bug shows its traceback


class ShoalError(Exception):
    """Base of every error that Shoal raises on purpose.

    Parameters
    ----------
    code : str
        The kind of mistake, such as ``"unknown-column"``.
    found : str
        What was found, with numbers.
    needed : str, optional
        What was needed instead.
    remedy : str, optional
        What the reader can do.
    """

    def __init__(self, code: str, found: str, needed: str = "", remedy: str = ""):
        self.code, self.found, self.needed, self.remedy = code, found, needed, remedy
        super().__init__("\n".join(part for part in (found, needed, remedy) if part))

    def __reduce__(self) -> tuple[object, ...]:
        """Return what makes the same error in another process."""
        return type(self), (self.code, self.found, self.needed, self.remedy), self.__dict__


class FormulaError(ShoalError):
    """A formula that cannot be read; the message shows it with the token marked.

    Parameters
    ----------
    code, found, needed, remedy : str
        As in `ShoalError`.
    formula : str
        The whole formula.
    span : tuple of int
        Start and end of the offending token in `formula`, in characters.
    """

    def __init__(
        self,
        code: str,
        found: str,
        needed: str = "",
        remedy: str = "",
        *,
        formula: str = "",
        span: tuple[int, int] | None = None,
    ):
        self.formula, self.span = formula, span
        if formula and span is not None:
            found = f"{found}\n{mark(formula, span)}"
        super().__init__(code, found, needed, remedy)


class DataError(ShoalError):
    """The table does not hold what the formula or the family needs."""


class PriorError(ShoalError):
    """A prior has an unknown name, the wrong support or impossible arguments."""


class ModelError(ShoalError):
    """The model's parts do not fit together, or the combination is not supported."""


class FileError(ShoalError):
    """A file cannot be read or written as a Shoal result."""


class SamplingError(ShoalError):
    """The posterior could not be sampled."""


class ShoalWarning(UserWarning):
    """Something a person should know; the run goes on."""


def mark(text: str, span: tuple[int, int], width: int = 76) -> str:
    """Return `text` with carets under ``text[span[0]:span[1]]``, cut to about `width` characters.

    It stays one line: see `visible`.
    """
    start, end = span
    text = visible(text)
    end = max(end, start + 1)
    left = max(0, min(start - width // 3, len(text) - width))
    right = min(len(text), left + width)
    lead, tail = ("… " if left else ""), (" …" if right < len(text) else "")
    carets = "^" * (min(end, right + 1) - start)
    return f"    {lead}{text[left:right]}{tail}\n    {' ' * (len(lead) + start - left)}{carets}"


def visible(text: str, kept: str = "") -> str:
    """Return `text` with ``␣`` for line breaks and what steers a terminal unseen, but for signs `kept`."""
    return "".join(sign if sign.isprintable() or sign in kept else "␣" for sign in text)


def nearest(name: str, known: Iterable[object]) -> str:
    """Return a "Did you mean …?" sentence for `name`, or the list of known names if none is near."""
    names = [str(name) for name in known]
    close = [other for other in names if other.casefold() == str(name).casefold()]
    if close := close or difflib.get_close_matches(str(name), names, n=3, cutoff=0.6):
        return f"Did you mean {' or '.join(repr(c) for c in close)}?"
    return f"Known: {listing([repr(n) for n in names], 20)}." if names else ""


def meant(name: str, known: Iterable[object]) -> str:
    """Return a "Did you mean …?" sentence, or nothing where no name is near."""
    close = nearest(name, known)
    return close if close.startswith("Did") else ""


def check_choice(name: str, value: object, known: Iterable[str]) -> None:
    """Raise `ModelError` unless the value of an argument is one of the words that are known."""
    words = list(known)
    if not (isinstance(value, str) and value in words):
        found = f"{name}={value!r}."
        raise ModelError("unknown-choice", found, f"One of {', '.join(words)}.", meant(str(value), words))


def listing(items: Iterable[object], limit: int = 5) -> str:
    """Join `items` with commas, naming at most `limit` and counting the rest."""
    names = [str(i) for i in items]
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more


def counted(number: int, noun: str) -> str:
    """Return a number of things in words: ``1 row``, ``2,000 rows``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def as_known(name: str, known: Iterable[object]) -> str:
    """Return the known name that `name` is another spelling of, or `name` itself.

    Spellings differ in blanks, backquotes, R's power, NumPy's prefix, and the sign that stands for a slash in
    files: ``I(x^2)`` is ``I(x ** 2)``.
    """
    names = list(dict.fromkeys(map(str, known)))
    if name in names:
        return name
    alike = [other for other in names if spelt(other) == spelt(name)]
    return alike[0] if len(alike) == 1 else name


def spelt(name: str) -> str:
    """Return what all spellings of a name have in common."""
    for written, ours in ((" ", ""), ("`", ""), ("^", "**"), ("∕", "/"), ("np.", ""), ("factor(", "C(")):
        name = name.replace(written, ours)
    return name
