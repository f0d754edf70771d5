"""Rows whose residuals correlate, and their dense correlation matrices."""

import numpy as np
import pandas as pd
import pytest

LEVELS, TIMES = 12, 6
TERMS = {"ar": "ar(t, gr=g)", "cosy": "cosy(gr=g)", "unstr": "unstr(t, gr=g)"}
EACH = pytest.mark.parametrize("kind", TERMS)


def table(seed=1, levels=LEVELS, phi=0.6):
    """Return rows in any order, some times left out, whose residuals are an autoregression."""
    rng = np.random.default_rng(seed)
    g, t = np.repeat(np.arange(levels), TIMES), np.tile(np.arange(TIMES), levels)
    root = np.linalg.cholesky(phi ** abs(np.subtract.outer(np.arange(TIMES), np.arange(TIMES))))
    x = rng.normal(size=levels * TIMES)
    noise = (rng.normal(size=(levels, TIMES)) @ root.T).ravel()
    data = pd.DataFrame({"y": 1 + 0.5 * x + 0.8 * noise, "x": x, "g": g, "t": t})
    return data.sample(frac=0.8, random_state=seed).reset_index(drop=True)


def correlation(kind, data, value):
    """Return the correlation matrix of all rows."""
    same = np.equal.outer(data["g"].to_numpy(), data["g"].to_numpy())
    t = data["t"].to_numpy()
    if kind == "ar":
        return same * value ** abs(np.subtract.outer(t, t)).astype(float)
    if kind == "cosy":
        return same * (value + (1 - value) * np.eye(len(data)))
    return same * value[np.ix_(t, t)]
