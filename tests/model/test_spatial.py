"""Rows that depend on their neighbours, ``sar(W)``: densities by dense algebra, draws, scores, refusals."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.sparse import csr_array

import shoal as sl
from dense_marginals import check_adjoint, check_gradient, check_marginal, named_values
from refusals import refused
from shoal.criticism import calibration
from shoal.errors import DataError, FormulaError, ModelError, PriorError
from shoal.fit import row_blocks
from shoal.fit.pointwise import row_log_likelihood, total_log_likelihood
from shoal.model.prior_draws import draw_prior
from shoal.model.spatial import Spatial
from shoal.model.terms import residual_functions as functions

TYPES = pytest.mark.parametrize("kind", ["lag", "error"])
SIDE = 5
PRIORS = {"b": sl.priors.Normal(0, 1), "Intercept": sl.priors.Normal(0, 2)}
WEIGHTS = pytest.mark.parametrize("weights", ["rows", "plain", "nearest"])


def neighbours(weights="rows", side=SIDE):
    """Return weights of a square's cells: of rows that sum to one, of edges, of three near ones each."""
    i, j = np.divmod(np.arange(side * side), side)
    away = abs(np.subtract.outer(i, i)) + abs(np.subtract.outer(j, j)).astype(float)
    w = (away == 1).astype(float)
    if weights == "nearest":
        rng = np.random.default_rng(1)
        order = np.argsort(away + rng.uniform(0, 0.1, away.shape) + 9 * np.eye(len(away)), axis=1)
        w = np.zeros_like(away)
        np.put_along_axis(w, order[:, :3], 1 / 3, axis=1)
    if weights == "rows":
        w /= w.sum(axis=1, keepdims=True)
    labels = [f"c{a}-{b}" for a, b in zip(i, j, strict=True)]
    return pd.DataFrame(w, labels, labels)


def table(kind, seed=1, side=SIDE, rho=0.6, w=None):
    """Return cells in any order."""
    rng, w = np.random.default_rng(seed), neighbours(side=side) if w is None else w
    n = len(w)
    x, g = rng.normal(size=n), np.arange(n) % 4
    solve = np.linalg.inv(np.eye(n) - rho * w.to_numpy())
    eta, e = 1 + 0.5 * x, 0.7 * rng.normal(size=n)
    y = solve @ (eta + e) if kind == "lag" else eta + solve @ e
    data = pd.DataFrame({"y": y, "x": x, "g": g, "cell": w.index})
    return data.sample(frac=1.0, random_state=seed).reset_index(drop=True)


def model(data, kind, formula="y ~ x", w=None, **others):
    w = neighbours() if w is None else w
    return sl.Model(f"{formula} + sar(W, gr=cell, type='{kind}')", data, covariances={"W": w}, **others)


def dense(kind, data, w, rho):
    """Return A^-1, and what multiplies eta, of the table's rows."""
    own = w.loc[data["cell"], data["cell"]].to_numpy()
    solve = np.linalg.inv(np.eye(len(data)) - rho * own)
    return solve, solve if kind == "lag" else np.eye(len(data))


@TYPES
@WEIGHTS
@pytest.mark.parametrize("absent", [False, True])
def test_the_marginal_density_is_that_of_dense_algebra(kind, weights, absent):
    """With rows of weight 0, too: what is known of the others is their marginal density."""
    w, rng = neighbours(weights), np.random.default_rng(2)
    data = table(kind, 2).assign(w=1.0)
    if absent:
        data.loc[[3, 4, 11], "w"] = 0.0
    whole = "y | weights(w) ~ x + (1 | g)"
    p = model(data, kind, whole, w, priors=PRIORS).posterior()
    radius = p.model.designs[0].residuals.radius
    x, same = np.column_stack([np.ones(len(data)), data["x"]]), np.equal.outer(*(2 * [data["g"].to_numpy()]))
    for theta in rng.normal(0, 0.7, (4, p.target.n_theta)):
        values = named_values(p, theta)
        solve, of_mean = dense(kind, data, w, values["standard:sar"] / radius)
        effects = x @ np.diag([4.0, 1.0]) @ x.T + values["sd_g[Intercept]"] ** 2 * same
        covariance = values["sigma"] ** 2 * solve @ solve.T + of_mean @ effects @ of_mean.T
        check_marginal(p, theta, data["y"].where(data["w"] > 0).to_numpy(), covariance)


@TYPES
def test_the_gradient_is_the_slope_of_the_density(kind):
    check_gradient(model(table(kind, 3), kind, "y ~ x + (1 | g)").posterior().target)


@pytest.mark.parametrize("rho", [-0.9, 0.2, 0.95])
def test_its_precisions_have_these_derivatives(rho):
    pair = functions.simultaneous, functions.simultaneous_adjoint
    check_adjoint(*pair, [rho, 1.3], [2.0, 2.0, -1.5, 0.3, 0.3, 0.0, 0.0, 0.4, -0.4], 4)


