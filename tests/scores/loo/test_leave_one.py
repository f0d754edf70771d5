"""Leaving out rows, levels and trials: against closed forms, quadrature, refits and arviz-stats."""

import arviz_stats
import numpy as np
import pandas as pd
import pytest
import xarray as xr

import left_out
import shoal as sl
from refusals import refused
from shoal.engine.settings import Settings
from shoal.errors import ModelError, ShoalWarning
from shoal.fit.many import Where
from shoal.fit.posterior import posterior_of
from shoal.fit.refit import settings_of
from shoal.scores.loo import loo
from shoal.scores.loo.densities import densities
from shoal.scores.loo.leave_one import leave_out
from shoal.scores.loo.smoothing import efficiency, smoothed
from shoal.scores.loo.units import units_of

WORST_Z = 4.0
EIGHT = sl.load_dataset("eight_schools")[["y", "se"]].to_numpy(float).T


def z_scores(score, exact):
    return (score.pointwise["elpd"] - exact) / score.pointwise["mcse"]


@pytest.fixture(scope="module")
def schools():
    table = sl.load_dataset("eight_schools")
    priors = {"Intercept": sl.priors.Normal(0, 5), "sd_school": sl.priors.HalfCauchy(5)}
    model = sl.Model("y | se(se) ~ 1 + (1 | school)", table, priors=priors)
    return model, model.fit(seed=1, progress=False)


def test_a_school_left_out_is_that_of_quadrature(schools):
    model, fit = schools
    exact = left_out.schools(*EIGHT)
    score = fit.loo("school")
    assert set(score.pointwise["integral"]) == {"exact"} and score.ok
    assert np.abs(z_scores(score, exact)).max() < WORST_Z
    assert score.mcse < 0.05


def test_a_school_left_out_of_a_fit_of_its_own_is_that_of_quadrature(schools):
    model, fit = schools
    exact = left_out.schools(*EIGHT)
    score = sl.kfold(model, 8, "school", draws=500, progress=False)
    assert np.abs(z_scores(score, exact)).max() < WORST_Z


def test_a_row_that_is_a_level_is_repaired_by_integrating_its_effect(schools):
    model, _ = schools
    # Whether the weights of a school fail is chance: the first run in which some do.
    runs = (model.fit(seed=seed, progress=False) for seed in range(1, 20))
    with pytest.warns(ShoalWarning, match="Pareto k above"):
        fit, rows = next((run, score) for run in runs if (score := run.loo()).bad.size)
    assert rows.bad.size
    again = fit.loo(refit=True, progress=False)
    assert again.ok and again.refits == 0
    assert np.abs(z_scores(again, left_out.schools(*EIGHT))).max() < WORST_Z
    np.testing.assert_allclose(again.pointwise["elpd"], fit.loo("school").pointwise["elpd"])
    np.testing.assert_array_equal(again.pointwise["within"], rows.pointwise["within"])
    units, sets = units_of(model.specification, "row"), [np.array([0]), np.array([6])]
    refits = leave_out(posterior_of(model.specification), units, sets, settings_of(fit.results), Where(2))
    assert np.abs(again.pointwise["predicted"][[0, 6]] - refits["predicted"]).max() < 0.6


@pytest.fixture(scope="module")
def known():
    """Gaussian rows with all hyperparameters known: every question has a closed form."""
    table = crossed()
    priors = {
        "Intercept": sl.priors.Normal(0, 2),
        "sd_g": sl.priors.Fixed(1.2),
        "sd_h": sl.priors.Fixed(0.7),
        "sigma": sl.priors.Fixed(0.9),
    }
    model = sl.Model("y ~ 1 + (1 | g) + (1 | h)", table, priors=priors)
    fit = model.fit(draws=2000, seed=8, progress=False)
    n = len(table)
    same = {name: np.equal.outer(table[name].to_numpy(), table[name].to_numpy()) for name in "gh"}
    covariance = 4.0 + 1.44 * same["g"] + 0.49 * same["h"] + 0.81 * np.eye(n)
    return table, model, fit, covariance


