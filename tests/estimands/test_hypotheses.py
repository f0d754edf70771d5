"""Hypotheses equal hand computation from the draws, and ratios of densities those of conjugate models."""

import numpy as np
import pandas as pd
import pytest
from estimand_cases import RUN, draws, rows
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import shoal as sl
from refusals import refused
from shoal.errors import FormulaError, ModelError
from shoal.estimands.hypotheses.density import _local, density_at
from shoal.estimands.hypotheses.linear import linear
from shoal.estimands.hypotheses.names import Names
from shoal.estimands.hypotheses.priors import differences, prior_of
from shoal.estimands.hypotheses.reader import read
from shoal.priors import Fixed, HalfNormal, Horseshoe, Laplace, Normal

ERRORS = 4.0  # Monte Carlo errors within which an estimate is


@pytest.fixture(scope="module")
def fit():
    return sl.Model("y ~ x + (1 + x | g)", rows()).fit(**RUN)


# directions


def test_a_direction_is_the_share_of_draws_and_its_odds(fit):
    x, sd, sigma = draws(fit, "x"), draws(fit, "sd_g")[..., 0], draws(fit, "sigma")
    table = fit.test(["x > 1", "x < 1.2", "sd_g[Intercept] > 2 * sigma"], prob=0.5).table
    for row, true in zip(table.index, (x > 1, x < 1.2, sd > 2 * sigma), strict=True):
        p = true.mean()
        assert table.loc[row, "probability"] == p and 0 < p < 1
        assert table.loc[row, "evidence_ratio"] == pytest.approx(p / (1 - p))
        assert table.loc[row, "mcse"] == pytest.approx(np.sqrt(p * (1 - p) / x.size), rel=0.5)
    side = (sd - 2 * sigma).ravel()
    expected = [side.mean(), side.std(), *np.quantile(side, [0.25, 0.75])]
    np.testing.assert_allclose(table.iloc[2, :4].astype(float), expected)
    assert table.columns[2:4].tolist() == ["eti50_lb", "eti50_ub"]


def test_the_sides_are_computed_as_written(fit):
    x, b, s = draws(fit, "x"), draws(fit, "Intercept"), draws(fit, "sigma")
    written = {
        "2 * x - Intercept / 4 > 1 - sigma": 2 * x - b / 4 - 1 + s,
        "-x ^ 2 + 3 > 0": 3 - x**2,
        "x ** -1 > 0.5": 1 / x - 0.5,
        "exp(x) * log(sigma + 1) > sqrt(abs(-Intercept))": np.exp(x) * np.log(s + 1) - np.sqrt(np.abs(b)),
        "1 - (x - (Intercept - sigma)) > 1e-1": 1 - (x - (b - s)) - 0.1,
        "tanh(x) / 2 / sigma >= log1p(exp(-x))": np.tanh(x) / 2 / s - np.log1p(np.exp(-x)),
    }
    found = fit.test(list(written)).draws
    for text, expected in written.items():
        np.testing.assert_allclose(found.sel(hypothesis=text), expected, rtol=1e-12, atol=1e-12)


def test_levels_are_named_as_the_summaries_name_them(fit):
    r, x = draws(fit, "r_g"), draws(fit, "x")
    found = fit.test(
        {
            "own": "levels_g[30, x] > levels_g[20,x]",
            "effect": "r_g[ 0 , Intercept] < 0",
            "spaced": "`levels_g`[10, x] > 1",
        }
    )
    assert found.table.index.tolist() == ["own", "effect", "spaced"]
    np.testing.assert_allclose(found.draws[..., 0], r[:, :, 3, 1] - r[:, :, 2, 1], atol=1e-12)
    np.testing.assert_array_equal(found.draws[..., 1], r[:, :, 0, 0])
    np.testing.assert_allclose(found.draws[..., 2], r[:, :, 1, 1] + x - 1, atol=1e-12)
    for name in [*fit.summary().index, *fit.summary(levels="g").index, *fit.summary(["r_g"]).index]:
        assert fit.test(f"{name} > 0").draws.shape[-1] == 1


