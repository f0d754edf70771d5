"""Rows with missing values: refused, or dropped, counted, said and kept."""

import numpy as np
import pandas as pd
import pytest

import shoal as sl
from refusals import refused
from shoal.errors import ModelError, ShoalWarning


def table():
    rng = np.random.default_rng(4)
    data = pd.DataFrame({"x": rng.normal(size=40), "g": np.repeat(list("abcd"), 10), "unused": np.nan})
    data["y"] = data["x"] + rng.normal(size=40)
    data.loc[[3, 7], "x"] = np.nan
    data.loc[[7, 20], "g"] = None
    return data


FORMULA = "y ~ x + (1 | g)"


def dropping(formula=FORMULA, data=None, **options):
    with pytest.warns(ShoalWarning, match="3 of 40 rows dropped") as caught:
        model = sl.Model(formula, table() if data is None else data, missing="drop", **options)
    assert len(caught) == 1
    return model


def test_rows_with_missing_values_are_refused_unless_they_are_to_be_dropped():
    with refused("missing-values", match="missing='drop'"):
        sl.Model(FORMULA, table())
    with pytest.raises(ModelError):
        sl.Model(FORMULA, table(), missing="omit")


def test_what_is_dropped_is_counted_and_the_rest_is_the_same_model():
    model = dropping()
    assert model.dropped.rows == (3, 7, 20) and model.dropped.of == 40
    assert dict(model.dropped.columns) == {"x": 2, "g": 2}
    whole = sl.Model(FORMULA, table().dropna(subset=["x", "g"]))
    np.testing.assert_array_equal(model.design.x, whole.design.x)
    np.testing.assert_array_equal(model.design.rows.y, whole.design.rows.y)
    assert model.priors == whole.priors and whole.dropped is None
    line = "3 of 40 rows dropped, for missing values of 'x' (2), 'g' (2)"
    assert line in str(model) and "dropped" not in str(whole)


def test_nothing_is_said_where_nothing_is_missing():
    assert sl.Model("y ~ 1", table(), missing="drop").dropped is None


def test_infinite_values_are_no_missing_ones():
    data = table()
    data.loc[0, "x"] = np.inf
    with pytest.warns(ShoalWarning), refused("missing-values"):
        sl.Model(FORMULA, data, missing="drop")


def test_a_table_of_which_nothing_is_left_is_refused():
    with refused("no-row-left"):
        sl.Model("y ~ unused", table(), missing="drop")


def test_columns_of_other_parameters_and_responses_count():
    data = table().assign(z=np.r_[np.nan, np.zeros(19), np.ones(20)])
    with pytest.warns(ShoalWarning, match="1 of 40"):
        model = sl.Model("y ~ 1", data, predictors={"sigma": "~ z"}, missing="drop")
    assert model.dropped.rows == (0,)


def test_values_that_are_estimated_are_not_dropped():
    data = table().assign(v=lambda d: d["y"] * 2)
    data.loc[5, "v"] = np.nan
    responses = [sl.Response("y ~ mi(v) + (1 | g)"), sl.Response("v | mi() ~ 1")]
    with pytest.warns(ShoalWarning, match="2 of 40"):
        model = sl.Model(responses, data, missing="drop")
    assert model.dropped.rows == (7, 20)


@pytest.mark.slow
def test_a_fit_and_its_file_know_what_was_dropped(tmp_path):
    fit = dropping().fit(seed=1, draws=50, chains=2)
    assert "3 of 40 rows dropped" in repr(fit)
    fit.save(tmp_path / "fit.nc")
    again = sl.load(tmp_path / "fit.nc")
    assert again.model.dropped == fit.model.dropped and repr(again) == repr(fit)
    fit.report(tmp_path / "page.html")
    assert "3 of 40 rows dropped" in (tmp_path / "page.html").read_text()
