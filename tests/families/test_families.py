"""Laws that every response family keeps: densities, derivatives, merging, draws and means."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from family_cases import CASES, COUNTS, SIZE, response, rows_of, stretched
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.special import logit
from scipy_densities import log_density as scipy_density

from shoal.errors import ModelError
from shoal.families import FAMILIES, Cumulative, Rows, get_family
from shoal.sample.programs import double

few = settings(max_examples=10, deadline=None, derandomize=True)
each_case = pytest.mark.parametrize("case", CASES, ids=str)
EXPECTED = ("student", "beta")  # curvature is Fisher's information
COMPLETE_DATA = ("zero_inflated_poisson",)  # curvature of a zero is that of the complete data
EXACT = [c for c in CASES if c.family.name not in EXPECTED + COMPLETE_DATA]


def density(case, rows, eta, phi=None):
    return case.family.log_density(rows, eta, case.phi if phi is None else phi)


def normalised(case, rows, eta):
    with double():
        return np.asarray(density(case, rows, jnp.asarray(eta))) + case.family.log_constant(rows)


def slopes(case, rows, eta):
    """Return score and curvature of the family as NumPy arrays."""
    with double():
        return tuple(map(np.asarray, case.family.score_curvature(rows, jnp.asarray(eta), case.phi)))


def derivative(function, eta):
    """Return the derivative of a function of each row's own linear predictor, by JAX."""
    with double():
        eta = jnp.asarray(eta)
        return np.asarray(jax.jvp(function, (eta,), (jnp.ones_like(eta),))[1])


def test_every_family_and_link_is_tested():
    tested = {(case.family.name, case.family.link) for case in CASES}
    assert tested == {(name, link) for name, family in FAMILIES.items() for link in family.links}


@each_case
@given(seed=st.integers(0, 999), spread=st.sampled_from([0.1, 1.0, 3.0]))
@few
def test_density_is_that_of_scipy(case, seed, spread):
    rows = rows_of(case, seed)
    eta = np.random.default_rng(seed + 1).normal(0, spread, SIZE)
    expected = scipy_density(case.family, rows, eta, case.phi)
    np.testing.assert_allclose(normalised(case, rows, eta), expected, rtol=1e-10, atol=1e-10)


@each_case
@given(seed=st.integers(0, 999), spread=st.sampled_from([0.1, 2.0, 20.0]))
@few
def test_score_is_the_derivative_of_the_density(case, seed, spread):
    rows = rows_of(case, seed)
    eta = np.random.default_rng(seed + 1).normal(0, spread, SIZE)
    score, curvature = slopes(case, rows, eta)
    first = derivative(partial(density, case, rows), eta)
    scale = 1e-12 * rows.weight * (1 + rows.y)  # of the terms that cancel near an estimate
    assert np.all(abs(score - first) <= 1e-8 * abs(first) + scale)
    assert np.all((curvature > 0) & np.isfinite(curvature))


@pytest.mark.parametrize("case", EXACT, ids=str)
@given(seed=st.integers(0, 999), spread=st.sampled_from([0.1, 2.0, 8.0]))
@few
def test_exact_curvature_is_the_negative_derivative_of_the_score(case, seed, spread):
    rows = rows_of(case, seed)
    eta = np.random.default_rng(seed + 1).normal(0, spread, SIZE)
    second = derivative(lambda e: case.family.score_curvature(rows, e, case.phi)[0], eta)
    np.testing.assert_allclose(slopes(case, rows, eta)[1], -second, rtol=1e-6, atol=1e-10)


@pytest.mark.parametrize("case", [c for c in CASES if c.family.name in EXPECTED], ids=str)
@pytest.mark.parametrize("eta", [-2.5, 0.0, 1.0])
def test_expected_curvature_is_the_variance_of_the_score(case, eta):
    """By Gauss-Legendre quadrature over the quantiles of the response."""
    nodes, weights = np.polynomial.legendre.leggauss(2000)
    u, weights = (nodes + 1) / 2, weights / 2
    if case.family.name == "student":
        y = stats.t.ppf(u, case.phi["nu"], eta, case.phi["sigma"])
    else:
        mean, precision = 1 / (1 + np.exp(-eta)), case.phi["phi"]
        y = stats.beta.ppf(u, mean * precision, (1 - mean) * precision)
        weights, y = weights[(y > 1e-250) & (y < 1)], y[(y > 1e-250) & (y < 1)]
    rows = response(y)
    score, curvature = slopes(case, rows, np.full(len(y), eta))
    np.testing.assert_allclose(weights @ score, 0, atol=2e-3)
    np.testing.assert_allclose(weights @ score**2, curvature[0], rtol=0.02)


