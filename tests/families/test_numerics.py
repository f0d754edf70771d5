"""Functions of the tails, against those of SciPy where they are accurate, and across their seams."""

import numpy as np
import pytest
from scipy.special import erfcx, gammaln, poch

from shoal.families import numerics
from shoal.families.links import LINKS
from shoal.sample.programs import double


def of(function, *arguments):
    with double():
        found = function(*(np.asarray(a, float) for a in arguments))
    return [np.asarray(part) for part in found] if isinstance(found, tuple) else np.asarray(found)


@pytest.mark.parametrize("x", [-1000.0, -50.0, -21.0, -20.001, -19.999, -10.0, -1.0, 0.0, 3.0, 12.0])
def test_inverse_mills(x):
    slope, excess = of(numerics.inverse_mills, [x])
    expected = np.sqrt(2 / np.pi) / erfcx(-x / np.sqrt(2))
    np.testing.assert_allclose(slope, expected, rtol=1e-12)
    np.testing.assert_allclose(excess, expected + x, rtol=1e-15 * (1 + x**2) + 2e-11)


@pytest.mark.parametrize("rate", [1e-12, 1e-3, 0.0999, 0.1001, 1.0, 30.0])
def test_slopes_of_the_complementary_log_log(rate):
    """In long arithmetic: the slope is u / (exp(u) - 1), the curvature minus u times its derivative."""
    u = np.longdouble(rate)
    slope = u / np.expm1(u)
    # By the product rule, in the form that cancels least for each size of u.
    excess = u + slope - 1 if rate > 0.01 else u / 2 + u**2 / 12
    found = of(LINKS["cloglog"].success_slopes, [np.log(rate)])
    np.testing.assert_allclose(found[0], float(slope), rtol=1e-12)
    np.testing.assert_allclose(found[1], float(slope * excess), rtol=1e-11)


@pytest.mark.parametrize("x", [1e-200, 1e-9, 0.5, 0.69, 0.7, 3.0, 800.0])
def test_log1mexp(x):
    expected = np.log(-np.expm1(-x)) if x < 30 else -np.exp(-x)
    np.testing.assert_allclose(of(numerics.log1mexp, x), expected, rtol=1e-14)


@pytest.mark.parametrize("a", [0.3, 29.99, 30.01, 100.0])
@pytest.mark.parametrize("y", [0.0, 0.5, 3.0, 40.0])
def test_gamma_functions_of_large_arguments(a, y):
    np.testing.assert_allclose(of(numerics.log_gamma_ratio, y, a), np.log(poch(a, y)), rtol=2e-13, atol=1e-13)
    expected = a * np.log(a) - a - gammaln(a)
    np.testing.assert_allclose(of(numerics.log_gamma_at_mode, a), expected, atol=3e-13)
