"""Rows of other families that are not in memory: distinct ones with their counts, the same model as all."""

import numpy as np
import pandas as pd
import pytest

import shoal as sl
from reduction.tables import in_dask, in_duckdb, in_polars, in_spark
from refusals import refused

FORMULA = "y ~ s(x, k=4) + f + scale(w):f + (1 + x | g)"
FAMILIES = ["bernoulli", "poisson", "negbinomial", "student", "asym_laplace", "cumulative", "categorical"]


def rows(count=1_500, seed=2):
    rng = np.random.default_rng(seed)
    data = pd.DataFrame(
        {
            "g": rng.integers(0, 12, count),
            "x": rng.integers(-2, 3, count) / 2,
            "w": rng.integers(0, 3, count),
            "f": rng.choice(["a", "b"], count),
        }
    )
    eta = 0.7 * data["x"] + rng.normal(size=12)[data["g"]]
    return data.assign(y=rng.binomial(3, 1 / (1 + np.exp(-eta))), one=lambda d: (d["y"] > 1).astype(int))


def same(one, other):
    assert other.design.columns == one.design.columns
    for name, prior in one.priors.items():
        np.testing.assert_allclose(other.priors[name].params, prior.params, 1e-9, atol=1e-9, err_msg=name)
    a, b = one.posterior().target, other.posterior().target
    thetas = a.start + np.array([[0.0], [0.3], [-0.4]])
    np.testing.assert_allclose(b.marginals(thetas), a.marginals(thetas), rtol=1e-9)


@pytest.mark.parametrize(
    "family, engine",
    [
        *((family, in_polars) for family in FAMILIES),
        ("bernoulli", in_duckdb),
        ("cumulative", in_dask),
        pytest.param("bernoulli", in_spark, marks=pytest.mark.slow),
    ],
)
def test_counted_rows_are_the_model_of_all(family, engine, tmp_path):
    data = rows()
    formula = FORMULA.replace("y ~", "one ~") if family == "bernoulli" else FORMULA
    model, lazy = (sl.Model(formula, d, family) for d in (data, engine(data, tmp_path)))
    assert lazy.design.n_rows < model.design.n_rows == lazy.design.observations
    same(model, lazy)


@pytest.mark.parametrize(
    "formula, family, predictors",
    [
        ("y | trials(3) ~ x + (1 | g)", "binomial", None),
        ("y ~ x + (1 | gr(g, by=f))", "gaussian", {"sigma": "~ f"}),
        ("y | weights(w) ~ x + (1 | mm(g, w))", "poisson", None),
    ],
)
def test_additions_and_predictors_of_parameters(formula, family, predictors, tmp_path):
    data = rows().assign(f=lambda d: np.where(d["g"] < 6, "a", "b"))
    same(*(sl.Model(formula, d, family, predictors=predictors) for d in (data, in_polars(data, tmp_path))))


@pytest.fixture(scope="module")
def fits(tmp_path_factory):
    data = rows()
    both = data, in_polars(data, tmp_path_factory.mktemp("rows"))
    return [sl.Model(FORMULA.replace("y ~", "one ~"), d, "bernoulli").fit(200, 2, seed=1) for d in both]


def test_questions_about_averages_over_rows_are_answered(fits):
    for ask in (
        lambda fit: fit.summary()[["mean", "sd"]],
        lambda fit: fit.effects().select_dtypes("number"),
        lambda fit: fit.r2().table,
        lambda fit: fit.icc().select_dtypes("number"),
        lambda fit: fit.variance_partition().select_dtypes("number"),
        lambda fit: fit.effect("x", over="data").table.select_dtypes("number"),
        lambda fit: fit.contrast({"f": ["a", "b"]}).table.select_dtypes("number"),
        lambda fit: fit.predict_summary(rows(5)),
    ):
        one, other = (ask(fit).astype(float) for fit in fits)
        np.testing.assert_allclose(other, one, rtol=1e-7, atol=1e-9)


@pytest.mark.filterwarnings("ignore:Pareto k:shoal.errors.ShoalWarning")  # of both fits alike
def test_whole_levels_are_left_out_as_with_rows_in_memory(fits):
    one, other = (fit.loo("g").pointwise.select_dtypes("number").astype(float) for fit in fits)
    np.testing.assert_allclose(other, one, rtol=1e-7, atol=1e-9)


def test_single_observations_of_counted_rows_are_left_out_as_rows_are(fits):
    one, other = fits[0].loo(), fits[1].loo("observation")
    np.testing.assert_allclose([other.elpd, other.se], [one.elpd, one.se], rtol=1e-9)


def test_questions_about_single_rows_say_why_there_is_no_answer(fits):
    fit = fits[1]
    for ask in (
        fit.loo,
        fit.predict,
        fit.posterior_predictive,
        fit.plot.ppc,
        fit.plot.data,
        fit.plot.outcomes,
        fit.model.prior_predictive,
        fit.model.prior_summary,
        lambda: fit.model.sbc(20),
        lambda: fit.loo("trial"),
    ):
        with refused("rows-not-in-memory"):
            ask()


def test_a_file_keeps_what_rows_stand_for(fits, tmp_path):
    fit = sl.load(fits[1].save(tmp_path / "fit.nc"))
    same(fits[1].model, fit.model)
    assert fit.loo("observation").elpd == fits[1].loo("observation").elpd
    assert str(fit.model) == str(fits[1].model) and "1,500 rows in polars" in str(fit.model)
    assert not fit.tree["observed_data"].data_vars
