"""`sl.pooling.compare`: three ways of pooling, their parameters, and their errors by the size of a level."""

import numpy as np
import pandas as pd
import pytest

import shoal as sl
from plots.made_fits import made, model, table
from refusals import refused
from shoal import priors as P
from shoal.errors import ModelError
from shoal.scores.loo import loo
from shoal.studies.pooling.by_size import by_size
from shoal.studies.pooling.settings import between, rows_or_trials
from tables import FEW, RUN, frogs, levels

WAYS = ["complete", "none", "partial"]


@pytest.fixture(scope="module")
def tanks():
    own = sl.Model("surv | trials(density) ~ 1 + (1 | tank)", frogs(), family="binomial")
    return sl.pooling.compare(own, **RUN)


@pytest.fixture(scope="module")
def truth():
    """Return rows of 60 levels of very unequal size, with what they were made of."""
    sd, skew = {"g": 1.0}, {"g": 1.0}
    return sl.simulate.crossed({"g": 60}, 360, sd=sd, skew=skew, intercept=1.0, sigma=1.5, seed=1)


@pytest.fixture(scope="module")
def many(truth):
    known = truth.attrs["truth"]
    coefficients = {level: known["Intercept"] + r for level, r in enumerate(known["r_g"])}
    return sl.pooling.compare(sl.Model("y ~ x + (1 | g)", truth), truth=coefficients, **RUN)


def of_size(found, size):
    return found.by_size.xs(size, level="size")


# The table


def test_three_ways_are_compared_by_observations_left_out(tanks):
    assert sorted(tanks.table.index) == WAYS == sorted(tanks.fits)
    assert [tanks.fits[way].model.specification.pooling for way in WAYS] == WAYS
    again = sl.compare(tanks.fits, "trial")
    pd.testing.assert_frame_equal(again.table, tanks.comparison.table)
    pd.testing.assert_frame_equal(again.table, tanks.table.drop(columns="parameters"))
    assert tanks.table.index[-1] == "complete" and "Worse: 'complete'" in tanks.comparison.verdict
    p = tanks.table["p"]
    assert p["complete"] < p["none"] and p["complete"] < p["partial"] < 48


@pytest.mark.parametrize(
    ("formula", "expected", "priors"),
    [
        ("y ~ 1 + (1 | g)", (2, 13, 15), {}),  # 12 levels; Intercept, sigma; the sd between levels
        ("y ~ x + (1 + x | g)", (3, 25, 30), {}),  # two sds and one correlation
        ("y ~ x + (1 + x || g)", (3, 25, 29), {}),
        ("y ~ x + (1 | gr(g, zero_sum=True))", (3, 14, 15), {}),  # without pooling, x stays and they are free
        ("y ~ 1 + (1 | g)", (1, 12, 14), {"sigma": P.Fixed(0.3)}),
    ],
)
def test_parameters_are_counted_once_and_fixed_ones_not_at_all(formula, expected, priors):
    found = sl.pooling.compare(sl.Model(formula, levels(), priors=priors), **FEW)
    assert tuple(found.table["parameters"][WAYS]) == expected
    assert found.actual == dict(zip(WAYS, expected, strict=True))


def test_what_is_printed_begins_with_the_question(tanks):
    lines = str(tanks).splitlines()
    assert lines[0] == "Three ways of pooling the levels of tank." and repr(tanks) == str(tanks)
    assert lines[1] == tanks.comparison.question and "trial" in lines[1]
    assert "By the size of the levels (log_score per trial; rmse in units of one trial):" in lines
    assert tanks.comparison.about in lines and "Weights by stacking" in tanks.comparison.about
    assert tanks.comparison.verdict in lines and all(note in lines for note in tanks.comparison.notes)


# By size


