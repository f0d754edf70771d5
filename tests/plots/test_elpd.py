"""The picture of units left out: which of many have their name."""

import numpy as np
import pandas as pd
import pytest

from shoal.scores.loo import Loo
from shoal.scores.pictures import NAMED, WORST, units


def score(labels, k, unit="g", single=False):
    """Return a score of units with these Pareto k, of which 0.7 is the limit."""
    labels, k = pd.Index(list(labels), name=unit), np.asarray(k, float)
    columns = {"n": 2, "elpd": -1.0 - k, "within": -1.0, "pareto_k": k, "mcse": 0.1, "predicted": 0.5}
    table = pd.DataFrame(columns, index=labels).assign(method="psis", integral="none", integral_error=0.0)
    return Loo(unit, "The question: how well.", table, 1000, 0.7, single=single)


def names(picture):
    """Return the names beside marks, with the places of the marks."""
    below = picture.figure.axes[1]
    return {text.get_text(): tuple(text.xy) for text in below.texts}


def test_of_many_units_the_worst_have_their_name():
    k = np.full(NAMED + 1, 0.3)
    bad = {3: 0.9, 10: 0.8, 20: 2.0, 30: 0.71, 40: 1.5, 50: 1.1, 60: np.nan}
    k[list(bad)] = list(bad.values())
    picture = units(score([f"$unit {i}" for i in range(len(k))], k))
    worst = sorted((i for i in bad if bad[i] > 0), key=lambda i: -bad[i])[:WORST]
    assert names(picture) == {rf"\$unit {i}": (i, bad[i]) for i in worst}
    assert picture.figure.axes[1].get_xlabel() == "g, by position"
    picture.figure.canvas.draw()


def test_of_many_units_none_has_its_name_where_all_can_be_relied_on():
    assert not names(units(score(range(NAMED + 1), np.full(NAMED + 1, 0.3))))


@pytest.mark.parametrize("unit", ["g", "row"])
def test_few_units_have_all_their_names_but_rows_have_their_number(unit):
    picture = units(score("abc", [0.1, 0.9, 0.2], unit))
    below = picture.figure.axes[1]
    assert below.get_xlabel() == unit
    if unit == "row":
        assert names(picture) == {"b": (1, 0.9)}
    else:
        assert not below.texts and [tick.get_text() for tick in below.get_xticklabels()] == ["a", "b", "c"]


def test_a_trial_is_one_by_what_it_is_and_not_by_its_name():
    for single in (True, False):
        label = units(score("ab", [0.1, 0.2], "trial", single)).figure.axes[0].get_ylabel()
        assert ("of one trial" in label) == single
