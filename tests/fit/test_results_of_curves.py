"""Everything that exists works for curves: results, files, predictions, scores, sensitivity, reports."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import shoal as sl
from curve_table import table
from left_out import jointly_normal
from shoal.criticism.sensitivity.log_prior import log_priors
from shoal.errors import ShoalWarning
from shoal.model.predictors import linear_predictor
from shoal.model.prior_draws import draw_prior

RUN = {"draws": 400, "chains": 2, "seed": 5, "warmup": 100, "cores": 1, "progress": False}
FORMULAS = {
    "smooths": ("y ~ f + s(x, k=6, by=f) + mo(q) + (1 | g)", "gaussian"),
    "surface": ("y ~ t2(x, z, k=4) + s(x, by=w, k=5)", "gaussian"),
    "process": ("c ~ gp(x, k=20, c=2) + mo(q)", "poisson"),
    "processes": ("y ~ gp(I(x / 2), by=f, k=12, c=2) + (1 | g)", "gaussian"),
}
CURVES = pytest.mark.parametrize("name", FORMULAS)


@pytest.fixture(scope="module")
def fits():
    return {
        name: sl.Model(formula, table(), family).fit(**RUN) for name, (formula, family) in FORMULAS.items()
    }


def eta_of(fit):
    (design,) = fit.model.specification.designs
    posterior = fit.results.posterior
    draws = {str(name): posterior[name].values for name in posterior.data_vars}
    return linear_predictor(design, draws)


def test_variables_stand_in_reading_order(fits):
    names = list(fits["smooths"].results.posterior.data_vars)
    assert names == [
        "Intercept", "f[T.b]", "s(x, by=f)[a:linear]", "s(x, by=f)[b:linear]", "mo(q)", "simo_mo(q)",
        "sd_g", "sds_s(x, by=f)", "sigma", "r_g", "basis_s(x, by=f)",
    ]  # fmt: skip
    names = list(fits["process"].results.posterior.data_vars)
    assert names == ["Intercept", "mo(q)", "simo_mo(q)", "sdgp_gp(x)", "lscale_gp(x)", "basis_gp(x)"]
    assert not any("basis" in row for row in fits["process"].summary().index)
    assert fits["surface"].summary().index[-5:].tolist() == [
        "sds_t2(x, z)[x]", "sds_t2(x, z)[z]", "sds_t2(x, z)[x:z]", "sds_s(x, by=w)", "sigma",
    ]  # fmt: skip


@CURVES
def test_predictions_for_the_table_are_those_of_the_fitted_rows(fits, name):
    fit, frame = fits[name], table()
    np.testing.assert_allclose(fit.predict(frame, kind="linear").values, eta_of(fit), atol=1e-9)
    rows = frame.iloc[[7, 3, 3]].reset_index(drop=True)
    gap = rows.assign(x=rows.x.where([True, False, True]))
    with pytest.warns(ShoalWarning, match="missing values in 'x'"):
        found = fit.predict(gap, kind="linear").values
    np.testing.assert_allclose(found[..., [0, 2]], eta_of(fit)[..., [7, 3]], atol=1e-9)
    assert np.isnan(found[..., 1]).all()


@CURVES
def test_saved_fits_are_read_back(fits, name, tmp_path):
    fit = fits[name]
    again = sl.load(fit.save(tmp_path / "fit.nc"))
    xr.testing.assert_identical(fit.results.posterior, again.results.posterior)
    assert str(fit.model) == str(again.model)
    np.testing.assert_array_equal(again.predict(table()).values, fit.predict(table()).values)


@pytest.mark.slow
@CURVES
def test_models_print_and_fits_report(fits, name, tmp_path):
    fit = fits[name]
    text, page = str(fit.model), fit.report(tmp_path / "page.html").read_text()
    for curve in fit.model.specification.designs[0].curves:
        assert text.count(f"{curve.name}[i]") >= 1 and curve.name in page
    assert all(parameter in text for parameter in fit.model.specification.priors)
    assert "coefficients of curves" in str(fit.model.plan)


@CURVES
def test_priors_are_drawn_judged_and_moved(fits, name):
    fit = fits[name]
    model = fit.model.specification
    draws = draw_prior(model, np.random.default_rng(0), 300)
    for variable in model.variables:
        assert draws[variable.name].shape == (300, *(len(labels) for labels in variable.dims.values()))
    assert np.isfinite(linear_predictor(model.designs[0], draws)).all()
    own = {key for key in model.priors if key.startswith(("sds", "sdgp", "lscale", "simo", "mo("))}
    judged = log_priors(fit.results).values
    assert own <= set(judged) and all(np.isfinite(values).all() for values in judged.values())
    implied = {
        quantity for about, quantity in fit.model.prior_summary(draws=100).index if about == "parameter"
    }
    assert all(any(row.startswith(key) for row in implied) for key in own)


@pytest.mark.slow
@CURVES
def test_rows_left_out_by_weighting_and_by_refits(fits, name):
    fit = fits[name]
    loo = fit.loo(refit=True)
    assert loo.ok
    folds = sl.kfold(fit.model, k=3, draws=80, chains=2, seed=1)
    assert abs(folds.elpd - loo.elpd) < 4 * loo.se


def test_leaving_out_a_row_of_a_smooth_is_exact_given_its_scales():
    frame = table(rows=40)
    given = {"sds": 0.8, "sigma": 0.5, "Intercept": 0.2, "s(x)[linear]": 0.1}
    priors = {key: sl.priors.Fixed(value) for key, value in given.items()}
    fit = sl.Model("y ~ s(x, k=6)", frame, priors=priors).fit(draws=4000, seed=1, progress=False)
    (design,) = fit.model.specification.designs
    columns = design.curves[0].columns
    covariance = 0.64 * columns @ columns.T + 0.25 * np.eye(40)
    centered = frame.y.to_numpy() - 0.2 - 0.1 * (frame.x - frame.x.mean()).to_numpy()
    exact = jointly_normal(centered, covariance, np.arange(40))
    np.testing.assert_allclose(fit.loo().pointwise["elpd"], exact, atol=0.05)


def test_contrasts_and_posterior_predictive_draws(fits):
    contrast = fits["process"].contrast({"q": [4, 0]}, scale="linear")
    posterior = fits["process"].tree["posterior"]
    np.testing.assert_allclose(contrast.draws[..., 0], 4 * posterior["mo(q)"], rtol=1e-9)
    for fit in fits.values():
        assert fit.posterior_predictive(draws=20)


def test_pooling_leaves_curves_alone(fits):
    model = fits["smooths"].model
    for pooling in ("complete", "none"):
        other = model.with_pooling(pooling).specification
        assert len(other.designs[0].curves) == 2 and "sds_s(x, by=f)[a]" in other.priors


def test_a_curve_for_one_of_two_responses():
    responses = [
        sl.Response("y ~ s(x, k=5) + (1 | g)"),
        sl.Response("c ~ gp(x, k=10, c=2) + mo(q)", "poisson"),
    ]
    fit = sl.Model(responses, table()).fit(**RUN)
    names = list(fit.results.posterior.data_vars)
    assert {"y_sds_s(x)", "c_sdgp_gp(x)", "c_lscale_gp(x)", "c_mo(q)", "c_simo_mo(q)"} <= set(names)
    assert {"y_s(x)[linear]", "y_basis_s(x)", "c_basis_gp(x)"} <= set(names)
    predicted = fit.predict(table().iloc[:3], kind="linear")
    assert np.isfinite(predicted["y"]).all() and np.isfinite(predicted["c"]).all()


def test_rows_alike_in_all_curves_are_merged():
    frame = table(rows=60)
    twice = pd.concat([frame, frame], ignore_index=True)
    text = str(sl.Model("c ~ s(x, k=5, by=f) + mo(q)", twice, "poisson"))
    assert "120 rows, merged into 60" in text