@TYPES
@pytest.mark.parametrize("all_known", [True, False])
def test_given_the_others_a_row_is_what_dense_algebra_says(kind, all_known):
    data, rng = table(kind, 4), np.random.default_rng(4)
    spatial = model(data, kind).specification.designs[0].residuals
    n, rho, sigma = len(data), np.array([0.7, -0.4]), np.array([[1.3], [0.4]])
    there = np.ones(n, bool) if all_known else rng.random(n) < 0.7
    eta, y = rng.normal(size=(2, n)), data["y"].to_numpy()
    mean, variance = spatial.given_others(y, eta, sigma, there, {"sar": rho})
    joint = spatial.log_density(y, eta, sigma, there, {"sar": rho})
    for s in range(2):
        solve, of_mean = dense(kind, data, neighbours(), rho[s])
        center, covariance = of_mean @ eta[s], sigma[s] ** 2 * solve @ solve.T
        for i in range(n):
            others = there & (np.arange(n) != i)
            weights = np.linalg.solve(covariance[np.ix_(others, others)], covariance[others, i])
            np.testing.assert_allclose(mean[s, i], center[i] + weights @ (y - center)[others], rtol=1e-8)
            np.testing.assert_allclose(variance[s, i], covariance[i, i] - weights @ covariance[others, i])
        own = stats.multivariate_normal(center[there], covariance[np.ix_(there, there)])
        np.testing.assert_allclose(joint[s], own.logpdf(y[there]))


@TYPES
def test_responses_are_drawn_with_their_mean_and_covariance(kind):
    data = table(kind, 5, side=3, w=neighbours(side=3))
    spatial = model(data, kind, w=neighbours(side=3)).specification.designs[0].residuals
    eta, draws = np.linspace(-1, 1, 9), {"sar": np.full(5000, 0.6)}
    y = spatial.draw(np.random.default_rng(1), np.tile(eta, (5000, 1)), np.full((5000, 1), 0.5), draws)
    solve, of_mean = dense(kind, data, neighbours(side=3), 0.6)
    np.testing.assert_allclose(y.mean(0), of_mean @ eta, atol=0.03)
    np.testing.assert_allclose(np.cov(y.T), 0.25 * solve @ solve.T, atol=0.03)
    np.testing.assert_allclose(spatial.mean(eta[None], {"sar": np.array([0.6])})[0], of_mean @ eta)


@pytest.fixture(scope="module", params=["lag", "error"])
def fit(request):
    w = neighbours(side=15)
    return model(table(request.param, 6, 15), request.param, w=w).fit(seed=1, progress=False)


def kind_of(fit):
    return fit.results.model.designs[0].residuals.term.type


def test_what_rows_were_made_from_is_found_again(fit):
    found = fit.summary().loc[["Intercept", "x", "sigma", "sar"]]
    assert (abs(found["mean"] - [1.0, 0.5, 0.7, 0.6]) < 3.5 * found["sd"]).all()
    assert found["ess_bulk"].min() > 3000 and fit.diagnose().trustworthy
    assert fit.tree.attrs["sampler"] == "independence"


def test_it_is_exact_and_agrees_with_another_sampler(fit):
    other = fit.model.fit(seed=2, sampler="nuts", draws=500, progress=False).summary()
    own = fit.summary()
    error = np.hypot(own["mcse_mean"], other["mcse_mean"])
    assert (abs(own["mean"] - other["mean"]) < 4.5 * error).all()


@pytest.mark.slow
def test_scores_prefer_it_and_folds_agree(fit):
    kind, w = kind_of(fit), neighbours(side=15)
    plain = sl.Model("y ~ x", table(kind, 6, 15)).fit(seed=1, progress=False)
    one = fit.loo()
    assert one.elpd > plain.loo().elpd + 20
    assert "the others that its residual correlates with being known" in one.question
    assert abs(sl.kfold(fit.model, 15, seed=1).elpd - one.elpd) < 8
    assert total_log_likelihood(fit.results).shape == (4, 1000)
    with pytest.raises(ModelError, match="Whole units .cell."):
        fit.loo("cell")
    less = table(kind, 6, 15).assign(w=1.0)
    less.loc[7, "w"] = 0.0
    again = model(less, kind, "y | weights(w) ~ x", w).fit(seed=1, progress=False)
    ((_, values),) = row_log_likelihood(again.results)
    assert not values[:, 7].any() and np.isfinite(again.loo().elpd)
    # What the fit without the row says of it is what leaving it out of the whole fit does.
    there = np.arange(225) != 7
    draws = {n: v.values.reshape(4000, *v.shape[2:]) for n, v in again.tree["posterior"].items()}
    design = fit.results.model.designs[0]
    eta = draws["Intercept"][:, None] + draws["x"][:, None] * design.x[:, 1]
    mean, variance = design.residuals.given_others(design.rows.y, eta, draws["sigma"][:, None], there, draws)
    density = stats.norm.pdf(design.rows.y[7], mean[:, 7], np.sqrt(variance[:, 7])).mean()
    np.testing.assert_allclose(np.log(density), one.pointwise["elpd"].iloc[7], atol=0.05)


