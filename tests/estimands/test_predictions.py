"""Predictions equal a hand computation from the draws; what cannot be predicted is refused, row by row."""

import dataclasses

import estimand_cases
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy.special import expit
from scipy.stats import chi2, kstest, norm

import shoal as sl
from refusals import refused
from shoal.api import Fit
from shoal.errors import DataError, ModelError, ShoalWarning
from shoal.estimands import predictions
from shoal.fit import row_blocks

RUN = {"draws": 60, "chains": 2, "seed": 7, "cores": 1}


def rows(groups=6, size=8):
    rng = np.random.default_rng(3)
    g = np.repeat(np.arange(groups), size)
    n = g.size
    x = rng.normal(2.0, 3.0, n)
    level, slope = rng.normal(0, 1.5, groups), rng.normal(0, 0.7, groups)
    y = 2 + level[g] + (1 + slope[g]) * x + rng.normal(0, 0.5, n)
    trials = rng.integers(3, 9, n)
    return pd.DataFrame(
        {
            "g": g * 10,
            "h": np.tile(["p", "q", "r", "s"], n // 4),
            "c": np.tile(["low", "high", "high", "mid"], n // 4),
            "x": x,
            "y": y,
            "e": rng.uniform(1, 4, n),
            "n": trials,
            "k": rng.binomial(trials, expit(0.3 * level[g])),
            "o": np.digitize(y, np.quantile(y, [0.25, 0.5, 0.75])),
            "s": rng.uniform(0.3, 0.8, n),
            "t": rng.normal(0, 1, n) + level[g],
        }
    )


DATA = rows()
# Rows 3 and 4 have a level of g that was not fitted, twice; row 5 one of h.
NEW = pd.DataFrame(
    {
        "g": [0, 50, 20, 99, 99, 0],
        "h": ["p", "q", "p", "s", "q", "zz"],
        "c": ["mid", "low", "high", "low", "low", "mid"],
        "x": [0.0, 1.5, -2.0, 3.0, 1.0, 0.5],
        "e": [1.0, 2.0, 3.0, 1.5, 2.5, 1.0],
        "n": [1, 10, 4, 2, 8, 3],
        "s": [0.1, 1.0, 0.5, 0.4, 0.2, 0.3],
    },
    index=list("uvwxyz"),
)
KNOWN = NEW.iloc[:3]


@pytest.fixture(scope="module")
def slopes():
    return sl.Model("y ~ x + c + (1 + x | g)", DATA).fit(**RUN)


def from_prior(formula, data=DATA, **settings):
    return estimand_cases.from_prior(formula, data, **settings)


@pytest.fixture(scope="module")
def crossed():
    formula = "k | trials(n) ~ scale(x) + offset(log(e)) + (1 | g) + (1 | h)"
    return from_prior(formula, family="binomial")


@pytest.fixture(scope="module")
def ordered():
    return from_prior("o ~ x + (1 | g)", family="cumulative")


@pytest.fixture(scope="module")
def nested():
    return sl.Model("y ~ poly(x, 2) + scale(e) + offset(s) + (1 | g/h)", DATA).fit(**RUN)


RESPONSES = [sl.Response("y ~ x + latent(u | g)"), sl.Response("t ~ y + latent(u | g) + (1 | h)")]


@pytest.fixture(scope="module")
def several():
    return sl.Model(RESPONSES, DATA).fit(**RUN)


def draws(fit, name):
    return fit.tree["posterior"][name].values


def effect(fit, name, labels, k=0):
    """Return draws of effect k of each row's level, (chain, draw, row)."""
    r = fit.tree["posterior"][name]
    return r.sel({r.dims[2]: np.asarray(labels)}).values[..., k]


def coefficient(fit, name):
    return draws(fit, name)[..., None]


def by_hand(fit, table):
    """Return the linear predictor of `slopes`."""
    x, g = table["x"].to_numpy(), table["g"].to_numpy()
    eta = coefficient(fit, "Intercept") + coefficient(fit, "x") * x
    for level in ("low", "mid"):
        eta = eta + coefficient(fit, f"c[T.{level}]") * (table["c"] == level).to_numpy()
    return eta + effect(fit, "r_g", g) + effect(fit, "r_g", g, 1) * x


# what is predicted


def test_fitted_rows(slopes):
    got = slopes.predict(kind="linear")
    assert got.dims == ("chain", "draw", "row") and got.name == "y"
    assert set(got.coords) == {"chain", "draw", "row"}
    np.testing.assert_allclose(got, by_hand(slopes, DATA), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("kind", ["linear", "mean", "response"])
def test_the_fitted_table_given_again_is_predicted_alike(slopes, crossed, ordered, kind):
    for fit in (slopes, crossed, ordered):
        again = fit.predict(DATA, kind, new_levels="population", seed=4)
        np.testing.assert_allclose(again, fit.predict(kind=kind, seed=4), rtol=1e-12, atol=1e-12)


def test_new_rows_keep_their_order_and_their_labels(slopes):
    got = slopes.predict(KNOWN, "linear")
    np.testing.assert_allclose(got, by_hand(slopes, KNOWN), rtol=1e-10)
    assert got["index"].values.tolist() == ["u", "v", "w"] and got["row"].values.tolist() == [0, 1, 2]
    turned = slopes.predict(KNOWN.iloc[::-1], "linear")
    np.testing.assert_array_equal(turned.values[..., ::-1], got.values)


def test_offsets_trials_crossed_factors_and_replayed_scales(crossed):
    """The scale of x is that of the fitted rows, not of the new ones."""
    z = (KNOWN["x"] - DATA["x"].mean()) / DATA["x"].std()
    eta = coefficient(crossed, "Intercept") + coefficient(crossed, "scale(x)") * z.to_numpy()
    eta = eta + np.log(KNOWN["e"]).to_numpy()
    eta += effect(crossed, "r_g", KNOWN["g"]) + effect(crossed, "r_h", KNOWN["h"])
    np.testing.assert_allclose(crossed.predict(KNOWN, "linear"), eta, rtol=1e-10)
    np.testing.assert_allclose(crossed.predict(KNOWN), KNOWN["n"].to_numpy() * expit(eta), rtol=1e-10)


def test_the_linear_predictor_needs_no_trials(crossed):
    without = crossed.predict(KNOWN.drop(columns="n"), "linear")
    np.testing.assert_array_equal(without, crossed.predict(KNOWN, "linear"))
    with refused("unknown-column", match="no column 'n'.*\n.*trials.*\n.*1 give a probability"):
        crossed.predict(KNOWN.drop(columns="n"))


def test_polynomials_and_nested_factors(nested):
    fit = nested
    x = DATA["x"].to_numpy()
    # The polynomials of the fitted rows, as functions of x: a quadratic through their values.
    columns = np.column_stack([fit.model.design.x[:, i] for i in (1, 2)])
    curve, *_ = np.linalg.lstsq(np.vander(x, 3), columns, rcond=None)
    basis = np.vander(KNOWN["x"], 3) @ curve
    eta = coefficient(fit, "Intercept") + effect(fit, "r_g", KNOWN["g"])
    eta = eta + effect(fit, "r_g:h", KNOWN["g"].astype(str) + ":" + KNOWN["h"])
    eta = eta + KNOWN["s"].to_numpy()
    scaled = (KNOWN["e"] - DATA["e"].mean()) / DATA["e"].std()
    eta = eta + coefficient(fit, "scale(e)") * scaled.to_numpy()
    names = fit.model.design.columns
    for i in (1, 2):
        eta = eta + coefficient(fit, names[i]) * basis[:, i - 1]
    np.testing.assert_allclose(fit.predict(KNOWN, "linear"), eta, rtol=1e-7, atol=1e-7)
    # Within a new g, every g:h is new: the two are named.
    with refused("unknown-level", match=r"1 of 'g' in 2 rows \(99\); 3 of 'g:h' in 3 rows"):
        fit.predict(NEW)


def test_integers_read_as_floats_name_the_same_nested_levels():
    """A gap turns a column of integers into floats; the level is still 10:p, not 10.0:p."""
    fit = from_prior("y ~ 1 + (1 | g:h)")
    table = pd.DataFrame({"g": [10, None, 20], "h": ["p", "q", "q"]})
    with pytest.warns(ShoalWarning, match=r"1 of 3 rows have missing values in 'g' \(1\)"):
        got = fit.predict(table)
    whole = fit.predict(table.dropna().astype({"g": int}))
    np.testing.assert_array_equal(got.values[..., [0, 2]], whole.values)


def test_ordered_probabilities(ordered):
    got = ordered.predict(KNOWN)
    assert got.dims == ("chain", "draw", "row", "category") and got["category"].values.tolist() == [
        0,
        1,
        2,
        3,
    ]
    np.testing.assert_allclose(got.sum("category"), 1.0, rtol=1e-12)
    eta = coefficient(ordered, "x") * KNOWN["x"].to_numpy() + effect(ordered, "r_g", KNOWN["g"])
    np.testing.assert_allclose(ordered.predict(KNOWN, "linear"), eta, rtol=1e-10)
    cutpoints = draws(ordered, "cutpoints")[:, :, None, :]
    np.testing.assert_allclose(got[..., :3].cumsum("category"), expit(cutpoints - eta[..., None]), rtol=1e-9)


def test_several_responses_share_their_latent(several):
    table = KNOWN.assign(y=[1.0, 2.0, 3.0])
    got = several.predict(table)
    assert isinstance(got, xr.Dataset) and list(got) == ["y", "t"]
    u = effect_of_latent(several, table["g"])
    first = coefficient(several, "y_Intercept") + coefficient(several, "y_x") * table["x"].to_numpy()
    np.testing.assert_allclose(got["y"], first + coefficient(several, "y_loading_u") * u, rtol=1e-9)
    # The predictor y is the table's, not the first response's prediction.
    second = coefficient(several, "t_Intercept") + coefficient(several, "t_y") * table["y"].to_numpy()
    second = second + coefficient(several, "t_loading_u") * u + effect(several, "t_r_h", table["h"])
    np.testing.assert_allclose(got["t"], second, rtol=1e-9)
    xr.testing.assert_equal(several.predict(table, response="t"), got["t"])
    tables = several.predict_summary(table)
    pd.testing.assert_frame_equal(tables["t"], several.predict_summary(table, response="t"))
    with refused("unknown-response", match="no response 'z'.*\n.*y, t"):
        several.predict(table, response="z")


def effect_of_latent(fit, labels):
    return fit.tree["posterior"]["latent_u"].sel(g=labels.to_numpy()).values


# responses are draws from the family


def test_new_observations_are_normal_around_the_mean(slopes):
    many = slopes.predict(pd.concat([KNOWN] * 60), "response")
    mean = slopes.predict(pd.concat([KNOWN] * 60))
    z = ((many - mean) / slopes.tree["posterior"]["sigma"]).values.ravel()
    assert kstest(z, norm.cdf).pvalue > 1e-3


def test_known_standard_errors_are_those_of_the_new_rows():
    fit = from_prior("y | se(s) ~ 1 + (1 | g)")
    table = pd.concat([KNOWN] * 60)
    z = (fit.predict(table, "response") - fit.predict(table)) / table["s"].to_numpy()
    assert kstest(z.values.ravel(), norm.cdf).pvalue > 1e-3
    with refused("unknown-column", match="no column 's'"):
        fit.predict(KNOWN.drop(columns="s"), "response")
    fit.predict(KNOWN.drop(columns="s"))


def test_new_counts_have_the_mean_and_the_trials(crossed):
    table = pd.concat([KNOWN] * 100)
    counts, mean = crossed.predict(table, "response"), crossed.predict(table)
    trials = table["n"].to_numpy()
    assert ((counts >= 0) & (counts <= trials)).all() and (counts == counts.round()).all()
    error = (counts - mean).sum() / np.sqrt((mean * (1 - mean / trials)).sum())
    assert abs(error) < 4


def test_new_categories_have_their_probabilities(ordered):
    table = pd.concat([KNOWN] * 100)
    codes, p = ordered.predict(table, "response"), ordered.predict(table).values
    for j in range(4):
        assert abs((codes == j).sum() - p[..., j].sum()) / np.sqrt((p[..., j] * (1 - p[..., j])).sum()) < 4


def test_weights_play_no_part():
    fit = sl.Model("y | weights(e) ~ x + (1 | g)", DATA).fit(**RUN)
    assert fit.predict(KNOWN.drop(columns="e"), "response").notnull().all()


# new levels


def test_levels_that_were_not_fitted_are_an_error(slopes, crossed):
    with refused("unknown-level", match=r"1 of 'g' in 2 rows \(99\).*\n.*\n.*'population'.*'zero'"):
        slopes.predict(NEW)
    with refused("unknown-level", match=r"1 of 'g' in 2 rows \(99\); 1 of 'h' in 1 row \('zz'\)"):
        crossed.predict(NEW)


def test_new_levels_at_zero(slopes):
    zero = slopes.predict(NEW, "linear", "zero").values
    np.testing.assert_array_equal(zero[..., :3], slopes.predict(KNOWN, "linear"))
    same = by_hand(slopes, NEW.assign(g=0))
    x = NEW["x"].to_numpy()
    population = same - effect(slopes, "r_g", np.zeros(6)) - effect(slopes, "r_g", np.zeros(6), 1) * x
    np.testing.assert_allclose(zero[..., 3:5], population[..., 3:5], rtol=1e-9)


def deviations(fit, table):
    """Return what new levels add to the linear predictor."""
    return (fit.predict(table, "linear", "population") - fit.predict(table, "linear", "zero")).values


def test_new_levels_have_the_population_of_each_draw(slopes):
    """Whitened by each draw's sd and correlation, effects of new levels are independent standard normal."""
    levels = np.repeat(np.arange(1000, 1300), 2)
    table = pd.DataFrame({"g": levels, "x": np.tile([0.0, 1.0], 300), "c": "low"})
    added = deviations(slopes, table)
    r = np.stack(
        [added[..., ::2], added[..., 1::2] - added[..., ::2]], axis=-1
    )  # (chain, draw, level, effect)
    scale = draws(slopes, "sd_g")
    root = scale[..., None] * np.linalg.cholesky(draws(slopes, "cor_g"))
    white = np.linalg.solve(root[:, :, None], r[..., None])[..., 0]
    count = white[..., 0].size
    assert kstest(white.ravel(), norm.cdf).pvalue > 1e-3
    assert abs((white[..., 0] * white[..., 1]).sum()) / np.sqrt(count) < 4
    # Levels are independent given the draw: each draw's sum over levels has variance 300.
    sums = (white.sum(2) ** 2).sum() / 300
    assert 1e-4 < chi2.cdf(sums, white[:, :, 0].size) < 1 - 1e-4
    # … and so are draws, given the level.
    assert 1e-4 < chi2.cdf((white.sum((0, 1)) ** 2).sum() / (count / 300), 600) < 1 - 1e-4


def test_rows_of_one_new_level_share_its_effects(slopes):
    added = deviations(slopes, NEW.assign(x=[0.0, 0.0, 0.0, 2.0, 2.0, 0.0]))
    np.testing.assert_allclose(added[..., 3], added[..., 4], rtol=1e-9)
    assert np.ptp(added[..., 3]) > 0
    np.testing.assert_array_equal(added[..., :3], 0.0)


def test_a_new_level_does_not_depend_on_other_rows_but_on_the_seed(slopes):
    alone = slopes.predict(NEW.iloc[[4]], "linear", "population", seed=3).values[..., 0]
    among = slopes.predict(NEW, "linear", "population", seed=3).values[..., 4]
    np.testing.assert_array_equal(alone, among)
    assert (alone != slopes.predict(NEW.iloc[[4]], "linear", "population", seed=4).values[..., 0]).all()


def test_new_levels_of_two_factors_are_independent(crossed):
    levels = [str(i) for i in range(1000, 1200)]  # the same labels in both
    base = {"x": 0.0, "e": 1.0, "n": 1}
    both = [
        deviations(crossed, pd.DataFrame({"g": 0, "h": levels, **base})) / draws(crossed, "sd_h"),
        deviations(crossed, pd.DataFrame({"g": range(1000, 1200), "h": "p", **base}))
        / draws(crossed, "sd_g"),
    ]
    for values in both:
        assert kstest(values.ravel(), norm.cdf).pvalue > 1e-3
    assert abs((both[0] * both[1]).sum()) / np.sqrt(both[0].size) < 4


def test_new_levels_of_a_student_population_stretch_together():
    """The squared length of (t1, t2) over 2 is F(2, nu), with cdf 1 - (1 + 2 f / nu)^(-nu / 2)."""
    fit = from_prior("y ~ x + (1 + x | gr(g, dist='student'))")
    table = pd.DataFrame({"g": np.repeat(np.arange(1000, 1200), 2), "x": np.tile([0.0, 1.0], 200)})
    added = deviations(fit, table)
    r = np.stack([added[..., ::2], added[..., 1::2] - added[..., ::2]], axis=-1)
    root = draws(fit, "sd_g")[..., None] * np.linalg.cholesky(draws(fit, "cor_g"))
    length = (np.linalg.solve(root[:, :, None], r[..., None])[..., 0] ** 2).sum(-1) / 2
    nu = draws(fit, "nu_g")[..., None]
    assert kstest((1 - (1 + 2 * length / nu) ** (-nu / 2)).ravel(), "uniform").pvalue > 1e-3


def test_a_new_latent_is_standard_normal_and_shared(several):
    table = pd.DataFrame({"g": np.arange(1000, 1300), "h": "p", "x": 0.0, "y": 0.0})
    parts = []
    for name in ("y", "t"):
        whole = several.predict(table, "linear", "population", response=name)
        none = several.predict(table, "linear", "zero", response=name)
        parts.append((whole - none).values / coefficient(several, f"{name}_loading_u"))
    np.testing.assert_allclose(parts[0], parts[1], rtol=1e-6, atol=1e-9)
    assert kstest(parts[0].ravel(), norm.cdf).pvalue > 1e-3


def test_zero_sum_and_known_covariances_have_no_population():
    zero_sum = from_prior("y ~ 1 + (1 | gr(g, zero_sum=True))")
    with refused("new-level-of-zero-sum"):
        zero_sum.predict(NEW, new_levels="population")
    assert zero_sum.predict(NEW, new_levels="zero").notnull().all()
    matrix = 0.5 * np.eye(6) + 0.5
    related = from_prior("y ~ 1 + (1 | gr(g, cov=K))", covariances={"K": matrix})
    with refused("new-level-of-covariance"):
        related.predict(NEW, new_levels="population")
    assert related.predict(KNOWN, new_levels="population").notnull().all()


# missing values and refusals


def test_incomplete_rows_are_nan_and_leave_others_alone(slopes):
    table = NEW.copy()
    table.loc["u", "x"] = np.nan
    table.loc["x", "c"] = None
    with pytest.warns(ShoalWarning, match=r"2 of 6 rows have missing values in 'x' \(1\), 'c' \(1\)"):
        got = slopes.predict(table, new_levels="population")
    whole = slopes.predict(NEW, new_levels="population")
    assert got.isnull().all(("chain", "draw")).values.tolist() == [True, False, False, True, False, False]
    np.testing.assert_array_equal(got[..., [1, 2, 4, 5]], whole[..., [1, 2, 4, 5]])
    with pytest.warns(ShoalWarning):
        summary = slopes.predict_summary(table, new_levels="population")
    assert summary["mean"].isna().tolist() == [True, False, False, True, False, False]
    with pytest.warns(ShoalWarning, match="3 of 3"):
        assert slopes.predict(KNOWN.assign(x=np.nan)).isnull().all()


@pytest.mark.parametrize(
    "labels",
    [
        np.array([True, False]),
        np.array([0.1, -2.5, 1e9]),
        np.array([7, 2**30 + 3, -4]),
        np.array(["1", "007", "a:b"], dtype=object),
        pd.Categorical(["z", "a"], categories=["z", "unused", "a"]),
        pd.Categorical([30, 10, 20], categories=[30, 20, 10]),
        pd.Categorical([True, False], categories=[True, False]),
    ],
)
@pytest.mark.parametrize("factor", ["a", "a:h"])
def test_levels_of_every_kind_are_found_again_beside_incomplete_rows(labels, factor):
    data = DATA.assign(a=labels[np.arange(48) % len(labels)])
    fit = from_prior(f"y ~ x + (1 | {factor})", data)
    table = data.copy()
    table.loc[3, "x"] = np.nan
    with pytest.warns(ShoalWarning):
        got = fit.predict(table)
    others = np.arange(48) != 3
    np.testing.assert_allclose(got[..., others], fit.predict()[..., others], rtol=1e-12)
    new = table.assign(a=table["a"].where(table.index != 5))
    with pytest.warns(ShoalWarning, match="2 of 48"):
        again = fit.predict(new)
    others &= np.arange(48) != 5
    np.testing.assert_allclose(again[..., others], got[..., others], rtol=1e-12)


def test_an_incomplete_row_does_not_move_the_mean_of_a_new_level():
    """group_mean of a new level is that of its complete rows."""
    fit = from_prior("y ~ x + group_mean(x, g) + (1 | g)")
    table = pd.DataFrame({"g": [99, 99, 99], "x": [1.0, 3.0, np.nan]})
    with pytest.warns(ShoalWarning):
        got = fit.predict(table, "linear", "zero")
    np.testing.assert_allclose(got[..., :2], fit.predict(table.dropna(), "linear", "zero"))


@pytest.mark.parametrize(
    "change, message",
    [
        ({"c": ["low", "other", "mid"]}, "does not know: 'other'"),
        ({"x": ["a", "b", "c"]}, "holds categories"),
        ({"x": [1.0, np.inf, 2.0]}, r"row 1"),
        ({"g": ["0", "50", "20"]}, r"Column 'g' holds '0', '50', '20'.*\n.*such as 0"),
    ],
)
def test_values_of_another_kind_are_refused(slopes, change, message):
    with pytest.raises(DataError, match=message):
        slopes.predict(KNOWN.assign(**change), new_levels="population")


def test_row_numbers_in_messages_are_those_of_the_table(slopes):
    with pytest.warns(ShoalWarning), refused("values-not-finite", match="row 2"):
        slopes.predict(KNOWN.assign(x=[np.nan, 1.0, -np.inf]))


@pytest.mark.parametrize("trials", [[1.5, 2, 3], [-1, 2, 3]])
def test_trials_are_counts(crossed, trials):
    with refused("trials-not-known", match="no number of trials in 1 row"):
        crossed.predict(KNOWN.assign(n=trials))


def test_a_missing_column_is_named(slopes):
    with refused("unknown-column", match="no column 'x'"):
        slopes.predict(KNOWN.drop(columns="x"))


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"kind": "means"}, "Did you mean 'mean'"),
        ({"new_levels": "populations"}, "Did you mean 'population'"),
        ({"seed": -1}, "integer of at least 0"),
        ({"seed": 1.5}, "integer of at least 0"),
        ({"draws": 0}, "integer of at least 1"),
        ({"draws": 61}, "has 60 draws"),
        ({"response": "z"}, "no response 'z'"),
    ],
)
def test_impossible_arguments_are_refused(slopes, arguments, message):
    with pytest.raises(ModelError, match=message):
        slopes.predict(**arguments)


