"""How long does a person wait for each kind of model, and how many effective draws does the wait give?

Usage: python benchmarks/engine.py [CASE ...] [--seed N] [--draws N]

One row a case, each in a process of its own: *seconds* from the start of Python to the summary of 4 chains
(of 1,000 draws, where the case does not say otherwise), the seconds of `Model.fit` among them (*fit*), and of
a second fit with another seed in the same process, which is not counted in *seconds* (*refit*, of the cases
where it is asked). Then the worst R-hat and the worst bulk and tail effective sample size of all quantities
of the posterior, levels included, computed afterwards and not counted; divergences, the sampler, and peak
memory.

Tables are simulated anew for each run, from ``--seed`` (by default the clock; it is printed), but for those
of eight schools, radon, Bangladesh and Trolley, which are the published data. Making a table is counted, but
for 200,000 rows (`slopes200k`), where seconds are those after the data.

Compiled functions are on disk when the rows begin: `shoal warm` runs first. `first_use` says what that costs
on a new machine: seconds of a whole first process of the case `small` with an empty folder of machine code,
then of `shoal warm` with another empty one, and of `small` after it.

Without a case, all run. `python benchmarks/engine.py --list` names them; the beginning of names, such as
`one_way` or `one_way-10`, stands for all of them.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from typing import Any

import numpy as np
from _process import QUALITY, Table, everything, fresh, quality, run_shoal
from problems import CASES

import shoal as sl

COLUMNS = ("seconds", "fit", "refit", "quantities", *QUALITY, "peak MB")
FIRST_USE = "first_use"


def work(name: str, seed: int, draws: int) -> dict[str, Any]:
    case = CASES[name]
    began = time.perf_counter()
    problem = case.make(np.random.default_rng(seed), seed)
    making = time.perf_counter() - began
    model = sl.Model(problem.formula, problem.table, problem.family, problem.priors)
    began = time.perf_counter()
    fit = model.fit(draws, seed=1, progress=False)
    fitted = time.perf_counter()
    fit.summary()
    done = time.perf_counter()
    answer: dict[str, Any] = {"fit": fitted - began, "refit": "-"}
    if case.refit:
        model.fit(draws, seed=2, progress=False)
        answer["refit"] = time.perf_counter() - done
    answer |= quality(fit, everything(fit))
    uncounted = time.perf_counter() - done + (making if case.after_data else 0.0)
    return {**answer, "uncounted": uncounted}


def first_use(seed: int) -> None:
    """Print what an empty folder of machine code costs."""
    table = Table(f"{'first use on a new machine':<58}", "seconds")

    def small_fit(folder: str) -> float:
        return fresh("engine", "work", folder, name="small", seed=seed, draws=1000)["seconds"]

    with tempfile.TemporaryDirectory() as folder:
        table.row("the first process: 56 binomial rows", small_fit(folder))
        table.row("the second", small_fit(folder))
    with tempfile.TemporaryDirectory() as folder:
        table.row("shoal warm, before any fit", run_shoal("warm", machine_code=folder))
        table.row("the first process after it", small_fit(folder))


def chosen(wanted: list[str]) -> list[str]:
    """Return the names that are meant: a name itself, or all that begin with it."""
    names = [*CASES, FIRST_USE]
    out: dict[str, None] = {}
    for word in wanted or names:
        found = [word] if word in names else [name for name in names if name.startswith(word)]
        if not found:
            raise SystemExit(f"No case begins with {word!r}. Cases: {', '.join(names)}")
        out |= dict.fromkeys(found)
    return list(out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", nargs="*", metavar="CASE")
    now = int(time.time()) % 1_000_000
    parser.add_argument("--seed", type=int, default=now, help="of the simulated tables")
    parser.add_argument("--draws", type=int, help="of each chain, in place of each case's own")
    parser.add_argument("--list", action="store_true", help="name the cases")
    options = parser.parse_args()
    if options.list:
        print("\n".join(f"{name:<26}{case.words}" for name, case in CASES.items()))
        print(f"{FIRST_USE:<26}the first fit on a new machine, and shoal warm")
        return
    names = chosen(options.cases)
    print(f"Tables are simulated from seed {options.seed}.", flush=True)
    print(f"shoal warm: {run_shoal('warm'):.0f} s\n", flush=True)
    if rows := [name for name in names if name != FIRST_USE]:
        table = Table(f"{'case':<58}", *COLUMNS)
        for name in rows:
            case = CASES[name]
            draws = options.draws or case.draws
            measured = fresh("engine", "work", name=name, seed=options.seed, draws=draws)
            table.row(f"{case.words:<58}", *(measured[c] for c in COLUMNS))
    if FIRST_USE in names:
        first_use(options.seed)


if __name__ == "__main__":
    main()
