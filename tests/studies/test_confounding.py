"""Confounds of groups: what five models say of two effects, in what words, and what is refused."""

import dataclasses
import warnings

import numpy as np
import pandas as pd
import pytest

import shoal as sl
from compiling import used_kernels
from refusals import refused
from shoal.criticism.diagnosis import Diagnosis, Finding
from shoal.errors import DataError, FormulaError, ModelError
from shoal.studies.confounding import comparison as made
from shoal.studies.confounding import evidence, facts, models, question

P = sl.priors
RUN = {"draws": 200, "chains": 2, "seed": 3, "cores": 1, "progress": False}
FIVE = list(sl.confounding.ESTIMATORS)
COLUMNS = ("y", "x", "g", "z")


# Few draws: of fewer than 400 a chain the sampler decides nothing, and does not sample again.
SIZE = {"groups": 25, "rows": 300, "seed": 3, "y_loading": 1.5, "x_mean": 0.0}


def confounded(**given):
    return sl.simulate.confounded_groups(**(SIZE | given))


@pytest.fixture(scope="module")
def compared():
    return sl.confounding.compare(confounded(), *COLUMNS, **RUN)


def asked(data, estimators=FIVE, **given):
    """Return the question of a table, without any model."""
    optional = {"group_trait": "z", "trials": None, "covariates": (), "trait_covariates": None}
    return question.asked(data, "y", "x", "g", **(optional | given), estimators=estimators)


def written(data, priors=None, estimators=FIVE, family="bernoulli", link=None, **given):
    """Return the models of a table, unfitted."""
    kinds = models.Kinds(family, link, "gaussian")
    return models.models_of(asked(data, estimators, **given), kinds, estimators, priors or {})


# The five models


def test_models_are_those_that_can_be_written_by_hand(compared):
    data = confounded()
    within = (data["x"] - data.groupby("g")["x"].transform("mean")).std(ddof=25)
    between = data.groupby("g")["z"].first().std()
    slopes = {"x": P.Normal(0, 1 / within), "z": P.Normal(0, 1 / between)}
    means = {"group_mean(x, g)": P.Normal(0, 1 / within)}
    levels = sl.Model("y ~ x + z + (1 | g)", data, "bernoulli", slopes)
    responses = [
        sl.Response("x ~ latent(u | g)"),
        sl.Response("y ~ x + z + (1 | g) + latent(u | g)", "bernoulli"),
    ]
    by_hand = {
        "naive": sl.Model("y ~ x + z", data, "bernoulli", slopes),
        "fixed effects": levels.with_pooling("none", sd=10),
        "multilevel": levels,
        "Mundlak": sl.Model("y ~ x + z + group_mean(x, g) + (1 | g)", data, "bernoulli", slopes | means),
        "latent Mundlak": sl.Model(responses, data, priors={f"y_{name}": p for name, p in slopes.items()}),
    }
    assert list(compared.fits) == FIVE == list(by_hand)
    for name, fit in compared.fits.items():
        assert fit.model.specification.text == by_hand[name].specification.text
        own, others = fit.model.priors, by_hand[name].priors
        assert own.keys() == others.keys()
        for parameter, prior in others.items():
            assert type(own[parameter]) is type(prior)
            assert own[parameter].params == pytest.approx(prior.params)


def test_other_families_and_links_have_their_own_wide_sd():
    data = confounded()
    assert written(data)["fixed effects"].priors["sd_g[Intercept]"] == P.Fixed(10.0)
    probit = written(data, link="probit")
    scale = probit["multilevel"].design.family.scale(probit["multilevel"].design.rows)[1]
    assert probit["fixed effects"].priors["sd_g[Intercept]"] == P.Fixed(10.0 * scale)
    counts = written(data, family="poisson")
    assert counts["fixed effects"].priors == counts["multilevel"].with_pooling("none").priors
    assert counts["multilevel"].priors == sl.Model("y ~ x + z + (1 | g)", data, family="poisson").priors