def test_an_interval_that_makes_no_sense_is_refused(slopes):
    with refused("probability-out-of-range", match="between 0 and 1"):
        slopes.predict_summary(prob=90)


def test_effects_that_were_not_kept():
    fit = sl.Model("y ~ 1 + (1 | g)", DATA).fit(**RUN, store="none")
    with refused("effects-not-kept"):
        fit.predict()
    assert fit.predict(pd.DataFrame({"g": [99, 98]}), new_levels="population").notnull().all()


def test_draws_that_do_not_fit_into_memory_are_refused(slopes, monkeypatch):
    monkeypatch.setattr(predictions, "LARGEST", 1000)
    with refused("result-too-large", match="48 rows take .* GB.*\n.*\n.*predict_summary"):
        slopes.predict()
    slopes.predict_summary()


# summaries, blocks, files


@pytest.mark.parametrize("kind", ["linear", "mean", "response"])
def test_the_summary_is_that_of_the_draws(slopes, kind):
    got = slopes.predict(NEW, kind, "population", seed=2)
    table = slopes.predict_summary(NEW, kind, "population", seed=2, prob=0.8)
    assert table.index.equals(NEW.index) and table.columns.tolist() == ["mean", "sd", "eti80_lb", "eti80_ub"]
    np.testing.assert_allclose(table["mean"], got.mean(("chain", "draw")))
    np.testing.assert_allclose(table["sd"], got.std(("chain", "draw")))
    np.testing.assert_allclose(table[["eti80_lb", "eti80_ub"]].T, got.quantile([0.1, 0.9], ("chain", "draw")))


