"""Spellings of R, Bambi and patsy are read as what they mean, or answered with a line that can be copied."""

import re
import warnings

import numpy as np
import pandas as pd
import pytest

import shoal as sl
from field.spellings import ANSWERED, PROPORTIONS, READ, table
from refusals import refused
from shoal.errors import FormulaError
from shoal.formula import parse, register_function


@pytest.fixture(scope="module")
def data():
    return table()


def build(formula, data, family=None):
    """Return the design of a formula whose family its response tells."""
    response = parse(formula).response
    family = family or ("binomial" if response.trials else "poisson" if response.value.text == "k" else None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sl.errors.ShoalWarning)
        return sl.Model(formula, data, family or "gaussian").design


def line(error):
    """Return what an error says to type."""
    head, _, last = error.remedy.rpartition("\n    ")
    assert head == "Write this:"
    return last


def test_every_spelling_stands_in_the_list_once():
    written = [row[0] for row in (*READ, *ANSWERED, *PROPORTIONS)]
    assert len(set(written)) == len(written)


@pytest.mark.parametrize(("written", "read"), [row[:2] for row in READ])
def test_a_spelling_is_read_as_what_it_means(written, read, data):
    ours, theirs = build(read, data), build(written, data)
    assert theirs.terms == ours.terms
    np.testing.assert_array_equal(theirs.x, ours.x)
    for name in ("y", "trials", "weight", "se"):
        np.testing.assert_array_equal(getattr(theirs.rows, name), getattr(ours.rows, name))
    for mine, other in zip(ours.groups, theirs.groups, strict=True):
        assert (mine.name, mine.effects, mine.blocks) == (other.name, other.effects, other.blocks)
        np.testing.assert_array_equal(mine.z, other.z)
    assert theirs.formula.text == written


