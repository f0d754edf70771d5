"""Correlated residuals whose standard deviations differ: by time, by group of levels, by response."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import shoal as sl
from dense_marginals import check_gradient, check_marginal, named_values
from refusals import refused
from residual_tables import EACH, TERMS, correlation
from residual_tables import table as without_arms
from shoal.criticism import calibration
from shoal.errors import ModelError
from shoal.fit.pointwise import row_log_likelihood, total_log_likelihood
from shoal.model.prior_draws import draw_prior
from shoal.model.terms.coefficients import Coefficients
from shoal.model.terms.residual_correlation import ResidualCorrelation

PRIORS = {"b": sl.priors.Normal(0, 1), "Intercept": sl.priors.Normal(0, 2)}
SIGMA = pytest.mark.parametrize("sigma", ["~ 0 + v", "~ v", "~ v * arm", "~ arm + offset(x2)"])
SD = np.array([0.5, 1.0, 1.5, 2.5])
COR = 0.7 ** abs(np.subtract.outer(np.arange(4), np.arange(4)))


def table(seed=1, levels=12):
    data = without_arms(seed, levels)
    return data.assign(
        v=lambda d: pd.Categorical("v" + d["t"].astype(str)),
        arm=lambda d: np.where(d["g"] % 3 == 0, "a", "b"),
        x2=lambda d: 0.1 * (d["t"] % 2),
    )


def trial(seed=1, patients=120):
    """Return a trial of four visits, the last of which some patients miss."""
    rng = np.random.default_rng(seed)
    patient, visit = np.repeat(np.arange(patients), 4), np.tile(np.arange(4), patients)
    noise = (rng.normal(size=(patients, 4)) @ np.linalg.cholesky(COR).T * SD).ravel()
    arm = np.where(patient % 2, "drug", "placebo")
    score = 10 + visit + 0.5 * visit * (arm == "drug") + noise
    data = pd.DataFrame({"score": score, "patient": patient, "visit": visit, "arm": arm})
    data["visit"] = pd.Categorical("w" + data["visit"].astype(str))
    return data[(visit < 3) | (rng.random(len(data)) < 0.8)].reset_index(drop=True)


MMRM = "score ~ 0 + visit + visit:arm + unstr(visit, gr=patient)"


@EACH
@SIGMA
def test_the_marginal_density_is_that_of_dense_algebra(kind, sigma):
    """Each row's standard deviation is the exponential of its predictor, coefficient by coefficient."""
    data, rng = table(3), np.random.default_rng(3)
    # Default priors of columns that hardly vary are so wide that SciPy would take the matrix for singular.
    priors = PRIORS | ({"sigma_b": sl.priors.Normal(0, 0.5)} if "arm" in sigma else {})
    model = sl.Model(f"y ~ x + (1 | g) + {TERMS[kind]}", data, predictors={"sigma": sigma}, priors=priors)
    p = model.posterior()
    terms = [own.term for own in p.assembled.placed]
    (term,) = (own for own in terms if isinstance(own, ResidualCorrelation))
    (spread,) = (own for own in terms if isinstance(own, Coefficients) and own.sampled)
    x, same = np.column_stack([np.ones(len(data)), data["x"]]), np.equal.outer(*(2 * [data["g"].to_numpy()]))
    mean, scale, _ = spread.affine()
    for theta in rng.normal(0, 0.4, (3, p.target.n_theta)):
        values = named_values(p, theta)
        cor = correlation(kind, data, term.named({k: np.asarray(v) for k, v in values.items()})[kind])
        standard = np.array([values[f"standard:{name}"] for name in spread.design.columns])
        sd = np.exp(spread.design.offset + spread.design.x @ (mean + scale @ standard))
        covariance = cor * np.outer(sd, sd) + x @ np.diag([4.0, 1.0]) @ x.T
        covariance += values["sd_g[Intercept]"] ** 2 * same
        check_marginal(p, theta, data["y"].to_numpy(), covariance)


@EACH
def test_the_gradient_is_the_slope_of_the_density(kind):
    model = sl.Model(f"y ~ x + (1 | g) + {TERMS[kind]}", table(4), predictors={"sigma": "~ v + arm"})
    check_gradient(model.posterior().target)