def crossed():
    rng = np.random.default_rng(3)
    g, h = rng.integers(0, 7, 50), rng.integers(0, 4, 50)
    y = 0.5 + 1.2 * rng.normal(size=7)[g] + 0.7 * rng.normal(size=4)[h] + 0.9 * rng.normal(size=50)
    return pd.DataFrame({"y": y, "g": g, "h": h})


@pytest.mark.parametrize("unit", ["row", "g", "h"])
def test_gaussian_units_left_out_have_their_conditional_density(known, unit):
    table, model, fit, covariance = known
    of = np.arange(len(table)) if unit == "row" else table[unit].to_numpy()
    exact = left_out.jointly_normal(table["y"].to_numpy(), covariance, of)
    score = fit.loo(unit)
    assert np.abs(z_scores(score, exact)).max() < WORST_Z
    folds = sl.kfold(model, len(np.unique(of)), None if unit == "row" else unit, draws=100, progress=False)
    assert np.abs(z_scores(folds, exact)).max() < WORST_Z
    assert folds.folds == len(exact) and np.isnan(folds.p)


def test_rows_whose_weights_fail_are_left_out_of_fits_of_their_own(known):
    table, model, _, covariance = known
    odd = table.copy()
    odd.loc[[4, 11], "y"] = [8.0, -8.0]
    fit = sl.Model("y ~ 1 + (1 | g) + (1 | h)", odd, priors=model.priors).fit(seed=8, progress=False)
    with pytest.warns(ShoalWarning, match=r"\(4, 11"):
        rows = fit.loo()
    again = fit.loo(refit=True, progress=False)
    assert again.ok and again.refits == len(rows.bad) >= 2
    exact = left_out.jointly_normal(odd["y"].to_numpy(), covariance, np.arange(len(odd)))
    refitted = again.pointwise["method"] == "refit"
    assert np.abs(z_scores(again, exact)[refitted]).max() < WORST_Z
    off = abs(rows.pointwise["elpd"] - exact)[[4, 11]] / again.pointwise["mcse"][[4, 11]]
    assert off.max() > 3
    kept = again.pointwise["method"] == "psis"
    pd.testing.assert_frame_equal(again.pointwise[kept], rows.pointwise[kept])
    assert f"In place of importance sampling, {again.refits} fitted anew" in str(again)


def test_what_is_expected_of_a_row_left_out(known):
    table, _, fit, covariance = known
    y, precision = table["y"].to_numpy(), np.linalg.inv(covariance)
    exact = y - precision @ y / np.diag(precision)
    sd = 1 / np.sqrt(np.diag(precision))
    away = (fit.loo().pointwise["predicted"] - exact) / (sd / np.sqrt(2000))
    assert np.abs(away).max() < 6  # importance weights cost draws


def test_it_is_what_arviz_stats_computes():
    table = sl.load_dataset("bangladesh").head(300)
    model = sl.Model("use_contraception ~ urban + (1 | district)", table, family="bernoulli")
    fit = model.fit(draws=300, chains=2, seed=2, progress=False)
    score = fit.loo()
    units = units_of(model.specification, "row")
    (block,) = densities(fit.results, units, np.arange(300), 1)
    pointwise = xr.Dataset({"y": (("chain", "draw", "row"), block.values.reshape(2, 300, 300))})
    tree = xr.DataTree.from_dict({"posterior": fit.tree["posterior"], "log_likelihood": pointwise})
    theirs = arviz_stats.loo(tree, pointwise=True, reff=efficiency(fit.results))
    np.testing.assert_allclose(score.pointwise["elpd"], theirs.elpd_i.values, rtol=1e-9)
    np.testing.assert_allclose(score.pointwise["pareto_k"], theirs.pareto_k.values, rtol=1e-9)
    np.testing.assert_allclose([score.elpd, score.p], [theirs.elpd, theirs.p], rtol=1e-9)
    np.testing.assert_allclose(score.se, theirs.se, rtol=1 / 299)  # 0.8 divides by n, 1.x by n - 1
    ours = score.elpd_data
    assert ours.kind == "loo" and ours.n_data_points == 300
    np.testing.assert_array_equal(ours.elpd_i.values, score.pointwise["elpd"])


