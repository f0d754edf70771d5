"""Columns of the table that a family of a user's own reads: `vint(n)` and `vreal(x)`."""

import numpy as np
import pandas as pd
import pytest
from row_calls import difference
from scipy import stats
from scipy.special import expit

import shoal as sl
from families.own_columns import Erring
from refusals import refused
from shoal.errors import DataError, FormulaError, ModelError
from shoal.families import Rows
from shoal.fit.pointwise import row_log_likelihood

FORMULA = "k | vint(n) + vreal(wrong) ~ x + (1 | g)"


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(3)
    g, x, n = np.arange(300) % 15, rng.normal(size=300), rng.integers(1, 12, 300)
    wrong, effects = rng.choice([0.02, 0.2], 300), rng.normal(0, 0.7, 15)
    p = expit(0.4 + 0.8 * x + (effects - effects.mean())[g])
    k = rng.binomial(n, wrong + (1 - 2 * wrong) * p)
    return pd.DataFrame({"k": k, "n": n, "wrong": wrong, "x": x, "g": g})


@pytest.fixture(scope="module")
def fit(table):
    return sl.Model(FORMULA, table, Erring()).fit(seed=1, progress=False)


def test_the_row_function_reads_the_columns_of_a_row():
    rng = np.random.default_rng(1)
    n, eta, wrong = rng.integers(1, 9, 6).astype(float), rng.normal(size=6), rng.uniform(0, 0.3, 6)
    k = rng.binomial(n.astype(int), 0.5).astype(float)
    rows = Rows(k, np.ones(6), np.linspace(0.5, 2, 6), np.zeros(6), columns=np.stack([n, wrong]))
    found = Erring().evaluate(rows, eta, {}, order=1)
    p = wrong + (1 - 2 * wrong) * expit(eta)
    constant = stats.binom.logpmf(k, n, 0.5) + n * np.log(2)
    np.testing.assert_allclose(
        found.value, rows.weight * (stats.binom.logpmf(k, n, p) - constant), rtol=1e-12
    )
    slope = difference(lambda t: Erring().evaluate(rows, eta + t, {}).value, 1e-3)
    np.testing.assert_allclose(found.score, slope, rtol=1e-8, atol=1e-9)


def test_what_rows_were_simulated_from_is_found_again(fit):
    truth = {"Intercept": 0.4, "x": 0.8, "sd_g[Intercept]": 0.7}
    found = fit.summary().loc[list(truth)]
    assert (abs(found["mean"] - list(truth.values())) < 3.5 * found["sd"]).all()
    assert found["r_hat"].max() < 1.01


def test_without_errors_it_is_the_binomial_family(table):
    exact = table.assign(wrong=0.0)
    ours = sl.Model(FORMULA, exact, Erring())
    theirs = sl.Model("k | trials(n) ~ x + (1 | g)", exact, "binomial", priors=ours.priors)
    one, other = (model.fit(seed=1, progress=False).summary() for model in (ours, theirs))
    error = np.hypot(one["mcse_mean"], other["mcse_mean"])
    assert (abs(one["mean"] - other["mean"]) < 4.5 * error).all()


def test_predictions_scores_and_files_have_the_columns(fit, table, tmp_path):
    new = table.head(4).assign(n=100, wrong=[0.0, 0.1, 0.2, 0.5])
    mean, linear = fit.predict(new, kind="mean"), fit.predict(new, kind="linear")
    np.testing.assert_allclose(mean.isel(row=0), 100 * expit(linear.isel(row=0)), rtol=1e-12)
    np.testing.assert_allclose(mean.isel(row=3), 50.0, rtol=1e-12)
    assert fit.predict(new, kind="response").max() <= 100
    assert fit.predict(new.drop(columns=["n", "wrong"]), kind="linear").shape == linear.shape
    with refused("unknown-column", match="no column 'wrong'"):
        fit.predict(new.drop(columns="wrong"))
    with refused("not-whole", match="'n' is not whole"):
        fit.predict(new.assign(n=2.5))
    again = sl.load(fit.save(tmp_path / "fit.nc"), families=[Erring])
    np.testing.assert_array_equal(again.predict(new), mean)
    p = table["wrong"] + (1 - 2 * table["wrong"]) * expit(fit.predict(kind="linear").values[0, 7])
    values = np.concatenate([own for _, own in row_log_likelihood(fit.results)], axis=1)[7]
    constant = stats.binom.logpmf(table["k"], table["n"], 0.5) + table["n"] * np.log(2)
    np.testing.assert_allclose(values, stats.binom.logpmf(table["k"], table["n"], p) - constant, rtol=1e-6)
    assert np.isfinite(fit.loo().elpd)


class Bare(Erring):
    name = "bare"
    takes = requires = frozenset()


@pytest.mark.parametrize(
    ("formula", "family", "error", "message"),
    [
        ("k | vint(n) ~ x", "poisson", ModelError, r"has vint\(...\), which family 'poisson' does not take"),
        ("k | vreal(wrong) ~ x", "gaussian", ModelError, r"vreal\(...\)[\s\S]*families of your own"),
        ("k | vint(n) ~ x", Bare(), ModelError, "which family 'bare' does not take"),
        ("k | vint(n) ~ x", Erring(), ModelError, r"needs vreal\(...\) and the formula has none"),
        ("k | vint(wrong) + vreal(n) ~ x", Erring(), DataError, r"'wrong' is not whole[\s\S]*vreal\(wrong\)"),
        ("k | vint(n, m=2) ~ x", Erring(), FormulaError, "takes columns"),
        ("k | vint(f) + vreal(wrong) ~ x", Erring(), DataError, "holds 'a', not numbers"),
    ],
)
def test_wrong_uses_are_answered(table, formula, family, error, message):
    with pytest.raises(error, match=message):
        sl.Model(formula, table.assign(f="a"), family)


def test_a_missing_cell_of_a_column_is_refused(table):
    with refused("missing-values"):
        sl.Model(FORMULA, table.assign(wrong=table["wrong"].where(table.index != 4)), Erring())
