"""Is every family, term and move calibrated? Simulation-based calibration, a row at a time.

A row is a model of `tests/criticism/calibrated.py`: every term once, and every family in every layout of
levels (intercepts, correlated slopes, nested, crossed) by every move of the sampler. Each finished row
is kept in docs/calibration.csv, from which docs/write_trust.py makes a table; the next run goes on with
what was never run, then with what was run longest ago::

    python benchmarks/calibration.py [--minutes 60] [--simulations 200] [--seed 20261128] [--only TEXT]

A row whose smallest p-value is below its level is run once more, by another seed and twice the
simulations; it has failed if that is below it as well. With `--check` nothing is kept, rows are those
whose turn it is today, and the exit code says whether all were calibrated: what CI does with few
simulations.
"""

from __future__ import annotations

import argparse
import datetime
import multiprocessing
import os
import sys
import time
import warnings
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, as_completed, wait
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from shoal.criticism.calibration import CORRELATED, Calibration, sbc

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "criticism"))

from calibrated import ALONE, KINDS, LAYOUTS, Case, model, of_family  # noqa: E402

from shoal.errors import SamplingError  # noqa: E402
from shoal.families import FAMILIES  # noqa: E402
from shoal.model import Specification  # noqa: E402

KEPT = ROOT / "docs" / "calibration.csv"
MOVES = ("auto", "alternating", "hmc", "nuts")
DRAWS = 300  # of a table, of which 100 are kept; five times as many where these are correlated
LEVEL = 0.005  # of a row: of some six hundred three fail by chance, and one in two hundred of these twice


class Row(NamedTuple):
    """What is calibrated, and by which move."""

    model: str
    layout: str
    move: str

    @property
    def case(self) -> Case:
        """Formula, family, priors and predictors."""
        terms = KINDS | ALONE
        return of_family(self.model, self.layout) if self.layout != "-" else terms[self.model]


def rows() -> Iterator[Row]:
    """Yield all rows: terms, then families in every layout as they are fitted, then by each move."""
    for name in [*KINDS, *(name for name in ALONE if name not in FAMILIES)]:
        yield Row(name, "-", "auto")
    for move in MOVES:
        for layout in LAYOUTS:
            for name in FAMILIES:
                yield Row(name, layout, move)


def smallest(found: Calibration) -> float:
    """Return the smallest p-value of all tests of a row, times their number (Bonferroni)."""
    tests = [*found.summary()["p_value"], found.joint_spread[1]]
    return min(1.0, len(tests) * min(tests))


def simulated(specification: Specification, size: int, draws: int, seed: int, move: str) -> Calibration:
    """Return the calibration of one row by one chain a table, in this process alone."""
    return sbc(specification, size, draws=draws, chains=1, seed=seed, sampler=move, cores=1)


def calibrate(row: Row, simulations: int, seed: int) -> dict[str, object]:
    """Return a line of the table."""
    warnings.simplefilter("ignore")  # remarks on tables that only have to be possible
    began = time.perf_counter()
    specification = model(row.case)
    line: dict[str, object] = {**row._asdict(), "date": datetime.date.today().isoformat()}
    for attempt in (1, 2):
        size = attempt * simulations
        try:
            found = simulated(specification, size, DRAWS, seed, row.move)
            if found.autocorrelation.max() > CORRELATED:
                found = simulated(specification, size, 5 * DRAWS, seed, row.move)
        except SamplingError as problem:
            line |= {"seed": seed, "simulations": size, "verdict": f"NOT fitted: {problem.found}"}
            break
        p = smallest(found)
        line |= {
            "seed": seed,
            "simulations": size,
            "quantities": found.ranks.shape[1],
            "smallest_p": round(p, 4),
            "divergent": found.divergent,
            "verdict": "calibrated" if p > LEVEL else "NOT calibrated",
        }
        if p > LEVEL:
            break
        seed += 1
    return line | {"seconds": round(time.perf_counter() - began)}


def turn(kept: pd.DataFrame, only: str) -> list[Row]:
    """Return all rows, those that were never run first, then by the date of their last run."""
    last = {
        Row(*own[:3]): own[3] for own in kept[["model", "layout", "move", "date"]].itertuples(index=False)
    }
    chosen = [row for row in rows() if only in ", ".join(row)]
    return sorted(chosen, key=lambda row: last.get(row, ""))


def todays() -> list[Row]:
    """Return the rows whose turn it is today, a tenth of all."""
    every = list(rows())
    first = datetime.date.today().toordinal() % 10
    return every[first::10]


def lines(chosen: Iterable[Row], options: argparse.Namespace) -> Iterator[dict[str, object]]:
    """Yield lines of the table as rows are done, rows side by side in processes."""
    end, waiting = time.monotonic() + 60 * options.minutes, set[Future[dict[str, object]]]()
    with ProcessPoolExecutor(options.processes, multiprocessing.get_context("spawn")) as pool:
        for row in chosen:
            if time.monotonic() > end:
                break
            waiting.add(pool.submit(calibrate, row, options.simulations, options.seed))
            if len(waiting) == options.processes:
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                yield from (each.result() for each in done)
        yield from (each.result() for each in as_completed(waiting))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60.0, help="no row begins after so many")
    parser.add_argument("--simulations", type=int, default=200)
    parser.add_argument("--seed", type=int, default=int(f"{datetime.date.today():%Y%m%d}"))
    parser.add_argument("--only", default="", help="rows in which this text occurs")
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="rows side by side")
    parser.add_argument("--check", action="store_true", help="keep nothing: rows whose turn it is today")
    options = parser.parse_args()
    kept = pd.read_csv(KEPT) if KEPT.exists() else pd.DataFrame(columns=[*Row._fields, "date"])
    wrong = 0
    for line in lines(todays() if options.check else turn(kept, options.only), options):
        print(", ".join(f"{value}" for value in line.values()), flush=True)
        wrong += line["verdict"] != "calibrated"
        if not options.check:
            others = kept[(kept[list(Row._fields)] != [line[name] for name in Row._fields]).any(axis=1)]
            kept = pd.concat([others, pd.DataFrame([line])]) if len(others) else pd.DataFrame([line])
            kept.to_csv(KEPT, index=False)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
