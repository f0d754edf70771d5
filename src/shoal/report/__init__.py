"""A fit as one page to read, to print or to send: no network, no files beside it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from shoal.errors import ModelError
from shoal.fit.files import path_of
from shoal.fit.whole_files import whole

if TYPE_CHECKING:
    from shoal.fit.results import Results

__all__ = ["check_name", "write"]

ENDINGS = (".html", ".htm")


def check_name(path: Path) -> None:
    """Make sure that a browser will take a file for a page.

    Raises
    ------
    ModelError
        Another ending.
    """
    if path.suffix.lower() not in ENDINGS:
        raise ModelError(
            "output-ending", f"{path.name!r} ends in none of {', '.join(ENDINGS)}.", "One of these."
        )


def write(results: Results, path: str | Path, prob: float = 0.9) -> Path:
    """Write the report of a fit; the file appears whole or not at all.

    Parameters
    ----------
    results : Results
    path : path
        An HTML file, overwritten if it exists.
    prob : float
        Probability of the intervals.

    Raises
    ------
    ModelError
        Another ending, or a probability outside 0 to 1.
    FileError
        A file that cannot be written.
    """
    from shoal.report.page import page

    path = path_of(path)
    check_name(path)
    with whole(path) as part:  # which refuses a folder that is not there before the page is made
        part.write_text(page(results, prob), encoding="utf-8")
    return path
