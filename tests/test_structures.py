"""Fits of several factors, Student-t groups, known covariances, latents and ordered responses agree.

With exact posteriors where all is normal given the standard deviations, else with NUTS in noncentered
coordinates, which shares neither the map nor the sampler with a fit as planned.
"""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import oracles
import shoal as sl
from shoal.errors import ShoalWarning

P = sl.priors
SEED = 31
FALSE_ALARM = 2 * stats.norm.sf(4)  # of one comparison: 4 errors for a scalar, more for many quantities


def limit(count):
    return stats.norm.isf(FALSE_ALARM / 2 / count)


def gamma(x):
    return stats.gamma.logpdf(x, 2, scale=0.5)


SDS = {"sd": P.Gamma(2, 2), "sigma": P.Gamma(2, 2), "Intercept": P.Normal(0, 2)}


def crossed(rows=60, a=6, b=4, seed=3):
    """Return rows of every kind of response, crossed by two factors with effects of sd 0.8 and 0.5."""
    rng = np.random.default_rng(seed)
    i, j, x = rng.integers(0, a, rows), rng.integers(0, b, rows), rng.normal(size=rows)
    i[:a], j[:b] = np.arange(a), np.arange(b)  # every level is there
    eta = 0.3 + 0.5 * x + 0.8 * rng.normal(size=a)[i] + 0.5 * rng.normal(size=b)[j]
    return pd.DataFrame(
        {
            "y": eta + 0.7 * rng.normal(size=rows),
            "bit": rng.binomial(1, 1 / (1 + np.exp(-eta))),
            "count": rng.poisson(np.exp(eta)),
            "grade": np.digitize(eta + rng.logistic(size=rows), [-1, 0.3, 1.5]),
            "k": rng.binomial(5, 1 / (1 + np.exp(-eta))),
            "n": 5,
            "x": x,
            "a": i,
            "b": np.array(list("pqrstuvw"))[j],
        }
    )


def covariance(size):
    """Neighbours are alike."""
    return 0.6 ** np.abs(np.subtract.outer(np.arange(size), np.arange(size)))


def indicator(column):
    return np.eye(column.nunique())[pd.factorize(column, sort=True)[0]]


def assert_agrees(fit, exact, names):
    p = fit.tree["posterior"]
    for name, own in names.items():
        draws = p[own].values.reshape(*p[own].shape[:2], -1)
        scores = oracles.z_scores(draws, np.ravel(exact.mean[name]), np.ravel(exact.sd[name]))
        assert abs(scores).max() < limit(scores.size), f"{own}: {scores.round(2)}"


def crossed_oracle(table, refine=1.0):
    parts = {g: (indicator(table[g]), gamma) for g in ("a", "b")}
    return oracles.variance_components(table["y"], parts, (0.0, 2.0), gamma, refine)


def known_oracle(table, refine=1.0):
    root = np.linalg.cholesky(covariance(table["a"].nunique()))
    parts = {"a": (indicator(table["a"]) @ root, gamma)}
    return oracles.variance_components(table["y"], parts, (0.0, 2.0), gamma, refine)


@pytest.mark.parametrize("oracle", [crossed_oracle, known_oracle])
def test_quadrature_of_variance_components_is_exact(oracle):
    coarse, fine = oracle(crossed()), oracle(crossed(), 1.25)
    for name in fine.mean:
        np.testing.assert_allclose(coarse.mean[name], fine.mean[name], atol=1e-3 * np.max(fine.sd[name]))
        np.testing.assert_allclose(coarse.sd[name], fine.sd[name], rtol=1e-3)


@pytest.mark.parametrize("how", [{}, {"sampler": "hmc"}], ids=["auto", "hmc"])
def test_crossed_gaussian_is_exact(how):
    table = crossed()
    fit = sl.Model("y ~ 1 + (1 | a) + (1 | b)", table, priors=SDS).fit(seed=SEED, **how)
    names = {"mu": "Intercept", "sigma": "sigma", **{n: n for n in ("sd_a", "sd_b", "r_a", "r_b")}}
    assert_agrees(fit, crossed_oracle(table), names)
    assert fit.diagnose().ok


