"""What priors imply: statistics whose distribution is known, beside the same of the data."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.special import expit

from plots.made_fits import TWO, model, table
from shoal import priors as P
from shoal.criticism.implied import outcome_of
from shoal.criticism.implied.statistics import of_rows
from shoal.errors import ModelError
from shoal.model.prior_draws import draw_prior

KNOWN = {"Intercept": P.Normal(2, 1), "sd_g": P.Fixed(1.5), "sigma": P.Fixed(0.5)}
# Bounds of a normal's 90% interval.
WIDE = stats.norm.ppf(0.95)


@pytest.mark.parametrize(
    ("formula", "family", "kind"),
    [
        ("y ~ 1", "gaussian", "difference"),
        ("y ~ 1", "student", "difference"),
        ("m ~ 1", "lognormal", "ratio"),
        ("m ~ 1", "gamma", "ratio"),
        ("count ~ 1", "negbinomial", "ratio"),
        ("count ~ 1", "zero_inflated_poisson", "ratio"),
        ("count ~ 1", "hurdle_poisson", "ratio"),
        ("bit ~ 1", "bernoulli", "probability"),
        ("k | trials(m) ~ 1", "binomial", "probability"),
        ("grade ~ 1", "cumulative", "category"),
    ],
)
def test_the_scale_of_an_outcome_is_that_of_its_mean(formula, family, kind):
    own = model(formula, family).specification
    outcome = outcome_of(own, own.designs[0])
    assert outcome.kind == kind and outcome.bounded == (kind == "probability")


def test_parameters_have_the_quantiles_of_their_priors():
    own = model("y ~ x + (1 | g)", priors={"x": P.Normal(1, 2), "sd_g": P.Exponential(2)})
    table_ = own.prior_summary(draws=4000).loc["parameter"]
    assert table_.loc["x", "prior"] == "Normal(1, 2)"
    assert table_.loc["sigma", "prior"].endswith("(default)")
    assert table_.loc["Intercept", "prior"].endswith("(default, on the mean at average columns)")
    for name, exact in (("x", stats.norm(1, 2)), ("sd_g[Intercept]", stats.expon(scale=0.5))):
        found = table_.loc[name, ["median", "eti90_lb", "eti90_ub"]].astype(float)
        np.testing.assert_allclose(found, exact.ppf([0.5, 0.05, 0.95]), atol=0.12 * exact.std())
    assert table_["observed"].isna().all() and table_["tail"].isna().all()


def test_levels_are_as_far_apart_as_their_sd_says():
    summary = model("y ~ 1 + (1 | g)", priors=KNOWN).prior_summary(draws=4000).loc["y"]
    row = summary.loc["between two levels of g"]
    exact = stats.halfnorm(scale=1.5 * 2**0.5).ppf([0.5, 0.05, 0.95])
    np.testing.assert_allclose(
        row[["median", "eti90_lb", "eti90_ub"]].astype(float), exact, rtol=0.1, atol=0.02
    )
    logs = model("count ~ 1 + (1 | g)", "poisson", priors={"sd_g": P.Fixed(1.5)}).prior_summary(draws=4000)
    ratio = logs.loc[("count", "between two levels of g")]
    np.testing.assert_allclose(ratio["median"], np.exp(exact[0]), rtol=0.1)


def test_slopes_set_levels_apart_at_the_rows_of_the_table():
    own = model("y ~ x + (0 + x | g)", priors={"sd_g": P.Fixed(1.5)}).prior_summary(draws=4000)
    x = table()["x"].to_numpy()
    apart = np.abs(np.random.default_rng(0).normal(size=(20_000, 1)) * 1.5 * 2**0.5 * x)
    row = own.loc[("y", "between two levels of g")]
    np.testing.assert_allclose([row["median"], row["eti90_ub"]], np.quantile(apart, [0.5, 0.95]), rtol=0.1)


def test_ordered_levels_are_apart_by_category_numbers():
    """Both cutpoints at zero: categories 1 and 3 alone, whose number is ``3 - 2 expit(-eta)``."""
    priors = {"cutpoints": P.Normal(0, 1e-6), "sd_g": P.Fixed(1.5)}
    own = model("grade ~ 1 + (1 | g)", "cumulative", priors=priors).prior_summary(draws=4000)
    one, other = 1.5 * np.random.default_rng(0).normal(size=(2, 20_000))
    median = np.median(2 * np.abs(expit(one) - expit(other)))
    np.testing.assert_allclose(own.loc[("grade", "between two levels of g"), "median"], median, rtol=0.1)


def test_a_correlation_has_one_row():
    parameters = model().prior_summary(draws=20).loc["parameter"].index
    assert [name for name in parameters if name.startswith("cor")] == ["cor_g[x,Intercept]"]


def test_correlations_between_independent_effects_have_no_row():
    own = model("y ~ x + h + (1 + x | g) + (0 + h | g)")
    parameters = own.prior_summary(draws=20).loc["parameter"].index
    assert [name for name in parameters if name.startswith("cor")] == ["cor_g[x,Intercept]"]


def test_many_rows_are_simulated_fewer_times(monkeypatch):
    """The first draws are the same ones; too few of them flag nothing."""
    own = model("y ~ 1 + (1 | g)", priors=KNOWN | {"Intercept": P.Normal(40, 1)})
    assert own.prior_summary(draws=150).attrs == {"draws": 150, "row_draws": 150, "seed": 0}
    assert own.prior_summary(draws=150).loc[("y", "mean"), "flag"] != ""
    monkeypatch.setattr("shoal.criticism.implied.table.LARGEST", 60 * 70 + 59)
    few = own.prior_summary(draws=150)
    assert few.attrs["row_draws"] == 70
    assert few.loc[("y", "mean"), ["tail", "flag"]].tolist() == [0, ""]
    monkeypatch.setattr("shoal.criticism.implied.statistics.BLOCK", 60 * 50)
    pd.testing.assert_frame_equal(few, own.prior_summary(draws=150))
    monkeypatch.setattr("shoal.criticism.implied.table.LARGEST", 1)
    assert own.prior_summary(draws=150).attrs["row_draws"] == 1


def test_rows_are_simulated_with_all_their_variance():
    summary = model("y ~ 1 + (1 | g)", priors=KNOWN).prior_summary(draws=4000).loc["y"]
    share = table()["g"].value_counts(normalize=True).to_numpy()
    sd = np.sqrt(1 + 1.5**2 * (share**2).sum() + 0.5**2 / 60)
    mean = summary.loc["mean"]
    np.testing.assert_allclose(mean["median"], 2, atol=0.1)
    np.testing.assert_allclose((mean["eti90_ub"] - mean["eti90_lb"]) / (2 * WIDE), sd, rtol=0.05)


def test_the_data_have_the_same_statistics():
    summary = model("y ~ 1 + (1 | g)").prior_summary(draws=50).loc["y"]["observed"]
    y, means = table()["y"], table().groupby("g")["y"].mean()
    expected = {"mean": y.mean(), "sd between rows": y.std(ddof=0), "smallest": y.min(), "largest": y.max()}
    expected["sd between means of levels, g"] = means.std(ddof=0)
    for name, value in expected.items():
        np.testing.assert_allclose(summary[name], value)
    assert np.isnan(summary["between two levels of g"])


def test_trials_are_weighed():
    summary = model("k | trials(m) ~ 1 + (1 | g)", "binomial").prior_summary(draws=50).loc["k"]["observed"]
    data = table().groupby("g")[["k", "m"]].sum()
    np.testing.assert_allclose(summary["mean"], table()["k"].sum() / table()["m"].sum())
    np.testing.assert_allclose(summary["sd between means of levels, g"], (data["k"] / data["m"]).std(ddof=0))


def test_categories_have_shares():
    own = model("grade ~ 1", "cumulative", priors={"cutpoints": P.Normal(0, 0.01)})
    summary = own.prior_summary(draws=300).loc["grade"]
    # Both cutpoints at zero: the middle category is all but empty.
    np.testing.assert_allclose(summary["median"], [0.5, 0, 0.5], atol=0.03)
    np.testing.assert_allclose(summary["observed"], 1 / 3)
    assert summary["flag"].iloc[1].startswith("the data lie outside") and summary["tail"].iloc[1] == 0


def test_data_far_from_the_priors_are_flagged_and_others_are_not():
    far = model("y ~ 1 + (1 | g)", priors=KNOWN | {"Intercept": P.Normal(40, 1)}).prior_summary().loc["y"]
    assert far.loc["mean", "tail"] == 0 and "outside the central 99%" in far.loc["mean", "flag"]
    near = model("y ~ 1 + (1 | g)").prior_summary().loc["y"]
    assert (near["flag"] == "").all() and (near["tail"].dropna() > 0.01).all()
    narrow = model("y ~ 1 + (1 | g)", priors={"sd_g": P.HalfNormal(0.01), "sigma": P.HalfNormal(0.5)})
    flagged = narrow.prior_summary().loc["y", "flag"]
    assert flagged["sd between means of levels, g"] != ""


def test_the_tail_is_that_of_the_simulated_statistic():
    """The observed mean is y; under Normal(mu, s) of the mean its two-sided tail is known."""
    own = model("y ~ 1", priors={"Intercept": P.Normal(0, 2), "sigma": P.Fixed(1e-6)})
    tail = own.prior_summary(draws=8000).loc[("y", "mean"), "tail"]
    np.testing.assert_allclose(tail, 2 * stats.norm.sf(abs(table()["y"].mean()) / 2), atol=0.02)


def test_floors_and_ceilings_are_counted():
    name = "rows with a mean below 0.01 or above 0.99"
    wide = model("bit ~ 1", "bernoulli", priors={"Intercept": P.Normal(0, 30)}).prior_summary(draws=4000)
    row = wide.loc[("bit", name)]
    assert row["flag"].startswith("most rows at the floor") and row["median"] == 1
    tame = model("bit ~ 1", "bernoulli", priors={"Intercept": P.Normal(0, 1)}).prior_summary(draws=4000)
    assert tame.loc[("bit", name), "flag"] == "" and tame.loc[("bit", name), "eti90_ub"] == 0


def test_every_response_and_latent_is_there():
    summary = model(TWO).prior_summary(draws=100)
    assert summary.index.get_level_values("about").unique().tolist() == ["parameter", "bit", "y"]
    assert {"bit_sd_g[Intercept]", "y_loading_u", "y_sigma"} <= set(summary.loc["parameter"].index)
    assert "between two levels of h, by u" in summary.loc["y"].index
    assert "between two levels of g" not in summary.loc["y"].index


def test_slopes_under_a_common_prior_have_its_name():
    summary = model("y ~ x + h", priors={"b": P.Horseshoe()}).prior_summary(draws=100).loc["parameter"]
    assert summary.loc["scale_b[x]", "prior"] == "Horseshoe(1, 2, 4)"


def test_weighted_rows_and_infinite_means_have_a_table():
    weighted = model("y | weights(m) ~ 1 + (1 | g)").prior_summary(draws=100)
    np.testing.assert_allclose(weighted.loc[("y", "mean"), "observed"], table()["y"].mean())
    endless = model("m ~ 1 + (1 | g)", "gamma", priors={"Intercept": P.Normal(0, 900)}).prior_summary(
        draws=400
    )
    assert endless.loc[("m", "mean"), "eti90_ub"] > 1e200
    assert not endless.loc["m", ["median", "eti90_lb", "eti90_ub"]].isna().any(axis=None)


def test_blocks_of_draws_are_one_simulation(monkeypatch):
    own = model("y ~ 1 + (1 | g)").specification
    prior = draw_prior(own, np.random.default_rng(0), 30)
    outcome = outcome_of(own, own.designs[0])
    whole = list(of_rows(outcome, prior, 30, np.random.default_rng(1)))
    monkeypatch.setattr("shoal.criticism.implied.statistics.BLOCK", 7 * 60)
    for one, other in zip(whole, of_rows(outcome, prior, 30, np.random.default_rng(1)), strict=True):
        np.testing.assert_allclose(one.values, other.values)


def test_the_seed_decides():
    one, same, other = (model("y ~ 1").prior_summary(draws=50, seed=s) for s in (1, 1, 2))
    pd.testing.assert_frame_equal(one, same)
    assert not one["median"].equals(other["median"])
    assert "eti50_lb" in model("y ~ 1").prior_summary(draws=50, prob=0.5)


@pytest.mark.parametrize("options", [{"draws": 0}, {"seed": -1}, {"prob": 1.5}])
def test_numbers_that_make_no_sense_are_refused(options):
    with pytest.raises(ModelError):
        model("y ~ 1").prior_summary(**options)
