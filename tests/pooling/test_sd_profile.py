"""`sl.pooling.sd_profile`: a standard deviation by cross-validation along a grid, beside the learned one."""

import numpy as np
import pandas as pd
import pytest
from tables import FEW, RUN, frogs, levels

import shoal as sl
from shoal import priors as P
from shoal.errors import ModelError
from shoal.loo import loo

GRID = [0.1, 0.5, 2.5, 20.0]


def gaussian(formula="y ~ x + (1 | g)", **options):
    return sl.Model(formula, levels(), **options)


@pytest.fixture(scope="module")
def tanks():
    model = sl.Model("surv | trials(density) ~ 1 + (1 | tank)", frogs(), family="binomial")
    return sl.pooling.sd_profile(model, **RUN)


@pytest.fixture(scope="module")
def given():
    return sl.pooling.sd_profile(gaussian(), grid=[2.5, 0.1, 20, 0.5, 2.5], **RUN)


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
    assert (
        tanks.covers and "which holds that value" in tanks.verdict and "end of the grid" not in tanks.verdict
    )
    # Learning costs next to nothing against the best value that could have been known.
    learned, best = tanks.score.elpd, tanks.table["elpd"].max()
    assert best - learned < 2
    assert tanks.notes == ()


# The scores


@pytest.mark.parametrize("sd", [0.5, 2.5])
def test_a_value_has_the_score_of_a_model_that_holds_it(given, sd):
    assert list(given.table.index) == GRID
    fixed = gaussian(priors={"sd_g": P.Fixed(sd)}).fit(**RUN | {"seed": 7})
    own = loo(fixed.results, "g")
    row = given.table.loc[sd]
    assert own.question == given.score.question
    assert abs(row["elpd"] - own.elpd) < 4 * np.hypot(row["mcse"], own.mcse)
    np.testing.assert_allclose(row["se"], own.se, rtol=0.05)
    # Of another value the score differs by more than that.
    assert abs(given.table.loc[20, "elpd"] - own.elpd) > 20 * np.hypot(row["mcse"], own.mcse)


def test_differences_are_those_from_the_learned_model(given):
    np.testing.assert_allclose(given.table["elpd_diff"], given.table["elpd"] - given.score.elpd)
    assert (given.table["diff_se"] > 0).all()
    assert given.score.elpd == loo(given.learned.results, "g").elpd


def test_another_unit_asks_another_question(given):
    rows = sl.pooling.sd_profile(gaussian(), grid=GRID, unit="row", **FEW)
    assert rows.score.unit == "row" and "a new row of levels that are known" in str(rows)
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
    short = sl.pooling.sd_profile(gaussian(), grid=[0.05, 0.1], **FEW)
    assert short.best == 0.1 and "an end of the grid: look beyond it" in short.verdict
    assert not short.covers and "does not hold that value" in short.verdict
    assert given.best == 2.5 and "end of the grid" not in given.verdict


def test_what_is_printed_begins_with_the_question(given):
    lines = str(given).splitlines()
    assert lines[0] == given.score.question and given.verdict in lines and repr(given) == str(given)
    assert f"{given.draws.mean():.3g}, 90% interval {given.interval[0]:.3g}" in given.verdict
    assert "in one fit in place of 4" in given.verdict


def test_scores_that_cannot_be_relied_on_are_noted():
    found = sl.pooling.sd_profile(gaussian(), grid=[0.5, 50], unit="row", **FEW)
    limit = found.score.good_k
    bad = (found.table["worst_k"] > limit).sum()
    assert bad and found.notes[0].startswith(f"Pareto k above {limit:.2f} at {bad} of 2 values")
    assert ("Learned: Pareto k" in str(found)) == (not found.score.ok)


def test_the_picture_has_the_scores_above_the_posterior(given):
    picture = given.plot()
    pd.testing.assert_frame_equal(picture.numbers, given.table.reset_index())
    above, below = picture.figure.axes
    fixed = above.get_lines()[1]
    np.testing.assert_allclose(fixed.get_xdata(), GRID)
    np.testing.assert_allclose(fixed.get_ydata(), given.table["elpd"])
    assert above.get_lines()[2].get_ydata()[0] == given.score.elpd
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
    "a zero": (gaussian, {"grid": [0.0, 1.0]}, "grid="),
    "an infinite value": (gaussian, {"grid": [1.0, np.inf]}, "grid="),
    "a missing value": (gaussian, {"grid": [1.0, np.nan]}, "grid="),
    "text": (gaussian, {"grid": "12"}, "grid='12'"),
    "a table of text": (gaussian, {"grid": ["a", 1]}, "grid="),
    "no probability": (gaussian, {"prob": 1.0}, "prob=1.0"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_what_makes_no_sense_is_refused_before_anything_is_fitted(case, monkeypatch):
    monkeypatch.setattr("shoal.fitting.fit", None)
    make, options, message = REFUSALS[case]
    with pytest.raises(ModelError, match=message) as caught:
        sl.pooling.sd_profile(make(), **options)
    assert caught.value.needed


def test_a_grid_may_be_any_sequence_of_numbers():
    found = sl.pooling.sd_profile(gaussian(), grid=pd.Series([2, 1]), **FEW)
    assert list(found.table.index) == [1.0, 2.0]
