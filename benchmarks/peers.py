"""How long does a person wait for four chains, beside the point estimate of R's lme4?

Usage: python benchmarks/peers.py [--seed N]

Three cases of `engine.py`: 56 binomial rows in 15 levels and Bangladesh with correlated urban slopes
(`glmer`), and radon, 85 counties x 2 effects (`lmer`); the models in R are in `peers.R`. Both read the same
CSV file. Whole processes, from their start to the printed or computed summary, the best of five; *ratio* is
Shoal's seconds over lme4's. lme4 finds a mode (a Laplace approximation for `glmer`); Shoal draws 4 x 1,000
times from the posterior.

Says so, and measures nothing, where Rscript or lme4 is missing.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from _process import HERE, Table, fresh, run_shoal

import shoal as sl
from engine import CASES

NAMES = ("small", "radon", "bangladesh")
TIMES = 5


def work(path: str, formula: str, family: str) -> dict[str, Any]:
    sl.Model(formula, pd.read_csv(path), family).fit(seed=1, progress=False).summary()
    return {}


def lacking() -> str:
    """Return why lme4 cannot be run; nothing if it can."""
    if shutil.which("Rscript") is None:
        return "Rscript is not installed"
    code = "quit(status = !requireNamespace('lme4', quietly = TRUE))"
    found = subprocess.run(["Rscript", "-e", code], capture_output=True)
    return "R has no package lme4" if found.returncode else ""


def in_r(name: str, path: Path) -> float:
    command = ["Rscript", "--vanilla", str(HERE / "peers.R"), name, str(path)]
    began = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    now = int(time.time()) % 1_000_000
    parser.add_argument("--seed", type=int, default=now, help="of the simulated table")
    seed = parser.parse_args().seed
    if reason := lacking():
        print(f"Nothing is compared: {reason}.")
        return
    run_shoal("warm")
    print(f"The simulated table is from seed {seed}.")
    table = Table(f"{'case':<58}", "Shoal", "lme4", "ratio")
    with tempfile.TemporaryDirectory() as folder:
        for name in NAMES:
            problem = CASES[name].make(np.random.default_rng(seed), seed)
            path = Path(folder) / f"{name}.csv"
            problem.table.to_csv(path, index=False)
            arguments = {"path": str(path), "formula": problem.formula, "family": problem.family}
            ours = min(fresh("peers", "work", **arguments)["seconds"] for _ in range(TIMES))
            theirs = min(in_r(name, path) for _ in range(TIMES))
            table.row(f"{CASES[name].words:<58}", ours, theirs, f"{ours / theirs:.2f}")


if __name__ == "__main__":
    main()
