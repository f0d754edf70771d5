"""A case in R, by lme4 or glmmTMB: a point estimate, by Laplace's approximation where rows are not normal."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from peers.case import Case

PROGRAM = Path(__file__).with_suffix(".R")
FAMILIES = {"bernoulli": "binomial"}


def missing(package: str) -> str:
    """Return why a package cannot be run; nothing if it can."""
    if shutil.which("Rscript") is None:
        return "Rscript is not installed"
    return "" if version(package) else f"R has no package {package}"


def version(package: str) -> str:
    """Return the version of a package, or nothing where R cannot load it."""
    code = f"if (requireNamespace('{package}', quietly = TRUE)) cat(format(packageVersion('{package}')))"
    done = subprocess.run(["Rscript", "--vanilla", "-e", code], capture_output=True, text=True)
    return done.stdout.strip()


def command(case: Case, package: str, path: str) -> list[str]:
    """Return the command that reads a CSV file, fits the case and prints a summary."""
    family = FAMILIES.get(case.family, case.family)
    return ["Rscript", "--vanilla", str(PROGRAM), package, case.parts.in_r(), family, path]
