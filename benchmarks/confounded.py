"""Which of five models finds the effects of members' and of groups' traits under a confound of groups?

Usage: python benchmarks/confounded.py [sets [groups [rows]]]

`sl.confounding.compare` of 200 sets of `simulate.confounded_groups`, seeds 1 to 200, with its default
constants: 30 groups, 200 rows; effect of the member's trait x 1, of the group's trait z -0.5 (log odds by
unit); the unseen u, standard normal, moves y with loading 1 (log odds) and x with loading 1; intercept -0.5;
x has mean 1.5 and sd 1 within groups; z is standard normal. Priors are `compare`'s own. 4 chains of 1,000
draws, seed 1, in this process: sets of one shape share their programs.

First table, one row an effect and model, over all sets: bias (mean of estimate less truth; an estimate is a
posterior mean) with its standard error, sd of the estimates, root mean square error, mean width of the 90%
interval, and its coverage in percent with its binomial standard error. Sets whose draws of a model cannot be
trusted are in it, and counted in the second table; if there are any, the first is printed again without them.

Second table, one row a model: sets that could be fitted, sets that cannot be trusted, sets sampled again by
NUTS, divergences, worst effective sizes of all parameters and levels (of 4,000 draws), median seconds of a
fit after the first, and in how many sets the model's own evidence of a confound has an interval away from 0.
"""

import inspect
import sys
import time
from typing import Any

import numpy as np
import pandas as pd
from _process import Table, everything, quality

CORES = 2


def constants(groups: int, rows: int) -> dict[str, float]:
    """Return all constants of the simulation but its seed."""
    import shoal as sl

    parameters = inspect.signature(sl.simulate.confounded_groups).parameters
    return {n: p.default for n, p in parameters.items() if n != "seed"} | {"groups": groups, "rows": rows}


def one_set(seed: int, given: dict[str, float]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return estimates and figures of the sampling of one set: a row an effect and model, a row a model."""
    import shoal as sl

    data = sl.simulate.confounded_groups(**given, seed=seed)
    found = sl.confounding.compare(data, "y", "x", "g", "z", cores=CORES, progress=False)
    trusted = {name: diagnosis.trustworthy for name, diagnosis in found.diagnoses.items()}
    estimates = [
        {
            "set": seed,
            "effect": effect,
            "model": name,
            "error": row["error"],
            "width": row["eti90_ub"] - row["eti90_lb"],
            "holds": bool(row["holds_truth"]),
            "trusted": trusted[name],
        }
        for (effect, name), row in found.table.iterrows()
    ]
    away = found.evidence["away_from_0"]
    sampling = [
        {
            "set": seed,
            "model": name,
            "trusted": trusted[name],
            "away": bool(away[name]) if name in away else None,
            "seconds": float(fit.tree.attrs["wall_seconds"]),
            **quality(fit, everything(fit)),
        }
        for name, fit in found.fits.items()
    ]
    return estimates, sampling


def print_estimates(estimates: pd.DataFrame) -> None:
    columns = ("sets", "bias", "± se", "sd", "RMSE", "width", "holds %", "± se")
    table = Table(f"{'effect':<6}", f"{'model':<14}", *columns)
    for (effect, name), own in estimates.groupby(["effect", "model"], sort=False):
        error, holds, n = own["error"], own["holds"].mean(), len(own)
        sd = error.std()
        rmse, width = float(np.sqrt((error**2).mean())), own["width"].mean()
        shares = 100 * holds, 100 * (holds * (1 - holds) / n) ** 0.5
        table.row(effect, name, n, *(f"{v:.3f}" for v in (error.mean(), sd / n**0.5, sd, rmse, width)),
                  *(f"{v:.1f}" for v in shares))  # fmt: skip


def print_sampling(sampling: pd.DataFrame) -> None:
    columns = ("sets", "distrusted", "by NUTS", "div", "ESS bulk", "ESS tail", "seconds", "evidence %")
    table = Table(f"{'model':<14}", *columns)
    for name, own in sampling.groupby("model", sort=False):
        away = own["away"].dropna()
        table.row(
            name,
            len(own),
            int((~own["trusted"]).sum()),
            int((own["sampler"] == "nuts").sum()),
            int(own["div"].sum()),
            own["ESS bulk"].min(),
            own["ESS tail"].min(),
            f"{own['seconds'].iloc[1:].median():.2f}",
            f"{100 * away.astype(float).mean():.0f}" if len(away) else "-",
        )


def main(sets: int = 200, groups: int = 30, rows: int = 200) -> None:
    from shoal.errors import ShoalError

    given = constants(groups, rows)
    print(f"{sets} sets of {', '.join(f'{name} {value:g}' for name, value in given.items())}\n", flush=True)
    estimates: list[dict[str, Any]] = []
    sampling: list[dict[str, Any]] = []
    began = time.perf_counter()
    for seed in range(1, sets + 1):
        try:
            of_effects, of_models = one_set(seed, given)
        except ShoalError as problem:
            print(f"Set {seed} could not be compared: {problem}", flush=True)
            continue
        estimates += of_effects
        sampling += of_models
        if seed % 10 == 0 or seed in (1, sets):
            print(f"set {seed}: {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
    found = pd.DataFrame(estimates)
    print_estimates(found)
    print()
    print_sampling(pd.DataFrame(sampling))
    if not found["trusted"].all():
        print("\nWithout the sets whose draws of a model cannot be trusted:\n")
        print_estimates(found[found["trusted"]])


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
