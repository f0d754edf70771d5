"""Gaussian rows that are not in memory: the same priors, log density and draws as if they were."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import shoal as sl
from reduction.tables import DASK, ENGINES, FORMULA, SPARK, in_dask, in_duckdb, in_pandas, in_polars, rows
from refusals import refused
from shoal.errors import ShoalError, ShoalWarning
from shoal.model.scatter import scatter
from shoal.tables import Reduction


def same_priors(one, other, rtol=1e-9):
    assert list(one.priors) == list(other.priors)
    for name, prior in one.priors.items():
        np.testing.assert_allclose(other.priors[name].params, prior.params, rtol, atol=1e-8, err_msg=name)


def same_density(one, other, atol=1e-6):
    """Compare log densities of theta, and of theta and effects, at random points."""
    rng, a, b = np.random.default_rng(0), one.posterior().target, other.posterior().target
    thetas = a.start + rng.normal(size=(5, a.n_theta))
    np.testing.assert_allclose(b.marginals(thetas), a.marginals(thetas), rtol=1e-10, atol=atol)
    for theta in thetas:
        z = rng.normal(size=a.n_effects)
        np.testing.assert_allclose(b.joint(theta, z)[0], a.joint(theta, z)[0], rtol=1e-10, atol=atol)


@pytest.mark.slow
@pytest.mark.parametrize("engine", [*ENGINES, SPARK])
def test_every_engine_gives_the_model_of_the_rows_in_memory(engine, tmp_path):
    data = rows()
    model, lazy = sl.Model(FORMULA, data), sl.Model(FORMULA, engine(data, tmp_path))
    assert lazy.design.columns == model.design.columns
    assert lazy.design.n_rows < len(data) == lazy.design.observations
    same_priors(model, lazy)
    same_density(model, lazy)
    np.testing.assert_allclose(lazy.design.scatter, model.design.scatter, rtol=1e-9)
    np.testing.assert_allclose(lazy.design.averages, model.design.averages, rtol=1e-12, atol=1e-8)


def normal_equations(engine, folder, formula=FORMULA):
    """Return those of the population's columns and of every level, in units of their own sizes."""
    design = sl.Model(formula, engine(rows(), folder)).design
    x = np.column_stack([design.x, design.rows.y - 1e6])
    level = np.eye(25)[design.groups[0].index]
    products = np.einsum("n,ni,nj,ng->gij", design.rows.weight, x, x, level)
    size = np.sqrt(np.einsum("gii->gi", products))
    return products / (size[:, :, None] * size[:, None, :] + 1e-300)


@pytest.fixture(scope="module")
def sums_in_pandas():
    return normal_equations(in_pandas, None)


@pytest.mark.parametrize("engine", [*ENGINES[1:-1], DASK, SPARK])
def test_sums_of_all_engines_agree(engine, tmp_path, sums_in_pandas):
    np.testing.assert_allclose(normal_equations(engine, tmp_path), sums_in_pandas, rtol=0, atol=1e-10)


def test_sums_in_dask_of_few_columns_agree(tmp_path):
    dask, pandas = (normal_equations(own, tmp_path, "y ~ scale(x) + (1 | g)") for own in (in_dask, in_pandas))
    np.testing.assert_allclose(dask, pandas, rtol=0, atol=1e-10)


def test_draws_of_the_same_seed_are_nearly_equal(tmp_path):
    data = rows()
    fits = [sl.Model(FORMULA, d).fit(200, 2, seed=1) for d in (data, in_polars(data, tmp_path))]
    one, other = (fit.summary() for fit in fits)
    assert (np.abs(other["mean"] - one["mean"]) < 1e-4 * one["sd"]).all()
    np.testing.assert_allclose(other["sd"], one["sd"], rtol=1e-4)


def test_ten_digits_survive_a_mean_of_a_million(tmp_path):
    """The slope of a response of mean 1e6 and sd 1 on one of mean 1e5, against the rows less these means."""
    rng = np.random.default_rng(3)
    x = np.round(rng.normal(size=4000), 6)
    data = pd.DataFrame({"x": 1e5 + x, "y": 1e6 + np.round(0.5 * x + rng.normal(size=4000), 6)})
    design = sl.Model("y ~ x", in_duckdb(data, tmp_path)).design
    weight, away = design.rows.weight, design.x[:, 1] - 1e5
    away -= weight @ away / weight.sum()
    slope = (weight * away) @ (design.rows.y - 1e6) / ((weight * away) @ away)
    exact = np.polyfit(data["x"] - 1e5, data["y"] - 1e6, 1)[0]
    assert abs(slope / exact - 1) < 1e-10


