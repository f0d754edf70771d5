"""Means over the rows of each level, and their replay on new data."""

import json
import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refusals import refused
from shoal.errors import DataError
from shoal.formula import design_matrix, parse

FRAME = pd.DataFrame(
    {
        "x": [1.0, 3.0, 5.0, 7.0, 10.0, 20.0],
        "z": [1.0, 2.0, 4.0, 8.0, 16.0, 32.0],
        "g": list("aabbcc"),
        "h": [1, 2, 1, 2, 1, 1],
        "flag": [True, False, True, True, False, False],
        "d": list("uvuvuv"),
    }
)
MEANS = [2.0, 2.0, 6.0, 6.0, 15.0, 15.0]


def build(text, frame=FRAME):
    return design_matrix(parse(f"y ~ 0 + {text}").population, frame)


EXPECTED = {
    "group_mean(x, g)": MEANS,
    "group_mean(x, g:h)": [1.0, 3.0, 5.0, 7.0, 15.0, 15.0],
    "group_mean(x, h)": [9.0, 5.0, 9.0, 5.0, 9.0, 9.0],
    "group_mean(x, flag)": [13 / 3, 11.0, 13 / 3, 13 / 3, 11.0, 11.0],
    "group_mean(flag, g)": [0.5, 0.5, 1.0, 1.0, 0.0, 0.0],
    "group_mean(log2(z) * 2, g)": [1.0, 1.0, 5.0, 5.0, 9.0, 9.0],
    "group_mean(2, g)": [2.0] * 6,
    "I(x - group_mean(x, g))": [-1.0, 1.0, -1.0, 1.0, -5.0, 5.0],
    "I(group_mean(x, g) / group_mean(x, g:h))": [2.0, 2 / 3, 6 / 5, 6 / 7, 1.0, 1.0],
    "group_mean(group_mean(x, g), h)": [9.5, 4.0, 9.5, 4.0, 9.5, 9.5],
    "center(group_mean(x, g))": np.array(MEANS) - np.mean(MEANS),
    "group_mean(center(x), g)": np.array(MEANS) - np.mean(MEANS),
    "group_mean(x, g):z": np.array(MEANS) * FRAME["z"],
}


@pytest.mark.parametrize("text", EXPECTED)
def test_values_and_names(text):
    found = build(text)
    assert found.names == (text,)
    np.testing.assert_allclose(found.values[:, 0], EXPECTED[text], rtol=1e-14)


@pytest.mark.parametrize("text", [*EXPECTED, "poly(group_mean(x, g), 2)", "group_mean(x, g)*d"])
def test_rows_that_were_there_get_what_they_had(text):
    found = build(text)
    for spec in (found.spec, pickle.loads(pickle.dumps(found.spec))):
        np.testing.assert_allclose(spec.apply(FRAME.iloc[[4, 0, 0]]), found.values[[4, 0, 0]], rtol=1e-14)
        np.testing.assert_array_equal(spec.apply(FRAME), found.values)


def test_effects_of_a_group_may_be_means_of_another():
    (group,) = parse("y ~ (1 + group_mean(x, g) | h)").groups
    found = design_matrix(group.effects, FRAME)
    assert found.names == ("Intercept", "group_mean(x, g)")
    np.testing.assert_array_equal(found.values[:, 1], MEANS)


def test_known_levels_keep_their_mean_and_others_take_that_of_their_new_rows():
    spec = build("group_mean(x, g) + I(x - group_mean(x, g))").spec
    new = pd.DataFrame({"x": [100.0, 4.0, 6.0, 9.0], "g": ["a", "new", "new", "other"]}, index=[5, 5, 0, 1])
    np.testing.assert_array_equal(spec.apply(new), [[2.0, 98.0], [5.0, -1.0], [5.0, 1.0], [9.0, 0.0]])
    # what was learnt does not change by being used
    assert spec.apply(new.iloc[[2]])[0].tolist() == [6.0, 0.0]
    assert spec.apply(new.iloc[:0]).shape == (0, 2)


def test_a_combination_is_known_only_if_its_parts_were_met_together():
    spec = build("group_mean(x, g:h)").spec
    new = pd.DataFrame({"x": [0.0, 0.0, 50.0], "g": ["a", "a", "c"], "h": [1, 2, 2]})
    assert spec.apply(new)[:, 0].tolist() == [1.0, 3.0, 50.0]


def test_what_is_learnt_is_plain_data():
    frame = FRAME.assign(k=pd.Categorical([3, 3, 1, 1, 2, 2]))
    found = build("group_mean(x, g:h) + group_mean(x, k) + I(x / group_mean(x, flag))", frame)
    assert found.spec.states["group_mean(x, k)"] == {"levels": [[3], [1], [2]], "means": [2.0, 6.0, 15.0]}
    again = replace(found.spec, states=json.loads(json.dumps(found.spec.states)))
    np.testing.assert_array_equal(again.apply(frame), found.values)