def test_priors_that_are_not_normal_and_known_values_enter_the_same_density():
    given = {
        "sigma_v[v0]": sl.priors.StudentT(3, 0, 1),
        "sigma_v[v1]": sl.priors.Fixed(0.25),
        "sigma_b": sl.priors.Normal(0.1, 0.5),
    }
    data = table(5)
    model = sl.Model(f"y ~ x + {TERMS['ar']}", data, predictors={"sigma": "~ 0 + v"}, priors=PRIORS | given)
    p = model.posterior()
    x = np.column_stack([np.ones(len(data)), data["x"]])
    for theta in np.random.default_rng(1).normal(0, 0.5, (3, p.target.n_theta)):
        values = named_values(p, theta)
        log_sd = [values["sigma_v[v0]"], 0.25]
        log_sd += [0.1 + 0.5 * values[f"standard:sigma_v[v{k}]"] for k in range(2, 6)]
        sd = np.exp(np.array(log_sd))[data["t"]]
        covariance = correlation("ar", data, values["ar"]) * np.outer(sd, sd)
        check_marginal(p, theta, data["y"].to_numpy(), covariance + x @ np.diag([4.0, 1.0]) @ x.T)


@pytest.fixture(scope="module")
def fit():
    return sl.Model(MMRM, trial(), predictors={"sigma": "~ 0 + visit"}).fit(seed=1, progress=False)


def test_what_rows_were_made_from_is_found_again(fit):
    found, visits = fit.summary(), range(4)
    truth = {f"sigma_visit[w{k}]": np.log(SD[k]) for k in visits}
    truth |= {f"unstr[w{j}, w{k}]": COR[j, k] for k in visits for j in visits if k < j}
    truth |= {f"visit[w{k}]:arm[T.placebo]": -0.5 * k for k in visits}
    found = found.loc[list(truth)]
    assert (abs(found["mean"] - list(truth.values())) < 3.5 * found["sd"]).all()
    assert found["ess_bulk"].min() > 1600 and fit.diagnose().trustworthy


def test_a_small_trial_agrees_with_quadrature_of_the_dense_density():
    """Means integrated out by least squares, the rest by importance sampling."""
    rng = np.random.default_rng(5)
    y = 10 + (rng.normal(size=(24, 3)) @ np.linalg.cholesky(COR[:3, :3]).T) * SD[:3]
    y[::4, 2] = np.nan
    data = pd.DataFrame({"patient": np.repeat(np.arange(24), 3), "visit": np.tile(["a", "b", "c"], 24)})
    data = data.assign(score=y.ravel()).dropna()
    formula, sigma = "score ~ 0 + visit + unstr(visit, gr=patient)", {"sigma": "~ 0 + visit"}
    priors = {"b": sl.priors.Normal(10, 1e3), "sigma_b": sl.priors.Normal(0, 1), "unstr": sl.priors.LKJ(2)}
    found = sl.Model(formula, data, predictors=sigma, priors=priors).fit(seed=1, progress=False).summary()
    patterns = [(3, y[np.isfinite(y[:, 2])]), (2, y[~np.isfinite(y[:, 2])][:, :2])]

    def density(p):
        """Return the log density of log sds and correlations, (S, 6)."""
        matrix = np.repeat(np.eye(3)[None], len(p), 0)
        matrix[:, [1, 2, 2], [0, 0, 1]] = matrix[:, [0, 0, 1], [1, 2, 2]] = p[:, 3:]
        inside = np.linalg.eigvalsh(matrix)[:, 0] > 1e-9
        matrix[~inside] = np.eye(3)
        sd = np.exp(p[:, :3])
        covariance = matrix * sd[:, :, None] * sd[:, None]
        total = -0.5 * (p[:, :3] ** 2).sum(1) + np.linalg.slogdet(matrix)[1]  # of LKJ(2)
        precision, shift, squares = np.zeros_like(covariance), np.zeros((len(p), 3)), np.zeros(len(p))
        for m, rows in patterns:
            own = np.linalg.inv(covariance[:, :m, :m])
            precision[:, :m, :m] += len(rows) * own
            shift[:, :m] += own @ rows.sum(0)
            squares += np.einsum("ci,sij,cj->s", rows, own, rows)
            total += 0.5 * len(rows) * np.linalg.slogdet(own)[1]
        fitted = (shift * np.linalg.solve(precision, shift[..., None])[..., 0]).sum(1)
        return np.where(inside, total - 0.5 * (squares - fitted + np.linalg.slogdet(precision)[1]), -np.inf)

    center, spread = np.r_[np.log(np.nanstd(y, axis=0)), 0.5, 0.3, 0.5], 0.04 * np.eye(6)
    for turn in range(4):  # the last of which has the target's own mean and covariance
        proposal = stats.multivariate_t(center, spread, df=8, seed=turn)
        points = proposal.rvs(50_000)
        weight = density(points) - proposal.logpdf(points)
        weight = np.exp(weight - weight.max())
        weight /= weight.sum()
        center, spread = weight @ points, np.cov(points.T, aweights=weight)
    mean = weight @ points
    sd = np.sqrt(weight @ (points - mean) ** 2)
    names = [f"sigma_visit[{v}]" for v in "abc"] + ["unstr[b, a]", "unstr[c, a]", "unstr[c, b]"]
    error = np.hypot(found.loc[names, "mcse_mean"], sd * np.sqrt((weight**2).sum()))
    assert (abs(found.loc[names, "mean"] - mean) < 4 * error).all()
    np.testing.assert_allclose(found.loc[names, "sd"], sd, rtol=0.06)


