"""Laws that every response family keeps beside those of its rows: merging, draws, means, starts, scales."""

import numpy as np
import pytest
from family_cases import (
    CASES,
    COUNTS,
    HURDLES,
    SEVERAL,
    SILENT,
    SIZE,
    SUCCESSES,
    TRUNCATED,
    WITH_ENDS,
    response,
    rows_of,
    stretched,
)
from scipy import stats
from scipy.special import expit, logit
from scipy_densities import log_density as scipy_density

from refusals import refused
from shoal.errors import ModelError
from shoal.families import FAMILIES, AdjacentCategory, Cumulative, Rows, StoppingRatio, get_family

each_case = pytest.mark.parametrize("case", CASES, ids=str)
UNIT = ("zi", "hu", "zoi", "coi", "quantile")  # parameters that are probabilities
REAL = ("alpha", "cutzero")  # and those that are any number
BETAS = ("zero_inflated_beta", *WITH_ENDS)
ZERO_INFLATED = ("zero_inflated_poisson", "zero_inflated_negbinomial", "zero_inflated_binomial")
NO_EDGES = ("von_mises", "categorical")  # the own predictor of unordered categories never moves
NOT_THE_INFORMATION = (*ZERO_INFLATED, "beta_binomial")  # curvatures that are not in expectation


def normalised(case, rows, eta):
    return case.family.log_density(rows, eta, case.phi) + case.family.log_constant(rows)


def test_every_family_and_link_is_tested():
    tested = {(case.family.name, case.family.link) for case in CASES}
    tested |= {(name, "logit") for name in SEVERAL}
    assert tested == {(name, link) for name, family in FAMILIES.items() for link in family.links}


@each_case
def test_merged_rows_are_sufficient(case):
    rows, index = rows_of(case, 8), np.array([0, 1, 1, 2, 0, 2, 2])
    merged = case.family.merge(rows, index, 3)
    if case.family.name not in ("bernoulli", "binomial", "poisson", "exponential"):
        assert merged is None
        return
    eta = np.array([-1.0, 0.3, 2.0])
    whole = case.family.log_density(merged, eta, case.phi).sum() + case.family.log_constant(rows).sum()
    again = case.family.merge(merged, np.zeros(3, int), 1)
    score = [case.family.score_curvature(r, np.zeros(len(r.y)), {})[0].sum() for r in (merged, again)]
    start = case.family.start(merged)
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
    if case.family.categorical:
        assert mean.shape == (*eta.shape, 1 + sum(map(np.size, case.phi.values())))
        np.testing.assert_allclose(mean.sum(-1), 1)
        y = y[..., None] == np.arange(mean.shape[-1])
    else:
        assert mean.shape == eta.shape
    if case.phi.get("nu", 3) > 2:
        away = y - mean
        assert_centred(np.sin(away) if case.family.name == "von_mises" else away, "mean")


@each_case
def test_simulated_responses_are_of_the_density(case):
    """Scores in eta and in every parameter have mean zero, and their variance is the curvature."""
    rows, eta, _, y = simulated(case)
    many = Rows(y.ravel(), *(np.tile(part, DRAWS) for part in rows[1:4]))
    found = case.family.evaluate(many, eta.ravel(), case.phi, order=2)
    score, curvature = found.score.reshape(eta.shape), found.curvature.reshape(eta.shape)
    assert_centred(score, "score")
    if case.family.name not in NOT_THE_INFORMATION:
        assert_centred(score**2 - curvature, "information")
    for k, slope in enumerate(found.slope.T):
        assert_centred(slope.reshape(eta.shape), f"parameter {k}")


@pytest.mark.parametrize("case", [c for c in CASES if c.family.name == "beta_binomial"], ids=str)
def test_beta_binomial_draws_have_the_stated_mean_and_variance(case):
    rows = response(np.zeros(3), 12)
    eta = np.broadcast_to([-1.0, 0.0, 2.0], (DRAWS, 3))
    y = case.family.draw(np.random.default_rng(8), rows, eta, case.phi)
    case.family.check(Rows(y.ravel(), np.full(y.size, 12.0), np.ones(y.size), np.zeros(y.size)), "y")
    p, phi = expit(eta[0]), case.phi["phi"]
    variance = 12 * p * (1 - p) * (12 + phi) / (1 + phi)
    mean = case.family.mean(rows, eta, case.phi)[0]
    np.testing.assert_allclose(mean, 12 * p)
    assert np.all(abs(y.mean(0) - mean) < 4.5 * np.sqrt(variance / DRAWS))
    square = (y - mean) ** 2
    assert np.all(abs(square.mean(0) - variance) < 4.5 * square.std(0) / np.sqrt(DRAWS))


