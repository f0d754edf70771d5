"""Scores, curvatures, slopes and information of every row function, by differences and by expectation."""

import numpy as np
import pytest
from family_cases import CASES, SILENT, SIZE, Case, response, rows_of
from row_calls import blocks, difference, etas, numbers, shifted
from scipy import stats
from scipy.special import expit, roots_legendre

from shoal.families import Rows, get_family

BETA_BINOMIAL = [c for c in CASES if c.family.name == "beta_binomial"]
EXPECTED = (
    "student",
    "asym_laplace",
    "beta",
    "inverse_gaussian",
    "von_mises",
)  # curvature is Fisher's information
COMPLETE_DATA = {  # curvature of a zero is that of the complete data
    "zero_inflated_poisson": "poisson",
    "zero_inflated_negbinomial": "negbinomial",
    "zero_inflated_binomial": "binomial",
}
# Information in a parameter that is the square of a row's slope.
OF_THE_ROW = ("negbinomial", "beta_binomial", "zero_inflated_negbinomial", "hurdle_negbinomial")
LOG_CONCAVE = [c for c in CASES if c.family.log_concave and c.family.name not in EXPECTED]
each_case = pytest.mark.parametrize("case", CASES, ids=str)
each_with_parameters = pytest.mark.parametrize("case", [c for c in CASES if c.phi], ids=str)
DRAWS = 4000


@each_case
@pytest.mark.parametrize("spread", [0.1, 1.0, 3.0, 20.0])
def test_score_is_the_slope_of_the_value(case, spread):
    rows, eta = rows_of(case, 5), etas(spread)
    found = case.family.evaluate(rows, eta, case.phi, order=1)
    slope = difference(lambda t: case.family.evaluate(rows, eta + t, case.phi).value, 1e-3)
    error = 1e-8 * abs(slope) + 3e-11 * (1 + abs(found.value))  # of the difference, and of its rounding
    assert np.all(abs(found.score - slope) <= error), (found.score - slope) / error


@pytest.mark.parametrize("case", LOG_CONCAVE, ids=str)
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("spread", [0.1, 2.0, 8.0])
def test_curvature_of_log_concave_rows_is_the_negative_slope_of_the_score(case, seed, spread):
    rows, eta = rows_of(case, seed), etas(spread, seed)
    found = case.family.evaluate(rows, eta, case.phi, order=2)
    second = difference(lambda t: case.family.evaluate(rows, eta + t, case.phi, order=1).score, 1e-3)
    np.testing.assert_allclose(found.curvature, -second, rtol=1e-6, atol=1e-10)


@pytest.mark.parametrize("case", [c for c in CASES if c.family.name in EXPECTED], ids=str)
@pytest.mark.parametrize("eta", [-2.5, 0.0, 1.0])
def test_expected_curvature_is_the_variance_of_the_score(case, eta):
    """By Gauss-Legendre quadrature over the quantiles of the response, or over the circle."""
    nodes, weights = roots_legendre(2000)
    u, weights = (nodes + 1) / 2, weights / 2
    if case.family.name == "von_mises":
        y = np.pi * nodes
        weights = weights * 2 * np.pi * stats.vonmises.pdf(y, case.phi["kappa"], 2 * np.arctan(eta))
    elif case.family.name == "inverse_gaussian":
        shape = case.phi["shape"]
        y = stats.invgauss.ppf(u, np.exp(eta) / shape, scale=shape)
    elif case.family.name == "asym_laplace":
        q = case.phi["quantile"]
        y = stats.laplace_asymmetric.ppf(
            u, np.sqrt(q / (1 - q)), eta, case.phi["sigma"] / np.sqrt(q * (1 - q))
        )
    elif case.family.name == "student":
        y = stats.t.ppf(u, case.phi["nu"], eta, case.phi["sigma"])
    else:
        mean, precision = 1 / (1 + np.exp(-eta)), case.phi["phi"]
        y = stats.beta.ppf(u, mean * precision, (1 - mean) * precision)
        weights, y = weights[(y > 1e-250) & (y < 1)], y[(y > 1e-250) & (y < 1)]
    score, curvature = case.family.score_curvature(response(y), np.full(len(y), eta), case.phi)
    np.testing.assert_allclose(weights @ score, 0, atol=2e-3)
    np.testing.assert_allclose(weights @ score**2, curvature[0], rtol=0.02)


@pytest.mark.parametrize("case", [c for c in CASES if c.family.name in COMPLETE_DATA], ids=str)
def test_zero_inflated_curvature_is_that_of_the_complete_data(case):
    """Louis (1982): the observed information is the complete data's less the variance of its score."""
    eta, trials = np.linspace(-4, 4, 9), 6.0 if "trials" in case.family.takes else 1.0
    counts, zi = get_family(COMPLETE_DATA[case.family.name]), case.phi["zi"]
    rows = response(np.zeros(9), trials)
    empty = counts.evaluate(rows, eta, case.phi, order=2)
    likely = np.exp(empty.value)
    q = (1 - zi) * likely / (zi + (1 - zi) * likely)
    observed = -difference(lambda t: case.family.score_curvature(rows, eta + t, case.phi)[0], 1e-3)
    curvature = case.family.score_curvature(rows, eta, case.phi)[1]
    np.testing.assert_allclose(curvature, observed + empty.score**2 * q * (1 - q), rtol=1e-8, atol=1e-12)
    positive = response(np.arange(1, 10) % 6 + 1, trials)
    ours, theirs = (f.score_curvature(positive, eta, case.phi) for f in (case.family, counts))
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)


