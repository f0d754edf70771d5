"""The command `shoal explore`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shoal.cli.inputs import SHIPPED, find_data, model_of
from shoal.cli.options import FamilyName, Missing, Predictors, Priors
from shoal.cli.report import load_fit

EPILOG = "Examples: shoal explore fit.nc; shoal explore 'y | se(se) ~ 1 + (1 | school)' eight_schools"


def explore(
    source: Annotated[
        str, typer.Argument(metavar="FILE | FORMULA", help="A result file of Shoal's, or a formula.")
    ],
    data: Annotated[
        str | None,
        typer.Argument(metavar="DATA", help="With a formula: a table, as `shoal fit` takes it."),
    ] = None,
    family: FamilyName = "gaussian",
    prior: Priors = None,
    predictor: Predictors = None,
    missing: Missing = "refuse",
    seed: Annotated[
        int | None, typer.Option(help="Of every fit.", min=0, show_default="1; of a file its own")
    ] = None,
    port: Annotated[int, typer.Option(help="Of the page; 0 for a free one.", min=0, max=65535)] = 0,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the page, or only print its address.")
    ] = True,
) -> None:
    """Open a page on which priors, pooling and coordinates are moved, and the fit follows.

    The page is served on this machine only. The command ends when the page is closed.
    """
    from shoal import explore as pages

    if data is None and "~" in source and not Path(source).exists():
        what = f"the formula {source!r} needs a table: a file, or one that is shipped, such as radon."
        raise typer.BadParameter(what, param_hint="DATA")
    if data is not None and "~" not in source and Path(source).is_file():
        what = f"{source!r} is a file, which has its own table: only a formula needs one."
        raise typer.BadParameter(what, param_hint="DATA")
    if data is None:
        if prior or predictor or seed is not None or family != "gaussian" or missing != "refuse":
            what = "they belong to a formula and its data; a file has its own."
            raise typer.BadParameter(what, param_hint="--family, --prior, --predictor, --missing, --seed")
        session = pages.Session.of_results(load_fit(Path(source)).results, source)
    else:
        model = model_of(source, data, family, prior, predictor, missing).specification
        session = pages.Session(model, None, _reading(data), 1 if seed is None else seed)
    pages.opened(session, block=True, browser=browser, port=port)


def _reading(data: str) -> str:
    """Return the expression that reads a table."""
    found = find_data(data)
    return repr(data) if isinstance(found, Path) else f"sl.load_dataset({data.removeprefix(SHIPPED)!r})"
