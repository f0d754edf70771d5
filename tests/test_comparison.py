"""`sl.compare`: the order, the differences, the weights, what is refused, and what is printed.

Scores are laws of their pointwise tables, whatever draws these came from: fits are made of draws from priors.
"""

import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize_scalar

import shoal as sl
from plots.made_fits import TWO, made, model, table
from shoal import priors as P
from shoal.comparison import compared
from shoal.errors import ModelError
from shoal.loo import Loo

TIGHT = {"Intercept": P.Normal(2, 0.5), "sigma": P.Gamma(mu=2, sigma=0.2)}


@pytest.fixture(scope="module")
def fits():
    """Return three fits of one response; the first is of a narrow prior, the last of a wide one."""
    texts = {"slope": "y ~ x + (1 | g)", "plain": "y ~ 1 + (1 | g)", "none": "y ~ x"}
    priors = {"slope": TIGHT, "plain": TIGHT, "none": {"Intercept": P.Normal(20, 5)}}
    # All of them read g and h, so that the levels of these can be left out.
    return {
        name: made(model(f"{text} + offset(0 * h)", priors=priors[name])) for name, text in texts.items()
    }


@pytest.fixture(scope="module")
def trials():
    own = {"wide": {}, "narrow": {"sd_g": P.HalfNormal(0.1)}}
    return {
        name: made(model("k | trials(m) ~ 1 + (1 | g)", "binomial", priors=p)) for name, p in own.items()
    }


def score(values, unit="row", k=0.1, folds=0, fold=None, n=None, names=None, advice=""):
    """Return a score of these log densities."""
    values = np.asarray(values, float)
    columns = {
        "n": np.ones(len(values), int) if n is None else n,
        "elpd": values,
        "within": values + 0.5,
        "pareto_k": k,
        "mcse": 0.01,
        "predicted": np.nan,
        "method": "refit" if folds else "psis",
        "integral": "none",
        "integral_error": 0.0,
    }
    if folds:
        columns |= {"fold": fold, "within": np.nan, "pareto_k": np.nan}
    index = pd.Index(np.arange(len(values)) if names is None else names, name=unit)
    return Loo(unit, "The question: which.", pd.DataFrame(columns, index=index), 400, 0.6, advice, folds)


def scores(*differences, size=150, seed=1):
    """Return scores that differ from the first by these, in every unit alike."""
    first = np.random.default_rng(seed).normal(-2, 1, size)
    return {str(i): score(first + d / size) for i, d in enumerate((0.0, *differences))}


# Differences


@pytest.mark.parametrize("unit", ["row", "h"])
def test_models_stand_in_the_order_of_their_scores_with_differences_of_their_units(fits, unit):
    found = sl.compare(fits, unit)
    own = {name: fit.results for name, fit in fits.items()}
    elpd = {name: sl.loo_of(r, unit) for name, r in own.items()} if False else found.scores
    pointwise = pd.DataFrame({name: s.pointwise["elpd"] for name, s in elpd.items()})
    assert found.table["elpd"].is_monotonic_decreasing
