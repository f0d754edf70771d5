"""Small models of every structure the engine knows, their tables drawn from a seed."""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.special import expit

from posterior import curves
from posterior.density import at_average, cutpoint_sets, log_joint, zero_sum_basis
from shoal.engine import density as engine
from shoal.errors import ShoalWarning
from shoal.fit.posterior import Posterior, posterior_of
from shoal.model import Response, Specification, covariance, specify
from shoal.priors import (
    LKJ,
    R2D2,
    Dirichlet,
    Exponential,
    Fixed,
    Gamma,
    HalfCauchy,
    HalfNormal,
    HalfStudentT,
    Horseshoe,
    Normal,
    StudentT,
)
from shoal.tables import read

# Unequal levels, and rows that share x1 and g: some merge. Fixed, so that a case's tables have one shape.
G = np.array([0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 3, 3, 3])
H = np.array([0, 1, 1, 0, 1, 2, 2, 1, 2, 2, 1, 2, 0])
TWO = np.array([0, 1, 1, 0, 1, 0, 0, 1, 1, 0, 1, 0, 1])
X1 = np.array([-1, -1, 0.5, 2, 2, 0.5, 0.5, -1, 2, 2, -1, 0.5, 2])


@dataclass(frozen=True)
class Case:
    """A model by its formula, or by (formula, family[, link, predictors]) of several responses.

    `priors`, `predictors` and `rescor` are those of a model.

    `K` is a covariance between the levels of g, `L` between those of h.
    """

    formula: str | tuple[tuple[str, str], ...]
    family: str = "gaussian"
    priors: Mapping = field(default_factory=dict)
    predictors: Mapping = field(default_factory=dict)
    rescor: bool = False

    @property
    def responses(self):
        if isinstance(self.formula, str):
            return (Response(self.formula, self.family, None, self.predictors),)
        return tuple(Response(*pair) for pair in self.formula)

    def __str__(self):
        own = (" ".join([r.formula, *(f"{n} {f}" for n, f in r.predictors.items())]) for r in self.responses)
        models = "; ".join(f"{r.family}: {text}" for r, text in zip(self.responses, own, strict=True))
        return f"{models} {' '.join(f'{k}={v}' for k, v in self.priors.items())}".strip()


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
    Case("p | weights(w) ~ x1 + offset(o) + (1 | g)", "lognormal"),
]
# Levels of several factors meet in rows.
CROSSED = [
    Case("y ~ x1 + (1 | g) + (1 | h)"),
    Case("y ~ 1 + (1 | g) + (1 | h) + (1 | i)", priors={"sd_i": HalfCauchy(0.8), "sd_h": Fixed(0.5)}),
    Case("y ~ x1 + (1 | g/h)"),
    Case("y | weights(w) ~ x1 + x2 + (1 + x1 | g) + (1 + x2 | h)", priors={"x1": StudentT(4)}),
    Case("y ~ 0 + x3 + (1 + x1 || g) + (0 + x2 | g) + (1 + x1 + x3 | h) + (1 | i)"),
    Case("y ~ x1 + (1 | gr(g, zero_sum=True)) + (1 + x1 | gr(h, zero_sum=True))"),
    Case("y | se(s) ~ x1 + (1 | g) + (0 + x1 | gr(h, zero_sum=True))", priors={"Intercept": Fixed(0.2)}),
    Case("p ~ x1 + (1 | g) + (1 | h)", "lognormal"),
]
KNOWN = [
    Case("y ~ x1 + (1 | gr(g, cov=K))"),
    Case("y | se(s) ~ x1 + (1 + x1 | gr(g, cov=K)) + (1 | h)"),
    Case("y ~ 0 + (1 | gr(g, zero_sum=True)) + (1 + x1 || gr(h, cov=L))"),
    Case("y | weights(w) ~ 1 + (1 | gr(g, cov=K)) + (1 + x2 | gr(h, cov=L)) + (1 | i)"),
]
TWO_GAUSSIAN = [
    Case((("y ~ x1 + (1 | g)", "gaussian"), ("v ~ 0 + x2 + (1 | h)", "gaussian"))),
    Case((("y ~ x1 + (1 + x1 | g)", "gaussian"), ("v | se(s) ~ 1 + (1 | gr(g, zero_sum=True))", "gaussian"))),
    Case((("y ~ x1 + latent(f | g)", "gaussian"), ("v ~ 1 + latent(f | g)", "gaussian"))),
    Case(
        (
            ("y | weights(w) ~ x1 + (1 | g) + latent(f | g) + latent(e | h)", "gaussian"),
            ("v ~ v0 + (1 + x1 | g) + latent(e | h) + (1 | h) + latent(f | g)", "gaussian"),
        ),
        priors={"v_loading_f": Fixed(1.0), "loading": Normal(0.5, 1), "v_v0": StudentT(4)},
    ),
]
SHRUNK = [
    Case("y ~ x1 + x2 + x3 + (1 | g)", priors={"b": Horseshoe(0.5), "x3": Normal(0, 1)}),
    Case("y | weights(w) ~ 0 + x1 + x2 + x3 + (1 | g) + (1 + x1 | h)", priors={"b": R2D2(0.4, 3.0)}),
]
CURVES = [
    Case("y ~ s(x2, k=5)"),
    Case("y | weights(w) ~ x1 + s(x2, k=4, by=h) + (1 | g)", priors={"sds_s(x2, by=h)[b]": Fixed(0.7)}),
    Case("y ~ x1 + s(x2, k=4, by=x3) + mo(t)", priors={"mo(t)": StudentT(4), "simo": Dirichlet(2.5)}),
    Case("y | se(s) ~ t2(x2, x3, k=3)"),
    Case("y ~ gp(x2, k=5) + mo(i)", priors={"sdgp": HalfNormal(1), "mo(i)": Normal(0.5, 1)}),
]
JOINED_GAUSSIAN = [
    Case((("y ~ x1 + (1 + x1 | p | g)", "gaussian"), ("v ~ 1 + (1 + x2 | p | g) + (1 | h)", "gaussian"))),
    Case(
        (
            ("y ~ x1 + (1 | p | gr(g, zero_sum=True))", "gaussian"),
            ("v ~ 1 + (1 + x2 | p | gr(g, zero_sum=True))", "gaussian"),
        )
    ),
]
# Some rows name one level twice, and d is named in the second column alone.
MEMBERS_GAUSSIAN = [
    Case("y ~ x1 + (1 + x1 | mm(h, m, weights=cbind(w, s)))"),
    Case("y | weights(w) ~ 1 + (1 | mm(h, m)) + (1 | h)"),
    Case((("y ~ x1 + (1 | p | mm(h, m))", "gaussian"), ("v ~ 1 + (1 + x2 | p | mm(h, m))", "gaussian"))),
]
BY_GAUSSIAN = [
    Case("y ~ x1 + (1 + x1 | gr(g, by=f)) + (1 | h)", priors={"sd_g(f=1)": HalfCauchy(0.8)}),
]
INTEGRATED = (
    BY_GAUSSIAN
    + MEMBERS_GAUSSIAN
    + JOINED_GAUSSIAN
    + GAUSSIAN
    + CROSSED
    + KNOWN
    + TWO_GAUSSIAN
    + SHRUNK
    + CURVES
)
TWO_SCALES = [
    Case("y | se(s, sigma=True) ~ x1 + (1 + x1 | g)", priors={"x1": StudentT(4)}),
    Case("y | se(s, sigma=True) + weights(w) ~ 1 + (1 | gr(g, zero_sum=True))"),
    Case("y | se(s, sigma=True) ~ x1 + (1 | g) + (1 | h)"),
]
BINOMIAL = [
    Case("k | trials(n) ~ x1 + x2", "binomial"),
    Case("b ~ 1 + (1 | g)", "bernoulli", {"Intercept": Normal(0, 1.5), "sd_g": Exponential(1)}),
    Case("k | trials(n) ~ x1 + offset(o) + (1 + x1 | g)", "binomial", {"x1": StudentT(4)}),
    Case("k | trials(n) + weights(w) ~ 0 + (1 + x1 + x2 | g)", "binomial", {"cor_g": LKJ(1)}),
    Case("b | weights(w) ~ x1 + (1 + x2 || g)", "bernoulli", {"Intercept": Fixed(-0.3)}),
    Case("b ~ x1 + (1 + x1 | gr(g, zero_sum=True))", "bernoulli"),
    Case("k | trials(n) ~ 0 + (1 | gr(g, zero_sum=True))", "binomial"),
    Case("b ~ x1 + (1 | g) + (1 | h)", "bernoulli"),
    Case("k | trials(n) ~ x1 + (1 + x1 | g) + (1 + x2 | h) + (1 | i)", "binomial"),
    Case("b ~ 1 + (1 | gr(g, zero_sum=True)) + (1 | gr(h, zero_sum=True))", "bernoulli"),
    Case("b ~ 1 + (1 | gr(g, cov=K))", "bernoulli"),
    Case("k | trials(n) ~ x1 + (1 + x1 | gr(h, cov=L)) + (1 | g)", "binomial"),
]
COUNTS_AND_OTHERS = [
    Case("c ~ x1 + (1 | g) + (1 | h) + (1 | i)", "poisson"),
    Case("c ~ x1 + offset(o) + (1 | g/h)", "negbinomial"),
    Case("c ~ 1 + (1 | g) + (1 | h)", "zero_inflated_poisson"),
    Case("c ~ 1 + (1 | g) + (1 | h)", "zero_inflated_negbinomial"),
    Case("c ~ x1 + (1 | g) + (1 | h)", "hurdle_negbinomial"),
    Case("e ~ x1 + (1 | g) + (1 | h)", "ordered_beta"),
    Case("p ~ x1 + (1 + x1 | g)", "exponential"),
    Case("p ~ x1 + (1 | g) + (1 | h)", "gamma"),
    Case("p | weights(w) ~ x1 + (1 | g) + (1 | h)", "weibull"),
    Case("p ~ 1 + (1 | g) + (1 | h)", "inverse_gaussian"),
    Case("q | weights(w) ~ x1 + (1 | g) + (1 | h)", "beta"),
    Case("y ~ x1 + (1 | g) + (1 | h)", "student"),
    Case("y | weights(w) ~ x1 + (1 | g)", "skew_normal"),
    Case("a ~ 1 + (1 | g)", "von_mises", {"kappa": Fixed(8.0)}),
    Case("k | trials(n) ~ x1 + (1 | g)", "beta_binomial"),
]
ORDERED = [
    Case("t ~ x1 + (1 | g) + (1 | h)", "cumulative"),
    Case("t | weights(w) ~ x1 + offset(o) + (1 + x1 | g)", "cumulative(probit)", {"x1": StudentT(4)}),
    Case("t ~ 1 + (1 + x1 | gr(g, zero_sum=True))", "cumulative", {"cutpoints": Normal(0.5, 2)}),
    Case("b ~ x1", "cumulative"),
    Case("t ~ x1 + (1 | g) + (1 | h)", "sratio"),
    Case("t ~ 1 + (1 + x1 | g)", "cratio(probit)", {"cutpoints": Normal(0.5, 2)}),
    Case("t ~ x1 + (1 | g)", "cumulative", {"cutpoints": StudentT(3, 0.4, 0.7)}),
    Case("t ~ x1 + (1 | g)", "sratio", {"cutpoints": StudentT(5, -0.4, 2.0)}),
    Case("t | weights(w) ~ x1 + offset(o) + (1 | g)", "acat"),
    Case("b ~ x1", "acat"),
    Case("t | weights(w) ~ x1 + offset(o) + (1 | i | g)", "categorical"),
    Case("t | thres(gr=i) ~ x1 + (1 | g)", "cumulative"),
    Case("t | thres(3, gr=i) + weights(w) ~ x1 + (1 + x1 | g)", "cumulative(probit)", {"x1": StudentT(4)}),
    Case("t | thres(gr=i) ~ x1 + offset(o) + (1 | g)", "sratio", {"cutpoints[1]": Normal(0.5, 2)}),
    Case("t | thres(gr=i) ~ x1 + (1 | g)", "acat", {"cutpoints": StudentT(5, -0.4, 2.0)}),
    Case("t | weights(w) ~ x1 + cs(x2) + offset(o) + (1 | g)", "acat"),
    Case("t ~ cs(x1 + x2) + (1 + x1 | g)", "sratio", {"x1": StudentT(4), "x2[1|2]": Normal(0.3, 0.5)}),
    Case("t ~ cs(x1) + (1 | g)", "cratio(probit)", {"cutpoints": StudentT(5, -0.4, 2.0)}),
    Case("t | thres(gr=i) ~ x2 + cs(x1) + (1 | g)", "acat"),
    Case("t | thres(gr=i) ~ cs(x1 + x2) + (1 | g)", "sratio", {"b": Horseshoe()}),
    Case("cbind(c, k, n) | weights(w) ~ x1 + offset(o) + (1 | i | g)", "multinomial"),
    Case("cbind(q * q, q * (1 - q), 1 - q) | weights(w) ~ x1 + (1 | g)", "dirichlet"),
]
STUDENT_EFFECTS = [
    Case("y ~ x1 + (1 | gr(g, dist='student'))"),
    Case("y ~ x1 + (1 + x1 | gr(g, dist='student')) + (1 | h)", priors={"nu_g": Fixed(4.0)}),
    Case("b ~ 1 + (1 | gr(g, dist='student')) + (1 + x1 | h)", "bernoulli"),
    Case("y | se(s) ~ 1 + (1 + x1 || gr(g, dist='student')) + (1 | gr(h, dist='student', cov=L))"),
    Case("c ~ 1 + (1 | gr(g, dist='student')) + (1 | gr(h, zero_sum=True))", "poisson"),
]
LATENT = [
    Case((("b ~ x1 + latent(f | g)", "bernoulli"), ("y ~ 1 + latent(f | g)", "gaussian"))),
    Case(
        (
            ("b ~ y + (1 | g) + latent(f | g)", "bernoulli"),
            ("y ~ x2 + (1 + x2 | gr(g, zero_sum=True)) + (1 | h) + latent(f | g)", "gaussian"),
            ("t ~ x1 + latent(f | g) + (1 | h)", "cumulative"),
        ),
        priors={"b_loading_f": Fixed(1.0)},
    ),
    Case(
        (
            ("y ~ 1 + (1 | gr(g, cov=K)) + latent(f | g)", "gaussian"),
            ("c ~ 1 + (1 | h) + latent(f | g)", "poisson"),
        )
    ),
]
SHRUNK_ROWS = [
    Case("b ~ x1 + x2 + x3 + (1 | g)", "bernoulli", {"b": Horseshoe(0.5)}),
    Case(
        (
            ("y ~ x1 + x2 + latent(f | g)", "gaussian"),
            ("t ~ x1 + x3 + (1 | h) + latent(f | g)", "cumulative"),
        ),
        priors={"t_b": R2D2()},
    ),
]
PREDICTED = [
    Case("y ~ x1 + (1 | g)", predictors={"sigma": "~ x2 + (1 | g)"}),
    Case(
        "y | se(s, sigma=True) ~ x1",
        predictors={"sigma": "~ 0 + x3 + offset(o)"},
        priors={"sigma_x3": StudentT(3)},
    ),
    Case(
        "y ~ x1 + (1 | h)",
        "student",
        predictors={"sigma": "~ 1 + (1 + x1 | g)", "nu": "~ x2"},
        priors={"nu_Intercept": Normal(2, 0.5), "nu_b": Normal(0, 0.3)},
    ),
    Case(
        "c ~ x1 + (1 | g)",
        "negbinomial",
        predictors={"shape": "~ 1 + (1 | gr(h, zero_sum=True))"},
        priors={"shape_Intercept": Normal(0, 0.5)},
    ),
    Case(
        "c ~ 1 + (1 | g)",
        "zero_inflated_poisson",
        predictors={"zi": "~ x1 + (1 | g)"},
        priors={"zi_Intercept": Normal(-0.5, 0.5), "zi_x1": Normal(0, 0.5)},
    ),
    Case(
        "q | weights(w) ~ x1 + (1 | g)",
        "beta",
        predictors={"phi": "~ x2 + x3"},
        priors={"phi_b": Normal(0, 0.3), "phi_Intercept": Normal(1, 0.5)},
    ),
    Case(
        (
            ("y ~ x1 + latent(f | g)", "gaussian", None, {"sigma": "~ x1 + latent(f | g)"}),
            ("p ~ y + (1 | g)", "gamma", None, {"shape": "~ x2 + (1 | gr(g, dist='student'))"}),
        ),
        priors={"shape_Intercept": Normal(0, 1)},
    ),
    Case(
        "y ~ x1 + mo(t)",
        predictors={"sigma": "~ s(x2, k=4)"},
        priors={"sigma_sds": HalfNormal(0.3), "sigma_b": Normal(0, 0.3)},
    ),
    Case("cbind(q, 1 - q) ~ x1 + (1 | g)", "dirichlet", predictors={"phi": "~ x2 + (1 | h)"}),
]
CURVES_OF_ROWS = [
    Case("c ~ s(x2, k=4) + mo(t) + (1 + x1 | g)", "poisson"),
    Case("b ~ 1 + gp(x2, k=3, cov='matern25', by=h)", "bernoulli", {"lscale": Fixed(0.8)}),
    Case("t ~ s(x2, k=4) + mo(i)", "cumulative"),
    Case(
        (
            ("y ~ s(x2, k=4) + latent(f | g)", "gaussian"),
            ("c ~ gp(x2, k=4, cov='matern15') + mo(t) + latent(f | g)", "poisson"),
        )
    ),
]
JOINED = [
    Case("y ~ x1 + (1 | p | g)", predictors={"sigma": "~ x2 + (1 | p | g)"}),
    Case(
        "y | se(s, sigma=True) ~ x1 + (1 + x1 | p | g) + (1 | q | h)",
        predictors={"sigma": "~ 1 + (1 + x3 | p | g) + (1 | q | h)"},
        priors={"sd_h": HalfNormal(1), "sd_g[sigma_Intercept]": Exponential(3), "cor_g": LKJ(3)},
    ),
    Case(
        (
            ("b ~ x1 + (1 + x3 | p | gr(g, cov=K)) + (1 | q | h)", "bernoulli"),
            ("c ~ 1 + (1 | p | gr(g, cov=K))", "negbinomial", None, {"shape": "~ 1 + (1 | q | h)"}),
        ),
        priors={"c_shape_Intercept": Normal(0, 0.5)},
    ),
]
KINKED = [
    Case("y | weights(w) ~ x1 + (1 | g)", "asym_laplace", {"quantile": Fixed(0.3)}),
    Case("y ~ x1 + (1 + x2 | g)", "asym_laplace", predictors={"sigma": "~ x3"}),
]
BY = [
    Case("b ~ 1 + (1 | gr(g, by=f, zero_sum=True))", "bernoulli"),
]
MEMBERS = [
    Case("b ~ x1 + (1 | mm(h, m, weights=[1, -1], scale=False, any_sum=True))", "bernoulli"),
    Case("c ~ 1 + (1 + x1 || mm(h, m, weights=[w, s])) + (1 | g)", "poisson"),
]
# A row's responses have one density: tests of rows response by response are none of theirs.
TOGETHER = [
    Case((("y ~ x1 + (1 | g)", "student"), ("v ~ x2", "student")), rescor=True),
    Case(
        (
            ("y ~ x1 + (1 + x1 | p | g)", "student", None, {"sigma": "~ x3 + (1 | h)"}),
            ("v | subset(b) ~ 1 + (1 | p | g)", "student"),
            ("c | weights(i) ~ x2 + offset(o) + s(x3, k=4)", "student"),
        ),
        priors={"nu": Gamma(4, 0.5), "rescor": LKJ(2), "c_sigma": Fixed(1.3)},
        rescor=True,
    ),
]
TRANSPORTED = (
    MEMBERS
    + BY
    + KINKED
    + JOINED
    + PREDICTED
    + SHRUNK_ROWS
    + TWO_SCALES
    + BINOMIAL
    + COUNTS_AND_OTHERS
    + ORDERED
    + STUDENT_EFFECTS
    + LATENT
)
TRANSPORTED += CURVES_OF_ROWS
ALL = INTEGRATED + TRANSPORTED


