"""Gaussian processes: their basis is near the exact covariance where the rules say so, and told where not."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.integrate import quad

import shoal as sl
from curve_table import table
from shoal.errors import DataError, FormulaError, ShoalWarning
from shoal.formula import parse
from shoal.model.bases import hilbert
from shoal.model.terms.gaussian_processes import between

KINDS = pytest.mark.parametrize("kind", hilbert.SMOOTHNESS)


def basis_of(formula, x):
    (term,) = parse(formula).curves
    return hilbert.learn(term, pd.DataFrame({"x": x}), np.ones(len(x)))


def dense(kind, x, length):
    """Rasmussen and Williams (2006), equations 4.9 and 4.17."""
    r = np.abs(x[:, None] - x) / length
    if kind == "exp_quad":
        return np.exp(-(r**2) / 2)
    if kind == "matern15":
        return (1 + np.sqrt(3) * r) * np.exp(-np.sqrt(3) * r)
    return (1 + np.sqrt(5) * r + 5 * r**2 / 3) * np.exp(-np.sqrt(5) * r)


@KINDS
@pytest.mark.parametrize("length", [0.1, 0.3, 1.0])
def test_the_default_basis_has_the_covariance_of_the_process(kind, length):
    x = np.linspace(7, 11, 40)  # half of the range is 2
    basis = basis_of(f"y ~ gp(x, cov={kind!r})", x)
    columns = basis.columns(x[:, None])
    ours = columns * basis.spectral_density(2 * length) @ columns.T
    exact = dense(kind, x, 2 * length)
    np.testing.assert_allclose(basis.covariance(x[:, None] - x, 2 * length), exact, atol=1e-8)
    np.testing.assert_allclose(ours, exact, atol=0.03)
    assert basis.error(2 * length) < 0.03


@KINDS
def test_more_functions_in_a_wider_interval_have_the_exact_covariance(kind):
    x = np.linspace(-1, 1, 30)
    basis = basis_of(f"y ~ gp(x, cov={kind!r}, k=100, c=5)", x)
    columns = basis.columns(x[:, None])
    ours = columns * basis.spectral_density(0.8) @ columns.T
    np.testing.assert_allclose(ours, dense(kind, x, 0.8), atol=1e-8 if kind == "exp_quad" else 2e-3)


@KINDS
def test_the_spectral_density_is_the_transform_of_the_covariance(kind):
    basis = basis_of(f"y ~ gp(x, k=6, cov={kind!r})", np.array([0.0, 3.0]))
    for w, found in zip(basis.frequencies, basis.spectral_density(0.7), strict=True):
        value, _ = quad(lambda r: dense(kind, np.array([0.0, r]), 0.7)[0, 1], 0, 30, weight="cos", wvar=w)
        np.testing.assert_allclose(found, 2 * value, rtol=1e-6, atol=1e-10)


@KINDS
def test_the_rules_are_followed_and_say_what_would_be_enough(kind):
    x, smoothness = np.linspace(0, 1, 9), hilbert.SMOOTHNESS[kind]
    basis = basis_of(f"y ~ gp(x, cov={kind!r}, c=1.2, k=3)", x)
    assert (basis.functions, basis.boundary) == (3, 1.2)
    assert basis.error(0.05) > 0.1 and basis.error(2.0) > 0.1
    functions, boundary = basis.enough(0.1, 0.5)
    better = basis_of(f"y ~ gp(x, cov={kind!r}, c={boundary}, k={min(functions, 100)})", x)
    assert boundary == hilbert.BOUNDARY[smoothness] and functions >= boundary / 0.2
    assert max(better.error(0.25), better.error(0.5)) < 0.03


@pytest.mark.parametrize("ends", [(0.1, 2.0), (1e-6, 1.0), (3.0, 4.0)])
def test_the_default_prior_of_a_lengthscale_has_its_tails_where_it_says(ends):
    prior = between(*ends)
    own = stats.invgamma(prior.alpha, scale=prior.beta)
    np.testing.assert_allclose([own.cdf(ends[0]), own.sf(ends[1])], 0.01, rtol=1e-6)


def test_the_curve_and_its_band_are_those_of_the_exact_process():
    frame, sd, length, sigma = table(), 0.9, 1.5, 0.5
    given = {"sdgp": sd, "lscale": length, "sigma": sigma, "Intercept": 0.3}
    priors = {name: sl.priors.Fixed(value) for name, value in given.items()}
    fit = sl.Model("y ~ gp(x)", frame, priors=priors).fit(draws=4000, seed=2, progress=False)
    at = np.linspace(frame.x.min(), frame.x.max(), 15)
    n, both = len(frame), np.concatenate([frame.x, at])
    prior = sd**2 * dense("exp_quad", both, length)
    gain = prior[n:, :n] @ np.linalg.inv(prior[:n, :n] + sigma**2 * np.eye(n))
    mean = 0.3 + gain @ (frame.y.to_numpy() - 0.3)
    band = np.sqrt(np.diag(prior[n:, n:] - gain @ prior[:n, n:]))
    drawn = fit.predict(pd.DataFrame({"x": at}), kind="linear").values.reshape(-1, 15)
    np.testing.assert_allclose(drawn.mean(axis=0), mean, atol=6 * (band / np.sqrt(len(drawn))).max())
    np.testing.assert_allclose(drawn.std(axis=0), band, rtol=6 / np.sqrt(2 * len(drawn)))


def test_a_basis_that_is_too_small_is_a_finding():
    frame = table().assign(y=lambda d: np.sin(6 * d.x) + 0.1 * d.z)
    small = sl.Model("y ~ gp(x, k=8)", frame).fit(draws=200, seed=1, progress=False)
    assert "gp-basis" in {finding.code for finding in small.diagnose()}
    enough = sl.Model("y ~ gp(x)", table()).fit(draws=200, seed=1, progress=False)
    assert "gp-basis" not in {finding.code for finding in enough.diagnose()}


def test_a_process_is_not_known_beyond_its_boundary():
    frame = table()
    fit = sl.Model("y ~ gp(x, c=1.5)", frame).fit(draws=100, seed=1, progress=False)
    middle, half = (frame.x.max() + frame.x.min()) / 2, np.ptp(frame.x) / 2
    with pytest.warns(ShoalWarning, match="outside"):
        fit.predict(pd.DataFrame({"x": [middle + 1.4 * half]}))
    with pytest.raises(DataError):
        fit.predict(pd.DataFrame({"x": [middle - 1.6 * half]}))


def test_a_level_has_a_process_of_its_own():
    model = sl.Model("y ~ gp(x, by=f, k=10) + gp(z, by=x, k=5)", table()).specification
    names = {v.name: list(v.dims.values()) for v in model.variables if "gp" in v.name and not v.many}
    assert [list(labels[0]) for labels in (names["sdgp_gp(x, by=f)"], names["lscale_gp(x, by=f)"])] == [
        ["a", "b"]
    ] * 2
    assert names["sdgp_gp(z, by=x)"] == [] and "lscale_gp(x, by=f)[b]" in model.priors


@pytest.mark.parametrize(
    ("formula", "error"),
    [
        ("y ~ gp(x, z)", FormulaError),
        ("y ~ gp(x, cov='rational')", FormulaError),
        ("y ~ gp(x, c=1)", FormulaError),
        ("y ~ gp(x, k=0)", FormulaError),
        ("y ~ gp(f)", DataError),
        ("y ~ gp(one)", DataError),
    ],
)
def test_what_is_no_process_is_refused(formula, error):
    with pytest.raises(error):
        sl.Model(formula, table().assign(one=1.0))
