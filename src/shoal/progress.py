"""A progress bar on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from shoal.sample.progress import Progress


class Bar(Progress):
    """Progress as a rich bar on standard error: stage, draws, time."""

    def __init__(self, total: int):
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Rich

        super().__init__()
        self.rich = Rich(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("draws"),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self.rich.add_task("preparing", total=total)

    def stage(self, name: str) -> None:
        """Name the stage and start the bar again."""
        self.rich.update(self._task, description=name, completed=0)

    def drawn(self, draws: int) -> None:
        """Move the bar."""
        self.rich.advance(self._task, draws)


@contextmanager
def shown(wanted: bool | None, total: int) -> Iterator[Progress]:
    """Give a `Progress` that shows itself if `wanted`, by default if standard error is a terminal."""
    visible = sys.stderr.isatty() if wanted is None else wanted
    progress = Bar(total) if visible else Progress()
    with progress.rich if isinstance(progress, Bar) else nullcontext():
        yield progress
