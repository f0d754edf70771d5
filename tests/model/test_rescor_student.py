"""Student-t responses whose residuals correlate in each row and share nu, ``rescor=True``."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import shoal as sl
from refusals import refused
from shoal.criticism import calibration
from shoal.errors import ModelError
from shoal.fit.pointwise import row_log_likelihood
from shoal.model.predictors import linear_predictor, noise_of_responses
from shoal.model.prior_draws import draw_prior, simulate_responses

COR, NU, UNITS = 0.6, 3.0, {"y": 1.0, "w": 200.0}
PAIR = [sl.Response("y ~ x + (1 | g)", "student"), sl.Response("w ~ x", "student")]


def table(seed=3, rows=300):
    """Return two responses of very different units, far off together in some rows."""
    rng = np.random.default_rng(seed)
    g, x = rng.integers(0, 20, rows), rng.normal(size=rows)
    shape = np.array([[1.0, COR], [COR, 1.0]])
    t = stats.multivariate_t.rvs(None, shape, NU, rows, rng)
    y = 0.5 + 0.3 * x[:, None] + t
    y[:, 0] += 0.5 * rng.normal(size=20)[g]
    return pd.DataFrame(y * list(UNITS.values()), columns=list(UNITS)).assign(x=x, g=g)


@pytest.fixture(scope="module")
def fit():
    return sl.Model(PAIR, table(), rescor=True).fit(seed=1, progress=False)


def test_what_rows_were_made_from_is_found_again(fit):
    truth = {"rescor[w, y]": COR, "nu": NU, "y_sd_g[Intercept]": 0.5}
    truth |= {f"{name}_sigma": unit for name, unit in UNITS.items()}
    truth |= {f"{name}_x": 0.3 * unit for name, unit in UNITS.items()}
    found = fit.summary()
    assert found["ess_bulk"].min() > 1600 and fit.diagnose().trustworthy
    found = found.loc[list(truth)]
    assert (abs(found["mean"] - list(truth.values())) < 3.5 * found["sd"]).all()


def test_rows_are_scored_by_all_their_responses_together(fit):
    values = np.concatenate([own for _, own in row_log_likelihood(fit.results)], axis=1)
    draw, row = 1234, 17
    at = {name: v.values.reshape(4000, *v.shape[2:])[draw] for name, v in fit.tree["posterior"].items()}
    data = table().iloc[row]
    mean = np.array([at[f"{n}_Intercept"] + at[f"{n}_x"] * data["x"] for n in UNITS])
    mean[0] += at["y_r_g"][int(data["g"]), 0]
    sigma = np.array([at[f"{n}_sigma"] for n in UNITS])
    shape = at["rescor"] * np.outer(sigma, sigma)
    dense = stats.multivariate_t.logpdf(data[list(UNITS)].to_numpy(float), mean, shape, df=at["nu"])
    np.testing.assert_allclose(values[draw, row], dense, rtol=1e-5)


@pytest.mark.slow
def test_scores_tell_it_from_normal_rows(fit):
    normal = [sl.Response("y ~ x + (1 | g)"), sl.Response("w ~ x")]
    normal = sl.Model(normal, table(), rescor=True).fit(seed=1, progress=False)
    assert fit.loo().elpd > normal.loo().elpd + 20
    assert list(sl.compare({"student": fit, "normal": normal}).table.index) == ["student", "normal"]
    with pytest.raises(ModelError, match="residuals correlate"):
        fit.loo("g")


def test_new_responses_are_far_off_together(fit):
    new = pd.DataFrame({"x": [0.0], "g": [3]})
    drawn, linear = (fit.predict(new, kind=kind) for kind in ("response", "linear"))
    away = [(drawn[name] - linear[name]).values.ravel() for name in UNITS]
    # Kendall's correlation of an elliptical pair is 2 / pi asin(rho), whatever nu.
    np.testing.assert_allclose(np.sin(np.pi / 2 * stats.kendalltau(*away).statistic), COR, atol=0.1)
    alone = fit.predict(new, kind="response", response="w")
    np.testing.assert_array_equal(alone, drawn["w"])


def test_noise_is_multivariate_t():
    """A row's squared length, over their number, has an F distribution."""
    (design, _) = sl.Model(PAIR, table(), rescor=True).specification.designs
    matrix = np.array([[1.0, COR], [COR, 1.0]])
    noise = noise_of_responses(
        np.random.default_rng(1), design, {"rescor": matrix, "nu": np.array(NU)}, 50_000
    )
    square = (noise * np.linalg.solve(matrix, noise)).sum(0)
    assert stats.kstest(square / 2, stats.f(2, NU).cdf).pvalue > 0.001
    for own in noise:
        assert stats.kstest(own, stats.t(NU).cdf).pvalue > 0.001


