"""Effects equal hand computations from the draws, and integrals over levels equal quadrature."""

import numpy as np
import pandas as pd
import pytest
from estimand_cases import from_prior
from scipy.integrate import quad
from scipy.special import expit, softmax
from scipy.stats import norm, t

import shoal as sl
from refusals import refused
from shoal.errors import DataError, FormulaError, ModelError, ShoalWarning
from shoal.estimands import adjusted, population_mean

EXACT = {"rtol": 1e-12, "atol": 1e-12}


def rows():
    rng = np.random.default_rng(5)
    n = 96
    data = pd.DataFrame(
        {
            "g": np.repeat(np.arange(8), 12) * 10,
            "h": np.tile([0, 1, 2], 32),
            "x": rng.normal(size=n),
            "z": rng.normal(3.0, 2.0, n),
            "c": pd.Categorical(rng.choice(["low", "high"], n, p=[0.3, 0.7]), categories=["low", "high"]),
            "m": rng.integers(1, 5, n),
            "d": np.tile([1, 2, 5], 32),
            "t": rng.integers(1, 7, n),
            "w": rng.uniform(0.5, 2, n),
        }
    )
    eta = np.repeat(rng.normal(0, 0.7, 8), 12) + 0.8 * data["x"]
    data["y"] = eta + rng.normal(size=n)
    data["k"] = rng.binomial(data["t"], expit(eta))
    data["b"] = (data["y"] > 0).astype(int)
    data["n"] = rng.poisson(np.exp(0.3 * eta))
    data["o"] = np.digitize(eta + rng.logistic(size=n), [-1, 0.5, 2]) + 1
    data["v"] = np.array(["bus", "car", "foot"])[rng.integers(0, 3, n)]
    return data


DATA = rows()
GRID = [-1.0, 0.0, 2.0]


def draws(fit, name):
    return fit.results.posterior[name].values.astype(float)


@pytest.fixture(scope="module")
def binary():
    return from_prior("b ~ x + z + c + (1 + x | g)", DATA, family="bernoulli")


@pytest.fixture(scope="module")
def counts():
    return from_prior("k | trials(t) ~ x + c + (1 | g)", DATA, family="binomial")


def fixed(fit, x, z, c):
    """Return the population's linear predictor of `binary`, (chain, draw, point)."""
    x = np.atleast_1d(x)
    eta = draws(fit, "Intercept")[..., None] + draws(fit, "x")[..., None] * x
    return eta + draws(fit, "z")[..., None] * z + draws(fit, "c[T.high]")[..., None] * (c == "high")


def test_a_typical_level_has_effects_of_zero(binary):
    out = binary.effect({"x": GRID})
    np.testing.assert_allclose(out.draws, expit(fixed(binary, GRID, DATA["z"].mean(), "high")), **EXACT)
    assert out.grid["x"].tolist() == GRID and out.scale == "expected b"
    assert "z=3." in out.population and "c=high" in out.population
    assert "a typical level of g, whose effects are zero" in out.population


def test_columns_are_held_where_they_are_told(binary):
    out = binary.effect({"x": GRID}, at={"z": 1, "c": "low"}, scale="link")
    np.testing.assert_allclose(out.draws, fixed(binary, GRID, 1.0, "low"), **EXACT)
    assert "with z=1, c=low" in out.population


def test_a_level_is_named_by_label_or_by_column(binary):
    r = binary.results.posterior["r_g"].sel(g=30).values
    eta = fixed(binary, GRID, DATA["z"].mean(), "high") + r[..., :1] + r[..., 1:] * np.array(GRID)
    for asked in ({"levels": 30}, {"levels": "30"}, {"at": {"g": 30}}):
        out = binary.effect({"x": GRID}, **asked)
        np.testing.assert_allclose(out.draws, expit(eta), **EXACT)
        assert ("with g=30" if "at" in asked else "in level 30 of g") in out.population


def every_level(fit, x):
    """Return the probability in each fitted level, (level, chain, draw, point)."""
    r = np.moveaxis(draws(fit, "r_g"), 2, 0)
    return expit(fixed(fit, x, DATA["z"].mean(), "high") + r[..., :1] + r[..., 1:] * np.atleast_1d(x))


def test_fitted_levels_count_once_each(binary):
    out = binary.effect({"x": GRID}, levels="fitted")
    np.testing.assert_allclose(out.draws, every_level(binary, GRID).mean(0), **EXACT)
    assert "averaged over the 8 levels of g that were fitted" in out.population


def test_a_curve_for_each_level(binary):
    out = binary.effect({"x": GRID}, by="g")
    expected = np.moveaxis(every_level(binary, GRID), 0, 2).reshape(*out.draws.shape)
    np.testing.assert_allclose(out.draws, expected, **EXACT)
    assert out.table["g"].tolist()[::3] == [10 * i for i in range(8)]


def test_the_average_over_the_data_keeps_levels_and_values(binary):
    r = binary.results.posterior["r_g"].sel(g=DATA["g"].to_numpy()).values
    high = (DATA["c"] == "high").to_numpy()
    sides = []
    for x in GRID:
        eta = draws(binary, "Intercept") + draws(binary, "x") * x
        eta = eta[..., None] + draws(binary, "z")[..., None] * DATA["z"].to_numpy()
        eta = eta + draws(binary, "c[T.high]")[..., None] * high + r[..., 0] + r[..., 1] * x
        sides.append(expit(eta).mean(-1))
    out = binary.effect({"x": GRID}, over="data")
    np.testing.assert_allclose(out.draws, np.stack(sides, -1), **EXACT)
    contrast = binary.contrast({"x": GRID}, hypothesis="reference")
    np.testing.assert_allclose(out.contrast("reference").draws, contrast.draws, **EXACT)


