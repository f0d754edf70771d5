"""A slope of levels within which nothing varies is no slope: it is said, with the formula without it."""

import warnings

import numpy as np
import pandas as pd
import pytest

import shoal as sl
from shoal.errors import ShoalWarning
from shoal.formula import parse

LOTS, ROWS = 20, 6


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(11)
    lot = np.repeat(np.arange(LOTS), ROWS)
    size = LOTS * ROWS
    w = rng.normal(size=size)
    return pd.DataFrame(
        {
            "y": rng.normal(size=LOTS)[lot] + rng.normal(size=size),
            "b": rng.integers(0, 2, size),
            "w": w,
            "src": lot % 2,
            "dose": 2001.5 + 0.25 * lot,
            "kind": np.array(["a", "b", "c"])[lot % 3],
            "day": 2001.0 + np.arange(size) % ROWS,
            "line": w * (1 + lot % 4),
            "lot": lot,
            "plant": lot // 5,
            "box": np.arange(size) // 2,
            "once": np.arange(size),
        }
    )


def heard(formula, data, family="gaussian", **options):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        sl.Model(formula, data, family, **options)
    return [str(w.message) for w in caught if issubclass(w.category, ShoalWarning)]


HIDDEN = {
    "y ~ src + (1 + src | lot)": ("sd_lot[src]", "y ~ src + (1 | lot)"),
    "y ~ src + (src || lot)": ("sd_lot[src]", "y ~ src + (1 | lot)"),
    "y ~ dose + (dose | lot)": ("sd_lot[dose]", "y ~ dose + (1 | lot)"),
    "y ~ kind + (kind | lot)": ("sd_lot[kind[T.b]], sd_lot[kind[T.c]]", "y ~ kind + (1 | lot)"),
    "y ~ w + (1 + w + src | lot)": ("sd_lot[src]", "y ~ w + (1 + w | lot)"),
    "y ~ w + (1 + w * src | lot)": ("sd_lot[src], sd_lot[w:src]", "y ~ w + (1 + w | lot)"),
    "y ~ w + (1 + w + line | lot)": ("sd_lot[line]", "y ~ w + (1 + w | lot)"),
    "y ~ w + (1 | lot) + (0 + dose | lot)": ("sd_lot[dose]", "y ~ w + (1 | lot)"),
    "y ~ w + (src | gr(lot, dist='student'))": ("sd_lot[src]", "y ~ w + (1 | gr(lot, dist='student'))"),
    "y ~ w + (src | plant/lot)": ("sd_plant:lot[src]", "y ~ w + (1 + src | plant) + (1 | plant:lot)"),
    "b ~ w + (w | once)": ("sd_once[w]", "b ~ w + (1 | once)"),
}


@pytest.mark.parametrize("formula", HIDDEN)
def test_a_slope_that_no_level_shows_is_named(formula, data):
    names, answer = HIDDEN[formula]
    family = "bernoulli" if formula.startswith("b") else "gaussian"
    (message,) = heard(formula, data, family)
    assert f"{names} then says how the spread of the levels differs" in message
    assert message.split("Write this:\n    ")[1] == answer
    assert not heard(answer, data, family)


@pytest.mark.parametrize(
    "formula",
    [
        "y ~ w + (1 + w | lot)",
        "y ~ day + (1 + day | lot)",
        "y ~ src + (1 + src | plant)",
        "y ~ w + (1 + w | box)",
        "y ~ w + (1 | lot) + (0 + src | plant)",
        "y ~ w + (0 + kind || lot)",
        "y ~ w + (0 + dose | lot)",
    ],
)
def test_what_some_level_shows_passes_without_a_word(formula, data):
    assert not heard(formula, data)


def test_one_level_that_shows_a_slope_is_enough(data):
    some = data.assign(src=np.where(np.arange(len(data)) == 50, 1 - data["src"], data["src"]))
    assert not heard("y ~ src + (1 + src | lot)", some)


@pytest.mark.parametrize(
    ("formula", "answer"),
    [
        ("y ~ w + (0 + kind | lot)", "y ~ w + (0 + kind || lot)"),
        (
            "y ~ w + (0 + kind | gr(lot, dist='student'))",
            "y ~ w + (0 + kind || gr(lot, dist='student'))",
        ),
    ],
)
def test_correlations_of_effects_that_never_meet_are_named(formula, answer, data):
    """Each lot is of one kind: the spread of each kind is known, a correlation between them is not."""
    (message,) = heard(formula, data)
    assert "cor_lot is known from its prior alone" in message
    assert message.split("Write this:\n    ")[1] == answer
    assert not heard(answer, data)
    assert sl.Model(answer, data).design.groups[0].blocks == ((0,), (1,), (2,))


def test_many_levels_of_one_row_are_looked_at_quickly():
    size = 20_000
    rng = np.random.default_rng(0)
    data = pd.DataFrame({"y": rng.integers(0, 2, size), "x": rng.normal(size=size), "id": np.arange(size)})
    assert len(heard("y ~ x + (x | id)", data, "bernoulli")) == 1


def test_the_line_is_a_formula(data):
    assert all(parse(answer).groups for _, answer in HIDDEN.values())
