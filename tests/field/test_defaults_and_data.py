"""Default priors of locations and scales: they follow what the data can know, and decide nothing."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, special, stats
from scipy.optimize import minimize

import shoal as sl

P = sl.priors


def draws(fit, name):
    return fit.tree["posterior"][name].values


@pytest.mark.parametrize(("studies", "se"), [(4, 0.5), (2, 1.0)])
def test_a_mean_of_studies_is_known_no_better_than_their_errors_allow(studies, se):
    y = 0.07 + 0.01 * np.arange(studies)
    table = pd.DataFrame({"y": y, "s": np.full(studies, se)})
    model = sl.Model("y | se(s) ~ 1", table)
    prior = model.priors["Intercept"]
    sd = draws(model.fit(seed=1), "Intercept").std()
    assert sd == pytest.approx((studies / se**2 + prior.sigma**-2.0) ** -0.5, rel=0.05)
    assert sd > 0.95 * se / math.sqrt(studies)


def test_errors_of_all_sizes_leave_the_scale_to_the_usual_ones():
    table = pd.DataFrame({"y": [1.0, 1.2, 0.8, 1.1, 40.0], "s": [1e-6, 0.1, 0.2, 0.3, 100.0]})
    prior = sl.Model("y | se(s) ~ 1", table).priors["Intercept"]
    assert prior.mu == pytest.approx(1.1) and 0.5 < prior.sigma < 2


@pytest.mark.parametrize("family", ["bernoulli", "binomial"])
def test_rare_events_stay_as_rare_as_they_are(family):
    """2 of 2,002 rows: the log odds under a flat prior have the mean digamma(2) - digamma(2,000)."""
    if family == "bernoulli":
        table, formula = pd.DataFrame({"y": [1] * 2 + [0] * 2000}), "y ~ 1"
    else:
        table, formula = pd.DataFrame({"y": [2, 0], "n": [1001, 1001]}), "y | trials(n) ~ 1"
    model = sl.Model(formula, table, family)
    prior = model.priors["Intercept"]

    def density(eta):
        return math.exp(2 * eta - 2002 * np.logaddexp(0, eta) + 16) * stats.norm.pdf(eta, *prior.params)

    total, mean = (integrate.quad(lambda e, p=p: e**p * density(e), -14, -3)[0] for p in (0, 1))
    found = draws(model.fit(seed=1), "Intercept")
    assert found.mean() == pytest.approx(mean / total, abs=4.5 * found.std() / 60)
    assert abs(mean / total - (special.digamma(2) - special.digamma(2000))) < 0.2 * found.std()


@pytest.mark.parametrize(("mean", "shape"), [(1000.0, 1000.0), (1e5, np.inf), (5.0, 2.0)])
def test_overdispersion_is_found_down_to_none(mean, shape):
    rng = np.random.default_rng(4)
    rate = mean if np.isinf(shape) else rng.gamma(shape, mean / shape, 400)
    table = pd.DataFrame({"y": rng.poisson(rate, 400)})
    found = draws(sl.Model("y ~ 1", table, "negbinomial").fit(seed=1), "shape")
    low, high = np.quantile(found, [0.005, 0.995])
    assert low < shape and (high > shape or np.isinf(shape))
    excess = np.sqrt(1 + mean / np.quantile(found, 0.5))  # of the predictive sd over a Poisson's
    assert excess == pytest.approx(np.sqrt(1 + mean / shape), rel=0.15)


def test_a_few_rows_far_out_do_not_set_the_scale_of_a_slope():
    """Half of x below 1e-11, a few at 10: the maximum likelihood estimate lies inside the 90% interval."""
    rng = np.random.default_rng(8)
    x = np.concatenate([rng.uniform(0, 1e-11, 200), rng.exponential(0.1, 193), np.full(7, 10.0)])
    y = rng.random(400) < special.expit(-1 + 6.4 * x)
    model = sl.Model("y ~ x", pd.DataFrame({"x": x, "y": y.astype(int)}), "bernoulli")

    def loss(b):
        return -(y * (b[0] + b[1] * x) - np.logaddexp(0, b[0] + b[1] * x)).sum()

    most_likely = minimize(loss, [0.0, 1.0]).x[1]
    low, high = np.quantile(draws(model.fit(seed=1), "x"), [0.05, 0.95])
    assert low < most_likely < high


@pytest.mark.slow
def test_default_cutpoints_decide_nothing_where_categories_spread():
    rng = np.random.default_rng(5)
    x = rng.normal(size=300)
    latent = 2 * x + rng.logistic(size=300)
    table = pd.DataFrame({"y": np.searchsorted([-6.0, -2.0, 2.0, 6.0], latent), "x": x})
    own = sl.Model("y ~ x", table, "cumulative").fit(seed=1)
    wide = sl.Model("y ~ x", table, "cumulative", {"cutpoints": P.Normal(0, 10)}).fit(seed=1)
    away = (draws(own, "cutpoints") - draws(wide, "cutpoints")).mean((0, 1))
    assert np.abs(away / draws(wide, "cutpoints").std((0, 1))).max() < 0.35


@pytest.mark.slow
def test_student_cutpoints_leave_categories_where_they_are():
    """Heavy tails: outer cutpoints are those of a wide normal prior, and Normal(0, 1.5) moves them."""
    rng = np.random.default_rng(4)
    latent = 1.0 * rng.normal(size=600) + rng.logistic(size=600)
    table = pd.DataFrame({"y": np.digitize(latent, [-6.0, 0.0, 6.0]), "x": rng.normal(size=600)})
    fits = {
        name: sl.Model("y ~ x", table, "cumulative", {"cutpoints": prior}).fit(seed=1)
        for name, prior in {
            "student": P.StudentT(3, 0, 2.5),
            "wide": P.Normal(0, 20),
            "narrow": P.Normal(0, 1.5),
        }.items()
    }
    outer = {name: fit.tree["posterior"]["cutpoints"].values[..., -1] for name, fit in fits.items()}
    sd = outer["wide"].std()
    assert abs(outer["student"].mean() - outer["wide"].mean()) < 0.4 * sd
    assert outer["narrow"].mean() < outer["wide"].mean() - 0.6 * sd
    assert all(fit.diagnose().trustworthy for fit in fits.values())