def test_pieces_of_a_grid_over_the_data_are_the_whole(counts, monkeypatch):
    whole = counts.effect({"x": GRID}, over="data")
    monkeypatch.setattr(adjusted, "ROWS", 100)
    np.testing.assert_allclose(counts.effect({"x": GRID}, over="data").draws, whole.draws, **EXACT)


def test_successes_are_shares_of_trials(counts):
    out = counts.effect({"x": GRID}, at={"c": "low"})
    eta = draws(counts, "Intercept")[..., None] + draws(counts, "x")[..., None] * np.array(GRID)
    np.testing.assert_allclose(out.draws, expit(eta), **EXACT)
    assert out.scale == "expected share of k among its trials"


# The population of levels


def by_quadrature(function, mean, sd):
    """Return the mean of a function of a normal variable."""
    return quad(lambda u: function(mean + sd * u) * norm.pdf(u), -12, 12, epsabs=1e-13, limit=200)[0]


def test_the_population_is_integrated_over_intercepts_and_slopes(binary):
    out = binary.effect({"x": GRID}, levels="population").draws.values
    eta = fixed(binary, GRID, DATA["z"].mean(), "high")
    sd, cor = draws(binary, "sd_g"), draws(binary, "cor_g")[..., 0, 1]
    for chain, draw in [(0, 0), (0, 7), (0, 50), (0, 119)]:
        a, b = sd[chain, draw]
        for point, x in enumerate(GRID):
            total = np.sqrt(a**2 + 2 * cor[chain, draw] * a * b * x + (b * x) ** 2)
            expected = by_quadrature(expit, eta[chain, draw, point], total)
            assert out[chain, draw, point] == pytest.approx(expected, abs=1e-7)


def test_crossed_factors_and_latents_add_their_variances():
    responses = [
        sl.Response("n ~ x + latent(u | h) + (1 | g) + (1 | h)", "poisson"),
        sl.Response("y ~ x + latent(u | h)"),
    ]
    fit = from_prior(responses, DATA)
    out = fit.effect({"x": GRID}, levels="population", response="n").draws
    variance = draws(fit, "n_sd_g")[..., 0] ** 2 + draws(fit, "n_sd_h")[..., 0] ** 2
    variance = variance + draws(fit, "n_loading_u") ** 2
    eta = draws(fit, "n_Intercept")[..., None] + draws(fit, "n_x")[..., None] * np.array(GRID)
    usual = variance < 16  # of more, the mean is that of a tail
    assert usual.mean() > 0.5
    np.testing.assert_allclose(out.values[usual], np.exp(eta + variance[..., None] / 2)[usual], rtol=1e-6)


def test_effects_on_two_predictors_are_integrated_together():
    """(1 - zi) exp(eta) is the mean of zero-inflated counts; an id correlates eta and the log odds of zi."""
    priors = {"sd": sl.priors.HalfNormal(0.7)}
    model = {"family": "zero_inflated_poisson", "predictors": {"zi": "~ 1 + (1 | i | g)"}, "priors": priors}
    fit = from_prior("n ~ x + (1 | i | g)", DATA, draws=6, **model)
    out = fit.effect({"x": [0.5]}, levels="population").draws.values[0, :, 0]
    effects = fit.results.posterior["sd_g"]["g_effect"].values.tolist()
    for i in range(6):
        eta = draws(fit, "Intercept")[0, i] + 0.5 * draws(fit, "x")[0, i]
        sd = dict(zip(effects, draws(fit, "sd_g")[0, i], strict=True))
        a, b = sd["Intercept"], sd["zi_Intercept"]
        rho, odds = draws(fit, "cor_g")[0, i, 0, 1], draws(fit, "zi_Intercept")[0, i]

        def given(u, a=a, b=b, rho=rho, eta=eta, odds=odds):  # the effect on zi, b u
            return np.exp(eta + a * rho * u + (1 - rho**2) * a**2 / 2) * expit(-odds - b * u)

        assert out[i] == pytest.approx(by_quadrature(given, 0.0, 1.0), rel=1e-6)


def test_means_that_are_those_of_a_tail_are_told():
    """The mean of lognormal rows is exp(mu + sigma^2 / 2): infinite where log sigma is normal."""
    data = DATA.assign(p=np.exp(DATA["y"]))
    fit = from_prior("p ~ x", data, draws=5, family="lognormal", predictors={"sigma": "~ 1 + (1 | g)"})
    with pytest.warns(ShoalWarning, match="far tail, or infinite"):
        fit.effect({"x": [0.5]}, levels="population")


def test_categories_without_an_order_are_averaged_over_effects_on_each_predictor():
    fit = from_prior("v ~ x + (1 | g)", DATA, draws=4, family="categorical")
    out = fit.effect({"x": [0.5]}, levels="population").draws
    table = pd.DataFrame({"x": 0.5, "g": np.arange(1000, 21000)})
    many = fit.predict(table, new_levels="population").values
    error = many.std(2) / np.sqrt(many.shape[2])
    np.testing.assert_array_less(np.abs(out.values[:, :, 0] - many.mean(2)), 4 * error + 1e-9)
    mu = [draws(fit, f"mu_{v}_Intercept") + 0.5 * draws(fit, f"mu_{v}_x") for v in ("car", "foot")]
    typical = softmax(np.stack([np.zeros_like(mu[0]), *mu], -1), axis=-1)
    np.testing.assert_allclose(fit.effect({"x": [0.5]}).draws[:, :, 0], typical, **EXACT)


def test_student_effects_are_averaged_where_there_is_a_mean():
    fit = from_prior("b ~ x + (1 | gr(g, dist='student'))", DATA, draws=6, family="bernoulli")
    out = fit.effect({"x": [0.0]}, levels="population").draws.values[0, :, 0]
    for i in range(6):
        a, sd, nu = (draws(fit, name)[0, i] for name in ("Intercept", "sd_g", "nu_g"))
        expected = quad(lambda u, a=a, s=sd[0], nu=nu: expit(a + s * u) * t.pdf(u, nu), -np.inf, np.inf)[0]
        assert out[i] == pytest.approx(expected, abs=2e-3)
    counts = from_prior("n ~ x + (1 | gr(g, dist='student'))", DATA, draws=6, family="poisson")
    with refused("average-over-student"):
        counts.effect("x", levels="population")


