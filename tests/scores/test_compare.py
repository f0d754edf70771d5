"""`sl.compare`: the order, the differences, the weights, what is refused, and what is printed.

These are laws of the scores' pointwise tables, whatever made them: draws from priors, or numbers by hand.
"""

import warnings

import arviz_stats
import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize_scalar

import shoal as sl
from plots.made_fits import TWO, made, model, table
from refusals import refused
from shoal import priors as P
from shoal.errors import ModelError, ShoalWarning
from shoal.fit import many
from shoal.scores.compare import compared
from shoal.scores.loo import Loo, loo
from shoal.scores.loo.units import units_of

OLD_PANDAS = pytest.mark.filterwarnings("ignore:The inplace keyword:DeprecationWarning")  # arviz-stats 0.8
SIGMA, SLOPE = {"sigma": P.Gamma(mu=2, sigma=0.2)}, {"x": P.Normal(0, 0.3)}
LOW = {"Intercept": P.Normal(2, 0.5), **SIGMA}
SD = {"sd": P.Exponential(2)}


@pytest.fixture(scope="module")
def fits():
    """Return three fits of one response."""
    return {
        "plain": made(model("y ~ 1 + (1 | g) + (1 | h)", priors=LOW | SD)),
        "slope": made(model("y ~ x + (1 | g) + (1 | h)", priors=LOW | SLOPE | SD)),
        "zero": made(model("y ~ 0 + x + (1 | g) + (1 | h)", priors=SIGMA | SLOPE | SD)),
    }


@pytest.fixture(scope="module")
def binomial():
    text = "k | trials(m) ~ 1 + (1 | g)"
    priors = {"wide": {}, "narrow": {"sd_g": P.HalfNormal(0.1), "Intercept": P.Normal(-0.4, 0.1)}}
    return {name: made(model(text, "binomial", priors=own)) for name, own in priors.items()}


def score(elpd, unit="row", k=0.1, fold=None, n=None, names=None, advice=""):
    """Return a score of these log densities."""
    elpd = np.asarray(elpd, float)
    columns = {
        "n": np.ones(len(elpd), int) if n is None else n,
        "elpd": elpd,
        "within": elpd + 0.5 if fold is None else np.nan,
        "pareto_k": k if fold is None else np.nan,
        "mcse": 0.01,
        "predicted": np.nan,
        "method": "psis" if fold is None else "refit",
        "integral": "none",
        "integral_error": 0.0,
    }
    folds = 0 if fold is None else len(np.unique(fold))
    columns |= {} if fold is None else {"fold": fold}
    index = pd.Index(np.arange(len(elpd)) if names is None else names, name=unit)
    return Loo(unit, "The question: which.", pd.DataFrame(columns, index=index), 400, 0.6, advice, folds)


def apart(difference, error, size=200):
    """Return two scores whose elpd differs by `difference`, with that standard error."""
    rng = np.random.default_rng(4)
    first, noise = rng.normal(-2, 1, (2, size))
    noise -= noise.mean()
    noise *= error / np.sqrt(size / (size - 1) * (noise**2).sum())
    return {"a": score(first), "b": score(first - difference / size + noise)}


def scores(differences, size=150):
    """Return scores whose elpd is by so much higher than that of a first one."""
    first = np.random.default_rng(6).normal(-2, 1, size)
    return {str(i): score(first + difference / size) for i, difference in enumerate(differences)}


# Differences


@pytest.mark.parametrize("unit", ["row", "h", "g"])
def test_models_stand_by_their_scores_and_differ_by_the_differences_of_their_units(fits, unit):
    found = sl.compare(fits, unit)
    own = {name: fit.results for name, fit in fits.items()}
    loos = {name: loo(results, unit) for name, results in own.items()}
    pointwise = {name: loo.pointwise["elpd"].to_numpy() for name, loo in loos.items()}
    order = sorted(pointwise, key=lambda name: -pointwise[name].sum())
    assert list(found.table.index) == order == list(found.scores)
    assert found.unit == unit and order != sorted(fits)
    for name in order:
        away = pointwise[name] - pointwise[order[0]]
        row = found.table.loc[name]
        expected = [pointwise[name].sum(), away.sum(), np.sqrt(len(away) * away.var(ddof=1))]
        np.testing.assert_allclose(row[["elpd", "elpd_diff", "diff_se"]], expected, atol=1e-12)
        expected = [loos[name].se, loos[name].p, len(loos[name].bad), 0]
        np.testing.assert_allclose(row[["se", "p", "bad_k", "refits"]], expected)
    assert (found.table["elpd_diff"] <= 0).all() and found.table["elpd_diff"].iloc[0] == 0


