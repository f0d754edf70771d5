"""Row-by-row arithmetic."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refusals import refused
from shoal.errors import DataError
from shoal.formula import Expression, evaluate, parse

X, Z = np.array([0.5, 1.0, 2.0]), np.array([3.0, 4.0, 5.0])
COLUMNS = {"x": X, "z": Z, "n": np.array([1, 2, 3]), "flag": np.array([True, False, True]), "my col": X}

EXPECTED = {
    "x": X,
    "x + z - 1": X + Z - 1,
    "x - z - 1": X - Z - 1,
    "x - (z - 1)": X - (Z - 1),
    "x / z / 2": X / Z / 2,
    "x + 2 * z": X + 2 * Z,
    "-x ** 2": -(X**2),
    "(-x) ** 2": X**2,
    "2 ** x ** 2": 2 ** (X**2),
    "2 ** -x": 2**-X,
    "+x": X,
    "- -x": X,
    "log(x) + log2(x) + log10(x) + log1p(x)": np.log(X) + np.log2(X) + np.log10(X) + np.log1p(X),
    "exp(x) * expm1(x)": np.exp(X) * np.expm1(X),
    "sqrt(abs(-x))": np.sqrt(X),
    "tanh(I(x))": np.tanh(X),
    "`my col` * 2": 2 * X,
    "n / 2": np.array([0.5, 1.0, 1.5]),
    "flag * 3": np.array([3.0, 0.0, 3.0]),
    "10": np.full(3, 10.0),
    "1e-3": np.full(3, 1e-3),
    ".5": np.full(3, 0.5),
}


@pytest.mark.parametrize("text", EXPECTED)
def test_arithmetic(text):
    (offset,) = parse(f"y ~ offset({text})").offsets
    found = evaluate(offset, COLUMNS)
    np.testing.assert_allclose(found, EXPECTED[text], rtol=1e-15)
    assert found.shape == (3,) and found.dtype == np.float64


@given(st.recursive(
    st.sampled_from(["x", "z", "2", "0.5"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*/"), inner).map(lambda p: f"({p[0]} {p[1]} {p[2]})"),
        st.tuples(inner, st.sampled_from("+-*"), inner).map(" ".join),
        inner.map("-{}".format),
        inner.map("({} ** 2)".format),
    ),
    max_leaves=8,
))  # fmt: skip
def test_arithmetic_and_its_canonical_text_agree_with_python(text):
    with np.errstate(all="ignore"):
        expected = np.broadcast_to(eval(text, {"x": X, "z": Z}), (3,))
    (offset,) = parse(f"y ~ offset({text})").offsets
    if np.isfinite(expected).all():
        np.testing.assert_allclose(evaluate(offset, COLUMNS), expected, rtol=1e-12)


def test_a_column_alone_is_returned_as_it_is():
    labels = np.array(["low", "high"])
    assert evaluate(parse("y ~ 1").response.value, {"y": labels}).tolist() == ["low", "high"]


def test_the_result_can_be_written_to():
    found = evaluate(Expression("2", ()), COLUMNS)
    found[0] = 1.0
    assert found.tolist() == [1.0, 2.0, 2.0]


BAD = {
    "absent": "no column 'absent'",
    "absent + 1": "no column 'absent'",
    "xx + 1": "Did you mean 'x'",
    "label + 1": "Arithmetic and functions",
    "log(x - 1)": "undefined in 2 of 3 rows; the first is row 0",
    "1 / (x - 1)": "infinite or undefined in 1 of 3 rows; the first is row 1",
    "9 ** 9 ** 9 ** 9": "3 of 3 rows",
    "x + short": "rows",
}


@pytest.mark.parametrize("text", BAD)
def test_data_that_do_not_fit_are_named(text):
    columns = COLUMNS | {"label": np.array(["a", "b", "c"]), "short": X[:2]}
    with pytest.raises(DataError, match=BAD[text]):
        evaluate(parse(f"y ~ offset({text})").offsets[0], columns)


def test_a_constant_needs_some_column_to_know_its_length():
    with refused("column-lengths"):
        evaluate(Expression("2", ()), {})


def test_functions_that_learn_are_refused():
    with refused("function-of-all-rows"):
        evaluate(Expression("center(x)", ("x",)), COLUMNS)