@pytest.mark.parametrize("text", [False, True])
def test_a_row_of_several_memberships_is_in_new_levels_that_differ(text):
    """Of weights w the variance is that of one level times the sum of their squares."""
    data = DATA.assign(g2=np.roll(DATA["g"], 12), p=1.0, q=3.0)
    data = data.assign(g="l" + data["g"].astype(str), g2="l" + data["g2"].astype(str)) if text else data
    priors = {"sd": sl.priors.HalfNormal(1)}
    fit = from_prior("n ~ x + (1 | mm(g, g2, weights=[p, q]))", data, family="poisson", priors=priors)
    out = fit.effect({"x": [0.0]}, levels="population").draws[..., 0]
    variance = (0.25**2 + 0.75**2) * draws(fit, "sd_g+g2")[..., 0] ** 2
    np.testing.assert_allclose(out, np.exp(draws(fit, "Intercept") + variance / 2), rtol=1e-7)


def test_an_average_over_the_data_is_over_the_population_too(binary):
    """Row by row the level is new, the row's own values stay."""
    out = binary.contrast({"x": [1, 0]}, levels="population")
    table = DATA.assign(g=1000, x=1)
    expected = binary.predict(table, new_levels="average").mean("row")
    np.testing.assert_allclose(out.sides.isel(side=0), expected, **EXACT)
    assert "averaged over the population of levels of g" in out.population


def test_a_single_new_level_is_drawn_and_wider(binary):
    one = binary.effect({"x": [0.0]}, at={"g": None}).draws
    average = binary.effect({"x": [0.0]}, levels="population").draws
    assert float((one - average).std()) > 0.02
    assert "drawn from the population" in binary.effect({"x": [0.0]}, at="population").population


def test_observations_have_no_average_over_levels(binary):
    with refused("average-of-observations"):
        binary.predict(DATA, kind="response", new_levels="average")


# Formulas of every kind


@pytest.mark.parametrize(
    ("formula", "settings", "x"),
    [
        ("y ~ poly(x, 2) * c + offset(z) + (1 | g)", {}, "x"),
        ("y ~ bs(x, df=4) + (1 | g)", {}, "x"),
        ("y ~ t2(x, z) + (1 | g)", {}, "z"),
        ("y ~ s(x, by=c) + c", {}, "x"),
        ("y ~ gp(x) + (1 | g)", {}, "x"),
        ("y ~ mo(m) + x", {}, "m"),
        ("y ~ C(d) * x + (1 | g/h)", {}, "d"),
        ("y ~ scale(z) + group_mean(x, g) + (1 | g)", {}, "x"),
        ("y ~ x + (1 | gr(g, by=side))", {}, "x"),
        ("y ~ x + (0 + c | g)", {}, "c"),
        ("y ~ x + (1 | g)", {"predictors": {"sigma": "~ z + (1 | g)"}}, "z"),
        ("o ~ x + (1 | g)", {"family": "cumulative"}, "x"),
        ("o ~ x + z", {"family": "acat"}, "z"),
        ("v ~ x + (1 | g)", {"family": "categorical"}, "x"),
        ("n ~ x + offset(log(t)) + (1 | g)", {"family": "negbinomial"}, "t"),
    ],
)
@pytest.mark.parametrize("asked", [{}, {"levels": "population"}, {"levels": "fitted"}, {"over": "data"}])
def test_an_effect_is_the_mean_of_predictions(formula, settings, x, asked):
    """Whatever the terms, points are those predictions that `predict` makes of tables written by hand."""
    data = DATA.assign(side=np.where(DATA["g"] < 40, "left", "right"))
    fit = from_prior(formula, data, draws=8, **settings)
    grouped = "|" in formula.partition("~")[2]
    if "levels" in asked and not grouped:
        with refused("no-grouping-factor"):
            fit.effect(x, points=3, **asked)
        return
    out = fit.effect(x, points=3, **asked)
    assert out.draws.sizes["point"] == len(out.grid) and np.isfinite(out.draws).all()
    assert len(out.table) == out.draws[0, 0].size
    if asked == {"over": "data"}:
        for i, value in enumerate(out.grid[x].tolist()):
            column = pd.Categorical([value] * len(data), ["low", "high"]) if x == "c" else value
            expected = fit.predict(data.assign(**{x: column}))
            if "category" in expected.dims and "category" not in out.draws.dims:
                expected = expected.dot(expected["category"].astype(float), dim="category")
            np.testing.assert_allclose(out.draws[:, :, i], expected.mean("row"), **EXACT)


def test_ordered_categories_have_a_mean_and_probabilities():
    fit = from_prior("o ~ x + (1 | g)", DATA, family="cumulative")
    each = fit.effect({"x": GRID}, scale="probability")
    at_most = expit(draws(fit, "cutpoints")[:, :, None] - (draws(fit, "x")[..., None] * GRID)[..., None])
    np.testing.assert_allclose(each.draws.cumsum("category")[..., :-1], at_most, **EXACT)
    mean = fit.effect({"x": GRID})
    np.testing.assert_allclose(mean.draws, each.draws.values @ np.arange(1.0, 5.0), **EXACT)
    assert each.table.columns.tolist()[:3] == ["x", "category", "median"]
    sequential = each.contrast("sequential")
    assert sequential.draws.dims == ("chain", "draw", "contrast", "category")