def test_trials_that_are_alike_count_as_often_as_they_occur(binomial):
    found = sl.compare(binomial, "trial")
    each = [
        np.repeat(s.pointwise["elpd"].to_numpy(), s.pointwise["n"].to_numpy()) for s in found.scores.values()
    ]
    away = each[1] - each[0]
    assert len(away) == table()["m"].sum()
    expected = [away.sum(), np.sqrt(len(away) * away.var(ddof=1))]
    np.testing.assert_allclose(found.table.iloc[1][["elpd_diff", "diff_se"]].astype(float), expected)
    assert found.left_out == "150 trials left out one by one."


def test_equal_models_do_not_differ_and_are_not_told_apart(fits):
    found = sl.compare({"one": fits["plain"], "two": fits["plain"]})
    assert (found.table[["elpd_diff", "diff_se"]] == 0).all(axis=None)
    np.testing.assert_allclose(found.table["weight"], 0.5, atol=1e-6)
    assert found.verdict.endswith("'one' has the highest elpd. These data do not tell it from 'two'.")
    doubted = any(not score.ok for score in found.scores.values())
    assert found.verdict.startswith("Not to be relied on") == doubted


@pytest.mark.parametrize(
    ("difference", "error", "worse"),
    [(3.9, 0.1, False), (4.1, 0.1, True), (9.9, 5, False), (10.1, 5, True)],
)
def test_a_model_is_worse_beyond_two_standard_errors_and_four(difference, error, worse):
    found = compared(apart(difference, error))
    row = found.table.loc["b"]
    np.testing.assert_allclose([row["elpd_diff"], row["diff_se"]], [-difference, error])
    assert ("Worse: 'b'" in found.verdict) == worse
    assert ("These data do not tell it from 'b'" in found.verdict) == (not worse)


def test_a_score_stands_for_its_fit(fits):
    score = loo(fits["slope"].results, "h")
    whole, mixed = (sl.compare({"zero": fits["zero"], "x": x}, "h") for x in (fits["slope"], score))
    pd.testing.assert_frame_equal(whole.table, mixed.table)
    pd.testing.assert_frame_equal(sl.compare(whole.scores).table, whole.table)  # whatever `unit` is


def test_units_are_matched_by_name_where_their_order_differs():
    """Levels of a factor stand in the order of its categories, those of a plain column sorted."""
    data = table()
    names = [f"level {i}" for i in data["h"]]
    data["h"] = pd.Categorical(names, [f"level {i}" for i in (2, 0, 1)])
    pair = {
        "factor": made(model("y ~ x + (1 | h)", data=data, priors=LOW | SLOPE | SD)),
        "column": made(model("y ~ h", data=data, priors=LOW | {"b": P.Normal(0, 0.3)})),
    }
    found = sl.compare(pair, "h")
    own = [found.scores[name].pointwise["elpd"] for name in ("factor", "column")]
    pd.testing.assert_index_equal(own[0].index, own[1].index)
    alone = {name: loo(fit.results, "h").pointwise["elpd"] for name, fit in pair.items()}
    away = alone["column"] - alone["factor"]  # pandas matches names
    second = found.table.iloc[1]
    np.testing.assert_allclose([abs(away.sum()), abs(second["elpd_diff"])], -second["elpd_diff"])
    np.testing.assert_allclose(second["diff_se"], np.sqrt(3 * away.var(ddof=1)))


# Weights


