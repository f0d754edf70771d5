"""Where a line or a name is offered in place of what was written, following it works."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

import shoal as sl
from shoal import priors
from shoal.cli.prior_text import parse_prior
from shoal.errors import DataError, FormulaError, ModelError, PriorError, ShoalError

N = 60


@pytest.fixture
def data() -> pd.DataFrame:
    rng = np.random.default_rng(2)
    frame = pd.DataFrame({"x": rng.normal(size=N), "g": np.resize(list("abcdef"), N), "n": 5})
    frame["y"] = frame["x"] + rng.normal(size=6)[frame["g"].map("abcdef".index)] + rng.normal(size=N)
    return frame.assign(k=rng.binomial(5, 0.5, N), days=pd.to_datetime("2020-01-01"))


def follow(error: ShoalError, data: pd.DataFrame, which: int = 0) -> pd.DataFrame:
    """Run the line that an error offers."""
    lines = [line.strip() for line in error.remedy.splitlines() if line.startswith("    ")]
    names = {"data": data, "pandas": pd}
    exec(lines[which], names)
    return names["data"]


def refusal(formula: str, data: pd.DataFrame, family: str = "gaussian") -> DataError:
    with pytest.raises(DataError) as caught:
        sl.Model(formula, data, family)
    return caught.value


DAYS = pd.Timestamp("2020-01-01") + pd.to_timedelta(np.arange(N) % 7, "D")
COLUMNS = {
    "durations": ("y ~ z", pd.Series(DAYS - DAYS[0]), 0),
    "sparse": ("y ~ z", pd.Series(pd.arrays.SparseArray(np.arange(N) % 3.0)), 0),
    "complex": ("y ~ z", pd.Series(np.arange(N) + 1j), 0),
    "dates": ("y ~ z", pd.Series(DAYS), 0),
    "dates of a factor": ("y ~ x + (1 | z)", pd.Series(DAYS), 1),
    "text of numbers": ("y ~ x + offset(z)", pd.Series(np.arange(N).astype(str)), 0),
    "text in a logarithm": ("y ~ log(z)", pd.Series((np.arange(N) + 1).astype(str)), 0),
}


@pytest.mark.parametrize(("formula", "column", "which"), COLUMNS.values(), ids=COLUMNS)
def test_a_column_of_another_kind_is_converted_by_the_line_that_is_shown(data, formula, column, which):
    table = data.assign(z=column)
    error = refusal(formula, table)
    assert "Unknown" not in str(error)
    sl.Model(formula, follow(error, table, which))


@pytest.mark.parametrize(
    ("formula", "family"),
    [
        ("y | weights(t) ~ x", "gaussian"),
        ("y | se(t) ~ x", "gaussian"),
        ("k | trials(t) ~ x", "binomial"),
        ("y ~ x + offset(t)", "gaussian"),
        ("y ~ log(t)", "gaussian"),
    ],
)
def test_text_that_is_no_response_gets_no_advice_for_one(data, formula, family):
    error = refusal(formula, data.assign(t=np.resize(["low", "high", "middle"], N)), family)
    assert "'t'" in error.found
    assert "cumulative" not in str(error) and "category" not in str(error) and "==" not in str(error)


def test_text_that_is_a_response_does(data):
    error = refusal("t ~ x", data.assign(t=np.resize(["low", "high", "middle"], N)))
    assert "cumulative" in error.remedy


@pytest.mark.parametrize("name", ["sd_g", "sigma", "x", "b", "Intercept"])
def test_a_prior_as_text_is_answered_with_one_that_the_parameter_takes(data, name):
    with pytest.raises(PriorError) as caught:
        sl.Model("y ~ x + (1 | g)", data, priors={name: "Exponential(1)"})
    kind, inside = re.search(r"priors\.(\w+)\(([^)]*)\)", caught.value.needed).groups()
    prior = getattr(priors, kind)(*map(float, inside.split(",")))
    sl.Model("y ~ x + (1 | g)", data, priors={name: prior})


def test_a_prior_of_the_command_line_offers_what_can_be_given():
    with pytest.raises(PriorError) as caught:
        parse_prior("b=Norml(0, 1)")
    offered = caught.value.needed.removeprefix("Known: ").rstrip(".").split(", ")
    assert "Normal" in offered
    assert not {own.__name__ for own in priors.INTERNAL} & set(offered)


def test_a_contrast_offers_a_column_of_the_table(data):
    fit = sl.Model("y ~ x + (1 | g)", data).fit(chains=1, draws=10)
    with pytest.raises(ModelError) as caught:
        fit.contrast("x")
    fit.contrast(eval(caught.value.remedy.removeprefix("Such as contrast(").removesuffix(").")))


def test_the_name_of_a_data_set_in_place_of_a_table_is_answered_with_the_call():
    with pytest.raises(DataError) as caught:
        sl.Model("y ~ 1", "radon")
    assert "load_dataset('radon')" in caught.value.remedy


@pytest.mark.parametrize("size", [1e12, 1e15])
def test_a_mean_too_large_for_the_spread_is_called_so(data, size):
    error = refusal("y ~ x + (1 | g)", data.assign(y=data["y"] + size))
    assert "mean" in error.found and "reproduce" not in error.found
    sl.Model("y ~ x + (1 | g)", data.assign(y=data["y"] + size - size))


def test_a_parenthesis_that_is_there_is_not_missed():
    with pytest.raises(FormulaError) as caught:
        sl.Model("y ~ x + (1 |)", {"y": [1.0, 2.0]})
    assert "no '('" not in str(caught.value)
    with pytest.raises(FormulaError) as caught:
        sl.Model("y ~ x)", {"y": [1.0, 2.0]})
    assert "no '('" in str(caught.value)


def test_a_ragged_file_is_named_in_one_line(tmp_path):
    (tmp_path / "rag.csv").write_text("a,b\n1,2\n1,2,3\n")
    with pytest.raises(DataError) as caught:
        sl.Model("a ~ b", tmp_path / "rag.csv")
    assert "\n" not in caught.value.found and "C error" not in caught.value.found


def test_sentences_have_the_right_number_and_article(data):
    with pytest.raises(DataError) as caught:
        sl.Model("z ~ x", data.assign(z=np.where(np.arange(N) == 3, -1.0, 1.0)), "exponential")
    assert "An exponential" in caught.value.needed
    with pytest.raises(DataError) as caught:
        sl.Model("y | weights(w) ~ x", data.assign(w=np.where(np.arange(N) == 3, -1.0, 1.0)))
    assert "in 1 row (" in caught.value.found
    with pytest.raises(FormulaError) as caught:
        sl.Model("y ~ group_mean(x)", data)
    assert "1 argument" in caught.value.found and "1 arguments" not in caught.value.found
