"""Compiled rows where numbers are extreme: far tails, limits of parameters, narrow categories."""

import numpy as np
import pytest
from family_cases import ALONE, SIZE, Case, response, rows_of
from row_calls import blocks
from scipy import stats
from scipy.special import gammaln, polygamma
from scipy_densities import log_density as scipy_density

from shoal.families import Cumulative, Rows, get_family

each_case = pytest.mark.parametrize("case", ALONE, ids=str)
FAR = [-700.0, -40.0, -20.5, 0.0, 20.5, 40.0, 700.0]
EXTREME_PARAMETERS = {
    "sigma": [1e-6, 1e6],
    "alpha": [-1e8, 0.0, 30.0],
    "quantile": [0.0, 1e-300, 1 - 1e-16, 1.0],
    "kappa": [1e-8, 29.9, 30.1, 1e8],
    "nu": [0.1, 1e12],
    "shape": [1e-8, 1e-3, 29.9, 30.1, 1e4, 1e12],
    "zi": [0.0, 1e-300, 1 - 1e-16, 1.0],
    "hu": [0.0, 1e-300, 1 - 1e-16, 1.0],
    "zoi": [0.0, 1e-300, 1 - 1e-16, 1.0],
    "coi": [0.0, 1e-300, 1 - 1e-16, 1.0],
    "phi": [1e-8, 1e8],
    "cutzero": [-300.0, 300.0],
    "cutgap": [1e-12, 1e3],
}
LIMITS = [
    ("skew_normal", {"sigma": 1.0, "alpha": 0.0}, 0.0, 40.0, stats.norm.logpdf(40.0)),
    (
        "von_mises",
        {"kappa": 2.0},
        0.5,
        700.0,
        stats.vonmises.logpdf(0.5, 2.0, np.pi - 2 * np.arctan(1 / 700)),
    ),
    ("von_mises", {"kappa": 1e10}, 1e-5, 0.0, stats.norm.logpdf(1e-5, scale=1e-5)),
    ("bernoulli", {}, 1.0, -700.0, -700.0),
    ("bernoulli", {}, 1.0, 700.0, -np.exp(-700)),
    ("bernoulli(probit)", {}, 1.0, -700.0, stats.norm.logcdf(-700.0)),
    ("bernoulli(cloglog)", {}, 1.0, -700.0, -700.0),
    ("bernoulli(cloglog)", {}, 0.0, 700.0, -np.exp(700)),
    ("poisson", {}, 3.0, -700.0, -2100.0 - np.log(6)),
    ("poisson", {}, 3.0, 700.0, -np.exp(700)),
    ("negbinomial", {"shape": 2.0}, 3.0, 700.0, 2 * (np.log(2) - 700) + np.log(4)),
    ("zero_inflated_poisson", {"zi": 0.25}, 0.0, 700.0, np.log(0.25)),
    ("zero_inflated_poisson", {"zi": 0.25}, 0.0, -700.0, -0.75 * np.exp(-700)),
    ("zero_inflated_negbinomial", {"shape": 2.0, "zi": 0.25}, 0.0, 700.0, np.log(0.25)),
    ("zero_inflated_negbinomial", {"shape": 2.0, "zi": 0.25}, 0.0, -30.0, -0.75 * np.exp(-30)),
    ("zero_inflated_binomial", {"zi": 0.25}, 0.0, 700.0, np.log(0.25)),
    ("zero_inflated_binomial", {"zi": 0.25}, 0.0, -30.0, -0.75 * np.exp(-30)),
    ("hurdle_poisson", {"hu": 0.25}, 0.0, 700.0, np.log(0.25)),
    ("hurdle_poisson", {"hu": 0.25}, 1.0, -700.0, np.log(0.75)),
    ("hurdle_poisson", {"hu": 0.25}, 3.0, -700.0, np.log(0.75) - 1400 - np.log(6)),
    ("hurdle_poisson", {"hu": 0.25}, 3.0, 700.0, -np.exp(700)),
    ("hurdle_negbinomial", {"shape": 2.0, "hu": 0.25}, 1.0, -700.0, np.log(0.75)),
    (
        "hurdle_negbinomial",
        {"shape": 2.0, "hu": 0.25},
        3.0,
        700.0,
        np.log(0.75) + 3 * np.log(2) - 1400 + np.log(2),
    ),
    ("hurdle_gamma", {"shape": 2.0, "hu": 0.25}, 3.0, 700.0, np.log(0.75) + np.log(4) - 1400 + np.log(3)),
    ("exponential", {}, 2.0, 700.0, -700.0),
    ("gamma", {"shape": 2.0}, 3.0, 700.0, np.log(4) - 1400 + np.log(3)),
    # As the mean grows: of Weibull rows -log(mean) a - ..., of inverse Gaussian ones the density of Lévy.
    ("weibull", {"shape": 2.0}, 3.0, 700.0, np.log(2) - 2 * (700 - gammaln(1.5)) + np.log(3)),
    ("inverse_gaussian", {"shape": 2.0}, 3.0, 700.0, stats.levy.logpdf(3.0, scale=2.0)),
    ("beta", {"phi": 2.0}, 0.3, -700.0, np.log(2 * 0.7 / 0.3) - 700),
    ("zero_inflated_beta", {"phi": 2.0, "zi": 0.25}, 0.0, 700.0, np.log(0.25)),
    ("zero_one_inflated_beta", {"phi": 2.0, "zoi": 0.5, "coi": 0.25}, 1.0, -700.0, np.log(0.125)),
    ("ordered_beta", {"phi": 2.0, "cutzero": -1.0, "cutgap": 3.0}, 0.0, 700.0, -701.0),
    ("ordered_beta", {"phi": 2.0, "cutzero": -1.0, "cutgap": 3.0}, 1.0, -700.0, -702.0),
    ("ordered_beta", {"phi": 2.0, "cutzero": -1.0, "cutgap": 3.0}, 1.0, 30.0, -np.exp(-28)),
]


