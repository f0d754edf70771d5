"""Many levels: seconds of CPU and peak memory of a fit, by how the draws of its effects are kept.

``python benchmarks/scale_levels.py [--levels 100000] [--rows 1000000] [--family gaussian] [--store STORE]``

Each row of the table is a process of its own: it makes the rows, fits ``y ~ x + (1 + x | g)``, asks for the
effects of all levels, and says how long that took and how much memory was resident at most.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

COLUMNS = (
    *("store", "levels", "rows", "GB before", "GB fitted", "GB with effects", "CPU s of the fit"),
    *("CPU s of the effects", "effects", "worst ESS", "sampler"),
)


def rows_of(levels, rows, family, seed=1):
    """Return a table whose levels have an intercept and a slope of their own."""
    rng = np.random.default_rng(seed)
    g = rng.permutation(np.arange(rows) % levels)
    x = rng.normal(size=rows)
    effects = rng.multivariate_normal([0, 0], [[0.5, 0.1], [0.1, 0.2]], levels)
    eta = 0.3 + effects[g, 0] + (0.5 + effects[g, 1]) * x
    y = (
        rng.normal(eta, 1.0)
        if family == "gaussian"
        else (rng.random(rows) < 1 / (1 + np.exp(-eta))).astype(int)
    )
    return pd.DataFrame({"y": y, "x": x, "g": g})


def peak():
    """Return the most memory that was resident so far, in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def main(asked):
    """Fit, read the effects, and print a row of the table."""
    import shoal as sl

    table = rows_of(asked.levels, asked.rows, asked.family)
    model = sl.Model("y ~ x + (1 + x | g)", table, asked.family)
    before, began = peak(), time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Path(folder) / "run.zarr" if asked.store == "disk" else None
        how = {"draws": asked.draws, "store": asked.store, "checkpoint": checkpoint, "progress": False}
        fit = model.fit(seed=1, **how)
        sampled, fitted = time.process_time() - began, peak()
        effects = fit.effects() if asked.store != "none" else []
        summary = fit.summary()
        seconds = time.process_time() - began - sampled
        memory = f"{before:.1f} | {fitted:.1f} | {peak():.1f}"
        worst, sampler = summary["ess_bulk"].min(), fit.tree.attrs["sampler"]
        print(
            f"| {asked.store} | {asked.levels:,} | {asked.rows:,} | {memory} | {sampled:.0f} | {seconds:.0f} "
            f"| {len(effects):,} | {worst:,.0f} | {sampler} |",
            flush=True,
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--levels", type=int, default=100_000)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--family", default="gaussian", choices=["gaussian", "bernoulli"])
    parser.add_argument("--store", help="One row, in this process; by default one for each, in its own.")
    asked = parser.parse_args()
    if asked.store:
        main(asked)
    else:
        print("| " + " | ".join(COLUMNS) + " |\n|" + "---|" * len(COLUMNS), flush=True)
        for store in ("single", "disk", "summaries", "replay", "none"):
            own = [*sys.argv[1:], "--store", store]
            subprocess.run([sys.executable, __file__, *own], check=True)
