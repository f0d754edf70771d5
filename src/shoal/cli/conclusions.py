"""The commands `shoal test` and `shoal r2`: what a saved fit says of hypotheses, and how much it explains."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shoal.cli.commands import UNTRUSTWORTHY
from shoal.cli.report import load_fit
from shoal.cli.screen import STYLES, Screen, frame_table

if TYPE_CHECKING:
    import pandas as pd

    from shoal.api import Fit

TEST_EPILOG = "Example: shoal test fit.nc 'x > 0' '2 * x - z = 0' --rope -0.1 0.1"
R2_EPILOG = "Example: shoal r2 fit.nc --loo"

File = Annotated[
    Path, typer.Argument(metavar="FILE", help="A result file, written by `shoal fit -o` or `fit.save`.")
]
Interval = Annotated[float, typer.Option(help="Probability of the intervals shown.")]


def test(
    file: File,
    hypotheses: Annotated[
        list[str],
        typer.Argument(
            metavar="HYPOTHESIS",
            help="Such as 'x > 0' or 'sd_g[Intercept] = 1', in names of the summary's rows and of levels.",
        ),
    ],
    rope: Annotated[
        tuple[float, float] | None,
        typer.Option(
            metavar="LOWER UPPER",
            help="Show the probability that the sides differ by no more than that.",
            show_default=False,
        ),
    ] = None,
    prob: Interval = 0.9,
    seed: Annotated[int, typer.Option(help="Of draws from the priors.")] = 0,
) -> None:
    """Say how probable hypotheses about parameters are, and what evidence the data give for them.

    Exits with 2 if the draws cannot be trusted.
    """
    fit = _load(file, prob)
    found = fit.test(hypotheses, rope=rope, prob=prob, seed=seed)
    screen = Screen()
    _show(screen, found.table)
    raise typer.Exit(0 if _trusted(screen, fit) else UNTRUSTWORTHY)


def r2(
    file: File,
    response: Annotated[
        str | None, typer.Option(help="One of several responses.", show_default=False)
    ] = None,
    loo: Annotated[bool, typer.Option("--loo", help="R2 of rows left out, too.")] = False,
    refit: Annotated[
        bool, typer.Option("--refit", help="Fit anew without each row whose Pareto k is too large.")
    ] = False,
    cores: Annotated[int | None, typer.Option(help="Threads.", show_default="all", min=1)] = None,
    prob: Interval = 0.9,
) -> None:
    """Say which share of the responses' variance a model explains, with the effects of levels and without.

    Exits with 2 if the draws, or the scores of rows left out, cannot be trusted.
    """
    fit = _load(file, prob)
    found = fit.r2(response, loo=loo, refit=refit, cores=cores, prob=prob)
    screen = Screen()
    _show(screen, found.table)
    sound = [found.reliable, _trusted(screen, fit)]
    raise typer.Exit(0 if all(sound) else UNTRUSTWORTHY)


def _load(file: Path, prob: float) -> Fit:
    if not 0 < prob < 1:
        raise typer.BadParameter(f"{prob} is not between 0 and 1.", param_hint="--prob")
    return load_fit(file)


def _show(screen: Screen, table: pd.DataFrame) -> None:
    from shoal.estimands.table import statements

    screen.print(frame_table(table.reset_index(names="")))
    screen.say()
    for sentence in statements(table.attrs):
        screen.say(sentence, hang=2)


def _trusted(screen: Screen, fit: Fit) -> bool:
    """Say what is wrong with draws that cannot be trusted; return whether they can."""
    diagnosis = fit.diagnose()
    if not diagnosis.trustworthy:
        screen.say(f"\n{diagnosis.verdict}", "bold")
        for finding in diagnosis:
            if finding.severity == "error":
                screen.say(str(finding), STYLES[finding.severity], hang=2)
    return diagnosis.trustworthy
