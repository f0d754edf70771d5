"""Plots of draws: what they draw is what the draws are, whatever the model, its labels and its chains."""

import re
from xml.etree import ElementTree

import arviz_stats
import matplotlib
import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.colors import same_color

import shoal as sl
from plots.made_fits import LABELS, TWO, made, model, table
from refusals import refused
from shoal import priors as P
from shoal.drawing.style import DIVERGENT
from shoal.errors import ModelError
from shoal.plots.chain_ranks import band, rank_counts
from shoal.plots.rank import differences

DRAWS = ("trace", "rank", "pair", "ess", "funnel", "ppc", "prior_posterior")


@pytest.fixture(scope="module")
def fit():
    return made()


@pytest.fixture(scope="module")
def two():
    return made(model(TWO))


def values(fit, name, **at):
    return fit.tree["posterior"][name].sel(at).values


def texts(picture):
    """Return all text of the figure; the SVG must be well-formed."""
    root = ElementTree.fromstring(picture.svg())
    return " ".join(t for e in root.iter("{http://www.w3.org/2000/svg}text") for t in e.itertext())


# Every structure


STRUCTURES = {
    "student": lambda: model("y ~ x + (1 | gr(g, dist='student'))"),
    "zero-sum": lambda: model("y ~ x + (1 + x || gr(g, zero_sum=True))"),
    "counts": lambda: model("count ~ x + (1 | g)", "poisson"),
    "ordered": lambda: model("grade ~ x + (1 | g)", "cumulative"),
    "binomial": lambda: model("k | trials(m) ~ x + (1 | g)", "binomial"),
    "shrunk": lambda: model("y ~ x + h + (1 | g)", priors={"b": P.Horseshoe()}),
    "two responses": lambda: model((("y ~ x + (1 | g)", "gaussian"), ("count ~ 1", "poisson"))),
}


@pytest.mark.parametrize("structure", STRUCTURES)
def test_every_plot_draws_every_structure(structure):
    fit = made(STRUCTURES[structure](), chains=1 if structure == "counts" else 2)
    names = fit.plot.rank().numbers["quantity"].unique().tolist()
    for name in DRAWS:
        options = {"var_names": names[:2]} if name in ("trace", "pair") else {}
        picture = getattr(fit.plot, name)(**options)
        assert len(picture.numbers) and picture.caption.endswith(".")
        assert np.isfinite(picture.numbers.select_dtypes("number").fillna(0)).all(axis=None)


def test_matplotlib_is_left_as_it_was(fit):
    before = dict(matplotlib.rcParams)
    for name in ("trace", "rank", "pair", "ess"):
        getattr(fit.plot, name)("sigma").svg()
    assert dict(matplotlib.rcParams) == before
    assert pyplot.get_fignums() == []


def test_labels_are_written_as_they_are(fit):
    # Neither a formula of matplotlib nor a path of a tree.
    names = [f"r_g[{label},Intercept]" for label in LABELS]
    for name in ("ess", "rank"):
        drawn = texts(getattr(fit.plot, name)(names)).replace(" ", "")  # of a label in two lines
        assert all(label in drawn for label in names), name
    assert "r_g[$a$_b,x]" in texts(fit.plot.pair(["r_g[$a$_b,x]", "sigma"]))


# Which quantities


def test_fixed_quantities_are_left_out_and_said_to_be():
    fit = made(model("y ~ x + (1 | g)", priors={"sd_g": P.Fixed(1.0)}))
    picture = fit.plot.trace()
    assert set(picture.numbers["quantity"]) == {"Intercept", "x", "sigma"}
    assert "sd_g[Intercept] left out: fixed." in picture.caption
    with refused("all-constant"):
        fit.plot.trace("sd_g")
    with refused("sd-fixed", match=r"fixed at 1\."):
        fit.plot.funnel()


def test_correlations_are_drawn_once(fit):
    assert fit.plot.rank("cor_g").numbers["quantity"].unique().tolist() == ["cor_g[x,Intercept]"]


def test_what_has_no_room_is_counted(fit):
    picture = fit.plot.pair("r_g")
    assert picture.numbers.shape[1] == 6 and "The first 6 of 10 quantities" in picture.caption
    assert "first" not in fit.plot.trace("r_g").caption


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("sd_k", "Did you mean 'sd_h' or 'sd_g'"),
        ("r_g[a,Intercept]", "There is no quantity"),
        ([], "No variable is named"),
        # Names of what the draws are laid out by, not of draws.
        ("g", "There is no variable 'g'"),
        ("chain", "There is no variable 'chain'"),
    ],
)
def test_unknown_names_are_refused(fit, names, message):
    with pytest.raises(ModelError, match=message):
        fit.plot.trace(names)