@pytest.fixture(scope="module")
def single():
    """One binary row a level: the worst case of leaving out rows."""
    rng = np.random.default_rng(5)
    y = (rng.random(24) < 0.7).astype(int)
    table = pd.DataFrame({"y": y, "g": np.arange(24)})
    priors = {"Intercept": sl.priors.Normal(0, 1), "sd_g": sl.priors.Gamma(left_out.SHAPE, left_out.RATE)}
    model = sl.Model("y ~ 1 + (1 | g)", table, family="bernoulli", priors=priors)
    return y, model.fit(seed=6, progress=False)


def test_single_binary_rows_fail_by_importance_sampling_and_say_so(single):
    y, fit = single
    with pytest.warns(ShoalWarning, match=r"refit=True"):
        score = fit.loo()
    assert not score.ok and len(score.bad) > 3
    assert "Every level of g has one row" in score.advice and "loo(unit='g')" in str(score)


def test_single_binary_rows_left_out_as_levels_agree_with_brute_force(single):
    y, fit = single
    score = fit.loo("g")
    assert score.ok and set(score.pointwise["integral"]) == {"quadrature"}
    assert score.pointwise["integral_error"].max() < 1e-3
    assert np.abs(z_scores(score, left_out.single_binary_rows(y))).max() < WORST_Z


def test_single_binary_rows_left_out_of_fits_agree_with_brute_force(single):
    y, fit = single
    units = units_of(fit.results.model, "row")
    some = [np.array([row]) for row in (0, 5, int(np.flatnonzero(y == 0)[0]))]
    table = leave_out(posterior_of(fit.results.model), units, some, settings_of(fit.results), Where(2))
    exact = left_out.single_binary_rows(y)[table.index]
    assert np.abs((table["elpd"] - exact) / table["mcse"]).max() < WORST_Z


@pytest.fixture(scope="module")
def frogs():
    table = sl.load_dataset("reedfrogs").head(16).assign(tank=range(16))
    model = sl.Model("surv | trials(density) ~ 1 + (1 | tank)", table, family="binomial")
    return table, model, model.fit(draws=500, seed=7, progress=False)


def test_trials_left_out_are_those_of_a_table_of_single_rows(frogs):
    table, model, fit = frogs
    score = fit.loo("trial")
    rows = pd.DataFrame(
        [
            {"y": outcome, "tank": row.tank}
            for row in table.itertuples()
            for outcome, count in ((1, row.surv), (0, row.density - row.surv))
            for _ in range(count)
        ]
    )
    priors = {name: prior for name, prior in model.priors.items()}
    longer = sl.Model("y ~ 1 + (1 | tank)", rows, family="bernoulli", priors=priors)
    other = longer.fit(draws=1000, seed=8, progress=False).loo()
    assert score.counted == f"{len(rows)} trials" and score.alike.sum() == len(rows)
    error = np.hypot(score.mcse, other.mcse)
    assert abs(score.elpd - other.elpd) < WORST_Z * error
    assert abs(score.p - other.p) < 0.15 * other.p
    np.testing.assert_allclose(score.se, other.se, rtol=0.02)
    assert score.elpd_data.elpd_i.size == len(rows)


