"""Means, standard errors and sizes of groups equal those of pandas, and nothing goes missing."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import shoal as sl
from refusals import refused
from shoal.errors import DataError, ShoalWarning


def table():
    rng = np.random.default_rng(1)
    g = np.repeat([3, 1, 2, 10], [4, 2, 5, 3])
    data = pd.DataFrame({"g": g, "h": rng.choice(["a", "b"], g.size), "v": rng.normal(g, 1.0), "w": g})
    return data.sample(frac=1, random_state=0)


def test_means_and_standard_errors_are_those_of_pandas():
    out = sl.group_means(table(), "v", "g")
    grouped = table().groupby("g")["v"]
    assert out.columns.tolist() == ["g", "n", "mean", "se"] and out.index.tolist() == [0, 1, 2, 3]
    assert out["g"].tolist() == [1, 2, 3, 10] and out["n"].tolist() == [2, 5, 4, 3]
    np.testing.assert_allclose(out["mean"], grouped.mean())
    np.testing.assert_allclose(out["se"], grouped.sem())


def test_the_pooled_variance_is_that_within_groups():
    """The mean square within groups of an analysis of variance: residuals over rows less groups."""
    data = pd.concat([table(), pd.DataFrame({"g": [77], "h": ["a"], "v": [0.3], "w": [1]})])
    out = sl.group_means(data, "v", "g", pooled=True)
    residual = data["v"] - data.groupby("g")["v"].transform("mean")
    within = (residual**2).sum() / (len(data) - 5)
    assert out.columns.tolist() == ["g", "n", "mean", "se_pooled"]
    np.testing.assert_allclose(out["se_pooled"], np.sqrt(within / out["n"]))


@pytest.mark.parametrize("kind", [pl.from_pandas, pa.Table.from_pandas])
@pytest.mark.parametrize("pooled", [False, True])
def test_the_kind_of_frame_is_kept(kind, pooled):
    given = kind(table().reset_index(drop=True))
    out = sl.group_means(given, "v", ["w", "g"], pooled=pooled)
    assert type(out) is type(given)
    pd.testing.assert_frame_equal(out.to_pandas(), sl.group_means(table(), "v", ["w", "g"], pooled=pooled))


def test_groups_without_a_standard_error_stay_and_are_counted():
    data = pd.DataFrame({"g": [1, 2, 2, 3, 3, 4], "v": [1.0, 2.0, 2.0, 0.0, 1.0, 5.0]})
    with pytest.warns(ShoalWarning, match="Of 4 groups, 2 have one row.*1 have equal values") as caught:
        out = sl.group_means(data, "v", "g")
    assert caught[0].filename == __file__
    assert out["mean"].tolist() == [1, 2, 0.5, 5] and np.isnan(out["se"]).tolist() == [
        True,
        False,
        False,
        True,
    ]
    assert out["se"].tolist()[1:3] == [0.0, 0.5]


def test_the_model_refuses_the_undefined_standard_errors():
    data = pd.DataFrame({"g": [1, 2, 2, 3, 3], "v": [1.0, 2.0, 3.0, 0.0, 1.0]})
    with pytest.warns(ShoalWarning, match="1 have one row"):
        means = sl.group_means(data, "v", "g")
    with refused("missing-values", match="'se': 1 missing"):
        sl.Model("mean | se(se) ~ 1 + (1 | g)", means)


def with_values(**columns):
    return table().reset_index(drop=True).assign(**columns)


@pytest.mark.parametrize(
    ("frame", "value", "by", "message"),
    [
        (with_values(v=[np.nan] + [1.0] * 13), "v", "g", "'v': 1 missing of 14"),
        (with_values(v=[np.inf] + [1.0] * 13), "v", "g", "'v': 1 infinite of 14"),
        (with_values(h=[None] + ["a"] * 13), "v", "h", "'h': 1 missing of 14"),
        (table(), "h", "g", "'h' holds String"),
        (table(), "vv", "g", "no column 'vv'.\nDid you mean 'v'"),
        (table(), "v", "v", "named twice"),
        (table(), "v", [], "0 columns to group by"),
        (table().rename(columns={"g": "mean"}), "v", "mean", "'mean' is called like"),
        (pl.from_pandas(table()).lazy(), "v", "g", "LazyFrame"),
        ({"v": [1.0], "g": [1]}, "v", "g", "type builtins.dict"),
    ],
)
def test_what_cannot_be_averaged_is_refused(frame, value, by, message):
    with pytest.raises(DataError, match=message):
        sl.group_means(frame, value, by)


def test_there_must_be_something_to_pool():
    with refused("one-row-a-level"):
        sl.group_means(pd.DataFrame({"g": [1, 2], "v": [1.0, 2.0]}), "v", "g", pooled=True)
    with refused("constant-within-levels"):
        sl.group_means(pd.DataFrame({"g": [1, 1, 2], "v": [1.0, 1.0, 2.0]}), "v", "g", pooled=True)


def test_sentences_to_a_ranking():
    """The published exercise: raw sentences, the mean of each review, restaurants in order."""
    sentences = sl.simulate.restaurants()
    food = sentences[sentences["aspect"] == "food"]
    reviews = sl.group_means(food, "sentiment", ["restaurant", "review"], pooled=True)
    assert (reviews["n"] == 1).sum() > 50 and reviews["n"].sum() == len(food)
    formula = "mean | se(se_pooled) ~ 1 + (1 | restaurant) + (1 | restaurant:review)"
    fit = sl.Model(formula, reviews).fit(draws=250, seed=1)
    ranks = fit.ranks("restaurant", top=(1, 5)).set_index("restaurant")
    truth = pd.Series(sentences.attrs["truth"]["food"])
    true_rank = truth.rank(ascending=False)
    inside = true_rank.between(ranks["rank_eti90_lb"].sort_index(), ranks["rank_eti90_ub"].sort_index())
    assert inside.sum() >= 23  # of 30, each with probability 0.9
    # Pooling beats the raw means.
    raw = food.groupby("restaurant")["sentiment"].mean()
    error = ((ranks["mean"].sort_index() - truth) ** 2).mean(), ((raw - truth) ** 2).mean()
    assert error[0] < error[1]


def test_equal_values_have_no_variance_in_any_table():

    table = pa.table({"g": ["a"] * 3 + ["b"] * 3, "y": [0.1] * 3 + [1.0, 2.0, 3.0]})
    with pytest.warns(ShoalWarning):
        assert sl.group_means(table, "y", "g")["se"].to_pylist()[0] == 0


@pytest.mark.parametrize("value, by", [(1, "g"), ("y", None), ("y", 3), ("y", ["g", 1])])
def test_names_of_columns_are_text(value, by):
    with refused("means-columns"):
        sl.group_means(pd.DataFrame({"g": [1, 1], "y": [1.0, 2.0]}), value, by)