def test_the_summary_of_an_ordered_response_has_a_row_per_category(ordered):
    table = ordered.predict_summary(KNOWN)
    assert table.index.names == [None, "category"] and table.index[:5].tolist()[3:] == [("u", 3), ("v", 0)]
    mean = ordered.predict(KNOWN).mean(("chain", "draw")).values
    np.testing.assert_allclose(table["mean"], mean.ravel())


def test_blocks_of_rows_change_nothing_but_the_order_of_random_numbers(slopes, ordered, monkeypatch):
    whole = {kind: slopes.predict(NEW, kind, "population") for kind in ("linear", "mean")}
    probabilities, summary = ordered.predict(), slopes.predict_summary(NEW, new_levels="population")
    monkeypatch.setattr(row_blocks, "BLOCK", 240)  # two rows of 120 draws
    for kind, values in whole.items():
        np.testing.assert_allclose(slopes.predict(NEW, kind, "population"), values, rtol=1e-12)
    np.testing.assert_allclose(ordered.predict(), probabilities, rtol=1e-12)
    pd.testing.assert_frame_equal(slopes.predict_summary(NEW, new_levels="population"), summary)
    first = slopes.predict(KNOWN, "response")
    np.testing.assert_array_equal(
        slopes.predict(pd.concat([KNOWN.iloc[:2]] * 2), "response")[..., :2], first[..., :2]
    )


