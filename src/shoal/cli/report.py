"""The command `report`: a page about a fit that was saved."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shoal.cli.inputs import check_output
from shoal.cli.options import Force, Probability, ResultFile
from shoal.cli.screen import Screen
from shoal.errors import FileError, ModelError

if TYPE_CHECKING:
    from shoal.api import Fit


def report(
    file: ResultFile,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="PAGE",
            help="Write the page to this HTML file.",
            show_default="FILE with the ending .html",
        ),
    ] = None,
    force: Force = False,
    prob: Probability = 0.9,
) -> None:
    """Write one page about a fit: verdict, model, priors, effects, checks, and how it was made.

    The page holds all it shows; it asks no network for anything.
    """
    check_result(file)
    page = output or file.with_suffix(".html")
    check_page(page, "--output")
    check_output(page, force, str(file))
    load_fit(file).report(page, prob=prob)
    Screen().say(f"Written to {page}, {page.stat().st_size / 1e6:.2f} MB.")


def check_page(path: Path, option: str) -> None:
    """Make sure that `path` is the name of a page.

    Raises
    ------
    typer.BadParameter
        Another ending.
    """
    from shoal.report import check_name

    try:
        check_name(path)
    except ModelError as problem:
        raise typer.BadParameter(str(problem).replace("\n", " "), param_hint=option) from problem


def check_result(file: Path) -> None:
    """Make sure that there is a file.

    Raises
    ------
    FileError
    """
    if not file.is_file():
        needed = "A result file written by `fit.save` or `shoal fit -o`."
        raise FileError(
            "no-file", f"{file} is a folder." if file.is_dir() else f"There is no file {file}.", needed
        )


def load_fit(file: Path) -> Fit:
    """Return a fit of Shoal's; of other files, say what reads them."""
    from shoal.api import load

    check_result(file)
    try:
        return load(file)
    except FileError as problem:
        other = "`shoal doctor FILE` judges the draws of any program."
        raise FileError(problem.code, problem.found, problem.needed, problem.remedy or other) from problem
