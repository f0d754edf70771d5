"""(1 | id | g) in several linear predictors: one set of correlated effects, known to each of them."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import shoal as sl
from shoal.errors import FormulaError, ModelError


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(1)
    g, x = rng.integers(0, 40, 400), rng.normal(size=400)
    effects = rng.multivariate_normal([0, 0, 0], [[1, 0.4, -0.6], [0.4, 0.3, 0], [-0.6, 0, 1]], 40)[g]
    y = 1 + 0.5 * x + effects[:, 0] + np.exp(effects[:, 1]) * rng.normal(size=400)
    return pd.DataFrame({"y": y, "x": x, "g": g, "h": g % 4, "k": rng.poisson(np.exp(0.3 + effects[:, 2]))})


@pytest.fixture(scope="module")
def spread(frame):
    return sl.Model("y ~ x + (1 | p | g)", frame, predictors={"sigma": "~ 1 + (1 | p | g)"}).fit(seed=1)


@pytest.fixture(scope="module")
def pair(frame):
    responses = [sl.Response("y ~ x + (1 | p | g)"), sl.Response("k ~ 1 + (1 + x | p | g)", "poisson")]
    return sl.Model(responses, frame).fit(seed=1)


def test_effects_of_predictors_are_one_set(spread):
    assert list(spread.tree["posterior"]["sd_g"]["g_effect"].values) == ["Intercept", "sigma_Intercept"]
    correlation = spread.summary(["cor_g"]).loc["cor_g[sigma_Intercept, Intercept]"]
    assert abs(correlation["mean"] - 0.4 / np.sqrt(0.3)) < 3 * correlation["sd"]
    assert "log(sigma[i]) = sigma_Intercept + r_g[g[i]][sigma_Intercept]" in str(spread.model)


def test_effects_on_responses_are_called_after_them(pair):
    labels = ["y_Intercept", "k_Intercept", "k_x"]
    assert list(pair.tree["posterior"]["r_g"]["g_effect"].values) == labels
    found = pair.summary(["cor_g"]).loc["cor_g[k_Intercept, y_Intercept]"]
    assert abs(found["mean"] + 0.6) < 3 * found["sd"]


def test_each_response_has_its_own_table_of_effects(pair):
    assert set(pair.effects("k_g")["effect"]) == {"k_Intercept", "k_x"}
    assert set(pair.effects("y_g")["effect"]) == {"y_Intercept"}
    own = pair.levels("g").mean(("chain", "draw"))
    posterior = pair.tree["posterior"].mean(("chain", "draw"))
    expected = posterior["r_g"].sel(g_effect="k_Intercept") + posterior["k_Intercept"]
    np.testing.assert_allclose(own.sel(g_effect="k_Intercept"), expected)


def test_a_new_level_has_correlated_effects(pair, frame):
    """One draw of the set: its parts in two responses go together."""
    new = frame.head(1).assign(g=999, x=0.0)
    drawn = pair.predict(new, kind="linear", new_levels="population")
    y, k = (
        drawn[name].values.ravel() - pair.tree["posterior"][f"{name}_Intercept"].values.ravel()
        for name in "yk"
    )
    assert np.corrcoef(y, k)[0, 1] < -0.3


@pytest.mark.filterwarnings("ignore::shoal.errors.ShoalWarning")  # one level's Pareto k is above 0.7
@pytest.mark.slow
def test_levels_are_left_out_with_all_of_it(pair, frame):
    """Rows of both responses, the level's three effects integrated: as by plain Monte Carlo."""
    from shoal.scores.loo.levels import of_levels
    from shoal.scores.loo.units import units_of

    units = units_of(pair.results.model, "g")
    ((_, values, _, errors),) = of_levels(pair.results, units, np.flatnonzero(units.labels == 3), 1)
    at = {
        name: v.values.reshape(4000, *v.shape[2:])[17] for name, v in pair.tree["posterior"].data_vars.items()
    }
    rows, rng = frame[frame["g"] == 3], np.random.default_rng(0)
    inside = at["cor_g"] * np.outer(at["sd_g"], at["sd_g"])
    effects = rng.multivariate_normal(np.zeros(3), inside, 400_000)[:, :, None]
    x = rows["x"].to_numpy()
    y = at["y_Intercept"] + at["y_x"] * x + effects[:, 0]
    k = at["k_Intercept"] + effects[:, 1] + effects[:, 2] * x
    each = stats.norm.logpdf(rows["y"].to_numpy(), y, at["y_sigma"]).sum(1)
    each += stats.poisson.logpmf(rows["k"].to_numpy(), np.exp(k)).sum(1)
    weight = np.exp(each - each.max())
    error = np.hypot(weight.std() / weight.mean() / np.sqrt(len(weight)), 2 * errors[0])
    assert abs(values[17, 0] - np.log(weight.mean()) - each.max()) < 4 * error
    assert np.isfinite(pair.loo("g").elpd)


def test_an_id_of_one_term_changes_nothing(frame):
    alone, named = (sl.Model(f"y ~ x + (1 + x |{i} g)", frame) for i in ("", " p |"))
    assert dict(alone.priors) == dict(named.priors)


def test_defaults_speak_of_each_predictor_at_its_own_averages(frame):
    shifted = frame.assign(far=frame["x"] + 1000)
    model = sl.Model(
        "y ~ far + (1 + far | p | g)", shifted, predictors={"sigma": "~ 1 + (1 | p | g)"}
    ).specification
    centered = {name for name, prior in model.priors.items() if prior.centered and name.startswith("sd_g")}
    assert centered == {"sd_g[Intercept]"}


@pytest.mark.slow
def test_the_report_has_the_set_once(pair, tmp_path):
    page = pair.report(tmp_path / "page.html").read_text()
    assert "An id joins effects of g" in page


def test_a_result_is_saved_with_it(spread, tmp_path):
    again = sl.load(spread.save(tmp_path / "fit.nc"))
    assert again.model.specification.text == spread.model.specification.text
    assert str(again.summary()) == str(spread.summary())


@pytest.mark.parametrize(
    ("formula", "sigma", "error"),
    [
        ("y ~ x + (1 | p | g)", "~ 1 + (1 | p | h)", ModelError),
        ("y ~ x + (1 | p | gr(g, zero_sum=True))", "~ 1 + (1 | p | g)", ModelError),
        ("y ~ x + (1 | p | gr(g, dist='student'))", "~ 1 + (1 | p | gr(g, dist='student'))", ModelError),
        ("y ~ x + (1 | p | g) + (0 + x | g)", "~ 1", ModelError),
        ("y ~ x + (1 || p | g)", "~ 1", FormulaError),
        ("y ~ x + (1 | p | q | g)", "~ 1", FormulaError),
        ("y ~ x + (1 | p + q | g)", "~ 1", FormulaError),
        ("y ~ x + (1 | | g)", "~ 1", FormulaError),
    ],
)
def test_ids_that_join_nothing_are_refused(frame, formula, sigma, error):
    with pytest.raises(error):
        sl.Model(formula, frame, predictors={"sigma": sigma})
