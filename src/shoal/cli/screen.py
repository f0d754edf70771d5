"""What the terminal shows: tables, folded text, messages."""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from shoal.cli.spelling import as_typed
from shoal.errors import visible

if TYPE_CHECKING:
    import pandas as pd

    from shoal.criticism.diagnosis import Diagnosis

STYLES = {"error": "bold red", "bug": "bold red", "warning": "yellow", "note": "cyan", "stopped": "yellow"}
UNFOLDED = 10_000  # columns of a pipe or file, where a cut or folded line would only be in the way


class Screen(Console):
    """A console whose text is as wide as the terminal, and unfolded where there is none."""

    def __init__(self, stderr: bool = False):
        terminal = (sys.stderr if stderr else sys.stdout).isatty()
        super().__init__(stderr=stderr, width=None if terminal or "COLUMNS" in os.environ else UNFOLDED)

    def on_broken_pipe(self) -> None:
        """Leave the error, which rich is handling here, to `run`."""
        raise

    def say(self, text: str = "", style: str | None = None, hang: int = 0) -> None:
        """Print text as it is; long lines are folded at words, `hang` deeper than their own indentation."""
        lines = (fold(line, self.width, hang) for line in visible(text, "\n").split("\n"))
        self.print(Text("\n".join(lines), style=style or ""), soft_wrap=True)


def fold(line: str, width: int, hang: int = 0) -> str:
    """Return `line` in lines of at most `width` where its words allow, the later ones `hang` deeper."""
    indent = " " * (len(line) - len(line.lstrip()) + hang)
    inside = textwrap.wrap(
        line, max(width, 20), subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
    return "\n".join(inside)


def complain(kind: str, text: str, code: str = "") -> None:
    """Print a message to standard error, led by its kind; the layout of its lines is kept.

    The code of an error ends it, in a line of its own.
    """
    said = visible(as_typed(text), "\n")
    message = Text.assemble((f"{kind}: ", STYLES[kind]), said, (f"\n[{code}]" if code else "", "dim"))
    Screen(stderr=True).print(message, soft_wrap=True)


def number(value: Any) -> str:
    """Return a table cell: numbers short but never rounded to zero, missing values as a dash."""
    if isinstance(value, str | bool) or not hasattr(value, "__float__"):
        return str(value)
    if hasattr(value, "__index__"):
        return f"{int(value):,}"
    size = abs(value)
    if size != size:
        return "–"
    if size and not 1e-3 <= size < 1e9:
        return f"{value:.3g}"
    return f"{value:,.{3 if size < 10 else 2 if size < 100 else 1 if size < 1000 else 0}f}"


def table(columns: Iterable[str], rows: Iterable[Sequence[Any]], words: int = 1) -> Table:
    """Return a table whose first `words` columns are text, the others right-aligned numbers."""
    out = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for i, name in enumerate(columns):
        if i < words:
            out.add_column(Text(name), overflow="fold")
        else:  # titles of short lines rather than one long: ten columns fit on 80 characters
            title = name.replace("_", "\n") if len(name) > 5 else name
            out.add_column(Text(title), justify="right", vertical="bottom", no_wrap=True)
    for row in rows:
        out.add_row(*(Text(visible(number(value))) for value in row))
    return out


def frame_table(frame: pd.DataFrame, words: int = 1) -> Table:
    """Return the table of a data frame whose first `words` columns are text; its index is not shown."""
    return table(map(str, frame.columns), frame.itertuples(index=False, name=None), words)


def trusted(screen: Screen, diagnosis: Diagnosis, name: str = "") -> bool:
    """Say what is wrong with draws that cannot be trusted; return whether they can."""
    if not diagnosis.trustworthy:
        screen.say(f"\n{name + ': ' if name else ''}{diagnosis.verdict}", "bold")
        for finding in diagnosis:
            if finding.severity == "error":
                screen.say(as_typed(str(finding)), STYLES[finding.severity], hang=2)
    return diagnosis.trustworthy


def show_diagnosis(screen: Screen, diagnosis: Diagnosis) -> None:
    """Print the verdict and the findings."""
    screen.say(diagnosis.verdict, "green" if diagnosis.ok else "bold")
    for finding in diagnosis:
        screen.say(as_typed(str(finding)), STYLES[finding.severity], hang=2)
