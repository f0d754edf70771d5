"""Numbers and dates that were read as text are no categories: the message has the line that converts them."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

import shoal as sl
from refusals import refused
from shoal.errors import DataError
from shoal.formula.text_values import numbers_or_dates

N = 60
DAYS = pd.date_range("2021-02-26", periods=N)
TEXTS = {
    "numbers": ([f"{i / 4}" for i in range(N)], np.arange(N) / 4),
    "signed": ([f"{i - 9:+d}" for i in range(N)], np.arange(N) - 9),
    "exponents": ([f"{i}e-3" for i in range(N)], np.arange(N) / 1e3),
    "thousands": ([f"{900 * i:,}" for i in range(N)], 900 * np.arange(N)),
    "decimal commas": ([f"{i},5" for i in range(N)], np.arange(N) + 0.5),
    "iso": (DAYS.strftime("%Y-%m-%d"), np.arange(N)),
    "slashes": (DAYS.strftime("%Y/%m/%d"), np.arange(N)),
    "american": (DAYS.strftime("%m/%d/%Y"), np.arange(N)),
    "months": (DAYS.strftime("%d %b %Y"), np.arange(N)),
    "times": ([f"2020-03-01 {i // 4:02d}:{i % 4 * 15:02d}" for i in range(N)], np.arange(N) / 96),
}


def table(values):
    rng = np.random.default_rng(3)
    return pd.DataFrame(
        {"y": rng.normal(size=N), "text": values, "x": rng.normal(size=N), "g": np.arange(N) % 6}
    )


def line(error):
    assert "write this:\n    " in error.remedy.lower()
    return error.remedy.split("\n    ")[1].splitlines()[0]


@pytest.mark.parametrize("kind", TEXTS)
@pytest.mark.parametrize(
    "formula", ["y ~ text", "y ~ x*text", "y ~ x + (1 + text | g)", "y ~ 0 + text", "y ~ scale(text)"]
)
def test_text_of_numbers_or_dates_is_no_predictor(kind, formula):
    values, numbers = TEXTS[kind]
    data = table(values)
    with pytest.raises(DataError, match="is text that holds|holds categories") as caught:
        sl.Model(formula, data)
    assert repr(values[0]) in str(caught.value) or "scale" in formula
    exec(line(caught.value), {"data": data, "pandas": pd})
    np.testing.assert_allclose(data["text"], numbers, rtol=1e-12)
    assert sl.Model(formula, data).design.n_rows == N


@pytest.mark.parametrize("kind", TEXTS)
def test_it_is_a_category_when_it_is_said_so(kind):
    data = table(np.array(TEXTS[kind][0])[np.arange(N) % 5])
    with refused("text-of-numbers"):
        sl.Model("y ~ text", data)
    assert len(sl.Model("y ~ C(text)", data).design.terms) == 5
    assert len(sl.Model("y ~ text", data.astype({"text": "category"})).design.terms) == 5


@pytest.mark.parametrize("kind", TEXTS)
def test_it_is_a_grouping_factor_like_any_text(kind):
    data = table(np.array(TEXTS[kind][0])[np.arange(N) % 5])
    assert len(sl.Model("y ~ x + (1 | text)", data).design.groups[0].labels) == 5


def test_dates_and_numbers_of_a_file_are_met_alike(tmp_path):
    data = table(TEXTS["iso"][0]).assign(size=[f"{i}" if i % 20 else "?" for i in range(N)])
    data.to_csv(tmp_path / "t.csv")
    with refused("text-of-numbers", match="'text' is text that holds dates"):
        sl.Model("y ~ text", tmp_path / "t.csv")
    with refused("text-of-numbers", match=r"'size' is text that holds numbers(.|\n)*beside '\?'") as caught:
        sl.Model("y ~ size", tmp_path / "t.csv")
    exec(line(caught.value), {"data": data, "pandas": pd})
    assert data["size"].isna().sum() == 3


@pytest.mark.parametrize(
    "values",
    [
        ["a", "b"],
        ["0", "1", "2", "3+"],
        ["18-24", "25-34", "35+"],
        ["1", "many"],
        ["Q1", "Q2"],
        ["1st", "2nd"],
        ["10 mg", "20 mg"],
        ["1-2", "3-4"],
        ["2020-W01", "2020-W02"],
        ["May", "June"],
        ["1.2.3", "1.2.4"],
        ["(1)", "(2)"],
        ["", "1"],
        ["nan-like", "inf"],
    ],
)
def test_labels_that_only_look_a_little_like_numbers_are_categories(values):
    assert numbers_or_dates(values) == ("", [])
    data = table(np.array(values)[np.arange(N) % len(values)])
    assert len(sl.Model("y ~ text", data).design.terms) == len(values)


def test_one_value_is_no_kind():
    assert numbers_or_dates(["1"]) == ("", [])


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_dates_that_are_dates_are_answered_with_days(library):
    data = table(DAYS)
    data = pl.from_pandas(data) if library == "polars" else data
    with refused("dates", match="'text' holds dates") as caught:
        sl.Model("y ~ text", data)
    names = {"data": data, "pl": pl}
    exec(line(caught.value), names)
    assert sl.Model("y ~ text", names["data"]).design.x[:, 1].tolist() == list(range(N))


def test_a_response_of_numbers_as_text_is_answered_with_its_conversion():
    data = table(TEXTS["numbers"][0])
    with refused("not-numbers") as caught:
        sl.Model("text ~ x", data)
    exec(line(caught.value), {"data": data, "pandas": pd})
    assert sl.Model("text ~ x", data).design.rows.y.tolist() == TEXTS["numbers"][1].tolist()


def test_a_response_of_many_words_is_answered_with_its_family():
    data = table(np.array(["low", "mid", "high"])[np.arange(N) % 3])
    with refused("not-numbers", match="'cumulative'"):
        sl.Model("text ~ x", data)