def test_weights_count_rows_as_they_do_in_memory(tmp_path):
    data = rows().assign(v=lambda d: np.random.default_rng(5).integers(0, 4, len(d)) / 2)
    formula = "y | weights(v) ~ z + f + (1 + z | g)"
    model, lazy = sl.Model(formula, data), sl.Model(formula, in_polars(data, tmp_path))
    same_priors(model, lazy)
    same_density(model, lazy)
    assert lazy.design.observations == len(data)


@pytest.mark.parametrize(
    "formula",
    [
        "y ~ 1",
        "y ~ 0 + f + w",
        "log(w) ~ z + offset(sqrt(z**2 + 1)) + (1 | g)",
        "y ~ I(z**2) + abs(z) + (z || g) + exp(-w)",
        "y ~ C(h) * z + (1 | g:h)",
        "y ~ s(h, k=3) + z + (1 | g)",
        "y ~ mo(h) + center(z) + scale(w, scale=False)",
        "y ~ h + h:z + (1 | h)",
        "y ~ C(f, contr.sum):z + (0 + f | g)",
        "y ~ tanh(h) + z",
    ],
)
def test_terms_that_are_pushed_down(formula, tmp_path):
    data = rows()
    model, lazy = sl.Model(formula, data), sl.Model(formula, in_polars(data, tmp_path))
    assert lazy.design.columns == model.design.columns
    same_priors(model, lazy)
    same_density(model, lazy)


def test_missing_values_are_counted_and_refused_or_dropped(tmp_path):
    data = rows()
    data.loc[[3, 7], "z"] = np.nan
    data.loc[[7, 20], "g"] = None
    with refused("missing-values", match="'z': 2 missing of 2,000(.|\n)*'g': 2 missing"):
        sl.Model("y ~ z + (1 | g)", in_polars(data, tmp_path))
    with pytest.warns(ShoalWarning, match="3 of 2,000 rows dropped"):
        lazy = sl.Model("y ~ z + (1 | g)", in_polars(data, tmp_path), missing="drop")
    model = sl.Model("y ~ z + (1 | g)", data.dropna())
    same_priors(model, lazy)
    same_density(model, lazy)
    assert lazy.dropped.count == 3 and lazy.dropped.rows == ()


@pytest.mark.parametrize(
    "formula, change, code",
    [
        ("y ~ poly(z, 2)", {}, "function-learns-from-rows"),
        ("y ~ group_mean(z, g) + (1 | g)", {}, "function-learns-from-rows"),
        ("y ~ log(z)", {}, "values-not-finite"),
        ("y ~ z", {"z": np.inf}, "numbers-too-large"),
        ("y ~ z", {"z": 3.0}, "column-constant"),
        ("y ~ z + ar(h, gr=g)", {}, "rows-not-in-memory"),
        ("y | mi() ~ z", {}, "rows-not-in-memory"),
        ("y ~ nothing", {}, "unknown-column"),
        ("f ~ z", {}, "not-numbers"),
        ("y ~ scale(f)", {}, "not-numbers"),
        ("y ~ (1 + z | g)", {"g": "one"}, "one-level"),
        ("y | weights(f) ~ z", {}, "not-numbers"),
        ("y | weights(log1p(w)) ~ z", {}, "weights-not-computed"),
        ("y | weights(z) ~ w", {}, "weight-negative"),
        ("y | weights(1 / w) ~ z", {"w": 0.0}, "weight-too-large"),
        ("y | weights(w) ~ z", {"w": 0.0}, "too-few-weights"),
    ],
)
def test_what_cannot_be_is_refused(formula, change, code, tmp_path):
    with pytest.raises(ShoalError) as problem:
        sl.Model(formula, in_polars(rows().assign(**change), tmp_path))
    assert problem.value.code == code


