"""Mistakes that would end in a traceback, or worse in an answer: each is refused, and says what to do."""

import warnings

import numpy as np
import pandas as pd
import pytest

import shoal as sl
from shoal.engine import evaluate, memory
from shoal.errors import DataError, FormulaError, ModelError, PriorError, ShoalWarning

N = 36
R = sl.Response


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(5)
    x = rng.normal(size=N)
    return pd.DataFrame(
        {
            "y": x + rng.normal(size=N),
            "x": x,
            "z": rng.normal(size=N),
            "b": rng.integers(0, 2, N),
            "k": rng.integers(1, 5, N),
            "b_x": rng.normal(size=N),
            "g": np.arange(N) % 6,
            "alias": np.array(list("utsrqp"))[np.arange(N) % 6],
            "h": np.arange(N) // 6 % 4,
            "id": np.arange(N),
            "one": 1,
            "flat": np.arange(N) % 6 * 1.5,
            "line": 2 * x + 1,
            "near": 1e9 + 1e-7 * x,
            "huge": x * 1e200,
            "tiny": x * 1e-200,
        }
    )


@pytest.mark.parametrize(
    ("formula", "family", "error", "message"),
    [
        ("y ~ x + (1 | one)", "gaussian", DataError, r"has one level \(1\)"),
        ("y ~ (1 | g) + (1 | alias)", "gaussian", DataError, "'g' and 'alias' put the same rows together"),
        ("b ~ (1 | g) + (1 | alias)", "bernoulli", DataError, "cannot be told apart"),
        ("y ~ (1 | g/one)", "gaussian", DataError, "'g' and 'g:one' put the same rows together"),
        ("y ~ (1 + x | g) + (0 + x | alias)", "gaussian", DataError, r"sd_g\[x\] and sd_alias\[x\]"),
        ("y ~ x + (0 + one | id)", "gaussian", DataError, "Every one of the 36 rows"),
        ("y ~ x + (1 + one | g)", "gaussian", DataError, "depend on each other: -1 Intercept"),
        ("y ~ x + (x || g) + (0 + I(2 * x) | g)", "gaussian", DataError, "depend on each other"),
        ("y ~ x + (1 + I(0 * x) | g)", "gaussian", DataError, "is zero in all 36 rows"),
        ("flat ~ z + (1 | g)", "gaussian", DataError, "no residual within the 6 levels of 'g'"),
        ("exp(flat) ~ z + (1 | g)", "lognormal", DataError, "no residual within the 6 levels"),
        ("line ~ x", "gaussian", DataError, "reproduce 'line' without error"),
        ("line ~ x + (1 | g)", "student", DataError, "reproduce 'line' without error"),
        ("y ~ near", "gaussian", DataError, r"\+1e-09 near = 0 in every row, or almost"),
        ("y ~ huge", "gaussian", DataError, "'huge' holds numbers beyond"),
        ("y ~ tiny", "gaussian", DataError, "another unit"),
        ("huge ~ x", "gaussian", DataError, "'huge' holds numbers beyond"),
        ("y ~ (1 + huge | g)", "gaussian", DataError, "'huge' holds numbers beyond"),
        ("y ~ x + offset(y)", "gaussian", ModelError, "'y' is the response and an offset"),
        ("b ~ x + (1 | b)", "bernoulli", ModelError, "'b' is the response and a grouping factor"),
        ("k | trials(k) ~ x", "binomial", ModelError, "every trial succeeded"),
    ],
)
def test_formulas_without_a_meaning_on_their_table_are_refused(table, formula, family, error, message):
    with pytest.raises(error, match=message) as refused:
        sl.Model(formula, table, family)
    assert str(refused.value).count("\n") >= 1  # what was found is not all


@pytest.mark.parametrize(
    "formula",
    [
        "y ~ x + (1 | g) + (0 + x | alias)",
        "y ~ x + (1 | g) + (1 | gr(alias, dist='student'))",
        "y ~ x + (1 | g) + (1 | gr(alias, cov=K))",
        "y ~ x + (1 | g) + (1 | g:h)",
        "y ~ x + (1 | gr(id, cov=J))",
        "k | trials(k + b) ~ x",
    ],
)
def test_what_the_data_can_tell_apart_is_a_model(table, formula):
    known = {"K": np.eye(6) + 0.2, "J": np.eye(N) + 0.2}
    given = {name: matrix for name, matrix in known.items() if f"cov={name}" in formula}
    family = "binomial" if "trials" in formula else "gaussian"
    assert sl.Model(formula, table, family, covariances=given).priors


