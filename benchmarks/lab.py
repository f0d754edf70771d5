"""In which coordinates can NUTS be trusted, and do the attempts of a post on modelling failure fail here too?

Usage: python benchmarks/lab.py [--nutpie]

Eight schools, whose funnel is known, in every set of coordinates, and the first three districts of the
Bangladesh survey with every prior and target acceptance that the post "Exploring modeling failure" (November
2021, PyMC3 3.11.0) tried before it found non-centered coordinates: one call of the lab each. Below each, the
worst error of a posterior mean or sd against quadrature (*z*, in Monte Carlo standard errors; the lab's own
is the distance from its reference), and for the districts the figures of the post beside ours, and beside
those of transported coordinates at the same setting. All runs are of four chains of 1,000 draws.
"""

import argparse
from typing import Any, NamedTuple

from _process import Table, worst_score

import shoal as sl

COORDINATES = ("centered", "noncentered", "zero_sum", "transport")
ACCEPTS = (0.8, 0.9, 0.99)
AS_WRITTEN = "as written"  # Exponential(1)
SDS = {f"HalfNormal({sd:g})": sd for sd in (0.25, 0.1, 0.5)}
SCHOOLS = {"mu": "Intercept", "tau": "sd_school", "theta": "levels"}
DISTRICTS = {"mu": "Intercept", "sd": "sd_district", "level": "levels"}


class Published(NamedTuple):
    """An attempt of the post: divergences of each chain, and the worst ESS and R-hat of its summary."""

    attempt: str
    coordinates: str
    target_accept: float
    prior: str
    divergences: tuple[int, ...]
    bulk: str
    tail: str
    rhat: str


# Attempt 3 has no summary in the post: "R-hat larger than 1.05", "effective samples smaller than 200".
POST = (
    Published("0", "centered", 0.8, AS_WRITTEN, (71, 71, 99, 49), "232", "134", "1.01"),
    Published("1", "centered", 0.9, AS_WRITTEN, (151, 34, 56, 58), "42", "21", "1.07"),
    Published("2", "centered", 0.99, AS_WRITTEN, (10, 2, 3, 5), "349", "425", "1.01"),
    Published("3", "centered", 0.99, "HalfNormal(0.25)", (8, 6, 201, 8), "<200", "-", ">1.05"),
    Published("3b", "centered", 0.99, "HalfNormal(0.1)", (5, 2, 3, 4), "286", "517", "1.02"),
    Published("4", "noncentered", 0.99, "HalfNormal(0.5)", (0, 0, 0, 0), "1037", "1015", "1.00"),
)


def eight_schools(coordinates: tuple[str, ...]) -> None:
    """Compare all coordinates of centered fame, and check each against quadrature."""
    from oracles import known_errors

    data = sl.load_dataset("eight_schools")
    priors = {"Intercept": sl.priors.Normal(0, 5), "sd_school": sl.priors.HalfCauchy(5)}
    model = sl.Model("y | se(se) ~ 1 + (1 | school)", data, priors=priors)
    comparison = sl.lab.compare_coordinates(model, coordinates, progress=False)
    print(comparison, "\n")
    table = Table(f"{'eight schools':<13}", "div", "trust", "z")
    exact = known_errors(data["y"], data["se"])
    for run, fit in comparison.fits.items():
        row = comparison.table.loc[run]
        table.row(run, row["divergences"], _trust(row), worst_score(fit, exact, SCHOOLS))


def districts(coordinates: tuple[str, ...]) -> None:
    """Replay the post's attempts by one call, and show its figures beside ours."""
    women = sl.load_dataset("bangladesh")
    women = women[women["district"] <= 3]
    priors = {"Intercept": sl.priors.Normal(0, 1.5), "sd_district": sl.priors.Exponential(1)}
    model = sl.Model("use_contraception ~ 1 + (1 | district)", women, family="bernoulli", priors=priors)
    varied = {label: {"sd_district": sl.priors.HalfNormal(sd)} for label, sd in SDS.items()}
    comparison = sl.lab.compare_coordinates(
        model, coordinates, target_accept=ACCEPTS, priors=varied, progress=False
    )
    print(comparison, "\n")
    columns = ("div each chain", "div", "ESS bulk", "ESS tail", "R-hat", "trust", "z")
    table = Table(f"{'attempt':<8}", f"{'run':<36}", *columns)
    for published in POST:
        each = ", ".join(map(str, published.divergences))
        total = sum(published.divergences)
        table.row(published.attempt, "the post", each, total, *published[-3:], "-", "-")
        for name in (published.coordinates, "transport"):
            run = f"{name}, {published.target_accept:g}, {published.prior}"
            table.row("", run, *_ours(comparison, run), _error(comparison.fits[run], women, published.prior))


def _ours(comparison: Any, run: str) -> tuple[Any, ...]:
    row = comparison.table.loc[run]
    each = comparison.fits[run].tree["sample_stats"]["diverging"].sum("draw").values
    sizes = row["ess_bulk"], row["ess_tail"]
    return ", ".join(map(str, each)), row["divergences"], *sizes, row["r_hat"], _trust(row)


def _trust(row: Any) -> str:
    return "yes" if row["trustworthy"] else "no"


def _error(fit: Any, women: Any, prior: str) -> float:
    """Return the worst error against quadrature."""
    from oracles import binomial_levels, exponential, half_normal

    counts = women.groupby("district")["use_contraception"].agg(["sum", "count"])
    density = exponential(1.0) if prior == AS_WRITTEN else half_normal(SDS[prior])
    return worst_score(fit, binomial_levels(counts["sum"], counts["count"], density), DISTRICTS)


def main() -> None:
    parser = argparse.ArgumentParser(description="Which coordinates can NUTS be trusted in?")
    parser.add_argument("--nutpie", action="store_true", help="also nutpie on the PyMC export")
    coordinates = (*COORDINATES, *(["nutpie"] if parser.parse_args().nutpie else []))
    eight_schools(coordinates)
    print()
    districts(coordinates)


if __name__ == "__main__":
    main()
