"""Categories without an order: a predictor each, their whole curvature, what a model says of them."""

import numpy as np
import pandas as pd
import pytest
from family_cases import response
from scipy.special import log_softmax, softmax

import shoal as sl
from refusals import refused
from shoal.errors import DataError, ModelError
from shoal.families import get_family
from shoal.families.categorical import Categorical, categorical_rows
from shoal.fit.pointwise import row_log_likelihood
from shoal.priors import Normal

ROWS, LEVELS = 300, 30
TRUTH = {"mu_car_Intercept": 0.5, "mu_car_x": 0.7, "mu_foot_Intercept": -0.3, "mu_foot_x": -0.5}
TRUTH |= {"sd_g[mu_car_Intercept]": 0.8, "sd_g[mu_foot_Intercept]": 0.6}


def simulated(rows=ROWS):
    rng = np.random.default_rng(3)
    g, x = np.arange(rows) % LEVELS, rng.normal(size=rows)
    u = rng.normal(size=(LEVELS, 2)) @ [[0.8, 0.3], [0.0, 0.5]]
    u -= u.mean(0)
    eta = np.column_stack([np.zeros(rows), 0.5 + 0.7 * x + u[g, 0], -0.3 - 0.5 * x + u[g, 1]])
    code = (rng.random(rows)[:, None] > softmax(eta, axis=1).cumsum(1)).sum(1)
    return pd.DataFrame({"mode": np.array(["bus", "car", "foot"])[code], "x": x, "g": g})


@pytest.fixture(scope="module")
def trips():
    return simulated()


def fitted(trips):
    return sl.Model("mode ~ x + (1 | p | g)", trips, "categorical").fit(seed=1, progress=False)


@pytest.fixture(scope="module")
def fit(trips):
    return fitted(trips)