@pytest.mark.parametrize(("written", "token", "answer"), [row[:3] for row in ANSWERED])
def test_another_spelling_is_answered_with_a_line_that_builds(written, token, answer, data):
    with pytest.raises(FormulaError) as caught:
        parse(written)
    error = caught.value
    assert written[slice(*error.span)] == token
    assert line(error) == answer
    data = data.assign(row_id=np.arange(len(data)) // 2)
    if conversion := re.search(r"data\['won'\] = .*\.astype\(int\)", error.needed):
        exec(conversion.group(), {"data": data})
        assert data["won"].mean() == (table()["won"] == "yes").mean()
    assert build(answer, data).n_rows == len(data)


@pytest.mark.parametrize("family", ["binomial", "beta_binomial"])
@pytest.mark.parametrize(("written", "answer"), [row[:2] for row in PROPORTIONS])
def test_a_proportion_is_answered_with_its_trials(written, answer, family, data):
    with refused("addition-missing") as caught:
        sl.Model(written, data, family)
    assert line(caught.value) == answer
    if "successes" in answer:
        assert "data['successes'] = (data['share'] * data['n']).round()" in caught.value.needed
        data = data.assign(successes=(data["share"] * data["n"]).round())
    design = build(answer, data, family)
    np.testing.assert_array_equal(design.rows.y, data["k"])
    np.testing.assert_array_equal(design.rows.trials, data["n"])


def test_a_ratio_stays_a_response_of_other_families(data):
    np.testing.assert_array_equal(build("k/n ~ x", data).rows.y, data["k"] / data["n"])


def test_scaling_without_centering_is_that_of_r(data):
    x = data["x"].to_numpy()
    root = np.sqrt((x**2).sum() / (len(x) - 1))
    np.testing.assert_allclose(build("y ~ scale(x, center=FALSE)", data).x[:, 1], x / root)


@pytest.mark.parametrize(
    ("coding", "rows"),
    [
        ("Treatment('b')", [[1, 0], [0, 0], [0, 1]]),
        ("Sum", [[1, 0], [0, 1], [-1, -1]]),
        ("Helmert", [[-1, -1], [1, -1], [0, 2]]),
        ("Diff", [[-2 / 3, -1 / 3], [1 / 3, -1 / 3], [1 / 3, 2 / 3]]),
        ("Poly", [[-np.sqrt(0.5), np.sqrt(1 / 6)], [0, -np.sqrt(2 / 3)], [np.sqrt(0.5), np.sqrt(1 / 6)]]),
    ],
)
def test_contrasts_have_the_values_that_their_names_have_elsewhere(coding, rows):
    small = pd.DataFrame({"y": [0.3, 1.0, 2.0, 0.1, 0.5, 1.5], "d": list("abcabc")})
    x = build(f"y ~ C(d, {coding})", small).x
    np.testing.assert_allclose(x[:3, 1:], rows, atol=1e-12)


def test_the_base_of_contrasts_is_a_level(data):
    with refused("unknown-base", match=r"base 1 is no level(.|\n)*Write C\(d, contr.treatment\('b'\)\)"):
        sl.Model("y ~ C(d, Treatment(1))", data)
    with refused("unknown-base", match="Levels: 'a', 'b', 'c'"):
        sl.Model("y ~ C(d, Treatment('z'))", data)
    assert build("y ~ C(q, Treatment(2))", data).terms[1] == "C(q, contr.treatment(2))[T.1]"


def test_a_factor_has_uncorrelated_effects_behind_two_bars(data):
    """As in brms: a standard deviation for each column, and no correlation; lme4 keeps them correlated."""
    group = build("y ~ d + (d || g)", data).groups[0]
    assert group.effects == ("Intercept", "d[T.b]", "d[T.c]")
    assert group.blocks == ((0,), (1,), (2,))


@pytest.mark.parametrize("values", [[0, 1, 1], [False, True, True], [0.0, 1.0, 1.0]])
@pytest.mark.parametrize("family", ["binomial", "binomial(probit)"])
def test_zeros_and_ones_are_binomial_without_trials(values, family):
    data = pd.DataFrame({"y": values * 20, "x": np.linspace(0, 1, 60)})
    design = sl.Model("y ~ x", data, family).design
    assert str(design.family) == family.replace("binomial", "bernoulli")


@pytest.mark.parametrize(
    ("formula", "others"),
    [
        ("y ~ .", "x + z + d + q + g + h + k + n + f + share + won + s + w + `a column` + `a.column`"),
        ("y ~ . + (1 | g)", "x + z + d + q + h + k + n + f + share + won + s + w + `a column` + `a.column`"),
    ],
)
def test_a_point_is_answered_with_the_other_columns(formula, others, data):
    with refused("point") as caught:
        sl.Model(formula, data)
    assert caught.value.remedy.split("\n    ")[1] == others
    kept = others.replace(" + k + n + f + share + won", "")
    assert build(formula.replace(".", kept), data).n_rows == len(data)


def test_an_intercept_has_no_column(data):
    with refused("unknown-column", match="An intercept is written 1"):
        sl.Model("y ~ 0 + Intercept + x", data)


def test_a_point_between_backticks_is_a_column_which_no_file_holds(data):
    with refused("column-name-with-slash"):
        build("y ~ `.`", data.rename(columns={"x": "."}))


@pytest.mark.parametrize("values", [("No", "Yes"), ("no", "yes"), ("FALSE", "TRUE"), ("alive", "dead")])
@pytest.mark.parametrize("family", ["bernoulli", "binomial"])
def test_a_response_of_two_words_is_answered_with_its_recoding(values, family, data):
    data = data.assign(y=np.array(values)[data["k"] % 2])
    with refused("not-numbers") as caught:
        sl.Model("y ~ x", data, family)
    exec(line(caught.value), {"data": data})
    design = sl.Model("y ~ x", data, family).design
    np.testing.assert_array_equal(design.rows.y, data["k"] % 2)


def test_several_responses_are_no_trials(data):
    with refused("addition-not-taken", match=r"sl.Response\('y ~ x'\), sl.Response\('z ~ x'\)"):
        sl.Model("cbind(y, z) ~ x", data)


def test_a_function_of_ones_own_keeps_its_name(data):
    before = parse("y ~ S(d)").population.text
    register_function("S", np.square)
    try:
        assert parse("y ~ S(x)").population.text == "1 + S(x)" != before
    finally:
        from shoal.formula import functions

        del functions._registered["S"]


@pytest.mark.parametrize("formula", ["y ~ (1 + mmc(x, z) | mm(g, h))", "y ~ ma(x)", "y ~ te()"])
def test_what_has_no_equal_is_named_as_such(formula, data):
    with refused("not-available") as caught:
        sl.Model(formula, data)
    assert "brms" in caught.value.remedy
