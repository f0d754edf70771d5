"""Rows that are far away: levels integrated where their rows are, on one machine and on a Dask cluster.

Usage: python benchmarks/far_rows.py [weak] [cluster] [stay] [many]
    [--levels N] [--rows N] [--draws N] [--seed N]

* `weak`: 2,000 groups of 3 binary rows, sd 2, sampled by quadrature and by trajectories: CPU seconds of a
  second fit, and the worst effective sizes of all quantities, levels included, beside those of independent
  draws of as many quantities: estimates scatter, and the worst of 2,002 is far below their number.
* `cluster`: 2e6 binary rows with a continuous predictor in 1e4 levels: in one process, with two Dask workers,
  and with two of which one is killed halfway. The three posteriors are compared, in Monte
  Carlo standard errors; rounds, bytes and seconds a round are printed.
* `stay`: 2e6 binary rows with two continuous predictors in 1e4 levels, in Parquet files from which they are
  never read into memory together: by one process, by two Dask workers, and by two of which one is killed
  halfway. Seconds until the model was there and in all, rounds, bytes, the worst effective size, the most
  memory of the client and of all processes together, and how far the posteriors are apart.
* `many`: 1e5 levels with two effects each, 1e6 binary rows, of whose effects no draws are kept: seconds,
  memory, and the worst effective size of the hyperparameters.

`--levels` and `--rows` (of a level) make `cluster`, `stay` and `many` smaller.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from _process import Table, everything, fresh, memory, quality

import shoal as sl
from shoal.engine import convergence
from shoal.reduction import reduce


def logistic(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def weak(options: argparse.Namespace) -> None:
    rng = np.random.default_rng(options.seed)
    g = np.repeat(np.arange(2000), 3)
    y = rng.binomial(1, logistic(0.5 + 2 * rng.normal(size=2000)[g]))
    priors = {"Intercept": sl.priors.Normal(0, 1.5), "sd": sl.priors.Exponential(1)}
    model = sl.Model("y ~ 1 + (1 | g)", pd.DataFrame({"g": g, "y": y}), "bernoulli", priors=priors)
    for sampler in ("quadrature", "hmc"):
        model.fit(draws=20, seed=1, sampler=sampler)
        began = time.process_time()
        fit = model.fit(draws=options.draws or 1000, seed=2, sampler=sampler)
        print(f"{sampler}: {time.process_time() - began:.1f} CPU seconds", flush=True)
        print("  all quantities:", quality(fit, everything(fit)))
        print("  hyperparameters and coefficients:", quality(fit))
    independent = rng.normal(size=(2002, 4, options.draws or 1000))
    parts = np.array_split(independent, 64)
    worst = [min(f(part).min() for part in parts) for f in (convergence.ess_bulk, convergence.ess_tail)]
    print(f"independent draws of as many quantities: worst bulk {worst[0]:.0f}, tail {worst[1]:.0f}")


def cluster(options: argparse.Namespace) -> None:
    from distributed import Client, LocalCluster

    levels, rows = options.levels or 10_000, options.rows or 200
    rng = np.random.default_rng(options.seed)
    g, x = np.repeat(np.arange(levels), rows), rng.normal(size=levels * rows)
    y = rng.binomial(1, logistic(-0.3 + 0.4 * x + 0.8 * rng.normal(size=levels)[g]))
    model = sl.Model("y ~ x + (1 | g)", pd.DataFrame({"g": g, "x": x, "y": y}), "bernoulli")
    settings = {"draws": options.draws or 250, "seed": options.seed, "store": "none"}
    fits = {"one process": timed(model, sampler="quadrature", **settings)}
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as own,
        Client(own) as client,
    ):
        began = time.perf_counter()
        fits["two workers"] = timed(model, client=client, **settings)
        pid = min(client.run(os.getpid).values())
        threading.Timer((time.perf_counter() - began) / 2, os.kill, (pid, signal.SIGKILL)).start()
        fits["one of two killed"] = timed(model, client=client, **{**settings, "seed": options.seed + 1})
    first = fits["one process"]
    for name, fit in fits.items():
        print(f"{name}: largest difference {largest_difference(first, fit):.2f} Monte Carlo errors")


CHUNK = 1_000  # levels of a file
COLUMNS = ("model", "seconds", "rounds", "sent MB", "received MB", "made again", "ESS", "client MB", "all MB")


def stay(options: argparse.Namespace) -> None:
    levels, rows = options.levels or 10_000, options.rows or 200
    folder = Path(tempfile.mkdtemp(prefix="far-rows-"))
    try:
        for number, first in enumerate(range(0, levels, CHUNK)):
            write(folder / f"{number:04}.parquet", first, min(CHUNK, levels - first), rows, options.seed)
        settings = {"folder": str(folder), "draws": options.draws or 250, "seed": options.seed}
        table, means = Table(f"{levels * rows:,} rows by", *COLUMNS, "apart"), dict[str, Any]()
        for name, workers, killed in (
            ("one process", 0, False),
            ("two workers", 2, False),
            ("one killed", 2, True),
        ):
            after = means["two workers"]["fit"] / 2 if killed else None
            found = means[name] = fresh("far_rows", "stayed", workers=workers, after=after, **settings)
            found |= {"client MB": found["peak MB"], "all MB": found["peak MB"] + found["others MB"]}
            apart = np.subtract(found["mean"], means["one process"]["mean"])
            errors = np.hypot(found["error"], means["one process"]["error"])
            table.row(name, *(found[column] for column in COLUMNS), float(abs(apart / errors).max()))
    finally:
        shutil.rmtree(folder)


def write(path: Path, first: int, levels: int, rows: int, seed: int) -> None:
    """Write the rows of some levels."""
    rng = np.random.default_rng([seed, first])
    g, x = np.repeat(np.arange(first, first + levels), rows), rng.normal(size=(2, levels * rows))
    eta = -0.3 + 0.4 * x[0] - 0.2 * x[1] + 0.8 * rng.normal(size=levels)[g - first]
    table = pd.DataFrame({"g": g, "x": x[0], "z": x[1], "y": rng.binomial(1, logistic(eta))})
    table.sample(frac=1, random_state=0).to_parquet(path, index=False)


def stayed(folder: str, workers: int, after: float | None, draws: int, seed: int) -> dict[str, Any]:
    """Return what a fit of rows that stay in their files costs; with `after`, a worker is killed then."""
    with ExitStack() as stack:
        client, others = None, stack.enter_context(watched())
        began = time.perf_counter()
        if workers:
            from distributed import Client, LocalCluster

            own = LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None)
            client = stack.enter_context(Client(stack.enter_context(own)))
        reduce.MOST_MERGED = 0  # of however few rows
        model = sl.Model("y ~ x + z + (1 | g)", f"{folder}/*.parquet", "bernoulli")
        made = time.perf_counter()
        if after is not None:
            pid = min(client.run(os.getpid).values())
            threading.Timer(after, os.kill, (pid, signal.SIGKILL)).start()
        fit = model.fit(client=client, draws=draws, seed=seed, store="none", progress=False)
        facts, ended = json.loads(fit.tree.attrs["sampler_facts"]), time.perf_counter()
        peak = max(others)
    posterior = fit.tree["posterior"]
    values = np.stack([posterior[name].values.reshape(4, draws) for name in ("Intercept", "x", "z", "sd_g")])
    return {
        "model": made - began,
        "fit": ended - made,
        "rounds": facts["rounds"],
        "sent MB": facts["bytes_sent"] / 1e6,
        "received MB": facts["bytes_received"] / 1e6,
        "made again": facts["parts_made_again"],
        "ESS": float(convergence.ess_bulk(values).min()),
        "others MB": peak,
        "mean": values.mean((1, 2)).tolist(),
        "error": convergence.mcse_mean(values).tolist(),
    }


@contextmanager
def watched() -> Iterator[list[float]]:
    """Give a list of how many MB this process' children hold together, which grows every half second."""
    seen, stop = [0.0], threading.Event()

    def watch() -> None:
        import psutil

        while not stop.wait(0.5):
            total = 0
            for own in psutil.Process().children(recursive=True):
                with suppress(psutil.Error):
                    total += own.memory_info().rss
            seen.append(total / 2**20)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        thread.join()