@pytest.mark.parametrize("rate", [1e-12, 1e-3, 0.0999, 0.1001, 1.0, 30.0])
def test_slopes_of_the_complementary_log_log(rate):
    """In long arithmetic: the slope is u / (exp(u) - 1), the curvature minus u times its derivative."""
    u = np.longdouble(rate)
    slope = u / np.expm1(u)
    # By the product rule, in the form that cancels least for each size of u.
    excess = u + slope - 1 if rate > 0.01 else u / 2 + u**2 / 12
    family = get_family("bernoulli", "cloglog")
    found = family.evaluate(response([1.0]), [np.log(rate)], {}, order=2)
    np.testing.assert_allclose(found.score, float(slope), rtol=1e-12)
    np.testing.assert_allclose(found.curvature, float(slope * excess), rtol=1e-11)


@each_with_parameters
@pytest.mark.parametrize("spread", [0.1, 1.0, 3.0])
def test_slope_is_that_of_the_value_in_each_parameter(case, spread):
    rows, eta = rows_of(case, 5), etas(spread)
    found = case.family.evaluate(rows, eta, case.phi, order=1)
    places = numbers(case)
    assert found.slope.shape == (SIZE, len(places))
    for column, (name, k, size) in enumerate(places):
        h = 1e-3 * min(size, 0.3)
        slope = difference(
            lambda t, n=name, k=k: case.family.evaluate(rows, eta, shifted(case, n, k, t)).value, h
        )
        error = 1e-9 * (1 + abs(found.value).max()) * max(1.0, 1e-4 / h)
        np.testing.assert_allclose(found.slope[:, column], slope, rtol=1e-6, atol=error)


@pytest.mark.parametrize("case", [c for c in CASES if c.phi and not c.family.joint], ids=str)
def test_information_is_a_curvature_in_the_parameters(case):
    """Of ordered rows the exact one, else in expectation that of the density: the variance of the slope."""
    family = case.family
    rows = rows_of(case, 5, weighted=False)
    many = Rows(*(np.tile(part, DRAWS) for part in rows[:4]))
    eta = np.tile(np.linspace(-1, 1, SIZE), DRAWS)
    y = family.draw(np.random.default_rng(4), many, eta, case.phi)
    many = many._replace(y=y, weight=np.full(y.shape, 2.0))
    by_row = np.repeat(family.pack(case.phi), len(eta), axis=1)
    found = blocks(case, many, eta, by_row, 2)
    assert np.all(found["information"] >= 0) and np.isfinite(found["information"]).all()
    if family.ordinal:
        for k in range(len(by_row)):
            unit = np.eye(len(by_row))[:, [k]]
            slope = difference(
                lambda t, k=k, u=unit: blocks(case, many, eta, by_row + t * u, 1)["slope"][k], 1e-4
            )
            np.testing.assert_allclose(found["information"][k], -slope, rtol=1e-6, atol=1e-8)
        return
    # The weight counts rows twice: the information doubles, the square of the slope quadruples.
    excess = (found["slope"] ** 2 / 2 - found["information"]).reshape(-1, DRAWS, SIZE)
    error = excess.std(1) / np.sqrt(DRAWS)
    assert np.all(abs(excess.mean(1)) <= 4.5 * error + 1e-12)
    if family.name in SILENT:  # some rows say nothing of one part, others do
        found["information"] = found["information"].max(1)
    assert np.all(found["information"] > 0) or family.name in OF_THE_ROW


@pytest.mark.parametrize("alpha", [-9.0, 0.3, 4.0, 20.0, 1e3])
def test_skew_normal_information_is_the_variance_of_the_slopes(alpha):
    """By quadrature in pieces between quantiles, which are as dense as the density is steep."""
    family, unit = get_family("skew_normal"), stats.skewnorm(alpha)
    ends = np.unique(np.concatenate([np.linspace(-10, 10, 21) / (1 + abs(alpha)), np.linspace(-9, 9, 19)]))
    nodes, weights = roots_legendre(40)
    z = (ends[:-1, None] + np.diff(ends)[:, None] * (nodes + 1) / 2).ravel()
    weight = (np.diff(ends)[:, None] * weights / 2).ravel() * unit.pdf(z)
    y = (z - unit.mean()) / unit.std() * 1.7
    slope = family.evaluate(response(y), np.zeros(len(y)), {"sigma": 1.7, "alpha": alpha}, order=1).slope
    phi = np.array([[1.7], [alpha]])
    found = blocks(Case(family, {}), response([0.3]), np.zeros(1), phi, 2)["information"][:, 0]
    np.testing.assert_allclose(weight @ slope, 0, atol=1e-6)
    np.testing.assert_allclose(found, weight @ slope**2, rtol=1e-3 if abs(alpha) < 10 else 0.05)


@pytest.mark.parametrize("case", BETA_BINOMIAL, ids=str)
@pytest.mark.parametrize("n", [1, 2, 9])
def test_beta_binomial_curvature_is_at_most_the_expected_one(case, n):
    y, phi = np.arange(n + 1.0), case.phi["phi"]
    for eta in (-2.0, 0.0, 1.5):
        found = case.family.evaluate(response(y, n), np.full(n + 1, eta), case.phi, order=2)
        p = stats.betabinom.pmf(y, n, phi * expit(eta), phi * expit(-eta))
        information = p @ found.score**2
        np.testing.assert_allclose(p @ found.score, 0, atol=1e-12)
        np.testing.assert_allclose(p @ found.slope[:, 0], 0, atol=1e-12)
        assert 0.5 * information < found.curvature[0] <= information * (1 + 1e-12)
        if n == 1:
            np.testing.assert_allclose(found.curvature[0], information, rtol=1e-12)
