"""``log P(a < y <= b)`` of every family that has it: against SciPy, and derivatives by finite differences."""

import numpy as np
import pytest
from scipy import stats

from shoal.families import Rows, get_family
from shoal.families.coarse import Coarse

INF = np.inf
POSITIVE = [
    (0, 1),
    (-1, 1),
    (1, INF),
    (0.5, 3),
    (1, 1 + 1e-3),
    (1, 1 + 1e-5),
    (20, 50),
    (1e-8, 1e-5),
    (0, INF),
    (40, INF),
]
COUNTS = [(-1, 0), (-INF, 4), (4, INF), (0, INF), (2, 9), (5, 60), (40, 90), (300, INF), (-1, INF)]
REAL = [
    (-INF, 1),
    (1, INF),
    (-1, 2),
    (1, 1 + 1e-3),
    (1, 1 + 1e-5),
    (30, 40),
    (-60, -30),
    (60, INF),
    (-INF, INF),
]
SHARES = [
    (0, 0.3),
    (0.3, 1),
    (0.2, 0.6),
    (0.4, 0.4 + 1e-3),
    (0.4, 0.4 + 1e-5),
    (0.9, 0.999),
    (0, 1),
    (1e-9, 1e-6),
]
CASES = [
    ("gaussian", {"sigma": 1.3}, REAL),
    ("lognormal", {"sigma": 0.7}, POSITIVE),
    ("lognormal", {"sigma": 4.0}, POSITIVE),
    ("exponential", {}, POSITIVE),
    ("weibull", {"shape": 1.7}, POSITIVE),
    ("weibull", {"shape": 0.4}, POSITIVE),
    ("weibull", {"shape": 9.0}, POSITIVE[:6]),
    ("gamma", {"shape": 2.3}, POSITIVE),
    ("gamma", {"shape": 0.2}, POSITIVE),
    ("gamma", {"shape": 60.0}, POSITIVE[:6]),
    ("poisson", {}, COUNTS),
    ("negbinomial", {"shape": 1.7}, COUNTS),
    ("negbinomial", {"shape": 0.2}, COUNTS),
    ("negbinomial", {"shape": 40.0}, COUNTS),
    ("student", {"sigma": 1.3, "nu": 4.0}, REAL),
    ("student", {"sigma": 0.8, "nu": 1.2}, REAL),
    ("student", {"sigma": 1.3, "nu": 60.0}, REAL[:5]),
    ("beta", {"phi": 5.0}, SHARES),
    ("beta", {"phi": 0.6}, SHARES),
    ("beta", {"phi": 200.0}, SHARES[:5]),
]
ETAS = (-2.0, -0.3, 0.4, 2.5)
each_case = pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c[0]}{c[1]}")


def bounded(ends):
    n = len(ends)
    low, high = np.array(ends, float).T
    return Rows(np.ones(n), np.ones(n), np.ones(n), np.zeros(n), bounds=np.array([low, high]))


def known(whole, low, high):
    """Return the log probability by SciPy, in the tail that has the digits, and how many it has."""
    lower, upper = whole.logcdf(low), whole.logsf(low)
    right = upper < lower
    first = np.where(right, upper, whole.logcdf(high))
    second = np.where(right, whole.logsf(high), lower)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        value = first + np.log(-np.expm1(np.minimum(second - first, 0)))
        lost = np.exp(first - value) * (1 + abs(first))
    return np.where(np.isinf(second), first, value), lost


@each_case
@pytest.mark.parametrize("eta", ETAS)
def test_values_are_those_of_scipy(case, eta):
    name, phi, ends = case
    family, rows = get_family(name), bounded(ends)
    found = family.log_probability(rows, np.full(len(ends), eta), phi).value
    expected, lost = known(family.in_scipy(rows, np.full(len(ends), eta), phi), *rows.bounds)
    there = np.isfinite(expected) & (expected > -600)  # SciPy's own tails end somewhere
    assert there.sum() >= 2
    np.testing.assert_array_less(
        abs(found - expected)[there], (1e-10 * (1 + abs(expected)) + 3e-16 * lost)[there]
    )


def differences(f, x, h):
    """Return a derivative by Richardson's extrapolation of central differences."""
    rough, fine = ((f(x + s) - f(x - s)) / (2 * s) for s in (h, h / 2))
    return (4 * fine - rough) / 3


@each_case
@pytest.mark.parametrize("eta", ETAS)
def test_derivatives_are_finite_differences(case, eta):
    name, phi, ends = case
    family, rows = get_family(name), bounded(ends)
    at = np.full(len(ends), eta)
    found = family.log_probability(rows, at, phi, 2)
    scale = 1 + abs(found.value)

    def close(derivative, expected, h):
        error = abs(derivative - expected)
        np.testing.assert_array_less(error, 1e-6 * (1 + abs(expected)) + 1e-14 * scale / h)

    h = 2e-3
    close(found.score, differences(lambda e: family.log_probability(rows, e, phi).value, at, h), h)
    if name not in ("student", "beta"):  # neither is log-concave: by squared scores
        bend = differences(lambda e: family.log_probability(rows, e, phi, 1).score, at, h)
        close(found.curvature, -bend, h / 100)
    for k, parameter in enumerate(phi):
        h = 1e-3 * phi[parameter]
        slope = differences(
            lambda v, p=parameter: family.log_probability(rows, at, phi | {p: v}).value, phi[parameter], h
        )
        close(found.slope[:, k], slope, h)