def test_several_responses_are_asked_one_by_one():
    fit = from_prior([sl.Response("y ~ x + (1 | g)"), sl.Response("z ~ y + (1 | g)")], DATA, draws=8)
    out = fit.effect({"y": [0.0, 1.0]}, response="z", scale="linear").contrast("b2 - b1")
    np.testing.assert_allclose(out.draws[..., 0], draws(fit, "z_y"), **EXACT)
    with refused("unknown-response"):
        fit.effect("x")
    with refused("column-not-in-model", match="No term reads a column 'z'"):
        fit.effect("z", response="y")


def test_imputed_predictors_are_asked_at_known_values():
    data = DATA.assign(z=DATA["z"].where(DATA.index % 7 > 0))
    fit = from_prior([sl.Response("y ~ mi(z) + x"), sl.Response("z | mi() ~ 1")], data, draws=8)
    out = fit.effect({"z": [0.0, 1.0]}, response="y").contrast("b2 - b1")
    np.testing.assert_allclose(out.draws[..., 0], draws(fit, "y_mi(z)"), **EXACT)
    with refused("predictor-missing", match="'z' is not known in 14 rows"):
        fit.effect("x", response="y", over="data")


# Grids


def test_grids_of_numbers_and_of_categories(binary):
    x = DATA["x"]
    assert binary.effect("x", points=5).grid["x"].tolist() == pytest.approx(np.linspace(x.min(), x.max(), 5))
    quantiles = binary.effect("x", points=5, grid="quantiles").grid["x"]
    assert quantiles.tolist() == pytest.approx(np.quantile(x, [0, 0.25, 0.5, 0.75, 1]))
    assert binary.effect("c").grid["c"].tolist() == ["low", "high"]
    beside = binary.effect({"x": [0]}, by="z").grid["z"]
    assert beside.tolist() == pytest.approx(DATA["z"].mean() + DATA["z"].std(ddof=0) * np.array([-1, 0, 1]))
    surface = binary.effect(["x", "z"], points=4)
    assert len(surface.grid) == 16 and surface.numbers == {"x", "z"}


def test_the_table_describes_the_draws(binary):
    out = binary.effect({"x": GRID}, by="c", prob=0.5)
    values = out.draws.values.reshape(-1, 6)
    assert out.table.columns.tolist() == ["x", "c", "median", "mean", "sd", "eti50_lb", "eti50_ub"]
    np.testing.assert_allclose(out.table["median"], np.median(values, 0))
    np.testing.assert_allclose(out.table[["eti50_lb", "eti50_ub"]].T, np.quantile(values, [0.25, 0.75], 0))
    assert f"Scale: {out.scale}.\nPopulation: {out.population}." in repr(out)
    assert out.table.index.tolist() == [1, 2, 3, 4, 5, 6]


# Hypotheses


def test_rows_are_compared_by_words_and_by_expressions(binary):
    out = binary.effect({"x": GRID})
    b = np.moveaxis(out.draws.values, -1, 0)
    pairs, steps, first = (out.contrast(h) for h in ("pairwise", "sequential", "reference"))
    np.testing.assert_allclose(pairs.draws, np.stack([b[0] - b[1], b[0] - b[2], b[1] - b[2]], -1), **EXACT)
    np.testing.assert_allclose(steps.draws, np.stack([b[1] - b[0], b[2] - b[1]], -1), **EXACT)
    np.testing.assert_allclose(first.draws, np.stack([b[1] - b[0], b[2] - b[0]], -1), **EXACT)
    assert steps.draws["contrast"].values.tolist() == ["x=0.0 - x=-1.0", "x=2.0 - x=0.0"]
    both = out.contrast(["b1 - b2 = 0", "log(b3 / b1) = 0.5"])
    np.testing.assert_allclose(both.draws[..., 0], b[0] - b[1], **EXACT)
    np.testing.assert_allclose(both.draws[..., 1], np.log(b[2] / b[0]) - 0.5, **EXACT)
    assert both.table.index.tolist() == ["b1 - b2 = 0", "log(b3 / b1) = 0.5"]


def test_differences_of_differences(counts):
    apart = counts.contrast({"x": [1, 0]}, by="c")
    assert apart.table.index.tolist() == ["x=1 - x=0 (c=low)", "x=1 - x=0 (c=high)"]
    twice = apart.contrast("sequential")
    crossed = {"x": [1, 0, 1, 0], "c": ["low", "low", "high", "high"]}
    written = counts.contrast(crossed, hypothesis="(b3 - b4) - (b1 - b2) = 0")
    np.testing.assert_allclose(twice.draws, written.draws, **EXACT)
    assert written.sides.sizes["side"] == 4


@pytest.mark.parametrize(
    ("hypothesis", "error", "message"),
    [
        ("pairs", ModelError, "Did you mean 'pairwise'"),
        ("b1 - b9 = 0", ModelError, "'b9'"),
        ("b1 - = 0", FormulaError, "b1, b2"),
        ("b1 = b2 = b3", FormulaError, "b1, b2"),
        ("1 = 0", ModelError, "names no row"),
        ([], ModelError, "hypothesis=\\[\\]"),
        (3, ModelError, "hypothesis=3"),
    ],
)
def test_hypotheses_that_cannot_be_read(binary, hypothesis, error, message):
    with pytest.raises(error, match=message):
        binary.effect({"x": GRID}).contrast(hypothesis)


def test_one_row_has_no_difference(binary):
    with refused("comparison-of-one-row"):
        binary.effect({"x": [0]}).contrast()


# Wrong input


