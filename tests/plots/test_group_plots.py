"""Pictures of groups draw the numbers they give, which are those of the estimands."""

from xml.etree import ElementTree

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PathCollection
from matplotlib.colors import to_rgba

import shoal as sl
from refusals import refused
from shoal.drawing.style import ALONE, POOLED
from shoal.errors import ModelError
from shoal.plots.caterpillar import caterpillar
from shoal.plots.data import data
from shoal.plots.effects_by_size import effects_by_size
from shoal.plots.forest import forest
from shoal.plots.groups import apart
from shoal.plots.pooling import pooling
from shoal.plots.shrinkage import shrinkage

# Too few draws for the run to be judged, and sampled again.
RUN = {"draws": 90, "chains": 2, "seed": 7, "cores": 1}
SVG_TEXT = "{http://www.w3.org/2000/svg}text"
OF_FITS = [shrinkage, effects_by_size, caterpillar, pooling, forest]


def rows():
    """Return successes of levels of 2 to 40 trials, their names full of signs; the smallest has none."""
    rng = np.random.default_rng(2)
    names = [rf"l$_{i}^2$/{i} _\frac" for i in range(9)]
    data = pd.DataFrame({"g": np.repeat(names, 2), "t": np.repeat([1, 2, 3, 3, 3, 8, 9, 15, 20], 2)})
    data["x"] = np.tile([0, 1], 9)
    data["k"] = rng.binomial(data["t"], 0.4)
    data.loc[:1, "k"] = 0
    return data


@pytest.fixture(scope="module")
def fit():
    return sl.Model("k | trials(t) ~ x + (1 | g)", rows(), family="binomial").fit(**RUN)


@pytest.fixture(scope="module")
def results(fit, tmp_path_factory):
    """Return the fit as it comes back from its file."""
    return sl.load(fit.save(tmp_path_factory.mktemp("fits") / "fit.nc"))._results


@pytest.fixture(scope="module")
def many():
    """Return a fit of 300 levels of one size."""
    table = sl.simulate.one_way(groups=300, rows=2, omega=1.0)
    return sl.Model("observation ~ 1 + (1 | group)", table).fit(**RUN)._results


def marks(picture, colour, panel=0):
    """Return the points drawn in a colour, filled or not, (points, 2)."""
    drawn = [c for c in picture.figure.axes[panel].collections if isinstance(c, PathCollection)]
    own = [c for c in drawn if to_rgba(colour) in map(tuple, [*c.get_facecolor(), *c.get_edgecolor()])]
    return np.concatenate([np.asarray(c.get_offsets()) for c in own])


@pytest.mark.parametrize("draw", OF_FITS)
def test_pictures_can_be_saved_and_leave_pyplot_alone(results, draw, tmp_path):
    before = dict(matplotlib.rcParams)
    picture = draw(results)
    assert picture.save(tmp_path / "picture.png").stat().st_size > 5000
    svg = picture.svg()
    assert dict(matplotlib.rcParams) == before
    assert picture.caption.endswith(".") and "90%" in picture.caption
    assert len(picture.numbers) >= 3 and not picture.numbers["mean"].isna().any()
    if draw in (caterpillar, pooling):
        assert svg.count("l$_3^2$/3 _\\frac") == 1


def test_shrinkage_draws_each_level_twice(fit, results):
    picture = shrinkage(results)
    table, effects = picture.numbers, fit.effects()
    assert table["size"].tolist() == [2, 4, 6, 6, 6, 16, 18, 30, 40] and table["n"].eq(2).all()
    np.testing.assert_allclose(table["no_pooling"], effects["no_pooling"])
    np.testing.assert_allclose(marks(picture, POOLED), table[["position", "mean"]])
    alone = marks(picture, ALONE)
    expected = table[["position", "no_pooling"]].to_numpy()
    np.testing.assert_allclose(alone[np.lexsort(alone.T)], expected[np.lexsort(expected.T)])
    (arrows,) = [c for c in picture.figure.axes[0].collections if type(c).__name__ == "Quiver"]
    np.testing.assert_allclose(arrows.V, table["mean"] - table["no_pooling"])
    assert picture.figure.axes[0].get_xscale() == "log"
    assert picture.figure.axes[0].get_xlabel() == "t of each g"
    assert picture.figure.axes[0].get_ylabel() == "intercept: log odds of k"


