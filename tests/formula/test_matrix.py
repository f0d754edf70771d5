"""Design matrices, and their replay on new data."""

import pickle

import formulaic
import numpy as np
import pandas as pd
import pytest

from refusals import refused
from shoal.errors import DataError
from shoal.formula import design_matrix, parse

N = 30


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(4)
    return pd.DataFrame(
        {
            "x": rng.normal(size=N),
            "z": rng.uniform(1, 2, size=N),
            "i": np.arange(N) % 4,
            "flag": rng.random(N) > 0.5,
            "d": list("abc") * 10,
            "o": pd.Series(list("uvw") * 10, dtype=object).sample(frac=1, random_state=1).to_numpy(),
            "k": pd.Categorical(list("yzy") * 10, categories=["z", "y"]),
        }
    )


def build(text, frame):
    return design_matrix(parse(f"y ~ {text}").population, frame)


# formulaic, reading the text by itself, is the reference.
SAME_AS_FORMULAIC = [
    "1", "x", "x*z", "0 + x", "flag", "i + flag:x", "d", "0 + d", "o", "k", "d*x", "d*o", "0 + d:o", "d:x",
    "x:d", "flag:d", "(x + d + z)**2", "d/x", "C(i)", "C(i):d", "poly(x, 2)", "poly(x, 2, raw=True)",
    "bs(x, df=5)", "0 + bs(x, df=5)", "bs(x, df=5):d", "cr(x, df=4)", "cs(x, df=4, constraints='center')",
    "cc(x, df=4)", "scale(x)*d", "center(x):o", "scale(x, ddof=0)", "C(d, contr.treatment('b'))",
    "C(d, contr.sum)", "C(d, contr.helmert)", "C(d, contr.poly)", "C(d, contr.diff)",
    "C(d, levels=['c', 'a', 'b'])", "log(z) + I(x**2)", "log10(scale(z) + 9)",
]  # fmt: skip


@pytest.mark.parametrize("text", SAME_AS_FORMULAIC)
def test_matrix_is_that_of_formulaic(text, frame):
    reference = formulaic.model_matrix(text, frame, output="numpy")
    found = build(text, frame)
    assert found.names == tuple(reference.model_spec.column_names)
    np.testing.assert_allclose(found.values, np.asarray(reference, dtype=float), rtol=1e-12, atol=1e-12)
    assert found.values.dtype == np.float64


@pytest.mark.parametrize("text", SAME_AS_FORMULAIC)
def test_new_rows_get_the_columns_they_had(text, frame):
    found = build(text, frame)
    some = [7, 3, 3, 20]
    np.testing.assert_allclose(found.spec.apply(frame.iloc[some]), found.values[some], rtol=1e-12, atol=1e-12)
    again = pickle.loads(pickle.dumps(found.spec))
    np.testing.assert_array_equal(again.apply(frame), found.spec.apply(frame))


@pytest.mark.parametrize("text", SAME_AS_FORMULAIC)
def test_terms_partition_the_columns(text, frame):
    found = build(text, frame)
    covered = [i for columns in found.columns_of_terms.values() for i in range(*columns.indices(N))]
    assert covered == list(range(len(found.names)))


def test_columns_of_terms_are_named_by_the_formula(frame):
    assert build("d*x", frame).columns_of_terms == {
        "Intercept": slice(0, 1),
        "d": slice(1, 3),
        "x": slice(3, 4),
        "d:x": slice(4, 6),
    }


def test_no_terms_make_no_columns(frame):
    found = build("0", frame)
    assert found.values.shape == (N, 0) and found.names == () and found.columns_of_terms == {}
    assert found.spec.apply(frame.head(2)).shape == (2, 0)


def test_a_category_without_an_intercept_has_a_column_for_each_level(frame):
    (group,) = parse("y ~ (0 + d | g)").groups
    assert design_matrix(group.effects, frame).names == ("d[a]", "d[b]", "d[c]")