def test_what_all_rows_say_of_each_is_computed_once(fit, monkeypatch):
    asked, honest = [], Spatial.given_others
    monkeypatch.setattr(Spatial, "given_others", lambda *given: asked.append(1) or honest(*given))
    monkeypatch.setattr(row_blocks, "BLOCK", 40_000)  # ten rows of 4,000 draws
    assert len(fit.loo().pointwise) == 225
    assert len(asked) == 1


@pytest.mark.slow
def test_predictions_are_of_the_same_rows(fit):
    kind, w = kind_of(fit), neighbours(side=15)
    data = table(kind, 6, 15)
    draws = {n: v.values.reshape(4000) for n, v in fit.tree["posterior"].items()}
    mean = fit.predict().values.reshape(4000, -1)[3]
    _, of_mean = dense(kind, data, w, draws["sar"][3])
    eta = draws["Intercept"][3] + draws["x"][3] * data["x"].to_numpy()
    np.testing.assert_allclose(mean, of_mean @ eta, rtol=1e-6)
    np.testing.assert_allclose(fit.predict(kind="linear").values.reshape(4000, -1)[3], eta, rtol=1e-6)
    # Another order of the same cells is the same map.
    turned = data.iloc[::-1].reset_index(drop=True)
    np.testing.assert_allclose(fit.predict(turned).values.reshape(4000, -1)[3], mean[::-1], rtol=1e-6)
    assert fit.predict(data.iloc[:3], kind="linear").shape == (4, 1000, 3)
    assert fit.predict(turned, kind="response", draws=50).shape == (4, 50, 225)
    with pytest.raises(DataError, match="without a row in the table"):
        fit.predict(data.iloc[:3], kind="response")
    if kind == "lag":
        with pytest.raises(DataError, match="without a row in the table"):
            fit.predict(data.iloc[:3])
        # Where rows of W sum to one, a unit of x in all rows is worth b / (1 - rho).
        total = fit.contrast({"x": [1.0, 0.0]}).table["mean"].iloc[0]
        np.testing.assert_allclose(total, (draws["x"] / (1 - draws["sar"])).mean(), rtol=1e-6)
    else:
        assert fit.predict(data[["x"]].iloc[:3]).shape == (4, 1000, 3)


def test_the_default_intercept_leaves_room_for_what_neighbours_add():
    """Of responses far from zero the Intercept of a lag is ``(1 - rho)`` times their mean."""
    w, data = neighbours(side=15), table("lag", 6, 15)
    far = data.assign(y=data["y"] + 1000)
    found = [model(d, "lag", w=w).fit(seed=1, progress=False).summary() for d in (data, far)]
    assert abs(found[0].loc["sar", "mean"] - found[1].loc["sar", "mean"]) < 0.02
    prior = model(far, "lag", w=w).priors["Intercept"]
    assert prior.sigma > 1000 and model(far, "error", w=w).priors["Intercept"].sigma < 5
    groups = far.assign(k=np.where(far["x"] > 0, "a", "b"))
    cells = model(groups, "lag", "y ~ 0 + k", w).fit(seed=1, progress=False).summary()
    assert cells.loc["sar", "mean"] > 0.3


def test_shares_of_the_variance_are_refused():
    fit = model(table("error", 6, 15), "error", "y ~ x + (1 | g)", neighbours(side=15)).fit(
        seed=1, draws=200, progress=False
    )
    with refused("no-residual-variance"):
        fit.variance_partition()


@pytest.mark.slow
def test_it_is_printed_reported_and_saved(fit, tmp_path):
    text = str(fit.model)
    assert "-1 < sar < 1" in text and "LKJ(1)" in text and "sar sum_j W[i, j]" in text
    fit.save(tmp_path / "fit.nc")
    again = sl.load(tmp_path / "fit.nc")
    pd.testing.assert_frame_equal(again.summary(), fit.summary())
    np.testing.assert_allclose(again.loo().elpd, fit.loo().elpd)
    fit.report(tmp_path / "page.html")
    assert "their neighbours, as the matrix W has them" in (tmp_path / "page.html").read_text()
    assert {"sar", "sigma"} <= set(fit.sensitivity().index)
    fit.plot.ppc()


