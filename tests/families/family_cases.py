"""Every family and link with parameters, and rows to try them on."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy.special import expit

from shoal.families import (
    AdjacentCategory,
    Categorical,
    ContinuationRatio,
    Cumulative,
    Family,
    Rows,
    StoppingRatio,
    get_family,
)

SIZE = 7


class Case(NamedTuple):
    """A family with values of its parameters; `known_se`: rows have standard errors."""

    family: Family
    phi: dict[str, Any]
    known_se: bool = False

    def __str__(self) -> str:
        inside = ", ".join(f"{name}={value}" for name, value in self.phi.items())
        return f"{self.family}{', se' if self.known_se else ''}({inside})"


UNORDERED = np.array([-0.4, -1.1, 0.3])
CUTPOINTS = np.array([-1.1, 0.2, 0.5, 1.3])
CASES = [
    Case(get_family("gaussian"), {"sigma": 1.3}),
    Case(get_family("gaussian"), {"sigma": 0.7}, True),
    Case(get_family("gaussian"), {}, True),
    Case(get_family("student"), {"sigma": 0.6, "nu": 4.5}),
    Case(get_family("student"), {"sigma": 2.0, "nu": 300.0}),
    Case(get_family("skew_normal"), {"sigma": 0.8, "alpha": -4.0}),
    Case(get_family("skew_normal"), {"sigma": 2.0, "alpha": 0.7}),
    Case(get_family("asym_laplace"), {"sigma": 0.8, "quantile": 0.25}),
    Case(get_family("asym_laplace"), {"sigma": 2.0, "quantile": 0.9}),
    Case(get_family("von_mises"), {"kappa": 0.7}),
    Case(get_family("von_mises"), {"kappa": 40.0}),
    Case(get_family("bernoulli"), {}),
    Case(get_family("bernoulli", "probit"), {}),
    Case(get_family("bernoulli", "cloglog"), {}),
    Case(get_family("binomial"), {}),
    Case(get_family("binomial", "probit"), {}),
    Case(get_family("binomial", "cloglog"), {}),
    Case(get_family("beta_binomial"), {"phi": 0.7}),
    Case(get_family("beta_binomial"), {"phi": 6.0}),
    Case(get_family("beta_binomial"), {"phi": 80.0}),
    Case(get_family("poisson"), {}),
    Case(get_family("negbinomial"), {"shape": 0.3}),
    Case(get_family("negbinomial"), {"shape": 8.0}),
    Case(get_family("negbinomial"), {"shape": 70.0}),
    Case(get_family("zero_inflated_poisson"), {"zi": 0.3}),
    Case(get_family("zero_inflated_poisson"), {"zi": 0.01}),
    Case(get_family("zero_inflated_negbinomial"), {"shape": 0.4, "zi": 0.3}),
    Case(get_family("zero_inflated_negbinomial"), {"shape": 50.0, "zi": 0.02}),
    Case(get_family("zero_inflated_binomial"), {"zi": 0.3}),
    Case(get_family("zero_inflated_binomial"), {"zi": 0.02}),
    Case(get_family("hurdle_poisson"), {"hu": 0.3}),
    Case(get_family("hurdle_negbinomial"), {"shape": 0.4, "hu": 0.6}),
    Case(get_family("hurdle_negbinomial"), {"shape": 50.0, "hu": 0.1}),
    Case(get_family("hurdle_gamma"), {"shape": 0.7, "hu": 0.2}),
    Case(get_family("hurdle_gamma"), {"shape": 40.0, "hu": 0.6}),
    Case(get_family("hurdle_lognormal"), {"sigma": 0.4, "hu": 0.3}),
    Case(get_family("exponential"), {}),
    Case(get_family("gamma"), {"shape": 0.7}),
    Case(get_family("gamma"), {"shape": 90.0}),
    Case(get_family("weibull"), {"shape": 0.6}),
    Case(get_family("weibull"), {"shape": 8.0}),
    Case(get_family("inverse_gaussian"), {"shape": 0.5}),
    Case(get_family("inverse_gaussian"), {"shape": 20.0}),
    Case(get_family("lognormal"), {"sigma": 0.4}),
    Case(get_family("beta"), {"phi": 0.8}),
    Case(get_family("beta"), {"phi": 40.0}),
    Case(get_family("zero_inflated_beta"), {"phi": 0.8, "zi": 0.3}),
    Case(get_family("zero_inflated_beta"), {"phi": 40.0, "zi": 0.1}),
    Case(get_family("zero_one_inflated_beta"), {"phi": 0.8, "zoi": 0.3, "coi": 0.2}),
    Case(get_family("zero_one_inflated_beta"), {"phi": 40.0, "zoi": 0.1, "coi": 0.6}),
    Case(get_family("ordered_beta"), {"phi": 0.8, "cutzero": -1.2, "cutgap": 1.9}),
    Case(get_family("ordered_beta"), {"phi": 40.0, "cutzero": -0.3, "cutgap": 1.0}),
    Case(Cumulative("logit", 4), {"cutpoints": CUTPOINTS}),
    Case(Cumulative("probit", 4), {"cutpoints": CUTPOINTS}),
    Case(Cumulative("logit", 1), {"cutpoints": np.array([0.3])}),
    Case(Cumulative("probit", 1), {"cutpoints": np.array([0.3])}),
    *(
        Case(kind(link, len(cutpoints)), {"cutpoints": cutpoints})
        for kind in (StoppingRatio, ContinuationRatio, AdjacentCategory)
        for link in kind.links
        for cutpoints in (UNORDERED, np.array([0.3]))
    ),
    Case(Categorical("logit", "abc"), {"mu_b": 0.6, "mu_c": -1.1}),
    Case(Categorical("logit", "ab"), {"mu_b": 0.6}),
]
SEVERAL = ("multinomial", "dirichlet")  # of several columns, which have tests of their own
ALONE = [case for case in CASES if not case.family.joint]  # whose rows have one linear predictor
COUNTS = ("poisson", "negbinomial", "zero_inflated_poisson", "zero_inflated_negbinomial")
SUCCESSES = ("bernoulli", "binomial", "beta_binomial", "zero_inflated_binomial")
TRUNCATED = ("hurdle_poisson", "hurdle_negbinomial")
HURDLES = (*TRUNCATED, "hurdle_gamma", "hurdle_lognormal")
WITH_ENDS = ("zero_one_inflated_beta", "ordered_beta")
# Families with rows that say nothing of eta, or of some parameter.
SILENT = (*HURDLES, "zero_inflated_beta", *WITH_ENDS)
POSITIVE = ("exponential", "gamma", "weibull", "inverse_gaussian", "lognormal")


def rows_of(case: Case, seed: int, weighted: bool = True) -> Rows:
    """Return rows that hold both ends of the family's support, where it has ends."""
    rng, name = np.random.default_rng(seed), case.family.name
    trials = rng.integers(1, 9, SIZE) if "trials" in case.family.takes else np.ones(SIZE, int)
    if name in SUCCESSES:
        y = rng.binomial(trials, 0.5).astype(float)
        y[0], y[1] = 0, trials[1]
    elif name in COUNTS or name in TRUNCATED:
        y = rng.negative_binomial(1, 0.2, SIZE).astype(float)
        y[0], y[1], y[2] = 0, 40, 1
    elif name in POSITIVE or name in HURDLES:
        y = np.exp(rng.normal(size=SIZE))
        y[[0, 4]] *= name in POSITIVE
    elif name == "von_mises":
        y = rng.uniform(-np.pi, np.pi, SIZE)
    elif name in ("beta", "zero_inflated_beta", *WITH_ENDS):
        y = expit(rng.normal(size=SIZE))
        y[[0, 4]] *= name == "beta"
        y[1] = 1.0 if name in WITH_ENDS else y[1]
    elif case.family.ordinal:
        y = rng.integers(0, case.family.n_cutpoints + 1, SIZE).astype(float)
        y[0], y[1] = 0, case.family.n_cutpoints
    elif case.family.joint:
        y = rng.integers(0, len(case.phi) + 1, SIZE).astype(float)
        y[0], y[1] = 0, len(case.phi)
    else:
        y = rng.normal(size=SIZE)
    se = rng.uniform(0.5, 2, SIZE) if case.known_se else np.zeros(SIZE)
    weight = rng.choice([0.5, 1.0, 3.0], SIZE) if weighted else np.ones(SIZE)
    return Rows(y, trials.astype(float), weight, se)


def response(y: Any, trials: Any = 1.0, se: Any = 0.0) -> Rows:
    """Return unweighted rows of the given responses."""
    y = np.asarray(y, float)
    return Rows(y, np.broadcast_to(trials, y.shape), np.ones(y.shape), np.broadcast_to(se, y.shape))


def stretched(case: Case, leading: int) -> dict[str, Any]:
    """Return the parameters with a leading axis, to broadcast against (leading, N) linear predictors."""
    return {name: np.broadcast_to(value, (leading, 1, *np.shape(value))) for name, value in case.phi.items()}
