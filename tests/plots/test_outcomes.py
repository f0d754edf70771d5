"""`fit.plot.outcomes`: the numbers are those of `fit.predict`, averaged by hand over the rows of a group."""

import numpy as np
import pandas as pd
import pytest

from plots.made_fits import CATEGORIES, TWO, made, model, table
from refusals import refused

CASES = {  # formula, family, what was observed, weight and trials of the rows
    "binomial": ("k | trials(m) ~ x + (1 | g)", "k", None, "m"),
    "bernoulli": ("bit ~ x + (1 | g)", "bit", None, None),
    "cumulative": ("grade ~ x + (1 | g)", "number", None, None),
    "gaussian": ("y | weights(m) ~ x + (1 | g)", "y", "m", None),
    "lognormal": ("size ~ x + (1 | g)", "size", None, None),
    "binomial(probit)": ("k | trials(m) + weights(w) ~ x + (1 | g)", "k", "w", "m"),
}


def data():
    number = [CATEGORIES.tolist().index(grade) + 1 for grade in table()["grade"]]
    return table().assign(number=number, w=lambda d: d["h"] + 1.5, size=lambda d: np.exp(d["y"] / 4))


def by_hand(fit, observed, weight, trials, groups, prob, response=None):
    """Return a table of each group of rows: rows, observations, raw mean, posterior mean and interval."""
    draws = fit.predict(response=response).stack(sample=("chain", "draw")).transpose("row", "sample", ...)
    expected = draws.values @ np.arange(1.0, 4) if draws.ndim == 3 else draws.values  # of counts: successes
    rows = {}
    for group in pd.unique(groups):
        own = np.asarray(groups) == group
        size = (weight * trials)[own].sum()
        mean = weight[own] @ expected[own] / size
        ends = np.quantile(mean, [(1 - prob) / 2, (1 + prob) / 2])
        rows[group] = [own.sum(), size, weight[own] @ observed[own] / size, mean.mean(), *ends]
    return rows


def check(numbers, rows, labels):
    interval = [name for name in numbers if name.startswith("eti")]
    found = numbers[["n", "size", "mean", "posterior_mean", *interval]].to_numpy(float)
    assert sorted(map(str, labels)) == sorted(map(str, rows))
    for label, row in zip(labels, found, strict=True):
        np.testing.assert_allclose(row, rows[label])


@pytest.mark.parametrize("family", CASES)
@pytest.mark.parametrize("by", [None, "h"])
def test_numbers_are_predictions_averaged_over_the_rows_of_a_group(family, by):
    formula, observed, weight, trials = CASES[family]
    rows = data()
    fit = made(model(formula + " + offset(0 * h)", family, data=rows))
    columns = [np.ones(60) if name is None else rows[name].to_numpy(float) for name in (weight, trials)]
    picture = fit.plot.outcomes(by, prob=0.8)
    name = by or "g"
    expected = by_hand(fit, rows[observed].to_numpy(float), *columns, rows[name], 0.8)
    check(picture.numbers, expected, picture.numbers[name])
    assert {"eti80_lb", "eti80_ub"} <= set(picture.numbers) and "colour" not in picture.numbers
    assert f"Of the rows of each {name}: the raw" in picture.caption and "80% equal" in picture.caption


def test_colours_tell_rows_of_a_group_apart():
    rows = data()
    fit = made(model("bit ~ x + h + (1 | g)", "bernoulli", data=rows))
    picture = fit.plot.outcomes("g", colour="h")
    pairs = [f"{g} h={h}" for g, h in zip(rows["g"], rows["h"], strict=True)]
    one = np.ones(60)
    expected = by_hand(fit, rows["bit"].to_numpy(float), one, one, pd.Series(pairs), 0.9)
    numbers = picture.numbers
    check(numbers, expected, [f"{g} {hue}" for g, hue in zip(numbers["g"], numbers["colour"], strict=True)])


