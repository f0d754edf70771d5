"""What do three crossed factors in the shape of InstEval cost: 73,421 rows, 2,972 x 1,128 x 28 levels?

Usage: python benchmarks/crossed.py [draws]

One row: whole-process seconds, from making the data to the summary; worst R-hat and effective sample sizes of
all parameters, the 4,128 levels included (of 4 x 400 draws by default; computing those of the levels is not
counted); divergences; the largest distance of a posterior mean of intercept, slope, sds and sigma from the
truth, in posterior sds (off); the most memory held up to the summary (fit MB), data and Python included.
"""

import sys
import time
from typing import Any

from _process import QUALITY, Table, distance, everything, fresh, memory, quality

COLUMNS = ("seconds", *QUALITY, "off", "fit MB")


def work(draws: int, **simulated: Any) -> dict[str, Any]:
    """Fit the table that ``simulate.crossed(**simulated)`` makes."""
    import shoal as sl

    data = sl.simulate.crossed(**simulated)
    truth = data.attrs["truth"]
    factors = [name for name in data.columns if name not in ("y", "x")]
    scales = [name for name in ("sigma",) if name in truth]
    priors = {
        "Intercept": sl.priors.Normal(0, 10),
        "b": sl.priors.Normal(0, 5),
        "sd": sl.priors.Exponential(1),
        **{name: sl.priors.Exponential(1) for name in scales},
    }
    formula = "y ~ x + " + " + ".join(f"(1 | {factor})" for factor in factors)
    model = sl.Model(formula, data, family=simulated.get("family", "gaussian"), priors=priors)
    fit = model.fit(draws=draws, seed=1, progress=False)
    fit.summary()
    peak, began = memory(), time.perf_counter()
    return {
        **quality(fit, everything(fit)),
        "off": distance(fit, truth, ["Intercept", "x", *scales, *(f"sd_{factor}" for factor in factors)]),
        "fit MB": peak,
        "uncounted": time.perf_counter() - began,
    }


def main(draws: int = 400) -> None:
    measured = fresh("crossed", "work", draws=draws)
    Table(*COLUMNS).row(*(measured[c] for c in COLUMNS))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
