"""Families of several parts, from a model to its scores: what rows were simulated from is found again."""

import numpy as np
import pandas as pd
import pytest

import shoal as sl
from shoal.families import Rows, get_family

ROWS, LEVELS = 800, 25
TRUTH = {"Intercept": 0.3, "x": 0.4, "sd_g[Intercept]": 0.6}
OWN = {
    "zero_inflated_negbinomial": {"shape": 1.5, "zi": 0.25},
    "zero_inflated_binomial": {"zi": 0.3},
    "hurdle_poisson": {"hu": 0.3},
    "hurdle_negbinomial": {"shape": 1.5, "hu": 0.3},
    "hurdle_gamma": {"shape": 2.0, "hu": 0.3},
    "hurdle_lognormal": {"sigma": 0.8, "hu": 0.3},
    "zero_inflated_beta": {"phi": 6.0, "zi": 0.2},
    "zero_one_inflated_beta": {"phi": 6.0, "zoi": 0.3, "coi": 0.4},
    "ordered_beta": {"phi": 6.0, "cutzero": -1.5, "cutgap": 3.5},
}


def simulated(name):
    """Return rows of a family, in levels of g, with 6 trials where it takes them."""
    rng, family = np.random.default_rng(4), get_family(name)
    g, x = np.arange(ROWS) % LEVELS, rng.normal(size=ROWS)
    effects = rng.normal(0, TRUTH["sd_g[Intercept]"], LEVELS)
    eta = TRUTH["Intercept"] + TRUTH["x"] * x + (effects - effects.mean())[g]
    rows = Rows(*(np.full(ROWS, part) for part in (0.0, 6.0, 1.0, 0.0)))
    return pd.DataFrame({"y": family.draw(rng, rows, eta, OWN[name]), "n": 6, "x": x, "g": g})


QUICK = ("hurdle_lognormal",)  # the others take longer


@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in OWN]
)
def test_parameters_are_recovered_and_rows_predicted(name):
    data, family = simulated(name), get_family(name)
    response = "y | trials(n)" if "trials" in family.takes else "y"
    model = sl.Model(f"{response} ~ x + (1 | g)", data, family)
    for part in OWN[name]:
        assert part in str(model)
    fit = model.fit(seed=1, draws=500, progress=False)
    truth = TRUTH | OWN[name]
    found = fit.summary().loc[list(truth)]
    away = abs(found["mean"] - list(truth.values())) / found["sd"]
    assert away.max() < 3.5, away
    assert (found["sd"] < 0.5 * np.maximum(np.abs(list(truth.values())), 0.3)).all(), found["sd"]
    assert found["r_hat"].max() < 1.02

    mean, drawn = (fit.predict(data, kind=kind).values for kind in ("mean", "response"))
    np.testing.assert_allclose(mean.mean(), data["y"].mean(), rtol=0.1)
    zeros = (drawn == 0).mean(-1)
    assert abs((data["y"] == 0).mean() - zeros.mean()) < 4 * zeros.std()
    family.check(Rows(drawn[0, 0], data["n"].to_numpy(), np.ones(ROWS), np.zeros(ROWS)), "y")
    assert np.isfinite(fit.loo().elpd)