def test_few_sizes_are_told_apart_each(tanks):
    assert list(tanks.by_size.index.unique("size")) == ["10", "25", "35"]
    density = frogs()["density"].to_numpy()
    for way in WAYS:
        pointwise = tanks.comparison.scores[way].pointwise
        row, word = zip(*(label.split() for label in pointwise.index), strict=True)
        each = pointwise.assign(
            size=density[np.array(row, int)],
            off=(np.array(word) == "success") - pointwise["predicted"],
        ).loc[pointwise.index.repeat(pointwise["n"])]
        assert len(each) == density.sum()
        for size, own in each.groupby("size"):
            found = tanks.by_size.loc[(f"{size}", way)]
            assert found["levels"] == 16 and found["observations"] == 16 * size == len(own)
            np.testing.assert_allclose(found["log_score"], own["elpd"].mean())
            np.testing.assert_allclose(found["rmse"], np.sqrt((own["off"] ** 2).mean()))


def test_many_sizes_stand_in_five_classes_of_about_as_many_levels(many, truth):
    counts = truth["g"].value_counts()
    classes = list(many.by_size.index.unique("size"))
    assert len(classes) == 5
    ends = [(int(c.split("–")[0]), int(c.split("–")[-1])) for c in classes]
    assert ends[0][0] == counts.min() and ends[-1][1] == counts.max()
    assert all(a[1] < b[0] for a, b in zip(ends, ends[1:], strict=False))
    y = truth["y"].to_numpy()
    for way in WAYS:
        rows = many.comparison.scores[way].pointwise
        for name, (low, high) in zip(classes, ends, strict=True):
            own = truth["g"].map(counts).between(low, high).to_numpy()
            found = many.by_size.loc[(name, way)]
            assert found["levels"] == counts.between(low, high).sum() and found["observations"] == own.sum()
            np.testing.assert_allclose(found["log_score"], rows["elpd"][own].mean())
            off = y[own] - rows["predicted"][own]
            np.testing.assert_allclose(found["rmse"], np.sqrt((off**2).mean()))
    complete = many.by_size.xs("complete", level="pooling")
    assert complete["levels"].sum() == 60 and complete["levels"].max() < 30


def test_errors_are_distances_from_the_truth(many, truth):
    known, counts = truth.attrs["truth"], truth["g"].value_counts()
    true = known["Intercept"] + np.array(known["r_g"])
    for way in WAYS:
        draws = many.fits[way].tree["posterior"]
        population = float(draws["Intercept"].mean())
        effects = 0 if way == "complete" else draws["r_g"].mean(("chain", "draw")).values[:, 0]
        off = pd.Series(np.abs(population + effects - true))
        for name in many.by_size.index.unique("size"):
            low, high = name.split("–")[0], name.split("–")[-1]
            own = off[counts.sort_index().between(int(low), int(high))]
            np.testing.assert_allclose(many.by_size.loc[(name, way), "error"], own.mean())
    assert "error on the scale of the linear predictor" in many.scale


def test_partial_pooling_is_nearest_to_the_truth_where_levels_are_small(many):
    smallest = of_size(many, many.by_size.index.unique("size")[0])
    assert smallest["error"]["partial"] < 0.8 * smallest["error"]["none"]
    assert smallest["error"].idxmin() == "partial"
    assert smallest["log_score"]["partial"] > smallest["log_score"]["none"]
    assert many.table.index[0] == "partial"


def test_whole_levels_left_out_have_no_error_of_single_observations():
    data = levels()
    found = sl.pooling.compare(sl.Model("y ~ x + z + (1 | g)", data), unit="g", **FEW)
    assert "rmse" not in found.by_size and "rmse" not in found.scale
    size = data["g"].value_counts().sort_index()
    for way in WAYS:
        elpd = found.comparison.scores[way].pointwise["elpd"]
        for n in (2, 3, 4, 5):
            own = elpd[size == n].sum() / (3 * n)
            np.testing.assert_allclose(found.by_size.loc[(str(n), way), "log_score"], own)