def test_stacking_finds_the_mixture_that_predicts_best():
    a, b = np.random.default_rng(2).normal([[-2.0], [-1.9]], 1, (2, 80))
    weight = compared({"a": score(a), "b": score(b)}).table["weight"]

    def loss(w):
        return -np.log(w * np.exp(a) + (1 - w) * np.exp(b)).sum()

    best = minimize_scalar(loss, bounds=(0, 1), method="bounded", options={"xatol": 1e-8}).x
    assert 0.1 < best < 0.9
    np.testing.assert_allclose(weight[["a", "b"]], [best, 1 - best], atol=2e-3)


def test_pseudo_bma_weighs_each_model_by_its_score():
    given = apart(1.5, 1) | {"c": score(apart(1.5, 1)["a"].pointwise["elpd"] - 0.01)}
    found = compared(given, "pseudo-bma")
    raw = np.exp([given[name].elpd - given["a"].elpd for name in "abc"])
    np.testing.assert_allclose(found.table["weight"][list("abc")], raw / raw.sum())
    assert found.method == "pseudo-bma" and "Weights by pseudo-bma." in str(found)


@pytest.mark.parametrize("method", ["stacking", "bb-pseudo-bma", "pseudo-bma"])
def test_weights_sum_to_one_and_outlive_densities_that_underflow(method):
    rng = np.random.default_rng(3)
    a, b, shift = rng.normal(-2, 1, (2, 60)), rng.normal(-2, 1, (2, 60)), rng.uniform(-3000, -1000, 60)
    near = compared({"a": score(a[0]), "b": score(b[0])}, method).table["weight"]
    far = compared({"a": score(a[0] + shift), "b": score(b[0] + shift)}, method).table["weight"]
    np.testing.assert_allclose(near.sum(), 1)
    np.testing.assert_allclose(far[near.index], near, atol=1e-6)
    # Each has units that it gives no chance at all.
    torn = compared({"a": score(1000 * a[1]), "b": score(1000 * b[1])}, method).table["weight"]
    assert np.isfinite(torn).all() and (torn > -1e-12).all()
    np.testing.assert_allclose(torn.sum(), 1)


