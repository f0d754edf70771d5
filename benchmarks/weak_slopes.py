"""Do correlated slopes sample well with little data: 3 effects, 50 levels, 3 or 5 rows each?

Usage: python benchmarks/weak_slopes.py

One row a case: whole-process seconds, worst R-hat and effective sample sizes of all parameters, levels and
correlations included (of 4,000 draws), divergences. In the simulation the sds of the two slopes are 0.5 and
0.3, that of the intercepts is 0, and all correlations are 0; the sd of a row is 1. The 0/1 responses are the
signs of the gaussian ones.
"""

from typing import Any

from _process import QUALITY, Table, everything, fresh, quality

CASES = {
    "gaussian, 5 rows": {"family": "gaussian", "rows": 5},
    "gaussian, 3 rows": {"family": "gaussian", "rows": 3},
    "bernoulli, 5 rows": {"family": "bernoulli", "rows": 5},
    "bernoulli, 3 rows": {"family": "bernoulli", "rows": 3},
}
FORMULA = "y ~ x1 + x2 + (1 + x1 + x2 | group)"


def work(family: str, rows: int) -> dict[str, Any]:
    import shoal as sl

    data = sl.simulate.varying_slopes(50, rows, beta=(1.0, 0.5), tau=(0.5, 0.3), sigma=1.0)
    if family == "bernoulli":
        data["y"] = (data["y"] > 0).astype(int)
    fit = sl.Model(FORMULA, data, family=family).fit(seed=1, progress=False)
    return quality(fit, everything(fit))


def main() -> None:
    columns = ("seconds", *QUALITY)
    table = Table(f"{'case':<18}", *columns)
    for name, case in CASES.items():
        measured = fresh("weak_slopes", "work", **case)
        table.row(name, *(measured[c] for c in columns))


if __name__ == "__main__":
    main()
