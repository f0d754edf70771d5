"""Small models of every structure the engine knows, their tables drawn from a seed."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from scipy.special import expit

from shoal.families import get_family
from shoal.frames import read
from shoal.model import Specification, specify
from shoal.posterior.coordinates import Density
from shoal.posterior.posterior import Posterior, posterior_of
from shoal.posterior.structure import coefficients, hyperparameters
from shoal.priors import LKJ, Exponential, Fixed, Gamma, HalfCauchy, HalfNormal, HalfStudentT, Normal, StudentT
from shoal.sample.programs import double, program, to_device

LEVELS, ROWS = 4, 13


@dataclass(frozen=True)
class Case:
    """A model by its formula; `family` and `priors` as in `shoal.model.specify`."""

    formula: str
    family: str = "gaussian"
    priors: Mapping = field(default_factory=dict)

    def __str__(self):
        return f"{self.family}: {self.formula} {' '.join(f'{k}={v}' for k, v in self.priors.items())}".strip()


GAUSSIAN = [
    Case("y ~ 1"),
    Case("y ~ 0 + x1", priors={"sigma": HalfStudentT(3, 1.5)}),
    Case("y ~ x1 + x2 + offset(o)", priors={"Intercept": Normal(0.5, 2)}),
    Case("y | weights(w) ~ x1 + x2 + x3 + offset(o)", priors={"sigma": Gamma(mu=1, sigma=0.5)}),
    Case("y | se(s) ~ x1"),
    Case("y ~ x1 + x2", priors={"x1": StudentT(4, 0.2, 1.5), "x2": Fixed(0.7)}),
    Case("y ~ 0 + (1 | g)"),
    Case("y ~ 1 + (1 | g)", priors={"sd_g": HalfCauchy(0.8), "sigma": HalfNormal(2)}),
    Case("y | weights(w) ~ x1 + (1 + x1 | g)", priors={"Intercept": StudentT(5, 1, 2), "cor_g": LKJ(1)}),
    Case("y ~ x1 + x2 + x3 + offset(o) + (1 + x1 + x2 | g)", priors={"cor_g": LKJ(3.5)}),
    Case("y ~ x1 + (1 + x1 + x2 || g)", priors={"sd_g[x1]": Fixed(0.6)}),
    Case("y ~ x1 + (1 + x1 | g) + (0 + x2 | g)", priors={"sd": Gamma(2, 3), "Intercept": Fixed(0.4)}),
    Case("y | se(s) ~ x1 + (1 | g)", priors={"x1": StudentT(4)}),
    Case("y | se(s) + weights(w) ~ 1 + (1 + x1 | g)"),
    Case("y ~ 1 + (1 | gr(g, zero_sum=True))"),
    Case("y | weights(w) ~ x1 + x2 + offset(o) + (1 + x1 | gr(g, zero_sum=True))"),
    Case("y ~ 0 + x3 + (1 + x1 + x2 || gr(g, zero_sum=True))", priors={"x3": StudentT(3)}),
    Case("y | se(s) ~ 1 + (1 + x1 + x2 | gr(g, zero_sum=True))", priors={"Intercept": Fixed(0.1)}),
]
TWO_SCALES = [
    Case("y | se(s, sigma=True) ~ x1 + (1 + x1 | g)", priors={"x1": StudentT(4)}),
    Case("y | se(s, sigma=True) + weights(w) ~ 1 + (1 | gr(g, zero_sum=True))"),
]
BINOMIAL = [
    Case("k | trials(n) ~ x1 + x2", "binomial"),
    Case("b ~ 1 + (1 | g)", "bernoulli", {"Intercept": Normal(0, 1.5), "sd_g": Exponential(1)}),
    Case("k | trials(n) ~ x1 + offset(o) + (1 + x1 | g)", "binomial", {"x1": StudentT(4)}),
    Case("k | trials(n) + weights(w) ~ 0 + (1 + x1 + x2 | g)", "binomial", {"cor_g": LKJ(1)}),
    Case("b | weights(w) ~ x1 + (1 + x2 || g)", "bernoulli", {"Intercept": Fixed(-0.3)}),
    Case("b ~ x1 + (1 + x1 | gr(g, zero_sum=True))", "bernoulli"),
    Case("k | trials(n) ~ 0 + (1 | gr(g, zero_sum=True))", "binomial"),
]
ALL = GAUSSIAN + TWO_SCALES + BINOMIAL


def table(seed: int) -> pd.DataFrame:
    """Return rows with every column the cases use; every level has rows, in no order."""
    rng = np.random.default_rng(seed)
    n = ROWS
    trials = rng.integers(1, 6, n)
    b = rng.permutation(np.arange(n) % 2)
    return pd.DataFrame(
        {
            "y": rng.normal(1, 2, n),
            "k": rng.binomial(trials, expit(rng.normal(size=n))),
            "n": trials,
            "b": b,
            "x1": rng.choice([-1.0, 0.5, 2.0], n) + 0.01 * rng.normal() * np.arange(n).clip(0, 1),
            "x2": rng.normal(size=n),
            "x3": rng.normal(3, 1, n),
            "o": rng.normal(size=n),
            "w": rng.choice([0.5, 1.0, 2.0], n),
            "s": rng.uniform(0.5, 1.5, n),
            "g": rng.permutation(np.arange(n) % LEVELS),
        }
    )


def posterior(case: Case, seed: int = 0, coordinates: str = "auto") -> Posterior:
    """Return the posterior of `case` on the table of `seed`."""
    return posterior_of(specification(case, seed), coordinates)


def specification(case: Case, seed: int = 0) -> Specification:
    """Return the model of `case` on the table of `seed`."""
    return specify(case.formula, read(table(seed)), get_family(case.family), case.priors)
