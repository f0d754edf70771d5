"""The command `shoal effect`: what a saved fit expects along a predictor, as a table and as a picture."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from shoal.cli.commands import PICTURES, UNTRUSTWORTHY
from shoal.cli.inputs import check_ending
from shoal.cli.options import Force, Probability, ResultFile
from shoal.cli.report import load_fit
from shoal.cli.screen import Screen, frame_table, trusted
from shoal.formula.tokens import NUMBER

EPILOG = "Example: shoal effect fit.nc age --by urban --levels population --plot age.png"
TABLES = (".csv",)
_NUMBER = re.compile(rf"[-+]?(?!0[0-9]){NUMBER}")
NUMBERS = 5  # columns of a table of draws, beside those that say what its rows are


def effect(
    file: ResultFile,
    x: Annotated[
        list[str],
        typer.Argument(metavar="X", help="A predictor, or two of a surface; with values: age=20,30,40."),
    ],
    by: Annotated[
        list[str] | None,
        typer.Option(
            "--by", help="A column whose values tell curves apart, such as urban, or age=20,30; several, too."
        ),
    ] = None,
    at: Annotated[
        list[str] | None,
        typer.Option("--at", metavar="COLUMN=VALUE", help="Hold a column at a value; once for each."),
    ] = None,
    over: Annotated[
        str | None,
        typer.Option(
            help="Other predictors: at typical values, or as they are in the data.",
            show_default="typical; of slopes data",
        ),
    ] = None,
    levels: Annotated[
        str | None,
        typer.Option(
            help="Levels of grouping factors: typical (effects of zero), population (the average over all "
            "levels that there could be), fitted (the average over those that were), or one of them.",
            show_default="typical; over the data fitted",
        ),
    ] = None,
    scale: Annotated[str, typer.Option(help="response, probability or link.")] = "response",
    slope: Annotated[
        str | None,
        typer.Option(help="In place of predictions their slopes: dydx, eyex, eydx or dyex.", metavar="KIND"),
    ] = None,
    hypothesis: Annotated[
        list[str] | None,
        typer.Option(
            "--hypothesis",
            help="Compare rows: pairwise, sequential, reference, or an expression, 'b2 - b1 = 0'.",
        ),
    ] = None,
    points: Annotated[int, typer.Option(help="Of the grid of a number.")] = 11,
    response: Annotated[str | None, typer.Option(help="One of several responses.")] = None,
    prob: Probability = 0.9,
    plot: Annotated[
        Path | None, typer.Option(metavar="PICTURE", help="Draw it into this PNG, SVG or PDF file.")
    ] = None,
    table: Annotated[
        Path | None, typer.Option(metavar="TABLE", help="Write the table to this CSV file.")
    ] = None,
    force: Force = False,
) -> None:
    """Show what a fit expects along a predictor, other predictors held or averaged over the data.

    Exits with 2 if the draws cannot be trusted.
    """
    if plot and (slope or hypothesis):
        raise typer.BadParameter("it is of predictions, not of slopes or comparisons.", param_hint="--plot")
    check_ending(plot, PICTURES, "--plot", force, [file])
    check_ending(table, TABLES, "--table", force, [file])
    fit = load_fit(file)
    along = _once(map(_column, x), "X")
    asked: dict[str, Any] = {"scale": scale, "prob": prob, "response": response, "levels": levels}
    asked |= {"by": _once(map(_column, by), "--by") if by else None}
    asked |= {"at": _once(map(_held, at), "--at") if at else None}
    asked |= {"over": over} if over else {}
    found: Any = fit.slope(along, kind=slope, **asked) if slope else fit.effect(along, points=points, **asked)
    if plot:
        fit.plot.effect(along, **asked).save(plot)
    if hypothesis:
        found = found.contrast(hypothesis[0] if len(hypothesis) == 1 else hypothesis)
    shown = found.table.reset_index() if hypothesis else found.table
    if table:
        _write(shown, table)
    screen = Screen()
    screen.print(frame_table(shown, words=max(1, len(shown.columns) - NUMBERS)))
    screen.say(f"\nScale: {found.scale}.\nPopulation: {found.population}.", hang=2)
    for path in filter(None, (plot, table)):
        screen.say(f"Written to {path}.")
    raise typer.Exit(0 if trusted(screen, fit.diagnose(), file.name) else UNTRUSTWORTHY)


def _once(pairs: Iterable[tuple[str, Any]], option: str) -> dict[str, Any]:
    """Return columns with their values, each given once."""
    out: dict[str, Any] = {}
    for name, value in pairs:
        if name in out:
            raise typer.BadParameter(f"{name!r} is given twice.", param_hint=option)
        out[name] = value
    return out


def _column(text: str) -> tuple[str, list[Any] | None]:
    """Return a column with its values, None where none are given: ``age=20,30``."""
    name, equal, values = text.partition("=")
    return name.strip(), [_value(value) for value in values.split(",")] if equal else None


def _held(text: str) -> tuple[str, Any]:
    """Return a column and the value that it is held at."""
    name, equal, value = text.partition("=")
    if not equal:
        raise typer.BadParameter(f"{text!r} has no '='. Such as --at age=30.", param_hint="--at")
    return name.strip(), _value(value)


def _value(text: str) -> Any:
    """Return a number where it is one and not a label such as 01, else text."""
    text = text.strip()
    if not _NUMBER.fullmatch(text):
        return text
    return float(text) if set(text) & set(".eE") else int(text)


def _write(table: Any, path: Path) -> None:
    from shoal.fit.whole_files import whole

    with whole(path) as part:
        table.to_csv(part, index=False)
