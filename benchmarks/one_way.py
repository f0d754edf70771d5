"""Do better data still make a worse sampler? The one-way layout of 9 cells, with normal and zero-sum effects.

Usage: python benchmarks/one_way.py [--time]

One row a cell: worst R-hat and effective sample sizes of mu, sigma and omega (of 4,000 draws), divergences,
and the errors of their posterior means and sds against quadrature, in Monte Carlo standard errors (z). With
``--time``, whole-process seconds too.
"""

import sys
from typing import Any

from _process import Table, fresh, quality, worst_score

FACTORS = {"normal": "group", "zero-sum": "gr(group, zero_sum=True)"}
NAMES = {"mu": "Intercept", "sigma": "sigma", "omega": "sd_group"}


def fitted(omega: float, groups: int, effects: str) -> Any:
    import shoal as sl

    priors = {
        "Intercept": sl.priors.Normal(0, 1),
        "sigma": sl.priors.HalfNormal(1),
        "sd_group": sl.priors.HalfNormal(10),
    }
    data = sl.simulate.one_way(groups=groups, omega=omega)
    model = sl.Model(f"observation ~ 1 + (1 | {FACTORS[effects]})", data, priors=priors)
    return model.fit(seed=1, progress=False)


def work(**cell: Any) -> dict[str, Any]:
    return quality(fitted(**cell))


def main(timed: bool) -> None:
    import shoal as sl
    from oracles import one_way

    columns = ("R-hat", "ESS bulk", "ESS tail", "div", "sampler")
    table = Table("omega", "groups", "effects", *columns, "z", *(("seconds",) if timed else ()))
    for omega in (0.1, 1.0, 10.0):
        for groups in (5, 50, 500):
            for effects in FACTORS:
                fit = fitted(omega, groups, effects)
                data = sl.simulate.one_way(groups=groups, omega=omega)
                exact = one_way(data["observation"], data["group"], effects == "zero-sum")
                measured = quality(fit)
                row = [f"{omega:g}", groups, effects, *(measured[c] for c in columns)]
                row.append(worst_score(fit, exact, NAMES))
                if timed:
                    cell = {"omega": omega, "groups": groups, "effects": effects}
                    row.append(fresh("one_way", "work", **cell)["seconds"])
                table.row(*row)


if __name__ == "__main__":
    main("--time" in sys.argv[1:])
