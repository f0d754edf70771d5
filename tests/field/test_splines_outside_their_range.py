"""Rows outside the range of a spline are named, with both choices: an option of the formula, or a line."""

import numpy as np
import pandas as pd
import pytest

import shoal as sl
from refusals import refused
from shoal.errors import DataError
from shoal.formula import design_matrix, parse

BASES = [
    "bs(x, df=5)",
    "bs(x, 6, degree=2)",
    "cr(x, df=4)",
    "cs(x, df=4, constraints='center')",
    "cc(x, df=4)",
]


def table(low=1.0, high=9.0, size=50):
    x = np.random.default_rng(4).permutation(np.linspace(low, high, size))
    return pd.DataFrame({"y": np.sin(x), "x": x})


def population(text):
    return parse(f"y ~ {text}").population


@pytest.mark.parametrize("basis", BASES)
def test_rows_outside_are_named_and_both_remedies_work(basis):
    matrix = design_matrix(population(basis), table())
    new = pd.DataFrame({"x": [2.0, 9.5, 5.0, -1.25]})
    with pytest.raises(DataError) as caught:
        matrix.spec.apply(new)
    error = caught.value
    assert "from 1 to 9; 2 of 4 rows are outside (row 1: 9.5, row 3: -1.25)" in error.found
    # in the formula: the columns of the fitted rows are the same
    option = error.needed.split(": ")[1].split(" in the formula")[0]
    for choice in ("extend", "clip"):
        going_on = design_matrix(population(option.replace("extend", choice)), table())
        np.testing.assert_array_equal(going_on.values, matrix.values)
        assert np.isfinite(going_on.spec.apply(new)).all()
    # in the table: the values at the edges
    exec(error.remedy.split("\n    ")[1], {"new": new})
    assert new["x"].tolist() == [2.0, 9.0, 5.0, 1.0]
    np.testing.assert_allclose(matrix.spec.apply(new), going_on.spec.apply(new))


def test_extending_is_the_polynomial_of_the_edge():
    inner = design_matrix(population("bs(x, df=3, extrapolation='extend')"), table())
    x = np.array([0.0, 5.0, 12.0])
    cubic = np.polynomial.Polynomial.fit(table()["x"], inner.values[:, 1], 3)
    np.testing.assert_allclose(inner.spec.apply(pd.DataFrame({"x": x}))[:, 1], cubic(x), atol=1e-8)


def test_bounds_that_were_given_are_met_at_once():
    with refused("outside-basis", match=r"from 3 to 9; 13 of 50 rows are outside(.|\n)*data\['x'\]\.clip"):
        design_matrix(population("bs(x, df=5, lower_bound=3)"), table())


def test_arithmetic_has_no_column_to_clip():
    spec = design_matrix(population("bs(log(x), df=5)"), table()).spec
    with refused("outside-basis"):
        spec.apply(pd.DataFrame({"x": [100.0]}))


def test_an_option_that_was_given_speaks():
    spec = design_matrix(population("bs(x, df=5, extrapolation='zero')"), table()).spec
    assert spec.apply(pd.DataFrame({"x": [0.0]}))[0, 1:].tolist() == [0.0] * 5
    refusing = design_matrix(population("bs(x, df=5, extrapolation='raise')"), table()).spec
    with refused("outside-basis", match="extrapolation='extend'"):
        refusing.apply(pd.DataFrame({"x": [0.0]}))


def test_predictions_say_it():
    data = table().assign(g=np.arange(50) % 5)
    data["y"] += np.random.default_rng(1).normal(size=50)
    fit = sl.Model("y ~ bs(x, df=4) + (1 | g)", data).fit(draws=50, chains=2, seed=1)
    new = pd.DataFrame({"x": [4.0, np.nan, 10.0], "g": 0})
    with pytest.warns(sl.errors.ShoalWarning, match="missing"), refused("outside-basis", match="row 2: 10"):
        fit.predict(new)
    inside = new.dropna().assign(x=lambda d: d["x"].clip(1.0, 9.0))
    assert np.isfinite(fit.predict(inside)).all()


@pytest.mark.parametrize(
    ("basis", "least"),
    [("bs(x, df=2)", 3), ("bs(x, 1, degree=2)", 2), ("bs(x, df=3, include_intercept=True)", 4)],
)
def test_a_spline_has_a_least_size(basis, least):
    with refused("basis-size", match=f"Write df={least}, or poly"):
        design_matrix(population(basis), table())
    fixed = basis.replace("df=2", "df=3").replace("x, 1", "x, 2").replace("df=3, incl", "df=4, incl")
    assert np.isfinite(design_matrix(population(fixed), table()).values).all()
