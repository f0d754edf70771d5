"""Tables of levels, and fits few enough in draws to be made in a second."""

import numpy as np
import pandas as pd

import shoal as sl

RUN = {"draws": 200, "chains": 2, "seed": 1, "cores": 1}
FEW = {**RUN, "draws": 40}


def frogs():
    """Return 48 tanks of tadpoles, each a row."""
    table = sl.load_dataset("reedfrogs")
    return table.assign(tank=np.arange(len(table)))


def levels(groups=12, seed=3):
    """Return gaussian rows of levels that differ by a trait z, by more, and in the slope of x by z."""
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(groups), np.arange(groups) % 4 + 2)
    z, own, x = rng.normal(size=groups), rng.normal(size=groups), rng.normal(size=len(g))
    y = 1 + 2 * z[g] + 0.7 * own[g] + (0.5 + z[g]) * x + 0.5 * rng.normal(size=len(g))
    return pd.DataFrame({"y": y, "x": x, "z": z[g], "g": g, "three": g % 3, "pair": np.arange(len(g)) % 2})
