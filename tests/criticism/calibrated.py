"""The models that are calibrated: one of each kind, every term, every family in every layout of levels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from shoal import priors as P
from shoal.families import FAMILIES
from shoal.model import Response, Specification, specify
from shoal.tables import read

INTERCEPT, SD, SLOPE = {"Intercept": P.Normal(0, 1)}, {"sd": P.HalfNormal(1)}, {"x": P.Normal(0, 0.5)}
CORRELATED = {"cor": P.LKJ(2)}
SIGMA = {"sigma": P.Exponential(1)}
CURVES = {"sds": P.HalfNormal(1), "sdgp": P.HalfNormal(1), "lscale": P.Gamma(6, 4), "simo": P.Dirichlet(1.5)}
# Of families' parameters: what their defaults, made for tables that are there, would be scaled by.
PARAMETERS = {
    "sigma": P.Exponential(1), "nu": P.Gamma(4, 0.5), "shape": P.Gamma(6, 2), "phi": P.Gamma(6, 1),
    "zi": P.Beta(2, 4), "hu": P.Beta(2, 4), "zoi": P.Beta(2, 4), "coi": P.Beta(2, 2), "alpha": P.Normal(0, 2),
    "kappa": P.Gamma(8, 2), "cutzero": P.Normal(-2, 0.5), "cutgap": P.Gamma(16, 4),
}  # fmt: skip
OF_SIGMA = {"sigma_Intercept": P.Normal(0, 0.5), "sigma_b": P.Normal(0, 0.3), "sigma_sd": P.HalfNormal(0.3)}
OF_AREAS = {"sdcar": P.HalfNormal(1), "rhocar": P.Beta(2, 2)}
OF_HU = {"hu_Intercept": P.Normal(-1, 0.5), "hu_b": P.Normal(0, 0.5)}
NU = {"nu": PARAMETERS["nu"]}
OF_SDS = {"sigma_b": P.Normal(-0.5, 0.5)}
BY_ID = {"sigma": "~ x + (1 | p | g)"}

Case = tuple[Any, str, Mapping[str, P.Prior], Mapping[str, str]]
TWO = (
    Response("y ~ 1 + (1 | p | g)", "bernoulli"),
    Response("c ~ 1 + (1 | p | g)", "poisson"),
)
PAIR = (Response("y ~ 1 + (1 | g)"), Response("w ~ 1"))
STUDENTS = (Response("y ~ 1 + (1 | g)", "student"), Response("w ~ x", "student"))
KINDS: dict[str, Case] = {
    "integrated intercepts": ("y ~ 1 + (1 | g)", "gaussian", INTERCEPT | SD | SIGMA, {}),
    "transported intercepts": ("y ~ 1 + (1 | g)", "bernoulli", INTERCEPT | SD, {}),
    "crossed": ("y ~ 1 + (1 | g) + (1 | h)", "gaussian", INTERCEPT | SD | SIGMA, {}),
    "crossed, transported": ("y ~ 1 + (1 | g) + (1 | h)", "bernoulli", INTERCEPT | SD, {}),
    "smooth and steps": ("y ~ s(x, k=6) + mo(k)", "gaussian", INTERCEPT | SIGMA | CURVES, {}),
    "two responses, by id": (TWO, "", INTERCEPT | SD, {}),
    "autoregressive residuals": ("y ~ 1 + (1 | g) + ar(t, gr=g)", "gaussian", INTERCEPT | SD | SIGMA, {}),
    "a predictor of zeros": (
        "c ~ x + (1 | g)",
        "hurdle_poisson",
        INTERCEPT | SD | SLOPE | OF_HU,
        {"hu": "~ x"},
    ),
}
ALONE: dict[str, Case] = {
    "student effects": ("y ~ 1 + (1 | gr(g, dist='student'))", "gaussian", INTERCEPT | SD | SIGMA, {}),
    "process, transported": ("y ~ gp(x, k=15, c=2)", "bernoulli", INTERCEPT | CURVES, {}),
    "thresholds in any order": ("k ~ x + (1 | g)", "sratio", SD | SLOPE, {}),
    "thresholds of items": ("k | thres(gr=f) ~ x + (1 | g)", "cumulative", SD | SLOPE, {}),
    "category-specific": ("k ~ x + cs(w) + (1 | g)", "acat", SD | {"b": P.Normal(0, 0.5)}, {}),
    "correlated slopes": (
        "y | trials(n) ~ 1 + x + (1 + x | g)", "binomial", INTERCEPT | SD | SLOPE | CORRELATED, {}
    ),
    "ordered, crossed": ("k ~ x + (1 | g) + (1 | h)", "cumulative", SD | SLOPE, {}),
    "smooths of levels": ("y ~ s(x, k=5, by=f) + mo(k)", "bernoulli", INTERCEPT | CURVES, {}),
    "surface": ("y ~ t2(x, w, k=4)", "gaussian", INTERCEPT | SIGMA | CURVES, {}),
    "residuals alike": ("y ~ x + cosy(gr=g)", "gaussian", INTERCEPT | SLOPE | SIGMA, {}),
    "residuals of times": ("y ~ x + unstr(k4, gr=b)", "gaussian", INTERCEPT | SLOPE | SIGMA, {}),
    "residuals of times, their sds": (
        "y ~ x + unstr(k4, gr=b)", "gaussian", INTERCEPT | SLOPE | OF_SDS, {"sigma": "~ 0 + C(k4)"}
    ),
    "spatial lag": ("y ~ x + sar(W)", "gaussian", INTERCEPT | SLOPE | SIGMA, {}),
    "spatial errors": ("y ~ (1 | g) + sar(W, type='error')", "gaussian", INTERCEPT | SD | SIGMA, {}),
    "areas": ("y ~ car(W, gr=h)", "bernoulli", INTERCEPT | OF_AREAS, {}),
    "two responses, rescor": (PAIR, "", INTERCEPT | SD | SIGMA, {}),
    "two student responses, rescor": (STUDENTS, "", INTERCEPT | SD | SLOPE | SIGMA | NU, {}),
    "a predictor of sigma, by id": ("y ~ 1 + (1 | p | g)", "gaussian", INTERCEPT | SD | OF_SIGMA, BY_ID),
    "a predictor of zi": ("c ~ 1 + (1 | g)", "zero_inflated_poisson", INTERCEPT | SD | SLOPE, {"zi": "~ x"}),
    "a predictor of shape": ("c ~ 1 + (1 | g)", "negbinomial", INTERCEPT | SD | SLOPE, {"shape": "~ x"}),
}  # fmt: skip
# How levels stand to each other: family by family, and by each move of the sampler.
LAYOUTS = {
    "intercepts": "x + (1 | g)",
    "correlated slopes": "x + (1 + x | g)",
    "nested": "x + (1 | s/g)",
    "crossed": "x + (1 | g) + (1 | h)",
}


def of_family(name: str, layout: str = "intercepts") -> Case:
    """Return a model of a family in a layout."""
    family = FAMILIES[name]
    y = "k" if family.categorical else "y | trials(n)" if family.requires else "c" if family.discrete else "v"
    y = "cbind(c1, c2, c3)" if name == "multinomial" else "cbind(u1, u2, u3)" if name == "dirichlet" else y
    y = "y" if name == "bernoulli" else y
    slopes = {"b": P.Normal(0, 0.5)}  # of each category where there are several
    return f"{y} ~ {LAYOUTS[layout]}", name, INTERCEPT | SD | slopes | CORRELATED | PARAMETERS, {}


ALONE |= {name: of_family(name) for name in FAMILIES}


def model(case: Case, groups: int = 10) -> Specification:
    """Return a model of ten rows a level; its responses only have to be possible ones."""
    formula, family, priors, predictors = case
    rng, size = np.random.default_rng(1), 10 * groups
    unit = rng.uniform(0.1, 0.9, size)
    unit[:2] = {"zero_inflated_beta": (0.0, 0.3)}.get(family, (0.0, 1.0) if "beta" in family else unit[:2])
    unit = rng.uniform(0.1, 0.9, size) if family == "beta" else unit
    table = pd.DataFrame(
        {
            "y": rng.integers(0, 2, size).astype(float),
            "c": rng.integers(0, 5, size),
            "v": unit,
            "n": rng.integers(2, 12, size),
            "x": rng.normal(0, 1, size),
            "w": rng.normal(-1, 1, size),
            "g": np.repeat([f"g{i}" for i in range(groups)], 10),
            "s": np.repeat([f"s{i % 3}" for i in range(groups)], 10),
            "h": rng.permutation(np.arange(size) % 5),
            "t": np.arange(size) % 10,
            "k4": np.arange(size) % 4,
            "b": np.arange(size) // 4,
            "k": rng.permutation(np.arange(size) % 4),
            "f": rng.permutation(np.resize(["a", "b"], size)),
        }
    )
    shares = rng.dirichlet(np.ones(3), size)
    table[["u1", "u2", "u3"]] = shares
    table[["c1", "c2", "c3"]] = np.stack([rng.multinomial(6, own) for own in shares])
    table.loc[:1, "v"] = 0.0 if family.startswith("hurdle") else table.loc[:1, "v"]
    responses = [Response(formula, family, None, predictors)] if isinstance(formula, str) else list(formula)
    ring = np.roll(np.eye(size if "sar(" in str(formula) else 5), 1, axis=1)
    matrices = {"W": pd.DataFrame(ring + ring.T)} if "W" in str(formula) else {}
    defaults = [
        own
        for variable in specify(responses, read(table), None, matrices).variables
        for own in variable.defaults()
    ]
    known = {name for default in defaults for name in (default.name, *default.wider)}
    given = {name: p for name, p in priors.items() if name in known}
    return specify(responses, read(table), given, matrices, rescor=formula in (PAIR, STUDENTS))
