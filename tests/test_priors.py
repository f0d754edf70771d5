"""Priors: densities are those of scipy, draws have their moments, and bad arguments are refused."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from posterior.density import log_lkj, log_prior
from shoal.errors import PriorError
from shoal.priors import (
    KINDS,
    LKJ,
    R2D2,
    Beta,
    Dirichlet,
    Exponential,
    Fixed,
    Gamma,
    HalfCauchy,
    HalfNormal,
    HalfStudentT,
    Horseshoe,
    InverseGamma,
    Laplace,
    Normal,
    PartialCorrelation,
    Shrunk,
    StudentT,
    from_record,
    to_record,
)

number, scale = st.floats(-5, 5), st.floats(0.1, 10)
PRIORS = st.one_of(
    st.builds(Normal, number, scale),
    st.builds(StudentT, scale, number, scale),
    st.builds(HalfNormal, scale),
    st.builds(HalfStudentT, scale, scale),
    st.builds(HalfCauchy, scale),
    st.builds(Exponential, scale),
    st.builds(Gamma, scale, scale),
)


@settings(max_examples=60, deadline=None)
@given(PRIORS, st.lists(st.floats(0.01, 20), min_size=1, max_size=4), st.booleans())
def test_log_density_is_that_of_scipy(prior, points, negative):
    x = np.array(points)
    if negative and prior.support == "real":
        x = -x
    found = prior.log_density(x, *prior.params)
    np.testing.assert_allclose(found, [log_prior(prior, v) for v in x], rtol=1e-9, atol=1e-9)
    assert found.dtype == np.float64


@settings(max_examples=30, deadline=None)
@given(st.floats(0.3, 10), st.lists(st.floats(-0.99, 0.99), min_size=1, max_size=4))
def test_partial_correlation_is_a_stretched_beta(alpha, points):
    x = np.array(points)
    found = PartialCorrelation.log_density(x, alpha)
    np.testing.assert_allclose(found, stats.beta(alpha, alpha, -1, 2).logpdf(x), rtol=1e-9, atol=1e-9)


SCIPY = {
    Laplace(1.0, 0.7): (stats.laplace(1, 0.7), [-30.0, 0.2, 1.0, 4.0]),
    InverseGamma(0.5, 2.0): (stats.invgamma(0.5, scale=2), [1e-3, 0.3, 2.0, 1e6]),
    Beta(0.6, 3.0): (stats.beta(0.6, 3), [1e-9, 0.3, 0.99]),
    Beta(): (stats.beta(1, 1), [0.0, 0.4, 1.0]),
}


@pytest.mark.parametrize("prior", SCIPY, ids=str)
def test_densities_that_only_scipy_knows(prior):
    distribution, x = SCIPY[prior]
    found = prior.log_density(np.array(x), *prior.params)
    np.testing.assert_allclose(found, distribution.logpdf(x), rtol=1e-12, atol=1e-12)


def test_inverse_gamma_is_half_normal_on_the_reciprocal_root():
    x, s = np.array([0.2, 1.0, 30.0]), 0.7
    root = 1 / np.sqrt(x)
    found = InverseGamma.log_density(x, 0.5, 1 / (2 * s**2))
    expected = stats.halfnorm.logpdf(root, scale=s) + np.log(0.5 * root**3)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


CUMULATIVE = {
    Normal(1.0, 2.0): stats.norm(1, 2).cdf,
    StudentT(6, -1.0, 2.0): stats.t(6, -1, 2).cdf,
    HalfNormal(1.5): stats.halfnorm(scale=1.5).cdf,
    HalfStudentT(6, 2.0): lambda x: 2 * stats.t(6, 0, 2).cdf(x) - 1,
    HalfCauchy(2.0): stats.halfcauchy(scale=2).cdf,
    Exponential(4.0): stats.expon(scale=0.25).cdf,
    Gamma(0.7, 3.0): stats.gamma(0.7, scale=1 / 3).cdf,
    Laplace(1.0, 0.7): stats.laplace(1, 0.7).cdf,
    InverseGamma(0.5, 2.0): stats.invgamma(0.5, scale=2).cdf,
    Beta(0.6, 3.0): stats.beta(0.6, 3).cdf,
    PartialCorrelation(1.7): stats.beta(1.7, 1.7, -1, 2).cdf,
}


@pytest.mark.parametrize("prior", CUMULATIVE, ids=str)
def test_draws_are_of_the_distribution(prior):
    """The probability integral transform is uniform, in standard errors of its moments."""
    u = CUMULATIVE[prior](prior.draw(np.random.default_rng(12), (2000, 2)).ravel())
    for power in (1, 2, 3):
        error = (u**power).std() / np.sqrt(len(u))
        assert abs((u**power).mean() - 1 / (power + 1)) < 4 * error
    assert prior.draw(np.random.default_rng(0), 3).shape == (3,)


@given(st.floats(0.2, 5), st.floats(0.2, 5))
def test_gamma_by_its_mean_and_standard_deviation(mu, sigma):
    prior = Gamma(mu=mu, sigma=sigma)
    distribution = stats.gamma(prior.alpha, scale=1 / prior.beta)
    np.testing.assert_allclose([distribution.mean(), distribution.std()], [mu, sigma])
    assert prior == Gamma(prior.alpha, prior.beta) and hash(prior) == hash(Gamma(prior.alpha, prior.beta))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Normal(0, 0), r"Normal\(sigma=0\)"),
        (lambda: Normal(float("nan"), 1), r"Normal\(mu=nan\)"),
        (lambda: Normal(0, float("inf")), r"Normal\(sigma=inf\)"),
        (lambda: StudentT(-1), r"StudentT\(nu=-1\)"),
        (lambda: Exponential(-2), r"Exponential\(rate=-2\)"),
        (lambda: HalfCauchy(0), r"HalfCauchy\(beta=0\)"),
        (lambda: LKJ(0), r"LKJ\(eta=0\)"),
        (lambda: Laplace(0, 0), r"Laplace\(b=0\)"),
        (lambda: InverseGamma(1, 0), r"InverseGamma\(beta=0\)"),
        (lambda: Beta(-1, 1), r"Beta\(alpha=-1\)"),
        (lambda: Gamma(1), "Either alpha and beta"),
        (lambda: Gamma(1, 2, mu=1, sigma=1), "Either alpha and beta"),
        (lambda: Gamma(mu=-1, sigma=1), "greater than zero"),
        (lambda: Gamma(-1, 2), r"Gamma\(alpha=-1\)"),
        (lambda: from_record({"kind": "Cauchy"}), "'Cauchy'"),
        (lambda: from_record({"kind": "Normal", "tau": 1}), "do not fit Normal"),
        (lambda: LKJ(2).draw(np.random.default_rng(), 1), "LKJ.partial"),
        (lambda: LKJ.log_density(0.1, 2), "LKJ.partial"),
        (lambda: Normal("zero", 1), "Normal"),
    ],
)
def test_bad_arguments_are_refused(make, message):
    with pytest.raises(PriorError, match=message):
        make()


EXAMPLES = [Normal(1, 2), StudentT(3), HalfNormal(), HalfStudentT(3), HalfCauchy(1), Exponential(2)]
EXAMPLES += [Gamma(mu=1, sigma=2), InverseGamma(0.5, 2), Laplace(1, 2), Beta(2, 3), LKJ(), Fixed(-1.5)]
EXAMPLES += [Shrunk(0, 2), Horseshoe(0.5), R2D2(0.3), Dirichlet(2.5)]


@pytest.mark.parametrize("prior", EXAMPLES, ids=str)
def test_a_prior_survives_its_record(prior):
    assert from_record(json.loads(json.dumps(to_record(prior)))) == prior


def test_every_kind_has_a_record():
    assert {type(prior) for prior in EXAMPLES} == set(KINDS.values())


def test_a_fixed_value_has_no_density():
    assert Fixed(2).log_density(2.0, 2.0) == 0
    np.testing.assert_array_equal(Fixed(2).draw(np.random.default_rng(0), (2, 2)), np.full((2, 2), 2.0))


@pytest.mark.parametrize("eta", [0.6, 1.0, 3.0])
def test_two_by_two_lkj_integrates_to_one(eta):
    r = np.sin(np.linspace(-np.pi / 2, np.pi / 2, 20_001)[1:-1])  # dense where the density may be infinite
    density = np.exp([log_lkj(np.array([[1, v], [v, 1]]), eta) for v in r])
    assert math.isclose(np.trapezoid(density, r), 1, rel_tol=0.02)
