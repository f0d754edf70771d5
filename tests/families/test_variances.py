"""The variance of a response, and its mean, are those of draws of it."""

import numpy as np
import pytest
from family_cases import ALONE, response
from scipy import stats

from refusals import refused
from shoal.families import FAMILIES, get_family
from shoal.families.coarse import Coarse

ERRORS = 5.0  # Monte Carlo errors within which a moment is
SIZE = 200_000
NUMBERS = [case for case in ALONE if not case.family.categorical and case.family.name != "von_mises"]
HEAVY = [case for case in NUMBERS if case.family.name == "student"]


@pytest.mark.parametrize("eta", [-1.3, 0.4])
@pytest.mark.parametrize("case", [case for case in NUMBERS if case not in HEAVY], ids=str)
def test_the_variance_is_that_of_draws(case, eta):
    trials = 6.0 if "trials" in case.family.takes else 1.0
    rows = response(np.zeros(SIZE), trials, 0.7 if case.known_se else 0.0)
    y = case.family.draw(np.random.default_rng(4), rows, np.full(SIZE, eta), case.phi)
    one = rows.at(slice(0, 1))
    mean = float(np.broadcast_to(case.family.mean(one, np.array([eta]), case.phi), 1)[0])
    variance = float(np.broadcast_to(case.family.variance(one, np.array([eta]), case.phi), 1)[0])
    squares = (y - mean) ** 2
    assert abs(y.mean() - mean) < ERRORS * np.sqrt(variance / SIZE)
    assert abs(squares.mean() - variance) < ERRORS * squares.std() / np.sqrt(SIZE)


@pytest.mark.parametrize("q", [0.1, 0.5, 0.8])
def test_the_variance_of_asymmetric_laplace_responses_is_an_integral(q):
    """Of the density sigma^-1 q (1 - q) exp(-rho((y - mu) / sigma)), as brms writes it."""
    sigma, eta = 0.7, 1.3
    kappa = np.sqrt(q / (1 - q))
    own = stats.laplace_asymmetric(kappa, loc=eta, scale=sigma / np.sqrt(q * (1 - q)))
    y = np.linspace(eta - 3, eta + 3, 7)
    rho = (y - eta) / sigma * (q - (y < eta))
    np.testing.assert_allclose(own.pdf(y), q * (1 - q) / sigma * np.exp(-rho))
    phi, family = {"sigma": sigma, "quantile": q}, get_family("asym_laplace")
    rows, at = response(np.zeros(2)), np.full(2, eta)
    np.testing.assert_allclose(family.variance(rows, at, phi), own.var(), rtol=1e-9)
    np.testing.assert_allclose(family.mean(rows, at, phi), own.mean(), rtol=1e-9)


@pytest.mark.parametrize("nu", [1.5, 2.0, 3.0, 50.0])
def test_the_variance_of_student_responses_is_infinite_up_to_two_degrees(nu):
    found = get_family("student").variance(response(np.zeros(3)), np.zeros(3), {"sigma": 0.6, "nu": nu})
    np.testing.assert_allclose(found, np.full(3, stats.t(nu, scale=0.6).var()))


@pytest.mark.parametrize("name", ["hurdle_poisson", "hurdle_negbinomial"])
@pytest.mark.parametrize("eta", [-12.0, -3.0, 0.0, 6.0])
def test_the_variance_of_truncated_counts_is_a_sum_over_them(name, eta):
    """Also where nearly all counts beyond the hurdle are 1."""
    family, phi = get_family(name), {"hu": 0.25, "shape": 1.7}
    counts, mu = np.arange(1, 20_000), np.exp(eta)
    whole = stats.poisson(mu) if name == "hurdle_poisson" else stats.nbinom(1.7, 1.7 / (1.7 + mu))
    p = 0.75 * whole.pmf(counts) / -np.expm1(whole.logpmf(0))
    mean = p @ counts
    expected = p @ counts**2 - mean**2
    rows = response(np.zeros(1))
    assert family.mean(rows, np.array([eta]), phi)[0] == pytest.approx(mean, rel=1e-7)
    assert family.variance(rows, np.array([eta]), phi)[0] == pytest.approx(expected, rel=1e-7)


def test_variances_broadcast_as_means_do():
    for case in NUMBERS:
        rows = response(np.zeros(5), 3.0 if "trials" in case.family.takes else 1.0)
        phi = {name: np.full((2, 4, 1), value) for name, value in case.phi.items()}
        found = case.family.variance(rows, np.zeros((2, 4, 5)), phi)
        assert np.shape(found) == (2, 4, 5) and ((np.asarray(found) > 0).all() or case.known_se)


def test_responses_without_a_variance_say_so():
    rows = response(np.zeros(2))._replace(bounds=np.array([[0.0, 0.0], [1.0, 1.0]]))
    with refused("truncated-without-variance"):
        Coarse(get_family("gaussian"), True).variance(rows, np.zeros(2), {"sigma": 1.0})
    with refused("family-without-variance"):
        FAMILIES["von_mises"].variance(rows, np.zeros(2), {"kappa": 1.0})
    for name in ("multinomial", "dirichlet"):
        with refused("response-of-several-columns"):
            FAMILIES[name].variance(rows, np.zeros(2), {})
    for name in ("cumulative", "categorical"):
        with refused("family-without-variance"):
            FAMILIES[name].variance(rows, np.zeros(2), {})
