"""Run one function of a benchmark in a process of its own, and measure the whole of it."""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests"))  # the quadrature oracles

QUALITY = ("R-hat", "ESS bulk", "ESS tail", "div", "sampler")  # columns that `quality` fills

CHILD = """
import importlib, json, resource, sys
sys.path.insert(0, sys.argv[1])
answer = getattr(importlib.import_module(sys.argv[2]), sys.argv[3])(**json.loads(sys.argv[4]))
answer["peak MB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps(answer))
"""


def fresh(script: str, function: str, cache: str = "off", **arguments: Any) -> dict[str, Any]:
    """Return what ``function(**arguments)`` of ``script.py`` returns in a new process, measured.

    Parameters
    ----------
    script, function : str
        The function returns a dict that JSON can hold.
    cache : str
        ``SHOAL_CACHE`` of the process: "off", or a folder.

    Returns
    -------
    dict
        With ``seconds``, from the start of the process to its end, and ``peak MB`` of memory.
    """
    command = [sys.executable, "-c", CHILD, str(HERE), script, function, json.dumps(arguments)]
    began = time.perf_counter()
    done = subprocess.run(
        command, env={**os.environ, "SHOAL_CACHE": cache}, stdout=subprocess.PIPE, check=True
    )
    seconds = time.perf_counter() - began
    return {"seconds": seconds, **json.loads(done.stdout.splitlines()[-1])}


@contextmanager
def empty_cache() -> Iterator[str]:
    """Give an empty folder for compiled programs."""
    with tempfile.TemporaryDirectory() as folder:
        yield folder


def cold_and_warm(script: str, function: str, **arguments: Any) -> dict[str, Any]:
    """Return what `fresh` returns from the second of two processes that share a cache, empty at first.

    Parameters
    ----------
    script, function : str
        As for `fresh`. The function may return ``uncounted``: seconds that are not part of what is asked.

    Returns
    -------
    dict
        With ``cold`` and ``warm`` seconds of the whole processes; memory (keys that end in MB) is the larger.
    """
    with empty_cache() as cache:
        cold, warm = (fresh(script, function, cache, **arguments) for _ in range(2))
    seconds = {
        name: run["seconds"] - run.get("uncounted", 0.0) for name, run in (("cold", cold), ("warm", warm))
    }
    return {**warm, **seconds, **{name: max(cold[name], warm[name]) for name in warm if name.endswith("MB")}}


def memory() -> float:
    """Return the most memory this process has held so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def quality(fit: Any, names: Sequence[str] | None = None) -> dict[str, Any]:
    """Return worst R-hat and effective sample sizes of posterior variables, divergences, and the sampler."""
    table = fit.summary(names)
    return {
        "R-hat": float(table["r_hat"].max()),
        "ESS bulk": float(table["ess_bulk"].min()),
        "ESS tail": float(table["ess_tail"].min()),
        "div": int(fit.tree["sample_stats"]["diverging"].sum()),
        "sampler": fit.tree.attrs["sampler"],
    }


def everything(fit: Any) -> list[str]:
    """Return the names of all posterior variables, group effects included."""
    return [str(name) for name in fit.tree["posterior"].data_vars]


def distance(fit: Any, truth: Mapping[str, Any], names: Sequence[str]) -> float:
    """Return the largest distance of a posterior mean from the truth, in posterior standard deviations."""
    worst = 0.0
    for name in names:
        draws = fit.tree["posterior"][name]
        means, sds = draws.mean(("chain", "draw")).values, draws.std(("chain", "draw")).values
        worst = max(worst, float(abs((means.ravel() - truth[name]) / sds.ravel()).max()))
    return worst


def worst_score(fit: Any, exact: Any, names: Mapping[str, str]) -> float:
    """Return the largest error of a mean or sd, in Monte Carlo standard errors.

    Parameters
    ----------
    exact : oracles.Moments
    names : mapping
        Posterior variable of each name of `exact`; ``levels`` for the levels' own coefficients.
    """
    from oracles import z_scores

    worst = 0.0
    for theirs, ours in names.items():
        draws = fit.levels() if ours == "levels" else fit.tree["posterior"][ours]
        values = draws.values[..., 0] if draws.ndim > 2 else draws.values
        worst = max(worst, float(abs(z_scores(values, exact.mean[theirs], exact.sd[theirs])).max()))
    return worst


class Table:
    """A table printed row by row, as results come in."""

    def __init__(self, *columns: str):
        self.columns = columns
        print("  ".join(f"{c:>{self._width(c)}}" for c in columns), flush=True)

    @staticmethod
    def _width(column: str) -> int:
        return max(len(column), 9)

    def row(self, *values: Any) -> None:
        """Print one row; numbers with as many digits as they deserve."""
        cells = (f"{self._text(v):>{self._width(c)}}" for c, v in zip(self.columns, values, strict=True))
        print("  ".join(cells), flush=True)

    @staticmethod
    def _text(value: Any) -> str:
        if not isinstance(value, float):
            return str(value)
        if 0.9 < value < 1.1:
            return f"{value:.3f}"
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2f}"
