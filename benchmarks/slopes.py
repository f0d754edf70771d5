"""What do 200,000 rows cost? Three varying slopes, 1,000 groups of 200 rows, zero-sum over the groups.

Usage: python benchmarks/slopes.py [groups [rows]]

One row: whole-process seconds (making the data included), worst R-hat and effective sample sizes of slopes,
their sds and sigma (of 4,000 draws), posterior means of the three sds (10, 12 and 8 in the simulation), the
size of the data, and peak memory above it.
"""

import sys
from typing import Any

from _process import Table, fresh, memory, quality


def work(groups: int, rows: int) -> dict[str, Any]:
    import shoal as sl

    data = sl.simulate.varying_slopes(groups, rows)
    before = memory()
    priors = {
        "b": sl.priors.Normal(0, 2),
        "sd": sl.priors.Gamma(mu=10, sigma=5),
        "sigma": sl.priors.HalfNormal(200),
    }
    x = "x1 + x2 + x3"
    model = sl.Model(f"y ~ 0 + {x} + (0 + {x} || gr(group, zero_sum=True))", data, priors=priors)
    fit = model.fit(seed=1, progress=False)
    tau = fit.tree["posterior"]["sd_group"].mean(("chain", "draw")).values
    return {
        **quality(fit),
        "tau": " ".join(f"{v:.2f}" for v in tau),
        "data MB": float(data.memory_usage(deep=True).sum() / 2**20),
        "before MB": before,
    }


def main(groups: int = 1000, rows: int = 200) -> None:
    measured = fresh("slopes", "work", groups=groups, rows=rows)
    measured["over data MB"] = measured["peak MB"] - measured["data MB"]
    columns = (
        "seconds",
        "R-hat",
        "ESS bulk",
        "ESS tail",
        "sampler",
        "tau",
        "data MB",
        "before MB",
        "over data MB",
    )
    Table(*(f"{c:>16}" if c == "tau" else c for c in columns)).row(*(measured[c] for c in columns))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