def test_priors_do_not_depend_on_units():
    data = confounded()
    scaled = data.assign(x=1000 * data["x"] + 50, z=data["z"] / 7)
    one, other = (written(table)["Mundlak"].priors for table in (data, scaled))
    for name, factor in {"x": 1000, "group_mean(x, g)": 1000, "z": 1 / 7}.items():
        assert other[name].sigma * factor == pytest.approx(one[name].sigma)


def test_covariates_are_in_all_models_and_in_that_of_the_trait():
    data = confounded().assign(a=np.arange(300) % 7, b=np.arange(300) % 2)
    texts = {name: m.specification.text for name, m in written(data, covariates=["a"]).items()}
    assert all("y ~ x + z + a" in text for text in texts.values())
    assert texts["latent Mundlak"].startswith("x ~ a + latent(u | g)")
    of_trait = written(data, covariates=["a", "b"], trait_covariates=["z", "b"])["latent Mundlak"]
    assert of_trait.specification.text.startswith("x ~ z + b + latent(u | g)\ny ~ x + z + a + b + (1 | g)")


def test_a_binomial_outcome_has_trials():
    data = confounded().assign(n=5)
    text = written(data, family="binomial", trials="n")["fixed effects"].specification.text
    assert text == "y | trials(n) ~ x + z + (1 | g)"


# Priors


def test_priors_go_where_the_parameter_is_and_to_the_outcome_alone():
    given = {
        "b": P.Normal(0, 3),
        "Intercept": P.Normal(0, 4),
        "sd": P.HalfNormal(2),
        "group_mean(x, g)": P.Normal(1, 5),
        "loading": P.Normal(0, 6),
        "x_Intercept": P.Normal(7, 8),
        "x_sigma": P.HalfNormal(9),
    }
    by_model = {name: model.priors for name, model in written(confounded(), given).items()}
    for name in ("naive", "fixed effects", "multilevel", "Mundlak"):
        assert by_model[name]["x"] == by_model[name]["z"] == P.Normal(0, 3)
    assert by_model["naive"]["Intercept"] == P.Normal(0, 4)
    assert by_model["multilevel"]["sd_g[Intercept]"] == P.HalfNormal(2)
    assert by_model["Mundlak"]["group_mean(x, g)"] == P.Normal(1, 5)
    latent = by_model["latent Mundlak"]
    assert latent["y_x"] == latent["y_z"] == P.Normal(0, 3)
    assert (latent["y_Intercept"], latent["x_Intercept"]) == (P.Normal(0, 4), P.Normal(7, 8))
    assert (latent["y_sd_g[Intercept]"], latent["x_sigma"]) == (P.HalfNormal(2), P.HalfNormal(9))
    assert latent["y_loading_u"] == P.Normal(0, 6) != latent["x_loading_u"]


def test_a_prior_of_one_slope_leaves_the_other_its_default():
    given = written(confounded(), {"x": P.Normal(0, 3)})
    plain = written(confounded())
    assert given["latent Mundlak"].priors["y_x"] == given["naive"].priors["x"] == P.Normal(0, 3)
    assert given["naive"].priors["z"] == plain["naive"].priors["z"] != P.Normal(0, 3)
    spelt_out = written(confounded(), {"y_x": P.Normal(0, 3)})
    assert spelt_out["latent Mundlak"].priors["y_x"] == P.Normal(0, 3)
    assert spelt_out["naive"].priors == plain["naive"].priors


def test_a_prior_that_no_model_takes_is_refused():
    with refused("unknown-parameter", match=r"no parameter 'sdg' .*\n.*naive.*\nDid you mean 'sd_g'"):
        written(confounded(), {"sdg": P.Exponential(1)})
    with refused("unknown-parameter", match="no parameter 'sd'"):
        written(confounded(), {"sd": P.Exponential(1)}, ["naive"])
    with refused("prior-support"):
        written(confounded(), {"b": P.Exponential(1)})
    with refused("priors-not-named"):
        sl.confounding.compare(confounded(), *COLUMNS, priors=[P.Normal(0, 1)])


# The table


