"""Every estimand equals a hand computation from the draws and the data."""

import numpy as np
import pandas as pd
import pytest
from estimand_cases import FEW, RUN, draws, rows
from scipy.optimize import minimize
from scipy.special import expit

import shoal as sl
from refusals import refused


@pytest.fixture(scope="module")
def normal():
    return sl.Model("y ~ x + (1 + x | g)", rows()).fit(**RUN)


@pytest.fixture(scope="module")
def intercepts():
    return sl.Model("y ~ 1 + (1 | g)", rows()).fit(**RUN)


COUNTS = pd.DataFrame({"k": [3, 0, 8, 5, 2, 9], "n": [10, 7, 8, 12, 30, 10], "g": list("abcdef")})


@pytest.fixture(scope="module")
def counts():
    """Return a fit of six binomial rows: b has no success, c nothing but successes."""
    return sl.Model("k | trials(n) ~ 1 + (1 | g)", COUNTS, family="binomial").fit(**FEW)


# levels


def test_levels_are_population_plus_deviation(normal):
    expected = draws(normal, "r_g").copy()
    expected[..., 0] += draws(normal, "Intercept")[..., None]
    expected[..., 1] += draws(normal, "x")[..., None]
    levels = normal.levels("g")
    np.testing.assert_array_equal(levels.values, expected)
    assert levels.dims == ("chain", "draw", "g", "g_effect")
    assert levels["g"].values.tolist() == list(range(0, 60, 10))
    assert levels["g_effect"].values.tolist() == ["Intercept", "x"]


def test_an_effect_without_a_population_column_varies_around_zero():
    fit = sl.Model("y ~ 1 + (1 + x || g)", rows()).fit(**RUN)
    np.testing.assert_array_equal(fit.levels().values[..., 1], draws(fit, "r_g")[..., 1])


def test_levels_leave_the_draws_alone(normal):
    before = draws(normal, "r_g").copy()
    normal.levels()
    np.testing.assert_array_equal(draws(normal, "r_g"), before)


@pytest.mark.parametrize("method", ["levels", "effects", "finite_population"])
def test_an_unknown_group_is_named(normal, method):
    with refused("unknown-factor", match="no grouping factor 'h'"):
        getattr(normal, method)("h")


@pytest.mark.parametrize("method", ["levels", "effects", "finite_population", "variance_partition"])
def test_a_model_without_groups_has_no_levels(method):
    fit = sl.Model("y ~ x", rows()).fit(**RUN)
    with refused("no-grouping-factor"):
        getattr(fit, method)()


# effects


def test_effects_of_a_normal_model_by_hand(intercepts):
    """Without pooling a level's estimate is its mean, drawn to the whole mean by a prior of 10 sd."""
    data, table = rows(), intercepts.effects()
    sigma, prior = draws(intercepts, "sigma").mean(), 10 * data["y"].std(ddof=0)
    means = data.groupby("g")["y"].mean().to_numpy()
    precision = 8 / sigma**2 + prior**-2
    alone = (8 / sigma**2 * means + data["y"].mean() / prior**2) / precision
    levels = draws(intercepts, "r_g")[..., 0] + draws(intercepts, "Intercept")[..., None]
    population = draws(intercepts, "Intercept").mean()

    assert table.columns.tolist() == [
        *("g", "effect", "n", "no_pooling", "no_pooling_sd", "mean", "sd"),
        *("eti90_lb", "eti90_ub", "shrinkage", "at_edge"),
    ]
    assert table["g"].tolist() == list(range(0, 60, 10)) and set(table["effect"]) == {"Intercept"}
    assert (table["n"] == 8).all() and not table["at_edge"].any()
    np.testing.assert_allclose(table["no_pooling"], alone, rtol=1e-8)
    np.testing.assert_allclose(table["no_pooling"], means, atol=5e-3)
    np.testing.assert_allclose(table["no_pooling_sd"], precision**-0.5, rtol=1e-8)
    np.testing.assert_allclose(table["mean"], levels.mean((0, 1)), rtol=1e-12)
    np.testing.assert_allclose(table["sd"], levels.std((0, 1)), rtol=1e-12)
    np.testing.assert_allclose(table[["eti90_lb", "eti90_ub"]].T, np.quantile(levels, [0.05, 0.95], (0, 1)))
    shrinkage = 1 - (levels.mean((0, 1)) - population) / (alone - population)
    clear = np.abs(alone - population) > precision**-0.5 / 4
    assert clear.sum() >= 5 and table["shrinkage"].notna().equals(pd.Series(clear))
    np.testing.assert_allclose(table["shrinkage"][clear], shrinkage[clear], rtol=1e-6)
    assert table["shrinkage"][clear].between(0, 1).all()
    assert table.attrs["no_pooling_prior"] == {"Intercept": pytest.approx(prior)}
    assert "identity" in table.attrs["scale"]