LEVELS = {
    "object": pd.Series(["b", "a", "b"], dtype=object),
    "string": pd.Series(["b", "a", "b"], dtype="string"),
    "categorical": pd.Series(pd.Categorical(["b", "a", "b"], categories=["z", "b", "a"])),
}


@pytest.mark.parametrize("old", LEVELS)
@pytest.mark.parametrize("new", LEVELS)
def test_levels_match_across_types_of_text(old, new):
    spec = build("group_mean(x, g)", pd.DataFrame({"x": [1.0, 2.0, 5.0], "g": LEVELS[old]})).spec
    found = spec.apply(pd.DataFrame({"x": 0.0, "g": LEVELS[new]}))
    assert found[:, 0].tolist() == [3.0, 2.0, 3.0]


def test_levels_match_across_types_of_numbers():
    spec = build("group_mean(x, h)").spec
    assert spec.apply(pd.DataFrame({"x": [0.0], "h": [2.0]})).tolist() == [[5.0]]


def test_the_mean_of_equal_values_is_that_value():
    frame = pd.DataFrame({"x": [0.1] * 3 + [0.7] * 7, "g": list("aaabbbbbbb")})
    assert not build("I(x - group_mean(x, g))", frame).values.any()


@given(
    rows=st.lists(st.tuples(st.floats(-1e6, 1e6), st.integers(0, 3), st.sampled_from("uvw")), min_size=1),
    new=st.lists(st.tuples(st.floats(-1e6, 1e6), st.integers(0, 5), st.sampled_from("uvwxyz"))),
)
def test_means_are_those_of_a_loop(rows, new):
    def mean(source, level):
        return np.mean([x for x, *other in source if other == level])

    columns = ["x", "a", "b"]
    found = build("group_mean(x, a:b)", pd.DataFrame(rows, columns=columns))
    expected = [mean(rows, level) for _, *level in rows]
    np.testing.assert_allclose(found.values[:, 0], expected, rtol=1e-9, atol=1e-6)
    known = [level for _, *level in rows]
    expected = [mean(rows if level in known else new, level) for _, *level in new]
    types = {"x": float, "a": int, "b": object}
    replayed = found.spec.apply(pd.DataFrame(new, columns=columns).astype(types))
    np.testing.assert_allclose(replayed[:, 0], expected, rtol=1e-9, atol=1e-6)


BAD = {
    "group_mean(d, g)": "'d' holds categories",
    "group_mean(absent, g)": "no column 'absent'",
    "group_mean(x, gg)": "no column 'gg'",
    "group_mean(x, g:absent)": "no column 'absent'",
    "group_mean(gaps, g)": "'gaps' has 2 missing values in 6 rows",
    "group_mean(x, holes)": "'holes' has 1 missing values in 6 rows",
    "group_mean(x, gaps)": "'gaps' has 2 missing values in 6 rows",
    "group_mean(log(x - 1), g)": "log\\(x - 1\\) is infinite or undefined in 1 of 6 rows",
    "group_mean(x, when)": "'when' is of type datetime64",
    "group_mean(x, twin)": "several columns named 'twin'",
    "group_mean(x * 1e308, g)": "infinite or undefined",
}


@pytest.mark.parametrize("text", BAD)
def test_data_that_do_not_fit_are_named(text):
    bad = FRAME.assign(
        gaps=[np.nan, np.nan, 1, 2, 3, 4],
        holes=[None, *"abcde"],
        when=pd.Timestamp("2020-01-01"),
    )
    bad = pd.concat([bad, pd.DataFrame(np.ones((6, 2)), columns=["twin", "twin"])], axis=1)
    with pytest.raises(DataError, match=BAD[text]):
        build(text, bad)


def test_new_data_that_do_not_fit_are_named():
    spec = build("group_mean(x, g) + group_mean(x, h)").spec
    with refused("unknown-column", match="no column 'h'"):
        spec.apply(FRAME.drop(columns="h"))
    with refused("missing-values", match="'x' has 1 missing values"):
        spec.apply(FRAME.assign(x=[1, 2, 3, 4, 5, np.nan]))
    with refused("missing-values", match="'h' has 1 missing values"):
        spec.apply(FRAME.assign(h=[1, 2, 3, 4, 5, np.nan]))
    with refused("unknown-level", match="'h' holds '1', '2'.\ngroup_mean\\(x, h\\) learnt the levels 1, 2"):
        spec.apply(FRAME.astype({"h": str}))
