"""How much of the scatter between tanks of reed frogs do predators and size explain, and how soon?

And does the learned sd agree with that of cross-validation, beat a fixed one, and cost fewer parameters?

Usage: python benchmarks/reedfrogs.py

One row a model: whole-process seconds, worst R-hat and effective sample sizes of all parameters, tanks
included (of 4,000 draws), divergences, and the posterior mean and 90% interval of the standard deviation
between tanks, in log odds. A row of the data is a tank. Priors are those of Statistical Rethinking 2023,
lecture 12.

Below, tanks (or single tadpoles) left out: elpd of the learned sd, of one fixed at 1 and of the best of 20
from 0.1 to 5, differences from the learned one with their standard errors, effective parameters of the
learned model and how many it has, and the 90% interval of the learned sd.
"""

from typing import Any

from _process import QUALITY, Table, everything, fresh, quality

MODELS = {"no predictor": "1", "predators": "pred", "predators, size": "pred + size"}


def fitted(predictors: str) -> Any:
    import shoal as sl

    data = sl.load_dataset("reedfrogs")
    data["tank"] = range(1, len(data) + 1)
    priors = {"Intercept": sl.priors.Normal(0, 1.5), "sd_tank": sl.priors.Exponential(1)}
    if predictors != "1":
        priors["b"] = sl.priors.Normal(0, 0.5)
    formula = f"surv | trials(density) ~ {predictors} + (1 | tank)"
    return sl.Model(formula, data, family="binomial", priors=priors).fit(seed=1, progress=False)


def work(predictors: str) -> dict[str, Any]:
    fit = fitted(predictors)
    sd = fit.summary(["sd_tank"], prob=0.9).iloc[0]
    return {
        **quality(fit, everything(fit)),
        "sd": float(sd["mean"]),
        "5 %": float(sd["eti90_lb"]),
        "95 %": float(sd["eti90_ub"]),
    }


def left_out() -> dict[str, Any]:
    import numpy as np

    import shoal as sl

    model = sl.Model(
        "surv | trials(density) ~ 1 + (1 | tank)",
        sl.load_dataset("reedfrogs").assign(tank=range(1, 49)),
        family="binomial",
        priors={"Intercept": sl.priors.Normal(0, 1.5), "sd_tank": sl.priors.Exponential(1)},
    )
    profile = sl.pooling.sd_profile(model, "tank", np.linspace(0.1, 5, 20).round(2), progress=False)
    one = sl.pooling.sd_profile(model, "tank", [1.0, profile.best], unit="trial", progress=False)
    pooling = sl.pooling.compare(model, progress=False).table.loc["partial"]
    tanks = sl.pooling.sd_profile(model, "tank", [1.0, profile.best], progress=False).table
    low, high = profile.interval
    return {
        "best": profile.best,
        "learned": float(profile.draws.mean()),
        "5 %": low,
        "95 %": high,
        "elpd, tanks": profile.score.elpd,
        "sd 1": tanks.loc[1.0, ["elpd_diff", "diff_se"]].tolist(),
        "best of grid": tanks.loc[profile.best, ["elpd_diff", "diff_se"]].tolist(),
        "elpd, tadpoles": one.score.elpd,
        "sd 1, tadpoles": one.table.loc[1.0, ["elpd_diff", "diff_se"]].tolist(),
        "effective": float(pooling["p"]),
        "parameters": int(pooling["parameters"]),
    }


def main() -> None:
    columns = ("seconds", *QUALITY, "sd", "5 %", "95 %")
    table = Table(f"{'model':<16}", *columns)
    for name, predictors in MODELS.items():
        measured = fresh("reedfrogs", "work", predictors=predictors)
        table.row(name, *(measured[c] for c in columns))
    print()
    for name, value in fresh("reedfrogs", "left_out").items():
        print(f"{name:<16}", *(f"{v:.2f}" for v in (value if isinstance(value, list) else [value])))


if __name__ == "__main__":
    main()
