"""The command `shoal compare`: saved fits of the same data, by how well they predict what was left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shoal.cli.commands import PICTURES, UNTRUSTWORTHY, Force
from shoal.cli.inputs import check_ending
from shoal.cli.options import FitsFolder, Workers
from shoal.cli.report import check_result, load_fit
from shoal.cli.screen import Screen, frame_table, trusted
from shoal.errors import FileError, listing, nearest

if TYPE_CHECKING:
    from shoal.api import Fit
    from shoal.fit.many import Where
    from shoal.scores.compare import Comparison
    from shoal.scores.loo import Loo

EPILOG = "Example: shoal compare intercepts.nc slopes.nc --unit district --plot elpd.png"
TABLES = (".csv",)


def compare(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE",
            help="Result files of the same data, by `shoal fit -o` or `fit.save`; one is scored alone.",
        ),
    ],
    unit: Annotated[
        str,
        typer.Option(help="What is left out: row; trial, of binomial rows; or a column, level by level."),
    ] = "row",
    refit: Annotated[
        bool, typer.Option("--refit", help="Fit anew without each unit whose Pareto k is too large.")
    ] = False,
    method: Annotated[
        str, typer.Option(help="Of the weights: stacking, bb-pseudo-bma or pseudo-bma.")
    ] = "stacking",
    cores: Annotated[int | None, typer.Option(help="Threads.", show_default="all", min=1)] = None,
    workers: Workers = None,
    checkpoint: FitsFolder = None,
    plot: Annotated[
        Path | None,
        typer.Option(
            metavar="PICTURE",
            help="Draw the differences, or the units of one fit, into this PNG, SVG or PDF file.",
        ),
    ] = None,
    pointwise: Annotated[
        Path | None, typer.Option(metavar="TABLE", help="Write the scores of all units to this CSV file.")
    ] = None,
    force: Force = False,
) -> None:
    """Compare fits by how well they predict what was left out, and say which question that answers.

    Exits with 2 if a score cannot be relied on, or the draws of a fit cannot be trusted.
    """
    from shoal.fit.many import where
    from shoal.scores.loo.weights import METHODS

    if method not in METHODS:
        raise typer.BadParameter(f"{method!r}. {nearest(method, METHODS)}", param_hint="--method")
    _check_files(files)
    check_ending(plot, PICTURES, "--plot", force, files)
    check_ending(pointwise, TABLES, "--pointwise", force, files)
    fits = {name: load_fit(file) for name, file in zip(_names(files), files, strict=True)}
    at = where(cores, workers, None, checkpoint, refit)
    several = _compared(fits, unit, refit, method, at) if len(fits) > 1 else None
    scores = several.scores if several else _alone(fits, unit, refit, at)
    if plot:  # files before anything is shown: a reader that goes away must not cost them
        _draw(scores, several, plot)
    if pointwise:
        _write(scores, pointwise)
    screen = Screen()
    for name, fit in fits.items():
        _introduce(screen, name, fit)
    if several:
        _show(screen, several)
    else:
        screen.say("\n".join(["", *map(str, scores.values())]))
    for path in filter(None, (plot, pointwise)):
        screen.say(f"Written to {path}.")
    sound = [
        _relied_on(screen, scores),
        *(trusted(screen, fit.diagnose(), name) for name, fit in fits.items()),
    ]
    raise typer.Exit(0 if all(sound) else UNTRUSTWORTHY)


def _check_files(files: Sequence[Path]) -> None:
    """Raise unless all files are there, and none is there twice."""
    for file in files:
        check_result(file)
    for one, other in combinations(files, 2):
        if one.samefile(other):
            found = f"{one} is given twice." if one == other else f"{one} and {other} are one file."
            raise FileError("file-given-twice", found, "Files of different fits.")


def _names(files: Sequence[Path]) -> list[str]:
    """Return a name for each file: without folder and ending where these tell it from no other."""
    short, long = [file.stem for file in files], [str(file.with_suffix("")) for file in files]
    out = []
    for file, stem, place in zip(files, short, long, strict=True):
        out.append(stem if short.count(stem) == 1 else place if long.count(place) == 1 else str(file))
    return out


def _compared(fits: Mapping[str, Fit], unit: str, refit: bool, method: str, at: Where) -> Comparison:
    from shoal.scores.compare import compare as compare_fits

    return compare_fits(
        fits,
        unit,
        refit=refit,
        method=method,
        cores=at.cores,
        workers=at.workers or None,
        checkpoint=at.checkpoint,
    )


def _alone(fits: Mapping[str, Fit], unit: str, refit: bool, at: Where) -> dict[str, Loo]:
    from shoal.fit.progress import shown
    from shoal.scores.loo import loo

    # Not `Fit.loo`, which warns of what is shown here anyway.
    with shown(None if refit else False, 0, "fits") as bar:
        scored = ((name, fit.results, at.within(name)) for name, fit in fits.items())
        return {name: loo(results, unit, refit, own.cores, bar, own) for name, results, own in scored}


def _draw(scores: Mapping[str, Loo], several: Comparison | None, path: Path) -> None:
    from shoal.scores.pictures import units

    picture = several.plot() if several else units(*scores.values())
    picture.save(path)


def _write(scores: Mapping[str, Loo], path: Path) -> None:
    """Write a table of one row a unit and fit."""
    import pandas as pd

    from shoal.fit.whole_files import whole

    table = pd.concat({name: score.pointwise for name, score in scores.items()}, names=["model"])
    with whole(path) as part:
        table.to_csv(part)


def _introduce(screen: Screen, name: str, fit: Fit) -> None:
    designs = fit.model.specification.designs
    formulas = "; ".join(f"{design.formula.text}, {design.family}" for design in designs)
    screen.say(f"{name}: {formulas}", hang=2)


def _show(screen: Screen, comparison: Comparison) -> None:
    screen.say(f"\n{comparison.left_out}\n{comparison.question}\n")
    screen.print(frame_table(comparison.table.round({"weight": 3}).reset_index(names="")))
    screen.say(f"\n{comparison.verdict}", "bold")
    screen.say(comparison.about, "dim")
    for note in comparison.notes:
        screen.say(note, hang=2)


def _relied_on(screen: Screen, scores: Mapping[str, Loo]) -> bool:
    """Say which scores cannot be relied on; return whether all can."""
    bad = {name: len(score.bad) for name, score in scores.items() if not score.ok}
    if bad:
        counts = listing(f"{count:,} of {name}" for name, count in bad.items())
        screen.say(
            f"\nDo not rely on these scores: Pareto k is too large for units left out, {counts}. "
            "--refit fits anew without each of these.",
            "bold",
        )
    return not bad