def test_blocks_and_responses_have_their_own_random_numbers(slopes, several, monkeypatch):
    twice = pd.concat([KNOWN.iloc[:1]] * 2).assign(y=0.0)
    noise = {name: several.predict(twice, "response")[name] - several.predict(twice)[name] for name in "yt"}
    standard = [noise[n].values / coefficient(several, f"{n}_sigma") for n in "yt"]
    assert abs(np.corrcoef(standard[0].ravel(), standard[1].ravel())[0, 1]) < 0.3
    monkeypatch.setattr(row_blocks, "BLOCK", 120)  # one row
    first, second = np.moveaxis((slopes.predict(twice, "response") - slopes.predict(twice)).values, -1, 0)
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.4


def test_fewer_draws_are_evenly_spread(slopes):
    few = slopes.predict(KNOWN, draws=3)
    assert few["draw"].values.tolist() == [0, 30, 59]
    np.testing.assert_array_equal(few, slopes.predict(KNOWN).sel(draw=few["draw"]))


@pytest.mark.parametrize("kind", ["linear", "response"])
def test_predictions_after_a_load_are_equal(slopes, nested, several, kind, tmp_path):
    for fit in (slopes, nested, several):
        table = NEW.assign(y=1.0)
        back = sl.load(fit.save(tmp_path / "fit.nc"))
        xr.testing.assert_identical(
            back.predict(table, kind, "population"), fit.predict(table, kind, "population")
        )