def evaluated(y, weight, eta, order):
    """Return what the row function writes, of all predictors."""
    q, m = eta.shape
    out = [np.zeros(m), np.zeros((q, m)), np.zeros((q * (q + 1) // 2, m)), *(np.zeros((0, 1)),) * 2]
    categorical_rows.compiled(
        *(y, np.ones(m), weight, np.zeros(m)), eta.copy(), np.zeros((0, 1)), order, *out
    )
    return out[:3]


@pytest.mark.parametrize("spread", [0.1, 2.0, 200.0])
def test_curvature_is_that_of_all_predictors_together(spread):
    rng = np.random.default_rng(2)
    y, weight, eta = (
        rng.integers(0, 4, 9).astype(float),
        rng.uniform(0.5, 2, 9),
        rng.normal(0, spread, (4, 9)),
    )
    _, _, curvature = evaluated(y, weight, eta, 2)
    for a in range(4):
        step = np.zeros((4, 1))
        step[a] = 1e-4
        slope = (evaluated(y, weight, eta + step, 1)[1] - evaluated(y, weight, eta - step, 1)[1]) / 2e-4
        for b in range(a + 1):
            np.testing.assert_allclose(curvature[a * (a + 1) // 2 + b], -slope[b], rtol=1e-5, atol=1e-7)


def test_rows_are_finite_far_out_and_weights_multiply_them():
    y, eta = np.arange(4.0), np.array([[0.0] * 4, [700.0, -700, 0, 700], [-700.0, 700, 0, 700], [1.0] * 4])
    weight = np.array([0.5, 1.0, 0.0, 2.0])
    found, alone = evaluated(y, weight, eta, 2), evaluated(y, np.ones(4), eta, 2)
    p = log_softmax(eta, axis=0)[y.astype(int), np.arange(4)]
    np.testing.assert_allclose(found[0], weight * p, rtol=1e-14)
    for own, once in zip(found, alone, strict=True):
        assert np.isfinite(own).all()
        np.testing.assert_allclose(own, weight * once, rtol=1e-14, atol=1e-299)


@pytest.mark.slow
def test_what_rows_were_simulated_from_is_found_again():
    fit = fitted(simulated(900))
    found = fit.summary().loc[list(TRUTH)]
    away = abs(found["mean"] - list(TRUTH.values())) / found["sd"]
    assert away.max() < 3.5, away
    assert found["ess_bulk"].min() > 1600 and found["r_hat"].max() < 1.01
    correlation = fit.tree["posterior"]["cor_g"].values[..., 0, 1]
    assert (correlation > 0).mean() > 0.9


def test_two_categories_are_a_binary_response(trips):
    two = trips[trips["mode"] != "bus"].assign(y=lambda t: (t["mode"] == "foot").astype(int))
    priors = {"Intercept": Normal(0, 1.5), "b": Normal(0, 1)}
    one, other = (
        sl.Model(formula, two, family, priors=priors).fit(seed=1, progress=False).summary()
        for formula, family in (("mode ~ x + (1 | g)", "categorical"), ("y ~ x + (1 | g)", "bernoulli"))
    )
    error = np.hypot(one["mcse_mean"].to_numpy(), other["mcse_mean"].to_numpy())
    assert (abs(one["mean"].to_numpy() - other["mean"].to_numpy()) < 4.5 * error).all()


def test_predictions_are_probabilities_and_log_odds_of_each_category(fit, trips):
    new = trips.head(5)
    mean, linear, drawn = (fit.predict(new, kind=kind) for kind in ("mean", "linear", "response"))
    assert list(mean["category"].values) == list(linear["category"].values) == ["bus", "car", "foot"]
    np.testing.assert_allclose(mean.sum("category"), 1)
    np.testing.assert_allclose(softmax(linear.values, axis=-1), mean.values)
    assert (linear.sel(category="bus") == 0).all()
    assert set(np.unique(drawn)) <= {1.0, 2.0, 3.0}
    shares = trips["mode"].value_counts(normalize=True).sort_index()
    np.testing.assert_allclose(fit.predict(kind="mean").mean(("chain", "draw", "row")), shares, atol=0.02)


def test_probabilities_are_contrasted_and_a_mean_is_refused(fit):
    found = fit.contrast({"x": [0, 1]}, scale="probability")
    assert found.table["mean"].groupby("category").sum().sum() == pytest.approx(0, abs=1e-12)
    pd.testing.assert_frame_equal(fit.contrast({"x": [0, 1]}).table, found.table)
    with refused("response-of-categories"):
        fit.predict_summary(kind="response")
    assert fit.predict(kind="response", draws=2).attrs["categories"] == {"bus": 1.0, "car": 2.0, "foot": 3.0}
    with refused("response-of-categories"):
        fit.plot.outcomes()
    with refused("response-of-categories"):
        fit.model.plot.data(by="g")


@pytest.mark.slow
def test_rows_are_scored_by_the_probability_of_their_category(fit, trips):
    p = fit.predict(kind="mean").values.reshape(-1, ROWS, 3)
    own = p[:, np.arange(ROWS), np.searchsorted(["bus", "car", "foot"], trips["mode"])]
    values = np.concatenate([own for _, own in row_log_likelihood(fit.results)], axis=1)
    np.testing.assert_allclose(values, np.log(own), rtol=1e-5, atol=1e-6)
    assert np.isfinite(fit.loo().elpd)


def test_a_fit_is_saved_and_read(fit, trips, tmp_path):
    fit.save(tmp_path / "fit.nc")
    again = sl.load(tmp_path / "fit.nc")
    np.testing.assert_array_equal(again.predict(trips.head(3)), fit.predict(trips.head(3)))


def test_one_category_may_have_a_predictor_of_its_own(trips):
    model = sl.Model("mode ~ x + (1 | g)", trips, "categorical", predictors={"mu_foot": "~ 1"})
    names = {"mu_car_Intercept", "mu_car_x", "mu_car_sd_g[Intercept]", "mu_foot_Intercept"}
    assert set(model.priors) == names
    text = str(model)
    assert "mode[i] ~ Categorical(softmax(0, mu_car[i], mu_foot[i]))" in text
    assert "mu_foot[i] = mu_foot_Intercept\n" in text and "eta" not in text
    with refused("parameter-not-of-family", match="no parameter 'mu_bus'") as caught:
        sl.Model("mode ~ x", trips, "categorical", predictors={"mu_bus": "~ 1"})
    assert "mu_car" in str(caught.value)


def test_general_priors_are_those_of_every_category(trips):
    model = sl.Model("mode ~ x + (1 | g)", trips, "categorical", priors={"b": Normal(0, 0.3)})
    assert model.priors["mu_car_x"] == model.priors["mu_foot_x"] == Normal(0, 0.3)


def test_the_first_category_is_the_first_of_a_categorical(trips):
    ordered = trips.assign(mode=pd.Categorical(trips["mode"], ["foot", "car", "plane", "bus"]))
    model = sl.Model("mode ~ x", ordered, "categorical")
    assert model.specification.designs[0].categories == ("foot", "car", "bus")
    assert "mu_bus_x" in model.priors and "mu_foot_x" not in model.priors


def test_labels_are_written_as_names():
    family = Categorical("logit", ["a", "Toyota Corolla", 3])
    assert family.parameters(False, False) == ("mu_Toyota_Corolla", "mu_3")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([0.5, 1.0, 2.0], "has values such as 0.5"),
        (["a", "a", "a"], "has one category"),
        (["a", "b c", "b-c"], "would both be called 'mu_b_c'"),
    ],
)
def test_what_is_no_category_is_refused(values, message):
    with pytest.raises(DataError, match=message):
        sl.Model("y ~ x", pd.DataFrame({"y": values * 4, "x": np.arange(12.0)}), "categorical")


def test_draws_have_the_shares_of_the_means():
    family, rows = Categorical("logit", "abc"), response(np.zeros(4))
    eta, phi = np.zeros((4000, 4)), {"mu_b": np.array([0.4, 2.0, -2.0, 0.0]), "mu_c": np.array([1.0])}
    y = family.draw(np.random.default_rng(1), rows, eta, phi)
    for code in range(3):
        p = family.mean(rows, eta[0], phi)[:, code]
        assert (abs((y == code).mean(0) - p) < 4.5 * np.sqrt(p * (1 - p) / 4000)).all()
    assert get_family("categorical") == Categorical()


@pytest.mark.slow
def test_a_report_has_pictures_by_factors_that_categories_alone_have(fit, tmp_path):
    fit.report(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert "the first against which others are compared" in page and "There is no population part" not in page
    fit.plot.ppc(by="g")
    fit.plot.caterpillar(effect="mu_car_Intercept")
    assert "figure" in page and "mu_car_Intercept" in page
    assert "mu_car, the log odds of car against bus, has a linear predictor of its own." in page
    assert "An id joins effects of g" in page
    assert set(fit.effects("g")["effect"]) >= {"mu_car_Intercept"}
    assert fit.effects("g")["no_pooling"].isna().all()
    with pytest.raises(ModelError, match="no estimates without pooling"):
        fit.plot.shrinkage("g", effect="mu_car_Intercept")
    with pytest.raises(ModelError, match="no one scale"):
        fit.variance_partition()
    apart = fit.contrast({"x": [0, 1]}, scale="probability", at="population")
    assert "in a new level of g" in str(apart)
