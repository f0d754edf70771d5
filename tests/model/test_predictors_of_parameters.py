"""Parameters of a family with linear predictors of their own: names, words, files, new rows, refusals."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import shoal as sl
from refusals import refused
from shoal.errors import FormulaError, ModelError, PriorError
from shoal.report.equations import _left

FORMULA, PREDICTORS = "y ~ x + (1 | g)", {"sigma": "~ z + (1 | g)"}


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(1)
    g, x, z = rng.integers(0, 12, 240), rng.normal(size=240), rng.normal(size=240)
    noise = np.exp(0.4 * z + rng.normal(0, 0.5, 12)[g]) * rng.normal(size=240)
    return pd.DataFrame({"y": 1 + 0.5 * x + rng.normal(0, 1, 12)[g] + noise, "x": x, "z": z, "g": g})


@pytest.fixture(scope="module")
def model(frame):
    return sl.Model(FORMULA, frame, predictors=PREDICTORS)


@pytest.fixture(scope="module")
def fit(model):
    return model.fit(seed=1)


def test_it_recovers_what_rows_differ_in(fit):
    found = fit.summary().loc[["x", "sigma_z", "sigma_sd_g[Intercept]"]]
    assert (np.abs(found["mean"] - [0.5, 0.4, 0.5]) < 3 * found["sd"]).all()
    assert found["ess_bulk"].min() > 1000 and found["r_hat"].max() < 1.01


def test_its_parameters_begin_with_the_name_of_the_parameter(model):
    names = {"Intercept", "x", "sd_g[Intercept]", "sigma_Intercept", "sigma_z", "sigma_sd_g[Intercept]"}
    assert set(model.priors) == names


def test_the_printed_model_has_a_line_for_each_predictor(model):
    assert "log(sigma[i]) = sigma_Intercept + b[sigma_z] z[i] + sigma_r_g[g[i]]" in str(model)
    assert "y[i] ~ Normal(eta, sigma[i])" in str(model)
    (line,) = (line for line in str(model).splitlines() if line.strip().startswith("sigma_Intercept  "))
    assert line.endswith("on the linear predictor at average columns")


def test_priors_are_given_by_these_names_and_general_ones_are_not_theirs(frame):
    priors = {
        "sigma_b": sl.priors.Normal(0, 0.3),
        "b": sl.priors.Normal(0, 7),
        "sigma_sd": sl.priors.HalfNormal(1),
    }
    found = sl.Model(FORMULA, frame, predictors=PREDICTORS, priors=priors).priors
    assert found["sigma_z"] == sl.priors.Normal(0, 0.3)
    assert found["x"] == sl.priors.Normal(0, 7)
    assert found["sigma_sd_g[Intercept]"] == sl.priors.HalfNormal(1)
    assert found["sd_g[Intercept]"] != sl.priors.HalfNormal(1)
    with pytest.raises(PriorError):
        sl.Model(FORMULA, frame, predictors=PREDICTORS, priors={"sigma": sl.priors.Exponential(1)})


def test_a_predictor_of_nothing_but_an_intercept_is_the_common_parameter(frame):
    """The same density: a common sigma, and the logarithm of one."""
    common = sl.Model("y ~ x", frame).posterior()
    alone = sl.Model("y ~ x", frame, predictors={"sigma": "~ 1"}).posterior()
    design, other = common.model.designs[0], alone.model.designs[0]
    draws = {"Intercept": np.array([0.3]), "x": np.array([0.1]), "sigma": np.array([1.7])}
    expected = design.family.log_density(design.rows, 0.3 + 0.1 * design.x[:, 1], {"sigma": 1.7})
    from shoal.model.predictors import linear_predictor, phi_of

    draws["sigma_Intercept"] = np.log(draws["sigma"])
    phi = phi_of(other, draws)
    np.testing.assert_allclose(phi["sigma"], 1.7)
    found = other.family.log_density(other.rows, linear_predictor(other, draws), phi)
    np.testing.assert_allclose(found[0], expected)


def test_new_rows_have_their_own_parameter(fit, frame):
    calm, wild = (fit.predict(frame.assign(z=z), kind="response", draws=500).std() for z in (-2.0, 2.0))
    assert float(wild) > 2 * float(calm)
    new = fit.predict(frame.head(2).assign(g=[0, 99]), kind="response", new_levels="population", draws=50)
    assert np.isfinite(new).all()


@pytest.mark.slow
def test_a_result_is_saved_with_them(fit, tmp_path):
    loaded = sl.load(fit.save(tmp_path / "fit.nc"))
    xr.testing.assert_identical(loaded.tree["posterior"].to_dataset(), fit.tree["posterior"].to_dataset())
    assert loaded.model.specification.text == fit.model.specification.text
    assert "predictors={'sigma': 'sigma ~ z + (1 | g)'}" in fit.report(
        tmp_path / "page.html"
    ).read_text().replace("&#39;", "'")


def test_effects_on_a_parameter_are_called_after_it_and_the_factor(fit):
    assert fit.levels("sigma_g").dims[-2:] == ("g", "sigma_g_effect")
    assert fit.levels("g").dims[-1] == "g_effect"
    alone = fit.effects("sigma_g")
    assert alone["no_pooling"].isna().all() and np.isfinite(alone["mean"]).all()
    with refused("no-estimates-alone"):
        fit.plot.shrinkage("sigma_g")


@pytest.mark.slow
def test_levels_left_out_have_their_effects_on_all_predictors_integrated(fit, frame):
    """Against plain Monte Carlo over both effects of a level, at one draw."""
    from shoal.scores.loo.levels import of_levels
    from shoal.scores.loo.units import units_of

    results, level = fit.results, 3
    units = units_of(results.model, "g")
    which = np.flatnonzero(units.labels == level)
    ((_, values, _, errors),) = of_levels(results, units, which, 1)
    at = {name: v.values.reshape(4000, -1)[17] for name, v in results.posterior.data_vars.items()}
    rng, rows = np.random.default_rng(0), frame[frame["g"] == level]
    mean, spread = rng.normal(size=(2, 400_000, 1))
    eta = at["Intercept"] + at["x"] * rows["x"].to_numpy() + at["sd_g"] * mean
    log_sigma = at["sigma_Intercept"] + at["sigma_z"] * rows["z"].to_numpy() + at["sigma_sd_g"] * spread
    each = (
        -0.5 * ((rows["y"].to_numpy() - eta) / np.exp(log_sigma)) ** 2 - log_sigma - 0.5 * np.log(2 * np.pi)
    )
    weight = np.exp(each.sum(1) - each.sum(1).max())
    expected = np.log(weight.mean()) + each.sum(1).max()
    error = np.hypot(weight.std() / weight.mean() / np.sqrt(len(weight)), 2 * errors[0])
    assert abs(values[17, 0] - expected) < 4 * error


@pytest.mark.parametrize(
    ("predictors", "error"),
    [
        ({"tau": "~ z"}, ModelError),
        ({"sigma": "z"}, FormulaError),
        ({"sigma": "nu ~ z"}, FormulaError),
        ({"sigma": "~"}, FormulaError),
        ({"sigma": [3]}, FormulaError),
        ({"sigma": True}, FormulaError),
        ({"tau": 3}, ModelError),
        ({3: "~ z"}, ModelError),
        ("sigma ~ z", ModelError),
    ],
)
def test_predictors_that_are_none_are_refused(frame, predictors, error):
    with pytest.raises(error):
        sl.Model(FORMULA, frame, predictors=predictors)


def test_beside_a_list_of_responses_they_are_refused(frame):
    with pytest.raises(ModelError):
        sl.Model([sl.Response(FORMULA)], frame, predictors=PREDICTORS)


def test_each_of_several_responses_has_its_own(frame):
    both = [sl.Response(FORMULA, predictors=PREDICTORS), sl.Response("x ~ 1", predictors={"sigma": "~ z"})]
    names = set(sl.Model(both, frame, priors={"sigma_b": sl.priors.Normal(0, 0.3)}).priors)
    assert {"y_sigma_z", "x_sigma_z", "y_sigma_sd_g[Intercept]"} <= names


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::shoal.errors.ShoalWarning")  # Pareto k of single rows
def test_scores_prefer_it_where_rows_differ_and_only_there(fit, frame):
    def ahead(own, rows):
        """Return how far it is ahead of a common sigma, and the standard error of that."""
        common = sl.Model(FORMULA, rows).fit(seed=1)
        table = sl.compare({"own": own, "common": common}).table
        return (1 if table.index[0] == "own" else -1) * -table["elpd_diff"].min(), table["diff_se"].max()

    gain, error = ahead(fit, frame)
    assert gain > 2 * error and gain > 4
    alike = frame.assign(y=1 + 0.5 * frame["x"] + np.random.default_rng(2).normal(size=len(frame)))
    gain, error = ahead(sl.Model(FORMULA, alike, predictors=PREDICTORS).fit(seed=1), alike)
    assert gain < max(2 * error, 4)


@pytest.mark.slow
def test_a_factor_of_a_parameter_alone_has_its_pictures(frame, tmp_path):
    fit = sl.Model("y ~ x", frame, predictors={"sigma": "~ (1 | g)"}).fit(seed=1, draws=200, progress=False)
    fit.report(tmp_path / "page.html")
    assert set(fit.plot.ppc(by="g").numbers["level"]) == set(frame["g"])


def test_the_reports_equations_name_the_parameter_once(model):
    (part,) = model.specification.designs[0].predictors
    assert str(_left(part)).count("σ") == 1