def timed(model: sl.Model, **settings: Any) -> Any:
    began, cpu = time.perf_counter(), time.process_time()
    fit = model.fit(**settings)
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    print(
        f"{seconds:.1f} s, {cpu:.1f} CPU seconds in this process",
        json.loads(fit.tree.attrs["sampler_facts"]),
        quality(fit),
        flush=True,
    )
    return fit


def largest_difference(one: Any, two: Any) -> float:
    """Return the largest difference of posterior means over its Monte Carlo error."""
    worst = 0.0
    for name in one.tree["posterior"].data_vars:
        a, b = (
            np.moveaxis(
                fit.tree["posterior"][name].values.reshape(*fit.tree["posterior"][name].shape[:2], -1), -1, 0
            )
            for fit in (one, two)
        )
        error = np.hypot(convergence.mcse_mean(a), convergence.mcse_mean(b))
        worst = max(worst, float((abs(a.mean((1, 2)) - b.mean((1, 2))) / error).max()))
    return worst


def many(options: argparse.Namespace) -> None:
    levels, rows = options.levels or 100_000, options.rows or 10
    rng = np.random.default_rng(options.seed)
    g, x = np.repeat(np.arange(levels), rows), rng.normal(size=levels * rows)
    eta = 0.3 + 0.5 * x + 0.8 * rng.normal(size=levels)[g] + 0.5 * rng.normal(size=levels)[g] * x
    table = pd.DataFrame({"g": g, "x": x, "y": rng.binomial(1, logistic(eta))})
    model = sl.Model("y ~ x + (1 + x | g)", table, "bernoulli")
    print(timed(model, store="none", draws=options.draws or 1000, seed=options.seed).certificate)
    print(f"{memory():,.0f} MB at most")


CASES = {"weak": weak, "cluster": cluster, "stay": stay, "many": many}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cases", nargs="*", choices=[*CASES, []], default=list(CASES))
    for name in ("--levels", "--rows", "--draws"):
        parser.add_argument(name, type=int)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    for case in options.cases:
        print(f"== {case}", flush=True)
        CASES[case](options)


if __name__ == "__main__":
    main()