def check_against_rows(by_size, rows, weight, group, y):
    """Compare the classes of one way of pooling with means over its rows."""
    size = np.bincount(group, weight)[group]
    for name, row in by_size.iterrows():
        low, high = name.split("–")[0], name.split("–")[-1]
        own = (float(low) <= size) & (size <= float(high))
        off = (y - rows["predicted"].to_numpy())[own]
        np.testing.assert_allclose(row["observations"], weight[own].sum())
        np.testing.assert_allclose(row["log_score"], rows["elpd"].to_numpy()[own].sum() / weight[own].sum())
        np.testing.assert_allclose(row["rmse"], np.sqrt((weight[own] * off**2).sum() / weight[own].sum()))


def test_rows_count_by_their_weights():
    data = levels()
    data["w"] = np.where(data["pair"], 3.0, 1.0)
    found = sl.pooling.compare(sl.Model("y | weights(w) ~ x + (1 | g)", data), **FEW)
    for way in WAYS:
        rows, own = found.comparison.scores[way].pointwise, found.by_size.xs(way, level="pooling")
        check_against_rows(own, rows, data["w"].to_numpy(), data["g"].to_numpy(), data["y"].to_numpy())


def test_categories_count_by_their_numbers():
    """By draws from the priors: those of an ordered model take long."""
    data = table().assign(grade=[3 + i % 3 for i in range(60)])
    fit = made(model("grade ~ x + (1 | g)", "cumulative", data=data))
    score, found = loo(fit.results), between(fit.results.model, "g", None)
    sizes = by_size({"partial": fit}, {"partial": score}, found, None)
    y, group = data["grade"].to_numpy(), found.group.index
    check_against_rows(sizes.xs("partial", level="pooling"), score.pointwise, np.ones(60), group, y)


def test_sizes_that_differ_by_rounding_are_one():
    data = levels(4)
    data["w"] = [0.1, 0.2, 0.1, 0.1, 0.1, 0.15, 0.05, 0.05, 0.05, 0.3, 0.1, 0.1, 0.1, 0.3]
    assert len(np.unique(np.bincount(data["g"], data["w"]))) > 2
    found = sl.pooling.compare(sl.Model("y | weights(w) ~ 1 + (1 | g)", data), **FEW)
    assert list(found.by_size.index.unique("size")) == ["0.3", "0.9"]
    assert of_size(found, "0.3")["levels"].tolist() == [3, 3, 3]


def test_one_of_several_responses_gives_the_levels():
    data = levels()
    two = sl.Model([sl.Response("y ~ x + (1 | g)"), sl.Response("x ~ 1 + (1 | three)")], data)
    found = sl.pooling.compare(two, "g", **FEW)
    assert "rmse" not in found.by_size and found.scale == "log_score per observation"
    sums = found.by_size["log_score"] * found.by_size["observations"]
    elpd = sums.groupby("pooling").sum()
    np.testing.assert_allclose(elpd[WAYS], found.table["elpd"][WAYS])
    with refused("factor-not-named", match="2 sets of group effects"):
        sl.pooling.compare(two, **FEW)


def test_the_picture_has_a_panel_an_error_and_a_line_a_way(many):
    picture = many.plot()
    pd.testing.assert_frame_equal(picture.numbers, many.by_size.reset_index())
    shown = ["log_score", "rmse", "error"]
    assert len(picture.figure.axes) == len(shown)
    for axes, column in zip(picture.figure.axes, shown, strict=True):
        lines = {line.get_label(): line.get_ydata() for line in axes.get_lines()}
        for words, way in (("complete", "complete"), ("no", "none"), ("partial", "partial")):
            expected = many.by_size[column].xs(way, level="pooling")
            np.testing.assert_allclose(lines[f"{words} pooling"], expected)
    assert many.scale in picture.caption and "levels of g" in picture.caption


# What is refused


def gaussian(formula="y ~ x + (1 | g)", **options):
    return sl.Model(formula, levels(), **options)


def slopes():
    return gaussian("y ~ 0 + x + z + (0 + x + z | g)")


