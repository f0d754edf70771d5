"""The command `shoal explore`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shoal.cli.inputs import SHIPPED, model_of
from shoal.cli.options import FamilyName, Missing, Predictors, Priors
from shoal.cli.report import load_fit

if TYPE_CHECKING:
    from shoal.explore import Session

EPILOG = "Examples: shoal explore fit.nc; shoal explore 'y | se(se) ~ 1 + (1 | school)' eight_schools"


def explore(
    source: Annotated[
        str, typer.Argument(metavar="FILE | FORMULA", help="A result file of Shoal's, or a formula.")
    ],
    data: Annotated[
        str | None,
        typer.Argument(metavar="[DATA]", help="With a formula: a table, as `shoal fit` takes it."),
    ] = None,
    family: FamilyName = "gaussian",
    prior: Priors = None,
    predictor: Predictors = None,
    missing: Missing = "refuse",
    seed: Annotated[int, typer.Option(help="Of every fit.", min=0)] = 1,
    port: Annotated[int, typer.Option(help="Of the page; 0 for a free one.", min=0, max=65535)] = 0,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the page, or only print its address.")
    ] = True,
) -> None:
    """Open a page on which priors, pooling and coordinates are moved, and the fit follows.

    The page is served on this machine only. The command ends when the page is closed.
    """
    from shoal import explore as pages

    if data is None:
        if prior or predictor:
            what = "it belongs to a formula and its data."
            raise typer.BadParameter(what, param_hint="--prior, --predictor")
        session = _of_file(Path(source))
    else:
        session = _of_formula(source, data, family, prior, predictor, missing, seed)
    pages.opened(session, block=True, browser=browser, port=port)


def _of_file(file: Path) -> Session:
    from shoal.explore import Session

    results = load_fit(file).results
    return Session(results.model, results, "...  # the same table", int(results.attrs["seed"]))


def _of_formula(
    formula: str,
    data: str,
    family: str,
    prior: list[str] | None,
    predictor: list[str] | None,
    missing: str,
    seed: int,
) -> Session:
    from shoal.explore import Session

    model = model_of(formula, data, family, prior, predictor, missing)
    shipped = data.startswith(SHIPPED) or not Path(data).exists()
    reading = f"sl.load_dataset({data.removeprefix(SHIPPED)!r})" if shipped else repr(data)
    return Session(model.specification, None, reading, seed)