@pytest.mark.parametrize(
    ("x", "arguments", "error", "message"),
    [
        ("xx", {}, DataError, "No term reads a column 'xx'.\nDid you mean 'x'"),
        ("g", {}, ModelError, "'g' is a grouping factor"),
        ("b", {}, DataError, "No term reads a column 'b'"),
        (3, {}, ModelError, "x=3"),
        (["x", "x"], {}, ModelError, "names a column twice"),
        ({"x": []}, {}, ModelError, "'x' has no values"),
        ({"x": ["a"]}, {}, DataError, "takes numbers"),
        ({"x": [np.inf]}, {}, DataError, "takes numbers"),
        ({"x": [None]}, {}, DataError, "is missing"),
        ({"c": ["mid"]}, {}, DataError, "'c' has no category 'mid'"),
        ("x", {"at": {"x": 1}}, ModelError, "'x' is both in x and in `at`"),
        ("x", {"by": "x"}, ModelError, "'x' is both in x and in `by`"),
        ("x", {"by": "c", "at": {"c": "low"}}, ModelError, "'c' is both in `by` and in `at`"),
        ("x", {"at": {"z": [1, 2]}}, ModelError, "'z' is held at"),
        ("x", {"at": {"g": 99}}, DataError, "'g' has no level 99"),
        ("x", {"by": {"g": [0, 99]}}, DataError, "'g' has no level 99"),
        ("x", {"levels": 99}, DataError, "'g' has no level 99"),
        ("x", {"levels": 0, "at": {"g": 10}}, ModelError, "`at` sets 'g'"),
        ("x", {"levels": "typical", "at": {"g": None}}, ModelError, "Either a new level"),
        ("x", {"over": "rows"}, ModelError, "over='rows'"),
        ("x", {"scale": "log"}, ModelError, "scale='log'"),
        ("x", {"scale": "probability"}, ModelError, "no categories"),
        ("x", {"grid": "all"}, ModelError, "grid='all'"),
        ("x", {"points": 1}, ModelError, "points=1"),
        ("x", {"prob": 2}, ModelError, "prob=2"),
    ],
)
def test_impossible_effects(binary, x, arguments, error, message):
    with pytest.raises(error, match=message):
        binary.effect(x, **arguments)


def test_levels_without_a_population():
    summed = from_prior("y ~ x + (1 | gr(g, zero_sum=True))", DATA, draws=8)
    np.testing.assert_allclose(summed.effect({"x": [0.0]}).draws[..., 0], draws(summed, "Intercept"), **EXACT)
    with refused("new-level-of-zero-sum"):
        summed.effect("x", levels="population")
    known = pd.DataFrame(np.eye(8) + 0.3, DATA["g"].unique(), DATA["g"].unique())
    covaried = from_prior("y ~ x + (1 | gr(g, cov=K))", DATA, draws=8, covariances={"K": known})
    assert np.isfinite(covaried.effect("x", levels="typical").draws).all()
    with refused("new-level-of-covariance"):
        covaried.effect("x", levels="population")


def test_levels_without_pooling_have_no_population_and_no_typical_one():
    model = sl.Model("y ~ x + (1 + x | g)", DATA).with_pooling("none")
    fit = model.fit(draws=50, chains=2, seed=1, cores=1, progress=False)
    asked = [{}, {"levels": "typical"}, {"levels": "population"}, {"at": "population"}, {"at": {"g": None}}]
    for arguments in asked:
        with refused("new-level-without-pooling", match=r"(?s)a level of g .* no pooling.*levels='fitted'"):
            fit.effect({"x": [0.5]}, **arguments)
    for arguments in ({"levels": "population"}, {"at": {"g": None}}):
        with refused("new-level-without-pooling"):
            fit.contrast({"x": [1, 0]}, **arguments)
    r = fit.results.posterior["r_g"].values
    each = draws(fit, "Intercept")[..., None] + r[..., 0] + 0.5 * (draws(fit, "x")[..., None] + r[..., 1])
    fitted = fit.effect({"x": [0.5]}, levels="fitted").draws[..., 0]
    np.testing.assert_allclose(fitted, each.mean(-1), **EXACT)
    np.testing.assert_allclose(fit.effect({"x": [0.5]}, levels=10).draws[..., 0], each[..., 1], **EXACT)
    assert np.isfinite(fit.slope("x").draws).all()  # of the rows of the data, each in its own level


def test_a_label_of_several_factors_needs_its_column():
    fit = from_prior("y ~ x + (1 | g) + (1 | h)", DATA, draws=8)
    with refused("level-of-several-columns"):
        fit.effect("x", levels=10)
    out = fit.effect({"x": [0.0]}, at={"g": 10}, levels="fitted")
    r = fit.results.posterior
    expected = r["Intercept"] + r["r_g"].sel(g=10)[..., 0] + r["r_h"][..., 0].mean("h")
    np.testing.assert_allclose(out.draws[..., 0], expected, **EXACT)


def test_a_factor_that_predicts_too_has_levels_of_its_own():
    fit = from_prior("y ~ g + (1 | g)", DATA, draws=8)
    for levels in ("typical", "population"):
        out = fit.effect({"g": [10, 15]}, levels=levels).contrast("b2 - b1")
        np.testing.assert_allclose(out.draws[..., 0], 5 * draws(fit, "b_g"), **EXACT)
    nested = from_prior("y ~ c + (1 | c:h)", DATA, draws=8)
    out = nested.effect("c", levels="fitted").draws
    r = nested.results.posterior["r_c:h"][..., 0].sel({"c:h": ["low:0", "low:1", "low:2"]})
    np.testing.assert_allclose(out[..., 0], draws(nested, "Intercept") + r.mean("c:h").values, **EXACT)


def test_a_model_without_groups_has_no_levels():
    fit = from_prior("y ~ x", DATA, draws=8)
    np.testing.assert_allclose(fit.effect({"x": [0.0]}).draws[..., 0], draws(fit, "Intercept"), **EXACT)
    with refused("no-grouping-factor"):
        fit.effect("x", levels="typical")


