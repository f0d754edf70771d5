"""Terms with nothing to estimate from: a polynomial without columns, and a column for each row."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

import shoal as sl
from shoal.errors import FormulaError, ShoalWarning

N = 60


@pytest.fixture
def data() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"y": rng.normal(size=N), "x": rng.normal(size=N)})
    return frame.assign(each=np.arange(N), some=np.arange(N) % 50)


@pytest.mark.parametrize("formula", ["y ~ poly(x, 0)", "y ~ poly(x, degree=0)"])
def test_a_polynomial_has_a_degree(data, formula):
    with pytest.raises(FormulaError):
        sl.Model(formula, data)


@pytest.mark.parametrize("formula", ["y ~ C(each)", "y ~ bs(x, df=100)"])
def test_a_term_with_a_column_for_each_row_is_remarked(data, formula):
    with pytest.warns(ShoalWarning, match="columns-for-rows|coefficient of its own"):
        model = sl.Model(formula, data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ShoalWarning)
        codes = {f.code for f in model.fit(chains=2, draws=50, seed=1).diagnose()}
    assert "columns-for-rows" in codes


@pytest.mark.parametrize("formula", ["y ~ C(some)", "y ~ bs(x, df=10)", "y ~ x + (1 | some)"])
def test_others_are_not(data, formula):
    with warnings.catch_warnings():
        warnings.simplefilter("error", ShoalWarning)
        sl.Model(formula, data)