def test_the_table_describes_the_draws(compared):
    table = compared.table
    assert list(table.index) == [(effect, name) for effect in ("x", "z") for name in FIVE]
    lines = ["mean", "sd", "eti90_lb", "eti90_ub", "prior_sd", "truth", "error", "holds_truth", "identified"]
    assert list(table.columns) == lines
    for (effect, name), row in table.iterrows():
        fit = compared.fits[name]
        draws = fit.tree["posterior"][compared.coefficients[effect][name]].values
        assert row["mean"] == pytest.approx(draws.mean()) and row["sd"] == pytest.approx(draws.std())
        bounds = np.quantile(draws, [0.05, 0.95])
        assert [row["eti90_lb"], row["eti90_ub"]] == pytest.approx(list(bounds))
        assert row["prior_sd"] == fit.model.priors[compared.coefficients[effect][name]].sigma
    assert compared.coefficients["x"] == dict.fromkeys(FIVE, "x") | {"latent Mundlak": "y_x"}
    assert "logit" in table.attrs["scale"] and "25 groups of g" in table.attrs["population"]


def test_truth_is_the_simulations_and_is_found(compared):
    table = compared.table
    assert table.loc["x", "truth"].eq(1.0).all() and table.loc["z", "truth"].eq(-0.5).all()
    assert np.allclose(table["error"], table["mean"] - table["truth"])
    inside = (table["eti90_lb"] <= table["truth"]) & (table["truth"] <= table["eti90_ub"])
    assert (table["holds_truth"] == inside).all()
    for effect in ("x", "z"):
        for name in ("Mundlak", "latent Mundlak"):
            row = table.loc[(effect, name)]
            assert abs(row["error"]) < 3 * row["sd"]
    assert table.at[("x", "naive"), "error"] > 2 * table.at[("x", "naive"), "sd"]


def test_truth_can_be_given_in_part_or_be_unknown(compared):
    data, unknown = confounded(), pd.DataFrame(confounded().to_dict("list"))
    given = RUN | {"estimators": "naive"}
    none = sl.confounding.compare(unknown, *COLUMNS, **given)
    assert list(none.table.columns)[-2:] == ["prior_sd", "identified"] and none.truth == {}
    assert none.plot().numbers["truth"].isna().all()
    half = sl.confounding.compare(data, *COLUMNS, truth={"x": 1.5}, **given)
    assert half.table["truth"].tolist()[0] == 1.5 and half.table["holds_truth"].isna().tolist() == [
        False,
        True,
    ]
    assert (
        none.table["mean"].tolist()
        == half.table["mean"].tolist()
        == (compared.table.xs("naive", level="estimator")["mean"].tolist())
    )


def test_the_interval_is_the_one_asked_for(compared):
    narrow = sl.confounding.compare(confounded(), *COLUMNS, prob=0.5, estimators=["Mundlak"], **RUN)
    assert {"eti50_lb", "eti50_ub"} < set(narrow.table) and {"eti50_lb", "eti50_ub"} < set(narrow.evidence)
    assert "(50% " in narrow.words["Mundlak"] and "eti50_lb" in narrow.plot().numbers
    assert narrow.table.at[("x", "Mundlak"), "mean"] == compared.table.at[("x", "Mundlak"), "mean"]


def test_without_a_trait_of_the_groups_there_is_one_effect():
    one = sl.confounding.compare(confounded(), "y", "x", "g", estimators=["naive", "fixed effects"], **RUN)
    assert list(one.table.index) == [("x", "naive"), ("x", "fixed effects")]
    assert "cannot be told from" not in str(one) and len(one.evidence) == 0
    assert one.table["identified"].tolist() == ["unless confounded", "yes"]


# What is identified


def test_fixed_effects_say_of_the_groups_trait_what_was_put_in(compared):
    row = compared.table.loc[("z", "fixed effects")]
    assert row["sd"] > 0.7 * row["prior_sd"] and row["identified"] == "no"
    assert "z cannot be told from the groups' coefficients" in compared.words["fixed effects"]
    others = compared.table.loc["z", "identified"].drop(["fixed effects", "naive"])
    assert others.eq("yes").all()


@pytest.mark.parametrize(("sd", "what"), [(0.9, "is its prior over again"), (0.3, "taken as known (10)")])
def test_whether_that_is_the_prior_is_decided_by_its_sd(compared, sd, what):
    data = asked(confounded())
    table = compared.table.copy()
    table.loc[("z", "fixed effects"), ["sd", "prior_sd"]] = [sd, 1.0]
    told = words_of(compared, data, table=table)
    assert what in told["fixed effects"]