def test_columns_of_the_table_are_unique_whatever_predictors_are_called():
    data = DATA.rename(columns={"x": "mean", "z": "eti90_lb", "c": "category"})
    fit = from_prior("o ~ mean + eti90_lb + category", data, draws=8, family="cumulative")
    asked = {"by": {"eti90_lb": [1, 3], "category": ["low", "high"]}}
    own = ["median", "mean", "sd", "eti90_lb", "eti90_ub"]
    out = fit.effect({"mean": [0, 1]}, **asked)
    assert out.table.columns.tolist() == ["mean_value", "eti90_lb_value", "category", *own]
    np.testing.assert_allclose(out.table["mean"], out.draws.mean(["chain", "draw"]), **EXACT)
    assert out.grid.columns.tolist() == ["mean", "eti90_lb", "category"]
    out = fit.slope("mean", scale="probability", **asked)
    assert out.table.columns.tolist() == ["eti90_lb_value", "category_value", "category", *own]
    assert out.table["category"].tolist() == [1, 2, 3, 4] * 4
    both = from_prior("y ~ mean + mean_value", data.assign(mean_value=data["eti90_lb"]), draws=8)
    columns = both.effect({"mean": [0], "mean_value": [1]}).table.columns.tolist()
    assert columns == ["mean_value_value", "mean_value", *own]


@pytest.fixture(scope="module")
def columns():
    data = DATA.assign(tf=DATA["z"] > 3).rename(columns={"z": "s p"})
    return from_prior("y ~ x * tf + C(d) + `s p` + (1 | g)", data, draws=8)


@pytest.mark.parametrize(
    "values",
    [
        pd.Index([1, 2]),
        pd.Series([1, 2], index=[7, 7]),
        np.array([1, 2]),
        range(1, 3),
        (1, 2),
        pytest.param(lambda: (i for i in (1, 2)), id="generator"),
    ],
)
def test_values_are_any_sequence_of_one_dimension(columns, values):
    given = values() if callable(values) else values
    assert columns.effect({"x": given}).grid["x"].tolist() == [1, 2]
    given = values() if callable(values) else values
    assert columns.contrast({"x": given}).table.index.tolist() == ["x=1 - x=2"]


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ([pd.Timestamp("2020"), 1], DataError),
        ([1j, 1], DataError),
        ([object(), 1], DataError),
        ([10**400, 1], DataError),
        (["0", "1"], DataError),
        ({1, 2}, ModelError),
        ({1: 2}, ModelError),
        (np.zeros((2, 2)), ModelError),
        ([[1, 2], [3]], ModelError),
        (pd.DataFrame({"x": [1, 2]}), ModelError),
    ],
)
def test_what_are_no_values_is_refused_alike(columns, values, error):
    for ask in (columns.effect, columns.contrast):
        with pytest.raises(error, match="'x' takes numbers|The values of 'x' are"):
            ask({"x": values})


@pytest.mark.parametrize("draws", [1.5, 0, "2", True])
def test_draws_are_a_number_of_them(columns, draws):
    for ask in (columns.effect, columns.contrast, columns.slope):
        with refused("number-out-of-range"):
            ask({"x": [0, 1]}, draws=draws)


def test_text_names_a_value_in_effects_and_in_contrasts(columns):
    for name, text, values in (("tf", ["True", "False"], [True, False]), ("d", ["5", "1"], [5, 1])):
        for ask in (columns.effect, columns.contrast):
            np.testing.assert_array_equal(ask({name: text}).draws, ask({name: values}).draws)
    assert columns.contrast({"d": ["5", "1"]}).table.index.tolist() == ["d=5 - d=1"]
    out = columns.contrast({"x": [1, 0]}, at={"tf": "True"})
    np.testing.assert_array_equal(out.draws, columns.contrast({"x": [1, 0]}, at={"tf": True}).draws)


def test_names_may_stand_between_backticks(columns):
    out = columns.effect("`s p`", points=3, by=["`tf`"], at={"`x`": 0})
    assert out.x == ("s p",) and out.by == ("tf",) and "with x=0" in out.population
    np.testing.assert_array_equal(out.draws, columns.effect("s p", points=3, by="tf", at={"x": 0}).draws)
    plain = columns.contrast({"s p": [1, 0]})
    np.testing.assert_array_equal(columns.contrast({"`s p`": [1, 0]}).draws, plain.draws)


def test_rules_that_are_misspelt(columns):
    with refused("unknown-level-rule", match="Did you mean 'population'"):
        columns.effect("x", levels="populaton")
    data = DATA.assign(tf=DATA["z"] > 3)
    nested = from_prior("y ~ x * tf + (1 | tf:g)", data, draws=8)
    with refused("level-of-several-columns", match=r"at=\{'tf': True, 'g': 30\}"):
        nested.effect("x", levels="True:30")
    assert "tf=True, g=30" in nested.effect({"x": [0]}, at={"tf": True, "g": 30}).population


def test_a_copy_of_a_factor_has_a_name_of_its_own():
    data = DATA.rename(columns={"z": "g (levels)"})
    fit = from_prior("y ~ g + `g (levels)` + (1 | g)", data, draws=8)
    out = fit.effect({"g": [10, 15]}, levels="population").contrast("b2 - b1")
    np.testing.assert_allclose(out.draws[..., 0], 5 * draws(fit, "b_g"), **EXACT)


# Rows that depend on each other, responses of several columns, cutpoints of their own


def test_rows_that_depend_on_all_others_are_predicted_together():
    n = len(DATA)
    ring = np.zeros((n, n))
    for i in range(n):
        ring[i, [(i + 1) % n, i - 1]] = 0.5
    ring[0, [1, n - 1]] = 1.0, 0.0
    fit = from_prior('y ~ x + z + sar(W, type="lag")', DATA, draws=8, covariances={"W": ring})
    rho, slope = draws(fit, "sar"), draws(fit, "x")
    np.testing.assert_allclose(fit.contrast({"x": [1, 0]}).draws[..., 0], slope / (1 - rho), rtol=1e-8)
    np.testing.assert_allclose(fit.slope("x").draws[..., 0], slope / (1 - rho), rtol=1e-8)
    at = {"z": 2.0}
    level = draws(fit, "Intercept") + 2 * draws(fit, "z")
    found = fit.effect({"x": [0.5]}, at=at, over="data").draws[..., 0]
    np.testing.assert_allclose(found, (level + 0.5 * slope) / (1 - rho), rtol=1e-8)
    with refused("rows-of-neighbours"):
        fit.effect("x")
    linear = fit.effect({"x": [0.5]}, at=at, scale="linear").draws[..., 0]
    np.testing.assert_allclose(linear, level + 0.5 * slope, **EXACT)


