"""`sl.pooling.sd_profile`: a standard deviation by cross-validation along a grid, beside the learned one."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

import shoal as sl
from shoal import priors as P
from shoal.errors import ModelError
from shoal.scores.loo import loo
from tables import FEW, RUN, frogs, levels

GRID = [0.1, 0.5, 2.5, 20.0]


def gaussian(formula="y ~ x + (1 | g)", **options):
    return sl.Model(formula, levels(), **options)


@pytest.fixture(scope="module")
def tanks():
    model = sl.Model("surv | trials(density) ~ 1 + (1 | tank)", frogs(), family="binomial")
    return sl.pooling.sd_profile(model, **RUN)


@pytest.fixture(scope="module")
def given():
    return sl.pooling.sd_profile(gaussian(), grid=[2.5, 0.1, 20, 0.5, 2.5], **RUN | {"draws": 1000})


# The default grid


def test_the_default_grid_covers_the_learned_standard_deviation(tanks):
    grid, draws = tanks.table.index.to_numpy(), tanks.draws
    assert tanks.name == "sd_tank[Intercept]" and tanks.score.unit == "tank"
    np.testing.assert_array_equal(
        draws, tanks.learned.tree["posterior"]["sd_tank"].sel(tank_effect="Intercept").values.ravel()
    )
    assert len(grid) == 15 and (np.diff(grid) > 0).all()
    low, high = np.quantile(draws, [0.05, 0.95])
    np.testing.assert_allclose([grid[0], grid[-1]], [low / 4, high * 4], rtol=5e-3)
    assert (grid < low).sum() >= 3 and (grid > high).sum() >= 3 and ((grid > low) & (grid < high)).any()


def test_cross_validation_and_learning_agree_where_the_levels_tell(tanks):
    assert tanks.best == tanks.table["elpd"].idxmax() and tanks.table.index[0] < tanks.best
    np.testing.assert_allclose(tanks.interval, np.quantile(tanks.draws, [0.05, 0.95]))
    first, last = tanks.like_best
    assert tanks.covers and tanks.table.index[0] < first <= tanks.best <= last < tanks.table.index[-1]
    assert f"from {first:.3g} to {last:.3g}: values that cannot be told from the best" in tanks.verdict
    assert "which overlaps that range; elpd" in tanks.verdict and "end" not in tanks.verdict
    # Learning costs next to nothing against the best value that could have been known.
    learned, best = tanks.score.elpd, tanks.table["elpd"].max()
    assert best - learned < 2
    assert tanks.notes == ("48 units are few: standard errors of differences are too small.",)


@pytest.mark.slow
def test_a_flat_curve_is_no_finding():
    """Eight schools: which of the small values is best is noise."""
    schools = sl.Model("y | se(se) ~ 1 + (1 | school)", sl.load_dataset("eight_schools"))
    found = sl.pooling.sd_profile(schools, **RUN | {"draws": 2000})
    first, last = found.like_best
    assert first == found.table.index[0] and 2 < last < 20 and found.interval[0] < last
    assert f"The range may go on beyond the grid's end, {first:.3g}." in found.verdict or found.best == first
    assert "overlaps that range" in found.verdict and "8 units are few" in found.notes[-1]
    flat = sl.pooling.sd_profile(schools, grid=[0.1, 0.2, 0.4], **RUN | {"draws": 2000})
    assert flat.like_best == (0.1, 0.4)
    says = "Cross-validation says nothing of sd_school[Intercept] on this grid: no value from 0.1 to 0.4 can"
    assert (
        flat.verdict.startswith(says) and "end" not in flat.verdict and "beside the grid" not in flat.verdict
    )
    beside = sl.pooling.sd_profile(gaussian(), grid=[0.01, 0.010001], **RUN)
    assert "says nothing" in beside.verdict and ", beside the grid: look there; elpd" in beside.verdict


# The scores


@pytest.mark.parametrize("sd", [0.5, 2.5])
def test_a_value_has_the_score_of_a_model_that_holds_it(given, sd):
    assert list(given.table.index) == GRID
    fixed = gaussian(priors={"sd_g": P.Fixed(sd)}).fit(**RUN | {"seed": 7, "draws": 2000})
    own = loo(fixed.results, "g")
    row = given.table.loc[sd]
    assert own.question == given.score.question
    assert abs(row["elpd"] - own.elpd) < 4 * np.hypot(row["mcse"], own.mcse)
    np.testing.assert_allclose(row["se"], own.se, atol=4 * np.hypot(row["mcse"], own.mcse))
    # Of another value the score differs by more than that.
    assert abs(given.table.loc[20, "elpd"] - own.elpd) > 20 * np.hypot(row["mcse"], own.mcse)


def test_differences_are_those_from_the_learned_model(given):
    np.testing.assert_allclose(given.table["elpd_diff"], given.table["elpd"] - given.score.elpd)
    assert (given.table["diff_se"] > 0).all()
    pair = sl.compare({"fixed": given.scores[0.5], "learned": given.score}).table
    assert given.table.at[0.5, "diff_se"] == pair["diff_se"].iloc[1]
    assert given.score.elpd == loo(given.learned.results, "g").elpd


def test_values_are_told_from_the_best_by_the_error_of_their_difference(given):
    best, elpd = given.best, {sd: score.pointwise["elpd"] for sd, score in given.scores.items()}
    assert list(given.scores) == GRID and given.best == 2.5
    for sd in GRID:
        row, away = given.table.loc[sd], elpd[sd] - elpd[best]
        np.testing.assert_allclose(row["from_best"], away.sum(), atol=1e-9)
        error = (
            0.0
            if sd == best
            else sl.compare({"a": given.scores[sd], "b": given.scores[best]}).table["diff_se"].iloc[1]
        )
        np.testing.assert_allclose(row["from_best_se"], error)
    assert (given.table["from_best"] <= 0).all()

    table = given.table.assign(from_best=[-5.0, -3.0, 0, -1], from_best_se=[2.0, 1.6, 0, 0.4], mcse=0.0)
    told = dataclasses.replace(given, table=table)
    assert told.like_best == (0.5, 2.5)
    # A difference that is Monte Carlo's tells nothing either.
    noisy = dataclasses.replace(told, table=table.assign(mcse=[0.0, 0.0, 0.6, 0.0]))
    assert noisy.like_best == (0.5, 20.0)


def test_an_interval_beside_the_range_is_said_to_be(given):
    table = given.table.assign(from_best=[-9.0, 0.0, -9.0, -9.0], from_best_se=0.1, elpd=[-30, -20, -30, -30])
    found = dataclasses.replace(given, table=table)
    assert found.like_best == (0.5, 0.5) and found.interval[0] > 0.5
    assert "which lies outside that range" in found.verdict


@pytest.mark.slow
def test_units_that_cannot_be_relied_on_are_fitted_anew():
    found = sl.pooling.sd_profile(gaussian(), grid=[0.5, 50], unit="row", refit=True, **FEW)
    assert sum(score.refits for score in found.scores.values()) > 0
    assert all(score.ok for score in (*found.scores.values(), found.score))
    assert not any("Do not rely" in note or "Learned" in note for note in found.notes)


def test_another_unit_asks_another_question(given):
    rows = sl.pooling.sd_profile(gaussian(), grid=GRID, unit="row", **FEW)
    assert rows.score.unit == "row" and rows.score.question in str(rows)
    # No pooling costs a new level much, and a new row of a known level little.
    assert given.table.loc[20, "elpd_diff"] < -10 < 5 * rows.table.loc[20, "elpd_diff"]


def test_the_sd_of_one_effect_among_several_is_held():
    model = gaussian("y ~ x + (1 + x | g)")
    found = sl.pooling.sd_profile(model, "g", [0.01, 0.5], effect="x", **FEW)
    assert found.name == "sd_g[x]" and found.best == 0.5
    np.testing.assert_array_equal(
        found.draws, found.learned.tree["posterior"]["sd_g"].sel(g_effect="x").values.ravel()
    )


# What is said


def test_a_grid_that_ends_before_its_best_value_is_said_to(given):
    rising = given.table.assign(elpd=[-60.0, -50, -40, -20], from_best=[-40.0, -30, -20, 0], from_best_se=1.0)
    short = dataclasses.replace(given, table=rising)
    assert short.best == 20 and "an end of the grid: look beyond it" in short.verdict
    assert not short.covers and short.like_best == (20, 20)
    near = dataclasses.replace(
        given, table=rising.assign(from_best=[-1.0, -1, 0, -9], elpd=[-2.0, -2, -1, -10])
    )
    assert near.like_best == (0.1, 2.5) and "may go on beyond the grid's end, 0.1." in near.verdict
    assert given.best == 2.5 and "end of the grid" not in given.verdict


def test_what_is_printed_begins_with_the_question(given):
    lines = str(given).splitlines()
    assert lines[0] == given.score.question and given.verdict in lines and repr(given) == str(given)
    assert f"{given.draws.mean():.3g}, 90% interval {given.interval[0]:.3g}" in given.verdict
    assert "in one fit in place of 4" in given.verdict


def test_scores_that_cannot_be_relied_on_are_noted():
    found = sl.pooling.sd_profile(gaussian(), grid=[0.5, 50], unit="row", **FEW)
    limit = found.score.good_k
    bad = sum(not score.ok for score in found.scores.values())
    assert bad >= (found.table["worst_k"] > limit).sum() > 0
    assert found.notes[0].startswith(f"Do not rely on elpd at {bad} of 2 values (Pareto k above {limit:.2f},")
    assert ("Learned: Pareto k" in str(found)) == (not found.score.ok)


def test_the_picture_has_the_scores_above_the_posterior(given):
    picture = given.plot()
    pd.testing.assert_frame_equal(picture.numbers, given.table.reset_index())
    above, below = picture.figure.axes
    fixed = above.get_lines()[1]
    np.testing.assert_allclose(fixed.get_xdata(), GRID)
    np.testing.assert_allclose(fixed.get_ydata(), given.table["elpd"])
    assert above.get_lines()[2].get_ydata()[0] == given.score.elpd
    assert list(above.get_lines()[3].get_xdata()) == list(given.like_best)
    assert f"{given.like_best[0]:.3g} to {given.like_best[1]:.3g}" in picture.caption
    assert below.get_xscale() == "log"
    assert "sd_g[Intercept]" in picture.caption and "90% interval" in picture.caption


# What is refused


REFUSALS = {
    "no model": (lambda: None, {}, "The model is of type NoneType"),
    "a variant": (lambda: gaussian().with_pooling("complete"), {}, "made with pooling 'complete'"),
    "no group": (lambda: gaussian("y ~ x"), {}, "no grouping factor"),
    "an unknown group": (gaussian, {"group": "h"}, "no grouping factor 'h'"),
    "no single group": (lambda: gaussian("y ~ x + (1 | g) + (1 | three)"), {}, "2 sets of group effects"),
    "an unknown effect": (gaussian, {"effect": "x"}, "'g' has no effect 'x'"),
    "a fixed sd": (
        lambda: gaussian(priors={"sd_g": P.Fixed(1.0)}),
        {},
        r"sd_g\[Intercept\] is fixed: Fixed\(1\)",
    ),
    "an unknown unit": (gaussian, {"unit": "h"}, "no unit 'h'"),
    "a number": (gaussian, {"grid": 1.0}, "grid=1.0"),
    "one value": (gaussian, {"grid": [1.0, 1.0]}, "grid="),
    "no value": (gaussian, {"grid": []}, "grid="),
    "a zero": (gaussian, {"grid": [0, 1]}, "An sd of 0 is model.with_pooling"),
    "a matrix": (gaussian, {"grid": [[1, 2], [3, 4]]}, "One sequence of two positive numbers"),
    "an infinite value": (gaussian, {"grid": [1.0, np.inf]}, "grid="),
    "a missing value": (gaussian, {"grid": [1.0, np.nan]}, "grid="),
    "text": (gaussian, {"grid": "12"}, "grid='12'"),
    "a table of text": (gaussian, {"grid": ["a", 1]}, "grid="),
    "no probability": (gaussian, {"prob": 1.0}, "prob=1.0"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_what_makes_no_sense_is_refused_before_anything_is_fitted(case, monkeypatch):
    monkeypatch.setattr("shoal.fit.run.fit", None)
    make, options, message = REFUSALS[case]
    with pytest.raises(ModelError, match=message) as caught:
        sl.pooling.sd_profile(make(), **options)
    assert caught.value.needed


def test_a_grid_may_be_any_sequence_of_numbers():
    found = sl.pooling.sd_profile(gaussian(), grid=pd.Series([2, 1]), **FEW)
    assert list(found.table.index) == [1.0, 2.0]
