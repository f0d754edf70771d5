"""Response families: densities, derivatives, starting points, simulated responses and refusals."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.special import expit, logit

from shoal.errors import DataError, ModelError
from shoal.families import FAMILIES, Rows, get_family
from shoal.sample.programs import double

few = settings(max_examples=20, deadline=None, derandomize=True)
SIZE = 7
REFERENCE = {
    "gaussian": lambda r, eta, phi: stats.norm.logpdf(r.y, eta, np.hypot(r.se, phi.get("sigma", 0))),
    "bernoulli": lambda r, eta, phi: stats.bernoulli.logpmf(r.y, expit(eta)),
    "binomial": lambda r, eta, phi: stats.binom.logpmf(r.y, r.trials, expit(eta)),
}


def rows_of(name, seed, known_se=False):
    """Rows with unequal weights, the first two at the edges of the support."""
    rng = np.random.default_rng(seed)
    trials = rng.integers(1, 9, SIZE) if name == "binomial" else np.ones(SIZE, int)
    y = rng.binomial(trials, 0.5).astype(float)
    y[0], y[1] = 0, trials[1]
    if name == "gaussian":
        y = rng.normal(size=SIZE)
    se = rng.uniform(0.5, 2, SIZE) if known_se else np.zeros(SIZE)
    return Rows(y, trials.astype(float), rng.choice([0.5, 1.0, 3.0], SIZE), se)


SETTINGS = [
    ("gaussian", False, {"sigma": 1.3}),
    ("gaussian", True, {"sigma": 0.7}),
    ("gaussian", True, {}),
    ("bernoulli", False, {}),
    ("binomial", False, {}),
]


def test_every_family_is_tested():
    assert {name for name, _, _ in SETTINGS} == set(FAMILIES)


@pytest.mark.parametrize(("name", "known_se", "phi"), SETTINGS)
@given(seed=st.integers(0, 999), spread=st.sampled_from([0.1, 2.0, 20.0]))
@few
def test_density_score_and_curvature(name, known_se, phi, seed, spread):
    family, rows = get_family(name), rows_of(name, seed, known_se)
    eta = np.random.default_rng(seed + 1).normal(0, spread, SIZE)
    with double():
        density = lambda e: family.log_density(rows, e, phi)  # noqa: E731
        found = np.asarray(density(jnp.asarray(eta))) + family.log_constant(rows)
        first = jax.jvp(density, (jnp.asarray(eta),), (jnp.ones(SIZE),))[1]
        slope = lambda e: jax.jvp(density, (e,), (jnp.ones(SIZE),))[1]  # noqa: E731
        second = jax.jvp(slope, (jnp.asarray(eta),), (jnp.ones(SIZE),))[1]
        score, curvature = family.score_curvature(rows, jnp.asarray(eta), phi)
    expected = rows.weight * REFERENCE[name](rows, eta, phi)
    if name != "gaussian" and spread > 5:  # scipy's own probabilities round to 0 and 1
        expected = np.where(abs(eta) < 15, expected, found)
    np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-7)
    np.testing.assert_allclose(score, first, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(curvature, -second, rtol=1e-6, atol=1e-12)
    assert np.all(np.asarray(curvature) >= 0)


@pytest.mark.parametrize(("name", "known_se", "phi"), SETTINGS)
def test_search_starts_at_finite_points_near_the_response(name, known_se, phi):
    family, rows = get_family(name), rows_of(name, 3, known_se)
    with double():
        start = np.asarray(family.start(rows))
    assert np.isfinite(start).all()
    expected = rows.y if name == "gaussian" else logit((rows.y + 0.5) / (rows.trials + 1))
    np.testing.assert_allclose(start, expected, atol=1e-12)


@pytest.mark.parametrize(("name", "known_se", "phi"), SETTINGS)
def test_simulated_responses_have_the_stated_mean_and_are_in_the_support(name, known_se, phi):
    family, rows = get_family(name), rows_of(name, 5, known_se)
    eta = np.linspace(-1.5, 1.5, SIZE)
    many = Rows(*(np.broadcast_to(part, (4000, SIZE)) for part in rows))
    y = family.draw(np.random.default_rng(9), many, np.broadcast_to(eta, (4000, SIZE)), phi)
    for column in y[:2]:
        family.check(rows._replace(y=column), "y")
    error = y.std(0) / np.sqrt(len(y))
    assert np.all(abs(y.mean(0) - rows.trials * family.mean(eta)) < 4 * error)
    if name == "gaussian":
        variance = rows.se**2 + phi.get("sigma", 0) ** 2
        assert np.all(abs(y.var(0) - variance) < 4 * variance * np.sqrt(2 / len(y)))


def test_gaussian_residual_variance_is_the_average_over_rows():
    rows = rows_of("gaussian", 1, True)
    found = get_family("gaussian").residual_variance(rows, {"sigma": 2.0})
    np.testing.assert_allclose(found, np.mean(rows.se**2) + 4)
    np.testing.assert_allclose(get_family("binomial").residual_variance(rows, {}), stats.logistic.var())


def test_merged_binomial_rows_are_sufficient():
    family, rows = get_family("binomial"), rows_of("binomial", 8)
    index = np.array([0, 1, 1, 2, 0, 2, 2])
    merged = family.merge(rows, index, 3)
    eta = np.array([-1.0, 0.3, 2.0])
    with double():
        whole = np.asarray(family.log_density(merged, eta, {})).sum()
        parts = np.asarray(family.log_density(rows, eta[index], {})).sum()
    np.testing.assert_allclose(whole, parts)
    assert get_family("gaussian").merge(rows, index, 3) is None


def test_edges_are_where_the_density_keeps_rising():
    rows = Rows(np.array([0.0, 2, 4]), np.full(3, 4.0), np.ones(3), np.zeros(3))
    low, high = get_family("binomial").edges(rows)
    np.testing.assert_array_equal([low, high], [[True, False, False], [False, False, True]])
    assert not np.any(get_family("gaussian").edges(rows))


def response(y, trials=1.0, se=0.0):
    y = np.asarray(y, float)
    return Rows(y, np.broadcast_to(trials, y.shape), np.ones(y.shape), np.broadcast_to(se, y.shape))


@pytest.mark.parametrize(
    ("name", "rows", "message"),
    [
        ("bernoulli", response([0, 1, 2, 0.5]), r"2 of 4 rows \(row 2: 2, row 3: 0.5\)"),
        ("binomial", response([1, 5], 4), r"more successes than trials in 1 rows \(row 1: 5 of 4\)"),
        ("binomial", response([1, -1], 4), r"negative counts in 1 rows \(row 1: -1 of 4\)"),
        ("binomial", response([1.5, 1], 4), r"non-integer counts in 1 rows \(row 0: 1.5 of 4\)"),
        ("binomial", response([0, 1], [0, 4]), r"trials below 1 in 1 rows \(row 0: 0 of 0\)"),
        ("binomial", response([0, 1], [2.5, 4]), r"non-integer trials in 1 rows \(row 0: 0 of 2.5\)"),
        ("gaussian", response([2.5, 2.5, 2.5]), r"same value, 2.5, in all 3 rows"),
    ],
)
def test_responses_outside_the_support_are_refused_by_row(name, rows, message):
    with pytest.raises(DataError, match=message):
        get_family(name).check(rows, "y")


def test_equal_responses_with_known_errors_are_data():
    get_family("gaussian").check(response([2.5, 2.5], se=1.0), "y")


def test_families_are_found_by_name():
    assert get_family("gaussian") == get_family(get_family("gaussian")) != get_family("binomial")
    assert get_family("binomial") != get_family("bernoulli")
    with pytest.raises(ModelError, match="Did you mean 'binomial'"):
        get_family("binomal")
