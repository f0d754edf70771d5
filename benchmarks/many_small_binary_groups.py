"""Where Laplace's approximation is worst: thousands of groups of three binary rows that differ much.

Usage: python benchmarks/many_small_binary_groups.py [groups [rows]]

One row: whole-process seconds up to the summary; worst R-hat and effective sample sizes of all parameters,
groups included (of 4,000 draws), divergences, posterior means of the Intercept and the sd (0.5 and 2 in the
simulation). Computing the effective sizes of all groups is not counted: `fit` and `diagnose` look at those
that a quick screen finds worst.
"""

import sys
import time
from typing import Any

from _process import Table, fresh, quality


def work(groups: int, rows: int, sd: float = 2.0) -> dict[str, Any]:
    import numpy as np
    import pandas as pd

    import shoal as sl

    rng = np.random.default_rng(5)
    k = rng.binomial(rows, 1 / (1 + np.exp(-(0.5 + sd * rng.normal(size=groups)))))
    data = pd.DataFrame({"k": k, "n": rows, "g": np.arange(groups)})
    priors = {"Intercept": sl.priors.Normal(0, 1.5), "sd": sl.priors.Exponential(1)}
    fit = sl.Model("k | trials(n) ~ 1 + (1 | g)", data, "binomial", priors).fit(seed=1, progress=False)
    means = fit.summary()["mean"]
    began = time.perf_counter()
    every = quality(fit, ["Intercept", "sd_g", "r_g"])
    return {
        **every,
        "uncounted": time.perf_counter() - began,
        "Intercept": float(means["Intercept"]),
        "sd": float(means["sd_g[Intercept]"]),
    }


def main(groups: int = 2000, rows: int = 3) -> None:
    measured = fresh("many_small_binary_groups", "work", groups=groups, rows=rows)
    columns = ("seconds", "R-hat", "ESS bulk", "ESS tail", "div", "sampler", "Intercept", "sd", "peak MB")
    Table(*columns).row(*(measured[c] for c in columns))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
