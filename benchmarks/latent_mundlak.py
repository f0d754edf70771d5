"""Which model finds the effects of members' and of groups' traits, confounded by an unseen trait of groups?

Usage: python benchmarks/latent_mundlak.py [groups [rows [seeds]]]

Five models of the tables of `simulate.confounded_groups` (100 groups, 2,000 rows, 10 seeds by default), with
default priors. First table, one row a fit: estimate and 90% interval of the effects of x and z, and
whether it holds the truth. Second table, one row a model over all seeds: mean error, mean width of
the interval and how many hold the truth (9 of 10 is right; a wide interval that always does says little);
worst effective sample sizes of all parameters (of 4,000 draws) and divergences in all fits; whole-process
seconds for one table with an empty compilation cache (cold) and with the cache that process left (warm).
"""

import sys
from collections.abc import Callable
from typing import Any

from _process import Table, cold_and_warm, everything, fresh, quality


def naive(data: Any) -> Any:
    import shoal as sl

    return sl.Model("y ~ x + z", data, family="bernoulli")


def fixed(data: Any) -> Any:
    return multilevel(data).with_pooling("none", sd=10.0)


def multilevel(data: Any) -> Any:
    import shoal as sl

    return sl.Model("y ~ x + z + (1 | g)", data, family="bernoulli")


def mundlak(data: Any) -> Any:
    import shoal as sl

    return sl.Model("y ~ x + z + group_mean(x, g) + (1 | g)", data, family="bernoulli")


def latent(data: Any) -> Any:
    import shoal as sl

    outcome = sl.Response("y ~ x + z + (1 | g) + latent(u | g)", family="bernoulli")
    return sl.Model([outcome, sl.Response("x ~ latent(u | g)")], data)


WAYS: dict[str, Callable[[Any], Any]] = {
    "naive": naive,
    "fixed effects": fixed,
    "multilevel": multilevel,
    "Mundlak": mundlak,
    "latent Mundlak": latent,
}
EFFECTS = ("x", "z")


def estimate(fit: Any, effect: str, truth: float) -> dict[str, Any]:
    """Return mean and 90% interval of one effect; with several responses its name starts with y."""
    posterior = fit.tree["posterior"]
    draws = posterior[effect if effect in posterior else f"y_{effect}"]
    lower, upper = (float(v) for v in draws.quantile([0.05, 0.95]))
    return {
        "mean": float(draws.mean()),
        "5 %": lower,
        "95 %": upper,
        "error": float(draws.mean()) - truth,
        "width": upper - lower,
        "holds": lower <= truth <= upper,
    }


def work(way: str, seeds: list[int], groups: int, rows: int) -> dict[str, Any]:
    import shoal as sl

    runs = []
    for seed in seeds:
        data = sl.simulate.confounded_groups(groups, rows, seed=seed)
        truth = data.attrs["truth"]
        fit = WAYS[way](data).fit(seed=1, progress=False)
        effects = {effect: estimate(fit, effect, truth[f"y_{effect}"]) for effect in EFFECTS}
        runs.append({**quality(fit, everything(fit)), **effects})
    return {"runs": runs}


def each(way: str, seeds: list[int], runs: list[dict[str, Any]], table: Table) -> None:
    """Print one row for each fit."""
    for seed, run in zip(seeds, runs, strict=True):
        cells = []
        for effect in EFFECTS:
            found = run[effect]
            cells += [found["mean"], found["5 %"], found["95 %"], "yes" if found["holds"] else "no"]
        table.row(way, seed, *cells, run["ESS bulk"], run["div"])


def overall(runs: list[dict[str, Any]]) -> list[Any]:
    """Return mean error, mean width and number of intervals that hold the truth; sampling at its worst."""
    cells: list[Any] = []
    for effect in EFFECTS:
        found = [run[effect] for run in runs]
        cells += [sum(f[kind] for f in found) / len(found) for kind in ("error", "width")]
        cells.append(f"{sum(f['holds'] for f in found)} of {len(found)}")
    worst = [min(run[size] for run in runs) for size in ("ESS bulk", "ESS tail")]
    return [*cells, *worst, sum(run["div"] for run in runs)]


def main(groups: int = 100, rows: int = 2000, number: int = 10) -> None:
    seeds, summaries = list(range(1, number + 1)), []
    columns = [f"{effect} {what}" for effect in EFFECTS for what in ("mean", "5 %", "95 %", "holds")]
    table = Table(f"{'model':<14}", "seed", *columns, "ESS bulk", "div")
    for way in WAYS:
        size: dict[str, Any] = {"way": way, "groups": groups, "rows": rows}
        timed = cold_and_warm("latent_mundlak", "work", seeds=seeds[:1], **size)
        runs = fresh("latent_mundlak", "work", seeds=seeds, **size)["runs"]
        each(way, seeds, runs, table)
        summaries.append([way, *overall(runs), timed["cold"], timed["warm"]])
    print()
    columns = [f"{effect} {what}" for effect in EFFECTS for what in ("error", "width", "holds")]
    table = Table(f"{'model':<14}", *columns, "ESS bulk", "ESS tail", "div", "cold", "warm")
    for summary in summaries:
        table.row(*summary)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