@each_case
@pytest.mark.parametrize("eta", [-30.0, 30.0])
def test_values_are_accurate_in_the_tails(case, eta):
    rows, at = rows_of(case, 6), np.full(SIZE, eta)
    with np.errstate(divide="ignore"):
        expected = scipy_density(case.family, rows, at, case.phi)
    there = np.isfinite(expected) & (expected > -1e290)  # SciPy's probabilities may underflow
    assert there.any()
    found = case.family.evaluate(rows, at, case.phi).value + case.family.log_constant(rows)
    # Of beta-binomial rows, differences of gamma functions, where others are sums.
    rounding = 1e-13 if case.family.name == "beta_binomial" else 1e-14
    np.testing.assert_allclose(found[there], expected[there], rtol=1e-9, atol=rounding)


@pytest.mark.parametrize(("name", "phi", "y", "eta", "expected"), LIMITS)
def test_values_have_their_limits(name, phi, y, eta, expected):
    family, rows = get_family(name), response([y])
    found = family.evaluate(rows, [eta], phi).value + family.log_constant(rows)
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-16)


@each_case
@pytest.mark.parametrize("eta", FAR)
def test_nothing_is_nan_far_out(case, eta):
    found = blocks(case, rows_of(case, 2), np.full(SIZE, eta), case.family.pack(case.phi), 2)
    for part, values in found.items():
        assert np.isfinite(values).all(), part
    assert np.all(found["curvature"] > 0)


@each_case
def test_parameters_may_be_extreme(case):
    eta = np.concatenate([np.linspace(-60, 60, 61), [-1000, -700, 700, 1000]])
    settings = [{}]
    settings += [{n: v} for n in case.phi if n != "cutpoints" for v in EXTREME_PARAMETERS[n]]
    for y in np.unique(rows_of(case, 4).y):
        trials = 8.0 if "trials" in case.family.takes else 1.0
        rows = response(np.full(len(eta), y), trials, case.known_se)
        near = Rows(*(part[:61] for part in rows[:4]))
        for setting in settings:
            phi = case.family.pack(case.phi | setting)
            found = blocks(case, rows, eta, phi, 2)
            assert np.isfinite(found["curvature"]).all() and np.all(found["curvature"] > 0)
            assert np.isfinite(blocks(case, near, eta[:61], phi, 1)["slope"]).all(), (y, setting)


