"""What rows teach a model, and what they do not: plausible tables, formulas and arguments that went wrong."""

import pickle
from fractions import Fraction

import numpy as np
import pandas as pd
import polars as pl
import pytest

import shoal as sl
from refusals import refused

RIGHT = [
    *("group_mean(x, g)", "scale(x)", "center(x)", "poly(x, 2)", "bs(x, df=4)", "s(x, k=4)"),
    "0 + cr(x, df=4)",
    *("1 + (1 + scale(x) | g)", "1 + (0 + center(x) | g)", "x + (1 + poly(x, 2) | g)"),
]


def table():
    rng = np.random.default_rng(2)
    data = pd.DataFrame({"g": np.resize(list("aaabbb"), 48), "x": rng.normal(size=48).round(2)})
    data["use"] = np.resize([True] * 5 + [False], 48)
    return data.assign(x=data["x"] + 10.0 * ~data["use"], y=rng.normal(size=48), other=rng.normal(size=48))


@pytest.mark.parametrize("right", RIGHT)
def test_rows_outside_a_subset_teach_nothing(right):
    data = table()
    alone = sl.Model(f"y ~ {right}", data[data["use"]]).design
    for own in (data, data[::-1], data.sort_values("x")):
        pair = [sl.Response(f"y | subset(use) ~ {right}"), sl.Response("other ~ 1")]
        design = sl.Model(pair, own).specification.designs[0]
        order = own.index[own["use"]].argsort()
        z = [(one.z, other.z) for one, other in zip(design.groups, alone.groups, strict=True)]
        for one, other in ((design.x, alone.x), *z):
            np.testing.assert_allclose(one[own["use"].to_numpy()][order], other, atol=1e-9)


def test_category_specific_columns_are_learnt_inside_too():
    data = table().assign(grade=lambda d: np.digitize(d["y"], [-0.5, 0.5]))
    alone = sl.Model("grade ~ cs(scale(x))", data[data["use"]], "sratio").design
    pair = [sl.Response("grade | subset(use) ~ cs(scale(x))", "sratio"), sl.Response("other ~ 1")]
    design = sl.Model(pair, data[::-1]).specification.designs[0]
    for one, other in zip(design.predictors, alone.predictors, strict=True):
        own = one.x[data["use"].to_numpy()[::-1]]
        np.testing.assert_allclose(np.sort(own, axis=0), np.sort(other.x, axis=0))


def test_large_integers_beside_gaps_are_refused():
    ids = 1_700_000_000_000_000_000 + 3 * np.repeat(np.arange(8), 5)
    data = pd.DataFrame({"g": ids, "y": np.random.default_rng(1).normal(size=40)})
    fit = sl.Model("y ~ (1 | g)", data).fit(draws=20, chains=1, seed=1, progress=False)
    some = [*ids[:6].tolist(), None]
    for gaps in (pd.array(some, "Int64"), np.array(some, dtype=object)):
        with refused("numbers-too-large", match="'g'"):
            fit.predict(pd.DataFrame({"g": gaps}))
        with refused("numbers-too-large"):
            sl.Model("y ~ (1 | g)", pd.DataFrame({"g": gaps, "y": data["y"][:7]}), missing="drop")


def test_levels_keep_their_labels_beside_a_number_that_is_not_whole():
    rng = np.random.default_rng(1)
    data = pd.DataFrame({"g": np.resize(list("ab"), 80), "t": np.repeat(np.arange(10), 8)})
    data["y"] = rng.normal(0, 2, (2, 10))[(data["g"] == "b").astype(int), data["t"]] + rng.normal(size=80)
    fit = sl.Model("y ~ t + (1 | g:t)", data).fit(draws=40, chains=1, seed=1, progress=False)

    def predicted(t):
        new = pd.DataFrame({"t": t, "g": "a"})
        return fit.predict_summary(new, kind="linear", new_levels="zero")["mean"].to_numpy()[:2]

    np.testing.assert_array_equal(predicted([3, 5, 3.5]), predicted([3, 5]))


@pytest.mark.parametrize(
    "formula, family, name",
    [
        ("c ~ z + `log(e)` + offset(log(e))", "poisson", "log(e)"),
        ("k | trials(10) ~ z + `10`", "binomial", "10"),
        ("y | weights(w / 2) ~ z + (1 | `w / 2`)", "gaussian", "w / 2"),
    ],
)
def test_a_column_called_as_an_expression_is_written_is_refused(formula, family, name):
    rng = np.random.default_rng(1)
    data = pd.DataFrame({"z": rng.normal(size=40), "e": rng.uniform(1, 2, 40), "w": 2.0})
    data[name] = np.arange(40) % 4
    data["c"], data["k"], data["y"] = rng.poisson(3, 40), rng.integers(0, 4, 40), rng.normal(size=40)
    for own in (data, pl.from_pandas(data).lazy()):
        with refused("expression-is-column", match="Rename"):
            sl.Model(formula, own, family)