@TYPES
def test_prior_draws_and_calibration(kind):
    w = neighbours("plain")
    priors = {"sar": sl.priors.LKJ(3.0), "sigma": sl.priors.HalfNormal(1), **PRIORS}
    spec = model(table(kind), kind, w=w, priors=priors).specification
    drawn = draw_prior(spec, np.random.default_rng(1), 4000)
    radius = np.linalg.eigvalsh(w).max()
    assert stats.kstest((drawn["sar"] * radius + 1) / 2, stats.beta(3, 3).cdf).pvalue > 1e-3
    found = calibration._quantities(spec, {k: v[:3] for k, v in drawn.items()})["log likelihood"]
    data = table(kind)
    for s in range(3):
        solve, of_mean = dense(kind, data, w, drawn["sar"][s])
        eta = drawn["Intercept"][s] + drawn["x"][s] * data["x"].to_numpy()
        own = stats.multivariate_normal(of_mean @ eta, drawn["sigma"][s] ** 2 * solve @ solve.T)
        np.testing.assert_allclose(found[s], own.logpdf(data["y"]), rtol=1e-6)


@TYPES
def test_without_labels_rows_are_those_of_the_matrix(kind):
    data, w = table(kind, 7), neighbours()
    own = w.loc[data["cell"], data["cell"]].to_numpy()
    one = sl.Model(f"y ~ x + sar(W, type='{kind}')", data, covariances={"W": own}).fit(seed=1, progress=False)
    other = model(data, kind).fit(seed=1, progress=False)
    # The same draws but for the rounding of sums in another order.
    pd.testing.assert_frame_equal(one.summary(), other.summary(), rtol=1e-4)
    with refused("matrix-rows", match="has 3 rows"):
        one.predict(data.iloc[:3], kind="response")


W = neighbours()


@pytest.mark.parametrize(
    ("formula", "w", "error", "message"),
    [
        ("y ~ sar()", W, FormulaError, "name of a matrix"),
        ("y ~ sar(W, gr=log(cell))", W, FormulaError, "name of a column"),
        ("y ~ sar(W, type='car')", W, FormulaError, "between quotes: 'lag' or 'error'"),
        ("y ~ x:sar(W)", W, FormulaError, "stands alone"),
        ("y ~ sar(W) + cosy(gr=g)", W, FormulaError, "two correlations"),
        ("y ~ sar(V, gr=cell)", W, ModelError, "'V' of neighbours, which was not given"),
        ("y ~ sar(W, gr=cell)", W.to_numpy(), DataError, "has no labels"),
        ("y ~ sar(W)", W, DataError, "have labels, 'c0-0'"),
        ("y ~ sar(W)", W.to_numpy()[:9, :9], DataError, "has 25 rows, and the matrix 'W' 9"),
        ("y ~ sar(W, gr=cell)", W.iloc[:9, :9], DataError, "without a row in 'W': 'c"),
        (
            "y ~ sar(W, gr=g)",
            W.set_axis(range(25)).set_axis(range(25), axis=1),
            DataError,
            "without a row in the table",
        ),
        ("y ~ sar(W)", "W", DataError, "of type str, and holds no numbers"),
        ("y ~ sar(W, gr=cell)", W.iloc[:9], DataError, "not the same in rows and columns"),
        ("y ~ sar(W, gr=cell)", W + np.eye(25), DataError, "its diagonal is not zero"),
        ("y ~ sar(W, gr=cell)", 0 * W, DataError, "all of it is zero"),
        ("y ~ sar(W, gr=cell)", -W, DataError, "has the weight -0.5"),
        ("y ~ sar(W, gr=cell)", W * np.triu(np.ones((25, 25))), DataError, "eigenvalues of 'W' are zero"),
        ("y | weights(w) ~ sar(W, gr=cell)", W, ModelError, "weights other than"),
        ("y | subset(s) ~ x + sar(W, gr=cell)", W, ModelError, "with subset"),
    ],
)
def test_what_has_no_sense_is_refused(formula, w, error, message):
    with pytest.raises(error, match=message):
        sl.Model(formula, table("lag").assign(w=2.0, s=True), covariances={"W": w})


def test_a_sparse_matrix_is_its_numbers():
    data = table("lag")
    found, same = (
        sl.Model("y ~ x + sar(W)", data, covariances={"W": w}).design.residuals
        for w in (csr_array(W.to_numpy()), W.to_numpy())
    )
    np.testing.assert_array_equal(found.weights.toarray(), same.weights.toarray())


def test_cells_of_several_rows_families_and_predictors_are_refused():
    data = table("lag")
    with refused("labels-not-in-matrix"):
        model(pd.concat([data, data.iloc[:1]], ignore_index=True), "lag")
    with refused("residuals-not-possible", match="family 'student'"):
        model(data, "lag", family="student")
    with refused("residuals-not-possible"):
        model(data, "error", predictors={"sigma": "~ x"})
    with pytest.raises(PriorError):
        model(data, "lag", priors={"sar": sl.priors.Normal(0, 1)})
