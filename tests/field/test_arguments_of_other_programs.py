"""Arguments of other programs are answered with the formula, or the argument, to write."""

import numpy as np
import pandas as pd
import pytest

import shoal as sl
from refusals import refused
from shoal.errors import ModelError

ANSWERS = {
    ("y ~ x + (1 | g)", "weights", "w"): "y | weights(w) ~ x + (1 | g)",
    ("k | trials(n) ~ x", "weights", "w"): "k | trials(n) + weights(w) ~ x",
    ("k ~ x", "trials", "n"): "k | trials(n) ~ x",
    ("y ~ x", "se", "w"): "y | se(w) ~ x",
    ("y ~ x", "offset", "w"): "y ~ x + offset(w)",
    ("n ~ x", "exposure", "w"): "n ~ x + offset(log(w))",
}


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(1)
    columns = {"k": rng.integers(0, 6, 40), "n": 6, "w": rng.uniform(1, 2, 40), "g": np.arange(40) % 5}
    return pd.DataFrame({"y": rng.normal(size=40), "x": rng.normal(size=40), **columns})


@pytest.mark.parametrize(("formula", "name", "value"), ANSWERS)
def test_what_stands_in_a_formula_is_written_there(data, formula, name, value):
    with refused("unknown-argument", match=f"A model takes no argument '{name}'") as caught:
        sl.Model(formula, data, **{name: value})
    line = caught.value.remedy.splitlines()[-1].strip()
    assert line == ANSWERS[formula, name, value]
    family = "binomial" if "trials" in line else "gaussian"
    sl.Model(line, data.assign(n=6 + np.arange(40) % 2), family)


def test_values_become_a_column_first(data):
    with pytest.raises(ModelError) as caught:
        sl.Model("y ~ x", data, weights=data["w"])
    assert caught.value.remedy == "Write this:\n    data['weights'] = ...\n    y | weights(weights) ~ x"


@pytest.mark.parametrize(
    ("name", "value", "answer"),
    [
        ("chains", 4, "Model(...).fit(chains=...)."),
        ("iter", 2000, "Model(...).fit(draws=...)."),
        ("prior", {}, "Model(..., priors={...})."),
        ("famly", "poisson", "Did you mean 'family'?"),
    ],
)
def test_what_stands_elsewhere_is_named(data, name, value, answer):
    with pytest.raises(ModelError) as caught:
        sl.Model("y ~ x", data, **{name: value})
    assert caught.value.remedy == answer