def words_of(comparison, data, **changed):
    design = models.outcome_design(data, comparison.fits["naive"].model)
    kept = {name: getattr(comparison, name) for name in ("table", "evidence", "diagnoses", "prob")}
    of_data = {"facts": facts.facts_of(data, design), "trait_family": "gaussian", "chance": True}
    return made.narrative(made.Narrative(**({"question": data, "known_sd": 10.0} | of_data | kept | changed)))


def test_evidence_is_the_coefficient_of_means_and_the_product_of_loadings(compared):
    found = compared.evidence
    draws = compared.fits["Mundlak"].tree["posterior"]["group_mean(x, g)"].values
    assert found.at["Mundlak", "mean"] == pytest.approx(draws.mean())
    latent = compared.fits["latent Mundlak"].tree["posterior"]
    product = (latent["x_loading_u"] * latent["y_loading_u"]).values
    assert found.at["latent Mundlak", "sd"] == pytest.approx(product.std())
    assert (latent["x_loading_u"].values >= 0).all()
    assert found["away_from_0"].all() and (found["eti90_lb"] > 0).all()
    assert "away from 0: a confound" in compared.words["latent Mundlak"]


def test_without_a_confound_there_is_no_sign_of_one():
    data = confounded(y_loading=0.0)
    clean = sl.confounding.compare(data, *COLUMNS, estimators=["naive", "Mundlak"], **RUN)
    assert not clean.evidence["away_from_0"].any()
    assert clean.table.at[("x", "naive"), "identified"] == "unless confounded"
    assert "no sign of a confound, which does not rule one out" in clean.words["Mundlak"]


def test_an_effect_of_which_the_rows_say_nothing_is_not_identified(compared):
    tight = {"b": P.Normal(0, 0.01)}
    alone = sl.confounding.compare(confounded(), *COLUMNS, priors=tight, estimators="naive", **RUN)
    assert alone.table["identified"].eq("no").all()
    assert "Its posterior of x" in alone.words["naive"] and "the prior over again" in alone.words["naive"]
    fixed = {"z": P.Fixed(0.0)}
    without = sl.confounding.compare(confounded(), *COLUMNS, priors=fixed, estimators="naive", **RUN)
    assert without.table.at[("z", "naive"), "identified"] == "no"
    assert "z is fixed by its prior." in without.words["naive"]


@pytest.mark.parametrize(
    ("prior", "sd"),
    [
        (P.Normal(3, 2), 2.0),
        (P.Laplace(0, 1), np.sqrt(2)),
        (P.StudentT(4, 0, 3), 3 * np.sqrt(2)),
        (P.StudentT(2, 0, 3), np.nan),
        (P.Fixed(3), 0.0),
        (P.Shrunk(0, 1), np.nan),
    ],
    ids=str,
)
def test_sds_of_priors(prior, sd):
    assert evidence.prior_sd(prior) == pytest.approx(sd, nan_ok=True)


def test_gaussian_rows_give_the_within_estimator():
    """Mundlak (1978): with the groups' means, the trait's coefficient is that within groups."""
    data = confounded(groups=30, rows=300)
    rng = np.random.default_rng(8)
    u = np.array(data.attrs["truth"]["latent_u"])[data["g"]]
    data["y"] = data["x"] - 0.5 * data["z"] + 2 * u + rng.normal(size=300)
    run = RUN | {"draws": 1000, "estimators": ["fixed effects", "multilevel", "Mundlak"]}
    found = sl.confounding.compare(data, *COLUMNS, family="gaussian", **run)
    x, y = (data[name] - data.groupby("g")[name].transform("mean") for name in ("x", "y"))
    within = (x * y).sum() / (x**2).sum()
    for name in ("fixed effects", "Mundlak"):
        row = found.table.loc[("x", name)]
        assert abs(row["mean"] - within) < 0.15 * row["sd"]
    assert "Neyman" not in found.words["fixed effects"] and "identity" in found.table.attrs["scale"]
    assert found.table.at[("x", "multilevel"), "mean"] > found.table.at[("x", "Mundlak"), "mean"]


