"""The commands `shoal test` and `shoal r2`: what a saved fit says of hypotheses, and how much it explains."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from shoal.cli.commands import UNTRUSTWORTHY
from shoal.cli.options import FitsFolder, Probability, ResultFile, Workers
from shoal.cli.report import load_fit
from shoal.cli.screen import Screen, frame_table, trusted

if TYPE_CHECKING:
    import pandas as pd


TEST_EPILOG = "Example: shoal test fit.nc 'x > 0' '2 * x - z = 0' --rope -0.1 0.1"
R2_EPILOG = "Example: shoal r2 fit.nc --loo"


def test(
    file: ResultFile,
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
    prob: Probability = 0.9,
    seed: Annotated[int, typer.Option(help="Of draws from the priors.")] = 0,
) -> None:
    """Say how probable hypotheses about parameters are, and what evidence the data give for them.

    Exits with 2 if the draws cannot be trusted.
    """
    fit = load_fit(file)
    found = fit.test(hypotheses, rope=rope, prob=prob, seed=seed)
    screen = Screen()
    _show(screen, found.table)
    raise typer.Exit(0 if trusted(screen, fit.diagnose()) else UNTRUSTWORTHY)


def r2(
    file: ResultFile,
    response: Annotated[
        str | None, typer.Option(help="One of several responses.", show_default=False)
    ] = None,
    loo: Annotated[bool, typer.Option("--loo", help="R2 of rows left out, too.")] = False,
    refit: Annotated[
        bool, typer.Option("--refit", help="Fit anew without each row whose Pareto k is too large.")
    ] = False,
    cores: Annotated[int | None, typer.Option(help="Threads.", show_default="all", min=1)] = None,
    workers: Workers = None,
    checkpoint: FitsFolder = None,
    prob: Probability = 0.9,
) -> None:
    """Say which share of the responses' variance a model explains, with the effects of levels and without.

    Exits with 2 if the draws, or the scores of rows left out, cannot be trusted.
    """
    fit = load_fit(file)
    found = fit.r2(
        response,
        loo=loo,
        refit=refit,
        cores=cores,
        workers=workers,
        checkpoint=checkpoint,
        prob=prob,
    )
    screen = Screen()
    _show(screen, found.table)
    sound = [found.reliable, trusted(screen, fit.diagnose())]
    raise typer.Exit(0 if all(sound) else UNTRUSTWORTHY)


def _show(screen: Screen, table: pd.DataFrame) -> None:
    from shoal.estimands.table import statements

    screen.print(frame_table(table.reset_index(names="")))
    screen.say()
    for sentence in statements(table.attrs):
        screen.say(sentence, hang=2)