ODD_NAMES = [
    "my col",
    "a.b",
    "class",
    "lambda",
    "C",
    "log",
    "1",
    "(1)x",
    "ü ~ (",
    "a:b",
    "__x__",
    "True",
    "x y + z",
    "I(x)",
]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_columns_of_any_name_can_be_used(name, frame):
    odd = frame.rename(columns={"z": name, "d": f"{name} d"})
    found = build(f"x*`{name}` + log(`{name}`) + `{name} d` + C(`{name} d`, contr.sum):x", odd)
    assert found.names[:3] == ("Intercept", "x", name)
    np.testing.assert_array_equal(found.values[:, 2], frame["z"])
    np.testing.assert_array_equal(found.values[:, 3], np.log(frame["z"]))
    np.testing.assert_array_equal(found.spec.apply(odd), found.values)


COLUMN_KINDS = {
    "int8": np.array([1, 2, 3], dtype="int8"),
    "uint64": np.array([1, 2, 3], dtype="uint64"),
    "float32": np.array([1, 2, 3], dtype="float32"),
    "nullable": pd.array([1, 2, 3], dtype="Int64"),
    "objects": pd.Series([1, 2.0, 3], dtype=object),
}


@pytest.mark.parametrize("kind", COLUMN_KINDS)
def test_numbers_of_every_kind(kind):
    found = build("x + I(x**2)", pd.DataFrame({"x": COLUMN_KINDS[kind]}))
    assert found.values.tolist() == [[1, 1, 1], [1, 2, 4], [1, 3, 9]]


BOOLEANS = {
    "numpy": np.array([True, False]),
    "nullable": pd.array([True, False], dtype="boolean"),
    "objects": pd.Series([True, False], dtype=object),
    "list": [np.True_, np.False_],
}


@pytest.mark.parametrize("kind", BOOLEANS)
def test_booleans_are_numbers(kind):
    found = build("b", pd.DataFrame({"b": BOOLEANS[kind]}))
    assert found.names == ("Intercept", "b") and found.values.tolist() == [[1, 1], [1, 0]]


CATEGORY_KINDS = {
    "str": pd.Series(["b", "a"], dtype="str"),
    "string": pd.Series(["b", "a"], dtype="string"),
    "object": pd.Series(["b", "a"], dtype=object),
    "categorical": pd.Series(pd.Categorical(["b", "a"])),
    "unused levels": pd.Series(pd.Categorical(["b", "a"], categories=["0", "a", "aa", "b", "z"])),
}


@pytest.mark.parametrize("kind", CATEGORY_KINDS)
@pytest.mark.parametrize("new", CATEGORY_KINDS)
def test_categories_of_every_kind(kind, new):
    found = build("d", pd.DataFrame({"d": CATEGORY_KINDS[kind]}))
    assert found.names == ("Intercept", "d[T.b]")
    assert found.spec.apply(pd.DataFrame({"d": CATEGORY_KINDS[new]})).tolist() == [[1, 1], [1, 0]]
    assert found.spec.apply(pd.DataFrame({"d": CATEGORY_KINDS[new]})[1:]).tolist() == [[1, 0]]


def test_categoricals_keep_the_order_of_their_levels():
    frame = pd.DataFrame(
        {"d": pd.Categorical(["low", "high", "mid"], categories=["low", "mid", "high"], ordered=True)}
    )
    assert build("d", frame).names == ("Intercept", "d[T.mid]", "d[T.high]")


def test_rows_keep_their_order_whatever_the_index(frame):
    shuffled = frame.sample(frac=1, random_state=2)
    text = "d*x + C(o, contr.sum) + bs(x, df=4)"
    by_row = build(text, frame).values[shuffled.index]
    np.testing.assert_allclose(build(text, shuffled).values, by_row, rtol=1e-12, atol=1e-12)
    repeated = shuffled.set_axis([0] * N)
    np.testing.assert_array_equal(build(text, repeated).values, build(text, shuffled).values)