@each_case
def test_simulated_responses_are_in_the_support(case):
    rng = np.random.default_rng(3)
    rows = Rows(*(np.tile(part, 30) for part in rows_of(case, 5)[:4]))
    for spread in (1.0, 8.0):
        y = case.family.draw(rng, rows, rng.normal(0, spread, len(rows.y)), case.phi)
        case.family.check(rows._replace(y=y), "y")


@each_case
def test_mean_takes_any_leading_axes(case):
    rows = rows_of(case, 5)
    eta = np.random.default_rng(1).normal(size=(2, 3, SIZE))
    phi = {name: np.broadcast_to(value, (2, 3, 1, *np.shape(value))) for name, value in case.phi.items()}
    found = case.family.mean(rows, eta, phi)
    one = case.family.mean(rows, eta[1, 2], case.phi)
    np.testing.assert_allclose(found[1, 2], one, rtol=1e-14)
    assert case.family.draw(np.random.default_rng(2), rows, eta, phi).shape == eta.shape


@pytest.mark.parametrize("case", [c for c in CASES if c.family.name not in NO_EDGES], ids=str)
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
    start = case.family.start(rows)
    assert isinstance(start, np.ndarray) and start.dtype == float
    assert start.shape == (SIZE,) and np.isfinite(start).all()
    if case.family.link == "identity" and not case.family.name.endswith("lognormal"):
        np.testing.assert_array_equal(start, rows.y)
    elif case.family.name in COUNTS:
        np.testing.assert_allclose(start, np.log(rows.y + 0.5), atol=1e-12)
    elif case.family.name in TRUNCATED:
        np.testing.assert_allclose(start, np.log(np.maximum(rows.y, 1) - 0.5), atol=1e-12)
    elif str(case.family) in SUCCESSES:
        np.testing.assert_allclose(start, logit((rows.y + 0.5) / (rows.trials + 1)), atol=1e-12)
    else:
        there = rows.y != 0 if case.family.name in SILENT else slice(None)  # zeros may say nothing
        assert np.all(np.diff(start[there][np.argsort((rows.y / rows.trials)[there])]) >= -1e-12)


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
    ("beta_binomial", response([0.0, 5.0, 1.0], 6.0), {"phi": 3.0}, 2.0),
    ("negbinomial", response([0.0, 0, 0, 25]), {"shape": 0.3}, 2.0),
    ("zero_inflated_poisson", response([0.0, 0, 9, 12]), {"zi": 0.4}, 1.0),
    ("zero_inflated_negbinomial", response([0.0, 0, 9, 12]), {"shape": 2.0, "zi": 0.4}, 1.0),
    ("zero_inflated_binomial", response([0.0, 0, 5, 6], 6.0), {"zi": 0.4}, 1.5),
    ("hurdle_poisson", response([0.0, 0, 9, 12]), {"hu": 0.4}, 1.0),
    ("hurdle_poisson", response([0.0, 1, 1, 1]), {"hu": 0.4}, 2.0),
    ("hurdle_negbinomial", response([0.0, 1, 2, 25]), {"shape": 0.3, "hu": 0.4}, 2.0),
    ("hurdle_gamma", response([0.0, 1e-3, 1.0, 2.0]), {"shape": 0.5, "hu": 0.4}, 1.0),
    ("hurdle_lognormal", response([0.0, 0.1, 3.0]), {"sigma": 0.5, "hu": 0.4}, 1.0),
    ("gamma", response([1e-3, 1.0, 1.0, 2.0]), {"shape": 0.5}, 1.0),
    ("exponential", response([1e-3, 1.0, 5.0]), {}, 1.0),
    ("weibull", response([1e-3, 1.0, 1.0, 2.0]), {"shape": 0.5}, 1.0),
    ("weibull", response([0.5, 1.0, 1.2]), {"shape": 9.0}, 1.0),
    ("inverse_gaussian", response([0.05, 1.0, 4.0]), {"shape": 0.8}, 1.0),
    ("student", response([0.0, 0.1, -0.2, 0.1, 9.0]), {"sigma": 0.3, "nu": 4.0}, 1.0),
    ("skew_normal", response([0.0, 0.1, -0.2, 0.1, 3.0]), {"sigma": 0.5, "alpha": 9.0}, 1.0),
    ("von_mises", response([0.3, 1.0, -0.4, 3.0]), {"kappa": 3.0}, 1.0),
    ("beta", response([0.001, 0.2, 0.3]), {"phi": 5.0}, 1.0),
    ("zero_inflated_beta", response([0.0, 0.001, 0.2, 0.3]), {"phi": 5.0, "zi": 0.2}, 1.0),
    ("zero_one_inflated_beta", response([1.0, 0, 0.2, 0.3]), {"phi": 5.0, "zoi": 0.2, "coi": 0.5}, 1.0),
    ("ordered_beta", response([0.0, 0, 0.2, 0.3]), {"phi": 5.0, "cutzero": -1.0, "cutgap": 2.0}, 1.5),
    ("ordered_beta", response([1.0, 1, 1]), {"phi": 5.0, "cutzero": -1.0, "cutgap": 2.0}, 1.5),
    ("lognormal", response([0.1, 3.0]), {"sigma": 0.5}, 1.0),
    (Cumulative("logit", 2), response([2.0, 1, 2, 2]), {"cutpoints": np.array([-1.0, 1.0])}, 2.0),
    (StoppingRatio("logit", 2), response([2.0, 1, 2, 0]), {"cutpoints": np.array([1.0, -1.0])}, 2.0),
    (StoppingRatio("probit", 2), response([2.0, 2, 2, 2]), {"cutpoints": np.array([1.0, -1.0])}, 2.0),
    (AdjacentCategory("logit", 3), response([3.0, 3, 2, 3]), {"cutpoints": np.array([1.0, -1.0, 0])}, 2.0),
    (Cumulative("probit", 2), response([0.0, 0, 0, 0]), {"cutpoints": np.array([-1.0, 1.0])}, 2.0),
]


