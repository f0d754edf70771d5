"""Names and labels that no result file can hold are refused when a model is made."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import shoal as sl
from refusals import refused


def table(**columns) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    base = {"y": rng.normal(size=60), "x": rng.normal(size=60), "g": np.resize(list("abcdef"), 60)}
    return pd.DataFrame(base | columns)


@pytest.mark.parametrize("name", [".", ".."])
@pytest.mark.parametrize("formula", ["y ~ `{}`", "`{}` ~ x", "y ~ x + (1 | `{}`)"])
def test_columns_named_like_folders(name, formula):
    frame = table().rename(columns={"g" if "|" in formula else "x": name})
    if formula.startswith("`"):
        frame = table().rename(columns={"y": name})
    with refused("column-name-with-slash"):
        sl.Model(formula.format(name), frame)


@pytest.mark.parametrize("formula", ["y ~ x + (1 | g)", "y ~ g", "y ~ x + (1 | g:h)"])
@pytest.mark.parametrize("label", ["a\0b", "\0", "\ud800"])
@pytest.mark.parametrize("kind", [str, "category"])
def test_labels_of_characters_that_no_file_holds(formula, label, kind):
    codes, distinct = np.resize([0, 1, 2], 60), np.array([label, "b", "c"], dtype=object)
    labels = pd.Series(distinct[codes], dtype=object)
    if kind == "category":
        labels = pd.Categorical.from_codes(codes, pd.Index(distinct, dtype=object))
    with refused("text-not-storable", match="'g'"):
        sl.Model(formula, table(g=labels, h=np.resize([1, 2], 60)))


def test_a_column_that_is_not_read_may_have_any_name():
    sl.Model("y ~ x + (1 | g)", table(**{".": 1, "z": "a\0b"}))


def test_any_other_sign_comes_back_from_a_file(tmp_path):
    labels = ["é", "日本", "😀", "a/b", " ", "."]
    fit = sl.Model("y ~ x + (1 | `é/g`)", table(**{"é/g": np.resize(labels, 60)})).fit(chains=1, draws=4)
    fit.save(tmp_path / "fit.nc")
    assert sorted(sl.load(tmp_path / "fit.nc").tree["posterior"]["é∕g"].values) == sorted(labels)
