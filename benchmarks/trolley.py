"""What do 9,930 ordered judgements by 331 people of 12 stories cost?

Usage: python benchmarks/trolley.py

One row: whole-process seconds up to the summary; worst R-hat and effective sample sizes of all parameters,
people and stories included (of 4,000 draws; computing those of the effects is not counted), divergences,
posterior means of the two sds, peak memory. `benchmarks/run --only trolley` has NUTS beside it.
"""

import time
from typing import Any

from _process import QUALITY, Table, everything, fresh, quality

FORMULA = "response ~ action + intention + contact + (1 | id) + (1 | story)"


def model() -> Any:
    import shoal as sl

    priors = {"b": sl.priors.Normal(0, 1), "sd": sl.priors.Exponential(1)}
    return sl.Model(FORMULA, sl.load_dataset("trolley"), family="cumulative", priors=priors)


def work() -> dict[str, Any]:
    fit = model().fit(seed=1, progress=False)
    means = fit.summary()["mean"]
    began = time.perf_counter()
    return {
        **quality(fit, everything(fit)),
        "uncounted": time.perf_counter() - began,
        "sd id": float(means["sd_id[Intercept]"]),
        "sd story": float(means["sd_story[Intercept]"]),
    }


def main() -> None:
    columns = ("seconds", *QUALITY, "sd id", "sd story", "peak MB")
    measured = fresh("trolley", "work")
    Table(*columns).row(*(measured[c] for c in columns))


if __name__ == "__main__":
    main()
