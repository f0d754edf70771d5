"""The command `shoal doctor`: whether the draws in a file can be trusted, whichever program made them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shoal.cli.commands import UNTRUSTWORTHY
from shoal.cli.screen import Screen, complain, show_diagnosis

EPILOG = "Example: shoal doctor trace.nc"

File = Annotated[
    Path,
    typer.Argument(
        metavar="FILE",
        help="netCDF as arviz writes it (PyMC, Stan, NumPyro …) or as `shoal fit -o` does; or a Zarr store.",
    ),
]


def doctor(
    file: File,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show only what is wrong.")] = False,
) -> None:
    """Say whether the draws in a file can be trusted, what is wrong with them, and what to do.

    Exits with 2 if the draws cannot be trusted.
    """
    from shoal.criticism.diagnosis import diagnose

    diagnosis = diagnose(file)
    if quiet:
        for finding in diagnosis:
            if finding.severity != "note":
                complain(finding.severity, f"{finding.code}: {finding.evidence}")
    else:
        screen = Screen()
        show_diagnosis(screen, diagnosis)
        if diagnosis.coverage:
            screen.say(f"\n{diagnosis.coverage}", "dim", hang=2)
    raise typer.Exit(0 if diagnosis.trustworthy else UNTRUSTWORTHY)