def test_effects_in_single_precision(slopes):
    posterior = slopes.tree["posterior"].to_dataset()
    posterior["r_g"] = posterior["r_g"].astype(np.float32)
    tree = slopes.tree.copy()
    tree["posterior"] = xr.DataTree(posterior)
    got = Fit(dataclasses.replace(slopes._results, tree=tree)).predict()
    assert got.dtype == np.float64
    np.testing.assert_allclose(got, slopes.predict(), atol=1e-5)


@pytest.mark.parametrize(
    "index", [pd.RangeIndex(10, 13), pd.MultiIndex.from_tuples([(1, "a"), (1, "b"), (2, "a")])]
)
def test_any_index_is_kept(slopes, index):
    table = KNOWN.set_axis(index)
    assert slopes.predict(table)["index"].values.tolist() == index.tolist()
    assert slopes.predict_summary(table).index.equals(index)


def test_other_tables_are_read(slopes, tmp_path):
    import polars

    expected = slopes.predict(KNOWN).values
    KNOWN.to_csv(tmp_path / "new.csv", index=False)
    for source in (polars.from_pandas(KNOWN), KNOWN.to_dict("list"), tmp_path / "new.csv"):
        got = slopes.predict(source)
        assert "index" not in got.coords
        np.testing.assert_allclose(got, expected, rtol=1e-12)


