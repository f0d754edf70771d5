"""How much of the scatter between tanks of reed frogs do predators and size explain, and how soon?

Usage: python benchmarks/reedfrogs.py

One row a model: whole-process seconds with an empty compilation cache (cold) and with the cache that process
left (warm), worst R-hat and effective sample sizes of all parameters, tanks included (of 4,000 draws),
divergences, and the posterior mean and 90% interval of the standard deviation between tanks, in log odds.
A row of the data is a tank. Priors are those of Statistical Rethinking 2023, lecture 12.
"""

from typing import Any

from _process import QUALITY, Table, cold_and_warm, everything, quality

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


def main() -> None:
    columns = ("cold", "warm", *QUALITY, "sd", "5 %", "95 %")
    table = Table(f"{'model':<16}", *columns)
    for name, predictors in MODELS.items():
        measured = cold_and_warm("reedfrogs", "work", predictors=predictors)
        table.row(name, *(measured[c] for c in columns))


if __name__ == "__main__":
    main()