def test_effects_of_correlated_slopes_by_hand(normal):
    """Ridge regression of each level on its own rows; the prior's sds are those at the average x."""
    data, table = rows(), normal.effects()
    sigma = draws(normal, "sigma").mean()
    prior_sd = np.array(list(table.attrs["no_pooling_prior"].values()))
    np.testing.assert_allclose(
        prior_sd, 10 * data["y"].std(ddof=0) / np.array([1, data["x"].std(ddof=0)]), rtol=1e-8
    )
    at = np.array([[1, data["x"].mean()], [0, 1]])
    prior = at.T @ np.diag(prior_sd**-2.0) @ at
    for label, level in data.groupby("g"):
        z = np.column_stack([np.ones(8), level["x"]])
        precision = z.T @ z / sigma**2 + prior
        right = z.T @ level["y"] / sigma**2 + prior @ [data["y"].mean(), 0.0]
        here = table[table["g"] == label]
        assert here["effect"].tolist() == ["Intercept", "x"]
        np.testing.assert_allclose(here["no_pooling"], np.linalg.solve(precision, right), rtol=1e-7)
        np.testing.assert_allclose(here["no_pooling_sd"], np.diag(np.linalg.inv(precision)) ** 0.5, rtol=1e-7)


def test_effects_hold_other_coefficients_at_their_means():
    """A population slope that does not vary is taken out at its posterior mean first."""
    data = rows()
    fit = sl.Model("y ~ x + offset(x / 2) + (1 | g)", data).fit(**RUN)
    rest = data["y"] - draws(fit, "x").mean() * data["x"] - data["x"] / 2
    np.testing.assert_allclose(fit.effects()["no_pooling"], rest.groupby(data["g"]).mean(), atol=5e-3)


def test_effects_of_counts_are_penalised_modes(counts):
    """The no-pooling estimate is the mode under Normal(the log odds of all, 3 times the learned sd)."""
    table = counts.effects()
    sd = 3 * draws(counts, "sd_g").mean()
    assert sd > 1.5  # of the family
    k, n = COUNTS["k"].sum() + 0.5, COUNTS["n"].sum() + 1
    center = np.log(k / (n - k))
    for (_, row), (_, data) in zip(table.iterrows(), COUNTS.iterrows(), strict=True):

        def loss(eta, k=data["k"], n=data["n"]):
            return (n * np.logaddexp(0, eta) - k * eta + (eta - center) ** 2 / (2 * sd**2)).sum()

        mode = minimize(loss, np.zeros(1), tol=1e-12).x[0]
        curvature = data["n"] * expit(mode) * expit(-mode) + sd**-2
        assert row["no_pooling"] == pytest.approx(mode, abs=1e-4)
        assert row["no_pooling_sd"] == pytest.approx(curvature**-0.5, rel=1e-4)
    assert table.attrs["no_pooling_prior"] == {"Intercept": pytest.approx(sd)}