def test_a_trial_left_out_is_a_trial_less(frogs):
    table, model, _ = frogs
    units = units_of(model.specification, "trial")
    failure = int(np.flatnonzero(units.labels == "2 failure")[0])
    left = units.without(model.specification, np.array([failure])).designs[0].rows
    rows = model.specification.designs[0].rows
    np.testing.assert_array_equal(np.flatnonzero(left.trials != rows.trials), [2])
    assert left.trials[2] == rows.trials[2] - 1 and (left.y == rows.y).all()


def test_refits_do_not_depend_on_cores(frogs):
    _, model, fit = frogs
    units, settings = units_of(model.specification, "tank"), settings_of(fit.results)
    sets = [np.array([0, 3]), np.array([5])]
    one, two = (leave_out(posterior_of(model.specification), units, sets, settings, Where(n)) for n in (1, 2))
    pd.testing.assert_frame_equal(one, two)
    assert list(one.index) == [0, 3, 5]


def test_folds_are_even_and_keep_strata_apart(known):
    _, model, _, _ = known
    score = sl.kfold(model, 4, stratify="h", draws=50, seed=3, progress=False)
    fold = score.pointwise["fold"].to_numpy()
    assert np.ptp(np.bincount(fold)) <= 1
    h = model.specification.table.frame["h"].to_numpy()
    for level in np.unique(h):
        assert np.ptp(np.bincount(fold[h == level], minlength=4)) <= 1
    whole = sl.kfold(model, 3, "g", draws=50, progress=False)
    assert whole.unit == "g" and len(whole.pointwise) == 7


def test_a_loaded_fit_says_the_same(frogs, tmp_path):
    _, _, fit = frogs
    loaded = sl.load(fit.save(tmp_path / "fit.nc"))
    pd.testing.assert_frame_equal(loaded.loo("tank").pointwise, fit.loo("tank").pointwise)


def test_levels_can_be_left_out_without_their_draws(frogs):
    _, model, fit = frogs
    slim = model.fit(draws=500, seed=7, store="none", progress=False)
    pd.testing.assert_frame_equal(slim.loo("tank").pointwise, fit.loo("tank").pointwise)
    with refused("effects-not-kept"):
        slim.loo()


def test_a_model_without_anything_to_learn_has_a_score(frogs):
    table, *_ = frogs
    priors = {"Intercept": sl.priors.Fixed(1.0), "sd_tank": sl.priors.Fixed(1.0)}
    model = sl.Model("surv | trials(density) ~ 1 + (1 | tank)", table, family="binomial", priors=priors)
    score = model.fit(draws=100, seed=1, progress=False).loo("tank")
    assert score.ok and score.pointwise["mcse"].max() < 1e-12 and abs(score.p) < 1e-9
    assert score.mcse < 1e-3  # what is left is the error of the grid


@pytest.mark.parametrize(
    ("unit", "words"),
    [("tnak", "Did you mean 'tank'"), ("surve", "no unit 'surve'"), (3, "no unit 3"), ("trails", "trial")],
)
def test_units_that_are_not_there(frogs, unit, words):
    with pytest.raises(ModelError, match=words):
        frogs[2].loo(unit)


def test_trials_of_rows_without_any(known):
    with refused("unit-not-counted"):
        known[2].loo("trial")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"k": 1}, "k=1"),
        ({"k": 17}, "number of rows, 16"),
        ({"k": 2.5}, "k=2.5"),
        ({"k": True}, "k=True"),
        ({"by": "pond"}, "no unit 'pond'"),
        ({"stratify": "pond"}, "no unit 'pond'"),
        ({"by": "tank", "stratify": "tank", "k": 2}, "Levels left out whole"),
        ({"k": 2, "draws": 1}, "draws=1"),
    ],
)
def test_folds_that_make_no_sense(frogs, arguments, words):
    with pytest.raises(ModelError, match=words):
        sl.kfold(frogs[1], progress=False, **arguments)