# Words


def test_words_have_the_figures_of_the_rows(compared):
    data = confounded()
    said, sizes = compared.words, data.groupby("g").size()
    assert list(said) == ["", *FIVE] and "25 groups of g" in said[""]
    assert f"With {sizes.median():g} rows a group (median)" in said["fixed effects"]
    ends = data.groupby("g")["y"].mean().isin([0, 1]).sum()
    assert f"with all of y at one end, {ends} of them" in said["fixed effects"]
    assert f"of {sizes.median():g} rows (median)" in said["Mundlak"]
    mean = compared.evidence.at["Mundlak", "mean"]
    assert f"Between minus within: {mean:.3g}" in said["Mundlak"] or f"{mean:.2g}" in said["Mundlak"]
    assert "gaussian rows" in said["latent Mundlak"]


def test_print_has_the_table_and_all_words(compared):
    text = str(compared)
    flat = " ".join(text.split())
    assert repr(compared.table.round(2)) in text
    for name, words in compared.words.items():
        assert (f"{name}: {words}" if name else words) in flat
    assert max(map(len, text.split("\n\n")[-1].splitlines())) <= 110
    assert "5 models" in repr(compared)


def test_large_groups_and_narrow_traits_are_said(compared):
    data = asked(confounded())
    design = models.outcome_design(data, compared.fits["naive"].model)
    figures = dataclasses.replace(facts.facts_of(data, design), median=80.0, within_share=0.02, alike=0)
    told = words_of(compared, data, facts=figures)["fixed effects"]
    assert "little is left of the push" in told and "2% of its variance" in told
    assert "So small a share" in told and "at one end" not in told


def test_a_groups_trait_that_goes_with_the_trait_is_said(compared):
    data = asked(confounded())
    design = models.outcome_design(data, compared.fits["naive"].model)
    tied = dataclasses.replace(facts.facts_of(data, design), correlation=0.6)
    assert "correlate with z by 0.60" in words_of(compared, data, facts=tied)[""]
    modelled = asked(confounded(), trait_covariates=["z"])
    told = words_of(compared, modelled, facts=tied)
    assert "correlate" not in told[""] and "its model of x given z" in told["latent Mundlak"]


@pytest.mark.parametrize("by_z", [1.5, 0.0])
def test_the_groups_trait_given_means_that_it_moves_is_not_its_effect(by_z):
    rng = np.random.default_rng(4)
    u, z, g = rng.normal(size=60), rng.normal(size=60), np.repeat(np.arange(60), 10)
    x = u[g] + by_z * z[g] + rng.normal(size=600)
    y = x - 0.5 * z[g] + 2 * u[g] + rng.normal(size=600)
    data = pd.DataFrame({"y": y, "x": x, "z": z[g], "g": g})
    run = RUN | {"draws": 400, "family": "gaussian", "truth": {"x": 1.0, "z": -0.5}}
    found = sl.confounding.compare(data, *COLUMNS, estimators=["Mundlak", "latent Mundlak"], **run)
    wide = 4 * found.table.at[("z", "Mundlak"), "sd"]
    moved = found.table.loc["z", "identified"]
    assert found.table.at[("x", "Mundlak"), "identified"] == "yes"
    said = "both z and u move them" in found.words["Mundlak"]
    if not by_z:
        assert abs(found.table.at[("z", "Mundlak"), "error"]) < wide and moved.eq("yes").all() and not said
        return
    # Given the means, which are u + 1.5 z, the coefficient of z is -0.5 - 2 * 1.5 but for their error.
    assert found.table.at[("z", "Mundlak"), "error"] < -wide and moved.eq("unless z moves x").all() and said
    given_z = sl.confounding.compare(
        data, *COLUMNS, trait_covariates=["z"], estimators=["Mundlak", "latent Mundlak"], **run
    )
    assert given_z.table.loc["z", "identified"].tolist() == ["unless z moves x", "yes"]
    latent = given_z.table.loc[("z", "latent Mundlak")]
    assert abs(latent["error"]) < 3 * latent["sd"]