@pytest.mark.parametrize(("groups", "colours"), [(85, 2), (100, 3)])
def test_many_groups_of_several_colours_have_numbers_of_their_own(groups, colours):
    rng = np.random.default_rng(1)
    size = groups * colours * 2
    rows = pd.DataFrame({"g": np.arange(size) % groups, "x": rng.normal(size=size)})
    rows["bit"], rows["h"] = (rng.random(size) < 0.5).astype(int), np.arange(size) // groups % colours
    fit = made(model("bit ~ x + h + (1 | g)", "bernoulli", data=rows))
    numbers, one = fit.plot.outcomes("g", colour="h").numbers, np.ones(size)
    assert len(numbers) == groups * colours
    pairs = pd.Series([f"{g} h={h}" for g, h in zip(rows["g"], rows["h"], strict=True)])
    expected = by_hand(fit, rows["bit"].to_numpy(float), one, one, pairs, 0.9)
    check(numbers, expected, [f"{g} {hue}" for g, hue in zip(numbers["g"], numbers["colour"], strict=True)])


def test_one_of_several_responses_is_drawn():
    rows, fit, one = table(), made(model(TWO)), np.ones(60)
    for response, by in (("bit", "g"), ("y", "h")):
        expected = by_hand(fit, rows[response].to_numpy(float), one, one, rows[by], 0.9, response)
        picture = fit.plot.outcomes(by, response=response)
        check(picture.numbers, expected, picture.numbers[by])
    with refused("unknown-response"):
        fit.plot.outcomes()


def test_the_marks_are_the_numbers():
    fit = made(model("bit ~ x + (1 | g)", "bernoulli"))
    picture = fit.plot.outcomes()
    lines, expected, observed = picture.figure.axes[0].collections
    numbers = picture.numbers
    np.testing.assert_allclose(expected.get_offsets(), numbers[["position", "posterior_mean"]])
    np.testing.assert_allclose(observed.get_offsets(), numbers[["position", "mean"]])
    ends = np.array([segment[:, 1] for segment in lines.get_segments()])
    np.testing.assert_allclose(ends, numbers[["eti90_lb", "eti90_ub"]])
    dashed = picture.figure.axes[0].get_lines()[0].get_ydata()[0]
    np.testing.assert_allclose(dashed, table()["bit"].mean())


@pytest.mark.parametrize("name", ["n", "size", "mean", "position", "posterior_mean", "eti90_lb"])
def test_a_group_called_like_a_column_of_the_table_keeps_both(name):
    rows = table().rename(columns={"h": name})
    numbers = made(model(f"bit ~ x + (1 | {name})", "bernoulli", data=rows)).plot.outcomes().numbers
    assert numbers.columns.is_unique and numbers[f"{name}_level"].tolist() == [0, 1, 2]
    assert numbers["n"].tolist() == [20, 20, 20]


def test_what_makes_no_sense_is_refused():
    fit = made(model("bit ~ x + (1 | g)", "bernoulli"))
    with refused("column-not-in-model", match="no column 'h'"):
        fit.plot.outcomes("h")
    with refused("too-many-colours"):
        fit.plot.outcomes(colour="x")
    for by in (["g"], 3, ("g",)):
        with refused("not-columns"):
            fit.plot.outcomes(by)
        with refused("not-columns"):
            fit.model.plot.data(by)
    for colour in (3, [["g"]], [None]):
        with refused("not-columns"):
            fit.plot.outcomes(colour=colour)
    with refused("probability-out-of-range", match="prob=2"):
        fit.plot.outcomes(prob=2)
    with refused("unknown-response", match="no response 'y'"):
        fit.plot.outcomes(response="y")
    with refused("no-grouping-factor"):
        made(model("bit ~ x", "bernoulli")).plot.outcomes()
    fit.tree["posterior"] = fit.tree["posterior"].to_dataset().drop_vars("r_g")
    with refused("effects-not-kept"):
        fit.plot.outcomes()
