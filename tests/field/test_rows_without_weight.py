"""Rows that count for nothing (of weight 0, outside a subset, without a response) are asked of everything.

A fit with such rows is that of the others: what it answers is what a fit of the table without them does.
"""

import numpy as np
import pandas as pd
import pytest

import shoal as sl

RUN = {"draws": 60, "chains": 2, "seed": 1, "progress": False}


def table(count=60):
    rng = np.random.default_rng(3)
    data = pd.DataFrame({"g": np.resize(list("abcdef"), count), "x": rng.normal(size=count)})
    data["h"], data["c"] = rng.choice(["u", "v"], count), rng.choice(["p", "q", "r"], count)
    data["y"] = 0.5 * data["x"] + rng.normal(0, 0.7, 6)[np.arange(count) % 6] + rng.normal(size=count)
    data["other"], data["w"] = rng.normal(size=count), 1.0
    outside = np.arange(count) % 4 == 0  # the first row, too
    outside |= (data["g"] == "f").to_numpy()  # and all of a level
    data["w"] = np.where(outside, 0.0, 1.0)
    data["there"] = ~outside
    return data


def lacking(data):
    """Return the table without what rows outside a subset need not have."""
    return data.assign(**{name: data[name].where(data["there"]) for name in ("y", "x", "h", "c")})


KINDS = ["weight", "subset", "missing"]


@pytest.fixture(scope="module", params=KINDS)
def fit(request):
    data = table()
    if request.param == "weight":
        return sl.Model("y | weights(w) ~ x + h + (1 + x | g)", data).fit(**RUN)
    if request.param == "missing":
        return sl.Model("y | mi() ~ x + h + (1 + x | g)", data.assign(y=lacking(data)["y"])).fit(**RUN)
    pair = [
        sl.Response("y | subset(there) ~ x + h + c + (1 + x | g)", "gaussian"),
        sl.Response("other ~ 1 + (1 | g)", "gaussian"),
    ]
    return sl.Model(pair, lacking(data)).fit(**RUN)


def several(fit):
    return len(fit.model.specification.designs) > 1


@pytest.mark.parametrize("question", ["outcomes", "data", "shrinkage", "ppc", "effect"])
def test_pictures_are_drawn_of_the_rows_that_count(fit, question):
    asked = {"x": "x"} if question == "effect" else {}
    if several(fit) and question != "ppc":
        asked |= {"group": "y_g"} if question == "shrinkage" else {"response": "y"}
    picture = getattr(fit.plot, question)(**asked)
    if question in ("outcomes", "data"):
        assert picture.numbers.iloc[:, 0].tolist() == list("abcde")
        assert picture.numbers.notna().all().all()


def test_groups_that_rows_do_not_name_are_left_out():
    pair = [sl.Response("y | subset(there) ~ c + (1 | g)"), sl.Response("other ~ 1 + (1 | g)")]
    fit = sl.Model(pair, lacking(table())).fit(**RUN)
    for picture in (fit.plot.data(by="c", response="y"), fit.plot.outcomes("c", response="y")):
        assert picture.numbers["c"].tolist() == list("pqr")


def test_loo_r2_is_of_the_rows_that_count():
    data, run = table(), RUN | {"draws": 500}
    whole = sl.Model("y | weights(w) ~ x", data).fit(**run)
    found = whole.r2(loo=True, seed=1)
    alone = sl.Model("y ~ x", data[data["there"]]).fit(**run).r2(loo=True, seed=1)
    np.testing.assert_allclose(found.table["mean"], alone.table["mean"], atol=0.01)


def test_folds_are_stratified_by_the_rows_that_count():
    data = table().assign(w=lambda d: np.where(np.arange(60) < 15, 0.0, 1.0), s=np.repeat(list("ab"), 30))
    model = sl.Model("y | weights(w) ~ x + s", data)
    score = sl.kfold(model, 5, stratify="s", draws=20, chains=1, seed=1, progress=False)
    stratum = data["s"].to_numpy()[15:]
    assert set(pd.crosstab(stratum, score.pointwise["fold"]).loc["a"]) == {3}