def test_a_fit_that_cannot_be_trusted_is_named(compared, monkeypatch):
    broken = Diagnosis((Finding("convergence", "error", "R-hat 1.9 of x.", "Draw more."),), "")
    doubted = ["Mundlak", "latent Mundlak"]

    def diagnose(fit):
        name = next(name for name, own in compared.fits.items() if own is fit)
        return broken if name in doubted else Diagnosis((), "")

    def again():
        return made.compared(asked(confounded()), compared.fits, "gaussian", {}, 0.9)

    monkeypatch.setattr(sl.Fit, "diagnose", diagnose)
    found = again()
    assert not found.trustworthy
    assert found.words["Mundlak"].startswith("Do not trust these draws (convergence: R-hat 1.9 of x.) The ")
    assert "\nMundlak: Do not trust these draws" in str(found)
    assert found.plot().caption.endswith("Draws that cannot be trusted: Mundlak, latent Mundlak.")
    # What they say of a confound is no evidence.
    assert found.evidence["away_from_0"].all()
    assert found.table.at[("x", "naive"), "identified"] == "unless confounded"
    doubted.clear()
    sound = again()
    assert sound.trustworthy and "trust" not in str(sound) + sound.plot().caption
    x = sound.table.loc["x", "identified"]
    assert x["naive"] == x["multilevel"] == "confounded" and x.drop(["naive", "multilevel"]).eq("yes").all()


# Figures of the rows


def test_facts_of_a_balanced_layout_are_those_of_the_analysis_of_variance():
    rng = np.random.default_rng(5)
    means, size = rng.normal(size=8), 5
    inside = rng.normal(size=(8, size))
    x = means[:, None] + inside
    y = (np.arange(40) % 3 == 0).astype(int)
    y[:5], y[5:10] = 0, 1
    z = rng.normal(size=8)
    data = pd.DataFrame({"y": y, "x": x.ravel(), "z": np.repeat(z, size), "g": np.repeat(np.arange(8), size)})
    own = asked(data)
    found = facts.facts_of(own, written(data, estimators=["naive"])["naive"].design)
    within = x.var(axis=1, ddof=1).mean()
    between = x.mean(1).var(ddof=1) - within / size
    assert (found.groups, found.median, found.alike) == (8, 5, 2)
    assert found.within_share == pytest.approx(within / (within + between))
    assert found.reliability == pytest.approx(between / (between + within / size))
    assert found.correlation == pytest.approx(np.corrcoef(x.mean(1), z)[0, 1])
    for correlation, tied in ((0.72, True), (-0.72, True), (0.7, False), (np.nan, False)):  # 2 / sqrt(8)
        assert dataclasses.replace(found, correlation=correlation).tied is tied


# Pictures


def test_the_picture_draws_the_table(compared):
    picture = compared.plot()
    drawn = picture.numbers.set_index(["quantity", "fit"])
    for column in ("mean", "sd", "eti90_lb", "eti90_ub", "truth"):
        assert np.allclose(drawn.loc[compared.table.index, column], compared.table[column])
    assert len(picture.figure.axes) == 2 and "Green: the truth." in picture.caption


# Names


def test_names_that_a_formula_cannot_write_and_a_column_called_like_the_latent(compared):
    odd = {"y": "the outcome", "x": "x.1", "g": "2nd/group", "z": "class"}
    data = confounded().rename(columns=odd).assign(u=1.0)
    run = RUN | {"estimators": ["Mundlak", "latent Mundlak"]}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = sl.confounding.compare(data, *odd.values(), truth={"x.1": 1.0, "class": -0.5}, **run)
    same = compared.table.loc[[(e, n) for e in ("x", "z") for n in run["estimators"]]]
    assert found.table["mean"].to_numpy() == pytest.approx(same["mean"].to_numpy())
    assert list(found.table.index.get_level_values("effect")) == ["x.1", "x.1", "class", "class"]
    assert "latent(u0 | `2nd/group`)" in found.fits["latent Mundlak"].model.specification.text
    assert set(found.plot().numbers["quantity"]) == {"x.1", "class"}
    assert "u0 is what the 25 groups of 2nd/group differ in" in str(found)


