"""The models of four public discussions of sampling trouble, with the figures that were published.

The eight schools in a course's notes on hierarchical models; three districts of the Bangladesh fertility
survey in a post on "exploring modeling failure"; and two questions on the PyMC forum, of a one-way layout
whose sampler gets worse as its data get better, and of 200,000 rows with three varying slopes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from shoal.priors import Exponential, Gamma, HalfCauchy, HalfNormal, Normal, Prior
from shoal.simulate import one_way, varying_slopes
from shoal.tables.datasets import load_dataset

if TYPE_CHECKING:
    import pandas as pd

PARTS = {
    "eight_schools": "Eight schools: coaching effects with known standard errors",
    "bangladesh": "Contraceptive use of women by district, Bangladesh",
    "one_way": "One-way layout, 20 rows a group; omega is the sd between groups",
    "slopes": "Three varying slopes, 1,000 groups of 200 rows",
}


@dataclass(frozen=True)
class Figure:
    """A quantity, and its published posterior summary; NaN where none was published.

    Attributes
    ----------
    name : str
        As published.
    terms : tuple of str
        Columns of `Fit.to_frame` whose sum it is.
    mean, low, high : float
        Posterior mean and highest-density interval.
    bulk, tail : float
        Effective sample sizes.
    """

    name: str
    terms: tuple[str, ...]
    mean: float
    low: float
    high: float
    bulk: float
    tail: float


@dataclass(frozen=True)
class Published:
    """A model with what was published about it.

    Attributes
    ----------
    title, formula, family : str
    data : callable
        Makes the table.
    priors : dict
    figures : tuple of Figure
    prob : float
        Probability of the published intervals.
    rhat : float, optional
        Worst published R-hat.
    divergences : float, optional
    """

    title: str
    formula: str
    family: str
    data: Callable[[], pd.DataFrame]
    priors: dict[str, Prior]
    figures: tuple[Figure, ...]
    prob: float = 0.94
    rhat: float | None = None
    divergences: float | None = None


def cases(part: str) -> list[Published]:
    """Return the models of one of `PARTS`."""
    makers = {
        "eight_schools": _eight_schools,
        "bangladesh": _bangladesh,
        "one_way": _one_way,
        "slopes": _slopes,
    }
    return makers[part]()


def _figures(text: str) -> tuple[Figure, ...]:
    """Read lines of name, terms joined by +, mean, low, high, bulk, tail; a dash where none was published."""
    rows = [line.split() for line in text.split("\n") if line.strip()]
    return tuple(
        Figure(name, tuple(terms.split("+")), *(float("nan" if v == "-" else v) for v in values))
        for name, terms, *values in rows
    )


# Two chains of 10,000 non-centered draws. Its effective sizes are overall ones, not bulk and tail.
_SCHOOLS = """
mu   Intercept             - - -  20000 -
tau  sd_school[Intercept]  - - -  12191 -
"""


def _eight_schools() -> list[Published]:
    given: dict[str, Prior] = {"Intercept": Normal(0, 5), "sd_school": HalfCauchy(5)}
    formula, data = "y | se(se) ~ 1 + (1 | school)", partial(load_dataset, "eight_schools")
    figures = _figures(_SCHOOLS)
    return [Published("8 schools", formula, "gaussian", data, given, figures, rhat=1.00036, divergences=21)]


# Attempt 0, centered, and attempt 4, non-centered with target_accept 0.99: four chains of 1,000 draws.
_CENTERED = """
a_bar  Intercept                           -0.449 -1.638  0.532  848  394
sigma  sd_district[Intercept]               0.966  0.167  1.885  232  134
a[1]   Intercept+r_district[1,Intercept]   -1.031 -1.355 -0.712  662 1641
a[2]   Intercept+r_district[2,Intercept]   -0.642 -1.379 -0.025  993  330
a[3]   Intercept+r_district[3,Intercept]    0.282 -1.513  2.137  663  382
"""
_NONCENTERED = """
a_bar  Intercept               -0.731 -1.343 -0.137 1116 1060
sigma  sd_district[Intercept]   0.393  0.000  0.783 1037 1015
"""
_SIXTY = """
a_bar  Intercept               - - - - -
sigma  sd_district[Intercept]  - - - - -
"""


def _bangladesh() -> list[Published]:
    women = load_dataset("bangladesh")
    few = women[women["district"] <= 3]

    def case(data: pd.DataFrame, sd: Prior, figures: str, *published: float) -> Published:
        return Published(
            f"{data['district'].nunique()} districts\n{type(sd).__name__}",
            "use_contraception ~ 1 + (1 | district)",
            "bernoulli",
            lambda: data,
            {"Intercept": Normal(0, 1.5), "sd_district": sd},
            _figures(figures),
            0.89,
            *published,
        )

    return [
        case(few, Exponential(1), _CENTERED, 1.01, 71 + 71 + 99 + 49),
        case(few, HalfNormal(0.5), _NONCENTERED, 1.00, 0),
        case(women, Exponential(1), _SIXTY),
    ]


# omega, groups, worst R-hat; then mean, interval, bulk and tail of mu, omega and sigma.
_ONE_WAY = """
0.1   5 1.01  1.902 1.762 2.024 2382 1913  0.238 0     0.587   883  980  0.706 0.607 0.801 2842 2585
0.1  50 1.00  1.985 1.94  2.031 4798 2500  0.071 0     0.137  1266 2026  0.772 0.739 0.806 4429 2337
0.1 500 1.00  1.995 1.98  2.009 8185 2322  0.096 0.07  0.119  1482 1985  0.751 0.74  0.761 5512 2852
1     5 1.01  1.746 1.606 1.872 3210 1771  1.112 0.413 2.077   660  841  0.706 0.61  0.802 2523 2146
1    50 1.01  1.861 1.817 1.909 6323 2901  0.922 0.737 1.117   501  670  0.773 0.741 0.807 4813 2549
1   500 1.00  1.988 1.975 2.002 9388 2736  0.991 0.93  1.051   264  665  0.75  0.741 0.761 7152 2465
10    5 1.01  0.149 0.018 0.288 1905 1915  8.656 3.897 13.736  594  879  0.705 0.615 0.802 1541 1921
10   50 1.03  0.623 0.578 0.672 3588 2597  8.89  7.173 10.57   132  127  0.772 0.741 0.804 3405 2963
10  500 2.11  1.922 1.909 1.936  939  997  9.888 9.433 10.931    5   12  0.75  0.741 0.761  414  853
"""


def _one_way() -> list[Published]:
    places = {"mu": "Intercept", "omega": "sd_group[Intercept]", "sigma": "sigma"}

    def case(omega: str, groups: str, rhat: str, *values: str) -> Published:
        figures = tuple(
            Figure(name, (place,), *map(float, values[5 * i : 5 * i + 5]))
            for i, (name, place) in enumerate(places.items())
        )
        return Published(
            f"omega {omega}\n{groups} groups",
            "observation ~ 1 + (1 | gr(group, zero_sum=True))",
            "gaussian",
            partial(one_way, int(groups), 20, float(omega)),
            {"Intercept": Normal(0, 1), "sigma": HalfNormal(1), "sd_group": HalfNormal(10)},
            figures,
            rhat=float(rhat),
        )

    return [case(*line.split()) for line in _ONE_WAY.split("\n") if line]


# The model with one zero-sum vector for each slope.
_SLOPES = """
beta1  x1             1.080  0.667  1.516 4046 2704
beta2  x2             1.254  0.835  1.655 3377 2579
beta3  x3             0.798  0.361  1.217 3442 2399
tau1   sd_group[x1]   9.534  8.947 10.138 1255 1602
tau2   sd_group[x2]  12.000 11.312 12.670  944 1612
tau3   sd_group[x3]   7.744  7.140  8.318 1207 1573
sigma  sigma         99.930 99.657 100.255 3464 2603
"""


def _slopes() -> list[Published]:
    formula = "y ~ 0 + x1 + x2 + x3 + (0 + x1 + x2 + x3 || gr(group, zero_sum=True))"
    given: dict[str, Prior] = {"b": Normal(0, 2), "sd": Gamma(mu=10, sigma=5), "sigma": HalfNormal(200)}
    figures = _figures(_SLOPES)
    return [Published("200,000 rows", formula, "gaussian", varying_slopes, given, figures, rhat=1.0)]