def test_levels_known_to_be_independent_are_refused_like_others(table):
    with pytest.raises(DataError, match="Every one of the 36 rows"):
        sl.Model("y ~ x + (1 | gr(id, cov=K))", table, covariances={"K": np.eye(N)})


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        ("abc", "of type str and holds no numbers"),
        ([["a"] * 6] * 6, "holds no numbers"),
        (np.eye(6) + 1j, "complex"),
        (np.full((6, 6), np.nan), "levels 0 and 0 have nan"),
        (np.eye(6) + np.eye(6, k=1) / 3, "levels 0 and 1 have 0.333333, and the other way round 0"),
        (np.eye(6) + (1 - 1e-15) * (np.eye(6)[::-1]), "smallest eigenvalue"),
        (pd.DataFrame(np.eye(6), list("012345"), list("012345")), "its labels are '0', '1'"),
        (pd.DataFrame(np.eye(7), [*range(6), 5], [*range(6), 5]), "has 5 more than once"),
    ],
)
def test_covariances_that_cannot_be_used_say_where(table, matrix, message):
    with pytest.raises(DataError, match=message):
        sl.Model("y ~ x + (1 | gr(g, cov=K))", table, covariances={"K": matrix})


@pytest.mark.parametrize("given", [np.eye(6), [np.eye(6)], {1: np.eye(6)}])
def test_covariances_are_a_mapping_from_names(table, given):
    with pytest.raises(ModelError, match=r"covariances=\{'K': matrix\}"):
        sl.Model("y ~ x + (1 | gr(g, cov=K))", table, covariances=given)


@pytest.mark.parametrize("given", [[("b", sl.priors.Normal())], {3: sl.priors.Normal()}, sl.priors.Normal()])
def test_priors_are_a_mapping_from_names(table, given):
    with pytest.raises(PriorError, match="The priors"):
        sl.Model("y ~ x", table, priors=given)


@pytest.mark.parametrize(
    ("name", "prior"),
    [
        ("sd", sl.priors.Gap(1.0)),
        ("b", sl.priors.Shrunk(0.0, 1.0)),
        ("cor", sl.priors.PartialCorrelation(2.0)),
    ],
)
def test_parts_of_other_priors_are_none_of_their_own(table, name, prior):
    with pytest.raises(PriorError, match=f"The prior of '{name}' is"):
        sl.Model("y ~ x + (1 + x | g)", table, priors={name: prior})


@pytest.mark.parametrize("name", ["cor", "y_cor", "y_cor_g"])
def test_a_correlation_of_one_effect_is_refused_under_every_name(table, name):
    responses = [R("y ~ x + (1 | g)"), R("z ~ x")]
    with pytest.raises(PriorError, match="no correlated effects"):
        sl.Model(responses, table, priors={name: sl.priors.LKJ(2)})


@pytest.mark.parametrize("formula", [None, 3, b"y ~ x", {"y": "x"}])
def test_what_is_no_formula_is_refused(table, formula):
    with pytest.raises(ModelError, match="or a list of sl.Response"):
        sl.Model(formula, table)


@pytest.mark.parametrize(
    ("responses", "message"),
    [
        ([R("y ~ z"), R("z ~ y")], "'y', 'z' predict each other"),
        ([R("y ~ x"), R("z ~ (1 + b_x | g)"), R("x ~ z"), R("b_x ~ offset(x)")], "'z', 'x', 'b_x' predict"),
        ([R("y ~ x"), R("I(2 * y) ~ z")], "responses made from 'y'"),
    ],
)
def test_responses_have_an_order(table, responses, message):
    with pytest.raises(ModelError, match=message):
        sl.Model(responses, table)


def test_names_that_meet_when_joined_are_refused(table):
    renamed = table.rename(columns={"y": "a", "z": "a_b"})
    with pytest.raises(ModelError, match="would be called 'a_b_x'"):
        sl.Model([R("a ~ b_x"), R("a_b ~ x")], renamed)


def test_a_latent_has_no_column(table):
    with pytest.raises(FormulaError, match=r"column of another formula(.|\n)*\^\^\^"):
        sl.Model([R("y ~ latent(z | g)"), R("x ~ latent(z | g)"), R("b ~ z", "bernoulli")], table)
    with pytest.warns(ShoalWarning, match="which latent.z"):
        sl.Model([R("y ~ latent(z | g)"), R("x ~ latent(z | g)")], table)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sl.Model([R("y ~ latent(u | g)"), R("x ~ latent(u | g)")], table)


def test_a_bool_is_no_sd(table):
    with pytest.raises(ModelError, match="sd is a positive number"):
        sl.Model("y ~ x + (1 | g)", table).with_pooling("none", True)


def room_for_little():
    return 500.0


def no_room(problem):
    raise AssertionError("numbers of the factor were made")


def test_levels_that_no_memory_holds_are_refused_before_they_fill_it(table, monkeypatch):
    model = sl.Model("y ~ x + (1 + x | g) + (1 | h) + (1 | b)", table)
    assert model.plan
    monkeypatch.setattr(memory, "installed", room_for_little)
    monkeypatch.setattr(evaluate, "new_space", no_room)
    for family in ("gaussian", "student"):
        model = sl.Model("y ~ x + (1 + x | g) + (1 | h) + (1 | b)", table, family)
        with pytest.raises(ModelError, match=r"\(g 6, h 4, b 2\)(.|\n)*Leave out all but one"):
            model.posterior()
