"""What does a model of a table cost that is not in memory?

Usage: python benchmarks/scale.py [gaussian ROWS | engines ROWS | counts ROWS]...

gaussian: rows in Parquet, 3 slopes, 10,000 groups, reduced by DuckDB to points of the same sums and fitted;
written in chunks and removed afterwards, 35 bytes a row on disk. engines: the sums of the same rows by
pandas, polars, DuckDB, Dask and Spark (this one if pyspark is installed, with Java), and by how much they
differ from those of pandas, in units of their sizes.
counts: binary rows with 1,000 groups and 5 predictors of two categories, equal ones merged where they are.
By default gaussian 10000000, engines 1000000 and counts 1000000. Seconds are of whole processes; `reduced` is
when the model was there, and `processor` the seconds of all threads, which other work leaves alone.
"""

import shutil
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from _process import Table, fresh

CHUNK = 1_000_000
GROUPS, LEVELS = 10_000, 1_000
GAUSSIAN = "y ~ x1 + x2 + x3 + (1 + x1 | g)"
COUNTS = "y ~ a + b + c + d + e + (1 | g)"


def gaussian_chunk(rows: int, seed: int) -> dict[str, Any]:
    """Return rows of a mean of about 1e6 and a residual sd of 1."""
    import numpy as np

    rng, levels = np.random.default_rng([seed, 1]), np.random.default_rng(0).normal(size=(GROUPS, 2))
    g, x = rng.integers(0, GROUPS, rows, dtype=np.int32), rng.normal(size=(3, rows))
    y = (
        1e6
        + 0.5 * x[0]
        - x[1]
        + 0.1 * x[2]
        + levels[g, 0]
        + 0.3 * levels[g, 1] * x[0]
        + rng.normal(size=rows)
    )
    return {"g": g, "x1": x[0], "x2": x[1], "x3": x[2], "y": y}


def binary_chunk(rows: int, seed: int) -> dict[str, Any]:
    """Return rows of zeros and ones, with five predictors of two categories each."""
    import numpy as np

    rng, levels = np.random.default_rng([seed, 2]), np.random.default_rng(0).normal(size=LEVELS)
    g = rng.integers(0, LEVELS, rows, dtype=np.int32)
    codes = [rng.integers(0, size, rows) for size in (2, 2, 2, 2, 2)]
    eta = 0.3 * codes[0] - 0.2 * codes[1] + 0.1 * codes[4] + levels[g] - 0.5
    names = np.array(list("pq"))
    predictors = {name: names[code] for name, code in zip("abcde", codes, strict=True)}
    return {"g": g, **predictors, "y": rng.binomial(1, 1 / (1 + np.exp(-eta)))}


def write(folder: Path, rows: int, chunk: Any) -> None:
    """Write rows as Parquet files of at most `CHUNK` each."""
    import pyarrow as pa
    import pyarrow.parquet

    for number, start in enumerate(range(0, rows, CHUNK)):
        part = pa.table(chunk(min(CHUNK, rows - start), number))
        pa.parquet.write_table(part, folder / f"{number:04}.parquet", compression="NONE")


def fitted(folder: str, formula: str, family: str) -> dict[str, Any]:
    """Return what reading, reducing and fitting take."""
    began = time.perf_counter()
    import shoal as sl

    model = sl.Model(formula, f"{folder}/*.parquet", family=family)
    reduced = time.perf_counter() - began
    fit = model.fit(seed=1, progress=False)
    reduction = model.specification.table.reduction
    worst = float(fit.summary()[["ess_bulk", "ess_tail"]].min(axis=None))
    return {
        "reduced": reduced,
        "processor": time.process_time(),
        "ESS": worst,
        "passes": reduction.passes,
        "groups": reduction.groups,
        "MB here": reduction.received / 1e6,
    }


def spark() -> Any:
    """Return a session of a Spark on this machine."""
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master("local[*]").config("spark.ui.enabled", "false")
    return builder.config("spark.sql.shuffle.partitions", "2").getOrCreate()


def sums(folder: str, engine: str) -> dict[str, Any]:
    """Return the centred sums of squares and products that one engine makes, as a list."""
    import dask.dataframe as dd
    import duckdb
    import narwhals.stable.v2 as nw
    import numpy as np
    import pandas as pd
    import polars as pl

    import shoal as sl

    made = {
        "pandas": lambda: nw.from_native(pd.read_parquet(folder)).lazy(),
        "polars": lambda: pl.scan_parquet(f"{folder}/*.parquet"),
        "DuckDB": lambda: duckdb.connect().read_parquet(f"{folder}/*.parquet"),
        "Dask": lambda: dd.read_parquet(folder),
        "Spark": lambda: spark().read.parquet(folder),
    }
    began = time.perf_counter()
    design = sl.Model(GAUSSIAN, made[engine]()).design
    seconds = time.perf_counter() - began
    x = np.column_stack([design.x, design.rows.y - 1e6])
    products = np.einsum("n,ni,nj->ij", design.rows.weight, x, x)
    by_group = [np.bincount(design.groups[0].index, design.rows.weight * a * b) for a in x.T for b in x.T]
    return {"within": seconds, "sums": np.concatenate([products.ravel(), np.abs(by_group).sum(1)]).tolist()}


def reduced_and_fitted(rows: int, chunk: Any, formula: str, family: str) -> None:
    """Write rows, fit them in a process of its own, and remove them."""
    folder = Path(tempfile.mkdtemp(prefix="scale-"))
    try:
        write(folder, rows, chunk)
        size = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
        found = fresh("scale", "fitted", folder=str(folder), formula=formula, family=family)
        names = ("seconds", "reduced", "processor", "peak MB", "ESS", "passes", "groups", "MB here")
        table = Table(f"{family:>10} rows", "MB on disk", *names)
        table.row(f"{rows:,}", size, *(found[name] for name in names))
    finally:
        shutil.rmtree(folder)


def gaussian(rows: int) -> None:
    reduced_and_fitted(rows, gaussian_chunk, GAUSSIAN, "gaussian")


def counts(rows: int) -> None:
    reduced_and_fitted(rows, binary_chunk, COUNTS, "bernoulli")


def engines(rows: int) -> None:
    folder = Path(tempfile.mkdtemp(prefix="scale-"))
    try:
        write(folder, rows, gaussian_chunk)
        table, known = Table(f"{rows:,} rows in", "seconds", "within", "peak MB", "difference"), None
        for engine in ("pandas", "polars", "DuckDB", "Dask", *(["Spark"] if find_spec("pyspark") else [])):
            found = fresh("scale", "sums", folder=str(folder), engine=engine)
            known = known or found["sums"]
            pairs = zip(found["sums"], known, strict=True)
            size = max(abs(value) for value in known)
            worst = max(abs(one - other) for one, other in pairs) / size
            table.row(engine, found["seconds"], found["within"], found["peak MB"], f"{worst:.1e}")
    finally:
        shutil.rmtree(folder)


def main() -> None:
    given = sys.argv[1:] or ["gaussian", "10000000", "engines", "1000000", "counts", "1000000"]
    for name, rows in zip(given[::2], given[1::2], strict=True):
        {"gaussian": gaussian, "engines": engines, "counts": counts}[name](int(rows))


if __name__ == "__main__":
    main()
