"""What was measured is kept: a line for each case, program and state, in docs/side_by_side.csv."""

from __future__ import annotations

import datetime
import os
import shutil
import subprocess
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

import pandas as pd
from _process import HERE

from peers import PEERS, in_r
from peers.process import Run

KEPT = HERE.parent / "docs" / "side_by_side.csv"
COLUMNS = (
    *("case", "peer", "state", "status", "why", "seconds", "processor", "quantities", "ess_bulk", "ess_tail"),
    *("r_hat", "divergences", "peak_mb", "z", "z_bound", "draws", "seed", "versions", "machine", "date"),
)


def described(run: Run, state: str, status: str, why: str, **numbers: Any) -> dict[str, Any]:
    """Return a line: what was run, how it ended, what was measured, rounded to four digits."""
    rounded = {name: four_digits(value) for name, value in numbers.items() if value is not None}
    with_what = {"draws": run.draws, "seed": run.seed, "versions": versions(run.peer), "machine": machine()}
    ended_so = {"case": run.case, "peer": run.peer, "state": state, "status": status, "why": why}
    line = {**ended_so, **rounded, **with_what, "date": datetime.date.today().isoformat()}
    return {name: line.get(name) for name in COLUMNS}


def four_digits(value: float) -> float:
    rounded = float(f"{value:.4g}")
    return int(rounded) if rounded.is_integer() else rounded


def versions(peer: str) -> str:
    if PEERS[peer].estimate:
        return f"{peer} {in_r.version(peer)}".strip() if shutil.which("Rscript") else ""
    packages = (package for package in PEERS[peer].packages if find_spec(package))
    named = ", ".join(f"{package} {version(package)}" for package in packages)
    if peer != "shoal" or not shutil.which("git"):
        return named
    git = ["git", "-C", str(HERE.parent)]
    commit = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    # Pages change while lines are kept: what matters is whether the package is that of the commit.
    changed = subprocess.run([*git, "diff", "--quiet", "HEAD", "--", "src"], capture_output=True)
    return f"{named} {commit.stdout.strip()}{' changed' if changed.returncode == 1 else ''}".strip()


def machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return f"{os.cpu_count()} cores, {memory:.0f} GB"


def read() -> pd.DataFrame:
    """Return the lines that are kept, as text."""
    if not KEPT.exists():
        return pd.DataFrame(columns=list(COLUMNS))
    return pd.read_csv(KEPT, dtype=str, keep_default_na=False)


def keep(line: dict[str, Any]) -> pd.DataFrame:
    """Put a line in the place of the one before, or after all others; return all."""
    kept, key = read(), ["case", "peer", "state"]
    others = kept[(kept[key] != [line[name] for name in key]).any(axis=1)]
    new = pd.DataFrame([line], columns=list(COLUMNS))
    kept = pd.concat([others.astype(object), new.astype(object)]) if len(others) else new
    kept.to_csv(KEPT, index=False)
    return kept


def pending(case: str, peers: list[str], kept: pd.DataFrame, before: str) -> list[str]:
    """Return the programs that have no line of a case, or one that is too old."""
    own = kept[(kept["case"] == case) & (kept["status"] != "missing") & (kept["date"] >= before)]
    return [peer for peer in peers if peer not in set(own["peer"])]