def test_levels_of_one_size_stand_side_by_side(results):
    table = shrinkage(results).numbers
    equal = table[table["size"] == 6].sort_values("no_pooling")
    assert equal["position"].is_monotonic_increasing and equal["position"].nunique() == 3
    assert equal["position"].between(4.5, 9).all()
    others = table[table["size"] != 6]
    np.testing.assert_allclose(others["position"], others["size"])
    for draw in (shrinkage, effects_by_size):
        assert "Levels of equal size are spread around it" in draw(results).caption


def test_positions_never_pass_those_of_the_next_size():
    values = np.array([1.0, 1, 1, 2, 2, 50])
    for logarithmic in (True, False):
        out = apart(values, np.arange(6.0), logarithmic)
        assert (np.diff(out) > 0).all() and out[:3].max() < out[3]


def test_uncertainty_by_size(fit, results):
    picture = effects_by_size(results, prob=0.5)
    table = picture.numbers
    np.testing.assert_allclose(table["sd"], fit.effects()["sd"])
    np.testing.assert_allclose(marks(picture, POOLED), table[["position", "sd"]])
    sd = fit.tree["posterior"]["sd_g"].values
    np.testing.assert_allclose(table["sd_between"], np.median(sd))
    assert "50% equal-tailed interval" in picture.caption


def test_equal_sizes_stand_by_their_standard_errors():
    fit = sl.Model("y | se(se) ~ 1 + (1 | school)", sl.load_dataset("eight_schools")).fit(**RUN)
    picture = effects_by_size(fit._results)
    assert picture.figure.axes[0].get_xlabel() == "standard error of each school alone"
    table = picture.numbers.sort_values("no_pooling_sd")
    assert table["position"].is_monotonic_increasing
    assert "spread around it" in picture.caption  # two schools have a standard error of 11, two of 10


def test_a_caterpillar_begins_with_the_best(fit, results):
    picture = caterpillar(results, best="low", prob=0.8)
    ranks = fit.ranks(best="low", prob=0.8)
    pd.testing.assert_frame_equal(
        picture.numbers[ranks.columns], pd.DataFrame(ranks), check_names=False, check_frame_type=False
    )
    left, middle, right = picture.figure.axes
    np.testing.assert_allclose(marks(picture, POOLED)[:, 0], ranks["mean"])
    np.testing.assert_allclose(marks(picture, POOLED, 1)[:, 0], ranks["rank_mean"])
    np.testing.assert_allclose([bar.get_width() for bar in right.patches], ranks["p_best"])
    segments = np.array(left.collections[0].get_segments())
    np.testing.assert_allclose(segments[:, :, 0], picture.numbers[["eti80_lb", "eti80_ub"]])
    assert left.get_ylim()[0] > left.get_ylim()[1] and "lowest" in picture.caption


def test_the_order_of_levels_needs_no_estimates_alone(fit, results, monkeypatch):
    """Their search does not always settle."""

    def unsettled(*_):
        raise ModelError("no-pooling-unsettled", "The estimates alone did not settle.", "Another model.")

    effects = fit.effects()
    monkeypatch.setattr("shoal.plots.groups.estimands.effects", unsettled)
    table = caterpillar(results).numbers.set_index("g").loc[effects["g"]]
    for name in ("mean", "sd", "eti90_lb", "eti90_ub"):
        np.testing.assert_allclose(table[name], effects[name])
    assert table["size"].tolist() == [2, 4, 6, 6, 6, 16, 18, 30, 40]
    with refused("no-pooling-unsettled"):
        shrinkage(results)


@pytest.mark.parametrize("draw", [shrinkage, effects_by_size, caterpillar])
def test_many_levels_stay_readable(many, draw):
    picture = draw(many)
    assert len(picture.numbers) == 300
    for axes in picture.figure.axes:
        assert len(axes.get_yticklabels()) <= 12 and len(axes.texts) <= 6
    if draw is caterpillar:
        names = picture.figure.axes[0].get_yticklabels()[0].get_text().split("\n")
        assert names == [str(g) for g in picture.numbers["group"][:5]]
    else:
        assert sorted(picture.numbers["position"]) == list(range(1, 301))
        assert picture.figure.axes[0].get_xlabel() == "place in order (2 rows of each group)"


