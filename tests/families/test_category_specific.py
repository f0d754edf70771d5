"""Category-specific effects: rows of several predictors, agreement with binary fits, what a model says."""

import numpy as np
import pandas as pd
import pytest

import shoal as sl
from families import scipy_densities
from shoal.errors import DataError, FormulaError, ModelError
from shoal.families import FAMILIES, AdjacentCategory, ContinuationRatio, Rows, StoppingRatio
from shoal.fit.pointwise import row_log_likelihood
from shoal.priors import Normal

FAMILIES_HERE = [
    StoppingRatio("logit", 3, True),
    StoppingRatio("probit", 3, True),
    ContinuationRatio("probit", 3, True),
    AdjacentCategory("logit", 3, True),
]
CUTPOINTS, SPECIFIC, ROWS, LEVELS = np.array([-1.0, 0.2, 1.0]), np.array([1.0, 0.0, -1.0]), 300, 15
TRUTH = {"x": 0.7, "z[1|2]": 1.0, "z[2|3]": 0.0, "z[3|4]": -1.0, "sd_g[Intercept]": 0.5}
each_family = pytest.mark.parametrize("family", FAMILIES_HERE, ids=str)


def evaluated(family, y, weight, eta, cutpoints, order):
    """Return value, score, curvature and the cutpoints' slope of 1 + C predictors, as the engine asks."""
    (q, m), k = eta.shape, len(cutpoints)
    out = [np.zeros(m), np.full((q, m), np.nan), np.full((q * (q + 1) // 2, m), np.nan)]
    out += [np.zeros((k, 1)), np.zeros((k, 1))]
    parts = (y, np.ones(m), weight, np.zeros(m))
    family.row_function.compiled(*parts, eta.copy(), cutpoints[:, None].copy(), order, *out)
    return out


def rows_and_etas(spread, seed=2, categories=4):
    rng = np.random.default_rng(seed)
    y, weight = rng.integers(0, categories, 12).astype(float), rng.uniform(0.5, 2, 12)
    return y, weight, rng.normal(0, spread, (4, 12))


@each_family
@pytest.mark.parametrize("spread", [0.1, 2.0, 6.0])
def test_rows_are_those_of_scipy_with_cutpoints_of_their_own(family, spread):
    y, weight, eta = rows_and_etas(spread)
    value = evaluated(family, y, weight, eta, CUTPOINTS, 0)[0]
    rows, phi = Rows(y, np.ones(12), weight, np.zeros(12)), {"cutpoints": CUTPOINTS - eta[1:].T}
    expected = scipy_densities.log_density(family, rows, eta[0], phi)
    np.testing.assert_allclose(value, expected, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(family.evaluate(rows, eta[0], phi).value, expected, rtol=1e-10, atol=1e-12)


@each_family
@pytest.mark.parametrize("spread", [0.1, 2.0])
@pytest.mark.parametrize("count", [3, 2])  # an item may have fewer cutpoints than others
def test_scores_and_curvatures_are_those_of_all_predictors_together(family, spread, count):
    y, weight, eta = rows_and_etas(spread, categories=count + 1)
    cutpoints = CUTPOINTS[:count]
    _, score, curvature, *_ = evaluated(family, y, weight, eta, cutpoints, 2)
    for a in range(4):
        step = np.zeros((4, 1))
        step[a] = 1e-4
        up, down = (evaluated(family, y, weight, eta + way * step, cutpoints, 1) for way in (1, -1))
        np.testing.assert_allclose(score[a], (up[0] - down[0]) / 2e-4, rtol=1e-6, atol=1e-7)
        for b in range(a + 1):
            found = curvature[a * (a + 1) // 2 + b]
            np.testing.assert_allclose(found, -(up[1][b] - down[1][b]) / 2e-4, rtol=1e-5, atol=1e-7)


@each_family
def test_slopes_of_cutpoints_are_the_negative_scores_and_rows_of_no_weight_say_nothing(family):
    y, weight, eta = rows_and_etas(1.0)
    found = evaluated(family, y, weight, eta, CUTPOINTS, 2)
    np.testing.assert_allclose(found[3][:, 0], -found[1][1:].sum(1), rtol=1e-12)
    np.testing.assert_allclose(found[1][0], found[1][1:].sum(0), rtol=1e-10, atol=1e-14)
    nothing = evaluated(family, y, np.zeros(12), eta, CUTPOINTS, 2)
    assert all(np.isfinite(part).all() and abs(part).max() <= 1e-299 for part in nothing)


def simulated(name, size=ROWS):
    rng, family = np.random.default_rng(3), FAMILIES[name].with_categories(range(4))
    g, x, z = np.arange(size) % LEVELS, rng.normal(size=size), rng.normal(size=size)
    effects = rng.normal(0, TRUTH["sd_g[Intercept]"], LEVELS)
    rows = Rows(*(np.full(size, part) for part in (0.0, 1.0, 1.0, 0.0)))
    eta = TRUTH["x"] * x + (effects - effects.mean())[g]
    y = family.draw(rng, rows, eta, {"cutpoints": CUTPOINTS - z[:, None] * SPECIFIC})
    return pd.DataFrame({"y": y.astype(int) + 1, "x": x, "z": z, "g": g, "f": np.array(list("abc"))[g % 3]})


@pytest.fixture(scope="module")
def frame():
    return simulated("acat")


@pytest.fixture(scope="module")
def fit(frame):
    return sl.Model("y ~ x + cs(z) + (1 | g)", frame, "acat").fit(seed=1, progress=False)


def check_recovery(fit):
    truth = TRUTH | {f"cutpoints[{k}|{k + 1}]": c for k, c in enumerate(CUTPOINTS, 1)}
    found = fit.summary().loc[list(truth)]
    away = abs(found["mean"] - list(truth.values())) / found["sd"]
    assert away.max() < 3.5, away
    assert (found["sd"] < 0.3).all() and found["r_hat"].max() < 1.01 and found["ess_bulk"].min() > 1600


def test_what_rows_were_simulated_from_is_found_again(fit):
    check_recovery(fit)
    assert not [finding for finding in fit.diagnose().findings if finding.code == "renamed"]


@pytest.mark.slow
def test_stopping_ratios_are_found_again():
    model = sl.Model("y ~ x + cs(z) + (1 | g)", simulated("sratio"), "sratio")
    check_recovery(model.fit(seed=1, progress=False))


@pytest.mark.slow
def test_stopping_ratios_whose_effects_are_all_specific_are_binary_fits_of_those_who_come_so_far(frame):
    priors = {"cutpoints": Normal(0, 2), "b": Normal(0, 1)}
    whole = sl.Model("y ~ cs(z + x)", frame, "sratio", priors).fit(seed=1, progress=False).summary()
    for k in (1, 2, 3):
        there = frame[frame["y"] >= k].assign(on=lambda t, k=k: (t["y"] > k).astype(int))
        own = {"Intercept": Normal(0, 2), "b": Normal(0, 1)}
        part = sl.Model("on ~ z + x", there, "bernoulli", own).fit(seed=1, progress=False).summary()
        for name, other, sign in ((f"cutpoints[{k}|{k + 1}]", "Intercept", -1), *_slopes(k)):
            error = np.hypot(whole.loc[name, "mcse_mean"], part.loc[other, "mcse_mean"])
            assert abs(whole.loc[name, "mean"] - sign * part.loc[other, "mean"]) < 4.5 * error
            assert whole.loc[name, "sd"] == pytest.approx(part.loc[other, "sd"], rel=0.15)


def _slopes(k):
    return ((f"{name}[{k}|{k + 1}]", name, 1) for name in "zx")


@pytest.mark.slow
def test_of_two_categories_a_specific_effect_is_the_common_one(frame):
    two = frame[frame["y"] <= 2]
    priors = {"cutpoints": Normal(0, 2), "b": Normal(0, 1)}
    one, other = (
        sl.Model(formula, two, "acat", priors).fit(seed=1, progress=False).summary()
        for formula in ("y ~ x + cs(z) + (1 | g)", "y ~ x + z + (1 | g)")
    )
    other = other.rename(index={"z": "z[1|2]"}).loc[one.index]
    error = np.hypot(one["mcse_mean"], other["mcse_mean"])
    assert (abs(one["mean"] - other["mean"]) < 4.5 * error).all()


def test_the_printed_model_says_what_each_cutpoint_adds(fit, frame):
    text = str(fit.model)
    assert "P(y = j + 1 | y = j or y = j + 1) = expit(eta + cs[i, j] - cutpoint[j])" in text
    assert "eta[i] = b[x] x[i] + r_g[g[i]]" in text and "cs[i, j] = b[z[j]] z[i]" in text
    assert text.splitlines()[:2] == ["y ~ x + cs(z) + (1 | g)", "family acat, link logit"]
    several = sl.Model("y ~ cs(z * f) + cs(1 + x)", frame, "cratio(probit)")
    names = {"z", "f[T.b]", "f[T.c]", "x", "z:f[T.b]", "z:f[T.c]"}
    assert {name.rpartition("[")[0] for name in several.priors} == {*names, ""}
    stops = sl.Model("y ~ x + cs(z)", frame, "sratio")
    assert "P(y = j | y >= j) = expit(cutpoint[j] - eta - cs[i, j])" in str(stops)


def test_priors_are_given_to_one_to_those_of_a_predictor_or_to_all(frame):
    priors = {"z[2|3]": Normal(0, 0.1), "z": Normal(0, 0.2), "b": Normal(0, 0.3)}
    found = sl.Model("y ~ x + cs(z + f)", frame, "acat", priors).priors
    assert found["z[2|3]"] == Normal(0, 0.1) and found["z[1|2]"] == found["z[3|4]"] == Normal(0, 0.2)
    assert found["x"] == found["f[T.b][1|2]"] == Normal(0, 0.3)
    default = sl.Model("y ~ x + cs(z)", frame, "acat").priors
    alone = sl.Model("y ~ z", frame, "acat").priors
    assert default["z[1|2]"] == alone["z"]


def test_predictions_and_scores_are_of_the_cutpoints_of_each_row(fit, frame):
    new = pd.DataFrame({"x": [0.0, 1.0], "z": [1.0, -2.0], "g": [0, 7]})
    posterior = fit.tree["posterior"]
    effects = posterior["r_g"].values[..., [0, 7], 0]
    eta = posterior["x"].values[..., None] * new["x"].to_numpy() + effects
    specific = np.stack([posterior[f"z[{k}|{k + 1}]"].values for k in (1, 2, 3)], axis=-1)
    cutpoints = posterior["cutpoints"].values[..., None, :]
    steps = eta[..., None] + specific[..., None, :] * new["z"].to_numpy()[:, None] - cutpoints
    p = np.exp(np.cumsum(np.concatenate([np.zeros((*steps.shape[:-1], 1)), steps], axis=-1), axis=-1))
    np.testing.assert_allclose(fit.predict(new), p / p.sum(-1, keepdims=True), rtol=1e-9)
    assert set(np.unique(fit.predict(new, kind="response"))) <= {1.0, 2.0, 3.0, 4.0}

    own = np.moveaxis(fit.predict().values.reshape(-1, ROWS, 4), 0, 1)[np.arange(ROWS), :, frame["y"] - 1].T
    values = np.concatenate([own for _, own in row_log_likelihood(fit.results)], axis=1)
    np.testing.assert_allclose(values, np.log(own), rtol=1e-9)


@pytest.mark.slow
def test_rows_and_levels_are_left_out_and_models_compared():
    frame = simulated("acat", 900)
    fit, common = (
        sl.Model(f"y ~ x + {z} + (1 | g)", frame, "acat").fit(seed=1, progress=False) for z in ("cs(z)", "z")
    )
    for unit in (None, "g"):
        better, worse = (one.loo(unit) if unit else one.loo() for one in (fit, common))
        assert better.elpd > worse.elpd + 20 and better.pointwise["pareto_k"].max() < 0.7
    table = sl.compare({"specific": fit, "common": common})
    assert next(iter(table.table.index)) == "specific"


@pytest.mark.slow
def test_what_differs_between_cutpoints_has_no_linear_predictor_to_contrast(fit, frame):
    found = fit.contrast({"z": [0, 1]}, scale="probability").table
    assert found["mean"].sum() == pytest.approx(0, abs=1e-12)
    assert np.isfinite(fit.contrast({"z": [0, 1]}).table["mean"]).all()
    for call in (lambda: fit.predict(kind="linear"), lambda: fit.contrast({"z": [0, 1]}, scale="linear")):
        with pytest.raises(ModelError, match="differs between cutpoints"):
            call()


@pytest.mark.slow
def test_a_fit_is_saved_and_read_and_reported(fit, frame, tmp_path):
    fit.save(tmp_path / "fit.nc")
    again = sl.load(tmp_path / "fit.nc")
    np.testing.assert_array_equal(again.predict(frame.head(3)), fit.predict(frame.head(3)))
    assert str(again.model) == str(fit.model)
    fit.report(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert "The effects of z differ from cutpoint to cutpoint" in page and "<mi>δ</mi>" in page
    assert {"z[1|2]", "z[3|4]"} <= set(fit.sensitivity().index)
    assert fit.effects("g")["no_pooling"].notna().all()


@pytest.mark.parametrize(
    ("formula", "family", "error", "message"),
    [
        ("y ~ x + cs(z)", "cumulative", ModelError, "ascending order.*family='acat'"),
        ("y ~ x + cs(z)", "poisson", ModelError, r"no ordered categories.*cs\(x, df=5\)"),
        ("y ~ z + cs(z)", "acat", DataError, "depend on each other"),
        ("y ~ x + (cs(z) | g)", "acat", FormulaError, "Effects of levels are the same at every cutpoint"),
        ("y ~ x:cs(z)", "acat", FormulaError, "stand alone"),
        ("y ~ x + cs(1)", "acat", FormulaError, "A predictor whose effects differ"),
        ("y ~ x + cs(0 + z)", "acat", FormulaError, "where an intercept would"),
        ("y ~ x - cs(z)", "acat", FormulaError, "taken away"),
        ("y ~ cs(y)", "acat", ModelError, "is the response and a predictor"),
    ],
)
def test_what_has_no_meaning_is_refused(frame, formula, family, error, message):
    with pytest.raises(error, match=f"(?s){message}"):
        sl.Model(formula, frame, family)


def test_a_cubic_spline_is_one_still(frame):
    model = sl.Model("y ~ x + cs(z, df=4, constraints='center')", frame, "acat")
    assert sum(name.startswith("cs(z") for name in model.priors) == 4 and "z[1|2]" not in model.priors