@each_case
def test_everything_stays_finite_far_out(case):
    name, phi, ends = case
    rows, family = bounded(ends), get_family(name)
    for eta in (-700.0, -60.0, 60.0, 700.0):
        for scale in (1e-3, 1.0, 1e3):
            wide = {key: value * scale for key, value in phi.items()}
            found = family.log_probability(rows, np.full(len(ends), eta), wide, 2)
            assert all(np.isfinite(part).all() for part in found), (eta, wide)
            assert (found.value <= 0).all() and (found.curvature > 0).all()


@each_case
def test_parts_of_the_line_add_up(case):
    name, phi, _ = case
    cuts = [-INF, 0, 1, 2, 5, 9, INF]
    family, rows = get_family(name), bounded(list(zip(cuts, cuts[1:], strict=False)))
    total = np.exp(family.log_probability(rows, np.full(6, 0.7), phi).value).sum()
    np.testing.assert_allclose(total, 1, rtol=1e-12)


@each_case
def test_truncated_draws_keep_their_bounds_and_have_the_stated_mean(case):
    name, phi, _ = case
    family = Coarse(get_family(name), True)
    ends = np.array([(0, 2), (1, INF), (1, 5), (2, 9)])
    rows = bounded(0.1 * np.minimum(ends, 10) if name == "beta" else ends)
    eta = np.broadcast_to([-0.5, 0.2, 0.5, 1.0], (6000, 4))
    wide = {key: np.full((6000, 1), value) for key, value in phi.items()}
    y = family.draw(np.random.default_rng(3), rows, eta, wide)
    low, high = rows.bounds
    assert ((y >= low) & (y <= high)).all()
    mean = family.mean(rows, eta[:1], {key: value[:1] for key, value in wide.items()})[0]
    error = y.std(0) / np.sqrt(len(y))
    heavy = (name == "lognormal" and phi["sigma"] > 2) or phi.get("nu", 9) < 2
    if not heavy:  # else a mean of draws has no error that is known
        assert (abs(y.mean(0) - mean) < 4.5 * error + 1e-12).all()
    whole = family.of.in_scipy(rows, eta[0], phi)
    share = np.linspace(0, 1, 20_001)[1:, None] - 0.5 / 20_000
    expected = whole.ppf(whole.cdf(low) + share * (whole.cdf(high) - whole.cdf(low))).mean(0)
    np.testing.assert_allclose(mean[np.isfinite(high)], expected[np.isfinite(high)], rtol=1e-4)


@each_case
def test_mixed_rows_are_the_sum_of_their_parts(case):
    name, phi, _ = case
    family = Coarse(get_family(name), True)
    unit = 0.1 if name == "beta" else 1.0
    y, weight = unit * np.array([1.0, 2.0, 2.0, 3.0, 2.0]), np.array([1.0, 2.0, 1.0, 1.0, 0.5])
    low, high = unit * np.array([[1.0, 0.0, 2.0, 1.0, 2.0], [1.0, 2.0, 6.0, 4.0, 2.0]])
    rows = Rows(
        *(y, np.ones(5), weight, np.zeros(5), np.array([low, high])),
        unit * np.array([np.zeros(5), np.full(5, 6.0)]),
    )
    eta = np.linspace(-1, 1, 5)
    found = family.evaluate(rows, eta, phi, 2)
    value = found.value + family.log_constant(rows.exact)
    whole = family.of.in_scipy(rows, eta, phi)
    density = whole.logpmf(y) if family.discrete else whole.logpdf(y)
    between, within = known(whole, low, high)[0], known(whole, *rows.bounds)[0]
    expected = np.where(low == high, density, between) - within
    np.testing.assert_allclose(value, weight * expected, rtol=1e-9, atol=1e-12)
    score = differences(lambda e: family.evaluate(rows, e, phi).value, eta, 1e-3)
    np.testing.assert_allclose(found.score, score, rtol=1e-7, atol=1e-8)
    assert (found.curvature > 0).all()


def test_normal_tails_keep_their_digits():
    # Far out, log Φ(-x) is -x²/2 - log(x √(2π)) + log(1 - 1/x² + 3/x⁴ - …).
    rows = bounded([(x, INF) for x in (50.0, 1e4, 1e8)])
    found = get_family("gaussian").log_probability(rows, np.zeros(3), {"sigma": 1.0}, 2)
    x = rows.bounds[0]
    expected = -0.5 * x**2 - np.log(x * np.sqrt(2 * np.pi)) + np.log1p(-(x**-2) + 3 * x**-4 - 15 * x**-6)
    np.testing.assert_allclose(found.value, expected, rtol=1e-14)
    np.testing.assert_allclose(found.score, x + 1 / x - 2 / x**3, rtol=1e-9)
    np.testing.assert_allclose(found.curvature, 1 - 1 / x**2, rtol=1e-3)


def test_a_known_standard_error_widens_the_interval():
    rows = bounded([(0, 1), (-INF, 2)])._replace(se=np.array([0.5, 2.0]))
    found = get_family("gaussian").log_probability(rows, np.array([0.3, 0.1]), {"sigma": 1.2}).value
    spread = np.hypot(rows.se, 1.2)
    expected = stats.norm.cdf(rows.bounds[1], [0.3, 0.1], spread) - stats.norm.cdf(
        rows.bounds[0], [0.3, 0.1], spread
    )
    np.testing.assert_allclose(found, np.log(expected), rtol=1e-12)
