"""Residuals of several responses that correlate in each row, ``rescor=True``."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import shoal as sl
from dense_marginals import check_marginal, named_values
from refusals import refused
from shoal.criticism import calibration
from shoal.errors import ModelError
from shoal.fit.pointwise import row_log_likelihood
from shoal.model.predictors import linear_predictor
from shoal.model.prior_draws import draw_prior
from shoal.model.terms.residual_correlation import ResidualCorrelation

COR = np.array([[1.0, 0.6, -0.3], [0.6, 1.0, 0.1], [-0.3, 0.1, 1.0]])
PRIORS = {"b": sl.priors.Normal(0, 1), "Intercept": sl.priors.Normal(0, 2)}
UNITS = {"a": 1.0, "b": 200.0, "c": 0.01}


def table(seed=1, rows=300):
    """Return three responses of very different units."""
    rng = np.random.default_rng(seed)
    g, x = rng.integers(0, 20, rows), rng.normal(size=rows)
    noise = rng.normal(size=(rows, 3)) @ np.linalg.cholesky(COR).T
    y = 0.5 + 0.3 * x[:, None] + 0.5 * rng.normal(size=(20, 3))[g] + noise
    return pd.DataFrame(y * list(UNITS.values()), columns=list(UNITS)).assign(x=x, g=g)


def responses(formula="~ x + (1 | g)", names="abc"):
    return [sl.Response(f"{name} {formula}") for name in names]


@pytest.mark.parametrize("seed", range(3))
def test_the_marginal_density_is_that_of_dense_algebra(seed):
    """With some responses missing from rows, by subset: y is normal, its covariance written out."""
    rng, data = np.random.default_rng(seed), table(seed, 25)[["a", "c", "x", "g"]]
    data["there"] = rng.random(25) < 0.7
    pair = [sl.Response("a ~ x + (1 | g)"), sl.Response("c | subset(there) ~ x")]
    p = sl.Model(pair, data, priors=PRIORS, rescor=True).posterior()
    (term,) = (own.term for own in p.assembled.placed if isinstance(own.term, ResidualCorrelation))
    own, x = np.column_stack([np.ones(25), data["x"]]), np.zeros((50, 4))
    x[:25, :2], x[25:, 2:] = own, own
    same = np.zeros((50, 50))
    same[:25, :25] = np.equal.outer(data["g"].to_numpy(), data["g"].to_numpy())
    for theta in rng.normal(0, 0.7, (4, p.target.n_theta)):
        values = named_values(p, theta)
        cor = term.named({k: np.asarray(v) for k, v in values.items()})["rescor"]
        sigma = np.array([values["a_sigma"], values["c_sigma"]])
        covariance = np.kron(cor * np.outer(sigma, sigma), np.eye(25))
        covariance += x @ np.diag([4.0, 1.0] * 2) @ x.T + values["a_sd_g[Intercept]"] ** 2 * same
        y = np.concatenate([data["a"], data["c"].where(data["there"])])
        check_marginal(p, theta, y, covariance)


@pytest.fixture(scope="module")
def fit():
    return sl.Model(responses(), table(), rescor=True).fit(seed=1, progress=False)


def test_what_rows_were_made_from_is_found_again(fit):
    found = fit.summary()
    truth = {"rescor[b, a]": 0.6, "rescor[c, a]": -0.3, "rescor[c, b]": 0.1}
    truth |= {f"{name}_sigma": unit for name, unit in UNITS.items()}
    truth |= {f"{name}_x": 0.3 * unit for name, unit in UNITS.items()}
    found = found.loc[list(truth)]
    assert (abs(found["mean"] - list(truth.values())) < 3.5 * found["sd"]).all()
    assert found["ess_bulk"].min() > 1600 and fit.diagnose().trustworthy


@pytest.mark.slow
def test_rows_are_scored_by_all_their_responses_together(fit):
    values = np.concatenate([own for _, own in row_log_likelihood(fit.results)], axis=1)
    draw, row = 1234, 17
    at = {name: v.values.reshape(4000, *v.shape[2:])[draw] for name, v in fit.tree["posterior"].items()}
    data = table().iloc[row]
    mean = [
        at[f"{n}_Intercept"] + at[f"{n}_x"] * data["x"] + at[f"{n}_r_g"][int(data["g"]), 0] for n in "abc"
    ]
    sigma = np.array([at[f"{n}_sigma"] for n in "abc"])
    dense = stats.multivariate_normal.logpdf(data[list("abc")], mean, at["rescor"] * np.outer(sigma, sigma))
    np.testing.assert_allclose(values[draw, row], dense, rtol=1e-5)
    apart = sl.Model(responses(), table()).fit(seed=1, progress=False)
    assert fit.loo().elpd > apart.loo().elpd + 20
    with pytest.raises(ModelError, match="residuals correlate"):
        fit.loo("g")
    assert abs(sl.kfold(fit.model, 3, seed=1).elpd - fit.loo().elpd) < 15


def test_new_responses_correlate(fit):
    new = pd.DataFrame({"x": [0.0], "g": [3]})
    drawn, linear = (fit.predict(new, kind=kind) for kind in ("response", "linear"))
    away = np.stack([(drawn[name] - linear[name]).values.ravel() for name in "abc"])
    np.testing.assert_allclose(np.corrcoef(away), COR, atol=0.12)
    alone = fit.predict(new, kind="response", response="b")
    np.testing.assert_array_equal(alone, drawn["b"])


@pytest.mark.slow
def test_it_is_printed_reported_and_saved(fit, tmp_path):
    assert "residuals of a row correlate by rescor[a, b, c]" in str(fit.model)
    fit.save(tmp_path / "fit.nc")
    again = sl.load(tmp_path / "fit.nc")
    pd.testing.assert_frame_equal(again.summary(), fit.summary())
    assert again.loo().elpd == fit.loo().elpd
    fit.report(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert "correlates with those of the other responses" in page and "rescor=True" in page


def test_what_has_no_sense_is_refused():
    data = table()
    with refused("residual-correlation"):
        sl.Model("a ~ x", data, rescor=True)
    with refused("residual-correlation", match="families 'gaussian', 'student'"):
        sl.Model([*responses(names="ab"), sl.Response("c ~ x", "student")], data, rescor=True)
    with refused("residual-correlation"):
        sl.Model([*responses(names="ab"), sl.Response("c ~ x + cosy(gr=g)")], data, rescor=True)
    with refused("residual-correlation"):
        late = data.assign(late=data["b"] > 100)
        sl.Model([sl.Response("a ~ x"), sl.Response("b | cens(late) ~ x")], late, rescor=True)
    with refused("unknown-choice", match="rescor='no'"):
        sl.Model(responses(names="ab"), data, rescor="no")
    with refused("too-many-spreads", match="300 different values"):
        sl.Model([sl.Response("a ~ x"), sl.Response("b ~ x", predictors={"sigma": "~ x"})], data, rescor=True)


def test_calibration_ranks_the_density_of_all_responses_together():
    spec = sl.Model(responses(names="ac"), table(rows=20), rescor=True).specification
    draws = draw_prior(spec, np.random.default_rng(1), 3)
    found = calibration._quantities(spec, draws)["log likelihood"]
    for s in range(3):
        at = {name: v[s] for name, v in draws.items()}
        sigma = np.array([at["a_sigma"], at["c_sigma"]])
        r = np.stack([d.rows.y - linear_predictor(d, at) for d in spec.designs], axis=1)
        dense = stats.multivariate_normal(np.zeros(2), at["rescor"] * np.outer(sigma, sigma))
        np.testing.assert_allclose(found[s], dense.logpdf(r).sum(), rtol=1e-9)
