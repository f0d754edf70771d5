"""Residuals that correlate: densities by dense algebra, derivatives, draws, predictions, scores, refusals."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import shoal as sl
from dense_marginals import check_adjoint, check_gradient, check_marginal, named_values
from refusals import refused
from residual_tables import EACH, TERMS, TIMES, correlation, table
from shoal.engine.settings import Settings
from shoal.errors import DataError, FormulaError, ModelError, PriorError, ShoalWarning
from shoal.fit.many import where
from shoal.fit.pointwise import row_log_likelihood
from shoal.fit.posterior import posterior_of
from shoal.model.prior_draws import draw_prior
from shoal.model.terms import residual_functions as functions
from shoal.model.terms.functions import covariance_root
from shoal.model.terms.residual_correlation import ResidualCorrelation
from shoal.scores.loo.leave_one import leave_out
from shoal.scores.loo.units import units_of

PRIORS = {"b": sl.priors.Normal(0, 1), "Intercept": sl.priors.Normal(0, 2)}


@EACH
@pytest.mark.parametrize("seed", range(3))
def test_the_marginal_density_is_that_of_dense_algebra(kind, seed):
    """Coefficients and effects integrated out, y is normal, and its covariance is written row by row."""
    data = table(seed)
    model = sl.Model(f"y ~ x + (1 | g) + {TERMS[kind]}", data, priors=PRIORS)
    p, rng = model.posterior(), np.random.default_rng(seed)
    (term,) = (own.term for own in p.assembled.placed if isinstance(own.term, ResidualCorrelation))
    x, same = np.column_stack([np.ones(len(data)), data["x"]]), np.equal.outer(*(2 * [data["g"].to_numpy()]))
    for theta in rng.normal(0, 0.7, (4, p.target.n_theta)):
        values = named_values(p, theta)
        cor = correlation(kind, data, term.named({k: np.asarray(v) for k, v in values.items()})[kind])
        covariance = values["sigma"] ** 2 * cor + x @ np.diag([4.0, 1.0]) @ x.T
        covariance += values["sd_g[Intercept]"] ** 2 * same
        check_marginal(p, theta, data["y"].to_numpy(), covariance)


@EACH
def test_the_gradient_is_the_slope_of_the_density(kind):
    target = sl.Model(f"y ~ x + (1 | g) + {TERMS[kind]}", table(4)).posterior().target
    check_gradient(target)


@pytest.mark.parametrize("phi", [-0.999999, -0.4, 0.0, 1e-9, 0.7, 0.999999])
def test_precisions_of_an_autoregression_have_these_derivatives(phi):
    pair = functions.autoregressive, functions.autoregressive_adjoint
    check_adjoint(*pair, [phi, 1.3], [1, 2, 3, 7, *np.zeros(8)], 17)


@pytest.mark.parametrize("phi", [-0.4, 0.0, 0.7])
def test_precisions_of_an_autoregression_of_two_sds_have_these_derivatives(phi):
    pair = functions.autoregressive, functions.autoregressive_adjoint
    check_adjoint(*pair, [phi, 1.3, 0.4], [1, 2, 5, 2, 0, 1, 0, 1, 0, 0, 1, 1], 18)


@pytest.mark.parametrize("rho", [1e-9, 0.3, 0.99999])
def test_precisions_of_equal_correlations_have_these_derivatives(rho):
    pair = functions.exchangeable, functions.exchangeable_adjoint
    check_adjoint(*pair, [rho, 0.7], [1, 2, 9], 7)
    check_adjoint(*pair, [rho, 0.7, 2.0, 0.1], [1, 2, 9], 24)


def test_standard_deviations_by_their_predictor_have_these_derivatives():
    pair = functions.spreads, functions.spreads_adjoint
    check_adjoint(*pair, [0.3, -1.2], [0.1, 2, -1, 1, 0, 1, 3, -2, 0.5], 3)


def test_precisions_of_any_correlations_have_these_derivatives():
    root, units = np.zeros(10), [2.0, 0.3, 1.0]
    covariance_root(np.array([0.5, 1.0, 2.0, 0.9, 0.3, -0.2, 0.4, 0.1, 0.5, -0.6]), np.zeros(0), root)
    pair = functions.unstructured, functions.unstructured_adjoint
    check_adjoint(*pair, root, [0, 2, 3, *units], 7)
    out, low = np.zeros(7), np.zeros((4, 4))
    pair[0](root, np.array([0, 2, 3, *units]), out)
    low[np.tril_indices(4)] = root
    covariance = (low @ low.T)[np.ix_([0, 2, 3], [0, 2, 3])]
    precision = np.linalg.inv(covariance / np.outer(units, units))
    np.testing.assert_allclose(out[:3], precision.sum(1))
    np.testing.assert_allclose(out[3:6], -precision[[1, 2, 2], [0, 0, 1]])
    np.testing.assert_allclose(out[6], np.linalg.det(covariance) ** (-1 / 3))


@EACH
def test_given_the_others_a_row_is_what_dense_algebra_says(kind):
    """With some rows not known: what they are is given by those that are, and says nothing of others."""
    data = table(2)
    residuals = sl.Model(f"y ~ x + {TERMS[kind]}", data).specification.designs[0].residuals
    rng, n = np.random.default_rng(3), len(data)
    there, r = rng.random(n) < 0.7, rng.normal(size=(2, n))
    basis = rng.normal(size=(2, TIMES, 9))
    matrices = basis @ np.swapaxes(basis, -1, -2)
    scale = np.sqrt(np.diagonal(matrices, axis1=-2, axis2=-1))
    values = {"ar": np.array([0.7, -0.4]), "cosy": np.array([0.3, 0.8])}.get(
        kind, matrices / scale[:, :, None] / scale[:, None]
    )
    mean, variance = residuals.given_others(r, np.zeros(r.shape), np.ones((2, 1)), there, {kind: values})
    sigma = np.array([1.3, 0.4])[:, None] * rng.uniform(0.5, 2, n)
    joint = residuals.log_density(r, np.zeros(r.shape), sigma, there, {kind: values})
    for s in range(2):
        cor = correlation(kind, data, values[s])
        for i in range(n):
            others = there & (np.arange(n) != i)
            weights = np.linalg.solve(cor[np.ix_(others, others)], cor[others, i])
            np.testing.assert_allclose(mean[s, i], weights @ r[s, others], rtol=1e-9, atol=1e-10)
            np.testing.assert_allclose(variance[s, i], 1 - weights @ cor[others, i], rtol=1e-9)
        known = (cor * np.outer(sigma[s], sigma[s]))[np.ix_(there, there)]
        dense = stats.multivariate_normal.logpdf(r[s, there], np.zeros(there.sum()), known)
        np.testing.assert_allclose(joint[s], dense, rtol=1e-10)


@EACH
def test_drawn_residuals_have_the_correlations(kind):
    data = table(5, levels=2)
    residuals = sl.Model(f"y ~ x + {TERMS[kind]}", data).specification.designs[0].residuals
    t = np.arange(TIMES)
    value = {"ar": -0.6, "cosy": 0.4}.get(kind, 0.5 ** abs(np.subtract.outer(t, t)))
    draws = {kind: np.broadcast_to(value, (60_000, *np.shape(value)))}
    z = residuals.noise(np.random.default_rng(1), draws, (60_000,))
    np.testing.assert_allclose(z.T @ z / 60_000, correlation(kind, data, value), atol=0.025)


@pytest.fixture(scope="module")
def fit():
    data = table(7, levels=60)
    return sl.Model("y ~ x + ar(t, gr=g)", data).fit(seed=1, progress=False)


def test_what_rows_were_made_from_is_found_again(fit):
    found = fit.summary().loc[["Intercept", "x", "sigma", "ar"]]
    assert (abs(found["mean"] - [1.0, 0.5, 0.8, 0.6]) < 3.5 * found["sd"]).all()
    assert found["ess_bulk"].min() > 3000 and fit.diagnose().trustworthy


def test_it_is_exact_and_agrees_with_another_sampler(fit):
    assert fit.tree.attrs["sampler"] == "independence"
    other = fit.model.fit(seed=2, sampler="nuts", draws=500, progress=False).summary()
    own = fit.summary()
    error = np.hypot(own["mcse_mean"], other["mcse_mean"])
    assert (abs(own["mean"] - other["mean"]) < 4.5 * error).all()


def test_scores_prefer_it_where_residuals_correlate_and_ask_given_the_others(fit):
    plain = sl.Model("y ~ x", table(7, levels=60)).fit(seed=1, progress=False)
    one, other = fit.loo(), plain.loo()
    assert one.elpd > other.elpd + 20
    assert "the others that its residual correlates with being known" in one.question
    with refused("units-correlate"):
        fit.loo("g")


@pytest.mark.slow
@EACH
@pytest.mark.filterwarnings("ignore:Pareto k above")  # of other rows
def test_a_refit_without_a_row_scores_it_as_importance_sampling_does(kind):
    fit = sl.Model(f"y ~ x + {TERMS[kind]}", table(7, levels=120)).fit(seed=1, progress=False)
    units = units_of(fit.results.model, "row")
    sets = [np.array([3]), np.array([40])]
    found = leave_out(posterior_of(fit.results.model), units, sets, Settings(seed=1), where(1))
    np.testing.assert_allclose(found["elpd"], fit.loo().pointwise["elpd"].to_numpy()[[3, 40]], atol=0.05)


@pytest.mark.slow
@EACH
def test_rows_of_weight_zero_have_no_density_and_tell_nothing(kind):
    data = table(3, levels=30)
    data["w"] = (np.arange(len(data)) % 5 > 0).astype(float)
    fit = sl.Model(f"y | weights(w) ~ x + {TERMS[kind]}", data).fit(seed=1, draws=200, progress=False)
    ((_, values),) = row_log_likelihood(fit.results)
    assert not values[:, data["w"] == 0].any()
    less = sl.Model(f"y ~ x + {TERMS[kind]}", data[data["w"] > 0])
    whole = fit.results.model.designs[0]
    draws = {name: v.values.reshape(800, *v.shape[2:]) for name, v in fit.tree["posterior"].items()}
    eta = draws["Intercept"][:, None] + draws["x"][:, None] * whole.x[:, 1]
    kept = less.specification.designs[0].residuals
    r = (data["y"].to_numpy() - eta)[:, data["w"] > 0]
    mean, variance = kept.given_others(r, 0 * r, np.ones((len(r), 1)), np.full(r.shape[1], True), draws)
    expected = stats.norm.logpdf(r, mean, draws["sigma"][:, None] * np.sqrt(variance))
    np.testing.assert_allclose(values[:, data["w"] > 0], expected, rtol=1e-4, atol=1e-4)


def test_new_responses_correlate_and_other_predictions_need_no_time(fit):
    new = pd.DataFrame({"x": 0.0, "g": 999, "t": np.arange(40)})
    drawn = fit.predict(new, kind="response").values.reshape(-1, 40)
    lag = np.corrcoef(drawn[:, 10], drawn[:, 11])[0, 1]
    assert abs(lag - fit.summary().loc["ar", "mean"]) < 0.06
    np.testing.assert_array_equal(fit.predict(new[["x"]]).shape, (4, 1000, 40))
    with refused("unknown-column", match="'t'"):
        fit.predict(new[["x", "g"]], kind="response")
    gap = new.assign(t=new["t"].where(new["t"] != 3))
    with pytest.warns(ShoalWarning, match="missing values"):
        drawn = fit.predict(gap, kind="response")
    assert np.isnan(drawn[..., 3]).all() and np.isfinite(drawn[..., [2, 4]]).all()


def test_rows_may_be_spread_over_folds_by_level(fit):
    assert sl.kfold(fit.model, 2, stratify="g", seed=1).folds == 2


@pytest.mark.slow
def test_it_is_printed_reported_saved_and_refused_by_the_export(fit, tmp_path):
    assert "residuals correlate by ar^|t[i] - t[j]| where g is the same" in str(fit.model)
    assert fit.model.priors["ar"] == sl.priors.LKJ(1.0)
    fit.save(tmp_path / "fit.nc")
    again = sl.load(tmp_path / "fit.nc")
    pd.testing.assert_frame_equal(again.summary(), fit.summary())
    fit.report(tmp_path / "page.html")
    assert "autoregression over t" in (tmp_path / "page.html").read_text()
    assert {"ar", "sigma"} <= set(fit.sensitivity().index)
    fit.plot.ppc()


def test_prior_draws_are_of_the_prior():
    spec = sl.Model("y ~ x + unstr(t, gr=g)", table(), priors={"unstr": sl.priors.LKJ(3.0)}).specification
    drawn = draw_prior(spec, np.random.default_rng(1), 4000)["unstr"]
    # Any correlation of a matrix of k has a Beta(eta - 1 + k / 2) distribution, stretched to (-1, 1).
    shape = 3.0 - 1 + TIMES / 2
    assert stats.kstest((drawn[:, 4, 1] + 1) / 2, stats.beta(shape, shape).cdf).pvalue > 1e-3


@pytest.mark.parametrize(
    ("formula", "change", "error", "message"),
    [
        ("y ~ ar(t, gr=g) + cosy(gr=g)", {}, FormulaError, "two correlations"),
        ("y ~ ar(t, gr=g, p=2)", {}, FormulaError, "of order 1"),
        ("y ~ cosy()", {}, FormulaError, "has no gr"),
        ("y ~ ar()", {}, FormulaError, "has no time"),
        ("y ~ ar(log(t), gr=g)", {}, FormulaError, "name of a column"),
        ("y ~ x:ar(t, gr=g)", {}, FormulaError, "stands alone"),
        ("y ~ ma(t, gr=g)", {}, FormulaError, "moving averages"),
        ("y ~ x + ar(t)", {}, DataError, "share time and level"),
        ("y ~ x + ar(half, gr=g)", {"half": lambda d: d["t"] / 2}, DataError, "hold 0.5"),
        ("y ~ x + ar(day, gr=g)", {"day": "monday"}, DataError, "Whole numbers"),
        ("y ~ x + unstr(row, gr=g)", {"row": lambda d: np.arange(len(d))}, DataError, "From 2 to 30 times"),
        ("y ~ x + cosy(gr=row)", {"row": lambda d: np.arange(len(d))}, DataError, "has two rows"),
        ("y | weights(w) ~ x + ar(t, gr=g)", {"w": 2.0}, ModelError, "weights other than"),
        ("y | se(w) ~ x + ar(t, gr=g)", {"w": 2.0}, ModelError, r"se\(\)"),
    ],
)
def test_what_has_no_sense_is_refused(formula, change, error, message):
    with pytest.raises(error, match=message):
        sl.Model(formula, table().assign(**change))


def test_families_without_sigma_and_priors_of_other_kinds_are_refused():
    with refused("residuals-not-possible", match="family 'student'"):
        sl.Model("y ~ x + ar(t, gr=g)", table(), "student")
    with refused("residuals-of-parameter"):
        sl.Model("y ~ x", table(), predictors={"sigma": "~ ar(t, gr=g)"})
    with pytest.raises(PriorError):
        sl.Model("y ~ x + ar(t, gr=g)", table(), priors={"ar": sl.priors.Normal(0, 1)})


@pytest.mark.slow
def test_folds_are_scored_given_the_rows_that_were_fitted(fit):
    """Of few rows a fold, what leaving one out says; rows that do not correlate are predicted worse."""
    folds, plain = (sl.kfold(m, 20, seed=1) for m in (fit.model, sl.Model("y ~ x", table(7, levels=60))))
    assert abs(folds.elpd - fit.loo().elpd) < 8
    assert folds.elpd > plain.elpd + 15


def test_times_are_counted_in_their_common_step():
    """An even power of a correlation would tell nothing of its sign."""
    data = table(8, levels=60, phi=-0.5)
    days = data.assign(t=14 * data["t"] + 700)
    one, other = (sl.Model("y ~ x + ar(t, gr=g)", d).fit(seed=1, progress=False) for d in (data, days))
    np.testing.assert_array_equal(one.tree["posterior"]["ar"], other.tree["posterior"]["ar"])
    assert "ar^(|t[i] - t[j]| / 14)" in str(other.model)
    new = pd.DataFrame({"x": 0.0, "g": 1, "t": [0, 14, 42]})
    assert other.predict(new, kind="response").shape == (4, 1000, 3)
    with refused("time-not-a-multiple", match="Multiples of 14"):
        other.predict(new.assign(t=[0, 15, 28]), kind="response")


def test_rows_outside_a_subset_have_no_times():
    data = table(9).assign(s=lambda d: d["t"] > 1)
    outside = data.copy()
    outside.loc[~outside["s"], "t"] = 0
    one = sl.Model("y | subset(s) ~ x + ar(t, gr=g)", outside).fit(seed=1, draws=300, progress=False)
    other = sl.Model("y ~ x + ar(t, gr=g)", data[data["s"]]).fit(seed=1, draws=300, progress=False)
    error = np.hypot(one.summary()["mcse_mean"], other.summary()["mcse_mean"])
    assert (abs(one.summary()["mean"] - other.summary()["mean"]) < 5 * error + 0.02).all()


def test_levels_whose_rows_correlate_have_no_estimates_alone(tmp_path):
    fit = sl.Model("y ~ x + (1 | g) + ar(t, gr=g)", table(10)).fit(seed=1, draws=300, progress=False)
    assert fit.effects("g")["no_pooling"].isna().all()
    with refused("no-estimates-alone"):
        fit.plot.shrinkage()
    fit.report(tmp_path / "page.html")