def test_effects_that_were_not_kept_are_said_to_be(fit):
    without = made()
    without.tree["posterior"] = without.tree["posterior"].to_dataset().drop_vars("r_g")
    without.plot.trace()
    for names in ("r_g", "r_g[%s,x]"):
        with refused("effects-not-kept"):
            without.plot.trace(names)
    with refused("effects-not-kept"):
        without.plot.funnel("g")
    with refused("effects-not-kept"):
        without.plot.ppc()


# Trace, pair and funnel


def test_a_trace_is_the_draws_in_order(fit):
    picture = fit.plot.trace(["sigma", "sd_g"])
    own = picture.numbers.query("quantity == 'sd_g[x]' and chain == 1").sort_values("draw")
    np.testing.assert_array_equal(own["value"], values(fit, "sd_g", g_effect="x")[1])
    lines = picture.figure.axes[1].lines
    np.testing.assert_array_equal(lines[1].get_ydata(), values(fit, "sigma")[1])
    marked = picture.numbers.query("quantity == 'sigma'")["diverging"].sum()
    assert marked == fit.tree["sample_stats"]["diverging"].sum()
    assert f"{marked} of 80 draws end a divergent" in picture.caption


def red_points(axes):
    """Return how many points of scatters are in the colour of divergences."""
    return sum(
        len(c.get_offsets()) for c in axes.collections
        if len(c.get_facecolor()) and same_color(c.get_facecolor()[0][:3], DIVERGENT)
    )  # fmt: skip


def test_divergences_are_marked_in_pairs_and_funnels(fit):
    count = int(fit.tree["sample_stats"]["diverging"].sum())
    assert 0 < count < 80
    assert red_points(fit.plot.funnel("g").figure.axes[0]) == count
    below = fit.plot.pair(["sigma", "sd_h"]).figure.axes[2]
    offsets = [np.ma.getdata(c.get_offsets()) for c in below.collections]
    drawn = sum(np.isfinite(o).all(1).sum() for o in offsets)
    # Each chain once, and its divergent draws once more; without marks only the former.
    plain = fit.plot.pair(["sigma", "sd_h"], divergences=False)
    assert drawn - sum(len(c.get_offsets()) for c in plain.figure.axes[2].collections) == count
    assert "red" not in plain.caption
    assert "No divergence." in made(bad=0).plot.pair().caption


def test_a_funnel_is_log_sd_against_one_effect(fit):
    picture = fit.plot.funnel("g", effect="x", level="a/b")
    np.testing.assert_array_equal(
        picture.numbers["log_sd"], np.log(values(fit, "sd_g", g_effect="x")).ravel()
    )
    np.testing.assert_array_equal(
        picture.numbers["effect"], values(fit, "r_g", g="a/b", g_effect="x").ravel()
    )
    assert "log sd_g[x]" in texts(picture)


def test_a_funnel_shows_the_level_of_fewest_rows_by_default(fit):
    smallest = table()["g"].value_counts().idxmin()
    np.testing.assert_array_equal(
        fit.plot.funnel("g").numbers["effect"], values(fit, "r_g", g=smallest, g_effect="Intercept").ravel()
    )
    by_number, by_text = (fit.plot.funnel("h", level=level).numbers for level in (2, "2"))
    assert by_number.equals(by_text)


def test_a_funnel_refuses_what_it_does_not_know(fit):
    with refused("unknown-level", match="has no level 'q'") as problem:
        fit.plot.funnel("g", level="q")
    assert problem.value.code == "unknown-level"
    with refused("unknown-effect", match="has no effect 'z'"):
        fit.plot.funnel("g", effect="z")
    with refused("factor-not-named", match="2 sets of group effects"):
        fit.plot.funnel()


# Ranks


@pytest.mark.parametrize("chains", [2, 3, 4])
def test_chains_of_one_target_stay_in_the_band(chains):
    rng = np.random.default_rng(5)
    low, high = band(chains, 100)
    left = 0
    for _ in range(300):
        _, counts = rank_counts(rng.normal(size=(chains, 100)))
        left += ((counts < low) | (counts > high)).any()
    assert 0 < left <= 10  # expected 3; more than 10 has probability 0.0003, none 0.05


