"""Levels called True and False, which pandas takes for a mask."""

import numpy as np
import pandas as pd
import pytest

import shoal as sl


@pytest.fixture(scope="module")
def fits():
    rng = np.random.default_rng(0)
    data = pd.DataFrame({"y": rng.normal(size=60), "x": rng.normal(size=60), "q": np.arange(60) % 3 == 0})
    asked = {"draws": 60, "chains": 2, "seed": 1, "progress": False}
    return {right: sl.Model(f"y ~ {right}", data).fit(**asked) for right in ("x + (1 | q)", "1 + (1 | q)")}


@pytest.mark.filterwarnings("ignore::shoal.errors.ShoalWarning")
def test_both_are_scored_and_compared(fits):
    first = fits["x + (1 | q)"]
    assert len(first.loo("q").pointwise) == len(first.loo("q", refit=True, progress=False).pointwise) == 2
    compared = sl.compare(fits, unit="q")
    assert all(len(score.pointwise) == 2 for score in compared.scores.values())


def test_both_are_drawn(fits):
    fit = fits["x + (1 | q)"]
    for picture in (fit.plot.data(), fit.plot.outcomes(), fit.model.plot.data("q")):
        assert picture.numbers["q"].tolist() == [False, True]
