"""Fits of every structure that a page must describe, small, each made once."""

import warnings
from functools import cache

import numpy as np
import pandas as pd

import shoal as sl
from shoal import priors as P
from shoal.errors import ShoalWarning
from shoal.report.page import page
from test_model import model, several, table, toeplitz

RUN = {"draws": 60, "chains": 2, "seed": 5, "warmup": 100, "cores": 1}
ODD = ["<script>alert(1)</script>", "&\"'", "$x_1$", "x" * 120, "Ωμέγα 東京", "a/b", "</svg><b>"]
COLUMN, FACTOR = "x $_1$ <b>", "g <i>&"


def odd_table():
    """Return a table whose labels and columns would break a page that does not escape them."""
    rng = np.random.default_rng(0)
    rows = 10 * len(ODD)
    return pd.DataFrame({"y": rng.normal(size=rows), COLUMN: rng.normal(size=rows), FACTOR: np.tile(ODD, 10)})


def odd_model():
    return sl.Model(
        f"y ~ `{COLUMN}` + (1 + `{COLUMN}` | `{FACTOR}`)", odd_table(), priors={"b": P.Normal(0, 2)}
    )


def one_level_at_an_edge():
    return table().assign(grade=lambda d: d.grade.where(d.h != "q", 0))


def two_responses():
    return several(sl.Response("y ~ x + (1 + x | h) + latent(u | g)"), sl.Response("v ~ latent(u | g)"))


def known_errors():
    rng = np.random.default_rng(1)
    return pd.DataFrame({"y": rng.normal(size=24), "w2": np.full(24, 0.5), "g": np.arange(24) % 4})


MODELS = {
    "odd": (odd_model, {}),
    "no groups": (lambda: model("y ~ x + w"), {}),
    "not kept": (lambda: model("y ~ x + (1 + x | g)"), {"store": "none"}),
    "one chain": (lambda: model("y ~ x + (1 + x | gr(g, zero_sum=True))"), {"chains": 1, "draws": 120}),
    "fixed": (
        lambda: model("y | se(w2) ~ 1 + (1 | g)", data=known_errors()).with_pooling("none", sd=3.0),
        {},
    ),
    "ordered": (lambda: model("grade ~ x + (1 | h)", "cumulative", data=one_level_at_an_edge()), {}),
    "two responses": (two_responses, {}),
    "curves": (lambda: model("y ~ s(x, k=5, by=h) + gp(w, k=8, c=2) + mo(grade) + (1 | g)"), {}),
    "covariance": (
        lambda: model("y ~ 1 + (1 | gr(g, cov=K)) + (1 | h)", covariances={"K": toeplitz(4)}),
        {},
    ),
}


@cache
def fit(name):
    """Return the fit of one of `MODELS`."""
    make, options = MODELS[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ShoalWarning)
        return make().fit(**{**RUN, **options})


@cache
def written(name):
    """Return the page of one of the fits."""
    return page(fit(name)._results, 0.9)
