"""`fit.plot.outcomes`: the numbers are those of `fit.predict`, averaged by hand over the rows of a group."""

import numpy as np
import pandas as pd
import pytest

from plots.made_fits import CATEGORIES, TWO, made, model, table
from shoal.errors import DataError, ModelError


def by_hand(fit, observed, weight, keys, prob=0.9, response=None):
    """Return mean and interval of what is expected of each group of rows, beside what was observed there."""
    draws = fit.predict(response=response).stack(sample=("chain", "draw")).transpose("row", "sample", ...)
    values = draws.values
    if values.ndim == 3:
        values = values @ np.arange(1.0, values.shape[2] + 1)
    rows = {}
    for key, own in pd.DataFrame(keys).groupby(list(keys), observed=True).groups.items():
        size = weight["size"][own].sum()
        mean = weight["rows"][own].to_numpy() @ values[own] / size
        low, high = np.quantile(mean, [(1 - prob) / 2, (1 + prob) / 2])
        total = weight["rows"][own] @ observed[own]
        rows[key if len(keys) > 1 else key[0]] = (len(own), size, total / size, mean.mean(), low, high)
    return rows


def check(picture, rows, label):
    numbers = picture.numbers
    interval = [name for name in numbers if name.startswith("eti")]
    found = numbers[["n", "size", "mean", "posterior_mean", *interval]].to_numpy(float)
    assert len(numbers) == len(rows)
    for name, row in zip(numbers[label], found, strict=True):
        np.testing.assert_allclose(row, rows[name])


def weights(rows=1.0, trials=1.0):
    each = pd.Series(np.ones(60)) * rows
    return {"rows": each, "size": each * trials}


@pytest.mark.parametrize(
    ("formula", "family", "response", "rows", "trials"),
    [
        ("k | trials(m) ~ x + (1 | g)", "binomial", "k", 1, "m"),
        ("bit ~ x + (1 | g)", "bernoulli", "bit", 1, None),
        ("grade ~ x + (1 | g)", "cumulative", "grade", 1, None),
        ("y | weights(m) ~ x + (1 | g)", "gaussian", "y", "m", None),
        ("k | trials(m) + weights(h + 1) ~ x + (1 | g)", "binomial", "k", "h", "m"),
    ],
)
def test_numbers_are_predictions_averaged_over_the_rows_of_a_group(formula, family, response, rows, trials):
    data = table()
    fit = made(model(formula, family))
    observed = data[response]
    if response == "grade":
        observed = pd.Series([CATEGORIES.tolist().index(grade) + 1 for grade in observed])
    own = 1 if rows == 1 else data[rows] + (rows == "h")
    weight = weights(own, 1 if trials is None else data[trials])
    picture = fit.plot.outcomes(prob=0.8)
    check(picture, by_hand(fit, observed, weight, {"g": data["g"]}, 0.8), "g")
    assert {"eti80_lb", "eti80_ub"} <= set(picture.numbers)
    assert "80% equal-tailed" in picture.caption and "Of the rows of each g" in picture.caption
