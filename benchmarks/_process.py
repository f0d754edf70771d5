"""Run one function of a benchmark in a process of its own, and measure the whole of it."""

import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "tests"))  # the quadrature oracles

QUALITY = ("R-hat", "ESS bulk", "ESS tail", "div", "sampler")  # columns that `quality` fills
TOGETHER = 32  # quantities whose effective sizes are computed at a time

CHILD = """
import importlib, json, sys
sys.path.insert(0, sys.argv[1])
from _process import memory
answer = getattr(importlib.import_module(sys.argv[2]), sys.argv[3])(**json.loads(sys.argv[4]))
answer.setdefault("peak MB", memory())
print(json.dumps(answer))
"""


class Ended(NamedTuple):
    """What is known of a process that has ended; CPU seconds are also of those that it waited for."""

    status: int
    output: str
    errors: str
    seconds: float
    processor: float


def ended(command: Sequence[str], environment: Mapping[str, str] | None = None, limit: int = 0) -> Ended:
    """Run a command to its end, or stop it after `limit` seconds: its status is then -SIGALRM.

    Parameters
    ----------
    environment : mapping, optional
        What is added to the environment of this process.
    limit : int
        Seconds; 0 for none. The alarm is set before the program begins, and a program may end it.
    """
    # Python's own byte code is kept, as it is wherever a package is installed.
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    kept |= environment or {}
    # Files, not pipes: what a stopped process has started may outlive it, and would hold a pipe open.
    with _text() as output, _text() as errors:
        began = time.perf_counter()
        process = subprocess.Popen(
            command,
            env=kept,
            stdout=output,
            stderr=errors,
            start_new_session=True,
            preexec_fn=lambda: signal.alarm(limit),
        )
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:  # who waits is stopped: so is what it waits for
            _kill(process.pid)
            process.wait()
            raise
        _kill(process.pid)  # what it has started and left
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        texts = []
        for stream in (output, errors):
            stream.seek(0)
            texts.append(stream.read())
    processor = usage.ru_utime + usage.ru_stime
    return Ended(process.returncode, *texts, seconds, processor)


def _kill(group: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


def _text() -> IO[str]:
    return tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")


def child(script: str, function: str, **arguments: Any) -> list[str]:
    """Return the command that prints what a function of a benchmark returns."""
    return [sys.executable, "-c", CHILD, str(HERE), script, function, json.dumps(arguments)]


def answer(of: Ended) -> dict[str, Any]:
    """Return what the function of a `child` returned, with what it took less what is not counted."""
    found = json.loads(of.output.splitlines()[-1])
    seconds, processor = found.pop("uncounted", 0.0), found.pop("uncounted processor", 0.0)
    return {**found, "seconds": of.seconds - seconds, "processor": of.processor - processor}


def fresh(script: str, function: str, machine_code: str | None = None, **arguments: Any) -> dict[str, Any]:
    """Return what ``function(**arguments)`` of ``script.py`` returns in a new process, measured.

    Parameters
    ----------
    script, function : str
        The function returns a dict that JSON can hold. It may have ``uncounted``: seconds that are not part
        of what is asked.
    machine_code : str, optional
        Folder in which the process keeps compiled functions; the user's own by default.

    Returns
    -------
    dict
        With ``seconds``, from the start of the process to its end less what is uncounted, and ``peak MB`` of
        memory.
    """
    kept = {"NUMBA_CACHE_DIR": machine_code} if machine_code else None
    of = ended(child(script, function, **arguments), kept)
    sys.stderr.write(of.errors)
    if of.status:
        raise subprocess.CalledProcessError(of.status, script)
    return answer(of)


def run_shoal(*arguments: str, machine_code: str | None = None) -> float:
    """Run a command of Shoal's in a process of its own, its output unseen; return seconds."""
    command = [sys.executable, "-c", "from shoal.cli import main; main()", *arguments]
    of = ended(command, {"NUMBA_CACHE_DIR": machine_code} if machine_code else None)
    sys.stderr.write(of.errors)
    if of.status:
        raise subprocess.CalledProcessError(of.status, command)
    return of.seconds


def memory() -> float:
    """Return the most memory this process has held so far, in MB.

    Linux's ``ru_maxrss`` begins with that of the process that started this one; its ``VmHWM`` does not.
    """
    with suppress(OSError):
        return peak_of(Path("/proc/self/status").read_text(encoding="utf-8"))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def peak_of(status: str) -> float:
    """Return the most memory that a process has held, in MB, from what /proc/PID/status says."""
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return float(line.split()[1]) / 1024


def quality(fit: Any, names: Sequence[str] | None = None) -> dict[str, Any]:
    """Return worst R-hat and effective sample sizes of posterior variables, divergences, and the sampler.

    Parameters
    ----------
    names : sequence of str, optional
        All but the group effects by default.
    """
    posterior = fit.tree["posterior"].to_dataset()
    if names is None:
        names = [name for name in posterior.data_vars if name not in fit.model.specification.group_effects]
    return {
        **worst(posterior[name].values for name in names),
        "div": int(fit.tree["sample_stats"]["diverging"].sum()),
        "sampler": fit.tree.attrs["sampler"],
    }


def worst(variables: "Iterable[np.ndarray]") -> dict[str, Any]:
    """Return the number of quantities, and the worst R-hat and effective sample sizes among them.

    Parameters
    ----------
    variables : iterable of array, (chains, draws, ...)
    """
    import numpy as np

    from shoal.engine import convergence

    highest, bulk, tail, count = 1.0, np.inf, np.inf, 0
    for draws in variables:
        flat = np.moveaxis(draws.reshape(*draws.shape[:2], -1), -1, 0)
        count += len(flat)
        for i in range(0, len(flat), TOGETHER):
            part = flat[i : i + TOGETHER].astype(float)
            part = part[np.ptp(part, axis=(1, 2)) > 0]  # the diagonal of a correlation matrix never varies
            if len(part):
                highest = max(highest, convergence.rhat(part).max())
                bulk = min(bulk, convergence.ess_bulk(part).min())
                tail = min(tail, convergence.ess_tail(part).min())
    numbers = {"R-hat": float(highest), "ESS bulk": float(bulk), "ESS tail": float(tail)}
    return {"quantities": count, **numbers}


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
