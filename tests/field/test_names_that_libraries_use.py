"""Columns called as an argument of pandas, or as a dimension of results, is called."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

import shoal as sl
from refusals import refused

RUN = {"draws": 20, "chains": 1, "seed": 1, "progress": False}


def ratings(count=40):
    """Return a table of ratings of oneself and by others."""
    rng = np.random.default_rng(1)
    data = pd.DataFrame({"self": rng.normal(size=count), "x": rng.normal(size=count)})
    data["g"], data["y"] = np.resize(list("abcd"), count), data["self"] + rng.normal(size=count)
    return data


@pytest.mark.parametrize("column", ["self", "index", "columns", "frame", "name", "x1"])
def test_a_predictor_may_be_called_so(column):
    data = ratings().rename(columns={"self": column})
    fit = sl.Model(f"y ~ x + {column} + (1 + {column} | g)", data).fit(**RUN)
    assert len(fit.effect("x", points=3).table) == 3
    assert len(fit.effect(column, points=3).table) == 3
    assert len(fit.slope(column).table) == 1
    assert fit.contrast({column: [0.0, 1.0]}).table["mean"].notna().all()
    assert fit.icc(at={column: [0.0, 1.0]}).notna().any(axis=None)
    sl.Model(f"y ~ x + {column} + (1 | g)", pl.from_pandas(data).lazy())


def test_a_response_may_be_called_self():
    data = ratings()
    data.loc[3, "self"] = np.nan
    sl.Model("self | mi() ~ x + (1 | g)", data)
    data["there"] = data["self"].notna()
    sl.Model([sl.Response("self | subset(there) ~ x"), sl.Response("y ~ x")], data)


@pytest.mark.parametrize("name", ["draw", "chain", "row"])
@pytest.mark.parametrize("formula", ["{} ~ x", "`{}` ~ x + (1 | g)"])
def test_a_response_is_not_called_like_a_dimension_of_results(name, formula):
    data = ratings().rename(columns={"y": name})
    with refused("response-name-taken", match=f"'{name}'"):
        sl.Model(formula.format(name), data)
    sl.Model(f"x ~ {name} + (1 | g)", data).fit(**RUN)