def test_pooling_puts_three_fits_on_one_axis(fit, results):
    picture = pooling(results)
    table = picture.numbers
    by = {name: part.reset_index(drop=True) for name, part in table.groupby("pooling")}
    others = {name: fit.model.with_pooling(name).fit(**RUN) for name in ("complete", "none")}
    order = np.argsort([-2, -4, -6, -6, -6, -16, -18, -30, -40], kind="stable")
    assert by["partial"]["size"].tolist() == [40, 30, 18, 16, 6, 6, 6, 4, 2]
    for name, one in (("none", others["none"]), ("partial", fit)):
        np.testing.assert_allclose(by[name]["mean"], one.effects()["mean"].iloc[order], atol=1e-9)
    shared = others["complete"].tree["posterior"]["Intercept"].values
    np.testing.assert_allclose(by["complete"]["mean"], shared.mean())
    np.testing.assert_allclose(by["complete"]["eti90_lb"], np.quantile(shared, 0.05))
    np.testing.assert_allclose(marks(picture, ALONE)[:, 0], by["none"]["mean"])
    picture.figure.draw_without_rendering()
    name, panel = picture.figure.axes[0].yaxis.label.get_window_extent(), picture.figure.axes[0].bbox
    assert panel.y0 <= name.y0 and name.y1 <= panel.y1
    given = pooling(results, others={name: one._results for name, one in others.items()})
    pd.testing.assert_frame_equal(given.numbers, table)


def test_impossible_pooling(fit, results):
    with refused("unknown-choice", match="'complte'"):
        pooling(results, others={"complte": results})
    variant = fit.model.with_pooling("none").fit(**RUN)
    with refused("pooled-variant", match="This fit has pooling 'none'"):
        pooling(variant._results)


def test_a_forest_of_chosen_quantities(fit, results):
    picture = forest(results, ["x", "r_g"], prob=0.6)
    summary = fit.tree["posterior"]["r_g"].mean(("chain", "draw")).values.ravel()
    assert picture.numbers.index[0] == "x" and len(picture.numbers) == 10
    np.testing.assert_allclose(picture.numbers["mean"].iloc[1:], summary)
    values = fit.tree["posterior"]["x"].values
    expected = np.quantile(values, [0.2, 0.8, 0.35, 0.65])
    names = ["eti60_lb", "eti60_ub", "eti30_lb", "eti30_ub"]
    np.testing.assert_allclose(picture.numbers.loc["x", names].astype(float), expected)
    wide = picture.figure.axes[0].collections[0].get_segments()
    np.testing.assert_allclose(np.array(wide)[0, :, 0], expected[:2])


def test_a_forest_of_many_says_what_it_leaves_out(many):
    picture = forest(many, "r_group")
    assert len(picture.numbers) == 60 and "The first 60 of 300 quantities" in picture.caption


def test_effects_that_were_not_kept():
    fit = sl.Model("k | trials(t) ~ x + (1 | g)", rows(), family="binomial").fit(**RUN, store="none")
    for draw in OF_FITS[:4]:
        with refused("effects-not-kept"):
            draw(fit._results)


def test_a_known_sd_and_no_group():
    priors = {"sd_g": sl.priors.Fixed(0.4)}
    fit = sl.Model("k | trials(t) ~ 1 + (1 | g)", rows(), family="binomial", priors=priors).fit(**RUN)
    assert (effects_by_size(fit._results).numbers["sd_between"] == 0.4).all()
    assert forest(fit._results).numbers.index.tolist() == ["Intercept"]
    plain = fit.model.with_pooling("complete").fit(**RUN)
    with refused("no-grouping-factor"):
        shrinkage(plain._results)


# data


