"""Ranks follow from the draws, and tables say what they are about."""

import numpy as np
import pandas as pd
import pytest

import shoal as sl
from refusals import refused
from shoal.errors import ModelError
from shoal.estimands import ranks
from shoal.fit.results import Results

RUN = {"draws": 90, "chains": 2, "seed": 7, "cores": 1}  # too few for the run to be judged, and sampled again


def rows():
    rng = np.random.default_rng(3)
    g = np.repeat(list("fbdace"), 8)
    x = rng.normal(size=g.size)
    level = dict(zip("abcdef", rng.normal(0, 0.5, 6), strict=True))
    y = [2 + level[k] + 0.5 * v for k, v in zip(g, x, strict=True)] + rng.normal(size=g.size)
    return pd.DataFrame({"g": g, "x": x, "y": y})


@pytest.fixture(scope="module")
def fit():
    return sl.Model("y ~ x + (1 + x | g)", rows()).fit(**RUN)


@pytest.mark.parametrize("effect", ["Intercept", "x"])
def test_ranks_count_the_levels_above(fit, effect):
    own = fit.levels().sel(g_effect=effect).values.reshape(-1, 6)
    by_hand = 1 + (own[:, None, :] > own[:, :, None]).sum(-1)
    table = fit.ranks(effect=effect, top=(1, 2, 6), prob=0.8).set_index("g").loc[list("abcdef")]
    np.testing.assert_allclose(table["rank_mean"], by_hand.mean(0))
    np.testing.assert_allclose(table["rank_median"], np.median(by_hand, 0))
    np.testing.assert_allclose(table["p_best"], (by_hand == 1).mean(0))
    np.testing.assert_allclose(table["p_top_2"], (by_hand <= 2).mean(0))
    assert (table["p_top_6"] == 1).all()
    np.testing.assert_allclose(table["mean"], own.mean(0))
    inside = (by_hand >= table["rank_eti80_lb"].values) & (by_hand <= table["rank_eti80_ub"].values)
    assert (inside.mean(0) >= 0.8).all()


def test_the_table_begins_with_the_best(fit):
    high, low = fit.ranks(), fit.ranks(best="low")
    assert high["rank_mean"].is_monotonic_increasing and low["g"].tolist() == high["g"].tolist()[::-1]
    np.testing.assert_allclose(low["rank_mean"], 7 - high["rank_mean"][::-1])
    assert high["n"].tolist() == [8] * 6


def test_levels_that_are_equal_share_their_ranks(fit):
    tree = fit.tree.copy()
    tree["posterior"] = tree["posterior"].to_dataset().assign(r_g=0 * fit.tree["posterior"]["r_g"])
    table = ranks(Results(fit.model.specification, tree))
    assert (table["rank_mean"] == 3.5).all() and (table["p_best"] == 0).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"top": 0}, "top=0.*\n.*1 to 6"),
        ({"top": (1, 7)}, "top=7"),
        ({"top": True}, "top=True"),
        ({"best": "hihg"}, "best='hihg'"),
        ({"effect": "z"}, "no effect 'z'"),
        ({"group": "h"}, "no grouping factor 'h'"),
        ({"prob": 1.0}, "prob=1.0"),
    ],
)
def test_impossible_ranks(fit, arguments, message):
    with pytest.raises(ModelError, match=message):
        fit.ranks(**arguments)


def test_slopes_alone_must_be_named():
    model = sl.Model("y ~ x + z + (0 + x + z || g)", rows().assign(z=rows()["x"] ** 2))
    fit = model.fit(**{**RUN, "draws": 50, "sampler": "independence"})
    with refused("effect-not-named", match="2 effects, and none is named"):
        fit.ranks()
    assert "z on the linear predictor" in fit.ranks(effect="z").attrs["scale"]


@pytest.mark.parametrize("method", ["effects", "finite_population", "variance_partition", "ranks"])
def test_every_table_says_its_scale_and_population(fit, method):
    table = getattr(fit, method)()
    assert "linear predictor (identity)" in table.attrs["scale"] and table.attrs["population"]
    below = f"Scale: {table.attrs['scale']}.\nPopulation: {table.attrs['population']}."
    assert repr(table).endswith(below) and repr(table.round(1).head(2)).endswith(below)
    assert "Scale: " not in table.to_string()
    assert table._repr_html_().count("Population: ") == 1


def test_draws_of_levels_say_theirs(fit):
    assert fit.levels().attrs == {
        "scale": "linear predictor (identity)",
        "population": "the 6 levels of g that were fitted",
    }


def test_a_factor_called_like_a_column_of_the_table_keeps_its_labels():
    fit = sl.Model("y ~ 1 + (1 | n)", rows().rename(columns={"g": "n"})).fit(**RUN)
    for table in (fit.ranks(), fit.effects()):
        assert sorted(table["n_level"]) == list("abcdef") and table["n"].tolist() == [8] * 6