def table(seed: int) -> pd.DataFrame:
    """Return rows, in random order, with every column the cases use."""
    rng = np.random.default_rng(seed)
    size = len(G)
    order = rng.permutation(size)
    trials = rng.integers(1, 6, size)
    return pd.DataFrame(
        {
            "y": rng.normal(1, 2, size),
            "k": rng.binomial(trials, expit(rng.normal(size=size))),
            "n": trials,
            "b": rng.permutation(np.arange(size) % 2),
            "x1": rng.uniform(0.5, 2) * X1[order],
            "x2": rng.normal(size=size),
            "x3": rng.normal(3, 1, size),
            "o": rng.normal(size=size),
            "w": rng.choice([0.5, 1.0, 2.0], size),
            "s": rng.uniform(0.5, 1.5, size),
            "g": G[order],
            "h": np.array(["a", "b", "c"])[H[order]],
            "m": np.array(["a", "b", "c", "d"])[((G + H) % 4)[order]],
            "f": (G // 2)[order],
            "i": TWO[order],
            "v": rng.normal(-1, 1, size),
            "v0": rng.normal(size=size),
            "c": rng.permutation(np.arange(size) % 5) * rng.integers(1, 3, size),
            "p": np.exp(rng.normal(size=size)),
            "a": rng.vonmises(0.3, 10.0, size),
            "q": expit(rng.normal(size=size)),
            "e": np.clip(rng.permutation(np.linspace(-0.3, 1.3, size)), 0, 1),
            "t": rng.permutation(np.arange(size) % 4),
        }
    )


def covariances(seed: int) -> dict[str, pd.DataFrame]:
    """Return random covariances between the levels of g and of h, in another order than theirs."""
    rng, out = np.random.default_rng([seed, 1]), {}
    for name, labels in (("K", [2, 0, 3, 1]), ("L", ["c", "a", "b"])):
        root = rng.normal(size=(len(labels), len(labels)))
        out[name] = pd.DataFrame(root @ root.T + 0.5 * np.eye(len(labels)), labels, labels)
    return out


def specification(case: Case, seed: int = 0) -> Specification:
    """Return the model of `case` on the table of `seed`."""
    used = {name: k for name, k in covariances(seed).items() if f"cov={name}" in str(case)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ShoalWarning)  # a few small tables are separated, or look nested
        return specify(case.responses, read(table(seed)), case.priors, used, rescor=case.rescor)


def posterior(case: Case, seed: int = 0) -> Posterior:
    """Return the posterior of `case` on the table of `seed`."""
    return posterior_of(specification(case, seed))


TABLES = (0, 1, 6173, 40961)  # seeds of tables for tests that draw points, whose models are kept
KEPT: dict[tuple[int, int], Posterior] = {}


def kept(case: Case, seed: int) -> Posterior:
    """Return `posterior`, made once, which nobody changes: most of a test's time would go into making it."""
    key = id(case), seed  # cases are made once, with a module's lists of them
    if key not in KEPT:
        KEPT[key] = posterior(case, seed)
    return KEPT[key]


def anchored(p: Posterior, theta: np.ndarray) -> Posterior:
    """Return the posterior with its expansion at the mode of the effects given `theta`."""
    out = p.given(p.model)
    out.target.expand(theta)
    return out


def joint(p: Posterior, theta: np.ndarray, z: np.ndarray, steps: int = 0) -> tuple[float, dict[str, Any]]:
    """Return log density and named values, by a map of some Newton steps."""
    values, named = joints(p, theta[None], z[None], steps)
    return float(values[0]), named[0]


def joints(
    p: Posterior, thetas: np.ndarray, zs: np.ndarray, steps: int = 0
) -> tuple[np.ndarray, list[dict[str, Any]]]:
    """Return the log densities of several points, and their named values."""
    values, points = zip(
        *(p.target.refined(theta, z, steps) for theta, z in zip(thetas, zs, strict=True)), strict=True
    )
    return np.array(values), named(p, thetas, np.array(points))


def marginal(p: Posterior, theta: np.ndarray) -> float:
    """Return the log marginal density of theta."""
    return float(p.target.marginals(theta[None])[0])


def gradient(p: Posterior, theta: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Return the gradient of the joint log density in (theta, z), as the samplers see it."""
    return np.concatenate(p.target.joint(theta, z)[1:])


def refined_gradient(p: Posterior, theta: np.ndarray, z: np.ndarray, steps: int) -> np.ndarray:
    """Return the gradient in z of the joint log density by a map of some Newton steps."""
    room, out = p.target.room(), np.zeros(len(z))
    engine.refined(p.target.handle, steps, theta, z, room.space, room.where, out)
    return out


class Natural(NamedTuple):
    """A draw on natural scales, and how it depends on (theta, z).

    Attributes
    ----------
    value : float
        Log joint density of (theta, z).
    values : dict
        Arguments of `posterior.density.log_joint`.
    effects : (E,) array
        Coefficients with normal priors and means of cutpoints, then group effects and latents; zero-sum ones
        in orthonormal coordinates of their space.
    by_theta : (n_theta, n_theta) array
        Derivative of the free hyperparameters, correlations and differences of cutpoints among them.
    by_z : (E, n_effects) array
        Derivative of `effects` given theta.
    """

    value: float
    values: dict[str, Any]
    effects: np.ndarray
    by_theta: np.ndarray
    by_z: np.ndarray


Evaluate = Callable[[np.ndarray, np.ndarray], tuple[float, np.ndarray]]


def natural(
    p: Posterior, theta: np.ndarray, z: np.ndarray, steps: int = 0, evaluate: Evaluate | None = None
) -> Natural:
    """Map (theta, z) to natural scales; the effects are affine in z, so their differences are exact.

    By a map of some Newton steps, or by `evaluate`: from (theta, z) to a log density and the elements (v, x).
    The map from cutpoints to their mean and differences keeps volume: the first cutpoint is the mean less a
    combination of the differences.
    """
    evaluate = evaluate or partial(p.target.refined, steps=steps)
    d, n = len(theta), len(z)
    step = 1e-5  # central differences: an error of its square, times a third derivative near 1
    thetas = theta + np.concatenate([np.zeros((1 + n, d)), step * np.eye(d), -step * np.eye(d)])
    zs = z + np.concatenate([np.zeros((1, n)), np.eye(n), np.zeros((2 * d, n))])
    log_densities, points = zip(*map(evaluate, thetas, zs), strict=True)
    values = named(p, thetas, np.array(points))
    effects = [effects_of(p, v) for v in values[: 1 + n]]
    hypers = [_hypers(p, v) for v in values[1 + n :]]
    by_theta = [(hypers[i] - hypers[d + i]) / (2 * step) for i in range(d)]
    by_z = [moved - effects[0] for moved in effects[1:]]
    return Natural(
        float(log_densities[0]),
        values[0],
        effects[0],
        np.reshape(by_theta, (d, d)).T,
        np.reshape(by_z, (n, len(effects[0]))).T,
    )


def expected_joint(p: Posterior, point: Natural, z: np.ndarray) -> float:
    """Return the plain density times the volume of the map, with standard normals where z does not reach.

    A joint density leaves out the constant of a standard normal z.
    """
    _, singular, right = np.linalg.svd(point.by_z)
    volume = np.linalg.slogdet(point.by_theta)[1] + np.log(singular).sum()
    ignored = right[len(singular) :] @ z
    constant = 0.5 * np.log(2 * np.pi) * len(singular)
    return log_joint(p.model, point.values) + volume - 0.5 * ignored @ ignored + constant


def named(p: Posterior, thetas: np.ndarray, points: np.ndarray) -> list[dict[str, Any]]:
    """Return the numbers of draws (S, T) and of their elements (v, x) under their names in a result."""
    assembled = p.assembled
    elements = assembled.elements()
    drawn = assembled.drawn(p.target.values(thetas[None]), points[None][..., elements], elements)
    out = {name: values[0] for name, (_, values) in assembled.variables(drawn).items()}
    out |= {name: values[0] for name, values in drawn.values.items() if "shrinkage:" in name}
    return [{name: values[i] for name, values in out.items()} for i in range(len(thetas))]


def _hypers(p: Posterior, values: Mapping[str, Any]) -> np.ndarray:
    model, out = p.model, []
    cutpoints = {name for design in model.designs for name in cutpoint_sets(design, values)}
    effects = cutpoints.union(*(d.columns for d in model.parts))
    effects |= set(curves.normal_steps(model))
    for name, resolved in model.priors.items():
        if name in values and resolved.prior.support not in ("correlation", "simplex"):
            normal = isinstance(resolved.prior, Normal) and name in effects
            normal |= name in cutpoints
            out += [] if normal or isinstance(resolved.prior, Fixed) else [values[name]]
    for group in model.groups:
        priors = [model.priors[f"{group.sd}[{effect}]"].prior for effect in group.effects]
        sds, correlation = at_average(model, group, values)
        out += [sd for sd, q in zip(sds, priors, strict=True) if not isinstance(q, Fixed)]
        out += [correlation[i, j] for i, j, *_ in covariance.partial_positions(group.blocks)]
    if model.designs[0].rescor:
        size = len(model.designs)
        positions = covariance.partial_positions((tuple(range(size)),))
        out += [values["rescor"][i, j] for i, j, *_ in positions]
    for design in model.designs:
        out += [gap for own in cutpoint_sets(design, values).values() for gap in np.diff(own)]
    out += [value for name, value in values.items() if "shrinkage:" in name]
    for curve in curves.all_curves(model):
        for name in (name for name in curves.positive(curve) if name not in model.priors):
            pairs = zip(curves.elements(model, name), values[name], strict=True)
            out += [value for prior, value in pairs if not isinstance(prior, Fixed)]
        if curve.term.function == "mo":
            out += list(values[f"{curve.prefix}simo_{curve.name}"][:-1])
    return np.array(out, float)


def effects_of(p: Posterior, values: Mapping[str, Any]) -> np.ndarray:
    """Return `Natural.effects` of named values."""
    model, parts = p.model, []
    for design in model.parts:
        parts.append([values[c] for c in design.columns if is_normal(model, c)])
        parts.append([np.mean(own) for own in cutpoint_sets(design, values).values()])
    parts.append([values[name] for name in curves.normal_steps(model)])
    for group in model.groups:
        r = values[group.r]
        parts.append((zero_sum_basis(len(r)) @ r if group.zero_sum else r).ravel())
    parts += [values[name] for name in latents_and_bases(model)]
    return np.concatenate([np.zeros(0), *parts])


def with_effects(p: Posterior, values: Mapping[str, Any], effects: np.ndarray) -> dict[str, Any]:
    """Return named values with other effects; the inverse of `effects_of`."""
    model, out, left = p.model, dict(values), list(effects)
    for design in model.parts:
        out |= {c: left.pop(0) for c in design.columns if is_normal(model, c)}
        if sets := cutpoint_sets(design, values):
            out[design.cutpoints] = design.thresholds.joined(
                [own - np.mean(own) + left.pop(0) for own in sets.values()]
            )
    out |= {name: left.pop(0) for name in curves.normal_steps(model)}
    for group in model.groups:
        levels, size = np.shape(values[group.r])
        free = np.array([left.pop(0) for _ in range((levels - group.zero_sum) * size)]).reshape(-1, size)
        out[group.r] = zero_sum_basis(levels).T @ free if group.zero_sum else free
    for name in latents_and_bases(model):
        out[name] = np.array([left.pop(0) for _ in values[name]])
    return out


def latents_and_bases(model: Specification) -> list[str]:
    """Return the names of latents and of coefficients of curves, in the order of `effects_of`."""
    return [name for name in model.group_effects if "latent_" in name or "basis_" in name]


def is_normal(model: Specification, column: str) -> bool:
    """Say whether a population coefficient has a normal prior."""
    return isinstance(model.priors[column].prior, Normal)