def test_any_table_that_can_be_read_will_do(tmp_path):
    data = confounded()
    data.to_csv(tmp_path / "t.csv", index=False)
    for source in (data, {name: data[name].to_numpy() for name in data}, tmp_path / "t.csv"):
        own = asked(source)
        assert np.allclose(own.frame[data.columns].to_numpy(float), data.to_numpy(float))
        assert own.labels.tolist() == list(range(25)) and (own.index == data["g"]).all()


# Refusals


def varying(data):
    data.loc[[0, 299], "z"] += 1
    return data


def of_groups(data):
    return data.assign(x=data["z"] * 2)


WRONG_TABLES = {
    "g": (lambda d: d.drop(columns="g"), DataError, "no column 'g'"),
    "z": (varying, DataError, "'z' varies within 2 of 25 groups of 'g': 0, 24"),
    "x": (of_groups, DataError, "'x' is constant within each of the 25 groups"),
    "mean": (
        lambda d: d.assign(z=3 - 2 * d.groupby("g")["x"].transform("mean")),
        DataError,
        "'z' and the mean of 'x' over each group are the same but for their units",
    ),
    "one": (lambda d: d.assign(g=1), DataError, "one group, 1"),
    "rows": (lambda d: d.assign(g=np.arange(len(d))), DataError, "its own group of 'g'"),
    "text": (lambda d: d.assign(x="a"), DataError, "trait 'x' holds categories"),
    "gap": (lambda d: d.assign(x=d["x"].where(d.index > 3)), DataError, "4 missing"),
    "counts": (lambda d: d.assign(y=d["y"] * 2), DataError, "other than 0 and 1"),
}


@pytest.mark.parametrize("kind", WRONG_TABLES)
def test_tables_that_allow_no_comparison_are_refused_before_anything_is_compiled(kind, monkeypatch):
    change, error, message = WRONG_TABLES[kind]
    with used_kernels(monkeypatch) as used, pytest.raises(error, match=message):
        sl.confounding.compare(change(confounded()), *COLUMNS)
    assert used == []


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"trait": "y"}, "'y' is given twice, as outcome and as trait"),
        ({"group_trait": "x"}, "'x' is given twice, as trait and as group_trait"),
        ({"covariates": ["z"]}, "'z' is given twice, as group_trait and as covariates"),
        ({"trait_covariates": ["x"]}, "'x' is given twice, as trait and as trait_covariates"),
        ({"covariates": 3}, "covariates=3"),
        ({"trait": "x`"}, "trait is 'x`'"),
        ({"group": 3}, "group is 3"),
        ({"estimators": "mundlak"}, "Did you mean 'Mundlak'"),
        ({"estimators": 3}, "no estimator 3"),
        ({"estimators": ()}, "No estimators"),
        ({"truth": {"w": 1.0}}, "truth of 'w' is given, which is not compared"),
        ({"truth": {"x": np.nan}}, "truth of 'x' is nan"),
        ({"truth": [1.0]}, "A mapping from columns"),
        ({"prob": 1.5}, "prob=1.5"),
        ({"family": "bernouli"}, "bernouli"),
        ({"draws": 1}, "draws"),
    ],
    ids=str,
)
def test_what_cannot_be_asked_is_refused_before_anything_is_compiled(given, message, monkeypatch):
    columns = {"outcome": "y", "trait": "x", "group": "g", "group_trait": "z"}
    with used_kernels(monkeypatch) as used, pytest.raises((ModelError, FormulaError), match=message):
        sl.confounding.compare(confounded(), **(columns | given))
    assert used == []


def test_a_trait_of_groups_has_models_that_do_not_look_within_them():
    data = confounded()
    data["x"] = data.groupby("g")["x"].transform("mean")
    with refused(
        "constant-within-levels", match="group_trait beside a trait of the rows.*\\['naive', 'multilevel'\\]"
    ):
        asked(data, ["naive", "Mundlak"])
    assert set(written(data, estimators=["naive", "multilevel"])) == {"naive", "multilevel"}


def test_the_package_is_found_from_shoal():
    assert "confounding" in dir(sl) and sl.confounding.Comparison is made.Comparison