@pytest.mark.slow
def test_it_is_printed_reported_and_saved(fit, tmp_path):
    text = str(fit.model)
    assert "residuals of a row correlate by rescor[y, w], and share nu" in text
    assert "StudentT(nu, eta_w, w_sigma)" in text and "y_nu" not in text
    fit.save(tmp_path / "fit.nc")
    again = sl.load(tmp_path / "fit.nc")
    pd.testing.assert_frame_equal(again.summary(), fit.summary())
    assert again.loo().elpd == fit.loo().elpd
    fit.report(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert "the other responses of the row, which share nu" in page and "rescor=True" in page
    assert fit.effects("g")["no_pooling"].notna().all()
    assert fit.sensitivity().loc["nu", "driver"]
    assert fit.test("nu < 30").table["probability"].item() > 0.99
    with pytest.raises(ModelError, match="Residuals that correlate"):
        fit.model.to_pymc()


def test_nu_is_one_of_the_model():
    data = table(rows=40)
    four = sl.Response("y ~ x", "student", predictors={"nu": 4})
    other = sl.Response("w ~ x", "student")
    assert sl.Model([four, other], data, rescor=True).priors["nu"] == sl.priors.Fixed(4)
    given = sl.Model([PAIR[0], other], data, rescor=True, priors={"nu": sl.priors.Gamma(4, 1)})
    assert given.priors["nu"] == sl.priors.Gamma(4, 1)
    with refused("unknown-parameter", match="(?s)no parameter 'y_nu'.*Did you mean 'nu'"):
        sl.Model([PAIR[0], other], data, rescor=True, priors={"y_nu": sl.priors.Gamma(4, 1)})
    five = sl.Response("w ~ x", "student", predictors={"nu": 5})
    with refused("held-with-prior", match=r"'nu' is held, Fixed\(5\), and has the prior Fixed\(4\)"):
        sl.Model([four, five], data, rescor=True)
    of_x = sl.Response("w ~ x", "student", predictors={"nu": "~ x"})
    with refused("residual-correlation", match="(?s)nu of 'w' has a predictor.*share one nu"):
        sl.Model([four, of_x], data, rescor=True)


def test_what_has_no_sense_is_refused():
    data = table(rows=40)
    with refused("residual-correlation", match="(?s)families 'student', 'gaussian'.*One family"):
        sl.Model([PAIR[0], sl.Response("w ~ x")], data, rescor=True)
    with refused("residual-correlation", match="(?s)'g' has family 'poisson'.*and those of student ones"):
        sl.Model([PAIR[1], sl.Response("g ~ x", "poisson")], data, rescor=True)
    late = data.assign(late=data["w"] > 100)
    with refused("residual-correlation", match=r"'w' has cens\(\)"):
        sl.Model([PAIR[0], sl.Response("w | cens(late) ~ x", "student")], late, rescor=True)
    with refused("residual-correlation", match="weights other than 0 and 1"):
        sl.Model([PAIR[0], sl.Response("w | weights(2) ~ x", "student")], data, rescor=True)


def test_calibration_ranks_the_density_of_all_responses_together():
    """By responses that are simulated from the prior, too."""
    spec = sl.Model(PAIR, table(rows=20), rescor=True).specification
    draws = draw_prior(spec, np.random.default_rng(1), 3)
    found = calibration._quantities(spec, draws)["log likelihood"]
    for s in range(3):
        at = {name: v[s] for name, v in draws.items()}
        sigma = np.array([at["y_sigma"], at["w_sigma"]])
        r = np.stack([d.rows.y - linear_predictor(d, at) for d in spec.designs], axis=1)
        shape = at["rescor"] * np.outer(sigma, sigma)
        dense = stats.multivariate_t.logpdf(r, None, shape, df=at["nu"])
        np.testing.assert_allclose(found[s], dense.sum(), rtol=1e-9)
        assert all(np.shape(y) == (20,) for y in simulate_responses(spec, at, np.random.default_rng(s)))
