"""Ratios of densities are the same however a point is written, and their errors are as large as stated."""

import warnings

import numpy as np
import pytest
from estimand_cases import RUN, rows
from scipy import stats
from scipy.special import k0

import shoal as sl
from shoal.errors import FormulaError
from shoal.estimands.hypotheses.density import density_at
from shoal.estimands.hypotheses.evidence import WORST
from shoal.estimands.hypotheses.names import Names
from shoal.estimands.hypotheses.reader import read
from shoal.estimands.hypotheses.roots import _slope, roots
from shoal.priors import HalfNormal, Laplace, Normal

PRIORS = {"x": Normal(0.3, 0.9), "z": Laplace(0.1, 2.0), "sigma": HalfNormal(1.5), "sd_g[x]": HalfNormal(0.8)}
SIZE = 10_000


@pytest.fixture(scope="module", autouse=True)
def loud():
    """No warning of NumPy's may escape."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        yield


@pytest.fixture(scope="module")
def fit():
    data = rows().assign(z=np.tile([0.0, 1.0, 4.0, 2.0], 12))
    return sl.Model("y ~ x + z + (1 + x | g)", data, priors=PRIORS).fit(**RUN)


@pytest.mark.parametrize(
    ("plain", "written"),
    [
        ("x = 0.9", ["exp(x) = exp(0.9)", "x^3 = 0.729", "exp(exp(x)) = exp(exp(0.9))"]),
        ("x = 0.9", ["tanh(x) = tanh(0.9)", "x + x^3 = 1.629"]),
        ("x = 0.9", ["log(x + 10) = log(10.9)", "1 / (x + 10) = 1 / 10.9", "2 ^ x = 2 ^ 0.9"]),
        ("z = -0.02", ["expm1(z) = expm1(-0.02)", "1e9 * z^3 = -8000"]),
        ("sigma = 0.6", ["sigma^2 = 0.36", "log(sigma) = log(0.6)", "1 / sigma = 1 / 0.6"]),
        ("sigma = 0.6", ["sqrt(sigma) = sqrt(0.6)"]),
        ("sigma = 0.6", ["log2(sigma) = log2(0.6)", "log10(sigma)=log10(0.6)", "log1p(sigma) = log(1.6)"]),
        ("sd_g[x] = 0.3", ["sd_g[x]^2 = 0.09", "sd_g[x]^4 = 0.0081", "abs(-sd_g[x]) = 0.3"]),
        ("cor_g[x, Intercept] = 0.2", ["tanh(cor_g[x, Intercept]) = tanh(0.2)"]),
        ("levels_g[0, x] = 0.6", ["exp(levels_g[0, x]) = exp(0.6)"]),
    ],
)  # fmt: skip
def test_the_ratio_is_the_same_however_the_point_is_written(fit, plain, written):
    expected = fit.test(plain).table.iloc[0]
    for text in written:
        found = fit.test(text).table.iloc[0]
        np.testing.assert_allclose(found["evidence_ratio"], expected["evidence_ratio"], rtol=1e-6)
        np.testing.assert_allclose(found["mcse"], expected["mcse"], rtol=1e-6)


def test_densities_of_several_roots_are_summed(fit):
    """Of x^2 = c, with both roots within the draws, and with one far from them."""
    prior = stats.norm(0.3, 0.9)
    for c in (0.81, 1.0):
        root = np.sqrt(c)
        own, row = fit.test([f"x^2 = {c}", f"x = {root}"]).densities.to_numpy()
        assert own[2] == pytest.approx((prior.pdf(root) + prior.pdf(-root)) / (2 * root), rel=1e-9)
        assert own[3] == 0 and own[0] == pytest.approx(row[0] / (2 * root), rel=1e-6) and own[1] > row[1]
    sigma = fit.test(["(sigma - 0.6)^2 = 0.0016", "sigma = 0.56", "sigma = 0.64"]).densities
    assert sigma["posterior"].iloc[0] == pytest.approx(sigma["posterior"].iloc[1:].sum() / 0.08, rel=1e-6)
    expected = stats.halfnorm(scale=1.5).pdf([0.56, 0.64]).sum() / 0.08
    assert sigma["prior"].iloc[0] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x^2 = 4", [-2, 2]),
        ("x^3 - 3 * x + 1 = 0", [-1.879385241571817, 0.347296355333861, 1.532088886237956]),
        ("1 / x = 4", [0.25]),
        ("exp(x) = 1", [0]),
        ("x^2 = 1e300", [-1e150, 1e150]),
        ("abs(x - 1) = 0.001", [0.999, 1.001]),
        ("x * exp(x) = -0.2", [-2.542641357773526, -0.2591711018190738]),
    ],
)
def test_all_roots_are_found(fit, text, expected):
    found = roots(read(text, Names(fit.results)), np.linspace(-1, 1.5), "real")
    np.testing.assert_allclose([at for at, _ in found], expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("at", [0.3, 1.7])
@pytest.mark.parametrize(
    "text",
    [
        "x^2 * 3 - 2^x / x = x",
        "log(x) + log2(x) * log10(x) = log1p(x)",
        "exp(-x) - expm1(x / 3) = sqrt(x)",
        "abs(-x) * tanh(x) = +x ^ x",
    ],
)
def test_slopes_are_finite_differences(fit, text, at):
    hypothesis, h = read(text, Names(fit.results)), 1e-5
    high, low = (hypothesis.difference(lambda name, x=x: np.asarray(x)) for x in (at + h, at - h))
    assert _slope(hypothesis, np.asarray(at)) == pytest.approx((high - low) / (2 * h), rel=1e-7)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("x^3 = 0", "slope is 0"),
        ("x^2 = 0", "slope is 0"),
        ("x^2 * (x - 1) = 0", "slope is 0 or has no bound at 0"),
        ("(x - 0.3)^2 * (x - 1) = 0", "slope is 0 or has no bound at 0.3"),
        ("abs(x) * (x - 1) = 0", "slope is 0 or has no bound at"),
        ("tanh(10 * x)^2 * exp(x - 5) = 0", "slope is 0"),
        ("exp(x) = -1", "one side"),
        ("1 / x = 0", "nowhere"),
        ("sigma^2 = 0", "one side"),
        ("exp(sigma) = 1", "one side"),
        ("exp(r_g[0, x]) = 1", "no finite density at 0"),
        ("x * z = 0", "a product has no finite density"),
        ("0 = 2 * (x - 1) * z / 3", "a product has no finite density"),
        ("(x / 1e9)^1000 > 1", "Rounding"),
        ("x = 1e300", "Rounding"),
    ],
)
def test_points_without_a_ratio_say_why(fit, text, found):
    with pytest.raises(FormulaError) as caught:
        fit.test(text)
    assert found in caught.value.found
    assert fit.test("x > 0.9", rope=(-1, 1)).table["in_rope"].item() > 0


def of(c, log_density, draw, *names):
    return pytest.param(c, log_density, draw, id=" ".join(map(str, (*names, c))))


NORMAL, WIDE = stats.norm(), stats.norm(0, 2.5)
CASES = [
    *(
        of(c, stats.lognorm(s).logpdf, lambda rng, s=s: np.exp(s * rng.normal(size=SIZE)), f"exp(x + z) {s}")
        for s in (0.5, 1.4, 3.5)
        for c in (0.5, 1.65, 3.0)
    ),
    *(
        of(c, lambda c: np.log(k0(abs(c)) / np.pi), lambda rng: NORMAL.rvs((2, SIZE), rng).prod(0), "x * z")
        for c in (0.3, -2.0)
    ),
    *(
        of(c, stats.cauchy.logpdf, lambda rng: np.divide(*NORMAL.rvs((2, SIZE), rng)), "x / z")
        for c in (0.0, 0.5, -2.0, 10.0)
    ),
    *(
        of(c, lambda c: -2 * np.log1p(c), lambda rng: np.divide(*rng.exponential(size=(2, SIZE))), "sd / sd")
        for c in (0.05, 0.5, 4.0)
    ),
    *(
        of(
            c,
            lambda c: WIDE.logpdf(np.log(np.log(c))) - np.log(c * np.log(c)),
            lambda rng: np.exp(np.exp(np.minimum(WIDE.rvs(SIZE, rng), 6.0))),
            "exp(exp(x + z))",
        )
        for c in (1.5, 5.2)
    ),
]  # fmt: skip


@pytest.mark.parametrize(("c", "log_density", "draw"), CASES)
def test_densities_with_heavy_tails_and_peaks_are_as_wrong_as_they_say(c, log_density, draw):
    rng, away = np.random.default_rng(3), []
    for _ in range(20):
        found = density_at(draw(rng)[None] - c, 0.0)
        assert found is not None and found.error < WORST
        away.append((found.log - log_density(c)) / found.error)
    assert np.sqrt(np.mean(np.square(away))) < 1.6 and np.abs(away).max() < 4.0


def test_a_peak_that_no_kernel_is_narrow_enough_for_has_no_density():
    rng = np.random.default_rng(1)
    found = density_at(np.exp(rng.normal(0, 60, SIZE))[None] * rng.choice([-1, 1], SIZE), 0.0)
    assert found.error > WORST


def test_priors_of_several_parameters_are_those_that_are_written_out(fit):
    """An integral over one of two parameters, which is known to three digits, within the stated error."""
    prior = {"a": stats.norm(0.3, 0.9), "b": stats.halfnorm(scale=1.5)}
    own = fit.test("exp(x) / sigma = 3").densities.iloc[0]
    draws = np.exp(prior["a"].rvs(400_000, random_state=1))
    exact = np.mean(prior["b"].pdf(draws / 3) * draws / 9)  # over sigma, given x
    assert 0 < own["prior_error"] < 0.3 and abs(np.log(own["prior"] / exact)) < 4 * own["prior_error"]


def test_a_direction_that_the_prior_settles_has_no_bayes_factor(fit):
    row = fit.test("x < 1e5").table.iloc[0]
    assert row["probability"] == 1 and np.isnan(row["bayes_factor"])


def test_points_away_from_zero_of_effects_have_a_ratio(fit):
    """Where all effects are 0, these sides differ: their difference has a finite density at 0."""
    found = fit.test(["exp(r_g[0, x]) = 1.1 * exp(r_g[10, x])", "r_g[0, x] * r_g[10, x] = 0.02"])
    assert np.isfinite(found.table["evidence_ratio"]).all()
