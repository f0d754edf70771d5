"""Functions that compiled rows share, against those of SciPy where these are accurate, and across seams."""

import numpy as np
import pytest
from scipy.special import digamma, erfcx, gammaln, i0e, i1e, log_ndtr, poch, polygamma, zeta

from shoal.families import bessel, gamma_functions, special, vector_loops

X = [-1000.0, -50.0, -5.66, -5.65, -1.0, -0.67, -0.66, 0.0, 0.66, 0.67, 3.0, 5.65, 5.66, 12.0, 40.0]


@pytest.mark.parametrize("x", X)
def test_normal_distribution(x):
    log_p, slope, excess = special.normal_distribution(x)
    np.testing.assert_allclose(log_p, log_ndtr(x), rtol=1e-13)
    expected = (
        np.sqrt(2 / np.pi) / erfcx(-x / np.sqrt(2)) if x < 30 else np.exp(-0.5 * x**2) / np.sqrt(2 * np.pi)
    )
    np.testing.assert_allclose(slope, expected, rtol=1e-12)
    np.testing.assert_allclose(excess, expected + x, rtol=1e-15 * (1 + x**2) + 1e-14)


@pytest.mark.parametrize("t", [30.0, 100.0, 700.0, 1e5])
def test_excess_of_the_tail_by_its_asymptotic_series(t):
    """From Abramowitz and Stegun (1964), 26.2.12: 1/t - 2/t^3 + 10/t^5 - 74/t^7 + 706/t^9 - 8162/t^11."""
    i = 1 / t**2
    expected = (1 - i * (2 - i * (10 - i * (74 - i * (706 - i * 8162))))) / t
    r, excess = special.normal_tail(t)
    np.testing.assert_allclose([r, excess], [t + expected, expected], rtol=1e-12)


@pytest.mark.parametrize("q", [-0.9, -0.3, -1e-17, 0.0, 1e-300, 1e-17, 1e-9, 0.4, 1.0, 1e9, 1e300])
def test_log1p(q):
    np.testing.assert_allclose(special.log1p_fast(q), np.log1p(q), rtol=4e-16)


@pytest.mark.parametrize("x", [1e-200, 1e-9, 0.5, 0.69, 0.7, 3.0, 800.0])
def test_log1mexp(x):
    expected = np.log(-np.expm1(-x)) if x < 30 else -np.exp(-x)
    np.testing.assert_allclose(special.log1mexp(x), expected, rtol=1e-14)


@pytest.mark.parametrize("x", [-800.0, -700.0, -40.0, -0.3, 0.0, 2.0, 37.0, 700.0])
def test_logistic(x):
    p, other, rest = special.logistic(x)
    np.testing.assert_allclose(p, np.exp(-np.logaddexp(0, -x)), rtol=1e-12)
    np.testing.assert_allclose(other, np.exp(-np.logaddexp(0, x)), rtol=1e-12)
    np.testing.assert_allclose(rest, np.log1p(np.exp(-abs(x))), rtol=1e-15)


@pytest.mark.parametrize("x", [1e-8, 0.3, 2.0, 29.9, 30.1, 300.0, 1e6])
def test_log_bessel(x):
    value, rest, bent = bessel.log_bessel(x)
    np.testing.assert_allclose(value, -np.log(i0e(x)), rtol=1e-13, atol=1e-15)
    differences = [i0e(x) - i1e(x)] if x < 50 else [(0.5 / x + 1 / (8 * x**2) + 1 / (8 * x**3))]
    np.testing.assert_allclose(
        rest, differences[0] / (i0e(x) if x < 50 else 1), rtol=2e-7 if x > 50 else 1e-12
    )
    ratio = i1e(x) / i0e(x)
    expected = 1 - ratio / x - ratio**2 if x < 50 else 0.5 / x**2 + 0.25 / x**3 + 0.375 / x**4
    np.testing.assert_allclose(bent, expected, rtol=1e-6 if x > 50 else 1e-9)


ARGUMENTS = [1e-300, 1e-8, 0.3, 1.0, 1.4616, 2.0, 8.5, 29.99, 30.01, 100.0, 1e4, 1e12]


@pytest.mark.parametrize("x", ARGUMENTS)
def test_gamma_functions(x):
    log_gamma, slope = gamma_functions.gamma_pair(x)
    np.testing.assert_allclose(log_gamma, gammaln(x), rtol=1e-14, atol=4e-14)
    np.testing.assert_allclose(slope, digamma(x), rtol=1e-14, atol=1e-14)
    if x >= 1:
        np.testing.assert_allclose(gamma_functions.trigamma_above_one(x), polygamma(1, x), rtol=1e-14)
    if x > 1e-100:
        excess = (
            polygamma(1, x) - 1 / x
            if x < 50
            else 1 / (2 * x**2) + 1 / (6 * x**3) - 1 / (30 * x**5) + 1 / (42 * x**7)
        )
        np.testing.assert_allclose(gamma_functions.trigamma_excess(x), excess, rtol=1e-12)


