"""Quantile regression: what is held at a number, what is found again, and what the rows' mean is."""

import numpy as np
import pandas as pd
import pytest
from family_cases import response
from scipy import stats

import shoal as sl
from shoal.cli.run import run
from shoal.errors import ModelError, PriorError
from shoal.families import get_family
from shoal.priors import Beta, Fixed

ROWS, LEVELS, QUANTILE, SIGMA = 240, 20, 0.25, 0.8


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(1)
    g, x = rng.integers(0, LEVELS, ROWS), rng.normal(size=ROWS)
    scale = SIGMA / np.sqrt(QUANTILE * (1 - QUANTILE))
    noise = stats.laplace_asymmetric(np.sqrt(QUANTILE / (1 - QUANTILE)), scale=scale).rvs(
        ROWS, random_state=2
    )
    effects = 0.8 * rng.normal(size=LEVELS)
    return pd.DataFrame({"y": 0.3 + 0.5 * x + (effects - effects.mean())[g] + noise, "x": x, "g": g})


@pytest.fixture(scope="module")
def fit(table):
    predictors = {"quantile": QUANTILE}
    model = sl.Model("y ~ x + (1 | g)", table, "asym_laplace", predictors=predictors)
    return model.fit(seed=1, progress=False)


def test_what_rows_were_simulated_from_is_found_again(fit):
    truth = {"Intercept": 0.3, "x": 0.5, "sigma": SIGMA, "sd_g[Intercept]": 0.8}
    found = fit.summary().loc[list(truth)]
    away = abs(found["mean"] - list(truth.values())) / found["sd"]
    assert away.max() < 3.5, away
    assert found["r_hat"].max() < 1.01 and found["ess_bulk"].min() > 800
    assert not fit.tree["sample_stats"]["diverging"].any()
    assert (fit.tree["posterior"]["quantile"] == QUANTILE).all()


def test_the_linear_predictor_is_the_quantile_and_the_mean_that_of_the_rows(fit, table):
    linear, mean, drawn = (fit.predict(kind=kind) for kind in ("linear", "mean", "response"))
    below = (drawn < linear).mean()
    assert abs(below - QUANTILE) < 4 * np.sqrt(QUANTILE * (1 - QUANTILE) / drawn.size)
    assert abs((table["y"] < linear.mean(("chain", "draw"))).mean() - QUANTILE) < 0.03
    expected = stats.laplace_asymmetric.mean(np.sqrt(1 / 3), scale=4 / np.sqrt(3))  # of sigma 1
    sigma = fit.tree["posterior"]["sigma"]
    np.testing.assert_allclose(mean - linear, (expected * sigma).broadcast_like(mean), rtol=1e-9, atol=1e-12)


def test_an_intercept_alone_is_the_quantile_of_the_responses():
    y = np.random.default_rng(5).gamma(2.0, 1.0, 400)
    model = sl.Model("y ~ 1", pd.DataFrame({"y": y}), "asym_laplace", predictors={"quantile": 0.9})
    found = model.fit(seed=1, progress=False).summary().loc["Intercept"]
    assert abs(found["mean"] - np.quantile(y, 0.9)) < found["sd"]


def test_the_density_is_highest_where_a_share_of_the_responses_lies_below():
    y, at = np.sort(np.random.default_rng(6).normal(size=41)), np.linspace(-3, 3, 2001)
    family, phi = get_family("asym_laplace"), {"sigma": 1.0, "quantile": 0.3}
    values = np.array([family.evaluate(response(y), np.full(41, eta), phi).value.sum() for eta in at])
    assert abs(at[values.argmax()] - y[12]) <= at[1] - at[0]  # 0.3 of 41 lies within the 13th


@pytest.mark.slow
def test_the_quantile_may_be_estimated(table):
    model = sl.Model("y ~ x + (1 | g)", table, "asym_laplace", priors={"quantile": Beta(2, 2)})
    found = model.fit(seed=1, progress=False).summary().loc["quantile"]
    assert abs(found["mean"] - QUANTILE) < 3.5 * found["sd"] and found["r_hat"] < 1.02


def test_any_parameter_may_be_held_at_a_number(table, tmp_path):
    held = sl.Model("y ~ x", table, "student", predictors={"nu": 4, "sigma": "~ x"})
    assert held.priors["nu"] == Fixed(4.0) and "sigma_x" in held.priors
    again = sl.load(held.fit(draws=50, seed=1, progress=False).save(tmp_path / "fit.nc"))
    assert again.model.priors["nu"] == Fixed(4.0)
    several = [
        sl.Response("y ~ x", "asym_laplace", predictors={"quantile": 0.9}),
        sl.Response("x ~ 1", "student", predictors={"nu": 7}),
    ]
    priors = sl.Model(several, table).priors
    assert (priors["y_quantile"], priors["x_nu"]) == (Fixed(0.9), Fixed(7.0))


@pytest.mark.parametrize(
    ("predictors", "priors", "error", "message"),
    [
        ({"quantile": 1.2}, None, PriorError, "between 0 and 1"),
        ({"quantil": 0.2}, None, ModelError, r"no parameter 'quantil'[\s\S]*'quantile'"),
        ({"quantile": 0.2}, {"quantile": Beta(1, 1)}, ModelError, "is held, Fixed"),
        ({"quantile": True}, None, sl.errors.FormulaError, "A text such as"),
    ],
)
def test_what_cannot_be_held_is_refused(table, predictors, priors, error, message):
    with pytest.raises(error, match=message):
        sl.Model("y ~ x", table, "asym_laplace", predictors=predictors, priors=priors)


def test_the_command_line_holds_a_quantile(table, tmp_path, capfd):
    table.to_csv(tmp_path / "rows.csv")
    asked = ["check", "y ~ x", str(tmp_path / "rows.csv"), "-f", "asym_laplace"]
    assert run([*asked, "--predictor", "quantile = 0.9"]) == 0
    assert "Fixed(0.9)" in capfd.readouterr().out
    assert run([*asked, "--predictor", "quantile"]) == 1
    assert "quantile = 0.9" in capfd.readouterr().err
