"""A progress bar on a terminal, and elsewhere a line."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from shoal.engine.first_use import MESSAGE
from shoal.engine.progress import Progress


class Bar(Progress):
    """Progress as a rich bar on standard error: stage, draws (or other things of a kind), time."""

    def __init__(self, total: int, kind: str = "draws"):
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Rich

        super().__init__()
        self.rich = Rich(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn(kind),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self.rich.add_task("preparing", total=total)

    def stage(self, name: str, total: int | None = None) -> None:
        """Name the stage and start the bar again."""
        self.rich.update(self._task, description=name, completed=0, total=total)

    def drawn(self, draws: int) -> None:
        """Move the bar."""
        self.rich.advance(self._task, draws)

    def say(self, words: str) -> None:
        """Print a sentence above the bar."""
        self.rich.console.print(words)


class Line(Progress):
    """Lines on standard error that matter in a pipe: that the engine is compiled, what draws are kept in."""

    def stage(self, name: str, total: int | None = None) -> None:
        """Say that the engine is compiled."""
        if name == MESSAGE:
            self.say(name)

    def say(self, words: str) -> None:
        """Print a sentence."""
        print(f"shoal: {words}", file=sys.stderr, flush=True)


@contextmanager
def shown(wanted: bool | None, total: int, kind: str = "draws") -> Iterator[Progress]:
    """Give a `Progress` that shows itself if `wanted`, by default if standard error is a terminal.

    By default and elsewhere than on a terminal it says only that the engine is compiled, which takes long.
    """
    visible = sys.stderr.isatty() if wanted is None else wanted
    progress = Bar(total, kind) if visible else Line() if wanted is None else Progress()
    with progress.rich if isinstance(progress, Bar) else nullcontext():
        yield progress