def test_rows_are_scored_given_the_others_by_their_own_standard_deviations(fit):
    data = trial()
    code = data["visit"].cat.codes.to_numpy()
    ((_, values),) = row_log_likelihood(fit.results)
    draws = {name: v.values.reshape(4000, *v.shape[2:]) for name, v in fit.tree["posterior"].items()}
    s, patient = 1234, int(data["patient"].iloc[17])
    own = np.flatnonzero(data["patient"] == patient)
    eta = np.array([draws[f"visit[w{k}]"][s] for k in range(4)])
    eta = eta + np.array([draws[f"visit[w{k}]:arm[T.placebo]"][s] for k in range(4)]) * (patient % 2 == 0)
    sd = np.exp([draws[f"sigma_visit[w{k}]"][s] for k in range(4)])
    covariance = (draws["unstr"][s] * np.outer(sd, sd))[np.ix_(code[own], code[own])]
    y, mean = data["score"].to_numpy()[own], eta[code[own]]
    whole = stats.multivariate_normal.logpdf(y, mean, covariance)
    for i in range(len(own)):
        rest = np.arange(len(own)) != i
        less = stats.multivariate_normal.logpdf(y[rest], mean[rest], covariance[np.ix_(rest, rest)])
        np.testing.assert_allclose(values[s, own[i]], whole - less, rtol=1e-4, atol=1e-4)
    assert total_log_likelihood(fit.results).shape == (4, 1000)


@pytest.mark.slow
def test_new_responses_spread_as_their_visits_do(fit):
    new = pd.DataFrame({"patient": 999, "arm": "drug", "visit": [f"w{k}" for k in range(4)]})
    away = (fit.predict(new, kind="response") - fit.predict(new)).values.reshape(-1, 4)
    posterior = fit.tree["posterior"]
    sd = np.exp(np.stack([posterior[f"sigma_visit[w{k}]"].values.ravel() for k in range(4)], axis=1))
    np.testing.assert_allclose(away.std(0), np.sqrt((sd**2).mean(0)), rtol=0.05)
    covariance = (posterior["unstr"].values.reshape(-1, 4, 4) * sd[:, :, None] * sd[:, None, :]).mean(0)
    unit = np.sqrt(np.diagonal(covariance))
    np.testing.assert_allclose(np.corrcoef(away.T), covariance / np.outer(unit, unit), atol=0.06)
    # Of the others that a row's residual correlates with, a fold leaves out a fifth.
    assert -30 < sl.kfold(fit.model, 5, seed=1).elpd - fit.loo().elpd < 0


