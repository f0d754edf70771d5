"""Small models of every structure and family, their tables drawn from a seed, for the export to PyMC."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit

import shoal as sl
from shoal.priors import (
    LKJ,
    Beta,
    Dirichlet,
    Exponential,
    Fixed,
    Gamma,
    HalfCauchy,
    HalfNormal,
    HalfStudentT,
    InverseGamma,
    Laplace,
    Normal,
    StudentT,
)

SIZE, LEVELS = 24, 4


@dataclass(frozen=True)
class Case:
    """A model by its formula, or by its responses; `covariance`: the levels of g have a known one."""

    formula: Any
    family: str = "gaussian"
    priors: dict = field(default_factory=dict)
    covariance: bool = False

    def __str__(self):
        text = self.formula if isinstance(self.formula, str) else " / ".join(r.formula for r in self.formula)
        return f"{self.family}: {text}, {len(self.priors)} priors"

    def model(self, rows: int = SIZE, seed: int = 0) -> sl.Model:
        covariances = {"K": known_covariance()} if self.covariance else None
        return sl.Model(self.formula, table(rows, seed), self.family, self.priors, covariances=covariances)


def known_covariance() -> pd.DataFrame:
    root = np.random.default_rng(3).normal(size=(LEVELS, LEVELS))
    labels = sorted(table()["g"].unique())
    return pd.DataFrame(root @ root.T + np.eye(LEVELS), labels, labels)


def table(rows: int = SIZE, seed: int = 0) -> pd.DataFrame:
    """Return rows with a response of every family, varying over g and over h, which are crossed."""
    rng = np.random.default_rng(seed)
    g, h, x = rng.permutation(np.arange(rows) % LEVELS), np.arange(rows) % 3, rng.normal(1, 1, rows)
    eta = 0.2 + 0.5 * x + rng.normal(0, 0.7, LEVELS)[g] + rng.normal(0, 0.4, 3)[h]
    mu, trials = np.exp(0.5 * eta), rng.integers(1, 7, rows)
    return pd.DataFrame(
        {
            "y": eta + rng.normal(0, 0.8, rows),
            "t": eta + 0.6 * rng.standard_t(4, rows),
            "b": rng.permutation(np.arange(rows) % 2),
            "k": rng.binomial(trials, expit(eta - 0.7)),
            "n": trials,
            "c": rng.poisson(mu),
            "o2": rng.negative_binomial(3, 3 / (3 + mu)),
            "z0": np.where(rng.random(rows) < 0.3, 0, rng.poisson(2 * mu)),
            "z1": np.where(rng.random(rows) < 0.3, 0, rng.negative_binomial(3, 3 / (3 + 2 * mu))),
            "zk": np.where(rng.random(rows) < 0.3, 0, rng.binomial(8, expit(eta))),
            "hc": (rng.random(rows) < 0.7) * (1 + rng.poisson(mu)),
            "hp": (rng.random(rows) < 0.7) * rng.gamma(2.0, mu),
            "e": rng.exponential(mu),
            "p": np.exp(eta + rng.normal(0, 0.5, rows)),
            "d": rng.vonmises(2 * np.arctan(0.5 * eta), 4.0),
            "q": (share := np.clip(rng.beta(4 * expit(eta), 4 * expit(-eta)), 1e-3, 1 - 1e-3)),
            "r": 1 - share,
            "a": np.digitize(eta + rng.logistic(size=rows), [-0.5, 0.8, 2.0]),
            "x": x,
            "w2": rng.normal(size=rows),
            "o": rng.normal(size=rows),
            "w": rng.choice([0.5, 1.0, 2.0], rows),
            "s": rng.uniform(0.5, 1.5, rows),
            "g": np.array(["north", "east", "south", "west"])[g],
            "h": h,
            "f": np.array(["low", "high"])[g % 2],
            "h2": np.arange(rows) // 3 % 4,
        }
    )


# One response, one group: every family and link.
FAMILIES = [
    Case("y ~ x + (1 | g)"),
    Case("y | se(s) ~ x + (1 | g)"),
    Case("y | se(s, sigma=True) ~ x + (1 | g)"),
    Case("t ~ x + (1 | g)", "student"),
    Case("t ~ x + (1 | g)", "skew_normal"),
    Case("t ~ x + (1 | g)", "asym_laplace", {"quantile": Fixed(0.3)}),
    Case("d ~ x + (1 | g)", "von_mises"),
    Case("b ~ x + (1 | g)", "bernoulli"),
    Case("b ~ x + (1 | g)", "bernoulli(probit)"),
    Case("b ~ x + (1 | g)", "bernoulli(cloglog)"),
    Case("k | trials(n) ~ x + (1 | g)", "binomial"),
    Case("k | trials(n) ~ x + (1 | g)", "binomial(probit)"),
    Case("k | trials(n) ~ x + (1 | g)", "binomial(cloglog)"),
    Case("k | trials(n) ~ x + (1 | g)", "beta_binomial"),
    Case("c ~ x + (1 | g)", "poisson"),
    Case("o2 ~ x + (1 | g)", "negbinomial"),
    Case("z0 ~ x + (1 | g)", "zero_inflated_poisson"),
    Case("z1 ~ x + (1 | g)", "zero_inflated_negbinomial"),
    Case("zk | trials(8) ~ x + (1 | g)", "zero_inflated_binomial"),
    Case("hc ~ x + (1 | g)", "hurdle_poisson"),
    Case("hc ~ x + (1 | g)", "hurdle_negbinomial"),
    Case("hp ~ x + (1 | g)", "hurdle_gamma"),
    Case("hp ~ x + (1 | g)", "hurdle_lognormal"),
    Case("e ~ x + (1 | g)", "exponential"),
    Case("p ~ x + (1 | g)", "gamma"),
    Case("p ~ x + (1 | g)", "weibull"),
    Case("p ~ x + (1 | g)", "inverse_gaussian"),
    Case("p ~ x + (1 | g)", "lognormal"),
    Case("q ~ x + (1 | g)", "beta"),
    Case("a ~ x + (1 | g)", "cumulative"),
    Case("a ~ x + (1 | g)", "cumulative(probit)"),
    Case("a ~ x + (1 | g)", "sratio"),
    Case("a ~ x + (1 | g)", "sratio(probit)"),
    Case("a ~ x + (1 | g)", "cratio"),
    Case("a ~ x + (1 | g)", "cratio(probit)"),
    Case("a ~ x + (1 | g)", "acat"),
    Case("g ~ x + (1 | h)", "categorical"),
    Case("cbind(c, o2, n) ~ x + (1 | h)", "multinomial"),
    Case("cbind(q, r) ~ x + (1 | h)", "dirichlet"),
]


def weighted(case: Case) -> Case:
    response = case.formula.split(" ~ ")[0]
    return Case(f"{response} {'+' if '|' in response else '|'} weights(w) ~ x", case.family)


WEIGHTED = [weighted(case) for case in FAMILIES]
ROWS = [
    Case("y ~ 1"),
    Case("y ~ 0 + x + offset(o)"),
    Case("c ~ x + w2 + offset(o)", "poisson", {"Intercept": Normal(0.3, 1), "b": Laplace(0, 1)}),
    Case("y ~ x + w2", priors={"Intercept": StudentT(4, 1, 2), "x": Fixed(0.4), "sigma": Gamma(2, 3)}),
    Case("y ~ x + w2", priors={"x": StudentT(4, 1, 2), "w2": Laplace(0.1, 0.5), "sigma": Fixed(0.9)}),
    Case("o2 ~ x", "negbinomial", {"shape": InverseGamma(2, 3)}),
    Case("z0 ~ x", "zero_inflated_poisson", {"zi": Beta(2, 5)}),
    Case("a ~ x", "cumulative", {"cutpoints": Normal(0.5, 2)}),
    Case("b ~ x", "cumulative"),
    Case("a ~ x", "acat", {"cutpoints": Normal(0.5, 2)}),
    Case("a ~ x", "cumulative", {"cutpoints": StudentT(3, 0.5, 2)}),
    Case("a ~ x", "acat", {"cutpoints": StudentT(3, 0.5, 2)}),
    Case("a | thres(gr=f) ~ x + (1 | h)", "cumulative", {"cutpoints[low]": StudentT(3, 0.5, 2)}),
    Case("a | thres(gr=f) ~ x", "sratio", {"cutpoints[low]": StudentT(3, 0.5, 2)}),
    Case("a ~ x + cs(w2) + (1 | g)", "acat"),
    Case("a | thres(gr=f) ~ cs(x + w2)", "sratio", {"x[1|2]": Normal(0, 0.3)}),
    Case("y | cens(b) + trunc(lb=y - 1) + weights(w) ~ x"),
    Case("p | cens(2 * b, p + s) ~ x", "lognormal"),
    Case("p | cens(-1 * b) ~ x", "weibull"),
    Case("e | trunc(0, e + 1) ~ x", "exponential"),
    Case("p | cens(b) ~ x", "gamma"),
    Case("c | cens(b) + trunc(ub=c + 3) ~ x", "poisson"),
    Case("o2 | cens(b) + trunc(ub=o2 + 3) ~ x", "negbinomial"),
    Case("t | cens(b) ~ x", "student"),
    Case("q | cens(b) + trunc(lb=q / 2) ~ x", "beta"),
]
EFFECTS = [
    Case("y ~ 0 + (1 | g)", priors={"sd_g": HalfCauchy(0.8)}),
    Case("y ~ 1 + (1 | g) + (1 | h)", priors={"sd_g": HalfStudentT(3, 1), "sd_h": Fixed(0.5)}),
    Case("b ~ 1 + (1 | h / g)", "bernoulli", {"sd": Exponential(1)}),
    Case("y ~ x + (1 + x | g)", priors={"cor_g": LKJ(1)}),
    Case("y ~ x + w2 + (1 + x + w2 | g)", priors={"sd_g[x]": HalfNormal(1)}),
    Case("y ~ w2 + (1 + x || g)", priors={"sd_g[x]": Fixed(0.6)}),
    Case("c ~ x + w2 + (1 + x | g) + (0 + w2 | g) + (1 | h)", "poisson", {"x": Fixed(0.3)}),
    Case("y ~ x + (1 | gr(g, zero_sum=True))"),
    Case("b ~ x + (1 + x || gr(g, zero_sum=True)) + (1 | h)", "bernoulli"),
    Case("y ~ x + (1 + x | gr(g, zero_sum=True))"),
    Case("y ~ x + (1 | gr(g, dist='student'))", priors={"nu_g": Gamma(2, 0.5)}),
    Case("y ~ x + (1 + x || gr(g, dist='student'))", priors={"nu_g": Fixed(4)}),
    Case("c ~ x + (1 + x | gr(g, dist='student')) + (1 | h)", "poisson"),
    Case("y ~ x + (1 + x | gr(g, dist='student')) + (0 + w2 | gr(g, dist='student'))"),
    Case("y ~ x + (1 | gr(g, cov=K))", covariance=True),
    Case("y ~ x + (1 + x | gr(g, cov=K)) + (1 | h)", covariance=True),
    Case("b ~ x + (1 | gr(g, cov=K, dist='student'))", "bernoulli", covariance=True),
    Case("y ~ x + (1 + x | mm(h, h2, weights=[w, s])) + (1 | g)"),
    Case("c ~ x + (1 | mm(h, h2))", "poisson"),
    Case("c ~ x + (1 + x | gr(g, by=f)) + (1 | h)", "poisson"),
    Case("y ~ x + (1 | mm(h, h2, weights=[1, -1], scale=False, any_sum=True))"),
]
# PyMC's binary density loses digits where a probability is near one.
TAME = {"Intercept": Normal(0, 1), "b": Normal(0, 0.3), "sdgp": HalfNormal(0.5)}
CURVES = [
    Case("y ~ s(x, k=6) + mo(a)", priors={"simo": Dirichlet(2)}),
    Case("c ~ s(x, k=5, by=g) + mo(b)", "poisson", {"sds_s(x, by=g)[west]": Fixed(0.4)}),
    Case("y ~ t2(x, w2, k=4) + (1 | g)"),
    Case("y ~ gp(I(x / 2), k=8, c=2) + s(x, k=4, by=w)"),
    Case("b ~ gp(x, by=g, k=5, c=2, cov='matern25') + mo(a)", "bernoulli", TAME | {"lscale": HalfNormal(2)}),
]
SEVERAL = [
    Case([sl.Response("y ~ x + (1 | g)"), sl.Response("c ~ x + (1 | g)", "poisson")]),
    Case([sl.Response("y ~ latent(u | g)"), sl.Response("b ~ x + latent(u | g)", "bernoulli")]),
    Case(
        [sl.Response("y ~ latent(u | g) + (1 | g)"), sl.Response("a ~ x + latent(u | g)", "cumulative")],
        priors={"y_loading_u": Fixed(1.0)},
    ),
    Case(
        [
            sl.Response("y ~ latent(u | g)"),
            sl.Response("t ~ latent(u | g) + latent(v | h)", "student"),
            sl.Response("c ~ latent(v | h) + (1 + x | g)", "poisson"),
        ],
        priors={
            "y_loading_u": StudentT(4, 0, 1),
            "t_loading_v": Laplace(0, 2),
            "c_loading_v": Normal(0.5, 1),
        },
    ),
]
ALL = [*FAMILIES, *WEIGHTED, *ROWS, *EFFECTS, *SEVERAL]