@pytest.mark.parametrize("case", [c for c in CASES if c.family.name in COMPLETE_DATA], ids=str)
def test_zero_inflated_curvature_is_that_of_the_complete_data(case):
    """Louis (1982): the observed information is the complete data's less the variance of its score."""
    eta = np.linspace(-4, 4, 9)
    rows, mean, zi = response(np.zeros(9)), np.exp(eta), case.phi["zi"]
    q = (1 - zi) * np.exp(-mean) / (zi + (1 - zi) * np.exp(-mean))
    observed = -derivative(lambda e: case.family.score_curvature(rows, e, case.phi)[0], eta)
    np.testing.assert_allclose(slopes(case, rows, eta)[1], observed + mean**2 * q * (1 - q), rtol=1e-9)
    positive = response(np.arange(1, 10))
    np.testing.assert_allclose(slopes(case, positive, eta)[1], mean, rtol=1e-12)


FAR = [-700.0, -40.0, -20.5, 0.0, 20.5, 40.0, 700.0]


@each_case
@pytest.mark.parametrize("eta", FAR)
def test_nothing_is_nan_far_out(case, eta):
    """Values, their derivatives and those of score and curvature, in eta and in every parameter."""
    rows, at = rows_of(case, 2), np.full(SIZE, eta)

    def of(which, e, phi):
        parts = (density(case, rows, e, phi), *case.family.score_curvature(rows, e, phi))
        return parts[which].sum()

    with double():
        assert np.isfinite(density(case, rows, jnp.asarray(at))).all()
        score, curvature = slopes(case, rows, at)
        assert np.isfinite(score).all() and np.isfinite(curvature).all() and np.all(curvature > 0)
        phi = {name: jnp.asarray(value) for name, value in case.phi.items()}
        for which in range(3):
            gradient = jax.grad(partial(of, which), argnums=(0, 1))(jnp.asarray(at), phi)
            assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient)), gradient


EXTREME_PARAMETERS = {
    "sigma": [1e-6, 1e6],
    "nu": [0.1, 1e12],
    "shape": [1e-8, 1e-3, 29.9, 30.1, 1e4, 1e12],
    "zi": [0.0, 1e-300, 1 - 1e-16, 1.0],
    "phi": [1e-8, 1e8],
}


@each_case
def test_curvature_is_positive_everywhere_and_parameters_may_be_extreme(case):
    eta = np.concatenate([np.linspace(-60, 60, 61), [-1000, -700, 700, 1000]])
    names = [name for name in case.phi if name != "cutpoints"]
    settings = [{}] + [{name: value} for name in names for value in EXTREME_PARAMETERS[name]]
    for y in np.unique(rows_of(case, 4).y):
        rows = response(np.full(len(eta), y), 8.0 if case.family.name == "binomial" else 1.0, case.known_se)
        near = Rows(*(part[:61] for part in rows))
        for setting in settings:
            phi = {name: jnp.asarray(value) for name, value in (case.phi | setting).items()}
            with double():
                _, curvature = case.family.score_curvature(rows, jnp.asarray(eta), phi)
                slope = jax.grad(lambda p, r=near: density(case, r, jnp.asarray(eta[:61]), p).sum())(phi)
            assert np.isfinite(curvature).all() and np.all(np.asarray(curvature) > 0)
            assert all(np.isfinite(leaf).all() for leaf in slope.values())