def test_numbers_learnt_come_from_the_first_data(frame):
    spec = build("0 + scale(x) + log(center(z) + 9)", frame).spec
    new = pd.DataFrame({"x": [0.0], "z": [1.0]})
    expected = [-frame["x"].mean() / frame["x"].std(), np.log(10.0 - frame["z"].mean())]
    np.testing.assert_allclose(spec.apply(new), [expected], rtol=1e-12)


BAD = {
    "absent": "no column 'absent'",
    "dd": "Did you mean 'd'",
    "one": "'one' has one level, 'a'",
    "C(ones)": "'ones' has one level, 1",
    "one:x": "'one' has one level",
    "when": "Column 'when' is of type datetime64",
    "mixed": "holds mixed-integer values",
    "scale(d)": "'d' holds categories",
    "I(d)": "'d' holds categories",
    "log(i)": "log\\(i\\) is infinite or undefined in 8 of 30 rows; the first is row 0",
    "x:I(1/i)": "infinite or undefined",
    "scale(ones)": "infinite or undefined",
    "gaps": "'gaps' has 2 missing values in 30 rows",
    "holes": "'holes' has 2 missing values in 30 rows",
    "C(gaps)": "missing",
    "poly(i, 4)": "degree 4, and its data 4 distinct values",
    "bs(x, df=1)": "has 1 column.(.|\\n)*df=3, or poly\\(x, 1\\)",
    "C(d, contr.treatment('q'))": "'q'",
    "C(d, levels=['a', 'b'])": "levels that the model does not know: 'c'",
    "Intercept": "named Intercept",
    "`(1)`": "named \\(1\\)",
    "log(z) + `log(z)`": "named log\\(z\\)",
    "twin": "several columns named 'twin'",
}


@pytest.mark.parametrize("text", BAD)
def test_data_that_do_not_fit_are_named(text, frame):
    bad = frame.assign(
        **{
            "one": "a",
            "ones": 1,
            "when": pd.Timestamp("2020-01-01"),
            "Intercept": 1.0,
            "(1)": 1.0,
            "log(z)": 1.0,
        },
        mixed=pd.Series([1, "a"] * 15, dtype=object),
        gaps=[np.nan, np.nan, *range(28)],
        holes=[None, None, *"ab" * 14],
    )
    bad = pd.concat([bad, pd.DataFrame(np.ones((N, 2)), columns=["twin", "twin"])], axis=1)
    with pytest.raises(DataError, match=BAD[text]):
        build(text, bad)


@pytest.mark.parametrize("text", ["d", "C(d)", "x:d", "C(d, contr.sum)", "C(d, levels=['c', 'b', 'a'])"])
def test_unseen_levels_are_named_not_taken_for_the_first(text, frame):
    spec = build(text, frame).spec
    new = pd.DataFrame({"x": 1.0, "d": ["a", "q", "b", "r", "q"]})
    with refused(
        "unknown-category", match="'d' has levels that the model does not know: 'q', 'r'.\nKnown levels: '"
    ):
        spec.apply(new)


def test_new_data_of_another_kind_are_refused(frame):
    with refused("not-numbers", match="'x' holds categories"):
        build("x", frame).spec.apply(pd.DataFrame({"x": ["a"]}))
    with refused("unknown-category", match="does not know: 1, 2"):
        build("d", frame).spec.apply(pd.DataFrame({"d": [1, 2]}))
    with refused("unknown-column", match="no column 'x'"):
        build("x", frame).spec.apply(pd.DataFrame({"z": [1.0]}))


def test_splines_do_not_leave_their_range_silently(frame):
    spec = build("bs(x, df=4)", frame).spec
    with refused("outside-basis", match="bs\\(x, df=4\\)"):
        spec.apply(pd.DataFrame({"x": [1e3]}))


def test_levels_that_are_numbers_match_across_types():
    spec = build("C(i)", pd.DataFrame({"i": [1, 2, 3]})).spec
    assert spec.apply(pd.DataFrame({"i": [3.0, 1.0]})).tolist() == [[1, 0, 1], [1, 0, 0]]
