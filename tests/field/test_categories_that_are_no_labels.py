"""Categories that are neither text, numbers nor booleans are refused when a model is made."""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import pytest

import shoal as sl
from refusals import refused

N = 60
CODES = np.resize([0, 1, 2, 3], N)


def column(categories) -> pd.Categorical:
    return pd.Categorical.from_codes(CODES, pd.Index(categories, tupleize_cols=False), ordered=True)


def table(g) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    return pd.DataFrame({"y": rng.normal(size=N), "x": rng.normal(size=N), "h": CODES // 2, "g": g})


REFUSED = {
    "intervals": pd.interval_range(0, 4),
    "times": pd.date_range("2020-01-01", periods=4),
    "dates": [datetime.date(2020, 1, day) for day in range(1, 5)],
    "periods": pd.period_range("2020-01", periods=4, freq="M"),
    "tuples": [(0, 1), (0, 2), (1, 2), (1, 3)],
    "several kinds": [1, "a", 2, "b"],
    "complex numbers": [1j, 2j, 3j, 4j],
    "bytes": [b"a", b"b", b"c", b"d"],
}


@pytest.mark.parametrize("formula", ["y ~ x + (1 | g)", "y ~ x + g", "y ~ x + (1 | h:g)"])
@pytest.mark.parametrize("categories", REFUSED.values(), ids=REFUSED)
def test_they_are_refused_and_the_line_that_is_shown_helps(formula, categories):
    data = table(column(categories))
    with refused("column-type", match="'g'") as caught:
        sl.Model(formula, data)
    (line,) = (line for line in caught.value.remedy.splitlines() if line.startswith("    "))
    exec(line.strip(), {"data": data})
    assert data["g"].cat.ordered and data["g"].cat.categories.tolist() == [str(c) for c in categories]
    sl.Model(formula, data)


def test_an_ordered_response_of_intervals_is_refused():
    with refused("column-type", match="'g'"):
        sl.Model("g ~ x", table(column(pd.interval_range(0, 4))), "cumulative")


@pytest.mark.parametrize("categories", [["a", "b", "c", "d"], [1, 2, 3, 4], [1.5, 2.0, 3.0, 4.0]])
def test_text_and_numbers_come_back_from_a_file(categories, tmp_path):
    fit = sl.Model("y ~ x + (1 | g)", table(column(categories))).fit(chains=1, draws=4, warmup=5)
    fit.save(tmp_path / "fit.nc")
    assert sl.load(tmp_path / "fit.nc").tree["posterior"]["g"].values.tolist() == categories