@each_case
@pytest.mark.parametrize("eta", [-30.0, 30.0])
def test_density_is_accurate_in_the_tails(case, eta):
    rows, at = rows_of(case, 6), np.full(SIZE, eta)
    with np.errstate(divide="ignore"):
        expected = scipy_density(case.family, rows, at, case.phi)
    there = np.isfinite(expected)  # SciPy's probabilities may underflow
    assert there.any()
    np.testing.assert_allclose(normalised(case, rows, at)[there], expected[there], rtol=1e-9, atol=1e-14)


LIMITS = [
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
    ("exponential", {}, 2.0, 700.0, -700.0),
    ("gamma", {"shape": 2.0}, 3.0, 700.0, np.log(4) - 1400 + np.log(3)),
    ("beta", {"phi": 2.0}, 0.3, -700.0, np.log(2 * 0.7 / 0.3) - 700),
]


@pytest.mark.parametrize(("name", "phi", "y", "eta", "expected"), LIMITS)
def test_density_has_its_limits(name, phi, y, eta, expected):
    family, rows = get_family(name), response([y])
    with double():
        found = np.asarray(family.log_density(rows, jnp.array([eta]), phi)) + family.log_constant(rows)
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-16)


@pytest.mark.parametrize("link", ["logit", "probit"])
def test_narrow_and_distant_intervals(link):
    """A category of width h around c has density h F'(c - eta), wherever it is."""
    width, center = 1e-4, np.array([-30.0, -5.0, -0.3, 0.0, 2.0, 8.0, 30.0])
    family = Cumulative(link, 2)
    log_slope = {"logit": stats.logistic.logpdf, "probit": stats.norm.logpdf}[link]
    phi = {"cutpoints": np.array([-width / 2, width / 2])}
    case = CASES[0]._replace(family=family, phi=phi)
    for c in center:
        found = normalised(case, response([1.0]), [-c])
        score, curvature = slopes(case, response([1.0]), [-c])
        np.testing.assert_allclose(found, np.log(width) + log_slope(c), rtol=1e-6)
        expected = c if link == "probit" else np.tanh(c / 2)
        np.testing.assert_allclose(score, expected, rtol=1e-6, atol=1e-6)
        assert 0 < curvature[0] <= 1


def test_negbinomial_and_gamma_of_a_large_shape():
    """The limits of the shape: Poisson counts, and normal logarithms of variance one over shape."""
    shape, eta = 1e10, np.full(4, 1.2)
    counts = response([0.0, 2, 5, 40])
    case = CASES[0]._replace(family=get_family("negbinomial"), phi={"shape": shape})
    expected = stats.poisson.logpmf(counts.y, np.exp(eta))
    np.testing.assert_allclose(normalised(case, counts, eta), expected, atol=1e-6)
    y = response(np.exp(eta + np.array([-2, -1, 0, 2]) / np.sqrt(shape)))
    case = case._replace(family=get_family("gamma"))
    expected = stats.norm.logpdf(np.log(y.y), eta, 1 / np.sqrt(shape)) - np.log(y.y)
    np.testing.assert_allclose(normalised(case, y, eta), expected, atol=1e-4)


@each_case
def test_merged_rows_are_sufficient(case):
    rows, index = rows_of(case, 8), np.array([0, 1, 1, 2, 0, 2, 2])
    merged = case.family.merge(rows, index, 3)
    if case.family.name not in ("bernoulli", "binomial", "poisson", "exponential"):
        assert merged is None
        return
    eta = np.array([-1.0, 0.3, 2.0])
    with double():
        whole = np.asarray(density(case, merged, eta)).sum() + case.family.log_constant(rows).sum()
        again = case.family.merge(merged, np.zeros(3, int), 1)
        score = [case.family.score_curvature(r, jnp.zeros(len(r.y)), {})[0].sum() for r in (merged, again)]
        start = np.asarray(case.family.start(merged))
    parts = scipy_density(case.family, rows, eta[index], case.phi).sum()
    np.testing.assert_allclose(whole, parts, rtol=1e-12)
    np.testing.assert_allclose(score[0], score[1], rtol=1e-12)
    assert np.isfinite(start).all()


DRAWS = 4000