def test_a_model_of_offsets_alone():
    got = from_prior("y ~ 0 + offset(x)").predict(KNOWN, "linear")
    np.testing.assert_array_equal(got, np.broadcast_to(KNOWN["x"], (1, 120, 3)))


def test_complete_pooling_needs_no_levels():
    fit = sl.Model("y ~ x + (1 | g)", DATA).with_pooling("complete").fit(**RUN)
    got = fit.predict(KNOWN[["x"]])
    eta = coefficient(fit, "Intercept") + coefficient(fit, "x") * KNOWN["x"].to_numpy()
    np.testing.assert_allclose(got, eta, rtol=1e-12)


# predictive checks


def test_the_posterior_predictive_is_that_of_the_fitted_rows(slopes, several):
    tree = slopes.posterior_predictive(draws=20, seed=5)
    assert set(tree.children) == {"posterior_predictive", "observed_data"}
    expected = slopes.predict(kind="response", draws=20, seed=5)
    xr.testing.assert_equal(tree["posterior_predictive"]["y"].drop_attrs(), expected.drop_attrs())
    np.testing.assert_array_equal(tree["observed_data"]["y"], DATA["y"])
    both = several.posterior_predictive(draws=5)
    assert list(both["posterior_predictive"]) == list(both["observed_data"]) == ["y", "t"]


