"""What is measured: models that were asked about, shapes of tables, published models, and series of sizes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import pandas as pd
import problems

from peers import growth
from peers.case import Case, Prior

ASKED, SHAPES, PUBLISHED = "Models that were asked about", "Shapes", "Published models"
ROWS, BINARY, LEVELS, EFFECTS = "Rows", "Binary rows", "Levels", "Effects"
SERIES = (ROWS, BINARY, LEVELS, EFFECTS)
SECTIONS = (ASKED, SHAPES, PUBLISHED, *SERIES)

Prepared = Callable[[pd.DataFrame], pd.DataFrame]


def as_it_is(table: pd.DataFrame) -> pd.DataFrame:
    return table


def problem(name: str, prepared: Prepared = as_it_is) -> Callable[[int], Iterable[pd.DataFrame]]:
    """Return what makes the table of one of the problems that benchmarks share."""

    def make(seed: int) -> Iterator[pd.DataFrame]:
        yield prepared(problems.CASES[name].make(np.random.default_rng(seed), seed).table)

    return make


def dataset(name: str, prepared: Prepared = as_it_is) -> Callable[[int], Iterable[pd.DataFrame]]:
    """Return what gives a published table, whatever the seed."""

    def make(seed: int) -> Iterator[pd.DataFrame]:
        import shoal as sl

        yield prepared(sl.load_dataset(name))

    return make


def three_districts(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["district"] <= 3]


def frogs(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(tank=range(len(table)), predators=(table["pred"] == "pred").astype(int))


def dummies(table: pd.DataFrame) -> pd.DataFrame:
    """Return columns f1, ..., f11 in place of a factor f of 12 levels."""
    return table.assign(**{f"f{k}": (table["f"] == f"f{k}").astype(int) for k in range(1, 12)})


def cells_of_four(table: pd.DataFrame) -> pd.DataFrame:
    """Return a factor for each set of the factors a, b, c and d."""
    return table[["y"]].assign(**{name: table.groupby([*name]).ngroup() for name in FOUR_WAY})


NORMAL: dict[str, Prior] = {
    "Intercept": ("Normal", 0, 5),
    "b": ("Normal", 0, 2),
    "sd": ("Exponential", 1),
    "cor": ("LKJ", 2),
    "sigma": ("Exponential", 1),
}
LINKED: dict[str, Prior] = NORMAL | {"Intercept": ("Normal", 0, 1.5), "b": ("Normal", 0, 1)}
ORDERED: dict[str, Prior] = LINKED | {"cutpoints": ("Normal", 0, 1.5)}
ONE_WAY: dict[str, Prior] = {
    "Intercept": ("Normal", 0, 1),
    "sd": ("HalfNormal", 10),
    "sigma": ("HalfNormal", 1),
}
SCHOOLS: dict[str, Prior] = {"Intercept": ("Normal", 0, 5), "sd": ("HalfCauchy", 5)}
SLOPES: dict[str, Prior] = {"b": ("Normal", 0, 2), "sd": ("Gamma", 10, 5), "sigma": ("HalfNormal", 200)}
FOUR_WAY = "a b c d ab ac ad bc bd cd abc abd acd bcd abcd".split()


def one_way() -> Iterator[tuple[str, Case]]:
    """Yield the cells of a one-way layout, of groups of 20 rows."""
    cells = [(omega, groups, True) for omega in (0.1, 1.0, 10.0) for groups in (5, 50, 500)]
    for omega, groups, zero_sum in [*cells, *((omega, 50, False) for omega in (0.1, 1.0, 10.0))]:
        kind = "zero_sum" if zero_sum else "normal"
        name = f"one_way-{omega:g}-{groups}-{kind}"
        words = f"one-way layout: sd {omega:g}, {groups} groups of 20, {kind.replace('_', '-')} effects"
        formula = f"observation ~ 1 + (1 | {'gr(group, zero_sum=True)' if zero_sum else 'group'})"
        centered = ("group",) if omega >= 1 else ()
        yield name, Case(words, ASKED, "gaussian", formula, ONE_WAY, problem(name), centered)


def series() -> Iterator[tuple[str, Case]]:
    """Yield the members of all series, the smallest first: what cost grows with."""
    formula = "y ~ 1 + x + (1 | g)"
    for rows in (10**k for k in range(4, 9)):
        words, made = f"{rows:,} gaussian rows, 1,000 levels", growth.gaussian(rows)
        yield f"rows-{rows}", Case(words, ROWS, "gaussian", formula, NORMAL, made, ("g",), size=rows)
    for rows in (10**k for k in range(4, 8)):
        words, made = f"{rows:,} binary rows, 1,000 levels", growth.binary(rows, 1000)
        around = ("g",) if rows >= 10**5 else ()
        yield (
            f"binary_rows-{rows}",
            Case(words, BINARY, "bernoulli", formula, LINKED, made, around, size=rows),
        )
    for levels in (10**k for k in range(1, 6)):
        words, made = f"{levels:,} levels of ten binary rows", growth.binary(10 * levels, levels)
        yield f"levels-{levels}", Case(words, LEVELS, "bernoulli", formula, LINKED, made, size=levels)
    for effects in (1, 2, 5, 10):
        sum_of = " + ".join(["1", *(f"x{k}" for k in range(1, effects))])
        words = f"{effects} independent effect{'s' * (effects > 1)} of 100 levels, 4,000 binary rows"
        made, own = growth.many_effects(effects), f"y ~ {sum_of} + ({sum_of} || g)"
        yield f"effects-{effects}", Case(words, EFFECTS, "bernoulli", own, LINKED, made, size=effects)


cells = " + ".join(["1", *(f"f{k}" for k in range(1, 12))])
x = "x1 + x2 + x3"
judged = "action + intention + contact"
four_way = " + ".join(f"(1 | {name})" for name in FOUR_WAY)

CASES: dict[str, Case] = {
    **dict(one_way()),
    "three_districts": Case(
        "three districts of Bangladesh, 139 binary rows",
        ASKED,
        "bernoulli",
        "use_contraception ~ 1 + (1 | district)",
        LINKED,
        dataset("bangladesh", three_districts),
    ),
    "schools": Case(
        "eight schools", ASKED, "gaussian", "y | se(se) ~ 1 + (1 | school)", SCHOOLS, problem("schools")
    ),
    "slopes": Case(
        "three zero-sum slopes of 1,000 groups, 200,000 rows",
        ASKED,
        "gaussian",
        f"y ~ 0 + {x} + (0 + {x} || gr(group, zero_sum=True))",
        SLOPES,
        problem("slopes200k"),
    ),
    "reedfrogs": Case(
        "reed frogs: 48 tanks, with and without predators",
        ASKED,
        "binomial",
        "surv | trials(density) ~ 1 + predators + (1 | tank)",
        LINKED,
        dataset("reedfrogs", frogs),
    ),
    "small": Case(
        "56 binomial rows, 15 levels, 3 coefficients",
        SHAPES,
        "binomial",
        "k | trials(n) ~ 1 + x + z + (1 | g)",
        LINKED,
        problem("small"),
        ("g",),
    ),
    "counts": Case(
        "6,000 counts, 300 levels of two correlated effects",
        SHAPES,
        "poisson",
        "y ~ 1 + x + (1 + x | g)",
        LINKED,
        problem("counts"),
    ),
    "nested": Case(
        "400 counts, 400 / 120 / 60 nested levels",
        SHAPES,
        "poisson",
        "y ~ 1 + (1 | i) + (1 | b) + (1 | c)",
        LINKED,
        problem("nested"),
        few="c",
    ),
    "crossed": Case(
        "7,584 binary rows, 24 x 316 crossed levels",
        SHAPES,
        "bernoulli",
        "y ~ 1 + (1 | a) + (1 | b)",
        LINKED,
        problem("crossed"),
        ("a",),
        few="b",
    ),
    "binary": Case(
        "2,000 groups of three binary rows, sd 2",
        SHAPES,
        "bernoulli",
        "y ~ 1 + (1 | g)",
        LINKED,
        problem("binary"),
    ),
    "cells": Case(
        "12 correlated effects of 20 levels, 720 rows",
        SHAPES,
        "gaussian",
        f"y ~ {cells} + ({cells} | g)",
        NORMAL,
        problem("cells-correlated", dummies),
    ),
    "four_way": Case(
        "15 factors of a four-way layout, 800 rows",
        SHAPES,
        "gaussian",
        f"y ~ 1 + {four_way}",
        NORMAL,
        problem("four_way", cells_of_four),
    ),
    "nested_large": Case(
        "60,000 binary rows, 20,000 / 2,000 / 200 nested levels",
        SHAPES,
        "bernoulli",
        "y ~ 1 + (1 | a) + (1 | b) + (1 | c)",
        LINKED,
        problem("nested_large"),
        ("c",),
        few="b",
    ),
    "insteval": Case(
        "InstEval's shape: 73,421 rows, 2,972 x 1,128 x 28 levels",
        SHAPES,
        "gaussian",
        "y ~ 1 + x + (1 | student) + (1 | lecturer) + (1 | department)",
        NORMAL,
        problem("insteval"),
        ("lecturer", "department"),
        few="lecturer",
    ),
    "radon": Case(
        "radon: 85 counties, two correlated effects",
        PUBLISHED,
        "gaussian",
        "log_radon ~ 1 + floor + (1 + floor | county)",
        NORMAL,
        dataset("radon"),
    ),
    "bangladesh": Case(
        "Bangladesh: 60 districts, two correlated effects",
        PUBLISHED,
        "bernoulli",
        "use_contraception ~ 1 + urban + (1 + urban | district)",
        LINKED,
        dataset("bangladesh"),
    ),
    "trolley": Case(
        "Trolley: 9,930 ordered rows, 331 x 12 levels",
        PUBLISHED,
        "cumulative",
        f"response ~ {judged} + (1 | id) + (1 | story)",
        ORDERED,
        dataset("trolley"),
        ("id", "story"),
    ),
    **dict(series()),
}