@pytest.mark.parametrize("family", ["multinomial", "dirichlet"])
def test_each_column_of_a_response_has_its_row(family):
    rng = np.random.default_rng(4)
    data = DATA.assign(size=rng.integers(3, 9, len(DATA)))
    counts = np.array([rng.multinomial(size, [0.2, 0.3, 0.5]) for size in data["size"]])
    values = counts if family == "multinomial" else rng.dirichlet([2, 3, 4], len(data))
    data = data.assign(**dict(zip(["p", "q", "r"], values.T, strict=True)))
    trials = " | trials(size)" if family == "multinomial" else ""
    fit = from_prior(f"cbind(p, q, r){trials} ~ x", data, draws=8, family=family)
    post = fit.results.posterior

    def shares(x):
        own = [post[f"mu_{c}_Intercept"] + post[f"mu_{c}_x"] * x for c in "qr"]
        return softmax(np.stack([np.zeros(own[0].shape), *own], -1), axis=-1)

    out = fit.effect({"x": [0.0, 1.0]})
    assert out.table[["x", "category"]].values.tolist() == [[x, c] for x in (0, 1) for c in "pqr"]
    np.testing.assert_allclose(out.draws, np.stack([shares(0), shares(1)], 2), **EXACT)
    difference = fit.contrast({"x": [1, 0]}).draws[:, :, 0]
    np.testing.assert_allclose(difference, shares(1) - shares(0), **EXACT)
    slope = fit.slope({"x": [0.5]}, over="typical").draws[:, :, 0]
    step = 1e-5
    np.testing.assert_allclose(
        slope, (shares(0.5 + step) - shares(0.5 - step)) / (2 * step), rtol=1e-6, atol=1e-8
    )
    assert fit.plot.effect("x", points=4).numbers["shown"].unique().tolist() == ["expected"]


def test_cutpoints_of_rows_and_terms_between_them():
    fit = from_prior("o ~ cs(x)", DATA, draws=8, family="sratio")
    post = fit.results.posterior

    def chances(x):
        at = post["cutpoints"].values - np.stack([post[f"x[{j}|{j + 1}]"].values for j in (1, 2, 3)], -1) * x
        stop = np.concatenate([expit(at), np.ones((*at.shape[:2], 1))], -1)
        return stop * np.concatenate([np.ones((*at.shape[:2], 1)), np.cumprod(1 - expit(at), -1)], -1)

    out = fit.effect({"x": [0.7]}, scale="probability").draws[:, :, 0]
    np.testing.assert_allclose(out, chances(0.7), **EXACT)
    step = 1e-5
    slope = fit.slope({"x": [0.7]}, over="typical").draws[..., 0]
    expected = (chances(0.7 + step) - chances(0.7 - step)) @ np.arange(1.0, 5) / (2 * step)
    np.testing.assert_allclose(slope, expected, rtol=1e-6, atol=1e-8)
    for asked in ("effect", "slope"):
        with refused("predictor-by-cutpoint"):
            getattr(fit, asked)("x", scale="linear")


def test_items_with_cutpoints_of_their_own_are_categories():
    fit = from_prior("o | thres(gr=d) ~ x", DATA, draws=8, family="cumulative")
    out = fit.effect({"x": [0.5]}, by="d", scale="probability")
    assert out.grid["d"].tolist() == [1, 2, 5]
    eta = draws(fit, "x")[..., None] * 0.5
    for i in range(3):
        below = expit(draws(fit, "cutpoints")[:, :, i] - eta)
        found = out.draws.values[:, :, i].cumsum(-1)[..., :3]
        np.testing.assert_allclose(found, below, **EXACT)
    assert "d=1" in fit.effect("x", points=2).population
    with refused("unknown-category", match="'d' has no category 3"):
        fit.contrast({"d": [1, 3]})


def test_a_quantile_has_a_mean_beside_it():
    fit = from_prior("y ~ x", DATA, draws=8, family="asym_laplace")
    eta, q = draws(fit, "Intercept") + 0.5 * draws(fit, "x"), draws(fit, "quantile")
    linear = fit.effect({"x": [0.5]}, scale="linear").draws[..., 0]
    np.testing.assert_allclose(linear, eta, **EXACT)
    mean = eta + draws(fit, "sigma") * (1 - 2 * q) / (q * (1 - q))
    np.testing.assert_allclose(fit.effect({"x": [0.5]}).draws[..., 0], mean, **EXACT)
    np.testing.assert_allclose(fit.slope("x").draws[..., 0], draws(fit, "x"), rtol=1e-9)


@pytest.mark.parametrize("settings", [{}, {"predictors": {"sigma": "~ 0 + C(visit)"}}])
def test_correlated_visits_have_the_mean_of_their_predictor(settings):
    data = DATA.assign(visit=np.tile(np.arange(3), 32), person=np.repeat(np.arange(32), 3))
    fit = from_prior("y ~ x + unstr(visit, gr=person)", data, draws=8, **settings)
    expected = draws(fit, "Intercept") + 2 * draws(fit, "x")
    np.testing.assert_allclose(fit.effect({"x": [2.0]}).draws[..., 0], expected, **EXACT)
    np.testing.assert_allclose(fit.slope("x").draws[..., 0], draws(fit, "x"), rtol=1e-9)