@pytest.mark.parametrize("link", ["logit", "probit"])
def test_narrow_and_distant_intervals(link):
    """A category of width h around c has density h F'(c - eta), wherever it is."""
    width, center = 1e-4, np.array([-30.0, -5.0, -0.3, 0.0, 2.0, 8.0, 30.0])
    log_slope = {"logit": stats.logistic.logpdf, "probit": stats.norm.logpdf}[link]
    phi = {"cutpoints": np.array([-width / 2, width / 2])}
    found = Cumulative(link, 2).evaluate(response(np.ones(7)), -center, phi, order=2)
    np.testing.assert_allclose(found.value, np.log(width) + log_slope(center), rtol=1e-8)
    expected = center if link == "probit" else np.tanh(center / 2)
    np.testing.assert_allclose(found.score, expected, rtol=1e-6, atol=1e-6)
    assert np.all((found.curvature > 0) & (found.curvature <= 1))


@pytest.mark.parametrize("shape", [1e6, 1e10])
def test_large_shapes_have_their_limits(shape):
    """Poisson counts, and normal logarithms of variance one over shape."""
    eta, counts = np.full(4, 1.2), response([0.0, 2, 5, 40])
    family = get_family("negbinomial")
    found = family.evaluate(counts, eta, {"shape": shape}).value + family.log_constant(counts)
    np.testing.assert_allclose(found, stats.poisson.logpmf(counts.y, np.exp(eta)), atol=2e3 / shape + 1e-10)
    y, family = response(np.exp(eta + np.array([-2, -1, 0, 2]) / np.sqrt(shape))), get_family("gamma")
    found = family.evaluate(y, eta, {"shape": shape}).value + family.log_constant(y)
    expected = stats.norm.logpdf(np.log(y.y), eta, 1 / np.sqrt(shape)) - np.log(y.y)
    np.testing.assert_allclose(found, expected, atol=3 / np.sqrt(shape))


@pytest.mark.parametrize("nu", [250.0, 300.0, 300.1, 1000.0])
def test_information_in_many_degrees_of_freedom(nu):
    """The difference of trigamma functions (Lange and others 1989), whose first six digits still hold."""
    by_row = np.array([[1.0], [nu]])
    found = blocks(Case(get_family("student"), {}), response([0.3]), np.zeros(1), by_row, 2)
    difference = (polygamma(1, nu / 2) - polygamma(1, (nu + 1) / 2)) / 4
    expected = difference - (nu + 5) / (2 * nu * (nu + 1) * (nu + 3))
    np.testing.assert_allclose(found["information"][1], expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "phi"),
    [
        ("zero_inflated_poisson", {"zi": 0.25}),
        ("zero_inflated_negbinomial", {"shape": 3.0, "zi": 0.25}),
        ("zero_inflated_binomial", {"zi": 0.25}),
    ],
)
def test_a_zero_that_is_nearly_certain_keeps_its_digits(name, phi):
    eta = np.array([-40.0, -300.0])
    found = get_family(name).evaluate(response([0.0, 0.0]), eta, phi)
    np.testing.assert_allclose(found.value, -0.75 * np.exp(eta), rtol=1e-13)


@pytest.mark.parametrize(
    ("name", "phi"),
    [
        ("exponential", {}),
        ("gamma", {"shape": 2.0}),
        ("weibull", {"shape": 2.0}),
        ("inverse_gaussian", {"shape": 2.0}),
    ],
)
def test_large_responses_of_a_tiny_mean_are_finite(name, phi):
    found = get_family(name).evaluate(response([1e-6, 1.0, 1e8]), np.full(3, -700.0), phi, order=2)
    assert all(np.isfinite(part).all() for part in found) and np.all(found.curvature > 0)