def test_a_chain_elsewhere_leaves_the_band():
    draws = np.random.default_rng(6).normal(size=(4, 200))
    draws[2] += 1
    table_ = differences(draws)
    out = (table_["difference"] < table_["band_lb"]) | (table_["difference"] > table_["band_ub"])
    assert out[table_["chain"] == 2].mean() > 0.5


def test_ranks_of_all_chains_together_are_uniform():
    """A stuck chain too: at each cut, as many draws of all chains are below as the cut says."""
    draws = np.random.default_rng(7).normal(size=(3, 50))
    draws[1, 10:] = draws[1, 10]
    cuts, counts = rank_counts(draws)
    np.testing.assert_array_equal(counts.sum(0), cuts)


def test_one_chain_is_compared_half_with_half():
    alone = made(chains=1, draws=60)
    trend = alone.tree["posterior"].to_dataset()
    trend["sigma"] = ("chain", "draw"), np.arange(60.0)[None]
    alone.tree["posterior"] = trend
    numbers = alone.plot.rank("sigma").numbers
    assert numbers["half"].unique().tolist() == [0, 1]
    np.testing.assert_allclose(numbers.loc[numbers["half"] == 0, "difference"].max(), 0.5, atol=0.02)


# Effective draws


def test_bars_are_the_effective_sample_sizes_of_arviz(fit, two):
    picture = sl.plots.ess({"a": fit, "b": two}, None)
    numbers = picture.numbers.set_index(["fit", "quantity"])
    posterior = fit.tree["posterior"]["sigma"].to_dataset()
    for kind in ("bulk", "tail"):
        expected = float(arviz_stats.ess(posterior, method=kind)["sigma"])
        np.testing.assert_allclose(numbers.loc[("a", "sigma"), f"ess_{kind}"], expected)
    heights = sorted(bar.get_height() for bar in picture.figure.axes[1].patches)
    np.testing.assert_allclose(heights, sorted(numbers["ess_tail"]))
    assert set(picture.numbers.query("fit == 'b'")["quantity"]).isdisjoint({"sigma", "sd_g[x]"})
    assert fit.plot.ess(others={"b": two}).numbers["fit"].unique().tolist() == ["this fit", "b"]


def test_pooling_of_several_fits_needs_the_partial_one(fit):
    with refused("fit-name", match="One called 'partial'"):
        sl.plots.pooling({"none": fit})


# Labels


def axis_labels(figure):
    """Return where the labels of axes stand, in pixels, and the figure's own box."""
    figure.draw_without_rendering()
    own = [axis.label for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)]
    shown = [label for label in own if label.get_text() and label.get_visible()]
    return [label.get_window_extent() for label in shown], figure.bbox


@pytest.fixture(scope="module")
def long():
    """Return a fit whose names are long."""
    data = table().rename(columns={"g": "district_of_birth"})
    return made(model("y ~ x + (1 + x | district_of_birth)", data=data))


LABELLED = ("trace", "pair", "funnel", "prior_posterior", "caterpillar", "shrinkage", "pooling")


@pytest.mark.parametrize("name", LABELLED)
def test_labels_neither_overlap_nor_leave_the_picture(long, name):
    variants = {variant: made(long.model.with_pooling(variant)) for variant in ("complete", "none")}
    options = {"others": variants} if name == "pooling" else {}
    boxes, whole = axis_labels(getattr(long.plot, name)(**options).figure)
    for i, box in enumerate(boxes):
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= whole.x1 and box.y1 <= whole.y1
        assert not any(box.overlaps(other) for other in boxes[:i])


@pytest.mark.parametrize(("count", "upright"), [(3, False), (19, True)])
def test_names_of_bars_stand_upright_only_where_there_is_no_room(fit, count, upright):
    names = ["Intercept", "sd_g", "r_g", "r_h", "cor_g", "sigma", "x"] if upright else ["Intercept", "sd_g"]
    ticks = fit.plot.ess(names).figure.axes[1].get_xticklabels()
    assert len(ticks) == count
    assert {label.get_rotation() for label in ticks} == {90.0 if upright else 0.0}


def test_the_accessor_names_its_plots(fit):
    named = re.findall(r"\w+", repr(fit.plot))
    assert {"trace", "forest", "shrinkage", "pooling", "data"} <= set(named)
