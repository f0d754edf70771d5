"""What a page is made of. Each part names the template that writes it; text is escaped there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from markupsafe import Markup

Cell = str | Markup


@dataclass(frozen=True)
class Heading:
    """The title of what follows within a section."""

    template: ClassVar[str] = "heading.html"
    text: str


@dataclass(frozen=True)
class Table:
    """Rows of cells.

    Attributes
    ----------
    caption : str
        What the numbers are: scale, interval, population.
    columns : sequence of str
    rows : sequence of sequences
    words : int
        The first columns are text, the others numbers.
    """

    template: ClassVar[str] = "table.html"
    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    words: int = 1


@dataclass(frozen=True)
class Drawing:
    """A picture, drawn into the page."""

    template: ClassVar[str] = "drawing.html"
    svg: Markup
    caption: str


@dataclass(frozen=True)
class Formulas:
    """Equations, each a list of pieces between which a line may break."""

    template: ClassVar[str] = "formulas.html"
    equations: Sequence[tuple[Sequence[Markup], str]]


@dataclass(frozen=True)
class Sentences:
    """Paragraphs."""

    template: ClassVar[str] = "sentences.html"
    texts: Sequence[str]


@dataclass(frozen=True)
class Points:
    """A list of sentences."""

    template: ClassVar[str] = "points.html"
    texts: Sequence[str]


@dataclass(frozen=True)
class Facts:
    """Names and what they are."""

    template: ClassVar[str] = "facts.html"
    pairs: Sequence[tuple[str, Cell]]


@dataclass(frozen=True)
class Code:
    """Lines to be typed."""

    template: ClassVar[str] = "code.html"
    text: str


Part = Heading | Table | Drawing | Formulas | Sentences | Points | Facts | Code


@dataclass(frozen=True)
class Section:
    """A part of a page with a title of its own."""

    id: str
    title: str
    parts: Sequence[Part]