def simulated(case):
    """Return unweighted rows, linear predictors (DRAWS, SIZE), parameters and responses."""
    rows = rows_of(case, 5, weighted=False)
    eta = np.broadcast_to(np.linspace(-1, 1, SIZE), (DRAWS, SIZE))
    phi = stretched(case, DRAWS)
    return rows, eta, phi, case.family.draw(np.random.default_rng(9), rows, eta, phi)


def assert_centred(values, what):
    error = values.std(0) / np.sqrt(len(values))
    assert np.all(abs(values.mean(0)) <= 4.5 * error + 1e-12), (what, values.mean(0) / error)


@each_case
def test_simulated_responses_have_the_stated_mean(case):
    rows, eta, phi, y = simulated(case)
    assert y.shape == eta.shape and y.dtype == float
    mean = case.family.mean(rows, eta, phi)
    assert isinstance(mean, np.ndarray)
    if case.family.ordinal:
        assert mean.shape == (*eta.shape, case.family.n_cutpoints + 1)
        np.testing.assert_allclose(mean.sum(-1), 1)
        y = y[..., None] == np.arange(mean.shape[-1])
    else:
        assert mean.shape == eta.shape
    if case.phi.get("nu", 3) > 2:
        assert_centred(y - mean, "mean")


@each_case
def test_simulated_responses_are_of_the_density(case):
    """Scores in eta and in every parameter have mean zero, and their variance is the curvature."""
    rows, eta, _, y = simulated(case)
    many = Rows(y.ravel(), *(np.tile(part, DRAWS) for part in rows[1:]))
    at = eta.ravel()
    score, curvature = (part.reshape(eta.shape) for part in slopes(case, many, at))
    assert_centred(score, "score")
    if case.family.name not in COMPLETE_DATA:
        assert_centred(score**2 - curvature, "information")
    size = len(case.phi.get("cutpoints", ()))
    for name in case.phi:
        for k in range(size if name == "cutpoints" else 1):
            unit = np.eye(size)[k] if name == "cutpoints" else 1.0
            with double():
                _, slope = jax.jvp(
                    lambda t, n=name, u=unit: density(
                        case, many, jnp.asarray(at), case.phi | {n: case.phi[n] + t * u}
                    ),
                    (jnp.asarray(0.0),),
                    (jnp.asarray(1.0),),
                )
            assert_centred(np.asarray(slope).reshape(eta.shape), name)


@each_case
def test_simulated_responses_are_in_the_support(case):
    rng = np.random.default_rng(3)
    rows = Rows(*(np.tile(part, 30) for part in rows_of(case, 5)))
    for spread in (1.0, 8.0):
        y = case.family.draw(rng, rows, rng.normal(0, spread, len(rows.y)), case.phi)
        case.family.check(rows._replace(y=y), "y")


@each_case
def test_mean_takes_any_leading_axes_of_either_library(case):
    rows = rows_of(case, 5)
    eta = np.random.default_rng(1).normal(size=(2, 3, SIZE))
    phi = {name: np.broadcast_to(value, (2, 3, 1, *np.shape(value))) for name, value in case.phi.items()}
    found = case.family.mean(rows, eta, phi)
    one = case.family.mean(rows, eta[1, 2], case.phi)
    np.testing.assert_allclose(found[1, 2], one, rtol=1e-14)
    assert case.family.draw(np.random.default_rng(2), rows, eta, phi).shape == eta.shape
    with double():
        again = jax.jit(partial(case.family.mean, rows))(jnp.asarray(eta), phi)
    np.testing.assert_allclose(again, found, rtol=1e-12, atol=1e-15)


@each_case
def test_edges_are_where_the_density_keeps_rising(case):
    rows = rows_of(case, 7)
    low, high = case.family.edges(rows)
    down = [normalised(case, rows, np.full(SIZE, eta)) for eta in (-20.0, -9.0)]
    up = [normalised(case, rows, np.full(SIZE, eta)) for eta in (20.0, 9.0)]
    if "cloglog" in str(case):  # one minus a probability of exp(-exp(9)) is one
        up[1] = normalised(case, rows, np.full(SIZE, 1.5))
    np.testing.assert_array_equal(low, down[0] > down[1])
    np.testing.assert_array_equal(high, up[0] > up[1])


