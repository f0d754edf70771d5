"""Monotonic effects: steps that share a coefficient by a Dirichlet simplex."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import shoal as sl
from curve_table import STEPS, table
from oracles import z_scores
from posterior.density import LOG_DENSITY
from shoal.errors import DataError, FormulaError, PriorError
from shoal.model.prior_draws import draw_prior
from shoal.priors import Dirichlet


@pytest.mark.parametrize("alpha", [0.3, 1.0, 4.0])
@pytest.mark.parametrize("size", [2, 3, 6])
def test_the_density_of_a_simplex_is_dirichlets(size, alpha):
    for shares in np.random.default_rng(size).dirichlet(np.full(size, 1.5), 5):
        expected = stats.dirichlet.logpdf(shares[:-1], np.full(size, alpha))
        np.testing.assert_allclose(Dirichlet(alpha).log_density(shares, alpha), expected, rtol=1e-9)


@pytest.mark.parametrize("prior", [sl.priors.Normal(0.5, 1), sl.priors.StudentT(6, 0.5, 1)], ids=str)
def test_the_posterior_is_that_of_a_grid(prior):
    """Two steps, a known sigma: coefficient, share and intercept by brute force."""
    frame = pd.DataFrame({"q": [0, 0, 1, 1, 2, 2, 2], "y": [0.1, -0.4, 1.2, 0.7, 0.9, 1.6, 1.1]})
    given = {
        "Intercept": sl.priors.Normal(0, 1),
        "mo(q)": prior,
        "simo": Dirichlet(2),
        "sigma": sl.priors.Fixed(0.6),
    }
    fit = sl.Model("y ~ mo(q)", frame, priors=given).fit(draws=4000, seed=5, progress=False)
    a, b, share = np.linspace(-4, 4, 161), np.linspace(-4, 5, 181), (np.arange(200) + 0.5) / 200
    a, b, share = np.meshgrid(a, b, share, indexing="ij", sparse=True)
    log_density = stats.norm.logpdf(a) + LOG_DENSITY[type(prior)](prior, b) + stats.beta.logpdf(share, 2, 2)
    for q, y in zip(frame.q, frame.y, strict=True):
        height = (0, 2 * b * share, 2 * b)[q]
        log_density = log_density + stats.norm.logpdf(y, a + height, 0.6)
    weight = np.exp(log_density - log_density.max())
    weight /= weight.sum()
    quantities = {"mo(q)": b, "simo_mo(q)": share, "Intercept": a}
    for name, values in quantities.items():
        drawn = fit.tree["posterior"][name].values.reshape(4, 4000, -1)[..., 0]
        mean = (weight * values).sum()
        sd = np.sqrt((weight * (values - mean) ** 2).sum())
        assert np.abs(z_scores(drawn[..., None], np.array([mean]), np.array([sd]))).max() < 4.5


def test_steps_are_recovered_in_order():
    frame = table(3, 600)
    frame["q"] = pd.Categorical(np.array(list("abcde"))[frame.q], ordered=True)
    fit = sl.Model("y ~ s(x) + mo(q)", frame).fit(draws=1000, seed=1, progress=False)
    posterior = fit.tree["posterior"]
    steps = 4 * posterior["mo(q)"] * posterior["simo_mo(q)"]
    assert list(posterior["mo(q)_step"].values) == list("bcde")
    away = (steps.mean(("chain", "draw")) - np.diff(STEPS)) / steps.std(("chain", "draw"))
    assert np.abs(away).max() < 3.5
    assert (steps >= 0).all()


@pytest.mark.parametrize("kind", [int, float])
def test_steps_nobody_shows_are_there_and_values_beyond_are_refused(kind):
    frame = table().assign(q=lambda d: (2 * d.q).astype(kind))  # 0, 2, ..., 8
    model = sl.Model("y ~ mo(q)", frame)
    (curve,) = model.specification.designs[0].curves
    assert curve.basis.values == tuple(range(9))
    np.testing.assert_array_equal(curve.columns.sum(axis=1), frame.q)
    fit = model.fit(draws=100, seed=1, progress=False)
    odd = fit.predict(pd.DataFrame({"q": [3, 4]}), kind="linear")
    assert np.isfinite(odd).all()
    with pytest.raises(DataError):
        fit.predict(pd.DataFrame({"q": [9]}))


def test_prior_draws_divide_the_coefficient_among_the_steps():
    model = sl.Model("y ~ mo(q)", table(), priors={"simo": Dirichlet(3)}).specification
    draws = draw_prior(model, np.random.default_rng(1), 20_000)
    shares = draws["simo_mo(q)"]
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    assert stats.kstest(shares[:, 2], stats.beta(3, 9).cdf).pvalue > 1e-4
    prior = model.priors["mo(q)"].prior
    np.testing.assert_allclose(prior.sigma * table().q.std(ddof=0), 2.5 * table().y.std(), rtol=0.35)


@pytest.mark.parametrize(
    ("formula", "error"),
    [
        ("y ~ mo(x)", DataError),
        ("y ~ mo(f)", DataError),
        ("y ~ mo(one)", DataError),
        ("y ~ mo(many)", DataError),
        ("y ~ mo(log(q))", FormulaError),
        ("y ~ mo(q, by=f)", FormulaError),
        ("y ~ mo(q) * x", FormulaError),
        ("y ~ mo(q, z)", FormulaError),
    ],
)
def test_what_has_no_order_is_refused(formula, error):
    with pytest.raises(error):
        sl.Model(formula, table().assign(one=1, many=np.arange(120) * 7))


@pytest.mark.parametrize(
    "priors",
    [
        {"simo_mo(q)": sl.priors.Beta(1, 1)},
        {"simo_mo(q)": sl.priors.Fixed(0.3)},
        {"mo(q)": Dirichlet(1)},
        {"b": sl.priors.Horseshoe()},
    ],
)
def test_priors_of_another_kind_are_refused(priors):
    with pytest.raises(PriorError):
        sl.Model("y ~ mo(q)", table(), priors=priors)


def test_all_combinations_of_a_few_values_are_steps():
    frame = pd.DataFrame(list(product([1, 2, 3], [0.0, 1.0])), columns=["q", "y"])
    (curve,) = sl.Model("y ~ mo(q)", frame).specification.designs[0].curves
    np.testing.assert_array_equal(curve.columns, [[0, 0]] * 2 + [[1, 0]] * 2 + [[1, 1]] * 2)
