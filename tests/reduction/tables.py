"""One table, in memory and in every engine that narwhals reaches here."""

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset
import pytest

FORMULA = "y ~ scale(x) + z*f + log(w) + z:w + (1 + z | g) + (1 | h)"


def rows(count=2_000, seed=1):
    """Gaussian rows: a predictor and a response far from zero, two factors, a category of unequal shares."""
    rng = np.random.default_rng(seed)
    data = pd.DataFrame(
        {
            "g": [f"g{level}" for level in rng.integers(0, 25, count)],
            "h": rng.integers(0, 4, count),
            "x": rng.normal(1e6, 1, count),
            "z": rng.standard_t(4, count),
            "w": rng.gamma(2, 1, count),
            "f": rng.choice(["a", "b", "c"], count, p=[0.6, 0.3, 0.1]),
        }
    )
    levels = data["g"].str[1:].astype(int)
    mean = 1e6 + 0.5 * (data["x"] - 1e6) + 0.3 * data["z"] * data["w"] + (data["f"] == "b")
    data["y"] = mean + rng.normal(size=25)[levels] + rng.normal(size=count)
    return data


def in_duckdb(data, folder):
    duckdb = pytest.importorskip("duckdb", reason="the extra `duckdb` is not installed")
    data.to_parquet(folder / "rows.parquet")
    return duckdb.connect().read_parquet(str(folder / "rows.parquet"))


def in_polars(data, folder):
    polars = pytest.importorskip("polars", reason="the extra `polars` is not installed")
    return polars.from_pandas(data).lazy()


def in_dask(data, folder):
    frame = pytest.importorskip("dask.dataframe", reason="the extra `dask` is not installed")
    return frame.from_pandas(data, npartitions=3)


def in_arrow_files(data, folder):
    pytest.importorskip("duckdb", reason="the extra `duckdb` is not installed")
    for part in range(3):
        data.iloc[part::3].to_parquet(folder / f"part-{part}.parquet")
    return pa.dataset.dataset(folder, format="parquet")


def in_pandas(data, folder):
    return nw.from_native(data).lazy()


def in_arrow(data, folder):
    return nw.from_native(pa.Table.from_pandas(data)).lazy()


def in_spark(data, folder):
    sql = pytest.importorskip("pyspark.sql", reason="pyspark, of hundreds of megabytes, is not installed")
    builder = sql.SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
    spark = builder.config("spark.sql.shuffle.partitions", "2").getOrCreate()
    data.to_parquet(folder / "rows.parquet")
    return spark.read.parquet(str(folder / "rows.parquet"))


ENGINES = (in_pandas, in_polars, in_arrow, in_duckdb, in_arrow_files, in_dask)
DASK = pytest.param(in_dask, marks=pytest.mark.slow)  # a pass takes half a second
SPARK = pytest.param(in_spark, marks=pytest.mark.slow)  # a pass takes a second
