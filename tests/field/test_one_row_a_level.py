"""Levels that have one row each beside a residual: their spread and that of rows cannot be told apart."""

import numpy as np
import pandas as pd
import pytest

import shoal as sl
from refusals import refused
from shoal.errors import ShoalWarning


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(6)
    return pd.DataFrame(
        {
            "y": rng.normal(size=80),
            "obs": np.arange(80),
            "trt": np.array(list("abcd"))[np.arange(80) % 4],
            "x": rng.normal(size=80),
            "s": rng.uniform(1, 2, 80),
            "nearly": np.minimum(np.arange(80), 77),
        }
    )


@pytest.mark.parametrize("effects", ["1", "0 + trt", "trt", "1 + x", "0 + trt + x"])
@pytest.mark.parametrize("bar", ["|", "||"])
def test_a_factor_of_rows_beside_sigma_is_refused_whatever_its_effects(data, effects, bar):
    with refused("one-row-a-level", match="Every one of the 80 rows is its own level of 'obs'"):
        sl.Model(f"y ~ 1 + ({effects} {bar} obs)", data)


@pytest.mark.parametrize("formula", ["y ~ 1 + (0 + x | obs)", "y | se(s) ~ 1 + (0 + trt || obs)"])
def test_what_rows_tell_apart_is_a_model(data, formula):
    assert len(sl.Model(formula, data).design.groups[0].labels) == 80


@pytest.mark.parametrize("effects", ["1 |", "0 + trt ||"])
def test_a_factor_of_nearly_rows_is_remarked_on_before_it_is_fitted(data, effects):
    with pytest.warns(
        ShoalWarning, match="78 levels of 'nearly' have 80 rows: only 2 of them tell sd_nearly"
    ):
        sl.Model(f"y ~ 1 + ({effects} nearly)", data)
