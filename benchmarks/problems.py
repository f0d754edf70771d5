"""Tables and models that benchmarks share, by name; each is made from random numbers and a seed.

Shoal is imported where it is needed: other programs' processes read this file, too.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import pandas as pd


class Problem(NamedTuple):
    """A table and a model of it; priors that are not given are the defaults."""

    formula: str
    family: str
    table: pd.DataFrame
    priors: dict[str, Any] | None = None


class Case(NamedTuple):
    """What is measured, in words, and how it is made from random numbers and a seed."""

    words: str
    make: Callable[[np.random.Generator, int], Problem]
    draws: int = 1000
    refit: bool = False
    after_data: bool = False


def frame(**columns: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(columns)


def logistic(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def small(rng: np.random.Generator, seed: int) -> Problem:
    g, x, z, n = np.arange(56) % 15, rng.normal(size=56), rng.normal(size=56), rng.integers(5, 40, 56)
    eta = -0.5 + 0.5 * x + 0.3 * z + 0.7 * rng.normal(size=15)[g]
    table = frame(g=g, x=x, z=z, n=n, k=rng.binomial(n, logistic(eta)))
    return Problem("k | trials(n) ~ x + z + (1 | g)", "binomial", table)


def schools(rng: np.random.Generator, seed: int) -> Problem:
    import shoal as sl

    priors = {"Intercept": sl.priors.Normal(0, 5), "sd_school": sl.priors.HalfCauchy(5)}
    return Problem("y | se(se) ~ 1 + (1 | school)", "gaussian", sl.load_dataset("eight_schools"), priors)


def one_way(omega: float, groups: int, zero_sum: bool) -> Case:
    def make(rng: np.random.Generator, seed: int) -> Problem:
        import shoal as sl

        table = sl.simulate.one_way(groups=groups, omega=omega, seed=seed)
        group = "gr(group, zero_sum=True)" if zero_sum else "group"
        priors = {"Intercept": sl.priors.Normal(0, 1), "sigma": sl.priors.HalfNormal(1)}
        priors["sd_group"] = sl.priors.HalfNormal(10)
        return Problem(f"observation ~ 1 + (1 | {group})", "gaussian", table, priors)

    effects = "zero-sum" if zero_sum else "normal"
    return Case(f"one-way layout: sd {omega:g}, {groups} groups of 20, {effects} effects", make)


def radon(rng: np.random.Generator, seed: int) -> Problem:
    import shoal as sl

    return Problem("log_radon ~ floor + (1 + floor | county)", "gaussian", sl.load_dataset("radon"))


def bangladesh(rng: np.random.Generator, seed: int) -> Problem:
    import shoal as sl

    formula = "use_contraception ~ urban + (1 + urban | district)"
    return Problem(formula, "bernoulli", sl.load_dataset("bangladesh"))


def counts(rng: np.random.Generator, seed: int) -> Problem:
    g, x = np.repeat(np.arange(300), 20), rng.normal(size=6000)
    intercept, slope = 0.5 * rng.normal(size=300), 0.3 * rng.normal(size=300)
    y = rng.poisson(np.exp(0.5 + 0.3 * x + intercept[g] + slope[g] * x))
    return Problem("y ~ x + (1 + x | g)", "poisson", frame(g=g, x=x, y=y))


def nested(rng: np.random.Generator, seed: int) -> Problem:
    i = np.arange(400)
    b = i // 3 % 120
    c = b // 2
    eta = 0.3 + 0.8 * rng.normal(size=60)[c] + 0.6 * rng.normal(size=120)[b] + 0.5 * rng.normal(size=400)
    table = frame(i=i, b=b, c=c, y=rng.poisson(np.exp(eta)))
    return Problem("y ~ 1 + (1 | i) + (1 | b) + (1 | c)", "poisson", table)


def crossed(rng: np.random.Generator, seed: int) -> Problem:
    a, b = np.repeat(np.arange(24), 316), np.tile(np.arange(316), 24)
    eta = 0.3 + 0.8 * rng.normal(size=24)[a] + rng.normal(size=316)[b]
    table = frame(a=a, b=b, y=rng.binomial(1, logistic(eta)))
    return Problem("y ~ 1 + (1 | a) + (1 | b)", "bernoulli", table)


def crossed_continuous(rng: np.random.Generator, seed: int) -> Problem:
    a, b, x = rng.integers(0, 24, 7500), rng.integers(0, 300, 7500), rng.normal(size=7500)
    eta = 0.3 + 0.5 * x + 0.8 * rng.normal(size=24)[a] + rng.normal(size=300)[b]
    table = frame(a=a, b=b, x=x, y=rng.binomial(1, logistic(eta)))
    return Problem("y ~ x + (1 | a) + (1 | b)", "bernoulli", table)


def binary(rng: np.random.Generator, seed: int) -> Problem:
    import shoal as sl

    g = np.repeat(np.arange(2000), 3)
    y = rng.binomial(1, logistic(0.5 + 2 * rng.normal(size=2000)[g]))
    priors = {"Intercept": sl.priors.Normal(0, 1.5), "sd": sl.priors.Exponential(1)}
    return Problem("y ~ 1 + (1 | g)", "bernoulli", frame(g=g, y=y), priors)


def nested_large(rng: np.random.Generator, seed: int) -> Problem:
    a = np.arange(60_000) // 3
    b, c = a // 10, a // 100
    eta = 0.3 + 0.7 * rng.normal(size=20_000)[a] + 0.5 * rng.normal(size=2_000)[b]
    eta += 0.5 * rng.normal(size=200)[c]
    table = frame(a=a, b=b, c=c, y=rng.binomial(1, logistic(eta)))
    return Problem("y ~ 1 + (1 | a) + (1 | b) + (1 | c)", "bernoulli", table)


def slopes_large(rng: np.random.Generator, seed: int) -> Problem:
    g, x = np.repeat(np.arange(10_000), 10), rng.normal(size=100_000)
    eta = 0.3 + 0.5 * x + 0.8 * rng.normal(size=10_000)[g] + 0.5 * rng.normal(size=10_000)[g] * x
    table = frame(g=g, x=x, y=rng.binomial(1, logistic(eta)))
    return Problem("y ~ x + (1 + x | g)", "bernoulli", table)


def trolley(rng: np.random.Generator, seed: int) -> Problem:
    import shoal as sl

    formula = "response ~ action + intention + contact + (1 | id) + (1 | story)"
    priors = {"b": sl.priors.Normal(0, 1), "sd": sl.priors.Exponential(1)}
    return Problem(formula, "cumulative", sl.load_dataset("trolley"), priors)


def insteval(rng: np.random.Generator, seed: int) -> Problem:
    import shoal as sl

    formula = "y ~ x + (1 | student) + (1 | lecturer) + (1 | department)"
    return Problem(formula, "gaussian", sl.simulate.crossed(seed=seed))


def slopes200k(rng: np.random.Generator, seed: int) -> Problem:
    import shoal as sl

    x = "x1 + x2 + x3"
    formula = f"y ~ 0 + {x} + (0 + {x} || gr(group, zero_sum=True))"
    priors = {"b": sl.priors.Normal(0, 2), "sd": sl.priors.Gamma(mu=10, sigma=5)}
    priors["sigma"] = sl.priors.HalfNormal(200)
    return Problem(formula, "gaussian", sl.simulate.varying_slopes(seed=seed), priors)


def cells(formula: str, groups: int, rows: int) -> Callable[[np.random.Generator, int], Problem]:
    """Effects of the 12 levels of f in each group, several rows of which meet each."""

    def make(rng: np.random.Generator, seed: int) -> Problem:
        g, f = np.repeat(np.arange(groups), 12 * rows), np.tile(np.arange(12), groups * rows)
        effect = 0.8 * rng.normal(size=(groups, 1)) + 0.6 * rng.normal(size=(groups, 12))
        y = 0.1 * f + effect[g, f] + rng.normal(size=len(g))
        return Problem(formula, "gaussian", frame(g=g, f=np.char.add("f", f.astype(str)), y=y))

    return make


def four_way(rng: np.random.Generator, seed: int) -> Problem:
    """All 15 factors that four factors of 4 or 5 levels and their meetings make, two rows a cell."""
    sizes = {"a": 4, "b": 5, "c": 4, "d": 5}
    places = np.indices(tuple(sizes.values())).reshape(4, -1)
    table = frame(**dict(zip(sizes, np.tile(places, 2), strict=True)))
    y, terms = rng.normal(size=len(table)), []
    for count in range(1, 5):
        for names in combinations(sizes, count):
            cell = table.groupby(list(names)).ngroup().to_numpy()
            y += 0.4 * rng.normal(size=cell.max() + 1)[cell]
            terms.append(f"(1 | {':'.join(names)})")
    return Problem("y ~ 1 + " + " + ".join(terms), "gaussian", table.assign(y=y))


CASES = {
    "small": Case("15 levels, 56 binomial rows, 3 coefficients", small, refit=True),
    "schools": Case("eight schools", schools, refit=True),
    **{
        f"one_way-{omega:g}-{groups}-{'zero_sum' if zero_sum else 'normal'}": one_way(omega, groups, zero_sum)
        for omega in (0.1, 1.0, 10.0)
        for groups in (5, 50, 500)
        for zero_sum in (False, True)
    },
    "radon": Case("radon: 85 counties x 2 effects, gaussian", radon, refit=True),
    "bangladesh": Case("Bangladesh: 60 districts x 2 effects, binary", bangladesh, refit=True),
    "counts": Case("300 x 2 effects, 6,000 counts", counts),
    "nested": Case("400 / 120 / 60 nested levels, 400 counts", nested),
    "crossed": Case("24 x 316 crossed levels, 7,584 binary rows", crossed),
    "crossed_continuous": Case("300 x 24 crossed levels, 7,500 rows, x continuous", crossed_continuous),
    "binary": Case("2,000 groups of 3 binary rows, sd 2", binary),
    "nested_large": Case("20,000 / 2,000 / 200 nested levels, 60,000 binary rows", nested_large),
    "slopes_large": Case("10,000 x 2 effects, 100,000 binary rows", slopes_large),
    "cells-correlated": Case("12 correlated effects, 20 levels, 720 rows", cells("y ~ f + (f | g)", 20, 3)),
    "cells-one_row": Case("12 effects, 60 levels, one row a cell", cells("y ~ f + (0 + f || g)", 60, 1)),
    "four_way": Case("15 factors of a four-way layout, 800 rows", four_way),
    "trolley": Case("Trolley: 9,930 ordered rows, 331 x 12 levels", trolley),
    "insteval": Case("InstEval's shape: 2,972 x 1,128 x 28, 73,421 gaussian rows", insteval, draws=400),
    "slopes200k": Case("three zero-sum slopes, 1,000 groups, 200,000 rows", slopes200k, after_data=True),
}
