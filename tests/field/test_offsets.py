"""Offsets on another scale than that of the linear predictor, and offsets given twice."""

import warnings

import numpy as np
import pandas as pd
import pytest

import shoal as sl
from refusals import refused
from shoal.errors import DataError, ShoalWarning


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(1)
    time = rng.uniform(20, 1043, 50)
    time[0] = 1043
    return pd.DataFrame(
        {
            "n": rng.poisson(time / 100),
            "time": time,
            "hours": time / 30,
            "y": rng.integers(0, 2, 50),
            "x": time**2,
        }
    )


def test_an_offset_whose_mean_is_no_number_is_refused_with_its_logarithm(data):
    with pytest.raises(DataError) as caught:
        sl.Model("n ~ 1 + offset(time)", data, "poisson")
    assert caught.value.found == "offset(time) reaches e^1,043."
    assert caught.value.remedy == "Is offset(log(time)) meant?"


@pytest.mark.parametrize(
    ("formula", "family", "said"),
    [
        ("n ~ 1 + offset(hours)", "poisson", "offset(hours) reaches e^35"),
        ("n ~ 1 + offset(hours)", "negbinomial", "Is offset(log(hours)) meant?"),
        ("y ~ 1 + offset(time)", "bernoulli", "which has the logit link"),
        ("n ~ 1 + offset(-hours)", "poisson", "Is it in another unit?"),
    ],
)
def test_an_offset_that_spreads_wider_than_means_do_is_remarked_on(data, formula, family, said):
    with pytest.warns(ShoalWarning, match="is that on the right scale") as caught:
        sl.Model(formula, data, family)
    assert said in str(caught[0].message)


def test_offsets_on_the_right_scale_need_no_word(data):
    with warnings.catch_warnings():
        warnings.simplefilter("error", ShoalWarning)
        sl.Model("n ~ 1 + offset(log(time))", data, "poisson")
        sl.Model("x ~ 1 + offset(time)", data)


def test_one_offset_twice_is_refused_and_two_are_added(data):
    with refused("term-twice") as caught:
        sl.Model("n ~ 1 + offset(log(time)) + offset(log( time ))", data, "poisson")
    assert "offset(2 * (log(time)))" in caught.value.remedy
    model = sl.Model("n ~ 1 + offset(log(time)) + offset(log(hours))", data, "poisson")
    np.testing.assert_allclose(model.design.offset, np.log(data["time"] * data["hours"]))
