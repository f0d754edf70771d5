"""What readers by recursive descent share: a place among tokens, and errors that mark it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Generic, Protocol, TypeVar

from shoal.errors import FormulaError

MAX_NESTING = 50


class AnyToken(Protocol):
    """A token of some language."""

    @property
    def span(self) -> tuple[int, int]:
        """Where it stands, start and end in characters."""
        ...

    def is_sign(self, *signs: str) -> bool:
        """Whether it is one of `signs`."""
        ...


T = TypeVar("T", bound=AnyToken)


class Cursor(Generic[T]):
    """A place among the tokens of a text.

    Parameters
    ----------
    text : str
    tokens : sequence
        Those of `text`; the last stands for its end.
    """

    noun = "formula"
    simpler = "Compute some of its parts as columns of the table."

    def __init__(self, text: str, tokens: Sequence[T]):
        self.text, self.tokens = text, tokens
        self.position = self.depth = 0

    @property
    def token(self) -> T:
        """The token at hand."""
        return self.tokens[self.position]

    def error(
        self, code: str, found: str, needed: str = "", remedy: str = "", span: tuple[int, int] | None = None
    ) -> FormulaError:
        """Return a FormulaError that marks `span`, by default the token at hand."""
        return FormulaError(code, found, needed, remedy, formula=self.text, span=span or self.token.span)

    def take(self, *signs: str) -> T | None:
        """Return the token at hand and go on, if it is one of `signs`."""
        token = self.token
        if not token.is_sign(*signs):
            return None
        self.position += 1
        return token

    @contextmanager
    def nested(self) -> Iterator[None]:
        """Count how deep the reader is, so that Python's own stack never decides."""
        self.depth += 1
        if self.depth > MAX_NESTING:
            raise self.error(
                "nested-too-deep",
                f"The {self.noun} is nested more than {MAX_NESTING} deep.",
                f"At most {MAX_NESTING} levels are read.",
                self.simpler,
            )
        yield
        self.depth -= 1