@pytest.mark.slow
def test_it_is_printed_reported_and_saved(fit, tmp_path):
    text = str(fit.model)
    assert "log(sigma[i]) = b[sigma_visit[w0]] visit[w0][i]" in text
    assert "residuals correlate by unstr[visit[i], visit[j]] where patient is the same" in text
    fit.save(tmp_path / "fit.nc")
    pd.testing.assert_frame_equal(sl.load(tmp_path / "fit.nc").summary(), fit.summary())
    fit.report(tmp_path / "page.html")
    assert {"sigma_visit[w0]", "unstr[w1, w0]"} <= set(fit.sensitivity().index)


def test_calibration_ranks_the_joint_density():
    priors = {"sigma_b": sl.priors.Normal(0, 0.5)}
    model = sl.Model(f"y ~ x + {TERMS['cosy']}", table(6), predictors={"sigma": "~ 0 + v"}, priors=priors)
    spec = model.specification
    draws = draw_prior(spec, np.random.default_rng(1), 3)
    found = calibration._quantities(spec, draws)["log likelihood"]
    data = table(6)
    for s in range(3):
        sd = np.exp([draws[f"sigma_v[v{k}]"][s] for k in range(6)])[data["t"]]
        eta = draws["Intercept"][s] + draws["x"][s] * data["x"]
        covariance = correlation("cosy", data, draws["cosy"][s]) * np.outer(sd, sd)
        np.testing.assert_allclose(found[s], stats.multivariate_normal.logpdf(data["y"], eta, covariance))


def test_sigmas_of_several_responses_have_predictors():
    data = table(7)
    data["z"] = np.random.default_rng(7).normal(size=len(data))
    pair = [
        sl.Response("y ~ x", predictors={"sigma": "~ 0 + arm"}),
        sl.Response("z ~ x", predictors={"sigma": "~ t"}),
    ]
    p = sl.Model(pair, data, priors=PRIORS, rescor=True).posterior()
    terms = [own.term for own in p.assembled.placed]
    (term,) = (own for own in terms if isinstance(own, ResidualCorrelation))
    spreads = [own for own in terms if isinstance(own, Coefficients) and own.sampled]
    n, x = len(data), np.zeros((2 * len(data), 4))
    x[:n, :2] = x[n:, 2:] = np.column_stack([np.ones(n), data["x"]])
    for theta in np.random.default_rng(1).normal(0, 0.4, (3, p.target.n_theta)):
        values = named_values(p, theta)
        cor = term.named({k: np.asarray(v) for k, v in values.items()})["rescor"]
        sd = []
        for own in spreads:
            mean, scale, _ = own.affine()
            standard = np.array([values[f"standard:{name}"] for name in own.design.columns])
            sd.append(np.exp(own.design.x @ (mean + scale @ standard)))
        sd = np.concatenate(sd)
        covariance = np.kron(cor, np.eye(n)) * np.outer(sd, sd) + x @ np.diag([4.0, 1.0] * 2) @ x.T
        check_marginal(p, theta, np.concatenate([data["y"], data["z"]]), covariance)
    check_gradient(p.target)


@pytest.mark.parametrize(
    ("sigma", "message"),
    [
        ("~ x", "different values"),
        ("~ (1 | arm)", "a group term"),
        ("~ s(x)", "a curve"),
        ("~ mo(t)", "a curve"),
    ],
)
def test_standard_deviations_that_are_not_few_are_refused(sigma, message):
    with pytest.raises(ModelError, match=message):
        sl.Model(f"y ~ x + {TERMS['ar']}", table(1, 40), predictors={"sigma": sigma})


def test_slopes_of_sigma_have_no_shrinkage_prior():
    with refused("prior-support"):
        sl.Model(
            f"y ~ x + {TERMS['ar']}",
            table(),
            predictors={"sigma": "~ v"},
            priors={"sigma_b": sl.priors.Horseshoe()},
        )


def test_steps_between_too_many_kinds_of_rows_are_refused():
    rng = np.random.default_rng(1)
    data = pd.DataFrame({"g": np.repeat(np.arange(200), 4), "y": rng.normal(size=800)})
    data["t"] = np.sort(rng.permuted(np.tile(np.arange(50), (200, 1)), axis=1)[:, :4], axis=1).ravel()
    with refused("too-many-spreads", match="differ in 4.. ways"):
        sl.Model("y ~ 1 + ar(t, gr=g)", data, predictors={"sigma": "~ t"})
