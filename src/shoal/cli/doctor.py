"""The command `shoal doctor`: whether the draws in a file can be trusted, whichever program made them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shoal.cli.commands import UNTRUSTWORTHY
from shoal.cli.options import Cores
from shoal.cli.report import load_fit
from shoal.cli.screen import Screen, complain, frame_table, show_diagnosis

if TYPE_CHECKING:
    from shoal.api import Fit

EPILOG = "Example: shoal doctor trace.nc; shoal doctor --verify fit.nc"

File = Annotated[
    Path,
    typer.Argument(
        metavar="FILE",
        help="netCDF as arviz writes it (PyMC, Stan, NumPyro …) or as `shoal fit -o` does; or a Zarr store.",
    ),
]


def doctor(
    file: File,
    verify: Annotated[
        bool,
        typer.Option(
            "--verify",
            help="Build the model of a fit of Shoal from the file, sample it by another move, and compare.",
        ),
    ] = False,
    seed: Annotated[
        int | None, typer.Option(help="Of --verify.", show_default="follows from the fit's own")
    ] = None,
    cores: Cores = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show only what is wrong.")] = False,
) -> None:
    """Say whether the draws in a file can be trusted, what is wrong with them, and what to do.

    Exits with 2 if the draws cannot be trusted, or if --verify does not confirm them.
    """
    from shoal.criticism.diagnosis import diagnose

    fit = load_fit(file) if verify else None
    diagnosis = diagnose(file if fit is None else fit)
    if quiet:
        for finding in diagnosis:
            if finding.severity != "note":
                complain(finding.severity, f"{finding.code}: {finding.evidence}")
    else:
        screen = Screen()
        show_diagnosis(screen, diagnosis)
        if diagnosis.coverage:
            screen.say(f"\n{diagnosis.coverage}", "dim", hang=2)
    confirmed = fit is None or _verified(fit, seed, cores, quiet)
    raise typer.Exit(0 if diagnosis.trustworthy and confirmed else UNTRUSTWORTHY)


def _verified(fit: Fit, seed: int | None, cores: int | None, quiet: bool) -> bool:
    """Sample a fit again, and show how the two compare; return whether the draws are confirmed."""
    found = fit.verify(seed=seed, cores=cores, progress=False if quiet else None)
    if not quiet:
        screen = Screen()
        screen.say()
        screen.print(frame_table(found.table.reset_index(names="")))
        screen.say(f"\n{found.verdict}", "green" if found.ok else "bold")
    elif not found.ok:
        complain("error", found.verdict)
    return found.ok