@each_case
def test_search_starts_at_finite_points_near_the_response(case):
    rows = rows_of(case, 3)
    with double():
        start = np.asarray(case.family.start(rows))
    assert start.shape == (SIZE,) and np.isfinite(start).all()
    if case.family.name in ("gaussian", "student"):
        np.testing.assert_array_equal(start, rows.y)
    elif case.family.name in COUNTS:
        np.testing.assert_allclose(start, np.log(rows.y + 0.5), atol=1e-12)
    elif str(case.family) in ("bernoulli", "binomial"):
        np.testing.assert_allclose(start, logit((rows.y + 0.5) / (rows.trials + 1)), atol=1e-12)
    else:
        assert np.all(np.diff(start[np.argsort(rows.y / rows.trials)]) >= -1e-12)


SEARCHES = [
    ("poisson", response([300.0]), {}, 1.0),
    ("poisson", response([0.0] * 299 + [1.0]), {}, 3.0),
    ("poisson", response([0.0]), {}, 3.0),
    ("binomial", response([1.0], 1e5), {}, 3.0),
    ("binomial(probit)", response([1.0], 1e5), {}, 3.0),
    ("binomial(cloglog)", response([1.0], 1e5), {}, 3.0),
    ("binomial(probit)", response([1e5], 1e5), {}, 3.0),
    ("binomial(cloglog)", response([1e5], 1e5), {}, 3.0),
    ("bernoulli(cloglog)", response([0.0, 1, 1, 1, 1]), {}, 2.0),
    ("negbinomial", response([0.0, 0, 0, 25]), {"shape": 0.3}, 2.0),
    ("zero_inflated_poisson", response([0.0, 0, 9, 12]), {"zi": 0.4}, 1.0),
    ("gamma", response([1e-3, 1.0, 1.0, 2.0]), {"shape": 0.5}, 1.0),
    ("exponential", response([1e-3, 1.0, 5.0]), {}, 1.0),
    ("student", response([0.0, 0.1, -0.2, 0.1, 9.0]), {"sigma": 0.3, "nu": 4.0}, 1.0),
    ("beta", response([0.001, 0.2, 0.3]), {"phi": 5.0}, 1.0),
    ("lognormal", response([0.1, 3.0]), {"sigma": 0.5}, 1.0),
    (Cumulative("logit", 2), response([2.0, 1, 2, 2]), {"cutpoints": np.array([-1.0, 1.0])}, 2.0),
    (Cumulative("probit", 2), response([0.0, 0, 0, 0]), {"cutpoints": np.array([-1.0, 1.0])}, 2.0),
]


@pytest.mark.parametrize(("name", "rows", "phi", "sd"), SEARCHES)
def test_newton_steps_reach_the_mode_of_a_level(name, rows, phi, sd):
    """As the engine searches: the first step whole, later ones shortened smoothly to four."""
    family = get_family(name)
    with double():
        eta, x = np.asarray(family.start(rows)), 0.0
        for i in range(family.newton_steps + 1):
            score, w = map(np.asarray, family.score_curvature(rows, jnp.asarray(eta), phi))
            step = (w * eta + score).sum() / (1 / sd**2 + w.sum()) - x
            x += step if i == 0 else step / np.sqrt(1 + step**2 / 16)
            eta = np.full(len(eta), x)
        score, w = map(np.asarray, family.score_curvature(rows, jnp.asarray(eta), phi))
    left = (score.sum() - x / sd**2) / np.sqrt(w.sum() + 1 / sd**2)  # in posterior standard deviations
    assert abs(left) < 0.01, (x, left)


@each_case
def test_default_scales_are_usable(case):
    rows = rows_of(case, 11)
    for part_of in (rows, *(Rows(*(part[i : i + 1] for part in rows)) for i in range(SIZE))):
        location, scale = case.family.scale(part_of)
        assert np.isfinite(location) and 0 < scale < np.inf
        assert 0 < case.family.no_pooling_sd(part_of) < np.inf
        for name in case.family.parameters(False, False):
            prior = case.family.parameter_prior(name, part_of)
            assert prior.support == ("unit" if name == "zi" else "positive")