def test_raw_means_are_shares_of_all_trials():
    model = sl.Model("k | trials(t) ~ x + (1 | g)", rows(), family="binomial").specification
    picture = data(model)
    sums = rows().groupby("g")[["k", "t"]].sum()
    assert picture.numbers.columns.tolist() == ["g", "n", "size", "mean", "position"]
    np.testing.assert_allclose(picture.numbers["mean"], sums["k"] / sums["t"])
    assert picture.numbers["size"].tolist() == sums["t"].tolist()
    areas = picture.figure.axes[0].collections[0].get_sizes()
    np.testing.assert_allclose(areas[5:] / areas[-1], sums["t"][5:] / sums["t"].iloc[-1])
    assert areas.min() == 15 and "below 10% of that" in picture.caption
    names = [label.get_text() for label in picture.figure.axes[0].get_xticklabels()]
    assert [name.partition("n = ")[2] for name in names] == [f"{total}" for total in sums["t"]]
    assert picture.figure.axes[0].get_ylabel() == "share of k among t"
    # What is drawn has the names as they stand, whatever signs are in them.
    drawn = ["".join(text.itertext()) for text in ElementTree.fromstring(picture.svg()).iter(SVG_TEXT)]
    assert {rf"l$_{i}^2$/{i} _\frac, n = {total}" for i, total in enumerate(sums["t"])} <= set(drawn)


def trolley():
    table = sl.load_dataset("trolley")
    return table[table["id"].isin(table["id"].unique()[:70])]


@pytest.fixture(scope="module")
def judgements():
    formula = "response ~ action + intention + (1 | id) + (1 | story)"
    return sl.Model(formula, trolley(), family="cumulative").specification


def test_stories_coloured_by_two_columns(judgements):
    picture = data(judgements, by="story", colour=["action", "intention"])
    table = picture.numbers
    means = trolley().groupby(["story", "action", "intention"])["response"].agg(["mean", "size"])
    assert list(table["colour"].cat.categories) == [
        f"action={a}, intention={i}" for a in (0, 1) for i in (0, 1)
    ]
    np.testing.assert_allclose(table["mean"], means["mean"])
    assert table["n"].tolist() == means["size"].tolist()
    # Rows of one story stand side by side around its place.
    assert (table["position"].round() == table["story"].factorize(sort=True)[0]).all()
    assert table["position"].nunique() == len(table)
    total = trolley().groupby("story").size()
    names = [label.get_text() for label in picture.figure.axes[0].get_xticklabels()]
    assert names == [f"{story}\nn = {rows}" for story, rows in total.items()]


def test_more_than_a_dozen_groups_have_their_names_alone():
    model = sl.Model("observation ~ 1 + (1 | group)", sl.simulate.one_way(groups=13, rows=2))
    names = [label.get_text() for label in data(model.specification).figure.axes[0].get_xticklabels()]
    assert len(names) == 13 and not any("n = " in name for name in names)


def test_more_groups_stand_in_the_order_of_their_means(judgements):
    picture = data(judgements, by="id")
    table = picture.numbers.sort_values("position")
    assert table["mean"].is_monotonic_increasing and len(table) == 70
    ends = [label.get_text().split("\n") for label in picture.figure.axes[0].get_xticklabels()]
    assert ends == [table["id"].head(4).tolist(), table["id"].tail(4).tolist()]


def test_impossible_data_plots(judgements):
    with refused("column-not-in-model", match="reads no column 'edu'"):
        data(judgements, colour="edu")
    with refused("too-many-colours", match="70 values.*\n.*6"):
        data(judgements, colour="id")
    with refused("unknown-response", match="no response 'y'"):
        data(judgements, response="y")
    alone = sl.Model("response ~ action", trolley(), family="cumulative").specification
    with refused("no-grouping-factor"):
        data(alone)
    assert data(alone, by="action").numbers["action"].tolist() == [0, 1]


@pytest.mark.parametrize("name", ["size", "position", "row", "rank_mean", "rank_median", "p_best", "mean"])
def test_levels_keep_their_labels_whatever_their_factor_is_called(name):
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(2, 30))
    rows = pd.DataFrame({name: np.repeat(list("abcde"), 6), "x": x, "y": y})
    own = sl.Model(f"y ~ x + (1 | {name})", rows).fit(**RUN, progress=False)
    for picture in (
        own.plot.shrinkage(),
        own.plot.effects_by_size(),
        own.plot.caterpillar(),
        own.plot.pooling(),
    ):
        assert set(picture.numbers.iloc[:, 0]) == set("abcde")
        assert len(picture.numbers.columns) == len(set(picture.numbers.columns))