def test_known_covariance_between_levels_is_exact():
    """Effects are a root of the covariance times independent ones, which the oracle has."""
    table = crossed()
    k = covariance(6)
    model = sl.Model("y ~ 1 + (1 | gr(a, cov=K))", table, priors=SDS, covariances={"K": k})
    fit = model.fit(seed=SEED)
    exact = known_oracle(table)
    assert_agrees(fit, exact, {"mu": "Intercept", "sigma": "sigma", "sd_a": "sd_a"})
    independent = fit.tree["posterior"]["r_a"].values[..., 0] @ np.linalg.inv(np.linalg.cholesky(k)).T
    scores = oracles.z_scores(independent, exact.mean["r_a"], exact.sd["r_a"])
    assert abs(scores).max() < limit(scores.size)


MODELS = {
    "crossed bernoulli": ("bit ~ x + (1 | a) + (1 | b)", "bernoulli"),
    "crossed slopes": ("y ~ x + (1 + x | a) + (1 | b)", "gaussian"),
    "zero-sum and crossed": ("k | trials(n) ~ x + (1 | gr(a, zero_sum=True)) + (1 | b)", "binomial"),
    "student effects": ("y ~ x + (1 | gr(a, dist='student')) + (1 | b)", "gaussian"),
    "correlated student effects": ("bit ~ x + (1 + x | gr(a, dist='student'))", "bernoulli"),
    "known covariance": ("bit ~ x + (1 | gr(a, cov=K)) + (1 | b)", "bernoulli"),
    "ordered": ("grade ~ x + (1 | a) + (1 | b)", "cumulative"),
    "ordered, probit": ("grade ~ x + (1 + x | a)", "cumulative(probit)"),
    "counts": ("count ~ x + (1 | a/b)", "poisson"),
    "overdispersed counts": ("count ~ x + (1 | a)", "negbinomial"),
    "horseshoe": ("bit ~ x + y + (1 | a)", "bernoulli"),
    "latent": (
        [sl.Response("bit ~ x + latent(u | a)", "bernoulli"), sl.Response("y ~ x + (1 | b) + latent(u | a)")],
        None,
    ),
}


def model_of(name):
    formula, family = MODELS[name]
    options = {"family": family} if family else {}
    covariances = {"K": covariance(6)} if "cov=K" in str(formula) else None
    priors = {"b": P.Horseshoe(0.5)} if name == "horseshoe" else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ShoalWarning)
        return sl.Model(formula, crossed(150), priors=priors, covariances=covariances, **options)


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_the_planned_fit_agrees_with_nuts_in_noncentered_coordinates(name):
    model = model_of(name)
    fits = [
        model.fit(seed=SEED, draws=2000),
        model.fit(seed=SEED + 1, draws=3000, coordinates="noncentered", target_accept=0.95),
    ]
    assert not [f for f in fits[0].diagnose() if f.severity == "error"], fits[0].diagnose()
    one, other = (fit.tree["posterior"].to_dataset() for fit in fits)
    assert list(one.data_vars) == list(other.data_vars)
    scores = {}
    for variable in one.data_vars:
        draws = [p[variable].values.reshape(*p[variable].shape[:2], -1) for p in (one, other)]
        vary = [np.ptp(d, axis=(0, 1)) > 1e-9 for d in draws]  # correlations of one with itself do not
        np.testing.assert_array_equal(*vary)
        scores[variable] = oracles.distances(draws[0][..., vary[0]], draws[1][..., vary[0]])
    worst = {variable: abs(s).max(initial=0).round(2) for variable, s in scores.items()}
    assert max(worst.values()) < limit(sum(s.size for s in scores.values())), worst