@pytest.mark.parametrize(("name", "rows", "phi", "sd"), SEARCHES)
def test_newton_steps_reach_the_mode_of_a_level(name, rows, phi, sd):
    """As the engine searches: the first step whole, later ones shortened smoothly to four."""
    family = get_family(name)
    eta, x = family.start(rows), 0.0
    for i in range(family.newton_steps + 1):
        score, w = family.score_curvature(rows, eta, phi)
        step = (w * eta + score).sum() / (1 / sd**2 + w.sum()) - x
        x += step if i == 0 else step / np.sqrt(1 + step**2 / 16)
        eta = np.full(len(eta), x)
    score, w = family.score_curvature(rows, eta, phi)
    left = (score.sum() - x / sd**2) / np.sqrt(w.sum() + 1 / sd**2)  # in posterior standard deviations
    assert abs(left) < 0.01, (x, left)


@each_case
def test_default_scales_are_usable(case):
    rows = rows_of(case, 11)
    for part_of in (rows, *(Rows(*(part[i : i + 1] for part in rows[:4])) for i in range(SIZE))):
        location, scale = case.family.scale(part_of)
        assert np.isfinite(location) and 0 < scale < np.inf
        assert 0 < case.family.no_pooling_sd(part_of) < np.inf
        for name in case.family.parameters(False, False):
            prior = case.family.parameter_prior(name, part_of)
            real = name in REAL or name.startswith("mu_")
            expected = "unit" if name in UNIT else "real" if real else "positive"
            assert prior.support == expected


