"""Is what is left out scored right, and what does it cost?

Usage: python benchmarks/leave_out.py

First two small models with exact answers, by quadrature: the sum over units of the log density of each unit
left out, ours with its Monte Carlo standard error, the worst unit's distance from the exact density in those
(z), units whose Pareto k is above 0.7, and seconds of the call. One binary row a level is where leaving out
rows given their effects fails, and says so.

Then the 60 districts of Bangladesh, each left out of a fit of its own (4 x 1,000 draws): seconds of the whole
process, the first fit and the score from it included, and the distance between 60 fits and importance
sampling from one.

Last, rows: 1,934 binary and 9,930 ordered ones (with --trolley, which fits for a minute), and the 85 counties
of radon with an intercept and a slope each, in seconds of the call.
"""

import sys
import time
from typing import Any

from _process import Table, fresh

LEVELS = 40  # of one binary row each


def schools() -> Any:
    import shoal as sl

    table = sl.load_dataset("eight_schools")
    priors = {"Intercept": sl.priors.Normal(0, 5), "sd_school": sl.priors.HalfCauchy(5)}
    return sl.Model("y | se(se) ~ 1 + (1 | school)", table, priors=priors)


def singles() -> Any:
    import numpy as np
    import pandas as pd

    import left_out
    import shoal as sl

    y = (np.random.default_rng(5).random(LEVELS) < 0.7).astype(int)
    spread = sl.priors.Gamma(left_out.SHAPE, left_out.RATE)
    priors = {"Intercept": sl.priors.Normal(0, 1), "sd_g": spread}
    table = pd.DataFrame({"y": y, "g": range(LEVELS)})
    return sl.Model("y ~ 1 + (1 | g)", table, family="bernoulli", priors=priors)


def exact(model: str) -> Any:
    import left_out

    rows = globals()[model]().design.rows
    return left_out.schools(rows.y, rows.se) if model == "schools" else left_out.single_binary_rows(rows.y)


def small(model: str, unit: str, refit: bool = False, folds: int = 0) -> dict[str, Any]:
    """Score one of the small models, and hold every unit against its exact density."""
    import warnings

    import shoal as sl

    made = globals()[model]()
    fit = made.fit(seed=1, progress=False)
    began = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if folds:
            score = sl.kfold(made, folds, unit, progress=False)
        else:
            score = fit.loo(unit, refit=refit, progress=False)
    seconds = time.perf_counter() - began
    z = (score.pointwise["elpd"] - exact(model)) / score.pointwise["mcse"]
    return {
        "exact": float(exact(model).sum()),
        "elpd": score.elpd,
        "mcse": score.mcse,
        "worst z": float(abs(z).max()),
        "k > 0.7": len(score.bad),
        "refits": score.refits,
        "call": seconds,
    }


def districts() -> dict[str, Any]:
    import numpy as np

    import shoal as sl

    women = sl.load_dataset("bangladesh")
    model = sl.Model("use_contraception ~ 1 + (1 | district)", women, family="bernoulli")
    fit = model.fit(seed=1, progress=False)
    one = fit.loo("district")
    sixty = sl.kfold(model, 60, "district", progress=False)
    away = sixty.pointwise["elpd"] - one.pointwise["elpd"]
    z = away / np.hypot(sixty.pointwise["mcse"], one.pointwise["mcse"])
    return {"elpd, 60 fits": sixty.elpd, "elpd, one fit": one.elpd, "worst z": float(abs(z).max())}


def rows(name: str, unit: str) -> dict[str, Any]:
    import shoal as sl

    formulas = {
        "bangladesh": ("use_contraception ~ 1 + (1 | district)", "bernoulli"),
        "radon": ("log_radon ~ floor + (1 + floor | county)", "gaussian"),
        "trolley": ("response ~ action + intention + contact + (1 | id) + (1 | story)", "cumulative"),
    }
    formula, family = formulas[name]
    fit = sl.Model(formula, sl.load_dataset(name), family=family).fit(seed=1, progress=False)
    began = time.perf_counter()
    score = fit.loo(unit)
    seconds = time.perf_counter() - began
    return {
        "units": score.counted,
        "elpd": score.elpd,
        "p": score.p,
        "k > 0.7": len(score.bad),
        "call": seconds,
    }


WAYS: dict[str, dict[str, Any]] = {
    "schools, levels": {"model": "schools", "unit": "school"},
    "schools, 8 fits": {"model": "schools", "unit": "school", "folds": 8},
    "schools, rows": {"model": "schools", "unit": "row"},
    "schools, rows, refit": {"model": "schools", "unit": "row", "refit": True},
    "singles, levels": {"model": "singles", "unit": "g"},
    "singles, 40 fits": {"model": "singles", "unit": "g", "folds": LEVELS},
    "singles, rows": {"model": "singles", "unit": "row"},
    "singles, rows, refit": {"model": "singles", "unit": "row", "refit": True},
}


def main(trolley: bool) -> None:
    columns = ("exact", "elpd", "mcse", "worst z", "k > 0.7", "refits", "call")
    table = Table(f"{'way':<20}", *columns)
    for name, arguments in WAYS.items():
        found = fresh("leave_out", "small", **arguments)
        table.row(f"{name:<20}", *(found[c] for c in columns))
    print()
    found = fresh("leave_out", "districts")
    table = Table("elpd, 60 fits", "elpd, one fit", "worst z", "seconds")
    table.row(*(found[c] for c in table.columns))
    print()
    table = Table(f"{'rows':<10}", f"{'units':<20}", "elpd", "p", "k > 0.7", "call")
    cases = [("bangladesh", "row"), ("bangladesh", "district"), ("radon", "row"), ("radon", "county")]
    for name, unit in cases + ([("trolley", "row"), ("trolley", "id")] if trolley else []):
        found = fresh("leave_out", "rows", name=name, unit=unit)
        table.row(
            f"{name:<10}", f"{found['units']:<20}", *(found[c] for c in ("elpd", "p", "k > 0.7", "call"))
        )


if __name__ == "__main__":
    main("--trolley" in sys.argv[1:])