def test_what_rows_count_by_is_named():
    run = {"draws": 20, "chains": 1, "seed": 1, "cores": 1, "progress": False}
    weighted = sl.Model("y | weights(w) ~ x + z", DATA).fit(**run)
    words = "mean over the 96 rows of the data, by their weights, other"
    for out in (weighted.contrast({"x": [1, 0]}), weighted.slope("x"), weighted.effect("x", over="data")):
        assert words in out.population
    assert "means or modes, by their weights (z=" in weighted.effect("x").population
    trials = from_prior("k | trials(t) ~ x", DATA, draws=8, family="binomial")
    assert "by their trials, other" in trials.slope("x").population
    both = sl.Model("k | trials(t) + weights(w) ~ x", DATA, family="binomial").fit(**run)
    assert "by their weights and trials, other" in both.contrast({"x": [1, 0]}).population
    alike = sl.Model("y | weights(u) ~ x", DATA.assign(u=2.0)).fit(**run)
    assert "rows of the data, other" in alike.contrast({"x": [1, 0]}).population


def test_categories_are_found_once_an_answer(binary, monkeypatch):
    asked, honest = [], adjusted.categories_of
    monkeypatch.setattr(adjusted, "categories_of", lambda *given: asked.append(1) or honest(*given))
    binary.effect("x", over="typical", by="c")
    assert len(asked) == 1
    binary.slope("x")
    assert len(asked) == 2


# What is not integrated, and what is not made


def test_effects_that_move_no_mean_are_not_integrated_over(monkeypatch):
    """Those on sigma of normal rows, on the shape of counts; and normal ones on what the mean moves with."""
    fit = from_prior("y ~ x + (1 | g)", DATA, draws=5, predictors={"sigma": "~ z + (1 | g)"})
    out = fit.effect({"x": GRID}, levels="population").draws
    np.testing.assert_allclose(out, fit.effect({"x": GRID}, levels="typical").draws, **EXACT)
    shape = {"shape": "~ 1 + (1 | g)"}
    fit = from_prior("n ~ x + (1 | g)", DATA, draws=5, family="negbinomial", predictors=shape)
    found, nodes = [], population_mean._shifts
    monkeypatch.setattr(
        population_mean, "_shifts", lambda spreads, q, seed: found.append(q) or nodes(spreads, q, seed)
    )
    out = fit.effect({"x": GRID}, levels="population").draws.values
    eta = draws(fit, "Intercept")[..., None] + draws(fit, "x")[..., None] * np.array(GRID)
    expected = np.exp(eta + draws(fit, "sd_g")[..., :1] ** 2 / 2)
    usual = draws(fit, "sd_g")[..., 0] < 3
    np.testing.assert_allclose(out[usual], expected[usual], rtol=1e-6)
    assert usual.any() and set(found) == {1}


def test_grids_that_are_too_large_are_refused_before_they_are_made(binary):
    many = range(100_000)
    for ask in (
        lambda: binary.effect({"x": many, "z": many}),
        lambda: binary.slope({"x": many}, by={"z": many}),
        lambda: binary.contrast({"c": ["low", "high"]}, by={"x": many, "z": many}),
    ):
        with pytest.raises(ModelError) as found:
            ask()
        assert found.value.code == "result-too-large"


def test_an_average_over_the_population_counts_all_its_nodes(binary, monkeypatch):
    monkeypatch.setattr(adjusted, "MOST", 20 * 120 * len(DATA))
    binary.effect({"x": [0.0]}, over="data")
    with pytest.raises(ModelError) as found:
        binary.effect({"x": [0.0]}, over="data", levels="population")
    assert found.value.code == "result-too-large" and " times each" in str(found.value)


def test_several_levels_are_asked_for_one_by_one(binary):
    for label in ([10, 20], {"g": 10}, np.array([10])):
        with pytest.raises(ModelError) as found:
            binary.effect({"x": GRID}, levels=label)
        assert found.value.code == "several-values" and "by={'g'" in str(found.value)


def test_a_level_of_crossed_factors_is_found_where_it_is():
    fit = from_prior("y ~ x + (1 | g) + (1 | h)", DATA, draws=5)
    with pytest.raises(ModelError) as found:
        fit.effect("x", levels=2)
    assert found.value.code == "level-of-several-columns" and "at={'h': 2}" in str(found.value)


def test_a_category_that_two_factors_have_their_spreads_by_is_one():
    rng = np.random.default_rng(1)
    data = pd.DataFrame({"g": np.resize(list("abcdefgh"), 48), "h": np.repeat(list("stuvwxyz"), 6)})
    data["c"], data["y"] = "p", rng.normal(size=48)
    data.loc[data["g"].isin(list("aceg")), "c"] = "q"
    by = pd.Series(np.where(data["h"].isin(list("suwy")), "p", "q"))
    data = data[by == data["c"]]
    fit = sl.Model("y ~ 1 + (1 | gr(g, by=c)) + (1 | gr(h, by=c))", data).fit(
        draws=20, chains=1, seed=1, progress=False
    )
    assert fit.effect("c").table["c"].tolist() == ["p", "q"]


@pytest.mark.parametrize("largest", [2**53 + 1, 2**60 + 1, 2**63 - 1])
def test_a_typical_level_is_none_that_was_fitted(largest):
    rng = np.random.default_rng(1)
    data = pd.DataFrame({"g": largest - np.arange(40) % 4, "x": rng.normal(size=40)})
    data["y"] = rng.normal(size=40) + 5.0 * (data["g"] == largest)
    fit = sl.Model("y ~ x + (1 | g)", data).fit(draws=100, chains=1, seed=1, progress=False)
    rules = ("typical", f"{largest}")
    typical, last = (fit.effect({"x": [0.0]}, levels=rule).table["mean"] for rule in rules)
    assert (last - typical).item() > 2