def test_the_prior_predictive(slopes, ordered, several):
    for fit in (slopes, ordered, several):
        tree = fit.model.prior_predictive(draws=30, seed=2)
        prior, posterior = tree["prior"], fit.tree["posterior"]
        assert {n: v.dims for n, v in prior.items()} == {n: v.dims for n, v in posterior.items()}
        assert dict(prior.sizes) == {**posterior.sizes, "chain": 1, "draw": 30}
        for name in set(prior.coords) - {"chain", "draw"}:
            np.testing.assert_array_equal(prior[name], posterior[name])
        assert list(tree["prior_predictive"]) == list(fit.tree["observed_data"])
        for y in tree["prior_predictive"].values():
            assert y.dims == ("chain", "draw", "row") and y.shape == (1, 30, 48)
        again = fit.model.prior_predictive(draws=30, seed=2)
        xr.testing.assert_identical(
            again["prior_predictive"].to_dataset(), tree["prior_predictive"].to_dataset()
        )


def test_prior_draws_have_the_moments_of_the_priors():
    """Intercept ~ Normal(1, 2), sd ~ Exponential(1), sigma = 0.5: a response has variance 4 + 2 + 0.25."""
    priors = {
        "Intercept": sl.priors.Normal(1, 2),
        "sd": sl.priors.Exponential(1),
        "sigma": sl.priors.Fixed(0.5),
    }
    tree = sl.Model("y ~ 1 + (1 | g)", DATA, priors=priors).prior_predictive(draws=4000)
    y = tree["prior_predictive"]["y"].values[0, :, 0]
    assert abs(y.mean() - 1) / (y.std() / np.sqrt(4000)) < 4
    squares = (y - 1) ** 2
    assert abs(squares.mean() - 6.25) / (squares.std() / np.sqrt(4000)) < 4


def test_predictive_draws_are_read_by_arviz(slopes):
    """They are if nothing is raised and nothing is warned of."""
    import matplotlib as mpl
    from arviz_plots import plot_ppc_dist

    mpl.use("Agg")
    plot_ppc_dist(slopes.posterior_predictive(draws=10), num_samples=5)
    plot_ppc_dist(slopes.model.prior_predictive(draws=10), group="prior_predictive", num_samples=5)
    mpl.pyplot.close("all")


@pytest.mark.parametrize("arguments", [{"draws": 0}, {"draws": 2.5}, {"seed": -1}])
def test_impossible_prior_draws_are_refused(slopes, arguments):
    with refused("number-out-of-range"):
        slopes.model.prior_predictive(**arguments)


def test_prior_draws_too_many_for_memory_are_refused(slopes):
    with refused("result-too-large"):
        slopes.model.prior_predictive(draws=100_000_000)
