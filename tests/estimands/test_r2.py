"""R2 and intraclass correlations equal hand computations, and cover what was simulated."""

import warnings

import numpy as np
import pandas as pd
import pytest
from estimand_cases import RUN, draws, rows
from scipy.special import expit

import shoal as sl
from refusals import refused
from shoal.errors import DataError, ModelError, ShoalWarning
from shoal.scores.r2 import bootstrap

LONG = {"draws": 500, "chains": 4, "seed": 2, "cores": 1}


@pytest.fixture(scope="module")
def fit():
    return sl.Model("y ~ x + (1 + x | g)", rows()).fit(**RUN)


@pytest.fixture(scope="module")
def radon():
    return sl.Model("log_radon ~ floor + (1 + floor | county)", sl.load_dataset("radon")).fit(**LONG)


@pytest.fixture(scope="module")
def frogs():
    data = sl.load_dataset("reedfrogs").assign(tank=range(48))
    return sl.Model("surv | trials(density) ~ pred * size + (1 | tank)", data, family="binomial").fit(**LONG)


def quiet(ask, **options):
    """Return an answer that may say that single rows are unreliable."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ShoalWarning)
        return ask(**options)


def by_hand(means, population, noise, weight=None):
    """Return conditional and marginal R2 of (chain, draw, row) arrays."""

    def v(values):
        if weight is None:
            return values.var(-1, ddof=1)
        m = np.average(values, axis=-1, weights=weight)[..., None]
        n = (weight > 0).sum()
        return np.average((values - m) ** 2, axis=-1, weights=weight) * n / (n - 1)

    e = np.average(noise, axis=-1, weights=weight)
    whole, fixed, added = v(means), v(population), v(means - population)
    return np.stack([whole / (whole + e), fixed / (fixed + added + e)], axis=-1)


def of_slopes(fit):
    data = rows()
    x, level = data["x"].to_numpy(), data["g"].to_numpy() // 10
    r = draws(fit, "r_g")[:, :, level]
    population = draws(fit, "Intercept")[..., None] + draws(fit, "x")[..., None] * x
    return population + r[..., 0] + r[..., 1] * x, population


def test_r2_of_a_normal_model_by_hand(fit):
    means, population = of_slopes(fit)
    noise = draws(fit, "sigma")[..., None] ** 2 + np.zeros(48)
    found = fit.r2(prob=0.5)
    expected = by_hand(means, population, noise)
    np.testing.assert_allclose(found.draws, expected, rtol=1e-10)
    assert found.draws["part"].values.tolist() == ["conditional", "marginal"]
    table = found.table.loc["conditional"]
    values = expected[..., 0].ravel()
    np.testing.assert_allclose(table, [values.mean(), values.std(), *np.quantile(values, [0.25, 0.75])])
    assert "Scale: y." in repr(found) and "the effects of g" in repr(found)


def test_rows_read_in_blocks_give_the_same(fit, monkeypatch):
    whole = fit.r2().draws
    monkeypatch.setattr("shoal.fit.row_blocks.BLOCK", 800 * 7)
    np.testing.assert_allclose(fit.r2().draws, whole, rtol=1e-10)


def test_r2_of_binomial_rows_is_of_shares(frogs):
    data, p = sl.load_dataset("reedfrogs"), frogs.tree["posterior"]
    pred, small = (data["pred"] == "pred").to_numpy(), (data["size"] == "small").to_numpy()
    eta = sum(
        draws(frogs, name)[..., None] * column
        for name, column in {
            "Intercept": np.ones(48),
            "pred[T.pred]": pred,
            "size[T.small]": small,
            "pred[T.pred]:size[T.small]": pred & small,
        }.items()
    )
    means, n = expit(eta + p["r_tank"].values[..., 0]), data["density"].to_numpy()
    np.testing.assert_allclose(
        frogs.r2().draws, by_hand(means, expit(eta), means * (1 - means) / n), rtol=1e-9
    )
    assert "share of successes, surv" in frogs.r2().scale


@pytest.mark.slow
def test_rows_count_by_their_weights_and_parameters_by_row():
    data = rows().assign(w=np.tile([0.0, 1.0, 2.0, 0.5], 12))
    fit = sl.Model("y | weights(w) ~ x + (1 | g)", data, predictors={"sigma": "~ x + (1 | g)"}).fit(**RUN)
    x, level = data["x"].to_numpy(), data["g"].to_numpy() // 10
    population = draws(fit, "Intercept")[..., None] + draws(fit, "x")[..., None] * x
    log_sigma = draws(fit, "sigma_Intercept")[..., None] + draws(fit, "sigma_x")[..., None] * x
    means = population + draws(fit, "r_g")[:, :, level, 0]
    noise = np.exp(2 * (log_sigma + draws(fit, "sigma_r_g")[:, :, level, 0]))
    expected = by_hand(means, population, noise, data["w"].to_numpy())
    found = fit.r2()
    np.testing.assert_allclose(found.draws, expected, rtol=1e-9)
    assert "the 36 rows that were fitted, by their weights" in found.population


@pytest.mark.parametrize("name", ["radon", "frogs", "fit"])
def test_the_population_explains_less_than_with_the_levels(name, request):
    found = request.getfixturevalue(name).r2().draws
    conditional, marginal = found.sel(part="conditional"), found.sel(part="marginal")
    assert (conditional >= marginal).mean() > 0.999 and conditional.mean() > marginal.mean() > 0
    assert (found > 0).all() and (found < 1).all()


def test_without_effects_of_levels_both_are_the_same():
    found = sl.Model("y ~ x", rows()).fit(**RUN).r2()
    np.testing.assert_array_equal(found.draws[..., 0], found.draws[..., 1])
    assert "no effects of levels" in repr(found)


def test_a_model_without_predictors_explains_nothing():
    assert (sl.Model("y ~ 1", rows()).fit(**RUN).r2().draws < 1e-20).all()


def sleep(rng, subjects=18, days=10):
    """Return rows such as those of the sleep study, and the shares of variance that made them."""
    subject, day = np.repeat(np.arange(subjects), days), np.tile(np.arange(days), subjects).astype(float)
    effects = rng.multivariate_normal([0, 0], [[600.0, 10.0], [10.0, 35.0]], subjects)[subject]
    population = 250 + 10.5 * day
    means = population + effects[:, 0] + effects[:, 1] * day
    data = pd.DataFrame({"subject": subject, "day": day, "y": rng.normal(means, 25.6)})
    whole, fixed, added = (v.var(ddof=1) for v in (means, population, means - population))
    truth = {"conditional": whole / (whole + 25.6**2), "marginal": fixed / (fixed + added + 25.6**2)}
    between = 600 + 2 * 10 * day.mean() + 35 * (day**2).mean()
    return data, truth, between / (between + 25.6**2)


@pytest.fixture(scope="module")
def nights():
    """Return fits of 24 simulated sleep studies, with the truth of each."""
    rng, out = np.random.default_rng(6), []
    for _ in range(24):
        data, truth, alike = sleep(rng)
        out.append((sl.Model("y ~ day + (day | subject)", data).fit(200, 2, 1, cores=1), truth, alike))
    return out


@pytest.mark.parametrize("part", ["conditional", "marginal"])
def test_intervals_of_r2_cover_the_truth(nights, part):
    """Of 24 intervals of 90%, 18 or more: fewer happen once in 50 times."""
    tables = [(fit.r2().table.loc[part], truth[part]) for fit, truth, _ in nights]
    assert sum(row["eti90_lb"] <= true <= row["eti90_ub"] for row, true in tables) >= 18
    assert np.mean([row["mean"] - true for row, true in tables]) == pytest.approx(0, abs=0.03)


def test_intervals_of_the_intraclass_correlation_cover_the_truth(nights):
    tables = [(fit.icc().loc[("subject", "adjusted")], alike) for fit, _, alike in nights]
    assert sum(row["eti90_lb"] <= true <= row["eti90_ub"] for row, true in tables) >= 18


def test_families_of_counts_have_one(fit):
    data = rows().assign(k=np.random.default_rng(0).poisson(np.exp(0.5 + 0.4 * rows()["x"])))
    fit = sl.Model("k ~ x + (1 | g)", data, family="negbinomial").fit(**RUN)
    x, level = data["x"].to_numpy(), data["g"].to_numpy() // 10
    population = draws(fit, "Intercept")[..., None] + draws(fit, "x")[..., None] * x
    mu = np.exp(population + draws(fit, "r_g")[:, :, level, 0])
    noise = mu + mu**2 / draws(fit, "shape")[..., None]
    np.testing.assert_allclose(fit.r2().draws, by_hand(mu, np.exp(population), noise), rtol=1e-9)


# rows left out


@pytest.mark.parametrize("workers", [None, pytest.param(1, marks=pytest.mark.slow)])
def test_fits_without_a_row_may_be_made_and_kept_elsewhere(workers, tmp_path):
    data = rows()[:12]
    data.loc[3, "y"] += 30.0  # which the others do not expect
    fit = sl.Model("y ~ x", data).fit(**RUN)
    found = fit.r2(loo=True, refit=True)
    kept = fit.r2(loo=True, refit=True, workers=workers, checkpoint=tmp_path / "fits")
    assert kept.table.equals(found.table)
    assert len(list((tmp_path / "fits").glob("*.arrow"))) >= 1


def test_r2_of_rows_left_out_by_fits_without_them():
    """Of a few rows, each predicted by a fit of the others."""
    data = rows()[:12]
    found = sl.Model("y ~ x", data).fit(**RUN).r2(loo=True, refit=True)
    errors = []
    for i in range(12):
        rest = sl.Model("y ~ x", data.drop(index=i)).fit(**RUN)
        errors.append(data["y"][i] - rest.predict(data[i : i + 1]).values.mean())
    rough = 1 - np.var(errors) / np.var(data["y"])
    loo = found.table.loc["loo"]
    assert loo["eti90_lb"] < rough < loo["eti90_ub"]
    assert found.draws.sel(part="loo").median() == pytest.approx(rough, abs=0.1)


def test_rows_left_out_are_explained_less(radon):
    found = quiet(radon.r2, loo=True)
    means = found.table["mean"]
    assert means["loo"] < means["conditional"]
    score = quiet(radon.loo)
    y = sl.load_dataset("radon")["log_radon"].to_numpy()
    expected = 1 - np.var(y - score.pointwise["predicted"].to_numpy()) / np.var(y)
    values = found.draws.sel(part="loo").values
    assert values.mean() == pytest.approx(expected, abs=4 * values.std() / np.sqrt(values.size) + 2e-3)


def test_bad_rows_are_said(frogs):
    """Each tank is one row: what is left out is all that is known of its effect."""
    with pytest.warns(ShoalWarning, match="Loo is unreliable"):
        found = frogs.r2(loo=True)
    assert not found.reliable and "refit=True" in repr(found)


def test_the_bootstrap_is_reproducible(fit):
    one, two, other = (quiet(fit.r2, loo=True, seed=s).draws.sel(part="loo") for s in (1, 1, 2))
    np.testing.assert_array_equal(one, two)
    assert not np.array_equal(one, other)


# refusals


def test_categories_have_none():
    data = rows().assign(o=np.digitize(rows()["y"], [1, 2, 3]))
    fit = sl.Model("o ~ x + (1 | g)", data, family="cumulative").fit(**RUN)
    with refused("response-of-categories"):
        fit.r2()
    assert 0 < fit.icc()["mean"].iloc[0] < 1  # of the variable behind them


def test_several_responses_have_one_each():
    data = rows().assign(k=np.random.default_rng(0).poisson(2.0, 48))
    fit = sl.Model([sl.Response("y ~ x"), sl.Response("k ~ x", "poisson")], data).fit(**RUN)
    with refused("unknown-response"):
        fit.r2()
    assert fit.r2("y").table["mean"].iloc[0] > fit.r2("k").table["mean"].iloc[0]
    with refused("several-responses"):
        fit.r2("y", loo=True)


def test_censored_responses_have_one_but_none_left_out():
    data = rows().assign(c=np.where(rows()["y"] > 3, "right", "none"))
    data["y"] = data["y"].clip(upper=3)
    fit = sl.Model("y | cens(c) ~ x + (1 | g)", data).fit(**RUN)
    assert 0 < fit.r2().table.loc["conditional", "mean"] < 1
    with refused("responses-censored"):
        fit.r2(loo=True)


def test_truncated_responses_have_none():
    data = rows()[rows()["y"] > 0]
    fit = sl.Model("y | trunc(lb=0) ~ x + (1 | g)", data).fit(**RUN)
    with pytest.raises(ModelError) as problem:
        fit.r2()
    assert problem.value.code == "truncated-without-variance"


def test_effects_that_were_not_kept_are_named():
    fit = sl.Model("y ~ x + (1 | g)", rows()).fit(**RUN, store="none")
    with refused("effects-not-kept"):
        fit.r2()


# intraclass correlations


def test_the_correlation_is_the_share_between_levels(fit):
    """Slopes included, averaged over the rows: as the partition of variance has it."""
    table = fit.icc()
    share = fit.variance_partition().loc["g"]
    np.testing.assert_allclose(table.loc[("g", "adjusted"), "mean"], share["share_mean"])
    sd, cor, x = draws(fit, "sd_g"), draws(fit, "cor_g")[..., 0, 1], rows()["x"].to_numpy()
    each = (
        sd[..., :1] ** 2 + 2 * (cor * sd[..., 0] * sd[..., 1])[..., None] * x + sd[..., 1:] ** 2 * x**2
    ).mean(-1)
    fixed = draws(fit, "x") ** 2 * x.var(ddof=1)
    expected = (each / (each + fixed + draws(fit, "sigma") ** 2)).mean()
    assert table.loc[("g", "unadjusted"), "mean"] == pytest.approx(expected)


def test_the_correlation_depends_on_where_slopes_are(fit):
    table = fit.icc(at={"x": [0, 2.5]})
    sd, cor, sigma = draws(fit, "sd_g"), draws(fit, "cor_g")[..., 0, 1], draws(fit, "sigma")
    for x in (0, 2.5):
        between = sd[..., 0] ** 2 + 2 * x * cor * sd[..., 0] * sd[..., 1] + x**2 * sd[..., 1] ** 2
        expected = (between / (between + sigma**2)).mean()
        row = table.loc[(f"x={x}", "g", "adjusted"), "mean"]
        assert row == pytest.approx(expected)
        assert table.loc[(f"x={x}", "g", "unadjusted"), "mean"] == pytest.approx(expected)


def test_levels_of_nested_factors_share_those_around_them():
    rng = np.random.default_rng(3)
    school, pupil = np.repeat(np.arange(8), 12), np.repeat(np.arange(24), 4)
    y = rng.normal(size=8)[school] + rng.normal(size=24)[pupil] + rng.normal(size=96)
    data = pd.DataFrame({"y": y, "school": school, "pupil": pupil, "day": np.tile(np.arange(4), 24)})
    fit = sl.Model("y ~ 1 + (1 | school / pupil) + (1 | day)", data).fit(**RUN)
    v = {name: draws(fit, f"sd_{name}")[..., 0] ** 2 for name in ("school", "school:pupil", "day")}
    total = sum(v.values()) + draws(fit, "sigma") ** 2
    mean = fit.icc().xs("adjusted", level="kind")["mean"]
    assert mean["school"] == pytest.approx((v["school"] / total).mean())
    assert mean["school:pupil"] == pytest.approx(((v["school"] + v["school:pupil"]) / total).mean())
    assert mean["day"] == pytest.approx((v["day"] / total).mean())
    assert "Two rows of one level of school:pupil are in one level of school, too." in repr(fit.icc())


def test_categories_of_a_predictor_are_settings(radon):
    data = sl.load_dataset("radon").assign(
        f=np.where(sl.load_dataset("radon")["floor"] == 1, "first", "base")
    )
    fit = sl.Model("log_radon ~ f + (f | county)", data).fit(**RUN)
    assert fit.icc(at={"f": "first"}).index.get_level_values("at").unique().tolist() == ["f=first"]
    with pytest.raises((DataError, ModelError)):
        fit.icc(at={"f": "attic"})


def by_weights(fit, data, count, residual):
    """Return both correlations of a model `~ x + (0 + x | g)`, whose rows count as often as said."""
    share, x = count / count.sum(), data["x"].to_numpy()
    between = draws(fit, "sd_g")[..., 0] ** 2 * (share @ x**2)
    rows_with = (count > 0).sum()
    population = draws(fit, "x") ** 2 * (share @ (x - share @ x) ** 2) * rows_with / (rows_with - 1)
    return [(between / (between + residual + p)).mean() for p in (0.0, population)]


@pytest.mark.slow
def test_rows_count_by_their_weights_in_all_parts():
    data = rows().assign(w=np.where(rows()["x"] > 1, 10.0, 0.5), s=0.2 + rows()["x"].abs())
    data.loc[:4, "w"] = 0.0
    weight = data["w"].to_numpy()
    fit = sl.Model("y | weights(w) ~ x + (0 + x | g)", data).fit(**RUN)
    expected = by_weights(fit, data, weight, draws(fit, "sigma") ** 2)
    np.testing.assert_allclose(fit.icc()["mean"], expected)
    assert "each row by its weight times its trials" in fit.icc().attrs["population"]
    known = sl.Model("y | se(s) + weights(w) ~ x + (0 + x | g)", data).fit(**RUN)
    expected = by_weights(known, data, weight, np.average(data["s"] ** 2, weights=weight))
    np.testing.assert_allclose(known.icc()["mean"], expected)
    varying = sl.Model("y | weights(w) ~ x + (0 + x | g)", data, predictors={"sigma": "~ x"}).fit(**RUN)
    log_sigma = draws(varying, "sigma_Intercept")[..., None] + (
        draws(varying, "sigma_x")[..., None] * data["x"].to_numpy()
    )
    expected = by_weights(varying, data, weight, np.average(np.exp(2 * log_sigma), axis=-1, weights=weight))
    np.testing.assert_allclose(varying.icc()["mean"], expected)


def test_trials_are_responses():
    n = np.where(rows()["x"] > 1, 50, 2)
    data = rows().assign(n=n, k=np.random.default_rng(0).binomial(n, expit(rows()["x"] - 1)))
    fit = sl.Model("k | trials(n) ~ x + (0 + x | g)", data, family="binomial").fit(**RUN)
    np.testing.assert_allclose(fit.icc()["mean"], by_weights(fit, data, n, np.pi**2 / 3))


def test_without_pooling_neither_correlation_nor_marginal_part():
    fit = sl.Model("y ~ x + (1 | g)", rows()).with_pooling("none").fit(**RUN)
    with refused("icc-without-pooling"):
        fit.icc()
    found = fit.r2()
    assert found.table.index.tolist() == ["conditional"] and "no marginal part" in repr(found)


@pytest.mark.parametrize("kind", [list, np.array, pd.Series, tuple, lambda v: pd.Series(v, index=[7, 3])])
def test_settings_are_values_whatever_holds_them(fit, kind):
    pd.testing.assert_frame_equal(
        pd.DataFrame(fit.icc(at={"x": kind([0.0, 2.5])})), pd.DataFrame(fit.icc(at={"x": [0.0, 2.5]}))
    )


@pytest.mark.parametrize(
    "value", [None, np.nan, [0, None], [np.nan, 1], np.inf, "a", ["1"], {0, 1}, [[0, 1]], pd.Timestamp(0), 1j]
)
def test_settings_that_are_no_number_are_refused(fit, value):
    with pytest.raises((DataError, ModelError)):
        fit.icc(at={"x": value})


@pytest.mark.parametrize("at", [{}, 3, {"x": []}, {"x": 0, "g": 1}, "x"])
def test_settings_of_another_kind_are_refused(fit, at):
    with pytest.raises(ModelError):
        fit.icc(at=at)


def test_what_has_no_correlation_says_so(fit):
    with refused("column-not-in-model"):
        fit.icc(at={"z": 0})
    with refused("factor-not-a-predictor"):
        fit.icc(at={"g": 0})
    with refused("no-grouping-factor"):
        sl.Model("y ~ x", rows()).fit(**RUN).icc()
    data = rows().assign(k=np.random.default_rng(0).poisson(2.0, 48))
    with refused("no-residual-variance"):
        sl.Model("k ~ x + (1 | g)", data, family="poisson").fit(**RUN).icc()


def test_the_bootstrap_counts_rows_by_their_weights():
    rng = np.random.default_rng(4)
    y, predicted, weight = rng.normal(size=200), rng.normal(size=200), rng.choice([0.2, 5.0], 200)
    y = np.where(weight > 1, y, predicted + 0.1 * y)  # rows of small weight are predicted well
    values = bootstrap(rng, y, predicted, weight, 4000)

    def spread(v):
        return np.average((v - np.average(v, weights=weight)) ** 2, weights=weight)

    expected = 1 - spread(y - predicted) / spread(y)
    assert values.mean() == pytest.approx(expected, abs=0.25 * values.std())
    assert abs(1 - np.var(y - predicted) / np.var(y) - values.mean()) > 2 * values.std()


def test_shares_of_trials_are_what_is_left_out():
    rng = np.random.default_rng(5)
    x, n = rng.normal(size=150), rng.integers(1, 40, 150)
    data = pd.DataFrame({"k": rng.binomial(n, expit(x)), "n": n, "x": x})
    fit = sl.Model("k | trials(n) ~ x", data, "binomial").fit(**LONG)
    share = data["k"] / data["n"]
    expected = 1 - np.var(share - fit.loo().pointwise["predicted"].to_numpy()) / np.var(share)
    values = fit.r2(loo=True).draws.sel(part="loo").values
    assert values.mean() == pytest.approx(expected, abs=0.3 * values.std())


@pytest.mark.parametrize("kind", ["lag", "error"])
def test_rows_that_depend_on_their_neighbours_are_refused(kind):
    data, w = rows(), np.eye(len(rows()), k=1) + np.eye(len(rows()), k=-1)
    model = sl.Model(f"y ~ x + sar(W, type='{kind}')", data, covariances={"W": w / w.sum(1, keepdims=True)})
    with refused("no-residual-variance"):
        model.fit(draws=20, seed=1, progress=False).r2()