def test_levels_at_an_edge_are_flagged(counts):
    assert counts.effects()["at_edge"].tolist() == [False, True, True, False, False, False]


def test_levels_of_binary_rows_at_an_edge_are_flagged():
    """All rows of a level must be at the same edge, not one."""
    data = pd.DataFrame({"b": [0, 0, 0, 1, 1, 1, 0, 1, 0, 0, 1, 1], "g": np.repeat([1, 2, 3, 4], 3)})
    fit = sl.Model("b ~ 1 + (1 | g)", data, family="bernoulli").fit(**FEW)
    assert fit.effects()["at_edge"].tolist() == [True, True, False, False]


def test_shrinkage_is_left_open_where_there_is_nothing_to_shrink():
    """A level that lies within a quarter of its standard error of the population is pulled nowhere."""
    means = np.array([-2.0, 0.0, 0.07, 0.11, 2.0])  # standard errors of 0.35
    data = pd.DataFrame({"y": np.ravel([means - 1, means + 1], order="F"), "g": np.repeat(np.arange(5), 2)})
    model = sl.Model(
        "y ~ 1 + (1 | g)", data, priors={"Intercept": sl.priors.Fixed(0.0), "sigma": sl.priors.Fixed(0.5)}
    )
    shrinkage = model.fit(**RUN).effects()["shrinkage"]
    assert shrinkage.isna().tolist() == [False, True, True, False, False]
    assert shrinkage[[0, 4]].between(0, 1).all()


def test_the_interval_asked_for_is_the_one_given(intercepts):
    levels = intercepts.levels().values[..., 0]
    table = intercepts.effects(prob=0.5)
    np.testing.assert_allclose(table[["eti50_lb", "eti50_ub"]].T, np.quantile(levels, [0.25, 0.75], (0, 1)))


# finite_population


def wide(omega, formula, mu_sd):
    priors = {
        "Intercept": sl.priors.Normal(0, mu_sd),
        "sigma": sl.priors.HalfNormal(1),
        "sd_group": sl.priors.HalfNormal(10),
    }
    return sl.Model(formula, sl.simulate.one_way(omega=omega, groups=5), priors=priors).fit(seed=7, cores=1)


def test_these_levels_and_the_population_answer_different_questions():
    """Five groups far apart, true mu = 2: their own mean is well known and is not mu."""
    fit = wide(10, "observation ~ 1 + (1 | group)", 10)
    table = fit.finite_population().loc["Intercept"]
    these, population = table.loc["these levels"], table.loc["population"]
    assert population["eti90_lb"] < 2 < population["eti90_ub"]
    assert these["eti90_ub"] < 2
    assert these["eti90_ub"] - these["eti90_lb"] < 0.1 * (population["eti90_ub"] - population["eti90_lb"])
    finite = fit.levels().values[..., 0].mean(-1)
    assert these["mean"] == pytest.approx(finite.mean()) and these["sd"] == pytest.approx(finite.std())
    assert population["mean"] == pytest.approx(draws(fit, "Intercept").mean())


def test_a_zero_sum_intercept_is_the_mean_of_these_levels_and_misses_mu():
    fit = wide(10, "observation ~ 1 + (1 | gr(group, zero_sum=True))", 10)
    table = fit.finite_population()
    assert table.index.tolist() == [("Intercept", "these levels")]
    assert table["eti90_ub"].item() < 2
    intercept = draws(fit, "Intercept")
    assert table["mean"].item() == pytest.approx(intercept.mean())
    assert table["sd"].item() == pytest.approx(intercept.std())


def test_an_effect_without_population_column_has_no_population_mean():
    fit = sl.Model("y ~ 1 + (1 + x || g)", rows()).fit(**RUN)
    assert fit.finite_population().index.tolist() == [
        *(("Intercept", "these levels"), ("Intercept", "population"), ("x", "these levels"))
    ]


# variance_partition


