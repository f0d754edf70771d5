"""What the cases name: a table of 24 rows, three small fits, matrices, and a folder of files."""

import contextlib
import datetime
import decimal
import io
import shutil

import h5py
import numpy as np
import pandas as pd

import shoal as sl

N = 24


def table():
    """Return 24 rows with columns of every kind."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=N).round(2)
    return pd.DataFrame(
        {
            "y": (1 + x + rng.normal(size=N)).round(2),
            "x": x,
            "z": rng.normal(size=N).round(2),
            "b": np.arange(N) * 7 % 3 % 2,
            "k": np.arange(N) * 5 % 7,
            "n": np.full(N, 8),
            "g": np.repeat(list("abcdef"), 4),
            "h": np.tile([1, 2, 3], N // 3),
            "f": np.tile(["low", "high"], N // 2),
            "o": pd.Categorical(
                np.tile(["no", "maybe", "yes"], N // 3), ["no", "maybe", "yes"], ordered=True
            ),
            "t": np.tile([1, 2, 3, 4], N // 4),
            "s": np.full(N, 0.5),
            "w": np.ones(N),
            "p": ((np.arange(N) + 0.5) / N).round(3),
            "id": np.arange(N),
            "alias": np.repeat(list("utsrqp"), 4),
            "flat": np.repeat(np.arange(6) * 1.5, 4),
            "day": pd.date_range("2024-01-01", periods=N, unit="us"),
        }
    )


def names():
    """Return what expressions may name, without fits."""
    data = table()
    ring = np.roll(np.eye(6), 1, 0) + np.roll(np.eye(6), -1, 0)
    return {
        "sl": sl,
        "np": np,
        "pd": pd,
        "datetime": datetime,
        "decimal": decimal,
        "R": sl.Response,
        "data": data,
        "ring": pd.DataFrame(ring, list("abcdef"), list("abcdef")),
        "known": pd.DataFrame(np.eye(6) + 0.2, list("abcdef"), list("abcdef")),
    }


def fits():
    """Return fits of few draws: gaussian rows with levels, binary ones, counts, and ordered categories."""
    data, few = table(), {"draws": 50, "chains": 2, "seed": 1, "progress": False}
    model = sl.Model("y ~ x + f + (1 + x | g)", data)
    return {
        "model": model,
        "fit": model.fit(**few),
        "plain": sl.Model("b ~ x", data, "bernoulli").fit(**few),
        "counts": sl.Model("k | trials(n) ~ x + (1 | g)", data, "binomial").fit(**few),
        "ordered": sl.Model("o ~ x", data, "cumulative").fit(**few),
        "thin": model.fit(**few, store="none"),
    }


def write_files(folder, fit):
    """Write files into a folder that are what their names say."""
    fit.save(folder / "fit.nc")
    good = (folder / "fit.nc").read_bytes()
    table().drop(columns="day").to_csv(folder / "data.csv", index=False)
    for name, content in {
        "empty.nc": b"",
        "text.nc": b"hello",
        "short.nc": good[: len(good) // 2],
        "old.nc": b"CDF\x01" + bytes(60),
        "stan.nc": b"# model = eight_schools\nlp__,mu\n",
        "empty.csv": b"",
        "names.csv": b"y,x\n",
        "bytes.csv": bytes(range(256)),
        "quote.csv": b'y,x\n"1,2\n',
        "ragged.csv": b"y,x\n1,2\n3,4,5\n",
        "twice.csv": b"y,y\n1,2\n",
        "comma.csv": b"y;x\n1,5;2,5\n1,5;3,5\n",
        "junk.parquet": b"PAR1junk",
        "book.xlsx": b"PK",
    }.items():
        (folder / name).write_bytes(content)
    (folder / "folder.nc").mkdir()
    shutil.copy(folder / "fit.nc", folder / "loop.nc")
    with h5py.File(folder / "loop.nc", "a") as file:
        file["posterior/itself"] = file["posterior"]
    shutil.copy(folder / "fit.nc", folder / "text_draws.nc")
    with h5py.File(folder / "text_draws.nc", "a") as file:
        del file["posterior/x"]
        file["posterior/x"] = "text"
    shutil.copy(folder / "fit.nc", folder / "large.nc")
    with h5py.File(folder / "large.nc", "a") as file:
        file.create_dataset("posterior/large", (2, 2**50), "f8", chunks=(1, 2**16))
    other = fit.tree.copy()
    other.attrs = {**other.attrs, "inference_library": "pymc"}
    with contextlib.redirect_stderr(io.StringIO()):
        other.to_netcdf(folder / "other.nc", engine="h5netcdf")
        del other["posterior"]
        other.to_netcdf(folder / "no_posterior.nc", engine="h5netcdf")