@each_case
def test_parameters_are_those_of_the_case(case):
    names = case.family.parameters(case.known_se, "sigma" in case.phi)
    assert set(names) == set(case.phi) - {"cutpoints"}
    assert all(name in case.family.distribution(case.known_se, "sigma" in case.phi) for name in names)


LATENT = {
    "bernoulli": stats.logistic(),
    "bernoulli(probit)": stats.norm(),
    "bernoulli(cloglog)": stats.gumbel_l(),
    "binomial": stats.logistic(),
    "cumulative": stats.logistic(),
    "cumulative(probit)": stats.norm(),
    "exponential": stats.gumbel_l(),
    "gamma": stats.loggamma(2.5),
    "student": stats.t(5.0, scale=2.0),
    "lognormal": stats.norm(scale=2.0),
}


@pytest.mark.parametrize("name", LATENT)
def test_residual_variance_is_that_of_the_latent_variable(name):
    phi = {"sigma": np.array([2.0, 2.0]), "nu": np.array([5.0, 5.0]), "shape": np.array([2.5, 2.5])}
    found = get_family(name).residual_variance(response([0.5, 0.2]), phi)
    np.testing.assert_allclose(found, LATENT[name].var(), rtol=1e-12)


def test_residual_variance_where_it_is_not_one_number():
    rows = rows_of(CASES[1], 1)
    found = get_family("gaussian").residual_variance(rows, {"sigma": 2.0})
    np.testing.assert_allclose(found, np.mean(rows.se**2) + 4)
    assert get_family("student").residual_variance(rows, {"sigma": 1.0, "nu": 1.5}) == np.inf
    for name in ("poisson", "negbinomial", "zero_inflated_poisson", "beta"):
        assert get_family(name).residual_variance(rows, {"shape": 1.0, "zi": 0.1, "phi": 2.0}) is None


def test_normal_responses():
    rows = response([0.5, 2.0])
    np.testing.assert_array_equal(get_family("gaussian").normal_response(rows), rows.y)
    np.testing.assert_allclose(get_family("lognormal").normal_response(rows), np.log(rows.y))
    assert {f.name for f in FAMILIES.values() if f.linear_gaussian} == {"gaussian", "lognormal"}


def test_families_are_found_by_name_and_link():
    assert get_family("gaussian") == get_family(get_family("gaussian")) != get_family("binomial")
    assert get_family("binomial") != get_family("bernoulli")
    assert get_family("bernoulli").link == "logit"
    assert get_family("bernoulli", "probit") == get_family(" bernoulli ( probit )") != get_family("bernoulli")
    assert get_family("bernoulli(probit)", "probit").link == "probit"
    assert (
        len({get_family("bernoulli"), get_family("bernoulli(logit)"), get_family("bernoulli(probit)")}) == 2
    )
    for case in CASES:
        assert get_family(str(case.family)).link == case.family.link
    assert Cumulative().with_categories(3) == Cumulative("logit", 2) != Cumulative("logit", 3)
    assert hash(Cumulative("logit", 2)) == hash(Cumulative().with_categories(3))
    assert (get_family("gaussian") == "gaussian") is False


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("binomal",), "Known: gaussian, student.*\n.*Did you mean 'binomial'"),
        (("zzz",), "Known: gaussian, student"),
        (("bernoulli(",), "There is no family"),
        (("bernoulli", "probt"), "Its links: logit, probit, cloglog.\nDid you mean 'probit'"),
        (("poisson(identity)",), "'poisson' has no link 'identity'.\nIts links: log."),
        (("bernoulli(probit)", "logit"), "One link"),
        ((get_family("bernoulli"), "probit"), "One link"),
    ],
)
def test_unknown_families_and_links_are_refused(arguments, message):
    with pytest.raises(ModelError, match=message):
        get_family(*arguments)


def test_what_a_family_does_not_have_is_refused():
    with pytest.raises(ModelError, match="no parameter 'sigma'"):
        get_family("poisson").parameter_prior("sigma", response([1.0]))
    with pytest.raises(ModelError, match="no categories"):
        get_family("poisson").encode(np.arange(3), "y")
    with pytest.raises(ModelError, match="no categories"):
        get_family("poisson").with_categories(3)
