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
from shoal import priors as P
from shoal.errors import ModelError
from shoal.plots.chain_ranks import band, rank_counts
from shoal.plots.rank import differences
from shoal.plots.style import DIVERGENT

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
        drawn = texts(getattr(fit.plot, name)(names))
        assert all(label in drawn for label in names), name
    assert "r_g[$a$_b,x]" in texts(fit.plot.pair(["r_g[$a$_b,x]", "sigma"]))


# Which quantities


def test_fixed_quantities_are_left_out_and_said_to_be():
    fit = made(model("y ~ x + (1 | g)", priors={"sd_g": P.Fixed(1.0)}))
    picture = fit.plot.trace()
    assert set(picture.numbers["quantity"]) == {"Intercept", "x", "sigma"}
    assert "sd_g[Intercept] left out: fixed." in picture.caption
    with pytest.raises(ModelError, match="constant"):
        fit.plot.trace("sd_g")
    with pytest.raises(ModelError, match=r"fixed at 1\."):
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
        with pytest.raises(ModelError, match="r_g were not kept"):
            without.plot.trace(names)
    with pytest.raises(ModelError, match="r_g were not kept"):
        without.plot.funnel("g")
    with pytest.raises(ModelError, match="not kept"):
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
    with pytest.raises(ModelError, match="has no level 'q'"):
        fit.plot.funnel("g", level="q")
    with pytest.raises(ModelError, match="has no effect 'z'"):
        fit.plot.funnel("g", effect="z")
    with pytest.raises(ModelError, match="2 sets of group effects"):
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


def test_effective_draws_of_no_fit_are_refused():
    with pytest.raises(ModelError, match="no fits"):
        sl.plots.ess({})


def test_pooling_of_several_fits_needs_the_partial_one(fit):
    with pytest.raises(ModelError, match="One called 'partial'"):
        sl.plots.pooling({"none": fit})


# Predictive checks


def test_bars_count_the_rows_of_each_value():
    priors = {"sd_g": P.HalfNormal(0.1), "Intercept": P.Normal(0.7, 0.1), "x": P.Normal(0, 0.1)}
    fit = made(model("count ~ x + (1 | g)", "poisson", priors=priors))
    numbers = fit.plot.ppc().numbers
    exact = numbers[numbers["value"].str.isdigit()]
    assert len(exact) > 5
    counts = table()["count"].value_counts()
    np.testing.assert_array_equal(exact["observed"], [counts.get(int(v), 0) for v in exact["value"]])
    assert numbers["observed"].sum() == 60
    assert (numbers["eti90_lb"] <= numbers["median"]).all() and (
        numbers["median"] <= numbers["eti90_ub"]
    ).all()


def test_bars_of_an_ordered_response_are_its_categories():
    numbers = made(STRUCTURES["ordered"]()).plot.ppc().numbers
    assert numbers["value"].tolist() == ["low", "$mid", "high"]
    np.testing.assert_array_equal(numbers["observed"], [20, 20, 20])


def test_lines_are_the_distribution_of_each_data_set(fit):
    picture = fit.plot.ppc(draws=7, kind="ecdf")
    assert picture.numbers["data"].nunique() == 8
    drawn = picture.numbers.query("data == 'observed'")
    y = table()["y"].to_numpy()
    np.testing.assert_allclose(drawn["ecdf"], [(y <= v + 1e-9).mean() for v in drawn["value"]], atol=1 / 60)
    assert fit.plot.ppc(draws=7, kind="density").numbers["density"].ge(0).all()


def test_levels_have_their_means():
    fit = made(STRUCTURES["binomial"]())
    numbers = fit.plot.ppc(by="g").numbers.set_index("level")
    data = table().groupby("g")[["k", "m"]].sum()
    np.testing.assert_allclose(numbers["observed"], (data["k"] / data["m"])[numbers.index])
    assert numbers["observed"].is_monotonic_increasing
    assert numbers["n"].to_dict() == table()["g"].value_counts().to_dict()


def test_each_response_has_its_panel(two):
    picture = two.plot.ppc()
    assert picture.numbers["response"].unique().tolist() == ["bit", "y"]
    # A factor of one response, or of a latent alone, is one of the rows of all.
    for factor in ("g", "h"):
        assert two.plot.ppc(by=factor).numbers["response"].unique().tolist() == ["bit", "y"]


def test_intervals_of_level_means_have_the_width_of_the_model():
    """The variance of a level's mean: its rows' over their number, the levels' and the Intercept's."""
    own = model(
        "y ~ 1 + (1 | g)", priors={"Intercept": P.Normal(0, 0.1), "sd_g": P.Fixed(0.1), "sigma": P.Fixed(1.0)}
    )
    fit = made(own, chains=4, draws=100)
    numbers = fit.plot.ppc(by="g", draws=400).numbers.set_index("level")
    n = table()["g"].value_counts()[numbers.index]
    width = (numbers["eti90_ub"] - numbers["eti90_lb"]) / (2 * 1.645)
    np.testing.assert_allclose(width, np.sqrt(1 / n + 0.1**2 + 0.1**2), rtol=0.2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "bars"}, "'density' or 'ecdf'"),
        ({"kind": "kde"}, "One of auto"),
        ({"by": "k"}, "no grouping factor 'k'"),
        ({"draws": 0}, "at least 1"),
    ],
)
def test_checks_that_make_no_sense_are_refused(fit, options, message):
    with pytest.raises(ModelError, match=message):
        fit.plot.ppc(**options)


def test_the_accessor_names_its_plots(fit):
    named = re.findall(r"\w+", repr(fit.plot))
    assert {"trace", "forest", "shrinkage", "pooling", "data"} <= set(named)
