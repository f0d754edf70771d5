"""What do Shoal and other programs take for the same models of the same tables, and how good are the draws?

Usage: benchmarks/run [--list] [--only NAMES] [--peers NAMES] [--minutes N] [--limit SECONDS] [--largest N]
                      [--before DATE] [--seed N] [--smoke]

`benchmarks/run` makes an environment with pinned versions of all programs, and runs this file in it. Cases
are in `peers/cases.py`, and each program writes them in its own file there, `peers/in_*.py`. A run is a whole
process: imports, reading the table, compiling, four chains of 1,000 draws after 1,000 iterations of
adaptation, and a summary of all parameters but effects. It runs *cold*, with empty folders of compiled code,
and *warm*, once more with what the cold run left there. In the series of growing sizes it runs warm alone,
after a fit of the same model to the rows of 20 levels. lme4 and glmmTMB give point estimates, and keep no
compiled code.

Every finished run is a line of docs/side_by_side.csv, of which docs/write_side_by_side.py makes a page. The
next call goes on with what has no line yet, or one older than ``--before``.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
from _process import Ended, answer, peak_of
from peers import PEERS, in_r
from peers.cases import CASES, SERIES
from peers.kept import described, keep, pending, read
from peers.measure import disagreement
from peers.process import FOLDER, Run
from peers.tables import FEW, few, write

MEASURED = {
    **{name: name for name in ("seconds", "processor", "quantities")},
    **{"ess_bulk": "ESS bulk", "ess_tail": "ESS tail", "r_hat": "R-hat", "divergences": "div"},
    "peak_mb": "peak MB",
}


def lines(run: Run, kept: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Yield what is measured of one case by one program: a line for each state, and why there is no other."""
    peer, case = PEERS[run.peer], CASES[run.case]
    status, why = unable(run.case, run.peer)
    if status:
        yield described(run, "warm", status, why)
    elif why := beyond(run, kept):
        yield described(run, "warm", "limit", why)
    else:
        states = ("warm",) if peer.estimate or case.section in SERIES else ("cold", "warm")
        with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
            if case.section in SERIES and not peer.estimate:
                run._replace(table=few(case, run.table)).process(Path(folder))
            for state in states:
                line = finished(run, state, run.process(Path(folder)))
                yield line
                if line["status"] not in ("ok", "estimate"):
                    return


def unable(case: str, peer: str) -> tuple[str, str]:
    """Return as what a case is noted that a program cannot be asked, and why; nothing if it can."""
    if lacking := sorted(PEERS[peer].lacks & CASES[case].traits):
        return "lacking", ", ".join(lacking)
    why = in_r.missing(peer) if PEERS[peer].estimate else ""
    return ("missing", why) if why else ("", "")


def beyond(run: Run, kept: pd.DataFrame) -> str:
    """Return why a member of a series is too large for a program, from what is kept of smaller ones."""
    case = CASES[run.case]
    smaller = {name: c for name, c in CASES.items() if c.section == case.section and c.size < case.size}
    if case.section not in SERIES:
        return ""
    own = kept[(kept["peer"] == run.peer) & kept["case"].isin(list(smaller))]
    stopped = own[own["status"].isin(["limit", "failed"])]
    if not len(stopped):
        return ""
    first = min(stopped.itertuples(), key=lambda row: smaller[row.case].size)
    return first.why if first.why.startswith("not tried") else f"not tried: {first.why} in {first.case}"


def finished(run: Run, state: str, of: Ended) -> dict[str, Any]:
    """Return the line of a process that has ended."""
    if of.status == -signal.SIGALRM:
        return described(run, state, "limit", f"{run.limit} s", seconds=of.seconds)
    if of.status:
        why = "killed, as where memory is short" if of.status == -signal.SIGKILL else said_last(of.errors)
        return described(run, state, "failed", why, seconds=of.seconds)
    if PEERS[run.peer].estimate:
        peak = peak_of(of.output) if "VmHWM:" in of.output else None
        taken = {"seconds": of.seconds, "processor": of.processor, "peak_mb": peak}
        return described(run, state, "estimate", "", **taken)
    found = answer(of)
    shoal = run._replace(peer="shoal")
    if not shoal.means.exists():  # as where the line was kept by another machine
        shoal.process(FOLDER / "compiled")
    z, bound = disagreement(shoal.means, run.means) if shoal.means.exists() else (None, None)
    numbers = {name: found[theirs] for name, theirs in MEASURED.items()}
    return described(run, state, "ok", "", **numbers, z=z, z_bound=bound)