@OLD_PANDAS
@pytest.mark.parametrize("unit", ["row", "h", "trial"])
def test_arviz_stats_compares_the_same_scores_alike(fits, binomial, unit):
    ours = sl.compare(binomial if unit == "trial" else fits, unit)
    given = {name: score.elpd_data for name, score in ours.scores.items()}
    exactly = {"round_to": "none"} if int(arviz_stats.__version__.split(".")[0]) else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of Pareto k, which the scores say too
        theirs = arviz_stats.compare(given, method="pseudo-bma", **exactly)
    assert list(theirs.index) == list(ours.table.index)
    number = next(iter(ours.scores.values())).alike.sum()
    # Their variance of differences divides by n.
    for name, other, ratio in (
        ("elpd", "elpd", 1),
        ("se", "se", 1),
        ("p", "p", 1),
        ("diff_se", "dse", number),
    ):
        scale = 1.0 if ratio == 1 else np.sqrt(1 - 1 / number)
        expected = scale * ours.table[name]
        np.testing.assert_allclose(theirs[other].astype(float), expected, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(theirs["elpd_diff"].abs().astype(float), -ours.table["elpd_diff"], atol=1e-9)
    assert [data.warning for data in given.values()] == [not score.ok for score in ours.scores.values()]


# Folds


def test_scores_in_folds_compare_with_each_other_and_with_no_others():
    data = table()
    options = {"k": 2, "draws": 60, "chains": 1, "cores": 1}
    one, two = (sl.kfold(model(text, data=data), seed=1, **options) for text in ("y ~ x", "y ~ 1"))
    found = sl.compare({"one": one, "two": two})
    away = two.pointwise["elpd"] - one.pointwise["elpd"]
    np.testing.assert_allclose(abs(found.table["elpd_diff"].iloc[1]), abs(away.sum()))
    assert found.table["p"].isna().all() and (found.table["refits"] == len(data)).all()
    assert found.left_out == "60 rows left out in 2 folds." and found.notes[0].startswith("60 units are few")
    fit = of("y ~ x")
    with refused("scores-of-other-units", match="'one' leaves out rows in 2 folds, 'fit' rows one by one"):
        sl.compare({"one": one, "fit": fit})
    other = sl.kfold(model("y ~ 1", data=data), seed=2, **options)
    with refused("scores-of-other-folds", match="2 folds of 'one' and 'other' hold different rows"):
        sl.compare({"one": one, "other": other})
    with refused("scores-of-other-units", match="'a' leaves out rows in 2 folds, 'b' rows in 3 folds"):
        compared({"a": score([1, 2, 3], fold=[0, 1, 1]), "b": score([1, 2, 3], fold=[0, 1, 2])})


# What is refused


def changed(**columns):
    """Return the table with some columns replaced."""
    return table().assign(**columns)


def of(text, family="gaussian", data=None):
    """Return a fit whose draws are near enough to the data for importance sampling."""
    priors = {"b": P.Normal(0, 0.2)} if "~ x" in text else {}
    priors |= LOW if family in ("gaussian", "student") else {}
    return made(model(text, family, data=data, priors=priors))


def pair(text, family="gaussian", **columns):
    """Return fits of one formula, the second to a table with other columns."""
    return {"a": of(text, family), "b": of(text, family, changed(**columns))}


def units(*names, n=None):
    return score(np.arange(len(names)), "h", names=list(names), n=n)


Y = table()["y"]
REFUSALS = {
    "one": (lambda: {"a": of("y ~ x")}, "1 models are given"),
    "none": (dict, "0 models are given"),
    "a list": (lambda: [of("y ~ x")] * 2, "of type list"),
    "one name": (lambda: {1: of("y ~ x"), "1": of("y ~ 1")}, "Two models have one name: 1, '1'"),
    "another type": (lambda: {"a": of("y ~ x"), "b": 3}, "A fit is of type int"),
    "a model": (lambda: {"a": of("y ~ x"), "b": model("y ~ x")}, "A fit is of type Model"),
    "fewer rows": (
        lambda: {"a": of("y ~ x"), "b": of("y ~ x", data=table()[:50])},
        r"other numbers of rows \(60 and 50\)",
    ),
    "another order": (
        lambda: {"a": of("y ~ x"), "b": of("y ~ x", data=table()[::-1].reset_index(drop=True))},
        "'a' and 'b' have other responses .in another order.",
    ),
    "other values": (lambda: pair("y ~ x", y=Y + 1), "other responses .of other values."),
    "another response": (
        lambda: {"a": of("y ~ x"), "b": of("exp(y) ~ x")},
        r"'a' predicts y, 'b' exp\(y\)",
    ),
    "more responses": (lambda: {"a": of("y ~ x"), "b": made(model(TWO))}, "'a' predicts y, 'b' bit, y"),
    "responses in another order": (
        lambda: {"a": made(model(TWO)), "b": made(model(TWO[::-1]))},
        "'a' predicts bit, y, 'b' y, bit",
    ),
    "the second of two responses": (
        lambda: {"a": made(model(TWO)), "b": made(model(TWO, data=changed(y=Y + 1)))},
        "other responses .of other values.",
    ),
    "discrete": (
        lambda: {"a": of("count ~ x"), "b": of("count ~ x", "poisson")},
        r"gives count a density, 'b' a probability \(family gaussian and poisson\)",
    ),
    "trials": (
        lambda: pair("k | trials(m) ~ 1", "binomial", m=table()["m"] + 1),
        "'a' and 'b' have other trials",
    ),
    "weights": (
        lambda: {"a": of("y ~ x"), "b": of("y | weights(m) ~ x")},
        "'a' and 'b' have other weights",
    ),
    "categories": (
        lambda: pair("grade ~ x", "cumulative", grade=table()["grade"].cat.rename_categories([*"abc"])),
        "other categories .low, .mid, high; a, b, c.",
    ),
    "the third of three": (
        lambda: {"a": of("y ~ x"), "b": of("y ~ 1"), "c": of("y ~ x", data=changed(y=Y + 1))},
        "'b' and 'c' have other responses",
    ),
    "units": (
        lambda: {"a": of("y ~ x"), "b": units(0, 1)},
        "'a' leaves out rows one by one, 'b' levels of h one by one",
    ),
    "more units": (lambda: {"a": units(*"pq"), "b": units(*"pqr")}, "leave out different hs .2 levels of h"),
    "names of units": (lambda: {"a": units(*"pq"), "b": units(*"pr")}, "leave out different hs"),
    "sizes of units": (
        lambda: {"a": units(*"pq", n=[3, 4]), "b": units(*"pq", n=[4, 3])},
        "leave out different hs",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_what_cannot_be_compared_is_refused_with_what_is_needed(case):
    given, message = REFUSALS[case]
    with pytest.raises(ModelError, match=message) as caught:
        sl.compare(given())
    assert caught.value.needed


def test_names_are_looked_at_before_anything_is_computed(fits, monkeypatch):
    monkeypatch.setattr("shoal.scores.compare.loo", None)
    with refused("unknown-choice", match="method='stackin'") as caught:
        sl.compare(fits, method="stackin")
    assert caught.value.remedy == "Did you mean 'stacking'?"


def test_a_fit_that_has_not_the_unit_takes_it_from_another(fits):
    bare = made(model("y ~ x"))
    found = sl.compare({"no h": bare, **fits}, "h")
    assert found.unit == "h"
    units = units_of(next(iter(fits.values())).results.model, "h")
    pd.testing.assert_frame_equal(found.scores["no h"].pointwise, loo(bare.results, units).pointwise)
    with refused("unknown-unit", match="'no h': There is no unit 'h'"):
        sl.compare({"no h": bare, "other": made(model("y ~ 1"))}, "h")


def test_units_of_other_rows_do_not_compare(fits):
    data = table()
    data["h"] = np.random.default_rng(8).permutation(data["h"])
    with refused("scores-of-other-rows"):
        sl.compare({"a": of("y ~ x + (1 | h)"), "b": of("y ~ x + (1 | h)", data=data)}, "h")


def test_arguments_that_the_scores_contradict_are_refused(fits):
    scores = {name: loo(fit.results, "h") for name, fit in fits.items()}
    with refused("scores-of-other-units", match="unit='row', and '.*' is a score of levels of h one by one"):
        sl.compare(scores, "row")
    with refused("refit-of-scores"):
        sl.compare(scores, refit=True)
    assert sl.compare(scores, "h").unit == "h"


def test_fits_made_anew_are_kept_for_each_model(tmp_path, monkeypatch):
    x = np.random.default_rng(2).normal(size=30)
    data = pd.DataFrame({"x": x, "y": np.sin(5 * x)})
    data.loc[4, "y"] = 15.0  # which no other row expects
    few = {"draws": 200, "chains": 2, "seed": 1, "progress": False}
    models = {name: sl.Model(f"y ~ {name}", data).fit(**few) for name in ("1", "x")}
    how = {"refit": True, "progress": False}
    plain = sl.compare(models, **how)
    assert (plain.table["refits"] > 0).all()
    kept = sl.compare(models, checkpoint=tmp_path / "fits", workers=1, **how)
    pd.testing.assert_frame_equal(kept.table, plain.table)
    assert sorted(path.name for path in (tmp_path / "fits").iterdir()) == ["1.fits", "x.fits"]
    monkeypatch.setattr(many, "_pool", None)  # nothing is fitted again
    again = sl.compare(models, checkpoint=tmp_path / "fits", **how)
    pd.testing.assert_frame_equal(again.table, plain.table)


@pytest.mark.parametrize("given", [{"workers": 2}, {"client": object()}, {"checkpoint": "fits"}])
def test_a_place_for_fits_that_are_not_made_is_refused(fits, given):
    fit = next(iter(fits.values()))
    asked = (
        lambda: sl.compare(fits, "h", **given),
        lambda: fit.loo("h", **given),
        lambda: fit.r2(loo=True, **given),
        lambda: fit.r2(**given),
        lambda: fit.r2(refit=True),
    )
    for ask in asked:
        with pytest.raises(ModelError) as problem:
            ask()
        assert problem.value.code == "no-refits"


def test_weights_of_trials_are_those_of_all_of_them(binomial):
    ours = sl.compare(binomial, "trial")
    given = {name: score.elpd_data for name, score in ours.scores.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = arviz_stats.compare(given)
    np.testing.assert_allclose(ours.table["weight"], theirs["weight"].astype(float), atol=0.02)
    with refused("method-of-alike"):
        sl.compare(binomial, "trial", method="pseudo-bma")


def test_one_response_may_have_several_families_and_writings():
    """The same numbers as categories and as counts, probabilities both; bernoulli rows as single trials."""
    data = changed(one=1)
    pairs = [
        (of("count ~ x", "cumulative"), of("count ~ x", "poisson")),
        (of("bit ~ x", "bernoulli"), of("bit | trials(one) ~ x", "binomial", data)),
        (of("count ~ x"), of("count ~ x", "student")),
    ]
    for a, b in pairs:
        assert len(sl.compare({"a": a, "b": b}).table) == 2


# What is shown


def test_the_question_is_printed_with_the_table_and_the_verdict(fits):
    for unit, words in (
        ("row", "a new row is predicted, its levels known"),
        ("g", "the rows of a new level of g"),
    ):
        found = sl.compare(fits, unit)
        lines = str(found).splitlines()
        assert repr(found) == str(found)
        assert lines[1] == found.question and words in found.question
        assert found.verdict in lines and found.about in lines
        assert lines[2].split() == list(found.table.columns)
    assert "5 levels of g left out one by one." in str(found)


def test_what_cannot_be_relied_on_is_noted_with_what_to_ask_instead():
    first, k = np.zeros(120), np.where(np.arange(120) < 3, 0.9, 0.1)
    found = compared({"a": score(first), "b": score(first - 1, k=k, advice="Ask for levels.")})
    assert found.notes[0].startswith("'b': Pareto k above 0.60 for 3 of 120 units (0, 1, 2)")
    assert found.notes[1:] == ("Ask for levels.",)
    assert found.table["bad_k"].to_dict() == {"a": 0, "b": 3}
    assert compared({"a": score(first), "b": score(first - 1, advice="Ask.")}).notes == ()
    few = compared({"a": score(first[:99]), "b": score(first[:99])})
    assert few.notes == ("99 units are few: standard errors of differences are too small.",)


def test_the_best_of_many_models_may_be_so_by_chance():
    found = compared(scores(np.linspace(0, 1, 13)))
    assert [note for note in found.notes if "potentially due to chance" in note]
    assert compared(scores([*np.zeros(12), 1])).notes == compared(scores(np.linspace(0, 1, 11))).notes == ()
    np.testing.assert_allclose(found.table["weight"].sum(), 1)


def test_the_picture_shows_the_differences_with_one_and_two_standard_errors(fits):
    found = sl.compare(fits, "h")
    picture = found.plot()
    pd.testing.assert_frame_equal(picture.numbers, found.table.reset_index())
    axes = picture.figure.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == list(found.table.index)
    wide, narrow = (c.get_segments() for c in axes.collections[:2])
    for i, (difference, error) in enumerate(found.table[["elpd_diff", "diff_se"]].to_numpy()):
        place = len(found.table) - 1 - i
        np.testing.assert_allclose(
            wide[i], [[difference - 2 * error, place], [difference + 2 * error, place]]
        )
        np.testing.assert_allclose(narrow[i], [[difference - error, place], [difference + error, place]])
    np.testing.assert_allclose(axes.collections[2].get_offsets()[:, 0], found.table["elpd_diff"])
    assert found.question in picture.caption and "hs left out" in picture.caption


@pytest.mark.parametrize("name", ["n", "elpd", "h"])
def test_the_picture_of_units_keeps_their_names_apart_from_its_columns(name):
    data = table().rename(columns={"h": name})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ShoalWarning)
        picture = made(model(f"y ~ x + (1 | {name})", data=data, priors=LOW | SLOPE | SD)).plot.loo(name)
    label = name if name == "h" else f"{name}_level"
    assert list(picture.numbers.columns[:3]) == [label, "n", "elpd"]
    assert picture.numbers[label].tolist() == [0, 1, 2] and picture.numbers["n"].tolist() == [20, 20, 20]