@pytest.mark.parametrize("kind", [np.float32, np.int64, Fraction])
def test_priors_take_any_number_and_keep_pythons(kind, tmp_path):
    data = table()
    priors = {"sigma": sl.priors.Exponential(kind(1)), "x": sl.priors.Normal(kind(0), kind(2))}
    fit = sl.Model("y ~ x", data, priors=priors | {"Intercept": sl.priors.Fixed(kind(0))}).fit(
        draws=20, chains=1, seed=1, progress=False
    )
    fit.save(tmp_path / "fit.nc")
    assert sl.load(tmp_path / "fit.nc").model.priors["x"] == sl.priors.Normal(0, 2)


def test_imputed_predictors_may_be_complete():
    data = table()
    pair = [sl.Response("y ~ mi(x) + (1 | g)"), sl.Response("x | mi() ~ 1")]
    fit = sl.Model(pair, data).fit(draws=200, chains=2, seed=1, progress=False)
    plain = sl.Model("y ~ x + (1 | g)", data).fit(draws=200, chains=2, seed=1, progress=False)
    slope = [own.summary().loc[name] for own, name in ((fit, "y_mi(x)"), (plain, "x"))]
    assert abs(slope[0]["mean"] - slope[1]["mean"]) < 0.3 * slope[1]["sd"]


def test_a_response_does_not_predict_itself_as_an_imputed_value():
    data = table()
    with refused("response-on-both-sides"):
        sl.Model("y | mi() ~ mi(y)", data)


@pytest.mark.parametrize("term", ["poly(x, 2, raw=True)", "poly(x, 3)"])
def test_polynomials_predict_one_row(term):
    data = table()
    fit = sl.Model(f"y ~ {term} + g", data).fit(draws=20, chains=1, seed=1, progress=False)
    whole = fit.predict(data, kind="linear").values
    np.testing.assert_allclose(fit.predict(data.iloc[:1], kind="linear").values, whole[..., :1])
    assert len(fit.effect("g").table) == 2
    with refused("basis-size"):
        sl.Model(f"y ~ {term}", data.assign(x=np.arange(48) % 2))


def test_an_unknown_column_is_the_same_error_in_another_process():
    with refused("unknown-column") as problem:
        sl.Model("y ~ nope", table())
    again = pickle.loads(pickle.dumps(problem.value))
    assert str(again) == str(problem.value) and again.code == "unknown-column"
    assert type(again) is type(problem.value)


@pytest.mark.parametrize("elsewhere", [np.nan, np.inf, -1e6])
def test_upper_ends_are_looked_at_in_intervals_alone(elsewhere):
    data = table().assign(how=lambda d: np.where(d["use"], "none", "interval"))
    data["end"] = np.where(data["use"], elsewhere, data["y"] + 1)
    models = [sl.Model("y | cens(how, end) ~ x", own) for own in (data, data.assign(end=data["y"] + 1))]
    assert models[0].design.observations == 48
    assert str(models[0]) == str(models[1])
    with refused("interval-end"):
        sl.Model("y | cens(how, end) ~ x", data.assign(end=np.where(data["use"], 1.0, np.nan)))


@pytest.mark.parametrize(
    "formula",
    [
        *("y ~ s(x, by={0})", "y ~ x + cosy(gr={0})", "y ~ x + ar(time={1}, gr=g)"),
        "y | trunc(lb=-10, ub={2}) ~ x",
    ],
)
@pytest.mark.parametrize("quote", ["", "`"])
def test_columns_may_be_called_t_and_f_after_the_names_of_arguments(formula, quote):
    data = table().assign(F=lambda d: np.resize(["p", "q"], 48))
    data["T"] = np.arange(48) if "time" in formula else 10.0
    sl.Model(formula.format(f"{quote}F{quote}", f"{quote}T{quote}", f"{quote}T{quote}"), data)


def test_flags_of_r_are_still_flags():
    data = table()
    assert sl.Model("y ~ x + (1 | gr(g, zero_sum=T))", data).design.groups[0].zero_sum


def test_odd_arguments_are_refused_in_words():
    for odd in ("1", [1.0], np.nan, True):
        with refused("prior-argument-not-a-number"):
            sl.priors.Gamma(mu=odd, sigma=1)
    with refused("function-not-computed"):
        sl.Model("y ~ 0 + cr(x, df=4, constraints=['a'])", table())


def test_steps_of_a_wide_range_are_counted_and_not_made():
    data = table().assign(t=lambda d: np.arange(48) * 10**15)
    with refused("basis-size", match="47,000,000,000,000,000 steps"):
        sl.Model("y ~ mo(t)", data)