def test_the_question_is_said(known, frogs):
    _, _, fit, _ = known
    assert "given the effects of g, h" in fit.loo().question
    level, tank = fit.loo("g"), frogs[2].loo("tank")
    assert "a new level of g" in level.question and "given the effects of h" in level.question
    assert "effects unknown (tank)" in tank.question
    assert "exact" in str(level) and "quadrature" in str(tank)


def test_weights_beyond_all_measure_are_the_worst_and_cost_no_warning():
    rng = np.random.default_rng(1)
    wild = rng.normal(size=(400, 3)) * [1.0, 400.0, 1e5]
    scores = smoothed(wild, None, 1.0)
    assert scores.pareto_k[0] < 0.7 and np.isinf(scores.pareto_k[1:]).all()
    assert np.isfinite(scores.elpd).all() and np.isfinite(scores.mcse).all()
    flat = smoothed(np.zeros((400, 1)), None, 1.0)
    assert flat.pareto_k == 0 and abs(flat.elpd) < 1e-12 and flat.mcse < 1e-12


def test_scores_know_their_data(frogs):
    table, model, fit = frogs
    formula = "surv | trials(density) ~ 1"
    again = sl.Model(formula, table, family="binomial").fit(draws=50, seed=1, progress=False)
    assert again.loo("trial").data == fit.loo("trial").data
    other = table.assign(surv=np.minimum(table["surv"] + (table["tank"] == 2), table["density"]))
    moved = sl.Model(formula, other, family="binomial").fit(draws=50, progress=False)
    with refused("scores-of-other-rows"):
        sl.compare({"a": again.loo("trial"), "b": moved.loo("trial")})


def test_few_draws_and_no_cores_are_refused(known):
    _, model, fit, _ = known
    with refused("too-few-draws", match="The fit has 16 draws"):
        model.fit(draws=4, seed=1, progress=False).loo()
    for cores in (0, -1, 1.5, True):
        with refused("number-out-of-range"):
            fit.loo(cores=cores)


def test_monte_carlo_errors_are_neither_too_small_nor_too_large(known):
    _, model, _, _ = known
    scores = [loo(model.fit(draws=250, seed=seed, progress=False).results) for seed in range(24)]
    table = np.array([score.pointwise[["elpd", "mcse", "pareto_k"]] for score in scores])
    clear = table[:, :, 2].mean(0) < 0.3
    ratio = table[:, clear, 0].std(0, ddof=1) / table[:, clear, 1].mean(0)
    assert clear.sum() > 25 and 0.85 < np.sqrt(np.mean(ratio**2)) < 1.15
    units, sets = units_of(model.specification, "g"), [np.array([2])]
    tables = [
        leave_out(posterior_of(model.specification), units, sets, Settings(250, 4, seed=seed), Where(2))
        for seed in range(24)
    ]
    own = np.array([t[["elpd", "mcse"]].iloc[0] for t in tables])
    assert 0.65 < own[:, 0].std(ddof=1) / own[:, 1].mean() < 1.45


def test_fits_of_one_batch_have_draws_of_their_own(known):
    _, model, fit, _ = known
    units = units_of(model.specification, "g")
    twice = [np.array([1]), np.array([1])]
    table = leave_out(posterior_of(model.specification), units, twice, Settings(100, 2, seed=3), Where(2))
    assert table["elpd"].iloc[0] != table["elpd"].iloc[1]


def test_errors_of_billions_of_observations_are_numbers():
    """Squares of counts above 3e9 leave the integers of 64 bits."""
    rows = pd.DataFrame({"b": [0, 1], "n": [4_000_000_000, 5_000_000_000]})
    fit = sl.Model("b | weights(n) ~ 1", rows, "bernoulli").fit(draws=100, chains=2, seed=1, progress=False)
    score = fit.loo("observation")
    counts, table = rows["n"].to_numpy(float), score.pointwise
    np.testing.assert_array_equal(score.alike, counts)
    np.testing.assert_allclose(score.mcse, np.sqrt(counts**2 @ table["mcse"] ** 2))
