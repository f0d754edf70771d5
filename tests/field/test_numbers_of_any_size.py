"""Numbers that computations cannot hold are refused with their column and row, or have the right value."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import shoal as sl
from refusals import refused
from shoal.errors import DataError, ModelError, PriorError
from shoal.families import Rows, get_family
from shoal.families.support import poisson_draws
from shoal.priors import Fixed, HalfNormal, Normal

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")
N, ROW = 60, 7


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"x": rng.normal(size=N), "g": np.resize(list("abcdef"), N)})
    frame["y"] = frame["x"] + rng.normal(size=6)[frame["g"].map("abcdef".index)] + rng.normal(size=N)
    return frame.assign(count=rng.poisson(3, N).astype(float), s=1.0, w=1.0, o=1.0)


def with_one(data: pd.DataFrame, column: str, value: float) -> pd.DataFrame:
    return data.assign(**{column: np.where(np.arange(N) == ROW, value, data[column])})


REFUSED = {
    "response": ("y ~ x + (1 | g)", "gaussian", "y", 1.7e308),
    "predictor": ("y ~ x + (1 | g)", "gaussian", "x", -1e300),
    "slope of levels": ("y ~ 1 + (x | g)", "gaussian", "x", 1e300),
    "small standard error": ("y | se(s) ~ x + (1 | g)", "gaussian", "s", 1e-8),
    "tiny standard error": ("y | se(s) ~ 1 + (1 | g)", "gaussian", "s", 1e-300),
    "large standard error": ("y | se(s) ~ x + (1 | g)", "gaussian", "s", 1e90),
    "large weight": ("y | weights(w) ~ x + (1 | g)", "gaussian", "w", 1e15),
    "endless weight": ("count | weights(w) ~ x + (1 | g)", "poisson", "w", 1e300),
    "offset": ("y ~ x + offset(o) + (1 | g)", "gaussian", "o", 1e300),
    "count": ("count ~ x + (1 | g)", "poisson", "count", 1e18),
    "negative binomial count": ("count ~ x + (1 | g)", "negbinomial", "count", 1e18),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
def test_the_column_and_the_row_are_named(data, case):
    formula, family, column, value = case
    with pytest.raises(DataError, match=f"(?s)'{column}'.*row {ROW}: ") as caught:
        sl.Model(formula, with_one(data, column, value), family)
    assert caught.value.needed


@pytest.mark.parametrize("formula", ["y ~ exp(300 * x)", "y ~ x + offset(exp(300 * x))"])
def test_a_transformation_is_held_to_the_same_limit(data, formula):
    with pytest.raises(DataError):
        sl.Model(formula, data)


def test_known_errors_beside_a_residual_may_be_tiny(data):
    sl.Model("y | se(s, sigma=True) ~ x + (1 | g)", data.assign(s=1e-12))


@pytest.mark.parametrize(
    "make", [lambda: Normal(0, 1e200), lambda: Normal(0, 1e-200), lambda: Normal(1e200), lambda: Fixed(1e300)]
)
def test_arguments_of_priors(make):
    with pytest.raises(PriorError):
        make()


@pytest.mark.parametrize("prior", [Fixed(1e-9), HalfNormal(1e-9)])
def test_a_prior_that_the_data_exclude_is_named_with_its_value(data, prior):
    model = sl.Model("y ~ x + (1 | g)", data, priors={"sigma": prior})
    with refused("density-too-low") as caught:
        model.fit(chains=1, draws=4)
    assert caught.value.needed and caught.value.remedy


@pytest.mark.parametrize("size", [1e-45, 1e45])
def test_units_that_are_allowed_give_the_same_answer(data, size):
    def coefficient(frame):
        fit = sl.Model("y ~ x + (1 | g)", frame).fit(chains=2, draws=100, seed=1)
        return fit.summary().loc["x", "mean"]

    other = coefficient(data.assign(y=data["y"] * size, x=data["x"] / size))
    np.testing.assert_allclose(other / size**2, coefficient(data), rtol=1e-6)


@pytest.mark.parametrize("ask", ["predict_summary", "predict"])
def test_new_rows_are_held_to_the_same_limit(data, ask):
    fit = sl.Model("y ~ x + (1 | g)", data).fit(chains=1, draws=20, seed=1)
    with refused("numbers-too-large", match=f"(?s)'x'.*row {ROW}: "):
        getattr(fit, ask)(with_one(data, "x", 1e300))
    with refused("numbers-too-large", match="'x'"):
        fit.contrast({"x": [0.0, 1e300]})


def test_counts_beyond_whole_numbers_are_drawn_about_their_mean():
    rng = np.random.default_rng(5)
    mean = np.array([3.0, 1e12, 1e18, 1e25, 1e300])
    drawn = poisson_draws(rng, np.broadcast_to(mean, (2000, 5)))
    np.testing.assert_allclose(drawn[:, 1:].mean(0), mean[1:], rtol=1e-6)
    assert abs(drawn[:, 0].mean() - 3) < 5 * np.sqrt(3 / 2000)
    assert stats.kstest((drawn[:, 1] - 1e12) / 1e6, "norm").pvalue > 1e-3


@pytest.mark.parametrize("name", ["poisson", "negbinomial", "hurdle_poisson", "hurdle_negbinomial"])
def test_responses_far_out_have_the_size_of_their_mean(name):
    family = get_family(name)
    rows, eta = Rows(*(np.full(4000, v) for v in (1.0, 1.0, 1.0, 0.0))), np.full(4000, 600.0)
    phi = {"shape": np.array([4.0]), "hu": np.array([0.0])}
    with warnings.catch_warnings():
        drawn = family.draw(np.random.default_rng(1), rows, eta, phi)
    assert abs(drawn.mean() / np.exp(600.0) - 1) < 5 * 0.5 / np.sqrt(4000)


SETTINGS = [{"chains": 10**6}, {"draws": 10**12}, {"warmup": 10**12}, {"draws": 10**9, "chains": 1000}]


@pytest.mark.parametrize("settings", SETTINGS)
def test_more_draws_than_memory_holds_are_refused(data, settings):
    with pytest.raises(ModelError):
        sl.Model("y ~ x + (1 | g)", data).fit(**settings)


def test_no_more_threads_are_started_than_the_machine_has_cores(data):
    model = sl.Model("y ~ x + (1 | g)", data)
    many, one = (model.fit(chains=2, draws=20, seed=1, cores=cores) for cores in (100_000, 1))
    np.testing.assert_array_equal(many.tree["posterior"]["x"], one.tree["posterior"]["x"])