def test_columns_of_any_name_are_named_as_the_formula_prints_them():
    data = rows().assign(**{"my x": rows()["x"], "c": np.tile(list("ab"), 24)})
    fit = sl.Model("y ~ `my x` * c + I(x ** 2) + exp(x)", data).fit(**RUN)
    written = {
        "`my x` > 0": draws(fit, "my x"),
        "my x:c[T.b] > 0": draws(fit, "my x:c[T.b]"),
        "c[T.b] - `my x` > 0": draws(fit, "c[T.b]") - draws(fit, "my x"),
        "I(x^2) > 1": draws(fit, "I(x ** 2)") - 1,
        "2 * I(x ** 2) > `I(x ** 2)`": draws(fit, "I(x ** 2)"),
        "exp(x) > 0": draws(fit, "exp(x)"),  # the coefficient of that name
        "exp(exp(x)) > 0": np.exp(draws(fit, "exp(x)")),
    }
    found = fit.test(list(written)).draws
    for text, expected in written.items():
        np.testing.assert_allclose(found.sel(hypothesis=text), expected, rtol=1e-12, atol=1e-14)


@pytest.fixture(scope="module")
def odd():
    """A fit whose columns and levels are called as numbers are, and with blanks."""
    numbers = np.random.default_rng(2).normal(size=(48, 4))
    data = rows().assign(**dict(zip(["0", "1", "1e5", "2nd"], numbers.T, strict=True)))
    data["my g"] = np.tile(["3", "a, b", "`q`"], 16)
    return sl.Model("y ~ `0` + `1` + `1e5` + `2nd` + `0`:x + (1 | `my g`)", data).fit(**RUN)


def test_what_could_be_a_number_is_one(odd):
    for text, expected in {
        "`0` > 0": draws(odd, "0"),
        "`0` > 1": draws(odd, "0") - 1,
        "`1` > `0`": draws(odd, "1") - draws(odd, "0"),
        "1 * `1` > 1e5": draws(odd, "1") - 1e5,
        "`1e5` > 1.": draws(odd, "1e5") - 1,
        "2nd > 0": draws(odd, "2nd"),
        "`0`:x > 0": draws(odd, "0:x"),
    }.items():
        np.testing.assert_allclose(odd.test(text).draws[..., 0], expected, rtol=1e-12)
    with refused("hypothesis-without-parameter"):
        odd.test("0 > 1")
    with refused("unexpected-sign"):
        odd.test("0:x > 0")


def test_a_printed_name_may_stand_between_backticks_as_a_whole(odd, fit):
    effects = draws(odd, "r_my g")[..., 0]
    for i, label in ((0, "3"), (2, "a, b")):
        found = odd.test(f"`r_my g[{label}, Intercept]` > `sd_my g[Intercept]` * 0").draws[..., 0]
        np.testing.assert_array_equal(found, effects[..., i])
    np.testing.assert_array_equal(fit.test("`sd_g[x]` > 0").draws[..., 0], draws(fit, "sd_g")[..., 1])
    with refused("unknown-name"):
        odd.test("`r_my g[4, Intercept]` > 0")


@pytest.mark.parametrize("kind", [np.array, pd.Series, pd.Index, tuple])
def test_hypotheses_come_in_any_sequence(fit, kind):
    assert fit.test(kind(["x > 1", "sigma > 1"])).table.index.tolist() == ["x > 1", "sigma > 1"]


def test_the_bayes_factor_of_a_direction_is_the_odds_over_the_prior_odds():
    priors = {"x": Normal(1.0, 2.0), "sigma": HalfNormal(1.0)}
    fit = sl.Model("y ~ x + (1 | g)", rows(), priors=priors).fit(**RUN)
    table = fit.test(["x > 0.9", "x < 0.9", "sigma < 1.6"]).table
    above = stats.norm(1, 2).sf(0.9)
    below = 2 * stats.norm.cdf(1.6) - 1  # of which 10,000 draws tell to 1%
    for row, before, rel in (
        ("x > 0.9", above, 1e-9),
        ("x < 0.9", 1 - above, 1e-9),
        ("sigma < 1.6", below, 0.1),
    ):
        found = table.loc[row]
        assert found["bayes_factor"] == pytest.approx(
            found["evidence_ratio"] * (1 - before) / before, rel=rel
        )


def test_what_all_draws_say_is_noted(fit):
    found = fit.test(["sigma > 0", "x > -5"])
    assert np.isinf(found.table["evidence_ratio"]).all()
    assert np.isnan(found.table.loc["sigma > 0", "bayes_factor"])
    assert "sigma > 0: The prior leaves no doubt" in repr(found)
    assert "x > -5: All of 800 draws agree" in repr(found)