def test_variance_partition_of_intercepts_by_hand(intercepts):
    between, within = draws(intercepts, "sd_g")[..., 0] ** 2, draws(intercepts, "sigma") ** 2
    share = between / (between + within)
    table = intercepts.variance_partition(prob=0.8)
    assert table.index.tolist() == ["g", "residual"]
    assert table.loc["g", "sd"] == pytest.approx(np.sqrt(between).mean())
    assert table.loc["residual", "sd"] == pytest.approx(np.sqrt(within).mean())
    assert table.loc["g", "share_mean"] == pytest.approx(share.mean())
    assert table.loc["g", "share_sd"] == pytest.approx(share.std())
    assert table.loc["g", ["eti80_lb", "eti80_ub"]].tolist() == pytest.approx(np.quantile(share, [0.1, 0.9]))
    assert table["share_mean"].sum() == pytest.approx(1)


def test_variance_partition_of_correlated_slopes_averages_over_rows(normal):
    sd, cor = draws(normal, "sd_g"), draws(normal, "cor_g")
    covariance = sd[..., :, None] * cor * sd[..., None, :]
    z = np.column_stack([np.ones(48), rows()["x"]])
    between = np.einsum("ni,cdij,nj->cdn", z, covariance, z).mean(-1)
    share = between / (between + draws(normal, "sigma") ** 2)
    assert normal.variance_partition().loc["g", "share_mean"] == pytest.approx(share.mean())


def test_variance_partition_of_uncorrelated_slopes():
    fit = sl.Model("y ~ 1 + (1 + x || g)", rows()).fit(**RUN)
    sd = draws(fit, "sd_g")
    between = sd[..., 0] ** 2 + sd[..., 1] ** 2 * (rows()["x"] ** 2).mean()
    share = between / (between + draws(fit, "sigma") ** 2)
    assert fit.variance_partition().loc["g", "share_mean"] == pytest.approx(share.mean())


def test_variance_partition_of_counts_uses_the_logistic_variance(counts):
    between = draws(counts, "sd_g")[..., 0] ** 2
    table = counts.variance_partition()
    assert table.loc["g", "share_mean"] == pytest.approx((between / (between + np.pi**2 / 3)).mean())
    assert table.loc["residual", "sd"] == pytest.approx(np.pi / 3**0.5)
    assert "logit" in table.attrs["scale"]


# to_frame


def test_to_frame_has_one_row_a_draw_and_one_column_a_number(normal):
    frame = normal.to_frame()
    p = normal.tree["posterior"]
    assert frame.index.names == ["chain", "draw"] and len(frame) == 800
    assert frame.columns.tolist() == [
        *("Intercept", "x", "sd_g[Intercept]", "sd_g[x]"),
        *(f"cor_g[{a},{b}]" for a in ("Intercept", "x") for b in ("Intercept", "x")),
        "sigma",
        *(f"r_g[{g},{e}]" for g in range(0, 60, 10) for e in ("Intercept", "x")),
    ]
    assert frame.loc[(1, 17), "r_g[30,x]"] == p["r_g"].sel(chain=1, draw=17, g=30, g_effect="x").item()
    assert frame.loc[(0, 3), "cor_g[x,Intercept]"] == p["cor_g"].values[0, 3, 1, 0]
    np.testing.assert_array_equal(frame["sigma"].to_numpy().reshape(2, 400), p["sigma"].values)


def test_to_frame_of_chosen_variables(normal):
    assert normal.to_frame(["sigma", "x"]).columns.tolist() == ["sigma", "x"]
    with refused("unknown-variable", match="no variable 'z'"):
        normal.to_frame(["z"])


def test_no_pooling_estimates_do_not_depend_on_where_zero_is():
    data = rows()
    far = data.assign(y=data["y"] + 1e6)
    near, moved = (sl.Model("y ~ 1 + (1 | g)", d).fit(**RUN).effects() for d in (data, far))
    np.testing.assert_allclose(moved["no_pooling"] - 1e6, near["no_pooling"], atol=5e-3)
