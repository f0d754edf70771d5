"""How long do women in 3 and in 60 districts take, in which coordinates, and are the answers right?

Usage: python benchmarks/bangladesh.py

One row a model: whole-process seconds, worst R-hat and effective sample sizes of all parameters, districts
included (of 4,000 draws), divergences. For three districts also the worst error of a posterior mean or sd
against quadrature, in Monte Carlo standard errors (z). District 3 has two women.
"""

from typing import Any

from _process import Table, fresh, quality, worst_score

LEVELS = "use_contraception ~ 1 + (1 | district)"
MODELS: dict[str, dict[str, Any]] = {
    "3, Exponential(1)": {"districts": 3, "sd": ["Exponential", 1.0]},
    "3, HalfNormal(0.5)": {"districts": 3, "sd": ["HalfNormal", 0.5]},
    "3, fixed effects": {
        "districts": 3,
        "sd": ["Fixed", 1.5],
        "formula": "use_contraception ~ 0 + (1 | district)",
    },
    "60": {"districts": 60},
    "60, centered": {"districts": 60, "coordinates": "centered"},
    "60, noncentered": {"districts": 60, "coordinates": "noncentered"},
    "60, zero_sum": {"districts": 60, "coordinates": "zero_sum"},
    "60, fixed effects": {
        "districts": 60,
        "sd": ["Fixed", 1.5],
        "formula": "use_contraception ~ 0 + (1 | district)",
    },
}


def women(districts: int) -> Any:
    """Return the women of the first districts (of 61, one of which has none)."""
    import shoal as sl

    data = sl.load_dataset("bangladesh")
    return data[data["district"] <= (districts if districts < 60 else 61)]


def fitted(
    districts: int,
    sd: tuple[str, float] = ("Exponential", 1.0),
    formula: str = LEVELS,
    coordinates: str = "auto",
) -> Any:
    import shoal as sl

    priors = {"sd_district": getattr(sl.priors, sd[0])(sd[1])}
    if formula == LEVELS:
        priors["Intercept"] = sl.priors.Normal(0, 1.5)
    model = sl.Model(formula, women(districts), family="bernoulli", priors=priors)
    return model.fit(seed=1, progress=False, coordinates=coordinates)


def work(**model: Any) -> dict[str, Any]:
    fit = fitted(**model)
    free = [name for name in ("Intercept", "sd_district") if name in fit.tree["posterior"]]
    return quality(fit, [*(free if model.get("sd", [""])[0] != "Fixed" else []), "r_district"])


def error(**model: Any) -> float | str:
    """Return the worst error against quadrature, or a dash where there is none."""
    from oracles import binomial_fixed, binomial_levels, exponential, half_normal

    if model["districts"] > 3:
        return "-"
    counts = women(3).groupby("district")["use_contraception"].agg(["sum", "count"])
    kind, value = model["sd"]
    if kind == "Fixed":
        exact, names = binomial_fixed(counts["sum"], counts["count"], (0.0, value)), {"level": "levels"}
    else:
        prior = {"Exponential": exponential, "HalfNormal": half_normal}[kind](value)
        exact = binomial_levels(counts["sum"], counts["count"], prior)
        names = {"mu": "Intercept", "sd": "sd_district", "level": "levels"}
    return worst_score(fitted(**model), exact, names)


def main() -> None:
    columns = ("seconds", "R-hat", "ESS bulk", "ESS tail", "div", "sampler")
    table = Table(f"{'districts':<20}", *columns, "z")
    for name, model in MODELS.items():
        measured = fresh("bangladesh", "work", **model)
        table.row(name, *(measured[c] for c in columns), error(**model))


if __name__ == "__main__":
    main()