TRUE = dict.fromkeys(range(12), 1.0)
REFUSALS = {
    "no model": (lambda: "y ~ x", {}, "The model is of type str"),
    "a variant": (lambda: gaussian().with_pooling("none"), {}, "made with pooling 'none'"),
    "no group": (lambda: gaussian("y ~ x"), {}, "no group terms"),
    "an unknown group": (gaussian, {"group": "h"}, "no grouping factor 'h'"),
    "an unknown effect": (gaussian, {"effect": "x"}, "'g' has no effect 'x'"),
    "no single effect": (slopes, {}, "'g' has 2 effects, and none is named"),
    "an unknown unit": (gaussian, {"unit": "h"}, "no unit 'h'"),
    "no trials": (gaussian, {"unit": "trial"}, "unit='trial', and the response is 'y'"),
    "a unit of several levels": (
        lambda: gaussian("y ~ x + pair + (1 | g)"),
        {"unit": "pair"},
        "unit='pair', and some of these have rows of several levels of g",
    ),
    "a unit of whole levels": (
        lambda: gaussian("y ~ x + three + (1 | g)"),
        {"unit": "three"},
        "unit='three', and some of these have rows of several levels of g",
    ),
    "an unknown sd": (gaussian, {"sd": {"sd_h": 1.0}}, "no effect of 'sd_h'"),
    "a negative sd": (gaussian, {"sd": -1.0}, "sd is a positive number"),
    "truth of some levels": (gaussian, {"truth": {0: 1.0}}, r"11 of 12 levels of g is not given \(1\)"),
    "truth of text": (gaussian, {"truth": TRUE | {3: "a"}}, "truth of 3 is 'a'"),
    "truth of nothing": (gaussian, {"truth": TRUE | {3: None}}, "truth of 3 is None"),
    "a missing truth": (gaussian, {"truth": TRUE | {3: np.nan}}, "truth of 3 is nan"),
    "truth of no level": (gaussian, {"truth": [1.0] * 12}, "truth is of type list"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_what_makes_no_sense_is_refused_before_anything_is_fitted(case, monkeypatch):
    monkeypatch.setattr("shoal.fit.run.fit", None)
    make, options, message = REFUSALS[case]
    with pytest.raises(ModelError, match=message) as caught:
        sl.pooling.compare(make(), **options)
    assert caught.value.needed


def test_a_factor_called_trial_is_no_single_trial():
    tanks = frogs()
    binomial = {"family": "binomial"}
    plain = sl.Model("surv | trials(density) ~ 1 + (1 | tank)", tanks, **binomial)
    called = tanks.rename(columns={"tank": "trial"}).assign(trial=lambda d: d["trial"] // 2)
    factor = sl.Model("surv | trials(density) ~ 1 + (1 | trial)", called, **binomial)
    column = sl.Model("surv | trials(density) ~ trial + (1 | pred)", called, **binomial)
    own = [rows_or_trials(m.specification) for m in (plain, factor, column)]
    assert own == ["trial", "row", "row"]
    found = sl.pooling.compare(factor, **FEW)
    assert found.comparison.unit == "row"
    assert len(found.comparison.scores["partial"].pointwise) == 48


def test_settings_are_those_of_fits():
    with refused("number-out-of-range", match="draws=0"):
        sl.pooling.compare(gaussian(), draws=0)


def test_units_within_levels_are_scored_by_their_level():
    data = levels()
    data["half"] = data["g"] * 2 + data["pair"]
    found = sl.pooling.compare(sl.Model("y ~ x + half + (1 | g)", data), "g", unit="half", truth=TRUE, **FEW)
    elpd = found.comparison.scores["partial"].pointwise["elpd"]
    size = data["g"].value_counts()[elpd.index // 2].to_numpy()
    for n in (2, 3, 4, 5):
        expected = elpd[size == n].sum() / (3 * n)
        np.testing.assert_allclose(found.by_size.loc[(str(n), "partial"), "log_score"], expected)