def test_rope_is_the_probability_of_an_interval(fit):
    x = draws(fit, "x")
    table = fit.test(["x = 1", "sd_g[Intercept] = 0", "r_g[0, x] = 0"], rope=(-0.2, 0.3)).table
    assert table.loc["x = 1", "in_rope"] == ((x - 1 >= -0.2) & (x - 1 <= 0.3)).mean()
    assert table["evidence_ratio"].notna().tolist() == [True, False, False]
    assert table["mcse_in_rope"].notna().all()


# points


def conjugate(size=20, seed=1):
    """Return rows of known sd, and both coefficients' prior and posterior."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=size)
    y = 0.3 + 0.4 * x + rng.normal(size=size)
    mean, sd = np.array([0.5, -0.2]), np.array([0.8, 0.6])
    z = np.column_stack([np.ones(size), x])
    precision = np.diag(sd**-2.0) + z.T @ z
    covariance = np.linalg.inv(precision)
    posterior = stats.multivariate_normal(covariance @ (mean / sd**2 + z.T @ y), covariance)
    priors = {"Intercept": Normal(0.5, 0.8), "x": Normal(-0.2, 0.6), "sigma": Fixed(1.0)}
    return pd.DataFrame({"x": x, "y": y}), priors, stats.multivariate_normal(mean, np.diag(sd**2)), posterior


@pytest.fixture(scope="module")
def known():
    data, priors, before, after = conjugate()
    return sl.Model("y ~ x", data, priors=priors).fit(seed=3, cores=1), before, after


@pytest.mark.parametrize(
    ("text", "weights", "constant"),
    [
        ("x = 0", [0, 1], 0),
        ("x = 0.3", [0, 1], -0.3),
        ("Intercept = 0.1", [1, 0], -0.1),
        ("2 * x - Intercept = 0", [-1, 2], 0),
        ("(x - Intercept) / 2 = 0.3 - x", [-0.5, 1.5], -0.3),
        ("-3 * (1 - x) = Intercept - 2", [-1, 3], -1),
    ],
)
def test_the_ratio_of_densities_is_that_of_the_conjugate_model(known, text, weights, constant):
    fit, before, after = known
    w = np.array(weights)
    densities = [
        stats.norm(w @ own.mean + constant, np.sqrt(w @ own.cov @ w)).pdf(0.0) for own in (after, before)
    ]
    found = fit.test(text)
    own, row = found.densities.loc[text], found.table.loc[text]
    assert own["prior"] == pytest.approx(densities[1], rel=1e-9) and own["prior_error"] == 0
    assert abs(np.log(own["posterior"] / densities[0])) < ERRORS * own["posterior_error"] < 0.5
    assert row["evidence_ratio"] == pytest.approx(own["posterior"] / own["prior"])
    assert row["evidence_ratio"] == row["bayes_factor"]
    ratio = densities[0] / densities[1]
    assert abs(row["probability"] - ratio / (1 + ratio)) < ERRORS * row["mcse"]


def test_the_ratio_is_the_bayes_factor_of_the_two_models(known):
    """Marginal likelihoods with and without x, both known: `Dickey 1971` says they give the same number."""
    fit = known[0]
    data, *_ = conjugate()
    z = np.column_stack([np.ones(len(data)), data["x"]])
    mean, variance = np.array([0.5, -0.2]), np.diag([0.8, 0.6]) ** 2

    def evidence(columns):
        own = z[:, columns]
        covariance = np.eye(len(own)) + own @ variance[np.ix_(columns, columns)] @ own.T
        return stats.multivariate_normal(own @ mean[columns], covariance).logpdf(data["y"])

    row = fit.test("x = 0").table.loc["x = 0"]
    expected = np.exp(evidence([0]) - evidence([0, 1]))
    assert abs(row["probability"] - expected / (1 + expected)) < ERRORS * row["mcse"]


@pytest.mark.parametrize("q", [0.02, 0.3, 0.9])
@pytest.mark.parametrize(
    ("density", "support"),
    [
        (stats.norm(1, 2), "real"),
        (stats.t(4), "real"),
        (stats.expon(), "positive"),
        (stats.halfnorm(), "positive"),
        (stats.beta(2, 5), "unit"),
        (stats.uniform(), "unit"),
        (stats.beta(3, 3, -1, 2), "correlation"),
    ],
    ids=["normal", "t", "exponential", "halfnormal", "beta", "uniform", "correlation"],
)
def test_estimated_densities_are_as_wrong_as_they_say(density, support, q):
    """Over 40 samples the errors have the size that is stated, and no sample is far out."""
    rng, point, away = np.random.default_rng(8), density.ppf(q), []
    for _ in range(40):
        found = density_at(density.rvs((4, 500), random_state=rng), point, support)
        away.append((found.log - density.logpdf(point)) / found.error)
    assert np.abs(away).max() < ERRORS
    assert 0.5 < np.sqrt(np.mean(np.square(away))) < 1.4


def test_the_error_of_a_density_counts_draws_that_depend_on_each_other():
    rng, away = np.random.default_rng(2), []
    for _ in range(40):
        noise, chain = rng.normal(size=(4, 1000)), np.empty((4, 1000))
        chain[:, 0] = noise[:, 0]
        for t in range(1, 1000):
            chain[:, t] = 0.9 * chain[:, t - 1] + np.sqrt(1 - 0.81) * noise[:, t]
        found = density_at(chain, 0.5)
        away.append((found.log - stats.norm.logpdf(0.5)) / found.error)
    assert 0.5 < np.sqrt(np.mean(np.square(away))) < 1.5


def test_what_a_draw_adds_to_the_error_is_what_one_more_of_it_changes():
    u = np.random.default_rng(1).gamma(2.0, size=100) - 1.5
    log, influence = _local(u[None], 0.4)
    for i in (0, 17, 60):
        many = np.append(np.tile(u, 2000), u[i])
        change = (_local(many[None], 0.4)[0] - log) * many.size
        assert change == pytest.approx(influence[0, i] - influence.mean(), rel=1e-3)


PRIORS = {
    "x": Laplace(0.2, 0.7),
    "sd_g[x]": HalfNormal(0.8),
    "sigma": HalfNormal(1.5),
}


@pytest.fixture(scope="module")
def of_all_kinds():
    data = rows().assign(z=np.tile([0.0, 1.0, 4.0, 2.0], 12))
    return sl.Model("y ~ x + z + (0 + x + z | g)", data, priors=PRIORS).fit(**RUN)


@pytest.mark.parametrize(
    ("text", "exact"),
    [
        ("x = 1", True),
        ("2 * x = 0.5", True),
        ("z = 0.1", True),
        ("Intercept + 2 * z = 2.2", False),
        ("Intercept = 3 * x", False),
        ("sigma = 0.8", True),
        ("2 - 2.5 * sigma = 0", True),
        ("sd_g[x] = 0.6", True),
        ("cor_g[z, x] = 0.1", True),
        ("cor_g[x, z] = 0.1", True),
        ("sigma = sd_g[x]", False),
    ],
)
def test_known_priors_are_those_that_draws_come_from(of_all_kinds, text, exact):
    """The density that is written out, beside that of draws from the same priors."""
    results = of_all_kinds.results
    hypothesis = read(text, Names(results))
    found = linear(hypothesis)
    form, prior = prior_of(results.model, *found) if found is not None else (None, None)
    assert (prior is not None) == exact
    if exact:
        (drawn,) = differences(results.model, [hypothesis], seed=5)
        estimated = form.density_at_0(drawn)
        assert abs(estimated.log - prior.density_at_0().log) < ERRORS * estimated.error < 0.4
    row = of_all_kinds.test(text).densities.loc[text]
    assert (row["prior_error"] == 0) == exact


def test_a_default_intercept_is_normal_jointly_with_the_slopes():
    """The default speaks of average columns, so that Intercept and slope are correlated a priori."""
    data = rows().assign(x=rows()["x"] + 5)
    fit = sl.Model("y ~ x", data).fit(**RUN)
    priors, average = fit.results.model.priors, float(data["x"].mean())
    (mean, center), (zero, slope) = (priors[name].prior.params for name in ("Intercept", "x"))
    assert zero == 0 and average > 4
    own = fit.test(["Intercept = -1", f"Intercept + {average} * x = 2.2"]).densities
    expected = [
        stats.norm(mean, np.hypot(center, slope * average)).pdf(-1.0),
        stats.norm(mean, center).pdf(2.2),
    ]
    np.testing.assert_allclose(own["prior"], expected, rtol=1e-9)


def test_a_point_beyond_the_draws_is_left_open_and_said(fit):
    found = fit.test(["x = 50", "x > 50"])
    assert np.isnan(found.table.loc["x = 50", "evidence_ratio"])
    assert found.table.loc["x > 50", "probability"] == 0
    assert "x = 50: The point is so far out" in repr(found)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("sd_g[Intercept] = 0", "edge"),
        ("2 * sigma = 0", "edge"),
        ("sigma = -1", "outside"),
        ("cor_g[x, Intercept] = 1", "edge"),
        ("cor_g[x, Intercept] = 1.5", "outside"),
        ("sigma + sd_g[x] = 0", "one side"),
        ("sigma ^ 2 = -1", "one side"),
        ("r_g[0, Intercept] = 0", "no finite density"),
        ("r_g[0, Intercept] = r_g[10, Intercept]", "no finite density"),
        ("levels_g[0, x] = levels_g[10, x]", "no finite density"),
        ("exp(r_g[0, x]) = 1", "no finite density"),
        ("x = x", "the same at all draws"),
        ("cor_g[x, x] > 0", "the same at all draws"),
    ],
)
def test_points_without_a_ratio_are_refused_with_the_reason(fit, text, found):
    with pytest.raises(FormulaError) as caught:
        fit.test(text)
    assert found in caught.value.found and text in str(caught.value)


def test_a_point_of_a_level_away_from_zero_has_a_ratio(fit):
    own = fit.test("levels_g[0, x] = 0.6").densities
    assert own["prior_error"].item() > 0 and np.isfinite(own.to_numpy()).all()


def test_shrunk_slopes_have_no_density_at_zero():
    fit = sl.Model("y ~ x", rows(), priors={"b": Horseshoe()}).fit(**RUN)
    with refused("no-density-at-point", match="no finite density at 0"):
        fit.test("x = 0")
    assert fit.test("x > 0").table["bayes_factor"].item() > 1


def test_fixed_parameters_are_refused():
    fit = sl.Model("y ~ x", rows(), priors={"x": Fixed(1.0)}).fit(**RUN)
    with refused("hypothesis-constant"):
        fit.test("x = 1")


def test_the_same_seed_gives_the_same_priors(fit):
    text = "sigma = sd_g[x]"
    one, two, other = (fit.test(text, seed=s).densities["prior"].item() for s in (1, 1, 2))
    assert one == two != other


# what is no hypothesis

WRONG = [
    ("", "empty", ""),
    ("x", "end of the hypothesis", ""),
    ("x >", "end of the hypothesis", ""),
    ("> 0", "Found '>'", ">"),
    ("1 > 0", "names no parameter", "1 > 0"),
    ("0 < x < 1", "second relation", "<"),
    ("x = sigma = 1", "second relation", "="),
    ("x != 0", "Found '!='", "!="),
    ("x <> 0", "Found '<>'", "<>"),
    ("x ~ 0", "Found '~'", "~"),
    ("x => 0", "Found '=>'", "=>"),
    ("x >> 0", "Found '>'", ">"),
    ("x === 0", "Found '==='", "==="),
    ("sgma > 0", "no quantity 'sgma'", "sgma"),
    ("x + z > 0", "no quantity 'z'", "z"),
    ("r_g > 0", "r_g has 12 numbers", "r_g"),
    ("r_g[5, Intercept] > 0", "no r_g[5, Intercept]", "r_g[5, Intercept]"),
    ("r_g['0', Intercept] > 0", "no r_g['0', Intercept]", "r_g['0', Intercept]"),
    ("sd_g[Interc] > 0", "no sd_g[Interc]", "sd_g[Interc]"),
    ("sd_g[x > 0", "'[' is never closed", "["),
    ("x[0] > 0", "no x[0]", "x[0]"),
    ("x / 0 > 1", "division by 0", "0"),
    ("x / (1 - 1) > 1", "division by 0", "1 - 1"),
    ("x * 9 ^ 9 ^ 9 ^ 9 > 1", "no finite number", "9 ^ 9 ^ 9"),
    ("x > log(0)", "no finite number", "log(0)"),
    ("x > 1e999", "too large", "1e999"),
    ("log(-sigma) > 0", "log(-sigma) is infinite or undefined at 800 of 800", "log(-sigma)"),
    ("x > 'a'", 'Found "\'"', "'"),
    ('"x" > 0', "Found '\"'", '"'),
    ("x.mean > 0", "no quantity 'x.mean'", "x.mean"),
    ("x.__class__ > 0", "no quantity 'x.__class__'", "x.__class__"),
    ("__import__('os') > 0", "'__import__' is not a function", "__import__"),
    ("eval(x) > 0", "'eval' is not a function", "eval"),
    ("exp > 0", "no quantity 'exp'", "exp"),
    ("log(x, 2) > 0", "Found ','", ","),
    ("(x > 0", "Found '>'", ">"),
    ("(x", "'(' is never closed", "("),
    ("x) > 0", "Found ')'", ")"),
    ("x sigma > 0", "Found 'sigma'", "sigma"),
    ("2x > 0", "Found '2'", "2"),
    ("x > 0; x < 1", "Found ';'", ";"),
    ("x > 0 & x < 1", "Found '&'", "&"),
    ("x @ 2 > 0", "Found '@'", "@"),
    ("x > lambda: 1", "no quantity 'lambda'", "lambda"),
    ("[x] > 0", "Found '['", "["),
    ("`x > 0", "Found '`'", "`"),
    ("x:sigma > 0", "Found ':'", ":"),
]


@pytest.mark.parametrize(("text", "found", "marked"), WRONG, ids=[text for text, *_ in WRONG])
def test_what_is_no_hypothesis_is_refused_and_marked(fit, text, found, marked):
    with pytest.raises(FormulaError) as caught:
        fit.test(text)
    error = caught.value
    assert found in error.found and error.needed + error.remedy
    start, end = error.span
    assert text[start:end] == marked and (not text or "^" * max(1, end - start) in str(error))


def test_a_name_that_is_nearly_there_is_suggested(fit):
    with refused("unknown-name", match="Did you mean 'sd_g\\[Intercept\\]'"):
        fit.test("sd_g[Intercpt] > 0")
    with refused("unknown-name", match="Did you mean 'Intercept'"):
        fit.test("intercept > 0")


@pytest.mark.parametrize(
    "text", ["x +" * 1000 + " x > 0", "(" * 60 + "x" + ")" * 60 + " > 0", "-" * 60 + "x > 0"]
)
def test_very_long_and_very_deep_ones_are_refused(fit, text):
    with pytest.raises(FormulaError, match="characters|nested"):
        fit.test(text)


@given(
    st.lists(
        st.sampled_from(
            [
                *"+-*/^()<>=[],.:`'\" ",
                "x",
                "sigma",
                "sd_g[x]",
                "r_g",
                "log",
                "exp",
                "0",
                "2.5",
                "1e3",
                "__a__",
            ]
        ),
        max_size=14,
    ).map("".join)
)
@settings(max_examples=300, deadline=None)
def test_any_text_is_answered_or_refused_with_a_message(fit, text):
    try:
        read(text, Names(fit.results))
    except FormulaError as caught:
        assert caught.found and "Traceback" not in str(caught)


def test_a_long_sum_is_no_deep_one(fit):
    found = fit.test(" + ".join(["x"] * 400) + " > 0").draws
    np.testing.assert_allclose(found[..., 0], 400 * draws(fit, "x"))


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"hypotheses": 3}, FormulaError),
        ({"hypotheses": []}, FormulaError),
        ({"hypotheses": ["x > 0", None]}, FormulaError),
        ({"hypotheses": "x > 0", "rope": 0.1}, ModelError),
        ({"hypotheses": "x > 0", "rope": (0.1, -0.1)}, ModelError),
        ({"hypotheses": "x > 0", "rope": (0.1, "b")}, ModelError),
        ({"hypotheses": "x > 0", "prob": 2}, ModelError),
        ({"hypotheses": "x > 0", "seed": -1}, ModelError),
    ],
)
def test_arguments_of_another_kind_are_refused(fit, asked, error):
    with pytest.raises(error):
        fit.test(**asked)


def test_effects_that_were_not_kept_are_named():
    fit = sl.Model("y ~ x + (1 | g)", rows()).fit(**RUN, store="none")
    with refused("unknown-name"):
        fit.test("r_g[0, Intercept] > 0")


def test_a_saved_fit_answers_the_same(fit, tmp_path):
    asked = ["x > 1", "sigma = 0.5", "levels_g[0, x] = 0.6"]
    again = sl.load(fit.save(tmp_path / "fit.nc")).test(asked)
    pd.testing.assert_frame_equal(pd.DataFrame(again.table), pd.DataFrame(fit.test(asked).table))


def test_several_responses_and_predictors_of_parameters_are_named():
    data = rows().assign(k=np.random.default_rng(0).poisson(2.0, 48))
    fit = sl.Model(
        [sl.Response("y ~ x + (1 | g)", predictors={"sigma": "~ x"}), sl.Response("k ~ x", "poisson")], data
    ).fit(**RUN)
    names = [str(name) for name in fit.tree["posterior"].data_vars if draws(fit, str(name)).ndim == 2]
    found = fit.test([f"{name} > 0" for name in names])
    for i, name in enumerate(names):
        np.testing.assert_array_equal(found.draws[..., i], draws(fit, name))