def said_last(errors: str) -> str:
    """Return the last line that a process wrote before it failed; R ends with some that say no reason."""
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    reasons = [line for line in lines if line != "Execution halted" and not line.startswith("Calls: ")]
    return reasons[-1][:100] if reasons else "nothing was said"


def chosen(words: str, names: list[str]) -> list[str]:
    """Return the names that are meant: each word is a name itself, or the beginning of all that begin so."""
    out: dict[str, None] = {}
    for word in words.split(","):
        out |= dict.fromkeys([word] if word in names else [name for name in names if name.startswith(word)])
    return list(out)


def measure(options: argparse.Namespace, names: list[str], peers: list[str]) -> None:
    """Run what is pending, and keep each line."""
    end = time.monotonic() + 60 * options.minutes
    for name in names:
        waiting = pending(name, peers, read(), options.before)
        if not waiting or time.monotonic() > end:
            continue
        with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
            table = Path(folder) / "rows.parquet"
            if not all(unable(name, peer)[0] for peer in waiting):
                write(CASES[name], options.seed, table)
            for peer in waiting:
                if time.monotonic() > end:
                    return
                for line in lines(Run(name, peer, table, 1000, options.seed, options.limit), read()):
                    say(line)
                    keep(line)


def smoke(options: argparse.Namespace, names: list[str], peers: list[str]) -> int:
    """Run each case once on few rows and keep nothing; return 1 if a program failed or says otherwise."""
    wrong = 0
    for name in names:
        with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
            table = write(CASES[name], options.seed, Path(folder) / "rows.parquet", parts=1)
            for peer in peers:
                run = Run(name, peer, few(CASES[name], table), 300, options.seed, options.limit)
                status, why = unable(name, peer)
                if status:
                    line = described(run, "smoke", status, why)
                else:
                    line = finished(run, "smoke", run.process(FOLDER / "compiled"))
                say(line)
                disagrees = line["z"] is not None and line["z"] > line["z_bound"]
                wrong += line["status"] in ("failed", "limit") or disagrees
        for path in FOLDER.glob(f"means/{name}-few-*"):
            path.unlink()
    return 1 if wrong else 0


def say(line: dict[str, Any]) -> None:
    told = {name: value for name, value in line.items() if value is not None and name != "machine"}
    print(", ".join(f"{value}" for value in told.values()), flush=True)


def stop_with_this() -> None:
    """Let who stops this process stop the one that it measures, which is in a session of its own."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks/run", description=__doc__.splitlines()[0])
    parser.add_argument("--list", action="store_true", help="name the cases and the programs")
    parser.add_argument("--only", default="", help="cases, by commas; the beginning of names stands for all")
    parser.add_argument("--peers", default=",".join(PEERS), help="programs, by commas (default: %(default)s)")
    parser.add_argument("--minutes", type=float, default=60.0, help="no run begins after so many")
    parser.add_argument("--limit", type=int, default=900, help="seconds after which a process is stopped")
    parser.add_argument("--largest", type=float, default=1e6, help="rows, levels or effects of the series")
    parser.add_argument("--before", default="", help="run again what was run before a date, 2026-12-31")
    parser.add_argument("--seed", type=int, default=1, help="of the simulated tables and of the draws")
    parser.add_argument(
        "--smoke", action="store_true", help=f"300 draws of the rows of {FEW} levels; keeps nothing"
    )
    options = parser.parse_args()
    names = chosen(options.only, [name for name, case in CASES.items() if case.size <= options.largest])
    if options.list:
        print("\n".join(f"{name:<26}{CASES[name].words}" for name in names))
        print("programs:", ", ".join(f"{name} ({peer.name})" for name, peer in PEERS.items()))
        return 0
    peers = options.peers.split(",")
    if unknown := set(peers) - set(PEERS):
        parser.error(f"There is no program {min(unknown)!r}; programs: {', '.join(PEERS)}.")
    if not names:
        parser.error(f"No case is called or begins with {options.only!r}; --list names all of them.")
    (FOLDER / "means").mkdir(parents=True, exist_ok=True)
    stop_with_this()
    if options.smoke:
        return smoke(options, names, peers)
    measure(options, names, peers)
    return 0


if __name__ == "__main__":
    sys.exit(main())
