"""Does the funnel of eight schools trouble any way of sampling, and are the answers right?

Usage: python benchmarks/eight_schools.py

One row for each way to sample: whole-process seconds, worst R-hat and effective sample sizes over mu, tau and
the schools (of 4,000 draws), divergences, and the worst error of a posterior
mean or sd against quadrature, in Monte Carlo standard errors (z).
"""

from typing import Any

from _process import Table, fresh, quality, worst_score

WAYS: dict[str, dict[str, str]] = {
    "auto": {},
    "hmc": {"sampler": "hmc"},
    "nuts": {"sampler": "nuts"},
    "centered": {"coordinates": "centered"},
    "noncentered": {"coordinates": "noncentered"},
    "zero_sum": {"coordinates": "zero_sum"},
}
NAMES = {"mu": "Intercept", "tau": "sd_school", "theta": "levels"}


def fitted(**how: str) -> Any:
    import shoal as sl

    priors = {"Intercept": sl.priors.Normal(0, 5), "sd_school": sl.priors.HalfCauchy(5)}
    model = sl.Model("y | se(se) ~ 1 + (1 | school)", sl.load_dataset("eight_schools"), priors=priors)
    return model.fit(seed=1, progress=False, **how)


def work(**how: str) -> dict[str, Any]:
    return quality(fitted(**how), ["Intercept", "sd_school", "r_school"])


def main() -> None:
    import shoal as sl
    from oracles import known_errors

    data = sl.load_dataset("eight_schools")
    exact = known_errors(data["y"], data["se"])
    columns = ("seconds", "R-hat", "ESS bulk", "ESS tail", "div", "sampler")
    table = Table("way", *columns, "z")
    for way, how in WAYS.items():
        measured = fresh("eight_schools", "work", **how)
        table.row(way, *(measured[c] for c in columns), worst_score(fitted(**how), exact, NAMES))


if __name__ == "__main__":
    main()
