"""Weights: what they leave out at once, and rows whose weight is zero."""

import numpy as np
import pandas as pd
import pytest

import shoal as sl
from refusals import refused
from shoal.errors import DataError, ShoalWarning

FORMULA = "y ~ x + (1 | g)"
WEIGHTED = "y | weights(w) ~ x + (1 | g)"


@pytest.fixture(scope="module")
def tables():
    """Return binary frequencies, and the rows that they count."""
    rng = np.random.default_rng(5)
    cells = pd.DataFrame(
        [(g, x, y) for g in range(8) for x in (0, 1) for y in (0, 1)], columns=["g", "x", "y"]
    )
    cells["w"] = rng.integers(1, 6, len(cells))
    return cells, cells.loc[cells.index.repeat(cells["w"])].reset_index(drop=True)


@pytest.fixture(scope="module")
def fits(tables):
    cells, rows = tables
    counted = sl.Model(WEIGHTED, cells, "bernoulli").fit(seed=1, cores=1)
    return counted, sl.Model(FORMULA, rows, "bernoulli").fit(seed=1, cores=1)


def test_single_observations_of_frequencies_score_as_the_rows_they_count(fits):
    counted, rows = (fit.loo(unit) for fit, unit in zip(fits, ("observation", "row"), strict=True))
    assert counted.elpd == pytest.approx(rows.elpd, abs=0.3) and counted.se == pytest.approx(rows.se, abs=0.1)
    assert counted.counted == f"{len(rows.pointwise)} observations" and counted.alike.sum() == len(
        rows.pointwise
    )
    assert "one more observation of these rows" in counted.question


def test_a_row_that_stands_for_several_observations_says_that_they_are_left_out_at_once(fits):
    with pytest.warns(ShoalWarning, match="Pareto k"):  # a row of five observations weighs much
        counted, rows = (fit.loo() for fit in fits)
    assert "all the observations that its weight counts left out at once" in counted.question
    assert "loo(unit='observation')" in counted.advice
    assert rows.question.startswith("The question: how well a new row is predicted") and not rows.advice
    assert counted.elpd < rows.elpd - 1  # a harder question


def test_a_refit_leaves_out_one_observation_of_a_row(fits):
    from shoal.scores.loo.units import units_of

    model = fits[0].results.model
    units = units_of(model, "observation")
    weight = units.without(model, np.array([3])).designs[0].rows.weight
    assert weight[3] == model.designs[0].rows.weight[3] - 1 and weight.sum() == units.sizes.sum() - 1


def test_frequencies_and_rows_are_not_compared_without_a_word(fits):
    with refused(
        "scores-of-other-rows", match="'counted' stands for as many observations as its weight says"
    ):
        sl.compare(dict(zip(("counted", "rows"), fits, strict=True)))


def test_weights_that_count_nothing_have_no_single_observations(tables):
    fit = sl.Model(WEIGHTED, tables[0].assign(w=lambda d: d["w"] / 2), "bernoulli").fit(seed=1, cores=1)
    with refused("unit-not-counted"):
        fit.loo("observation")
    assert "its log density times its weight (0.5 to 2.5)" in fit.loo().question


@pytest.mark.parametrize(
    "family",
    [
        *("gaussian", "poisson"),
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("student", "bernoulli", "lognormal")),
    ],
)
def test_rows_of_weight_zero_count_for_nothing(family):
    rng = np.random.default_rng(1)
    data = pd.DataFrame({"x": rng.normal(size=60), "g": np.arange(60) % 6})
    data["y"] = {"poisson": rng.poisson(3, 60), "bernoulli": rng.integers(0, 2, 60)}.get(
        family, np.exp(0.3 * rng.normal(size=60))
    )
    data["w"] = 1 - (np.arange(60) % 5 == 4)
    data.loc[data["w"] == 0, "x"] += 100
    whole = sl.Model(WEIGHTED, data, family)
    assert "60 rows, 12 of them of weight 0, which count for nothing" in str(whole)
    part = sl.Model(FORMULA, data[data["w"] == 1], family)
    assert {k: str(p) for k, p in whole.priors.items()} == {k: str(p) for k, p in part.priors.items()}
    fits = [model.fit(seed=2, cores=1) for model in (whole, part)]
    means, others = (fit.summary()["mean"] for fit in fits)
    sd = fits[1].summary()["sd"]
    assert (abs(means - others) < 0.12 * sd).all()
    scores = [fit.loo() for fit in fits]
    assert scores[0].counted == "48 rows" and scores[0].elpd == pytest.approx(scores[1].elpd, abs=0.5)
    assert fits[0].diagnose().trustworthy


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.assign(w=-d["w"]), "below zero in 6 rows"),
        (lambda d: d.assign(w=0), "above zero in 0 of 12 rows"),
        (lambda d: d.assign(x=d["w"] == 0), "'x' has the same value, 0, in all 6 rows"),
        (lambda d: d.assign(y=d["y"] * (1 - d["w"])), "same value, 0, in all 6 rows"),
    ],
)
def test_what_only_rows_of_weight_zero_tell_is_not_told(change, message):
    data = pd.DataFrame({"y": np.arange(12.0) ** 2, "x": np.arange(12.0), "w": [0, 1] * 6})
    with pytest.raises(DataError, match=message):
        sl.Model("y | weights(w) ~ x", change(data))