@pytest.mark.parametrize("formula", ["y ~ x + (1 + x | g)", "y ~ x + (1 | g)"])
def test_variances_are_averaged_over_the_rows_that_count(formula):
    data = table()
    data.loc[data.index[data["there"]][0], "x"] = 6.0  # of the row whose values stand for those outside
    pair = [
        sl.Response(formula.replace("y ~", "y | subset(there) ~"), predictors={"sigma": "~ x"}),
        sl.Response("other ~ 1"),
    ]
    shares = sl.Model(pair, lacking(data)).fit(**RUN).variance_partition(response="y")
    model = sl.Model(formula, data[data["there"]], predictors={"sigma": "~ x"})
    np.testing.assert_allclose(shares["sd"], model.fit(**RUN).variance_partition()["sd"], rtol=0.25)


def test_new_rows_with_gaps_are_nan_where_the_first_row_is_outside(fit):
    new = table().head(3).assign(x=[0.0, np.nan, 1.0])
    asked = {"response": "y"} if several(fit) else {}
    with pytest.warns(sl.errors.ShoalWarning, match="missing"):
        predicted = fit.predict(new, **asked)
    assert np.isnan(predicted.values).all(axis=(0, 1)).tolist() == [False, True, False]


def test_levels_at_an_edge_are_those_of_the_rows_that_count():
    data = table().assign(b=lambda d: (d["y"] > 0).astype(int))
    data.loc[data["g"] == "a", "b"] = np.where(data["there"], 1, 0)[data["g"] == "a"]
    weighted = sl.Model("b | weights(w) ~ 1 + (1 | g)", data, "bernoulli").fit(**RUN)
    subset = [sl.Response("b | subset(there) ~ 1 + (1 | g)", "bernoulli"), sl.Response("other ~ 1")]
    joint = sl.Model(subset, data).fit(**RUN)
    for effects in (weighted.effects("g"), joint.effects("g")):
        assert effects.set_index("g")["at_edge"].loc[["a", "f"]].tolist() == [True, False]


def test_a_file_keeps_what_is_missing_outside_a_subset(tmp_path):
    data = lacking(table())
    data["k"] = pd.Categorical.from_codes(np.where(data["there"], np.arange(60) % 3, -1), [1, 2, 3])
    pair = [sl.Response("y | subset(there) ~ k + c + (1 | g)"), sl.Response("other ~ 1")]
    fit = sl.Model(pair, data).fit(**RUN)
    fit.save(tmp_path / "fit.nc")
    frame = sl.load(tmp_path / "fit.nc").model.specification.table.frame
    for name in ("k", "c"):
        assert frame[name].isna().equals(data[name].isna())
        assert frame[name].dropna().tolist() == data[name].dropna().tolist()
    assert frame["k"].cat.categories.tolist() == [1, 2, 3]


def test_folds_with_a_predicted_sigma_are_those_of_the_rows_that_count():
    data = table()
    asked = {"draws": 400, "chains": 2, "seed": 1, "progress": False}
    with_rows = sl.Model("y | weights(w) ~ x", data, predictors={"sigma": "~ x"})
    without = sl.Model("y ~ x", data[data["there"]], predictors={"sigma": "~ x"})
    scores = [sl.kfold(model, 3, **asked) for model in (with_rows, without)]
    assert abs(scores[0].elpd - scores[1].elpd) < 0.5


def test_far_rows_without_weight_change_neither_shares_nor_grids():
    data = table()
    far = data.head(6).assign(x=100.0, w=0.0, y=np.nan)
    whole = pd.concat([data[data["there"]], far], ignore_index=True)
    asked = {"draws": 300, "chains": 2, "seed": 1, "progress": False}
    alone = sl.Model("y ~ x + (1 + x | g)", data[data["there"]]).fit(**asked)
    for formula, own in (("y | weights(w)", whole.fillna({"y": 0.0})), ("y | mi()", whole)):
        fit = sl.Model(f"{formula} ~ x + (1 + x | g)", own).fit(**asked)
        np.testing.assert_allclose(fit.variance_partition()["sd"], alone.variance_partition()["sd"], rtol=0.2)
        assert fit.effect("x", points=3).table["x"].equals(alone.effect("x", points=3).table["x"])