def test_a_weight_may_be_a_predictor_as_well(tmp_path):
    data = rows().assign(w=lambda d: np.round(d["w"]) + 1)
    for formula in ("y | weights(w) ~ z + w + (1 | g)", "y | weights(w) ~ z + offset(w)"):
        model, lazy = sl.Model(formula, data), sl.Model(formula, in_polars(data, tmp_path))
        same_priors(model, lazy)
        same_density(model, lazy)


@pytest.mark.parametrize("name", ["n", "w", "weights", "s0", "bad n"])
def test_columns_may_be_called_as_what_passes_find(name, tmp_path):
    data = rows(400)
    data[name] = data["z"] - data["z"].mean()  # whose sum is zero
    for formula in (f"y ~ `{name}` * f + (1 | g)", f"y ~ scale(`{name}`) * f"):
        model, lazy = sl.Model(formula, data), sl.Model(formula, in_polars(data, tmp_path))
        same_priors(model, lazy)
        same_density(model, lazy)


def test_a_column_that_is_not_there_is_marked(tmp_path):
    with refused("unknown-column"):
        sl.Model("y ~ nothing", in_polars(rows(), tmp_path))


class Elsewhere:
    """Columns whose rows `scatter` hands to a function; it counts the passes."""

    def __init__(self, x, weight):
        self.away, self.weight, self.passes = x - np.average(x, axis=0, weights=weight), weight, 0

    def far_out(self, inverse, far):
        self.passes += 1
        squares = np.einsum("ni,ij,nj->n", self.away, inverse, self.away)
        less = np.maximum(far / np.sqrt(np.maximum(squares, far**2)), 0.25)
        return self.away.T @ ((self.weight * less / self.weight.sum())[:, None] * self.away)


@pytest.mark.parametrize("column", ["standard_t", "normal", "lognormal", "rare"])
def test_spread_over_rows_elsewhere_is_that_over_rows_here(column):
    """It is the covariance in which rows count less that are far out by this very covariance, soon found."""
    rng = np.random.default_rng(1)
    draw = {
        "standard_t": partial(rng.standard_t, 3),
        "normal": partial(rng.normal, 0, 1),
        "lognormal": partial(rng.lognormal, 0, 2),
        "rare": partial(rng.binomial, 1, 0.01),
    }[column]
    x, weight = draw(size=(500, 3)) * [1, 10, 0.1], rng.integers(1, 3, 500).astype(float)
    center, there = np.average(x, axis=0, weights=weight), Elsewhere(x, weight)
    found = scatter(x, center, weight)
    np.testing.assert_allclose(scatter(x, center, weight, there.far_out), found, rtol=1e-12)
    assert there.passes <= 12
    far = np.sqrt(stats.chi2(3).ppf(0.9973))
    np.testing.assert_allclose(there.far_out(np.linalg.inv(found), far), found, atol=1e-6 * found.max())


def test_the_spread_of_few_different_rows_does_not_depend_on_their_order():
    """Extrapolating it solves equations that are all but singular: rounding must not come through."""
    rng = np.random.default_rng(1)
    x = np.eye(3)[rng.choice(3, 900, p=[0.6, 0.36, 0.04])][:, 1:]
    other, center, weight = rng.permutation(x), x.mean(axis=0), np.ones(900)
    np.testing.assert_allclose(scatter(other, center, weight), scatter(x, center, weight), rtol=1e-12)


@pytest.mark.parametrize(
    "said, meant", [(None, {}), ([[2.0]], {"": [[2.0]]}), ({"zi_": [[1.0]]}, {"zi_": [[1.0]]})]
)
def test_files_from_before_there_were_several_linear_predictors_are_read(said, meant):
    record = Reduction("DuckDB", 9, 3, 4, 80, ("g",), ("x",), np.ones(3)).record()
    found = Reduction.of(record | {"scatter": said}, np.ones(3))
    assert {prefix: own.tolist() for prefix, own in found.scatter.items()} == meant


@pytest.mark.parametrize("formula", ["y ~ scale(x)", "y ~ x"])
def test_one_row_is_refused_as_in_memory(formula):
    polars = pytest.importorskip("polars", reason="the extra `polars` is not installed")
    one, codes = pd.DataFrame({"y": [1.0], "x": [2.0]}), []
    for data in (one, polars.from_pandas(one).lazy()):
        with pytest.raises(ShoalError) as problem:
            sl.Model(formula, data)
        codes.append(problem.value.code)
    assert codes[0] == codes[1]