@pytest.mark.parametrize("x", [1e-300, 1e-12, 1e-5, 0.01, 0.0499, 0.0501, 0.4, 3.0, 1e8])
def test_log_gamma_above_one(x):
    value, slope = gamma_functions.log_gamma_above_one(x)
    series = -np.euler_gamma * x + np.pi**2 / 12 * x**2 - zeta(3) / 3 * x**3
    expected = series if x < 1e-4 else gammaln(1 + x)
    np.testing.assert_allclose(value, expected, rtol=1e-12)
    np.testing.assert_allclose(slope, digamma(1 + x), rtol=1e-14)


@pytest.mark.parametrize("a", [1e-300, 1e-8, 0.3, 29.99, 30.01, 100.0])
@pytest.mark.parametrize("y", [0.0, 0.5, 1.0, 3.0, 15.0, 16.0, 40.0])
def test_log_gamma_ratio(a, y):
    value, slope = gamma_functions.log_gamma_ratio(y, a)
    expected = np.log(poch(a, y)) if a > 1e-100 else gammaln(y + a) - gammaln(a)
    np.testing.assert_allclose(value, expected, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(slope, digamma(y + a) - digamma(a) if y else 0.0, rtol=1e-12)


@pytest.mark.parametrize("a", [1e6, 1e12])
def test_log_gamma_ratio_of_large_arguments(a):
    """``log(a (a + 1) (a + 2)) = 3 log a + 3 / a - 5 / (2 a^2) + …`` and its derivative."""
    value, slope = gamma_functions.log_gamma_ratio(3.0, a)
    np.testing.assert_allclose(value, 3 * np.log(a) + 3 / a - 2.5 / a**2, rtol=1e-14)
    np.testing.assert_allclose(slope, 3 / a - 3 / a**2 + 5 / a**3, rtol=1e-11)


@pytest.mark.parametrize("a", ARGUMENTS[1:])
def test_log_gamma_at_mode(a):
    value, slope = gamma_functions.log_gamma_at_mode(a)
    series = 0.5 * np.log(a / (2 * np.pi)) - 1 / (12 * a) + 1 / (360 * a**3)
    np.testing.assert_allclose(
        value, a * np.log(a) - a - gammaln(a) if a < 50 else series, rtol=1e-13, atol=5e-14
    )
    slopes = np.log(a) - digamma(a) if a < 50 else 1 / (2 * a) + 1 / (12 * a**2) - 1 / (120 * a**4)
    np.testing.assert_allclose(slope, slopes, rtol=1e-12)


@pytest.mark.parametrize("t", [0.0, 1e-300, 0.1, 0.35, 1.0, 20.0, 707.9, 708.0, 1e6, np.inf])
def test_exp_in_vector_loops(t):
    np.testing.assert_allclose(vector_loops.exp_minus(t), np.exp(-min(t, 708.0)), rtol=5e-16)
    assert np.isnan(vector_loops.exp_minus(np.nan))


@pytest.mark.parametrize("q", [0.0, 1e-300, 1e-9, 0.2, 0.4142135623, 0.4142135624, 0.7, 1.0])
def test_log1p_in_vector_loops(q):
    np.testing.assert_allclose(vector_loops.log1p_of_share(q), np.log1p(q), rtol=5e-16)


@pytest.mark.parametrize("rows", [1, vector_loops.BLOCK, vector_loops.BLOCK + 3])
def test_logistic_rows_of_any_number(rows):
    """Blocks begin and end where they should, and no order writes more than it was asked for."""
    rng = np.random.default_rng(rows)
    trials = rng.integers(1, 9, rows).astype(float)
    y, weight, eta = (
        rng.binomial(trials.astype(int), 0.3).astype(float),
        rng.uniform(0.5, 2, rows),
        rng.normal(size=rows),
    )
    p = 1 / (1 + np.exp(-eta))
    expected = (
        weight * (y * np.log(p) + (trials - y) * np.log1p(-p)),
        weight * (y - trials * p),
        weight * trials * p * (1 - p),
    )
    for order in range(3):
        out = [np.zeros(rows if asked <= order else 0) for asked in range(3)]
        vector_loops.logistic_rows(y, trials, weight, eta, order, *out)
        for values, own in zip(out[: order + 1], expected, strict=False):
            np.testing.assert_allclose(values, own, rtol=1e-13, atol=1e-14)