@each_case
def test_log_concave_families_are_all_but_these(case):
    others = ("student", "beta", "beta_binomial", "inverse_gaussian", "von_mises", "hurdle_negbinomial")
    others += ZERO_INFLATED + BETAS
    assert case.family.log_concave == (case.family.name not in others)


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
    "weibull": stats.gumbel_l(scale=1 / 2.5),
    "skew_normal": stats.norm(scale=2.0),
    "asym_laplace": stats.laplace_asymmetric(np.sqrt(3 / 7), scale=2.0 / np.sqrt(0.21)),
    "student": stats.t(5.0, scale=2.0),
    "lognormal": stats.norm(scale=2.0),
}


WITHOUT_RESIDUAL_VARIANCE = (
    *("poisson", "negbinomial", "inverse_gaussian", "beta", "beta_binomial", "von_mises"),
    *("sratio", "cratio", "acat", "categorical"),
    *ZERO_INFLATED,
    *HURDLES,
    *BETAS,
)


@pytest.mark.parametrize("name", LATENT)
def test_residual_variance_is_that_of_the_latent_variable(name):
    phi = {"sigma": 2.0, "nu": 5.0, "shape": 2.5, "quantile": 0.3}
    phi = {name: np.full(2, value) for name, value in phi.items()}
    found = get_family(name).residual_variance(response([0.5, 0.2]), phi)
    np.testing.assert_allclose(found, LATENT[name].var(), rtol=1e-12)


def test_residual_variance_where_it_is_not_one_number():
    rows = rows_of(CASES[1], 1)
    found = get_family("gaussian").residual_variance(rows, {"sigma": 2.0})
    np.testing.assert_allclose(found, np.mean(rows.se**2) + 4)
    assert get_family("student").residual_variance(rows, {"sigma": 1.0, "nu": 1.5}) == np.inf
    for name in WITHOUT_RESIDUAL_VARIANCE:
        assert get_family(name).residual_variance(rows, {"shape": 1.0, "zi": 0.1, "phi": 2.0}) is None


def test_normal_responses():
    rows = response([0.5, 2.0])
    np.testing.assert_array_equal(get_family("gaussian").normal_response(rows), rows.y)
    np.testing.assert_allclose(get_family("lognormal").normal_response(rows), np.log(rows.y))
    beyond = get_family("hurdle_lognormal").normal_response(response([0.0, 2.0]))
    np.testing.assert_allclose(beyond, [0, np.log(2)])
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
    assert Cumulative().with_categories("abc") == Cumulative("logit", 2) != Cumulative("logit", 3)
    assert hash(Cumulative("logit", 2)) == hash(Cumulative().with_categories("abc"))
    assert (get_family("gaussian") == "gaussian") is False


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("binomal",), "Known: gaussian, student.*\n.*Did you mean 'binomial'"),
        (("zzz",), "Known: gaussian, student"),
        (("bernoulli(",), "There is no family"),
        (("bernoulli", "probt"), "Its links: logit, probit, cloglog.\nDid you mean 'probit'"),
        (("poisson(identity)",), "'poisson' has no link 'identity'.\nIts links: log."),
        (("bernoulli(probit)", "logit"), "link once"),
        ((get_family("bernoulli"), "probit"), "link once"),
    ],
)
def test_unknown_families_and_links_are_refused(arguments, message):
    with pytest.raises(ModelError, match=message):
        get_family(*arguments)


def test_what_a_family_does_not_have_is_refused():
    with refused("parameter-not-of-family", match="no parameter 'sigma'"):
        get_family("poisson").parameter_prior("sigma", response([1.0]))
    with refused("family-without-categories"):
        get_family("poisson").encode(np.arange(3), "y")
    with refused("family-without-categories"):
        get_family("poisson").with_categories("abc")


@pytest.mark.parametrize("name", ["poisson", "negbinomial", "zero_inflated_poisson", "hurdle_poisson"])
def test_default_priors_of_counts_speak_of_factors_of_e(name):
    """Rows one sd apart differ by a factor of e; the log of the mean is that of weighted responses."""
    rows = Rows(np.array([0.0, 1.0, 2.0, 5.0]), np.zeros(4), np.array([1.0, 2.0, 1.0, 1.0]), np.zeros(4))
    assert get_family(name).scale(rows)[1] == 1.0
    assert get_family("poisson").scale(rows)[0] == pytest.approx(np.log(9 / 5))
